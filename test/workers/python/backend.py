"""What the server keeps for workers, in memory: checkpoints, their writes, the store."""

import threading
from datetime import datetime, timezone
from typing import Any

Answer = tuple[dict[str, Any], list[bytes]]

SPECIAL = -1  # writes with an index up to this one overwrite


class Backend:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.checkpoints: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.writes: dict[tuple[str, str, str], dict[tuple[str, int], dict[str, Any]]] = {}
        self.items: dict[tuple[tuple[str, ...], str], dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.list_limit: int | None = None

    def handle(self, header: dict[str, Any], blobs: list[bytes]) -> Answer:
        with self.lock:
            self.asked.append(header)
            name = header["t"].replace(".", "_")
            return getattr(self, name)(header, blobs)

    def runs_with_checkpoints(self) -> set[str]:
        with self.lock:
            return {row["run_id"] for row in self.checkpoints.values() if row["run_id"]}

    def ckpt_put(self, h: dict[str, Any], blobs: list[bytes]) -> Answer:
        assert isinstance(h["metadata"], dict)
        self.checkpoints[(h["thread_id"], h["ns"], h["checkpoint_id"])] = {
            "parent_id": h.get("parent_id"),
            "run_id": h.get("run_id"),
            "type": h["type"],
            "metadata": h["metadata"],
            "bytes": blobs[0],
        }
        return {}, []

    def ckpt_put_writes(self, h: dict[str, Any], blobs: list[bytes]) -> Answer:
        rows = self.writes.setdefault((h["thread_id"], h["ns"], h["checkpoint_id"]), {})
        for write in h["writes"]:
            key = (h["task_id"], write["idx"])
            if write["idx"] > SPECIAL and key in rows:
                continue
            rows[key] = {
                "task_id": h["task_id"],
                "task_path": h["task_path"],
                "idx": write["idx"],
                "channel": write["channel"],
                "type": write["type"],
                "bytes": blobs[write["blob"]],
            }
        return {}, []

    def ckpt_get(self, h: dict[str, Any], _: list[bytes]) -> Answer:
        keys = self._keys(h["thread_id"], h["ns"])
        wanted = h.get("checkpoint_id")
        keys = [k for k in keys if wanted is None or k[2] == wanted]
        if not keys:
            return {"found": False}, []
        blobs: list[bytes] = []
        return {"found": True, "tuple": self._tuple(keys[0], blobs)}, blobs

    def ckpt_list(self, h: dict[str, Any], _: list[bytes]) -> Answer:
        keys = [
            key
            for key in self._keys(h.get("thread_id"), h.get("ns"))
            if ("checkpoint_id" not in h or key[2] == h["checkpoint_id"])
            and ("before" not in h or key[2] < h["before"])
            and self._matches(key, h.get("filter") or {})
        ][: h.get("limit")]
        if self.list_limit is not None and len(keys) > self.list_limit:
            raise Refusal("too_large", "TooLarge", "that many do not fit")
        blobs: list[bytes] = []
        return {"tuples": [self._tuple(key, blobs) for key in keys]}, blobs

    def ckpt_delete_thread(self, h: dict[str, Any], _: list[bytes]) -> Answer:
        self._delete([k for k in self.checkpoints if k[0] == h["thread_id"]])
        return {}, []

    def ckpt_delete_for_runs(self, h: dict[str, Any], _: list[bytes]) -> Answer:
        self._delete([k for k, row in self.checkpoints.items() if row["run_id"] in h["run_ids"]])
        return {}, []

    def ckpt_copy_thread(self, h: dict[str, Any], _: list[bytes]) -> Answer:
        for rows in (self.checkpoints, self.writes):
            for key in [k for k in rows if k[0] == h["from"]]:
                rows[(h["to"], *key[1:])] = dict(rows[key])
        return {}, []

    def ckpt_prune(self, h: dict[str, Any], _: list[bytes]) -> Answer:
        for thread_id in h["thread_ids"]:
            keys = self._keys(thread_id, None)
            heads: dict[str, str] = {}
            for _, ns, checkpoint_id in keys:
                heads[ns] = max(heads.get(ns, ""), checkpoint_id)
            keep = h["strategy"] == "keep_latest"
            self._delete([k for k in keys if not (keep and heads[k[1]] == k[2])])
        return {}, []

    def store_batch(self, h: dict[str, Any], _: list[bytes]) -> Answer:
        return {"results": [getattr(self, f"_{op['op']}")(op) for op in h["ops"]]}, []

    def _keys(self, thread_id: str | None, ns: str | None) -> list[tuple[str, str, str]]:
        keys = [
            key
            for key in self.checkpoints
            if (thread_id is None or key[0] == thread_id) and (ns is None or key[1] == ns)
        ]
        return sorted(keys, key=lambda key: key[2], reverse=True)

    def _matches(self, key: tuple[str, str, str], wanted: dict[str, Any]) -> bool:
        metadata = self.checkpoints[key]["metadata"]
        return all(metadata.get(name) == value for name, value in wanted.items())

    def _tuple(self, key: tuple[str, str, str], blobs: list[bytes]) -> dict[str, Any]:
        row = self.checkpoints[key]
        out = {k: row[k] for k in ("parent_id", "type", "metadata")}
        out |= {"thread_id": key[0], "ns": key[1], "checkpoint_id": key[2], "blob": len(blobs)}
        blobs.append(row["bytes"])
        out["writes"] = []
        for write in self.writes.get(key, {}).values():
            out["writes"].append(
                {**{k: v for k, v in write.items() if k != "bytes"}, "blob": len(blobs)}
            )
            blobs.append(write["bytes"])
        return out

    def _delete(self, keys: list[tuple[str, str, str]]) -> None:
        for key in keys:
            self.checkpoints.pop(key, None)
            self.writes.pop(key, None)

    def _get(self, op: dict[str, Any]) -> Any:
        return self.items.get((tuple(op["namespace"]), op["key"]))

    def _put(self, op: dict[str, Any]) -> None:
        key = (tuple(op["namespace"]), op["key"])
        if op["value"] is None:
            self.items.pop(key, None)
            return
        now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        created = self.items.get(key, {}).get("created_at", now)
        self.items[key] = {
            "namespace": op["namespace"],
            "key": op["key"],
            "value": op["value"],
            "created_at": created,
            "updated_at": now,
        }

    def _search(self, op: dict[str, Any]) -> list[Any]:
        prefix = tuple(op["namespace_prefix"])
        found = [
            item
            for (namespace, _), item in self.items.items()
            if namespace[: len(prefix)] == prefix
            and all(item["value"].get(k) == v for k, v in (op.get("filter") or {}).items())
        ]
        return found[op["offset"] : op["offset"] + op["limit"]]

    def _list_namespaces(self, op: dict[str, Any]) -> list[list[str]]:
        found = {namespace[: op.get("max_depth")] for namespace, _ in self.items}
        for condition in op.get("match_conditions", []):
            path = tuple(condition["path"])
            if condition["match_type"] == "prefix":
                found = {n for n in found if n[: len(path)] == path}
            else:
                found = {n for n in found if n[-len(path) :] == path}
        return [list(n) for n in sorted(found)][op["offset"] : op["offset"] + op["limit"]]


class Refusal(Exception):
    """The server's answer is an error."""

    def __init__(self, code: str, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error = {"code": code, "type": error_type, "message": message}
