"""A client of a WebSocket that asks and asks and takes no answer costs the server little, and ends."""

import base64
import os
import socket
import time
import uuid

import pytest

from harness.api import Api
from test_hostile_receivers import SMALL_QUARANTINE

FLOOD_BYTES = 96 * 2**20
GROWTH_BYTES_MAX = 40 * 2**20
FLOOD_S = 20


def frame(opcode, payload):
    """As a client sends it: masked, with a mask of zeros."""
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + bytes(4) + payload


def connect(server):
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    peer.connect(("127.0.0.1", server.port))
    peer.sendall(f"GET /threads/{uuid.uuid4()}/stream/events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                 f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n".encode())
    assert peer.recv(4096).startswith(b"HTTP/1.1 101")
    return peer


def flood(peer, piece):
    """Sends until nothing is taken any more for a second; how much was."""
    sent, until = 0, time.monotonic() + FLOOD_S
    peer.settimeout(1)
    while sent < FLOOD_BYTES and time.monotonic() < until:
        try:
            sent += peer.send(piece)
        except (TimeoutError, ConnectionError):
            break
    return sent


@pytest.mark.parametrize("piece", [frame(9, bytes(125)), frame(1, b"x")], ids=["pings", "messages"])
def test_who_asks_and_takes_no_answer_costs_little(start_server, piece):
    server = start_server(env=SMALL_QUARANTINE)
    with Api(server.url) as api, connect(server) as peer:
        before = server.rss_bytes()
        sent = flood(peer, piece * (65536 // len(piece)))
        growth = server.rss_bytes() - before
        assert sent < FLOOD_BYTES and growth < GROWTH_BYTES_MAX, f"{sent >> 20} MB taken, {growth >> 20} MB more"
        assert api.get("/ok").status_code == 200
        # It is read again when it has taken what waits for it.
        peer.settimeout(10)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        taken = 0
        while taken < 2**19:
            taken += len(peer.recv(65536))
    server.stop()
