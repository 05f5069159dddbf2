"""Runs from start to done: outcomes, interrupts, resume, fork, cancel, credit, crash."""

import importlib.metadata
import time

import pytest

from backend import Refusal
from conftest import PATHS
from peer import Refused


def thread_state(peer, graph_id, thread_id):
    return peer.state(graph_id, thread_id)


def test_done_carries_state_values_and_next(peer):
    """C8: what a webhook's `values` is made of."""
    log = peer.run("steps", {"log": ["in"]}, modes=())
    assert log.done["outcome"] == "success" and log.done["next"] == []
    assert log.blob("values") == {"log": ["in", "one", "two"]}
    assert list(log.blob("state")) == [
        "values", "next", "tasks", "metadata", "created_at", "checkpoint", "parent_checkpoint",
        "interrupts",
    ]  # fmt: skip
    assert log.blob("state")["metadata"]["run_id"] == log.run_id
    assert "interrupts" not in log.done and "error" not in log.done


@pytest.mark.parametrize(
    "graph_id,fields",
    [
        ("steps", {}),
        ("approval", {}),
        ("both", {}),
        ("nested_asking", {}),
        ("failing", {}),
        ("sending", {}),
        ("steps", {"interrupt_before": ["two"]}),
        ("steps", {"interrupt_after": "*"}),
        ("steps", {"durability": "exit"}),
        ("steps", {"durability": "sync"}),
    ],
)
def test_the_state_of_done_is_what_state_get_answers(peer, graph_id, fields):
    log = peer.run(graph_id, {"log": []}, **fields)
    assert log.blob("state") == thread_state(peer, graph_id, log.thread_id)


def test_an_error_has_class_and_text(peer):
    """C10"""
    log = peer.run("failing", {"log": []})
    assert log.done["outcome"] == "error" and log.done["next"] == ["fail"]
    assert log.done["error"] == {"type": "KeyError", "message": "'no such\\nthing'"}
    assert "values" not in log.done
    assert log.blob("state")["tasks"][0]["error"] == "KeyError('no such\\nthing')"


def test_an_unknown_graph_is_an_error(peer):
    assert peer.run("nothing").done["error"]["type"] == "UnknownGraph"


def test_input_that_is_no_object_is_an_error(peer):
    assert peer.run("steps", 7).done["error"]["type"] == "InvalidUpdateError"


def test_without_checkpointing_there_is_no_state(peer):
    before = len(peer.backend.checkpoints)
    log = peer.run("steps", {"log": []}, checkpointing=False, modes=())
    assert log.blob("values") == {"log": ["one", "two"]}
    assert "state" not in log.done and len(peer.backend.checkpoints) == before


def test_checkpoint_metadata_names_the_run_and_scalar_configurables(peer):
    log = peer.run("steps", {"log": []}, configurable={"user": "ann", "object": {"a": 1}})
    rows = [row for key, row in peer.backend.checkpoints.items() if key[0] == log.thread_id]
    assert len(rows) == 4
    for row in rows:
        assert row["run_id"] == row["metadata"]["run_id"] == log.run_id
        assert row["metadata"]["user"] == "ann" and row["metadata"]["from"] == "test"
        assert not {"thread_id", "checkpoint_ns", "object"} & set(row["metadata"])


def test_checkpoint_metadata_says_where_the_run_was_executed(peer):
    log = peer.run("steps", {"log": []}, attempt=2)
    told = log.blob("state")["metadata"]
    assert (told["thread_id"], told["run_attempt"]) == (log.thread_id, 2)
    assert (told["langgraph_plan"], told["langgraph_host"]) == ("developer", "self-hosted")
    assert told["langgraph_version"] == importlib.metadata.version("langgraph")
    assert told["langgraph_api_url"] == "http://127.0.0.1:8123"


def test_durability_exit_keeps_only_the_last_checkpoint(peer):
    log = peer.run("steps", {"log": []}, durability="exit")
    assert len([key for key in peer.backend.checkpoints if key[0] == log.thread_id]) == 1


