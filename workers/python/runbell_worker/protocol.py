"""A run's events in the event streaming protocol (protocol v2).

The library makes them: `astream_events(version="v3")`. Here they get the names and the
forms of the wire, the same as the JavaScript library gives its own. Events of tasks,
which the library folds into the lifecycle, are kept by a transformer that sees them first.
"""

import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from langchain_core.language_models._compat_bridge import message_to_events
from langchain_core.messages import AIMessageChunk, BaseMessage, ToolMessage
from langgraph.stream import StreamTransformer

from . import render
from .events import INTERRUPT, task_form

Event = tuple[str, Any]


async def stream(graph: Any, given: Any, config: Any, **arguments: Any) -> AsyncIterator[Event]:
    """Yields (name, params) of each event."""
    translator = _Translator()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the library calls this a beta
        run = await graph.astream_events(
            given,
            config,
            version="v3",
            transformers=[lambda scope: _AllModes(scope, translator.task)],
            **arguments,
        )
    async with run:
        try:
            async for event in run:
                for item in translator.translate(event):
                    yield item
        except Exception:
            for item in translator.waiting():
                yield item
            raise
    for item in translator.waiting():
        yield item


class _AllModes(StreamTransformer):
    """Asks the library for every mode that the protocol has a channel for."""

    required_stream_modes = ("values", "updates", "messages", "custom", "tasks", "checkpoints", "tools")
    before_builtins = True

    def __init__(self, scope: tuple[str, ...], on_task: Callable[[Any], None]) -> None:
        super().__init__(scope)
        self._on_task = None if scope else on_task

    def init(self) -> dict[str, Any]:
        return {}

    def process(self, event: Any) -> bool:
        if event["method"] == "tasks" and self._on_task is not None:
            self._on_task(event)
        return True


class _Translator:
    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._tasks: list[Event] = []
        self._forms = {
            "values": self._values,
            "updates": self._updates,
            "messages": self._messages,
            "checkpoints": self._checkpoints,
            "custom": self._custom,
            "lifecycle": self._lifecycle,
            "tools": self._same,
        }

    def task(self, event: Any) -> None:
        params = event["params"]
        self._tasks.append(_event("tasks", params, task_form(params["data"])))

    def waiting(self) -> list[Event]:
        tasks, self._tasks = self._tasks, []
        return tasks

    def translate(self, event: Any) -> Iterator[Event]:
        """What came of tasks since the last event, then this one."""
        yield from self.waiting()
        method, params = event["method"], event["params"]
        if method.startswith("custom:"):
            name = method.removeprefix("custom:")
            yield _event(method, params, {"name": name, "payload": params["data"]})
        elif method in self._forms:
            yield from self._forms[method](method, params)

    def _same(self, method: str, params: Any) -> Iterator[Event]:
        yield _event(method, params, params["data"])

    def _values(self, method: str, params: Any) -> Iterator[Event]:
        data, interrupts = params["data"], list(params.get("interrupts") or ())
        if isinstance(data, dict) and INTERRUPT in data:
            interrupts += data[INTERRUPT]
            data = {key: value for key, value in data.items() if key != INTERRUPT}
        yield _event(method, params, data)
        for interrupt in map(render.interrupt, interrupts):
            if interrupt["id"] not in self._asked:
                self._asked.add(interrupt["id"])
                asked = {"interrupt_id": interrupt["id"], "payload": interrupt["value"]}
                # `value` is what the Python SDK reads.
                yield _event("input", params, {**asked, "value": interrupt["value"]})

    def _updates(self, method: str, params: Any) -> Iterator[Event]:
        for node, values in (params["data"] or {}).items():
            if node != INTERRUPT:
                values = values if isinstance(values, dict) else {"value": values}
                yield _event(method, params, {"node": node, "values": values}, node=node)

    def _messages(self, method: str, params: Any) -> Iterator[Event]:
        payload, metadata = params["data"]
        node = (metadata or {}).get("langgraph_node")
        parts = [payload]
        if isinstance(payload, BaseMessage):
            if isinstance(payload, (AIMessageChunk, ToolMessage)):
                return
            parts = list(message_to_events(payload, message_id=payload.id))
        run_id = (metadata or {}).get("run_id")
        extra = {"run_id": str(run_id)} if run_id else {}
        for part in parts:
            yield _event(method, params, {**part, **extra}, node=node)

    def _checkpoints(self, method: str, params: Any) -> Iterator[Event]:
        data = params["data"]
        metadata = data.get("metadata") or {}
        envelope = {
            "id": _checkpoint_id(data.get("config")),
            "parent_id": _checkpoint_id(data.get("parent_config")),
            "step": metadata.get("step"),
            "source": metadata.get("source"),
        }
        yield _event(method, params, {k: v for k, v in envelope.items() if v is not None})

    def _custom(self, method: str, params: Any) -> Iterator[Event]:
        data = params["data"]
        if not (isinstance(data, dict) and "name" in data):
            data = {"payload": data}
        name = data.get("name")
        channel = f"custom:{name}" if isinstance(name, str) and "|" not in name else "custom"
        yield _event(channel, params, data)

    def _lifecycle(self, method: str, params: Any) -> Iterator[Event]:
        data = dict(params["data"])
        namespace = data.pop("namespace", None)
        if data.get("event") == "drained":
            data["event"] = "interrupted"
        if namespace:  # the root's is the server's
            yield _event(method, {**params, "namespace": namespace}, data)


def _event(channel: str, params: Any, data: Any, *, node: Any = None) -> Event:
    namespace = list(params["namespace"])
    name = "".join([f"@{channel}", *(f"|{segment}" for segment in namespace)])
    made = {"namespace": namespace, "timestamp": params.get("timestamp") or _now_ms()}
    if node:
        made["node"] = node
    return name, {**made, "data": data}


def _now_ms() -> int:
    return int(time.time() * 1000)


def _checkpoint_id(config: Any) -> Any:
    return ((config or {}).get("configurable") or {}).get("checkpoint_id")
