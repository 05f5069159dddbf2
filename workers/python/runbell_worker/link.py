"""The connection to the server: one socket, two threads, requests in both directions.

The reader thread never runs graph code. It answers `ping` itself and completes
open requests, so both work while a graph keeps the interpreter's loop busy and
even when synchronous code waits for an answer on the loop's own thread.
Everything else goes to `on_message`.

Sending is tried at once by whoever sends. Only what the socket does not take
is left to the writer thread; until that has drained, later frames queue up
behind it. So nobody ever waits for a slow server but the writer thread.
"""

import asyncio
import concurrent.futures
import itertools
import queue
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from . import frames, render
from .frames import Frame

RECEIVE_BYTES = 256 * 1024


class RemoteError(Exception):
    """The server answered a request with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message") or "the server refused the request")
        self.code = error.get("code", "failed")
        self.type = error.get("type", "RemoteError")


def type_of(error: BaseException) -> str:
    """The exception's class; for what the server refused, the class it named."""
    return error.type if isinstance(error, RemoteError) else type(error).__name__


class Link:
    """`on_message` is called on the reader thread; `on_end` too, once, with None at the
    end of file or the exception that ended the connection."""

    def __init__(
        self,
        sock: socket.socket,
        on_message: Callable[[Frame], None],
        on_end: Callable[[Exception | None], None],
    ) -> None:
        self._sock = sock
        self._on_message = on_message
        self._on_end = on_end
        self._ids = itertools.count(1)
        self._open: dict[int, Callable[[Frame], None]] = {}
        self._unsent: deque[memoryview] = deque()
        self._draining = False
        self._writable = threading.Condition()
        self._handing = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._read, name="lgw-reader", daemon=True).start()
        threading.Thread(target=self._drain, name="lgw-writer", daemon=True).start()

    def hand_over(
        self, on_message: Callable[[Frame], None], waiting: "queue.SimpleQueue[Frame]"
    ) -> None:
        """From now on messages go to `on_message`; those that wait already go first."""
        with self._handing:
            while not waiting.empty():
                on_message(waiting.get())
            self._on_message = on_message

    def flush(self, timeout_s: float = 5.0) -> None:
        """Waits until the socket has taken everything that was sent."""
        with self._writable:
            self._writable.wait_for(lambda: not self._draining, timeout_s)

    def send(self, header: dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
        if blobs:
            header = {**header, "blobs": [len(blob) for blob in blobs]}
        self._write(frames.encode(render.dumps(header), blobs))

    def reply(self, request: Frame, blobs: Sequence[bytes] = (), **fields: Any) -> None:
        if "id" in request.header:
            self.send({"t": "reply", "re": request.header["id"], "ok": True, **fields}, blobs)

    def refuse(self, request: Frame, code: str, error_type: str, message: str) -> None:
        if "id" in request.header:
            error = {"code": code, "type": error_type, "message": message}
            self.send({"t": "reply", "re": request.header["id"], "ok": False, "error": error})

    async def ask(self, header: dict[str, Any], blobs: Sequence[bytes] = ()) -> Frame:
        """Sends a request and awaits its answer."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Frame] = loop.create_future()

        def settle(frame: Frame) -> None:
            if not answer.done():
                answer.set_result(frame)

        self._request(header, blobs, lambda frame: loop.call_soon_threadsafe(settle, frame))
        return _checked(await answer)

    def ask_blocking(self, header: dict[str, Any], blobs: Sequence[bytes] = ()) -> Frame:
        """The same for synchronous code on any thread but the reader's."""
        answer: concurrent.futures.Future[Frame] = concurrent.futures.Future()
        self._request(header, blobs, answer.set_result)
        return _checked(answer.result())

    def _request(
        self, header: dict[str, Any], blobs: Sequence[bytes], settle: Callable[[Frame], None]
    ) -> None:
        request_id = next(self._ids)
        self._open[request_id] = settle
        try:
            self.send({**header, "id": request_id}, blobs)
        except BaseException:
            del self._open[request_id]
            raise

    def _read(self) -> None:
        decoder = frames.Decoder()
        try:
            while data := self._sock.recv(RECEIVE_BYTES):
                for frame in decoder.feed(data):
                    self._receive(frame)
            decoder.check_end()
        except Exception as error:
            self._on_end(error)
        else:
            self._on_end(None)

    def _receive(self, frame: Frame) -> None:
        kind = frame.header["t"]
        if kind == "reply":
            settle = self._open.pop(frame.header.get("re"), None)
            if settle is None:
                raise frames.FrameError(f"an answer to no request: {frame.header.get('re')!r}")
            settle(frame)
        elif kind == "ping":
            self.reply(frame)
        else:
            with self._handing:
                self._on_message(frame)

    def _write(self, data: bytes) -> None:
        with self._writable:
            sent = 0 if self._draining else self._send_now(data)
            if sent < len(data):
                self._unsent.append(memoryview(data)[sent:])
                self._draining = True
                self._writable.notify_all()

    def _send_now(self, data: bytes) -> int:
        try:
            return self._sock.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)  # the server is gone; the reader sees the end of file and exits

    def _drain(self) -> None:
        while True:
            with self._writable:
                self._draining = bool(self._unsent)
                self._writable.notify_all()
                while not self._unsent:
                    self._writable.wait()
                data = self._unsent.popleft()
            try:
                self._sock.sendall(data)
            except OSError:
                return


def _checked(frame: Frame) -> Frame:
    if frame.header.get("ok") is not True:
        raise RemoteError(frame.header.get("error") or {})
    return frame