def test_dynamic_interrupt_and_resume(peer):
    log = peer.run("approval", {"log": []})
    assert log.done["outcome"] == "success" and log.done["next"] == ["ask"]
    ((task_id, [interrupt]),) = log.blob("interrupts").items()
    assert interrupt["value"] == {"question": "go on?"}
    assert log.blob("state")["tasks"][0]["id"] == task_id
    assert log.blob("values") == {"log": ["one"], "__interrupt__": [interrupt]}
    resumed = peer.run("approval", command={"resume": "yes"}, thread_id=log.thread_id)
    assert resumed.blob("values") == {"log": ["one", "asked", "two"], "value": "yes"}
    assert resumed.done["next"] == [] and "interrupts" not in resumed.done


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_resume_with_an_empty_value(peer, value):
    log = peer.run("approval", {"log": []})
    resumed = peer.run("approval", command={"resume": value}, thread_id=log.thread_id)
    assert resumed.done["outcome"] == "success", resumed.done
    assert resumed.blob("values")["value"] == value and resumed.done["next"] == []


def test_several_interrupts_are_resumed_by_id(peer):
    log = peer.run("both", {"log": []})
    pending = [i for each in log.blob("interrupts").values() for i in each]
    assert sorted(i["value"] for i in pending) == ["a?", "b?"]
    assert len(log.blob("values")["__interrupt__"]) == 2
    ambiguous = peer.run("both", command={"resume": None}, thread_id=log.thread_id)
    assert ambiguous.done["error"]["type"] == "ValueError"
    answers = {i["id"]: i["value"][0] for i in pending}
    resumed = peer.run("both", command={"resume": answers}, thread_id=log.thread_id)
    assert sorted(resumed.blob("values")["log"]) == ["a=a", "b=b"]


def test_static_interrupt_goes_on_without_input(peer):
    log = peer.run("steps", {"log": []}, interrupt_before=["two"])
    assert log.done["next"] == ["two"] and "interrupts" not in log.done
    resumed = peer.run("steps", thread_id=log.thread_id)
    assert resumed.blob("values") == {"log": ["one", "two"]}
    after = peer.run("steps", {"log": []}, interrupt_after="*")
    assert after.done["next"] == ["two"]


def test_fork_from_an_older_checkpoint(peer):
    log = peer.run("steps", {"log": ["a"]})
    config = {"configurable": {"thread_id": log.thread_id}}
    (history,) = peer.ask("state.history", graph_id="steps", config=config, limit=10)
    before_two = next(state for state in history if state["next"] == ["two"])
    fork = peer.run(
        "steps",
        thread_id=log.thread_id,
        configurable={"checkpoint_id": before_two["checkpoint"]["checkpoint_id"]},
    )
    assert fork.blob("values") == {"log": ["a", "one", "two"]}
    assert fork.blob("state")["checkpoint"] != log.blob("state")["checkpoint"]
    (after,) = peer.ask("state.history", graph_id="steps", config=config, limit=20)
    assert len(after) > len(history)


def test_command_with_update_and_goto(peer):
    first = peer.run("steps", {"log": []})
    log = peer.run(
        "steps",
        command={"update": [["log", ["patched"]]], "goto": "two"},
        thread_id=first.thread_id,
    )
    assert log.blob("values")["log"] == ["one", "two", "patched", "two"]
    sent = peer.run("sending", {"log": []})
    command = {"goto": [{"node": "take", "input": {"value": 9}}]}
    log = peer.run("sending", command=command, thread_id=sent.thread_id)
    assert log.blob("values")["log"][-1] == "took 9"


def test_nested_interrupt(peer):
    log = peer.run("nested_asking", {"log": []}, modes=("updates",), subgraphs=True)
    assert log.done["next"] == ["sub"]
    assert any(name.startswith("updates|sub:") for name in log.names)
    resumed = peer.run("nested_asking", command={"resume": "ok"}, thread_id=log.thread_id)
    assert resumed.blob("values")["log"] == ["inner ok", "two"]


def test_context_and_config_reach_the_graph(peer):
    log = peer.run("with_context", {"log": []}, context={"name": "Ann"})
    assert log.blob("values") == {"log": ["hi Ann"]}
    log = peer.run("configured", {}, configurable={"user": "bob"})
    assert log.blob("values")["value"] == {
        "thread_id": log.thread_id, "run_id": log.run_id, "user": "bob"
    }  # fmt: skip


