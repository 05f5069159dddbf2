"""receiver -- an HTTP server that records every webhook, and behaves as badly as it is told.

    with Receiver() as receiver:
        hook = receiver.hook("/mine", Answer(status=500), Answer())   # first 500, then 200 for ever
        … create a run with webhook=hook.url …
        request = hook.wait_for(1)[0]

Every request is kept with its headers, raw body and times, whatever is answered.
"""

import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from harness.ports import eventually, free_port

GARBAGE = b"\x00\xff\x16\x03\x01 this is not HTTP \r\n\r\n" * 8


@dataclass
class Answer:
    """What a hook does with one request: `how` is reply, hang, reset, garbage, close or drip."""

    status: int = 200
    how: str = "reply"
    delay_s: float = 0.0
    headers: dict = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: list  # (name, value) in the order in which they came
    body: bytes
    at: float  # time.monotonic() when the body had come
    peer: tuple

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def webhook_id(self):
        return self.header("webhook-id")


class Hook:
    """One path of a receiver: its requests, and its answers in turn (the last one for ever)."""

    def __init__(self, receiver, path, answers):
        self.receiver = receiver
        self.path = path
        self.answers = list(answers) or [Answer()]
        self.requests = []

    @property
    def url(self):
        return self.receiver.url + self.path

    def take(self, request):
        with self.receiver.lock:
            nth = len(self.requests)
            self.requests.append(request)
            return self.answers[min(nth, len(self.answers) - 1)]

    def answer(self, *answers):
        """Answers so from now on."""
        with self.receiver.lock:
            self.answers = [*self.answers[:1] * len(self.requests), *answers]

    def of_run(self, run_id):
        return [request for request in list(self.requests) if run_id.encode() in request.body]

    def wait_for(self, count=1, timeout=30.0):
        """The first `count` requests, waiting until they are there."""
        eventually(lambda: len(self.requests) >= count, timeout,
                   why=lambda: f"{len(self.requests)} of {count} webhooks came to {self.path} in {timeout} s")
        return self.requests[:count]

    def wait_for_run(self, run_id, timeout=30.0):
        return eventually(lambda: self.of_run(run_id), timeout, why=f"no webhook of run {run_id} in {timeout} s")[0]

    def one(self, timeout=30.0, quiet_s=0.3):
        """The one request that comes; a second one within quiet_s fails."""
        self.wait_for(1, timeout)
        time.sleep(quiet_s)
        assert len(self.requests) == 1, f"{len(self.requests)} webhooks came, wanted one"
        return self.requests[0]

    def none(self, quiet_s=0.7):
        time.sleep(quiet_s)
        assert not self.requests, f"{len(self.requests)} webhooks came, wanted none"


class Receiver:
    def __init__(self, port=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.lock = threading.Lock()
        self.hooks = {}
        self.at_once = self.most_at_once = 0  # requests that were being answered
        self.stopped = threading.Event()
        self.http = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Listens; also again after stop(), on the same port."""
        self.stopped.clear()
        receiver = self

        class Handler(_Handler):
            pass

        Handler.receiver = receiver
        self.http = _Http(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        """Refuses connections from now on and drops those that hang."""
        self.stopped.set()
        if self.http is not None:
            self.http.shutdown()
            self.http.server_close()
            self.http.drop_connections()
            self.http = None

    def count(self, more):
        with self.lock:
            self.at_once += more
            self.most_at_once = max(self.most_at_once, self.at_once)

    def hook(self, path, *answers):
        with self.lock:
            self.hooks[path] = Hook(self, path, answers)
            return self.hooks[path]

    def forget(self, hook):
        """What comes there from now on is answered with 404."""
        with self.lock:
            self.hooks.pop(hook.path, None)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, *args):
        self.open = set()
        super().__init__(*args)

    def process_request(self, request, client_address):
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self):
        for request in list(self.open):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        """A peer that goes away is nothing to talk about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    receiver = None

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        request = Request(self.command, parts.path, parts.query, list(self.headers.items()), body,
                          time.monotonic(), self.client_address)
        hook = self.receiver.hooks.get(parts.path)
        if hook is None:
            self.respond(Answer(status=404, body=b"no such hook"))
            return
        answer = hook.take(request)
        self.receiver.count(1)
        try:
            if answer.delay_s:
                self.receiver.stopped.wait(answer.delay_s)
        finally:
            self.receiver.count(-1)
        getattr(self, f"how_{answer.how}")(answer)

    do_GET = do_POST = do_PUT = serve

    def how_reply(self, answer):
        self.respond(answer)

    def how_hang(self, _answer):
        self.receiver.stopped.wait()
        self.close_connection = True

    def how_close(self, _answer):
        self.close_connection = True

    def how_reset(self, _answer):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def how_garbage(self, _answer):
        self.wfile.write(GARBAGE)
        self.close_connection = True

    def how_drip(self, _answer):
        """A head that never ends, one byte a second."""
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 100_000:
            self.wfile.write(bytes([byte]))
            if self.receiver.stopped.wait(1.0):
                return

    def respond(self, answer):
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_):
        """Requests are kept, not printed."""
