"""hostile -- receivers that misbehave: one table, a listener of its own (so an origin of its own) for each.

    with Hostile(PERSONALITIES) as hostile:
        hostile.url("endless body"), hostile.connections("endless body")

A personality reads the request and then plays its script: bytes are sent, numbers are pauses in seconds, the words
are what RESET, HALF_CLOSE, HOLD and FOREVER say. `result` is the word of the delivery log (delivery/classify.h).
"""

import itertools
import os
import socket
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext, SSLError

RESET, HALF_CLOSE, HOLD = "reset", "half-close", "hold"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = OK + b"Content-Length: 2\r\n\r\nok"
CERTIFICATES = Path(__file__).resolve().parents[2] / "src/http/test_certificates"


@dataclass
class Forever:
    """The same bytes again and again, `pause_s` apart, until the other side has had enough."""

    piece: bytes
    pause_s: float = 0.0


@dataclass
class Personality:
    name: str
    result: str
    script: tuple
    scheme: str = "http"
    reads: bool = True  # the request, before it answers
    tls: bool = False  # a real handshake, with a certificate that nobody trusts


def plain(name, result, *script, **more):
    return Personality(name, result, script, **more)


def cut_at_each_byte():
    """A reset behind each byte of a response: before the first nothing came, behind the head it is an answer."""
    for at in range(len(WHOLE)):
        result = "unreachable" if at == 0 else "server_error" if at < len(WHOLE) - 2 else "delivered"
        yield plain(f"reset at byte {at}", result, WHOLE[:at], 0.05, RESET)