def test_recursion_limit_only_if_given(peer):
    limited = peer.run("limited", {"log": []})
    assert limited.done["error"]["type"] == "GraphRecursionError"
    assert len(limited.blob("state")["values"]["log"]) == 3
    given = peer.run("endless", {"log": []}, config={"recursion_limit": 5})
    assert "limit of 5" in given.done["error"]["message"]


def test_cancel_ends_a_running_node(peer):
    log = peer.start("slow", {"log": []})
    log.wait_for(lambda log: len(log.events) == 2)
    peer.cancel(log)
    log.wait(5)
    assert log.done["outcome"] == "cancelled" and log.done["next"] == ["sleep"]
    assert "error" not in log.done and log.blob("state")["values"] == {"log": ["one"]}


def test_cancel_at_once_and_of_a_stale_attempt(peer):
    log = peer.start("slow", {"log": []}, attempt=2)
    peer.send({"t": "run.cancel", "run_id": log.run_id, "attempt": 1, "reason": "interrupt"})
    log.wait_for(lambda log: len(log.events) == 2)
    peer.cancel(log)
    assert log.wait(5).done["outcome"] == "cancelled"
    log = peer.start("slow", {"log": []})
    peer.cancel(log)
    assert log.wait(5).done["outcome"] == "cancelled"
    peer.cancel(log)  # long over: ignored


def test_runs_go_side_by_side(peer):
    started = time.monotonic()
    logs = [peer.start("slow", {"log": [], "value": 0.3}) for _ in range(10)]
    for log in logs:
        assert log.wait().done["outcome"] == "success"
    assert time.monotonic() - started < 2.5


def test_a_graph_that_exits_fails_only_its_run(peer):
    other = peer.start("slow", {"log": [], "value": 0.3})
    log = peer.run("leaving", {"log": []})
    assert log.done["outcome"] == "error" and log.done["error"]["type"] == "SystemExit"
    assert other.wait().done["outcome"] == "success"


def test_events_wait_for_credit(make_peer):
    peer = make_peer(graphs={"flooding": PATHS["flooding"], "steps": PATHS["steps"]})
    peer.gives_credit = False
    log = peer.start(
        "flooding", {"value": {"count": 100, "bytes": 100_000}}, modes=("custom",)
    )
    log.wait_for(lambda log: log.event_bytes > 4 * 1024 * 1024)
    time.sleep(0.3)
    held = len(log.events)
    assert log.event_bytes < 4 * 1024 * 1024 + 200_000 and log.done is None
    assert peer.run("steps", {"log": []}).done["outcome"] == "success"  # others go on
    peer.credit(log, 1_000_000)
    log.wait_for(lambda log: len(log.events) >= held + 9)
    peer.gives_credit = True
    peer.credit(log, log.event_bytes)
    assert len(log.wait().events) == 100


def test_cancel_of_a_run_that_waits_for_credit(make_peer):
    peer = make_peer(graphs={"flooding": PATHS["flooding"]})
    peer.gives_credit = False
    log = peer.start("flooding", {"value": {"count": 60, "bytes": 100_000}}, modes=("custom",))
    log.wait_for(lambda log: log.event_bytes > 4 * 1024 * 1024)
    peer.cancel(log)
    assert log.wait(5).done["outcome"] == "cancelled"


def test_big_payloads(peer):
    text = "x" * 5_000_000
    log = peer.run("steps", {"log": [text]})
    assert log.blob("values")["log"][0] == text and len(log.events) == 3


def test_a_value_larger_than_a_frame_is_an_error(peer):
    log = peer.run(
        "flooding", {"value": {"count": 1, "bytes": 65 * 1024 * 1024}}, modes=("custom",)
    )
    assert log.done["outcome"] == "error"
    assert log.done["error"]["type"] == "FrameTooLarge" and "MiB" in log.done["error"]["message"]


def test_a_killed_run_is_taken_up_from_its_checkpoint(make_peer):
    first = make_peer(graphs=PATHS)
    config = {"metadata": {"die": True}}
    log = first.start("dying", {"log": ["in"]}, config=config, durability="sync")
    assert first.exit_code() == 9 and log.done is None
    assert first.backend.runs_with_checkpoints() == {log.run_id}
    second = make_peer(graphs=PATHS, backend=first.backend)
    again = second.run(
        "dying",
        {"log": ["in"]},
        run_id=log.run_id,
        thread_id=log.thread_id,
        attempt=2,
        resume=True,
        configurable={"checkpoint_id": "ignored"},
    )
    assert again.done["outcome"] == "success" and again.done["attempt"] == 2
    assert again.blob("values") == {"log": ["in", "one", "survived", "two"]}


