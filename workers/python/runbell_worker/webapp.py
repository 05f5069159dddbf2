"""The user's own HTTP app (`http.app`): an ASGI app that this process calls for the server.

The body of a request comes piece by piece, not faster than the app takes it, and the answer goes back
as it is made, not faster than the server takes it. What the app has no route for goes through its middleware all the same: behind that stands the
server itself, which is called once more, with a token that says that the app has seen the request.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from . import websockets
from .frames import Frame
from .link import Link
from .loading import LoadError, load_export

CREDIT_BYTES = 256 * 1024  # of an answer, before the server says that it has taken them
CHUNK_BYTES = 1024 * 1024
SEEN_HEADER = b"x-runbell-app"
HOP_BY_HOP = {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
NOT_PASSED_ON = {*HOP_BY_HOP, b"content-length"}  # middleware may change the body
NOT_SENT = {*NOT_PASSED_ON, b"expect", SEEN_HEADER}

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger("runbell.app")


class WebApp:
    """What `http.app` of langgraph.json names; loaded anew when its files change (`serve --dev`),
    its lifespan goes on as it was."""

    def __init__(self, init: dict[str, Any], link: Link, project_dir: str) -> None:
        http = init["config"]["http"]
        self._spec: str = http["app"]
        self._prefix: str = http.get("mount_prefix") or ""
        self._project_dir = project_dir
        self._link = link
        self._builtin = _Builtin((init.get("server") or {}).get("url"), init.get("app_token"))
        self._app: Any = None
        self._lifespan = _Lifespan()
        self._open: dict[int, tuple[asyncio.Task[None], _Body, _Answer]] = {}
        self._sockets: dict[int, tuple[asyncio.Task[None], websockets.Socket]] = {}

    @property
    def path(self) -> str:
        return self._spec

    def load(self) -> None:
        """Raises LoadError; then what was loaded before stays."""
        found = load_export(self._spec, self._project_dir)
        if not callable(found):
            kind = type(found).__name__
            raise LoadError(f"'{self._spec}' is a {kind}; an ASGI app was expected")
        router = getattr(found, "router", None)
        if hasattr(router, "default"):  # Starlette, FastAPI: what no route matches
            router.default = self._builtin
            self._app = found
        else:
            self._app = _fall_through(found, self._builtin)

    async def start(self) -> None:
        """Before the first request. Raises LoadError."""
        if self._app is None:
            return
        try:
            await self._lifespan.start(self._app, self._spec)
        except LoadError:
            self._app = None
            raise

    async def stop(self) -> None:
        await self._lifespan.stop()

    # ---- messages of the server, on the loop ----

    def receive(self, frame: Frame) -> None:
        number = frame.header["request"]
        if frame.header.get("socket"):
            self._open_socket(frame.header)
        elif number in self._sockets:
            _to_socket(*self._sockets[number], frame)
        elif frame.header["t"] == "http.request":
            answer = _Answer(self._link, number)
            body = _Body(self._link, number, frame.header.get("body", False))
            task = asyncio.get_running_loop().create_task(self._serve(self._scope(frame.header), body, answer))
            self._open[number] = (task, body, answer)
            task.add_done_callback(lambda _: self._open.pop(number, None))
        elif number in self._open:
            task, body, answer = self._open[number]
            if frame.header["t"] == "http.gone":
                answer.gone.set()
                body.leave()
                task.get_loop().call_later(GONE_S, task.cancel)
            elif frame.header["t"] == "http.body":
                body.add(frame.blobs[0] if frame.blobs else b"", frame.header.get("last", False))
            else:
                answer.credit(frame.header["bytes"])

    def _open_socket(self, header: dict[str, Any]) -> None:
        number = header["request"]
        socket = websockets.Socket(self._link, number)
        scope = websockets.scope_of(self._scope(header))
        task = asyncio.get_running_loop().create_task(self._serve(scope, socket, socket))
        self._sockets[number] = (task, socket)
        task.add_done_callback(lambda _: self._sockets.pop(number, None))

    async def _serve(self, scope: Message, source: Any, answer: Any) -> None:
        error = None
        try:
            if self._app is None:
                raise RuntimeError(f"'{self._spec}' could not be loaded")
            await self._app(scope, source.receive, answer.send)
        except asyncio.CancelledError:
            error = "cancelled"
        except Exception as raised:
            if not answer.gone.is_set():
                reason = f"{type(raised).__name__}: {raised}"
                log.error("the app failed: %s", reason, exc_info=raised)
            error = f"{type(raised).__name__}; the server's log says more"
        answer.end(error)

    def _scope(self, header: dict[str, Any]) -> dict[str, Any]:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": self._builtin.scheme,
            "method": header["method"],
            "path": unquote(header["path"]),
            "raw_path": header["path"].encode(),
            "root_path": self._prefix,
            "query_string": header["query"].encode(),
            "headers": [
                (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
                for name, value in header["headers"]
            ],
            "client": _address(header["peer"]),
            "server": self._builtin.address,
            "state": dict(self._lifespan.state),
        }
        if "user" in header:
            from .users import User

            scope["user"] = User(header["user"])
        return scope


GONE_S = 5.0  # an app that was told that the client has left may still clean up


def _to_socket(task: "asyncio.Task[None]", socket: websockets.Socket, frame: Frame) -> None:
    kind = frame.header["t"]
    if kind == "http.message":
        socket.add(frame.blobs[0] if frame.blobs else b"", frame.header.get("text", False))
    elif kind == "http.close":
        socket.close(frame.header["code"])
    elif kind == "http.credit":
        socket.credit(frame.header["bytes"])
    elif kind == "http.gone":
        socket.leave()
        task.get_loop().call_later(GONE_S, task.cancel)


def _address(text: str) -> tuple[str, int] | None:
    host, _, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if port.isdigit() else None


class _Body:
    """The body of one request; the server sends more of it when the app has taken what came."""

    def __init__(self, link: Link, number: int, has_more: bool) -> None:
        self._link = link
        self._number = number
        self._pieces: deque[bytes] = deque()
        self._has_more = has_more
        self._is_given = self._is_gone = False
        self._changed = asyncio.Event()

    def add(self, piece: bytes, is_last: bool) -> None:
        if piece:
            self._pieces.append(piece)
        self._has_more = not is_last
        self._changed.set()

    def leave(self) -> None:
        self._is_gone = True
        self._changed.set()

    async def receive(self) -> Message:
        while not self._is_gone:
            if self._pieces or not (self._has_more or self._is_given):
                return self._take()
            self._changed.clear()
            await self._changed.wait()
        return {"type": "http.disconnect"}

    def _take(self) -> Message:
        piece = self._pieces.popleft() if self._pieces else b""
        if piece:
            self._link.send(
                {"t": "http.taken", "request": self._number, "bytes": len(piece)}, ()
            )
        self._is_given = not (self._pieces or self._has_more)
        return {"type": "http.request", "body": piece, "more_body": not self._is_given}


class _Answer:
    """One answer on its way: head, pieces, end."""

    def __init__(self, link: Link, number: int) -> None:
        self._link = link
        self._number = number
        self._unpaid = 0
        self._room = asyncio.Event()
        self._room.set()
        self._ended = False
        self.gone = asyncio.Event()

    def credit(self, count: int) -> None:
        self._unpaid -= count
        if self._unpaid <= CREDIT_BYTES:
            self._room.set()

    async def send(self, message: Message) -> None:
        if self.gone.is_set():
            raise OSError("the client has left")
        if message["type"] == "http.response.start":
            headers = [
                [bytes(name).decode("latin-1"), bytes(value).decode("latin-1")]
                for name, value in message.get("headers", ())
            ]
            self._tell("head", status=message["status"], headers=headers)
        elif message["type"] == "http.response.body":
            await self._body(bytes(message.get("body", b"")))
            if not message.get("more_body"):
                self.end(None)

    async def _body(self, body: bytes) -> None:
        for at in range(0, len(body), CHUNK_BYTES):
            piece = body[at : at + CHUNK_BYTES]
            await self._room.wait()
            self._unpaid += len(piece)
            if self._unpaid > CREDIT_BYTES:
                self._room.clear()
            self._tell("chunk", piece)

    def end(self, error: str | None) -> None:
        """Once; what comes later has no meaning."""
        if not self._ended:
            self._tell("end", **({"error": error} if error else {}))
        self._ended = True

    def _tell(self, what: str, *blobs: bytes, **fields: Any) -> None:
        if not self._ended:
            self._link.send({"t": f"http.{what}", "request": self._number, **fields}, blobs)


def _fall_through(app: Any, builtin: "_Builtin") -> Any:
    """An ASGI app of an unknown kind: its 404 means that it has no such route."""

    async def either(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        body = _Replayed(receive)
        is_missing = False

        async def watched(message: Message) -> None:
            nonlocal is_missing
            if message["type"] == "http.response.start" and message["status"] == 404:
                is_missing = body.is_whole
            if not is_missing:
                await send(message)

        await app(scope, body.receive, watched)
        if is_missing:
            body.rewind()
            await builtin(scope, body.receive, send)

    return either


REPLAYED_BYTES_MAX = 1024 * 1024


class _Replayed:
    """What an app has read of a body, for who comes after it. An app that has read more than is kept
    had a use for it: its 404 is its own."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: list[Message] = []
        self._again: deque[Message] = deque()
        self._bytes = 0

    @property
    def is_whole(self) -> bool:
        return self._bytes <= REPLAYED_BYTES_MAX

    def rewind(self) -> None:
        self._again.extend(self._kept)
        self._bytes = REPLAYED_BYTES_MAX + 1  # nothing more is kept

    async def receive(self) -> Message:
        if self._again:
            return self._again.popleft()
        message = await self._receive()
        if message["type"] == "http.request" and self.is_whole:
            self._bytes += len(message.get("body", b""))
            self._kept.append(message)
            if not self.is_whole:
                self._kept.clear()
        return message


