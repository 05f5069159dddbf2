"""hostile -- receivers that misbehave: a listener of its own (so an origin of its own) for each. The table of them is
harness/bad_receivers.py.

    with Hostile(PERSONALITIES) as hostile:
        hostile.url("endless body"), hostile.connections("endless body")

A personality reads the request and then plays its script: bytes are sent, numbers are pauses in seconds, the words
are what RESET, HALF_CLOSE and HOLD say, the classes what theirs say. `result` is the word of the delivery log
(delivery/classify.h).
"""

import ctypes
import itertools
import os
import socket
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from ssl import CERT_REQUIRED, PROTOCOL_TLS_SERVER, SSLContext, SSLError, TLSVersion

RESET, HALF_CLOSE, HOLD = "reset", "half-close", "hold"
CERTIFICATES = Path(__file__).resolve().parents[2] / "src/http/test_certificates"


@dataclass
class Forever:
    """The same bytes again and again, `pause_s` apart, until the other side has had enough."""

    piece: bytes
    pause_s: float = 0.0


@dataclass
class Raw:
    """Bytes below TLS."""

    bytes: bytes


@dataclass
class Urgent:
    """One byte out of band."""

    byte: bytes


@dataclass
class TlsFlood:
    """A handshake, the request, what is answered, and then messages of TLS itself without end. They are OpenSSL's own,
    called past Python, which cannot send them. The personality does not read, and has no `tls`."""

    function: str  # of OpenSSL, which makes one
    arguments: tuple = ()
    answer: bytes = b""


@dataclass
class Tls:
    """A real handshake, with a pair of src/http/test_certificates."""

    pair: str
    version: TLSVersion = TLSVersion.MAXIMUM_SUPPORTED  # the newest it speaks
    wants_client: bool = False  # a certificate that no client here has


@dataclass
class Personality:
    name: str
    result: str
    script: tuple
    scheme: str = "http"
    reads: bool = True  # the request, before it answers
    tls: Tls | None = None
    accepts: bool = True  # connections; else its queue of them is full


class Hostile:
    def __init__(self, personalities):
        self.stopping = threading.Event()
        self.listeners, self.queued = {}, []
        self.counts = dict.fromkeys((one.name for one in personalities), 0)
        for one in personalities:
            listener = socket.create_server(("127.0.0.1", 0), backlog=64 if one.accepts else 0)
            self.listeners[one.name] = (one, listener)
            if not one.accepts:
                self.queued += [fill_queue(listener) for _ in range(4)]

    def __enter__(self):
        for one, listener in (pair for pair in self.listeners.values() if pair[0].accepts):
            threading.Thread(target=self._accept, args=(one, listener), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for peer in self.queued:
            peer.close()
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
                    peer = context_of(one.tls).wrap_socket(peer, server_side=True)
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
        elif isinstance(step, Raw):
            os.write(peer.fileno(), step.bytes)
        elif isinstance(step, Urgent):
            peer.send(step.byte, socket.MSG_OOB)
        elif isinstance(step, TlsFlood):
            flood(peer, step, self.stopping)
        elif step == RESET:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
        elif step == HALF_CLOSE:
            peer.shutdown(socket.SHUT_WR)
        else:
            self.stopping.wait()


def context_of(tls):
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{tls.pair}.pem", CERTIFICATES / f"{tls.pair}.key")
    if tls.version != TLSVersion.MAXIMUM_SUPPORTED:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = tls.version
    if tls.wants_client:
        context.verify_mode = CERT_REQUIRED
        context.load_verify_locations(CERTIFICATES / "ca.pem")
    return context


def flood(peer, step, stopping):
    library = ctypes.CDLL("libssl.so.3")
    for name in ("TLS_server_method", "SSL_CTX_new", "SSL_new"):
        getattr(library, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.SSL_CTX_new(ctypes.c_void_p(library.TLS_server_method())))
    library.SSL_CTX_use_certificate_chain_file(context, os.fsencode(CERTIFICATES / "good.pem"))
    library.SSL_CTX_use_PrivateKey_file(context, os.fsencode(CERTIFICATES / "good.key"), 1)
    ssl = ctypes.c_void_p(library.SSL_new(context))
    library.SSL_set_fd(ssl, peer.fileno())
    request = ctypes.create_string_buffer(65536)
    goes_on = library.SSL_accept(ssl) == 1 and library.SSL_read(ssl, request, len(request)) > 0
    if goes_on and step.answer:
        library.SSL_write(ssl, step.answer, len(step.answer))
    while goes_on and not stopping.is_set():
        goes_on = getattr(library, step.function)(ssl, *step.arguments) == 1 and library.SSL_do_handshake(ssl) == 1
    library.SSL_free(ssl)
    library.SSL_CTX_free(context)


def fill_queue(listener):
    """A connection that nobody accepts, made without waiting for it."""
    peer = socket.socket()
    peer.setblocking(False)
    peer.connect_ex(listener.getsockname())
    return peer


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
