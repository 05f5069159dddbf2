"""The checkpointer that graphs get: every call is one request to the server.

The server keeps bytes and JSON; this side owns the serialisation. A checkpoint
is one blob. The link completes requests on its reader thread, so the
synchronous twins work on every thread, the loop's included.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    CheckpointTuple,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)

from .frames import Frame
from .link import Link, RemoteError

Request = tuple[dict[str, Any], list[bytes]]


class ServerCheckpointer(BaseCheckpointSaver):
    def __init__(self, link: Link, *, serde: Any = None) -> None:
        super().__init__(serde=serde)
        self._link = link

    async def aget_tuple(self, config: Any) -> CheckpointTuple | None:
        return self._found(await self._link.ask(_get(config)))

    def get_tuple(self, config: Any) -> CheckpointTuple | None:
        return self._found(self._link.ask_blocking(_get(config)))

    async def alist(
        self, config: Any, *, filter: Any = None, before: Any = None, limit: int | None = None
    ) -> AsyncIterator[CheckpointTuple]:
        pages = _Pages(config, filter, before, limit)
        while request := pages.next_request():
            try:
                answer = await self._link.ask(request)
            except RemoteError as error:
                pages.refused(error)
                continue
            for raw in pages.answered(answer):
                yield self._tuple(answer, raw)

    def list(
        self, config: Any, *, filter: Any = None, before: Any = None, limit: int | None = None
    ) -> Iterator[CheckpointTuple]:
        pages = _Pages(config, filter, before, limit)
        while request := pages.next_request():
            try:
                answer = self._link.ask_blocking(request)
            except RemoteError as error:
                pages.refused(error)
                continue
            for raw in pages.answered(answer):
                yield self._tuple(answer, raw)

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        await self._link.ask(*self._put(config, checkpoint, metadata))
        return _config_of(config, checkpoint["id"])

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        self._link.ask_blocking(*self._put(config, checkpoint, metadata))
        return _config_of(config, checkpoint["id"])

    async def aput_writes(
        self, config: Any, writes: Sequence[Any], task_id: str, task_path: str = ""
    ) -> None:
        await self._link.ask(*self._put_writes(config, writes, task_id, task_path))

    def put_writes(
        self, config: Any, writes: Sequence[Any], task_id: str, task_path: str = ""
    ) -> None:
        self._link.ask_blocking(*self._put_writes(config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        await self._link.ask(_delete_thread(thread_id))

    def delete_thread(self, thread_id: str) -> None:
        self._link.ask_blocking(_delete_thread(thread_id))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await self._link.ask(_delete_for_runs(run_ids))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        self._link.ask_blocking(_delete_for_runs(run_ids))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await self._link.ask(_copy_thread(source_thread_id, target_thread_id))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self._link.ask_blocking(_copy_thread(source_thread_id, target_thread_id))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        await self._link.ask(_prune(thread_ids, strategy))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        self._link.ask_blocking(_prune(thread_ids, strategy))

    def _put(self, config: Any, checkpoint: Any, metadata: Any) -> Request:
        configurable = config["configurable"]
        stored = get_serializable_checkpoint_metadata(config, metadata)
        kind, blob = self.serde.dumps_typed(checkpoint)
        header = {
            "t": "ckpt.put",
            "thread_id": str(configurable["thread_id"]),
            "ns": configurable.get("checkpoint_ns", ""),
            "checkpoint_id": checkpoint["id"],
            "parent_id": configurable.get("checkpoint_id"),
            "run_id": stored.get("run_id"),
            "type": kind,
            "metadata": stored,
        }
        return {key: value for key, value in header.items() if value is not None}, [blob]

    def _put_writes(
        self, config: Any, writes: Sequence[Any], task_id: str, task_path: str
    ) -> Request:
        configurable = config["configurable"]
        rows, blobs = [], []
        for position, (channel, value) in enumerate(writes):
            kind, blob = self.serde.dumps_typed(value)
            idx = WRITES_IDX_MAP.get(channel, position)
            rows.append({"idx": idx, "channel": channel, "type": kind, "blob": len(blobs)})
            blobs.append(blob)
        header = {
            "t": "ckpt.put_writes",
            "thread_id": str(configurable["thread_id"]),
            "ns": configurable.get("checkpoint_ns", ""),
            "checkpoint_id": configurable["checkpoint_id"],
            "task_id": task_id,
            "task_path": task_path,
            "writes": rows,
        }
        if run_id := configurable.get("run_id"):
            header["run_id"] = str(run_id)
        return header, blobs

    def _found(self, answer: Frame) -> CheckpointTuple | None:
        if not answer.header.get("found"):
            return None
        return self._tuple(answer, answer.header["tuple"])

    def _tuple(self, answer: Frame, raw: dict[str, Any]) -> CheckpointTuple:
        where = {"thread_id": raw["thread_id"], "checkpoint_ns": raw["ns"]}
        parent = raw.get("parent_id")
        return CheckpointTuple(
            config={"configurable": {**where, "checkpoint_id": raw["checkpoint_id"]}},
            checkpoint=self._load(answer, raw),
            metadata=raw["metadata"],
            parent_config={"configurable": {**where, "checkpoint_id": parent}} if parent else None,
            pending_writes=[
                (write["task_id"], write["channel"], self._load(answer, write))
                for write in sorted(raw.get("writes", ()), key=_order_of_write)
            ],
        )

    def _load(self, answer: Frame, raw: dict[str, Any]) -> Any:
        return self.serde.loads_typed((raw["type"], answer.blob(raw["blob"])))


class _Pages:
    """One listing. It asks for everything at once; only if that does not fit into a frame
    does it go on in pages, each half as long as the one that was refused."""

    def __init__(self, config: Any, filter: Any, before: Any, limit: int | None) -> None:
        configurable = (config or {}).get("configurable") or {}
        self._header = {
            "t": "ckpt.list",
            "thread_id": configurable.get("thread_id"),
            "ns": configurable.get("checkpoint_ns"),
            "checkpoint_id": configurable.get("checkpoint_id"),
            "before": get_checkpoint_id(before) if before else None,
            "filter": filter,
        }
        self._left = limit
        self._page: int | None = None
        self._ended = limit is not None and limit <= 0

    def next_request(self) -> dict[str, Any] | None:
        if self._ended:
            return None
        limits = [n for n in (self._left, self._page) if n is not None]
        header = {**self._header, "limit": min(limits) if limits else None}
        return {key: value for key, value in header.items() if value is not None}

    def refused(self, error: RemoteError) -> None:
        if error.code != "too_large" or self._page == 1 or "thread_id" not in self._header:
            raise error
        self._page = max(1, (self._page or min(self._left or 64, 64)) // 2)

    def answered(self, answer: Frame) -> list[dict[str, Any]]:
        tuples = answer.header["tuples"]
        if self._left is not None:
            self._left -= len(tuples)
        self._ended = self._page is None or len(tuples) < self._page or self._left == 0
        if tuples:
            self._header["before"] = tuples[-1]["checkpoint_id"]
        return tuples


def _get(config: Any) -> dict[str, Any]:
    configurable = config["configurable"]
    header = {
        "t": "ckpt.get",
        "thread_id": str(configurable["thread_id"]),
        "ns": configurable.get("checkpoint_ns", ""),
    }
    if checkpoint_id := get_checkpoint_id(config):
        header["checkpoint_id"] = checkpoint_id
    return header


def _delete_thread(thread_id: str) -> dict[str, Any]:
    return {"t": "ckpt.delete_thread", "thread_id": str(thread_id)}


def _delete_for_runs(run_ids: Sequence[str]) -> dict[str, Any]:
    return {"t": "ckpt.delete_for_runs", "run_ids": [str(run_id) for run_id in run_ids]}


def _copy_thread(source: str, target: str) -> dict[str, Any]:
    return {"t": "ckpt.copy_thread", "from": str(source), "to": str(target)}


def _prune(thread_ids: Sequence[str], strategy: str) -> dict[str, Any]:
    return {"t": "ckpt.prune", "thread_ids": [str(t) for t in thread_ids], "strategy": strategy}


def _config_of(config: Any, checkpoint_id: str) -> dict[str, Any]:
    configurable = config["configurable"]
    return {
        "configurable": {
            "thread_id": configurable["thread_id"],
            "checkpoint_ns": configurable.get("checkpoint_ns", ""),
            "checkpoint_id": checkpoint_id,
        }
    }


def _order_of_write(write: dict[str, Any]) -> tuple[str, str, int]:
    """The order in which the library applies the writes of a step."""
    return (write.get("task_path") or "", write["task_id"], write["idx"])