class _Builtin:
    """The server's own routes, as an ASGI app: the request goes back to it."""

    def __init__(self, url: str | None, token: str | None) -> None:
        parts = urlsplit(url or "")
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._token = (token or "").encode()
        self._transport: Any = None
        self.scheme = parts.scheme or "http"
        self.address = (parts.hostname, parts.port) if parts.hostname else None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # of no route of the app, and of none of the server
            await send({"type": "websocket.close"})
        if scope["type"] != "http":
            return
        import httpx

        if self._transport is None:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
            # Our own certificate, on our own address, may have been made for a public name.
            self._transport = httpx.AsyncHTTPTransport(verify=False, limits=limits)
        first = await receive()
        if first["type"] == "http.disconnect":
            return
        target = scope.get("raw_path") or scope["path"].encode()
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if name not in NOT_SENT
        ]
        headers.append((SEEN_HEADER, self._token))
        request = httpx.Request(
            scope["method"],
            httpx.URL(self._origin).copy_with(raw_path=target),
            headers=headers,
            content=_pieces(first, receive) if first.get("more_body") else first.get("body", b""),
        )
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.TransportError as error:  # such as a body that it refused before it was whole
            await _fail(send, f"the built-in route broke off: {type(error).__name__}")
            return
        leaving = asyncio.ensure_future(_until_gone(receive))
        try:
            await self._pass_on(response, send, leaving)
        finally:
            leaving.cancel()
            await response.aclose()

    async def _pass_on(self, response: Any, send: Send, leaving: Any) -> None:
        headers = [pair for pair in response.headers.raw if pair[0].lower() not in NOT_PASSED_ON]
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": [(name.lower(), value) for name, value in headers],
            }
        )
        pieces = response.stream.__aiter__()
        while True:
            piece = asyncio.ensure_future(pieces.__anext__())
            done, _ = await asyncio.wait({piece, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if piece not in done:
                piece.cancel()
                return
            try:
                data = piece.result()
            except StopAsyncIteration:
                break
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _fail(send: Send, detail: str) -> None:
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 502, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _pieces(message: Message, receive: Receive) -> AsyncIterator[bytes]:
    while True:
        if message["type"] == "http.disconnect":
            raise OSError("the client has left")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return
        message = await receive()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Lifespan:
    """The app's own start and stop; many apps have none."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self._told: asyncio.Queue[Message] = asyncio.Queue()

    async def start(self, app: Any, spec: str) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        given = False

        async def receive() -> Message:
            nonlocal given
            if not given:
                given = True
                return {"type": "lifespan.startup"}
            await self._leave.wait()
            return {"type": "lifespan.shutdown"}

        async def run() -> None:
            try:
                await app(scope, receive, self._told.put)
            except Exception as error:  # an app that knows no lifespan
                log.info("the app has no lifespan", exc_info=error)
            await self._told.put({"type": "ended"})

        self._task = asyncio.get_running_loop().create_task(run())
        told = await self._told.get()
        if told["type"] == "lifespan.startup.failed":
            reason = (told.get("message") or "no reason given").strip().splitlines()[-1]
            raise LoadError(f"'{spec}' could not start: {reason}")

    async def stop(self) -> None:
        self._leave.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=GONE_S)
