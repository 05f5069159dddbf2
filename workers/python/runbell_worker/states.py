"""Questions about graphs and thread states: graph.* and state.*.

Each handler takes the request's frame and returns the blobs of the answer.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from . import inputs, render, schemas, snapshots
from .frames import Frame
from .host import Host

Handler = Callable[[Frame], Awaitable[list[bytes]]]

READ_GRAPH = "assistants.read"
READ_STATE = "threads.read"
UPDATE_STATE = "threads.update"


class States:
    def __init__(self, host: Host) -> None:
        self._host = host
        self.handlers: dict[str, Handler] = {
            "graph.draw": self._draw,
            "graph.schemas": self._schemas,
            "graph.subgraphs": self._subgraphs,
            "state.get": self._get,
            "state.history": self._history,
            "state.update": self._update,
            "state.bulk_update": self._bulk_update,
        }

    def _open(self, frame: Frame, config: dict[str, Any], access: str) -> Any:
        return self._host.open(frame.header["graph_id"], config, access)

    async def _draw(self, frame: Frame) -> list[bytes]:
        config = inputs.config_of(frame)
        async with self._open(frame, config, READ_GRAPH) as graph:
            drawing = await graph.aget_graph(config, xray=frame.header.get("xray") or False)
            return [render.dumps(drawing.to_json())]

    async def _schemas(self, frame: Frame) -> list[bytes]:
        async with self._open(frame, inputs.config_of(frame), READ_GRAPH) as graph:
            named = {"graph_id": frame.header["graph_id"], **schemas.of_graph(graph)}
            return [render.dumps(named)]

    async def _subgraphs(self, frame: Frame) -> list[bytes]:
        namespace = frame.header.get("namespace") or None
        recurse = bool(frame.header.get("recurse")) or "|" in (namespace or "")
        async with self._open(frame, inputs.config_of(frame), READ_GRAPH) as graph:
            found = graph.aget_subgraphs(namespace=namespace, recurse=recurse)
            return [render.dumps({ns: schemas.of_subgraph(sub) async for ns, sub in found})]

    async def _get(self, frame: Frame) -> list[bytes]:
        config = inputs.config_of(frame)
        async with self._open(frame, config, READ_STATE) as graph:
            snapshot = await graph.aget_state(
                config, subgraphs=bool(frame.header.get("subgraphs"))
            )
            return [render.dumps(snapshots.thread_state(snapshot))]

    async def _history(self, frame: Frame) -> list[bytes]:
        header, config = frame.header, inputs.config_of(frame)
        before = None
        if header.get("before"):
            where = {**config["configurable"], "checkpoint_id": header["before"]}
            before = {"configurable": where}
        wanted = dict(header.get("filter") or {})
        thread_id = config["configurable"].get("thread_id")
        if wanted.pop("thread_id", thread_id) != thread_id:  # it is told, but not stored
            return [render.dumps([])]
        async with self._open(frame, config, READ_STATE) as graph:
            history = graph.aget_state_history(
                config, filter=wanted or None, before=before, limit=header.get("limit")
            )
            states = [snapshots.thread_state(snapshot) async for snapshot in history]
            return [render.dumps(states)]

    async def _update(self, frame: Frame) -> list[bytes]:
        config, values = inputs.config_of(frame), inputs.blob_json(frame, 0)
        async with self._open(frame, config, UPDATE_STATE) as graph:
            updated = await graph.aupdate_state(config, values, as_node=frame.header.get("as_node"))
            return await _updated(graph, config, updated)

    async def _bulk_update(self, frame: Frame) -> list[bytes]:
        config = inputs.config_of(frame)
        steps = inputs.supersteps(inputs.blob_json(frame, 0))
        async with self._open(frame, config, UPDATE_STATE) as graph:
            updated = await graph.abulk_update_state(config, steps)
            return await _updated(graph, config, updated)


async def _updated(graph: Any, config: dict[str, Any], updated: Any) -> list[bytes]:
    """Which checkpoint the update made, and the thread's new head."""
    configurable = updated["configurable"]
    made = {
        "thread_id": configurable["thread_id"],
        "checkpoint_ns": configurable.get("checkpoint_ns", ""),
        "checkpoint_id": configurable["checkpoint_id"],
    }
    head = await graph.aget_state(inputs.head_config(config))
    return [render.dumps({"checkpoint": made}), render.dumps(snapshots.thread_state(head))]
