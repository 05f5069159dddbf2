"""s3 -- an S3-compatible service of the tests' own: nanio, which checks signatures, behind faults that a test sets.

    with S3(tmp_path / "s3") as s3:
        start_server(env=s3.settings())
        s3.fault = lambda request: 503        # a status, "hang", "cut" or None, for each request

Objects are files, so a test sees what is there without asking.
"""

import asyncio
import contextlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from nanio.app import build_app
from nanio.auth.credentials import StaticCredentialResolver
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


class S3:
    def __init__(self, folder, bucket="traces", tls=None):
        """`tls`: (certificate, key) files."""
        self.folder = Path(folder)
        self.bucket = bucket
        (self.folder / bucket).mkdir(parents=True)
        self.tls = tls
        self.port = free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.fault = None
        self.requests = []
        self.server = self.thread = None
        self.app = build_app(Settings(data_dir=self.folder, credentials=StaticCredentialResolver({KEY_ID: SECRET}),
                                      access_log=False))

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
        if fault is None:
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
        settings = {"bucket": self.bucket, "endpoint": self.url, "access_key_id": KEY_ID, "secret_access_key": SECRET}
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
