"""The library's stream -> the events of the wire.

The library yields (namespace, mode, payload). One such item becomes no, one or
several events; only modes that the client asked for come out. The mode
`messages` has no counterpart in the library: it is made here from token chunks
and from the messages that stand in the state.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, BaseMessageChunk, message_chunk_to_message

from . import render, snapshots
from .lifecycle import Lifecycle

Event = tuple[str, Any]

INTERRUPT = "__interrupt__"
_SAME_IN_LIBRARY = ("values", "updates", "custom", "debug", "tasks", "checkpoints", "tools")


class Events:
    """One run's events. Also remembers the last values and the interrupts that stopped it."""

    def __init__(
        self, requested: Sequence[str], *, want_values: bool, subgraphs: bool = False
    ) -> None:
        self.requested = frozenset(requested)
        self._lifecycle = Lifecycle() if "lifecycle" in self.requested else None
        self._subgraphs = subgraphs
        self.want_values = want_values or "values" in self.requested
        self.values: Any = None
        self.has_values = False
        self.interrupts: list[Any] = []
        self._messages: dict[tuple[str, ...], _Messages] = {}

    @property
    def library_modes(self) -> list[str]:
        modes = [mode for mode in _SAME_IN_LIBRARY if mode in self.requested]
        if (self.want_values or "messages" in self.requested) and "values" not in modes:
            modes.append("values")
        if self.requested & {"messages", "messages-tuple"}:
            modes.append("messages")
        if self._lifecycle and "tasks" not in modes:
            modes.append("tasks")
        return modes

    @property
    def looks_into_subgraphs(self) -> bool:
        return self._subgraphs or self._lifecycle is not None

    def translate(self, ns: tuple[str, ...], mode: str, payload: Any) -> Iterator[Event]:
        if self._lifecycle and mode == "tasks":
            for told in self._lifecycle.on_task(ns, payload):
                yield "lifecycle", told
            if "tasks" not in self.requested:
                return
        if ns and not self._subgraphs:
            return
        suffix = "".join(f"|{part}" for part in ns)
        for name, data in self._events(ns, mode, payload):
            yield name + suffix, data

    def on_end(self, error: BaseException | None) -> Iterator[Event]:
        event, said = ("completed", None) if error is None else ("failed", str(error))
        for told in self._lifecycle.on_end(event, said) if self._lifecycle else ():
            yield "lifecycle", told

    def _events(self, ns: tuple[str, ...], mode: str, payload: Any) -> Iterator[Event]:
        if mode == "values":
            yield from self._values(ns, payload)
        elif mode == "messages":
            yield from self._message(ns, *payload)
        elif mode == "debug":
            yield "debug", _debug(payload)
        elif mode == "tasks":
            yield "tasks", task_form(payload)
        elif mode == "checkpoints":
            yield "checkpoints", _checkpoint(payload)
        else:
            yield mode, payload

    def _values(self, ns: tuple[str, ...], payload: Any) -> Iterator[Event]:
        if not ns:
            self._remember(payload)
        if "values" in self.requested:
            yield "values", payload
        if "messages" in self.requested:
            yield from self._messages_of(ns).on_values(payload)

    def _remember(self, payload: Any) -> None:
        if not isinstance(payload, dict) or INTERRUPT not in payload:
            self.values, self.has_values, self.interrupts = payload, True, []
            return
        self.interrupts += payload[INTERRUPT]
        values = {key: value for key, value in payload.items() if key != INTERRUPT}
        if values or not self.has_values:
            self.values, self.has_values = values, True

    def _message(self, ns: tuple[str, ...], message: Any, metadata: Any) -> Iterator[Event]:
        metadata = {k: v for k, v in (metadata or {}).items() if not k.startswith("__")}
        if "messages-tuple" in self.requested:
            yield "messages", [message, metadata]
        if "messages" in self.requested and isinstance(message, BaseMessage):
            yield from self._messages_of(ns).on_message(message, metadata)

    def _messages_of(self, ns: tuple[str, ...]) -> "_Messages":
        return self._messages.setdefault(ns, _Messages())


class _Messages:
    """messages/metadata once per id, messages/partial for each chunk with all so far,
    messages/complete once per id."""

    def __init__(self) -> None:
        self._so_far: dict[str, Any] = {}
        self._complete: set[str] = set()

    def on_message(self, message: Any, metadata: dict[str, Any]) -> Iterator[Event]:
        known = message.id in self._so_far
        if not known:
            yield "messages/metadata", {message.id: {"metadata": metadata}}
        if isinstance(message, BaseMessageChunk):
            whole = self._so_far[message.id] + message if known else message
            self._so_far[message.id] = whole
            yield "messages/partial", [message_chunk_to_message(whole)]
        elif message.id not in self._complete:
            self._so_far[message.id] = message
            self._complete.add(message.id)
            yield "messages/complete", [message]

    def on_values(self, values: Any) -> Iterator[Event]:
        new = []
        for message in _messages_in(values):
            if message.id and message.id not in self._complete:
                self._complete.add(message.id)
                new.append(message)
        if new:
            yield "messages/complete", new


def _messages_in(values: Any) -> Iterator[BaseMessage]:
    """Messages that stand in the state: as a value, or in a list that is a value."""
    for value in values.values() if isinstance(values, dict) else [values]:
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, BaseMessage):
                yield item


def _debug(payload: dict[str, Any]) -> dict[str, Any]:
    form = _checkpoint if payload["type"] == "checkpoint" else task_form
    return {**payload, "payload": form(payload["payload"])}


def task_form(payload: dict[str, Any]) -> dict[str, Any]:
    """A task's start or its result."""
    task = {**payload, "interrupts": [_interrupt(i) for i in payload.get("interrupts") or ()]}
    if "error" in task:
        task["error"] = snapshots.task_error(task["error"])
    if "input" in task:
        task["metadata"] = snapshots.metadata(task.get("metadata") or {})
    return task


def _checkpoint(payload: dict[str, Any]) -> dict[str, Any]:
    return {
        **payload,
        "config": _public(payload.get("config")),
        "parent_config": _public(payload.get("parent_config")),
        "metadata": snapshots.metadata(payload.get("metadata")),
        "tasks": [_checkpoint_task(task) for task in payload.get("tasks") or ()],
        "checkpoint": snapshots.checkpoint(payload.get("config")),
        "parent_checkpoint": snapshots.checkpoint(payload.get("parent_config")),
    }


def _checkpoint_task(payload: dict[str, Any]) -> dict[str, Any]:
    task = task_form(payload)
    inner = task.get("state")
    if snapshots.is_config(inner):
        del task["state"]
        task["checkpoint"] = snapshots.subgraph_checkpoint(inner)
    return task


def _public(config: Any) -> Any:
    if not snapshots.is_config(config):
        return config
    configurable = config["configurable"]
    return {
        "configurable": {k: v for k, v in configurable.items() if not k.startswith("__")}
    }


def _interrupt(value: Any) -> dict[str, Any]:
    """The library gives them as objects or already as dicts."""
    if not isinstance(value, dict):
        return render.interrupt(value)
    return {k: v for k, v in value.items() if k != "response_schema" or v is not None}
