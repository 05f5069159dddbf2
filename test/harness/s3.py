"""s3 -- an S3-compatible service of the tests' own: nanio, which checks signatures, behind faults that a test sets.

    with S3(tmp_path / "s3") as s3:
        start_server(env=s3.settings())
        s3.fault = lambda request: 503        # a status, "hang", "cut" or None, for each request

Objects are files, so a test sees what is there without asking.
"""

import asyncio
import contextlib
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote

import uvicorn
from nanio.app import build_app
from nanio.auth.middleware import SigV4Middleware
from nanio.config import Settings

from harness.ports import eventually, free_port

KEY_ID, SECRET = "AKIDTESTS", "s3cr3t/of+the=tests"
HANG_S = 30
ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>as the test says</Message></Error>"
CODES = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown", 501: "NotImplemented"}


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict


class Keys:
    """Who may sign. Those with a token are temporary: it must be sent along."""

    def __init__(self):
        self.known = {KEY_ID: (SECRET, None)}

    def resolve(self, access_key):
        return self.known[access_key][0] if access_key in self.known else None

    def access_keys(self):
        return sorted(self.known)

    def has_token_of(self, request):
        signed = unquote(request.headers.get("authorization", "") + request.query)
        token = request.headers.get("x-amz-security-token") or parse_qs(request.query).get("X-Amz-Security-Token", [None])[0]
        found = re.search(r"Credential=([^/]+)/", signed)
        return not found or found[1] not in self.known or self.known[found[1]][1] == token


class S3:
    def __init__(self, folder, bucket="traces", tls=None, style="path"):
        """`tls`: (certificate, key) files. `style` "host": the bucket stands in the host's name, BUCKET.localhost, which is
        what signatures are over; then nothing is found under the bare host."""
        self.folder = Path(folder)
        self.bucket = bucket
        (self.folder / bucket).mkdir(parents=True)
        self.tls = tls
        self.style = style
        self.port = free_port()
        name = "localhost" if style == "host" else "127.0.0.1"
        self.url = f"{'https' if tls else 'http'}://{name}:{self.port}"
        self.fault = None
        self.requests = []
        self.server = self.thread = None
        self.keys = Keys()
        behind = build_app(Settings(data_dir=self.folder, credentials=self.keys, access_log=False, auth_disabled=True))
        self.app = SigV4Middleware(in_host(behind, bucket) if style == "host" else behind, credentials=self.keys)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        config = uvicorn.Config(self.handle, host="127.0.0.1", port=self.port, log_level="error", lifespan="off", interface="asgi3",
                                ssl_certfile=self.tls and self.tls[0], ssl_keyfile=self.tls and self.tls[1],
                                timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        eventually(lambda: self.server.started, why="the S3 service did not start")
        return self

    def stop(self):
        if self.server:
            self.server.should_exit = self.server.force_exit = True
            self.thread.join(20)
        self.server = None

    async def handle(self, scope, receive, send):
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        request = Request(scope["method"], scope["path"], scope["query_string"].decode(), headers)
        self.requests.append(request)
        fault = self.fault and self.fault(request)
        if fault is None and not self.keys.has_token_of(request):
            await answer(send, 400, ERROR.format("InvalidToken").encode())
        elif fault is None:
            await self.app(scope, receive, send)
        elif fault == "hang":
            await asyncio.sleep(HANG_S)
        elif fault == "cut":
            await self.app(scope, receive, half(send))
        else:
            await answer(send, fault, ERROR.format(CODES[fault]).encode())

    # ---- for servers and tests ---------------------------------------------------------------------

    def settings(self, **more):
        """RUNBELL_BLOBS_… for a server that has its blobs here."""
        settings = {"bucket": self.bucket, "endpoint": self.url, "access_key_id": KEY_ID, "secret_access_key": SECRET,
                    "style": "host" if self.style == "host" else None}
        return {f"RUNBELL_BLOBS_{name.upper()}": str(value) for name, value in (settings | more).items()
                if value is not None}

    def objects(self):
        """Names of the objects, with their sizes."""
        root = self.folder / self.bucket
        found = {}
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for path in (Path(folder) / name for name in names if not name.startswith(".")):
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    found[str(path.relative_to(root))] = path.stat().st_size
        return found

    def count(self, method):
        return sum(request.method == method for request in self.requests)


def in_host(app, bucket):
    """The bucket of the host's name goes into the path, behind the check of the signature."""
    async def handle(scope, receive, send):
        host = next(value.decode() for name, value in scope["headers"] if name == b"host")
        if not host.startswith(f"{bucket}.localhost:"):
            await answer(send, 403, ERROR.format("AccessDenied").encode())
            return
        path = f"/{bucket}{scope['path']}"
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)
    return handle


async def answer(send, status, content):
    await send({"type": "http.response.start", "status": status,
                "headers": [(b"content-type", b"application/xml"), (b"content-length", str(len(content)).encode())]})
    await send({"type": "http.response.body", "body": content})


def half(send):
    """Passes on the head and the first piece of the body; then the connection ends."""
    given = 0

    async def first(message):
        nonlocal given
        if message["type"] == "http.response.body":
            given += 1
            if given > 1:
                raise ConnectionResetError("as the test says")
            message = message | {"more_body": True}
        await send(message)
    return first
