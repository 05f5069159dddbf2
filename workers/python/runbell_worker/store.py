"""The store that graphs get: every batch of operations is one request to the server."""

from collections.abc import Iterable
from typing import Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    PutOp,
    SearchItem,
    SearchOp,
)

from .frames import Frame
from .link import Link


class ServerStore(BaseStore):
    supports_ttl = True

    def __init__(self, link: Link) -> None:
        self._link = link

    def batch(self, ops: Iterable[Any]) -> list[Any]:
        ops = list(ops)
        return _results(ops, self._link.ask_blocking(_request(ops)))

    async def abatch(self, ops: Iterable[Any]) -> list[Any]:
        ops = list(ops)
        return _results(ops, await self._link.ask(_request(ops)))


def _request(ops: list[Any]) -> dict[str, Any]:
    return {"t": "store.batch", "ops": [_op(op) for op in ops]}


def _op(op: Any) -> dict[str, Any]:
    if isinstance(op, GetOp):
        fields = {"op": "get", "namespace": list(op.namespace), "key": op.key}
        return _with_refresh(fields, op)
    if isinstance(op, PutOp):
        return _put(op)
    if isinstance(op, SearchOp):
        return _search(op)
    if isinstance(op, ListNamespacesOp):
        return _list_namespaces(op)
    raise TypeError(f"the store knows no operation {type(op).__name__}")


def _put(op: PutOp) -> dict[str, Any]:
    fields = {"op": "put", "namespace": list(op.namespace), "key": op.key, "value": op.value}
    if op.index is not None:
        fields["index"] = op.index
    if op.ttl is not None:
        fields["ttl"] = op.ttl
    return fields


def _search(op: SearchOp) -> dict[str, Any]:
    fields = {
        "op": "search",
        "namespace_prefix": list(op.namespace_prefix),
        "limit": op.limit,
        "offset": op.offset,
    }
    if op.filter:
        fields["filter"] = op.filter
    if op.query is not None:
        fields["query"] = op.query
    return _with_refresh(fields, op)


def _list_namespaces(op: ListNamespacesOp) -> dict[str, Any]:
    fields = {"op": "list_namespaces", "limit": op.limit, "offset": op.offset}
    if op.match_conditions:
        fields["match_conditions"] = [
            {"match_type": condition.match_type, "path": list(condition.path)}
            for condition in op.match_conditions
        ]
    if op.max_depth is not None:
        fields["max_depth"] = op.max_depth
    return fields


def _with_refresh(fields: dict[str, Any], op: Any) -> dict[str, Any]:
    if not getattr(op, "refresh_ttl", True):
        fields["refresh_ttl"] = False
    return fields


def _results(ops: list[Any], answer: Frame) -> list[Any]:
    return [_result(op, raw) for op, raw in zip(ops, answer.header["results"], strict=True)]


def _result(op: Any, raw: Any) -> Any:
    if isinstance(op, GetOp):
        return None if raw is None else Item(**_item_fields(raw))
    if isinstance(op, SearchOp):
        return [SearchItem(**_item_fields(item), score=item.get("score")) for item in raw]
    if isinstance(op, ListNamespacesOp):
        return [tuple(namespace) for namespace in raw]
    return None


def _item_fields(raw: dict[str, Any]) -> dict[str, Any]:
    return {
        "namespace": tuple(raw["namespace"]),
        "key": raw["key"],
        "value": raw["value"],
        "created_at": _time(raw["created_at"]),
        "updated_at": _time(raw["updated_at"]),
    }


def _time(text: str) -> str:
    """Python 3.10 reads no `Z`."""
    return text[:-1] + "+00:00" if text.endswith("Z") else text
