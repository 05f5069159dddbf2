"""Questions about states and graphs: state.*, graph.*."""

import json
import uuid

import pytest

from peer import Refused


def ask_update(peer, graph_id, thread_id, values, as_node=None, **where):
    config = {"configurable": {"thread_id": thread_id, **where}}
    return peer.ask(
        "state.update", json.dumps(values).encode(), graph_id=graph_id, config=config,
        **({"as_node": as_node} if as_node else {}),
    )  # fmt: skip


def history(peer, graph_id, thread_id, limit=10, **fields):
    config = {"configurable": {"thread_id": thread_id}}
    return peer.ask("state.history", graph_id=graph_id, config=config, limit=limit, **fields)[0]


def test_the_state_of_an_unknown_thread_is_empty(peer):
    assert peer.state("steps", "nobody") == {
        "values": {}, "next": [], "tasks": [], "metadata": None, "created_at": None,
        "checkpoint": None, "parent_checkpoint": None, "interrupts": [],
    }  # fmt: skip


def test_an_unknown_checkpoint_is_empty_and_echoes_its_id(peer):
    state = peer.state("steps", "nobody", checkpoint_id="1f")
    assert state["values"] == {} and state["checkpoint"] == {
        "thread_id": "nobody", "checkpoint_id": "1f", "checkpoint_ns": "", "checkpoint_map": None
    }  # fmt: skip


def test_the_state_of_a_subgraph(peer):
    log = peer.run("nested_asking", {"log": []})
    (task,) = peer.state("nested_asking", log.thread_id)["tasks"]
    assert set(task["checkpoint"]) == {"thread_id", "checkpoint_ns"} and task["state"] is None
    namespace = task["checkpoint"]["checkpoint_ns"]
    (deep,) = peer.state("nested_asking", log.thread_id, subgraphs=True)["tasks"]
    assert deep["checkpoint"] is None and deep["state"]["next"] == ["inner_ask"]
    assert list(task) == [
        "id", "name", "error", "interrupts", "path", "checkpoint", "state", "result"
    ]  # fmt: skip
    inner = peer.state("nested_asking", log.thread_id, checkpoint_ns=namespace)
    assert inner["values"] == deep["state"]["values"] == {"log": ["inner one"]}
    assert inner["checkpoint"]["checkpoint_ns"] == namespace
    assert inner["checkpoint"]["checkpoint_map"]


def test_history_newest_first_with_limit_before_and_filter(peer):
    log = peer.run("steps", {"log": ["a"]})
    states = history(peer, "steps", log.thread_id)
    assert [state["metadata"]["step"] for state in states] == [2, 1, 0, -1]
    assert [state["next"] for state in states] == [[], ["two"], ["one"], ["__start__"]]
    assert states[0] == log.blob("state")
    assert states[0]["parent_checkpoint"] == states[1]["checkpoint"]
    assert history(peer, "steps", log.thread_id, limit=1) == states[:1]
    before = states[1]["checkpoint"]["checkpoint_id"]
    assert history(peer, "steps", log.thread_id, before=before) == states[2:]
    assert history(peer, "steps", log.thread_id, filter={"step": 1}) == states[1:2]
    of_thread = {"thread_id": log.thread_id, "step": 1}
    assert history(peer, "steps", log.thread_id, filter=of_thread) == states[1:2]
    assert history(peer, "steps", log.thread_id, filter={"thread_id": "another"}) == []
    assert history(peer, "steps", "nobody") == []


def test_a_history_that_does_not_fit_comes_in_pages(make_peer, paths):
    peer = make_peer(graphs={"steps": paths["steps"]})
    log = peer.run("steps", {"log": ["a"]})
    whole = history(peer, "steps", log.thread_id, limit=4)
    peer.backend.list_limit = 1
    assert history(peer, "steps", log.thread_id, limit=4) == whole
    assert history(peer, "steps", log.thread_id, limit=2) == whole[:2]
    peer.backend.list_limit = 0
    with pytest.raises(Refused) as refused:
        history(peer, "steps", log.thread_id, limit=4)
    assert refused.value.code == "too_large"


def test_update_and_its_new_head(peer):
    log = peer.run("steps", {"log": ["a"]})
    made, head = ask_update(peer, "steps", log.thread_id, {"log": ["patched"]}, as_node="one")
    assert set(made["checkpoint"]) == {"thread_id", "checkpoint_ns", "checkpoint_id"}
    assert head["values"]["log"][-1] == "patched" and head["next"] == ["two"]
    assert head["checkpoint"]["checkpoint_id"] == made["checkpoint"]["checkpoint_id"]
    assert head["metadata"]["source"] == "update"
    assert head == peer.state("steps", log.thread_id)


