"""A WebSocket of the user's own app: what ASGI calls the scope `websocket`.

The server has checked the handshake and speaks the protocol with the client; here are only whole
messages. Neither side is given more than it takes.
"""

import asyncio
from collections import deque
from typing import Any

from .link import Link

CREDIT_BYTES = 256 * 1024  # sent, before the server says that it has taken them
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
CLOSED = 1000
ABNORMAL = 1006
REFUSED = 403

Message = dict[str, Any]


def scope_of(scope: Message) -> Message:
    """That of a request for a WebSocket, from that of the request."""
    asked = dict(scope["headers"]).get(b"sec-websocket-protocol", b"").decode("latin-1")
    made = {key: value for key, value in scope.items() if key != "method"}
    made["type"] = "websocket"
    made["scheme"] = "wss" if scope["scheme"] == "https" else "ws"
    made["subprotocols"] = [name.strip() for name in asked.split(",") if name.strip()]
    made["extensions"] = {"websocket.http.response": {}}
    return made


class Socket:
    """connecting -> accepted -> closed; or connecting -> refused, with an answer over HTTP."""

    def __init__(self, link: Link, number: int) -> None:
        self._link = link
        self._number = number
        self._came: deque[Message] = deque([{"type": "websocket.connect"}])
        self._changed = asyncio.Event()
        self._unpaid = 0
        self._room = asyncio.Event()
        self._room.set()
        self._accepted = self._ended = self._refusing = False
        self.gone = asyncio.Event()

    # ---- messages of the server ----

    def add(self, message: bytes, is_text: bool) -> None:
        value = {"text": message.decode()} if is_text else {"bytes": message}
        self._push({"type": "websocket.receive", **value}, len(message))

    def close(self, code: int) -> None:
        self._push({"type": "websocket.disconnect", "code": code, "reason": ""}, 0)
        self._leave()

    def leave(self) -> None:
        """Nobody is there any more; `close` may have said so already."""
        if not self.gone.is_set():
            self.close(ABNORMAL)

    def credit(self, count: int) -> None:
        self._unpaid -= count
        if self._unpaid <= CREDIT_BYTES:
            self._room.set()

    def _leave(self) -> None:
        self.gone.set()
        self._room.set()

    def _push(self, message: Message, size: int) -> None:
        self._came.append({**message, "size": size})
        self._changed.set()

    # ---- the app's ----

    async def receive(self) -> Message:
        while not self._came:
            self._changed.clear()
            await self._changed.wait()
        message = self._came.popleft()
        if size := message.pop("size", 0):
            self._tell("taken", bytes=size)
        return message

    async def send(self, message: Message) -> None:
        if self.gone.is_set():
            raise OSError("the client has left")
        kind = message["type"]
        if kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.send":
            await self._send(message)
        elif kind == "websocket.close":
            self._close(message.get("code", CLOSED), message.get("reason") or "")
        elif kind == "websocket.http.response.start":
            self._refusing = True
            self._tell("head", status=message["status"], headers=_pairs(message))
        elif kind == "websocket.http.response.body":
            await self._answer(bytes(message.get("body", b"")), message.get("more_body", False))

    def end(self, error: str | None) -> None:
        """The app has returned, or raised."""
        if self._ended:
            return
        if not self._accepted and not self._refusing and error is None:
            self._refuse()
            return
        self._finish(**({"error": error} if error else {}))

    def _accept(self, message: Message) -> None:
        headers = _pairs(message)
        if message.get("subprotocol"):
            headers.append(["sec-websocket-protocol", message["subprotocol"]])
        self._accepted = True
        self._tell("head", status=101, headers=headers)

    async def _send(self, message: Message) -> None:
        if not self._accepted:
            raise RuntimeError("websocket.send before websocket.accept")
        text = message.get("text")
        data = text.encode() if text is not None else bytes(message["bytes"])
        if len(data) > MESSAGE_BYTES_MAX:
            raise ValueError(f"a message of {len(data)} bytes; {MESSAGE_BYTES_MAX} may be sent")
        await self._has_room(len(data))
        self._tell("message", data, text=text is not None)

    def _close(self, code: int, reason: str) -> None:
        if not self._accepted:
            self._refuse()
        elif not self._ended:
            self._tell("close", code=code, reason=reason)
            self._ended = True

    def _refuse(self) -> None:
        self._tell("head", status=REFUSED, headers=[["content-length", "0"]])
        self._finish()

    async def _answer(self, body: bytes, has_more: bool) -> None:
        if body:
            await self._has_room(len(body))
            self._tell("chunk", body)
        if not has_more:
            self._finish()

    async def _has_room(self, size: int) -> None:
        await self._room.wait()
        if self.gone.is_set():
            raise OSError("the client has left")
        self._unpaid += size
        if self._unpaid > CREDIT_BYTES:
            self._room.clear()

    def _finish(self, **fields: Any) -> None:
        self._tell("end", **fields)
        self._ended = True

    def _tell(self, what: str, *blobs: bytes, **fields: Any) -> None:
        if not self._ended:
            self._link.send({"t": f"http.{what}", "request": self._number, **fields}, blobs)


def _pairs(message: Message) -> list[list[str]]:
    return [
        [bytes(name).decode("latin-1"), bytes(value).decode("latin-1")]
        for name, value in message.get("headers", ())
    ]
