"""Which subgraphs start and end: what the stream mode `lifecycle` tells, seen from the tasks.

A subgraph has started when the first task in its namespace has, and ended when the task that it
is (the last segment of its namespace is NODE:TASK) has its result.
"""

from collections.abc import Iterator
from typing import Any

Namespace = tuple[str, ...]


class Lifecycle:
    def __init__(self) -> None:
        self._seen: set[Namespace] = set()
        self._open: dict[Namespace, str] = {}  # -> the task that it is
        self._tool_calls: dict[str, str] = {}  # task -> the call of a model that it carries out

    def on_task(self, ns: Namespace, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A task of this namespace begins, or has its result."""
        if "result" in task or "error" in task:
            yield from self._ended(ns, task)
            return
        if call_id := _tool_call(task.get("input")):
            self._tool_calls[task["id"]] = call_id
        if ns and ns not in self._seen:
            yield from self._started(ns, task)

    def on_end(self, event: str, error: str | None = None) -> Iterator[dict[str, Any]]:
        """The run is over: so is what is still open, the innermost first."""
        for ns in sorted(self._open, key=len, reverse=True):
            yield _told(event, ns, error)
        self._open.clear()

    def _started(self, ns: Namespace, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
        node, _, task_id = ns[-1].rpartition(":")
        agent = (task.get("metadata") or {}).get("lc_agent_name")
        self._seen.add(ns)
        if not node:
            return
        self._open[ns] = task_id
        told = {**_told("started", ns), "graph_name": agent or node, "trigger_call_id": task_id}
        if call_id := self._tool_calls.get(task_id):
            told["cause"] = {"type": "toolCall", "tool_call_id": call_id}
        yield told

    def _ended(self, ns: Namespace, task: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for child in [c for c, task_id in self._open.items() if task_id == task["id"]]:
            if child[:-1] != ns:
                continue
            del self._open[child]
            if task.get("interrupts"):
                yield _told("interrupted", child)
            elif task.get("error"):
                yield _told("failed", child, str(task["error"]))
            else:
                yield _told("completed", child)


def _told(event: str, ns: Namespace, error: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"event": event, "namespace": list(ns)}
    return {**told, "error": error} if error else told


def _tool_call(given: Any) -> str | None:
    """The call that a task carries out: {"tool_call": {…}}, or the first of a list of calls."""
    calls = [given.get("tool_call")] if isinstance(given, dict) else given
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict) and isinstance(call.get("id"), str):
            return call["id"]
    return None
