"""One attempt of a run, from run.start to run.done.

    start() -> opening the graph -> streaming -> settling (reading the head state) -> run.done

`cancel` interrupts opening and streaming. Settling is short and goes on, so that
every attempt ends with exactly one run.done, whatever happened.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from . import inputs, loopback, render, snapshots, tracing
from .events import INTERRUPT, Events
from .frames import Frame, FrameTooLarge
from .host import Host
from .link import Link, type_of

UNCREDITED_BYTES_MAX = 4 * 1024 * 1024
HIDDEN_TAG = "langsmith:hidden"

log = logging.getLogger("runbell.runs")


class Run:
    def __init__(self, frame: Frame, link: Link, host: Host, server: dict[str, Any]) -> None:
        header = frame.header
        self.key = {"run_id": header["run_id"], "attempt": header["attempt"]}
        self.thread_id = header.get("thread_id")
        self._frame = frame
        self._link = link
        self._host = host
        self._server = server
        self._events = Events(
            header.get("stream_modes") or [],
            want_values=bool(header.get("want_values")),
            subgraphs=bool(header.get("subgraphs")),
        )
        self._checkpointing = header.get("checkpointing", True) is not False
        self._uncredited = 0
        self._credited = asyncio.Event()
        self._cancelled = False
        self._settling = False
        self._task: asyncio.Task[None] | None = None
        self._snapshot: Any = None
        self._tracer: Any = None

    async def run(self) -> None:
        """Ends after run.done is sent. Never raises."""
        error: BaseException | None = None
        loopback.token.set(self._frame.header.get("loopback"))
        self._task = asyncio.ensure_future(self._execute())
        if self._cancelled:
            self._task.cancel()
        try:
            await self._task
        except asyncio.CancelledError as cancelled:
            error = None if self._cancelled else cancelled
        except BaseException as raised:
            error = raised
        if self._cancelled:
            outcome, error = "cancelled", None
        else:
            outcome = "success" if error is None else "error"
        if error is not None:
            log.error("run %s failed", self.key["run_id"], exc_info=error)
        self._flush_spans()
        self._send_done(outcome, error)

    def _flush_spans(self) -> None:
        """Before run.done: after it the server takes nothing more of this attempt."""
        try:
            if self._tracer is not None:
                self._tracer.flush()
        except Exception:
            log.exception("the trace of run %s could not be sent", self.key["run_id"])

    def cancel(self) -> None:
        if self._cancelled or self._settling:
            return
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    def credit(self, event_bytes: int) -> None:
        self._uncredited = max(0, self._uncredited - event_bytes)
        if self._uncredited <= UNCREDITED_BYTES_MAX:
            self._credited.set()

    async def _execute(self) -> None:
        """All of it in one task: what a factory opens must be closed by the same task."""
        header = self._frame.header
        config = inputs.run_config(self._frame, self._server)
        async with self._host.open(
            header["graph_id"],
            config,
            "threads.create_run",
            context=header.get("context"),
            checkpointing=self._checkpointing,
        ) as graph:
            self._tracer = tracing.of_run(header, self._send_spans)
            try:
                await self._stream(graph, self._traced(config))
            finally:
                self._settling = True
                await self._read_head(graph, config)

    def _traced(self, config: dict[str, Any]) -> dict[str, Any]:
        return {**config, "callbacks": [self._tracer]} if self._tracer else config

    def _send_spans(self, body: bytes) -> None:
        self._link.send({"t": "run.spans", **self.key}, [body])

    async def _stream(self, graph: Any, config: dict[str, Any]) -> None:
        given = await self._input(graph, config)
        if self._frame.header.get("protocol") == "v2":
            await self._stream_protocol(graph, given, config)
            return
        try:
            await self._stream_modes(graph, given, config)
        except Exception as error:
            await self._end_events(error)
            raise
        await self._end_events(None)

    async def _end_events(self, error: BaseException | None) -> None:
        for name, data in self._events.on_end(error):
            await self._send_event(name, data)

    async def _stream_modes(self, graph: Any, given: Any, config: dict[str, Any]) -> None:
        source = self._with_events if "events" in self._events.requested else self._plain
        async with contextlib.aclosing(source(graph, given, config)) as items:
            async for ns, mode, payload in items:
                if mode == "events":
                    await self._send_event("events", payload)
                    continue
                for name, data in self._events.translate(ns, mode, payload):
                    await self._send_event(name, data)

    async def _stream_protocol(self, graph: Any, given: Any, config: dict[str, Any]) -> None:
        from . import protocol

        own = ("stream_mode", "subgraphs")  # these the protocol decides
        arguments = {k: v for k, v in self._arguments().items() if k not in own}
        async with contextlib.aclosing(
            protocol.stream(graph, given, config, **arguments)
        ) as items:
            async for name, params in items:
                await self._send_event(name, params)

    async def _input(self, graph: Any, config: dict[str, Any]) -> Any:
        header = self._frame.header
        if header.get("resume"):
            return None
        if header.get("command") is not None:
            return await self._command(graph, config)
        if header.get("input") is not None:
            return inputs.blob_json(self._frame, header["input"])
        return None

    async def _command(self, graph: Any, config: dict[str, Any]) -> Any:
        given = inputs.blob_json(self._frame, self._frame.header["command"])
        if given.get("resume", ...) in (None, {}) and self._checkpointing:
            given = {**given, "resume": await _by_id(given["resume"], graph, config)}
        return inputs.command(given)

    def _arguments(self) -> dict[str, Any]:
        header = self._frame.header
        arguments = {
            "stream_mode": self._events.library_modes,
            "subgraphs": self._events.looks_into_subgraphs,
            "interrupt_before": header.get("interrupt_before"),
            "interrupt_after": header.get("interrupt_after"),
            "context": header.get("context"),
        }
        if self._checkpointing and header.get("durability"):
            arguments["durability"] = header["durability"]
        return {key: value for key, value in arguments.items() if value is not None}

    async def _plain(
        self, graph: Any, given: Any, config: dict[str, Any]
    ) -> AsyncIterator[tuple[tuple[str, ...], str, Any]]:
        arguments = self._arguments()
        async with contextlib.aclosing(graph.astream(given, config, **arguments)) as stream:
            async for item in stream:
                yield item if arguments["subgraphs"] else ((), *item)

    async def _with_events(
        self, graph: Any, given: Any, config: dict[str, Any]
    ) -> AsyncIterator[tuple[tuple[str, ...], str, Any]]:
        """The same items, taken from the root's chunks, and every other LangChain event."""
        arguments = self._arguments()
        root = None
        stream = graph.astream_events(given, config, version="v2", **arguments)
        async with contextlib.aclosing(stream) as events:
            async for event in events:
                root = root or event["run_id"]
                if event["event"] == "on_chain_stream" and event["run_id"] == root:
                    item = event["data"]["chunk"]
                    yield item if arguments["subgraphs"] else ((), *item)
                elif HIDDEN_TAG not in (event.get("tags") or ()):
                    yield (), "events", event

    async def _send_event(self, name: str, data: Any) -> None:
        blob = render.dumps(data)
        while self._uncredited > UNCREDITED_BYTES_MAX:
            self._credited.clear()
            await self._credited.wait()
        self._uncredited += len(blob)
        self._link.send({"t": "run.event", **self.key, "event": name}, [blob])

    async def _read_head(self, graph: Any, config: dict[str, Any]) -> None:
        if not self._checkpointing:
            return
        try:
            self._snapshot = await graph.aget_state(inputs.head_config(config))
        except Exception:
            log.exception("the state after run %s could not be read", self.key["run_id"])

    def _send_done(self, outcome: str, error: BaseException | None) -> None:
        header: dict[str, Any] = {"t": "run.done", **self.key, "outcome": outcome, "next": []}
        if error is not None:
            header["error"] = {"type": type_of(error), "message": str(error)}
        blobs: list[bytes] = []
        for name, value in self._results(outcome):
            header[name] = len(blobs)
            blobs.append(render.dumps(value))
        if self._snapshot is not None:
            header["next"] = list(self._snapshot.next)
        try:
            self._link.send(header, blobs)
        except FrameTooLarge as refused:
            failed = {"type": type(refused).__name__, "message": str(refused)}
            self._link.send(
                {"t": "run.done", **self.key, "outcome": "error", "error": failed, "next": []}
            )

    def _results(self, outcome: str) -> list[tuple[str, Any]]:
        results = []
        if self._snapshot is not None and snapshots.checkpoint(self._snapshot.config):
            results.append(("state", snapshots.thread_state(self._snapshot)))
            if pending := snapshots.pending_interrupts(self._snapshot):
                results.append(("interrupts", pending))
        if outcome == "success" and self._events.want_values:
            results += [("values", value) for value in self._final_values()]
        return results

    def _final_values(self) -> list[Any]:
        """What `wait` answers, or nothing if it is not known."""
        if self._events.has_values:
            values, interrupts = self._events.values, self._events.interrupts
        elif self._snapshot is not None:
            values, interrupts = self._snapshot.values, list(self._snapshot.interrupts)
        else:
            return []
        if interrupts:
            values = {**(values if isinstance(values, dict) else {}), INTERRUPT: interrupts}
        return [values]


async def _by_id(answer: Any, graph: Any, config: dict[str, Any]) -> Any:
    """An answer that the library would take for none, given under the id of its interrupt."""
    snapshot = await graph.aget_state(config)
    if len(snapshot.interrupts) > 1:
        raise ValueError(
            f"{len(snapshot.interrupts)} interrupts are pending; "
            "say by interrupt id which one to resume"
        )
    return {interrupt.id: answer for interrupt in snapshot.interrupts} or None