def test_update_of_an_older_checkpoint_forks(peer):
    log = peer.run("steps", {"log": ["a"]})
    old = history(peer, "steps", log.thread_id)[2]["checkpoint"]["checkpoint_id"]
    _, head = ask_update(peer, "steps", log.thread_id, {"log": ["b"]}, "one", checkpoint_id=old)
    assert head["values"]["log"] == ["a", "b"]
    assert head["parent_checkpoint"]["checkpoint_id"] == old


def test_update_with_nothing_ends_the_thread(peer):
    log = peer.run("steps", {"log": []}, interrupt_before=["two"])
    _, head = ask_update(peer, "steps", log.thread_id, None, as_node="__end__")
    assert head["next"] == []


def test_a_refused_update_says_why(peer):
    log = peer.run("steps", {"log": []})
    with pytest.raises(Refused) as refused:
        ask_update(peer, "steps", log.thread_id, {"log": ["x"]}, as_node="nobody")
    assert refused.value.code == "invalid" and refused.value.type == "InvalidUpdateError"
    with pytest.raises(Refused) as refused:
        peer.ask("state.get", graph_id="nothing", config={}, subgraphs=False)
    assert refused.value.code == "not_found"


def bulk(peer, graph_id, thread_id, supersteps):
    config = {"configurable": {"thread_id": thread_id}}
    text = json.dumps(supersteps).encode()
    return peer.ask("state.bulk_update", text, graph_id=graph_id, config=config)


def test_bulk_update_builds_a_thread(peer):
    thread_id = str(uuid.uuid4())
    made, head = bulk(peer, "steps", thread_id, [
        {"updates": [{"as_node": "__input__", "values": {"log": ["a"]}}]},
        {"updates": [{"as_node": "__start__", "values": {"log": ["a"]}}]},
        {"updates": [{"as_node": "one", "values": {"log": ["one"]}}]},
    ])  # fmt: skip
    assert head["values"] == {"log": ["a", "one"]} and head["next"] == ["two"]
    assert made["checkpoint"]["checkpoint_id"] == head["checkpoint"]["checkpoint_id"]
    assert peer.run("steps", thread_id=thread_id).blob("values")["log"] == ["a", "one", "two"]


def test_bulk_update_with_copy_and_command(peer):
    log = peer.run("steps", {"log": ["a"]}, interrupt_before=["two"])
    _, head = bulk(peer, "steps", log.thread_id, [{"updates": [{"as_node": "__copy__"}]}])
    assert head["metadata"]["source"] == "fork" and head["next"] == ["two"]
    command = {"update": {"log": ["by command"]}}
    step = {"updates": [{"as_node": "one", "command": command}]}
    _, head = bulk(peer, "steps", log.thread_id, [step])
    assert head["values"]["log"] == ["a", "one", "by command"]


def test_drawing(peer):
    (drawn,) = peer.ask("graph.draw", graph_id="nested", xray=False)
    assert [node["id"] for node in drawn["nodes"]] == ["__start__", "sub", "two", "__end__"]
    assert {"source": "sub", "target": "two"} in drawn["edges"]
    (deep,) = peer.ask("graph.draw", graph_id="nested", xray=True)
    assert "sub:inner_one" in [node["id"] for node in deep["nodes"]]
    assert peer.ask("graph.draw", graph_id="nested", xray=1)[0] == deep


def test_schemas(peer):
    (schemas,) = peer.ask("graph.schemas", graph_id="chat")
    assert list(schemas) == [
        "graph_id", "input_schema", "output_schema", "state_schema", "config_schema",
        "context_schema",
    ]  # fmt: skip
    assert schemas["graph_id"] == "chat" and "messages" in schemas["input_schema"]["properties"]
    assert "messages" in schemas["state_schema"]["properties"]
    assert schemas["context_schema"] is None
    (schemas,) = peer.ask("graph.schemas", graph_id="with_context")
    assert schemas["context_schema"]["properties"] == {"name": {"title": "Name", "type": "string"}}


def test_subgraphs(peer):
    (found,) = peer.ask("graph.subgraphs", graph_id="nested", recurse=True)
    assert list(found) == ["sub"]
    assert found["sub"]["state"] == found["sub"]["state_schema"]
    assert "log" in found["sub"]["input"]["properties"]
    for namespace, expected in (("sub", found), ("x", {})):
        named = {"namespace": namespace, "recurse": False}
        assert peer.ask("graph.subgraphs", graph_id="nested", **named) == [expected]
