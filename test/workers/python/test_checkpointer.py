"""The delegating checkpointer: the published conformance suite, and the synchronous twins."""

import asyncio
import socket
import sys
import threading

import pytest

import wire
from backend import Backend
from peer import WORKER

sys.path.insert(0, str(WORKER.parent))

from langgraph.checkpoint.memory import InMemorySaver  # noqa: E402
from runbell_worker.checkpointer import ServerCheckpointer  # noqa: E402
from runbell_worker.link import Link  # noqa: E402


class InProcess:
    """A saver whose requests go through a socketpair to a Backend on a thread."""

    def __init__(self) -> None:
        self.backend = Backend()
        ours, self.theirs = socket.socketpair()
        self.sock = ours
        link = Link(ours, on_message=lambda frame: None, on_end=lambda error: None)
        link.start()
        self.saver = ServerCheckpointer(link)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while (frame := wire.receive(self.theirs)) is not None:
            fields, blobs = self.backend.handle(*frame)
            reply = {"t": "reply", "re": frame[0]["id"], "ok": True, **fields}
            self.theirs.sendall(wire.pack(reply, *blobs))

    def close(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


@pytest.fixture
def in_process():
    made = InProcess()
    yield made
    made.close()


def test_conformance():
    conformance = pytest.importorskip("langgraph.checkpoint.conformance")

    @conformance.checkpointer_test(name="ServerCheckpointer")
    async def fresh():
        made = InProcess()
        yield made.saver
        made.close()

    report = asyncio.run(conformance.validate(fresh))
    failures = [f for result in report.results.values() for f in result.failures or ()]
    assert not failures and report.passed_all(), failures
    assert all(result.detected for result in report.results.values())


def config(checkpoint_id=None, **more):
    named = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
    return {"configurable": {"thread_id": "t", "checkpoint_ns": "", **named, **more}}


def checkpoint(checkpoint_id, **values):
    return {
        "v": 2, "id": checkpoint_id, "ts": "2026-01-01T00:00:00+00:00", "channel_values": values,
        "channel_versions": dict.fromkeys(values, int(checkpoint_id)), "versions_seen": {},
        "updated_channels": None,
    }  # fmt: skip


def fill(saver):
    """The same calls on any saver."""
    first = {"source": "input", "step": -1}
    saver.put(config(run_id="r1"), checkpoint("1", a=[1, {2}]), first, {"a": 1})
    saver.put_writes(config("1"), [("a", "late"), ("b", b"\x00")], "task-2", "~2")
    saver.put_writes(config("1"), [("a", "early")], "task-9", "~1")
    saver.put_writes(config("1"), [("a", "ignored")], "task-9", "~1")
    saver.put_writes(config("1"), [("__error__", "first")], "task-9", "~1")
    saver.put_writes(config("1"), [("__error__", "second")], "task-9", "~1")
    saver.put(config("1"), checkpoint("2", a=3), {"source": "loop", "step": 0}, {"a": 2})


def test_it_answers_as_the_library_saver_does(in_process):
    other = InMemorySaver()
    fill(in_process.saver)
    fill(other)
    for where in (config(), config("1"), config("9")):
        assert in_process.saver.get_tuple(where) == other.get_tuple(where)
    assert list(in_process.saver.list(config())) == list(other.list(config()))
    assert list(in_process.saver.list(None, filter={"step": 0})) == list(
        other.list(None, filter={"step": 0})
    )
    assert list(in_process.saver.list(config(), limit=0)) == []


def test_writes_come_in_the_order_of_the_step(in_process):
    fill(in_process.saver)
    writes = in_process.saver.get_tuple(config("1")).pending_writes
    assert [value for _, channel, value in writes if channel != "__error__"] == [
        "early", "late", b"\x00"
    ]  # fmt: skip


def test_synchronous_calls_on_the_loop_do_not_block_it_for_ever(in_process):
    async def on_loop():
        fill(in_process.saver)
        return in_process.saver.get_tuple(config()), await in_process.saver.aget_tuple(config())

    first, second = asyncio.run(asyncio.wait_for(on_loop(), 5))
    assert first == second and first.checkpoint["id"] == "2"


def test_the_synchronous_maintenance_calls(in_process):
    saver = in_process.saver
    fill(saver)
    saver.copy_thread("t", "copy")
    saver.delete_for_runs(["r1"])
    assert saver.get_tuple(config("1")) is None
    saver.prune(["copy"], strategy="keep_latest")
    kept = list(saver.list({"configurable": {"thread_id": "copy"}}))
    assert [t.checkpoint["id"] for t in kept] == ["2"]
    saver.delete_thread("copy")
    assert {key[0] for key in in_process.backend.checkpoints} == {"t"}


def test_run_id_is_a_field_of_its_own(in_process):
    fill(in_process.saver)
    put = next(h for h in in_process.backend.asked if h["t"] == "ckpt.put")
    assert put["run_id"] == "r1" == put["metadata"]["run_id"]