PERSONALITIES = [
    # what is answered is answered, whatever comes with it
    plain("204 with a body", "delivered", b"HTTP/1.1 204 No Content\r\n\r\nbody", HOLD),
    plain("304 with a length", "rejected", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", HOLD),
    plain("extra bytes behind the answer", "delivered", WHOLE + b"surplus", HOLD),
    plain("a second answer behind the first", "delivered", WHOLE + b"HTTP/1.1 500 Error\r\n\r\n", HOLD),
    plain("half-close behind the answer", "delivered", WHOLE, HALF_CLOSE, HOLD),
    plain("gzip bomb", "delivered", OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
          Forever(b"100\r\n" + bytes(256) + b"\r\n")),
    plain("endless body", "delivered", OK + b"\r\n", Forever(b"x" * 65536)),
    plain("endless chunks", "delivered", CHUNKED, Forever(b"10\r\n0123456789abcdef\r\n" * 1000)),
    plain("chunk-extension flood", "delivered", CHUNKED + b"1;", Forever(b"e" * 65536)),
    plain("trailer flood", "delivered", CHUNKED + b"0\r\n", Forever(b"T: t\r\n" * 1000)),
    plain("malformed chunk", "delivered", CHUNKED + b"xyz\r\n", HOLD),
    plain("body that trickles", "delivered", OK + b"Content-Length: 100000\r\n\r\n", Forever(b"b", 0.2)),
    plain("body that never comes", "delivered", OK + b"Content-Length: 100000\r\n\r\n", HOLD),
    plain("close within the body", "delivered", OK + b"Content-Length: 9\r\n\r\nok"),
    plain("redirect", "rejected", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
    plain("redirect without Location", "rejected", b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n"),
    plain("gone", "gone", b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"),
    plain("come later", "busy", b"HTTP/1.1 503 Busy\r\nRetry-After: 9999999\r\nContent-Length: 0\r\n\r\n"),
    plain("an unassigned status", "server_error", b"HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n"),
    # heads that two readers could read in two ways
    plain("length and chunks", "server_error", OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", HOLD),
    plain("chunks and length", "server_error", CHUNKED[:-2] + b"Content-Length: 2\r\n\r\n0\r\n\r\n", HOLD),
    plain("two lengths", "server_error", OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", HOLD),
    plain("negative length", "server_error", OK + b"Content-Length: -2\r\n\r\nok", HOLD),
    plain("length beyond 64 bits", "server_error", OK + b"Content-Length: 99999999999999999999\r\n\r\n", HOLD),
    plain("header without a colon", "server_error", OK + b"nonsense\r\n\r\n", HOLD),
    plain("folded header", "server_error", OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", HOLD),
    plain("carriage returns only", "server_error", WHOLE.replace(b"\n", b""), HOLD),
    plain("line feeds only", "server_error", WHOLE.replace(b"\r", b""), HOLD),
    plain("NUL in a header", "server_error", OK + b"X: a\0b\r\n\r\n", HOLD),
    plain("switch of protocols", "server_error", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nraw", HOLD),
    # not HTTP/1.1
    plain("HTTP/2 in words", "server_error", b"HTTP/2.0 200 OK\r\n\r\n", HOLD),
    plain("HTTP/2 frames", "server_error", b"\0\0\x12\x04\0\0\0\0\0", HOLD),
    plain("HTTP/0.9", "server_error", b"<html>hello</html>"),
    plain("SSH banner before the request", "server_error", b"SSH-2.0-OpenSSH_9.2\r\n", HOLD, reads=False),
    plain("garbage", "server_error", bytes(range(255, 0, -1)), HOLD),
    plain("status of four digits", "server_error", b"HTTP/1.1 2000 OK\r\n\r\n", HOLD),
    plain("TLS alert to plain HTTP", "server_error", b"\x15\x03\x01\x00\x02\x02\x46"),
    # too much
    plain("1xx flood", "server_error", Forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)),
    plain("endless status line", "server_error", b"HTTP/1.1 200 ", Forever(b"OK" * 10000)),
    plain("endless header value", "server_error", OK + b"X: ", Forever(b"v" * 65536)),
    plain("endless headers", "server_error", OK, Forever(b"X: y\r\n" * 1000)),
    plain("endless empty lines", "server_error", Forever(b"\r\n" * 10000)),
    # too slow
    plain("silence", "timeout", HOLD),
    plain("never reads the request", "timeout", HOLD, reads=False),
    plain("silence within the head", "timeout", OK + b"X: ", HOLD),
    plain("head that trickles", "timeout", OK + b"X: ", Forever(b"v", 0.2)),
    plain("interim answers that trickle", "timeout", *[b"HTTP/1.1 102 Processing\r\n\r\n", 1.0] * 6, HOLD),
    # the end instead of an answer
    plain("close at once", "unreachable", reads=False),
    plain("reset at once", "unreachable", RESET, reads=False),
    plain("close behind the request", "unreachable"),
    plain("half-close instead of an answer", "unreachable", HALF_CLOSE, HOLD),
    plain("close behind an interim answer", "server_error", b"HTTP/1.1 100 Continue\r\n\r\n"),
    # TLS
    plain("slow TLS handshake", "timeout", HOLD, scheme="https", reads=False),
    plain("plain HTTP where TLS is spoken", "tls", WHOLE, scheme="https", reads=False),
    plain("garbage instead of a handshake", "tls", os.urandom(64), scheme="https", reads=False),
    plain("reset within the handshake", "tls", 0.1, RESET, scheme="https", reads=False),
    plain("certificate that nobody trusts", "tls", WHOLE, scheme="https", tls=True),
    *cut_at_each_byte(),
]


class Hostile:
    def __init__(self, personalities):
        self.stopping = threading.Event()
        self.listeners = {}
        self.counts = dict.fromkeys((one.name for one in personalities), 0)
        for one in personalities:
            listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            self.listeners[one.name] = (one, listener)

    def __enter__(self):
        for one, listener in self.listeners.values():
            threading.Thread(target=self._accept, args=(one, listener), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for _, listener in self.listeners.values():
            listener.close()

    def url(self, name):
        one, listener = self.listeners[name]
        return f"{one.scheme}://127.0.0.1:{listener.getsockname()[1]}/hook"

    def connections(self, name):
        return self.counts[name]

    def _accept(self, one, listener):
        while not self.stopping.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            self.counts[one.name] += 1
            threading.Thread(target=self._serve, args=(one, peer), daemon=True).start()

    def _serve(self, one, peer):
        with peer:
            try:
                if one.tls:
                    context = SSLContext(PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(CERTIFICATES / "self.pem", CERTIFICATES / "self.key")
                    peer = context.wrap_socket(peer, server_side=True)
                if one.reads:
                    read_request(peer)
                for step in one.script:
                    self._play(peer, step)
            except (OSError, SSLError):
                pass  # the other side has had enough

    def _play(self, peer, step):
        if isinstance(step, bytes):
            peer.sendall(step)
        elif isinstance(step, float):
            self.stopping.wait(step)
        elif isinstance(step, Forever):
            for _ in itertools.takewhile(lambda _: not self.stopping.is_set(), itertools.count()):
                peer.sendall(step.piece)
                self.stopping.wait(step.pause_s)
        elif step == RESET:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
        elif step == HALF_CLOSE:
            peer.shutdown(socket.SHUT_WR)
        else:
            self.stopping.wait()


def read_request(peer):
    """Head and body of a webhook: it always has a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = peer.recv(65536)
        if not more:
            return
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += peer.recv(65536)
