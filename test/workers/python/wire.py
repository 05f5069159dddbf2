"""Frames of LGW/1 as the protocol's document says, written apart from the worker's codec."""

import json
import socket
import struct
from typing import Any


def pack(header: dict[str, Any], *blobs: bytes) -> bytes:
    if blobs:
        header = {**header, "blobs": [len(blob) for blob in blobs]}
    text = json.dumps(header).encode()
    body = struct.pack("<I", len(text)) + text + b"".join(blobs)
    return struct.pack("<I", len(body)) + body


def receive(sock: socket.socket) -> tuple[dict[str, Any], list[bytes]] | None:
    """One frame, or None at the end of the connection."""
    prefix = _exactly(sock, 4)
    if prefix is None:
        return None
    (size,) = struct.unpack("<I", prefix)
    assert 4 <= size <= 64 * 1024 * 1024
    body = _exactly(sock, size)
    (header_size,) = struct.unpack_from("<I", body)
    text = body[4 : 4 + header_size]
    assert b"\n" not in text
    header = json.loads(text)
    at, blobs = 4 + header_size, []
    for length in header.get("blobs", []):
        blobs.append(body[at : at + length])
        at += length
    assert at == len(body)
    return header, blobs


def _exactly(sock: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = sock.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