def test_prints_go_to_standard_output(make_peer):
    peer = make_peer(graphs={"printing": PATHS["printing"]})
    assert peer.run("printing", {"log": []}).done["outcome"] == "success"
    peer.close()
    assert peer.stdout == "printed by a graph\n"


def test_factories(peer):
    named = {"node_name": "made_up"}
    for graph_id in ("sync_factory", "async_factory", "managed", "generator", "both_arguments"):
        log = peer.run(graph_id, {"log": []}, configurable=named, modes=("updates",))
        assert log.events == [("updates", {"made_up": {"log": ["made_up"]}})], graph_id
        config = {"configurable": {"thread_id": log.thread_id, **named}}
        (state,) = peer.ask("state.get", graph_id=graph_id, config=config, subgraphs=False)
        assert state == log.blob("state")
    assert peer.run("no_arguments", {"log": []}).blob("values") == {"log": ["one"]}
    assert peer.run("dotted", {"log": []}).blob("values") == {"log": ["one", "two"]}
    assert peer.run("in_package", {"log": []}).blob("values") == {"log": ["one", "two"]}
    assert peer.run("builder", {"log": []}).blob("values") == {"log": ["one", "two"]}


def test_a_factory_may_take_the_runtime(peer):
    log = peer.run("runtime_factory", {"log": []})
    assert log.blob("values") == {"log": ["threads_create_run"]}
    (drawn,) = peer.ask("graph.draw", graph_id="runtime_factory", xray=False)
    assert "assistants_read" in [node["id"] for node in drawn["nodes"]]


def test_a_factory_that_makes_no_graph(peer):
    log = peer.run("wrong", {"log": []})
    assert "returned a str, not a graph" in log.done["error"]["message"]
    with pytest.raises(Refused, match="not a graph"):
        peer.ask("graph.schemas", graph_id="wrong")


def test_the_store(peer):
    log = peer.run("storing", {"log": []})
    assert log.done["outcome"] == "success", log.done
    assert log.blob("values")["value"] == {
        "found": {"n": 1}, "age": 0, "hits": ["k1"],
        "spaces": [["users", "ann"], ["users", "bob"]], "gone": None,
    }  # fmt: skip
    assert log.blob("values")["log"] == ["{'v': True}", "{'v': True}"]


def test_managed_factories_are_closed(make_peer):
    peer = make_peer(graphs={"managed": PATHS["managed"]})
    peer.run("managed", {"log": []})
    peer.close()
    assert peer.stdout.split("\n")[:2] == ["factory opened", "factory closed"]




def test_with_events_runs_end_in_the_same_ways(peer):
    """C4: stream mode `events` goes another way through the library; outcomes are the same."""
    failed = peer.run("failing", {"log": []}, modes=("events",))
    assert failed.done["error"]["type"] == "KeyError"
    stopped = peer.run("approval", {"log": []}, modes=("events",))
    assert stopped.done["next"] == ["ask"] and stopped.blob("values")["__interrupt__"]
    nested = peer.run("nested", {"log": []}, modes=("events", "values"), subgraphs=True)
    assert any(name.startswith("values|sub:") for name in nested.names)
    log = peer.start("slow", {"log": []}, modes=("events",))
    log.wait_for(lambda log: "sleep" in [data["name"] for _, data in log.events])
    peer.cancel(log)
    assert log.wait(5).done["outcome"] == "cancelled" and log.done["next"] == ["sleep"]


def test_a_server_that_refuses_a_checkpoint_fails_the_run(make_peer, monkeypatch):
    peer = make_peer(graphs={"steps": PATHS["steps"]})

    def refuse(header, blobs):
        raise Refusal("unavailable", "DiskFull", "no space is left")

    monkeypatch.setattr(peer.backend, "ckpt_put", refuse)
    log = peer.run("steps", {"log": []})
    assert log.done["outcome"] == "error" and "state" not in log.done
    assert log.done["error"] == {"type": "DiskFull", "message": "no space is left"}
