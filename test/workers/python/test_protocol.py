"""A run's events in the event streaming protocol (contract 1.10), made by the real library."""

import json

import pytest


def run(peer, graph, given):
    return peer.run(graph, given, protocol="v2")


def data_of(log, name):
    return [params["data"] for params in log.data(name)]


def test_names_and_params(peer):
    log = run(peer, "nested_asking", {})
    assert log.done["outcome"] == "success" and log.done["next"] == ["sub"]
    for name, params in log.events:
        channel, *namespace = name.split("|")
        assert channel in {"@checkpoints", "@values", "@tasks", "@updates", "@lifecycle", "@input"}
        assert params["namespace"] == namespace and params["timestamp"] > 0
    (child,) = {name for name in log.names if name.startswith("@lifecycle")}
    assert [one["event"] for one in data_of(log, child)] == ["started", "interrupted"]
    assert data_of(log, child.replace("@lifecycle", "@input"))[0]["payload"] == "inner?"


def test_interrupts_are_input_events(peer):
    log = run(peer, "both", {})
    asked = data_of(log, "@input")
    assert [one["payload"] for one in asked] == ["a?", "b?"]
    assert all(one["value"] == one["payload"] for one in asked)
    pending = {i["id"] for task in log.blob("interrupts").values() for i in task}
    assert {one["interrupt_id"] for one in asked} == pending
    told = data_of(log, "@values") + data_of(log, "@updates")
    assert "__interrupt__" not in json.dumps(told)
    assert log.blob("values")["__interrupt__"]


@pytest.mark.parametrize("graph", ["chat", "plain_chat"])
def test_messages_are_told_in_blocks(peer, graph):
    log = run(peer, graph, {"messages": []})
    kinds = [one["event"] for one in data_of(log, "@messages")]
    assert kinds[:2] == ["message-start", "content-block-start"]
    assert kinds[-2:] == ["content-block-finish", "message-finish"]
    assert {params["node"] for params in log.data("@messages")} <= {"model", "reply"}
    assert log.blob("values")["messages"][-1]["type"] == "ai"


def test_tools_tasks_checkpoints_and_custom(peer):
    log = run(peer, "tooling", {"messages": []})
    assert [one["event"] for one in data_of(log, "@tools")] == ["tool-started", "tool-finished"]
    tasks = data_of(log, "@tasks")
    assert [("result" in one, one["name"]) for one in tasks] == [
        (False, "call_add"), (True, "call_add"), (False, "use_tools"), (True, "use_tools"),
    ]  # fmt: skip
    assert all(set(one) <= {"id", "parent_id", "step", "source"} for one in data_of(log, "@checkpoints"))
    assert [one["node"] for one in data_of(log, "@updates")] == ["call_add", "use_tools"]
    custom = data_of(run(peer, "nested", {}), "@custom")
    assert custom == [{"payload": {"progress": 0.5, "text": "a\nb\u2028c"}}]


def test_a_failure_comes_behind_what_was_told(peer):
    log = run(peer, "failing", {})
    assert log.done["error"]["type"] == "KeyError"
    assert data_of(log, "@values")[-1] == {"log": ["one"]}


def test_a_run_can_be_cancelled(peer):
    log = peer.start("slow", {}, protocol="v2")
    log.wait_for(lambda seen: "@updates" in seen.names)
    peer.cancel(log)
    assert log.wait().done["outcome"] == "cancelled"
