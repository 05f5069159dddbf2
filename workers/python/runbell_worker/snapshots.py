"""The library's StateSnapshot in the form of the API's ThreadState."""

from typing import Any

from . import render

CHECKPOINT_KEYS = ("thread_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map")


def thread_state(snapshot: Any) -> dict[str, Any]:
    return {
        "values": snapshot.values,
        "next": list(snapshot.next),
        "tasks": [_task(task) for task in snapshot.tasks],
        "metadata": _thread_metadata(snapshot),
        "created_at": snapshot.created_at,
        "checkpoint": checkpoint(snapshot.config),
        "parent_checkpoint": checkpoint(snapshot.parent_config),
        "interrupts": list(snapshot.interrupts),
    }


def checkpoint(config: Any) -> dict[str, Any] | None:
    """Which checkpoint a config names; None if it names none."""
    configurable = (config or {}).get("configurable") or {}
    if not configurable.get("checkpoint_id"):
        return None
    return {
        "thread_id": configurable.get("thread_id"),
        "checkpoint_id": configurable["checkpoint_id"],
        "checkpoint_ns": configurable.get("checkpoint_ns") or "",
        "checkpoint_map": configurable.get("checkpoint_map") or None,
    }


def metadata(given: Any) -> dict[str, Any] | None:
    """Checkpoint metadata without the library's private keys and the empty namespace."""
    if given is None:
        return None
    return {
        key: value
        for key, value in given.items()
        if not key.startswith("__") and not (key == "checkpoint_ns" and value == "")
    }


def _thread_metadata(snapshot: Any) -> dict[str, Any] | None:
    """With the thread's id, which the library leaves out of what it stores."""
    given, where = metadata(snapshot.metadata), checkpoint(snapshot.config)
    if given is None or where is None:
        return given
    return {**given, "thread_id": where["thread_id"]}


def task_error(error: Any) -> str | None:
    """A checkpoint keeps an exception as its repr; a live one looks the same."""
    return error if error is None or isinstance(error, str) else repr(error)


def pending_interrupts(snapshot: Any) -> dict[str, list[Any]]:
    """Interrupts by task id, only of tasks that have some."""
    return {
        task.id: [render.interrupt(interrupt) for interrupt in task.interrupts]
        for task in snapshot.tasks
        if task.interrupts
    }


def is_config(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("configurable"), dict)


def subgraph_checkpoint(config: dict[str, Any]) -> dict[str, Any]:
    """Where a task's subgraph keeps its checkpoints: only the keys that are set."""
    configurable = config["configurable"]
    return {key: configurable[key] for key in CHECKPOINT_KEYS if key in configurable}


def _task(task: Any) -> dict[str, Any]:
    inner = task.state
    return {
        "id": task.id,
        "name": task.name,
        "error": task_error(task.error),
        "interrupts": list(task.interrupts),
        "path": list(task.path),
        "checkpoint": subgraph_checkpoint(inner) if is_config(inner) else None,
        "state": None if inner is None or is_config(inner) else thread_state(inner),
        "result": task.result,
    }
