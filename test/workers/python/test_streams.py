"""Every stream mode: the exact event names in their order, and the form of the data."""

import pytest

MESSAGE = {"messages": [{"role": "user", "content": "hi", "id": "u1"}]}
HUMAN = {
    "content": "hi", "additional_kwargs": {}, "response_metadata": {}, "type": "human", "id": "u1"
}  # fmt: skip


def ai(text, **more):
    return {
        "content": text, "additional_kwargs": {}, "response_metadata": {}, "type": "ai",
        "id": "ai-1", "tool_calls": [], "invalid_tool_calls": [], **more,
    }  # fmt: skip


def test_values(peer):
    log = peer.run("steps", {"log": ["in"]})
    assert log.events == [
        ("values", {"log": ["in"]}),
        ("values", {"log": ["in", "one"]}),
        ("values", {"log": ["in", "one", "two"]}),
    ]


def test_updates(peer):
    log = peer.run("steps", {"log": ["in"]}, modes=("updates",))
    assert log.events == [
        ("updates", {"one": {"log": ["one"]}}),
        ("updates", {"two": {"log": ["two"]}}),
    ]


def test_custom_data_is_one_line_of_json(peer):
    log = peer.run("steps", {"log": []}, modes=("custom",))
    assert log.events == [("custom", {"progress": 0.5, "text": "a\nb\u2028c"})]


def test_only_requested_modes_come_out(peer):
    assert peer.run("steps", {"log": []}, modes=()).events == []
    names = peer.run("chat", MESSAGE, modes=("messages-tuple",)).names
    assert set(names) == {"messages"}


def test_several_modes_keep_the_library_order(peer):
    log = peer.run("steps", {"log": []}, modes=("custom", "values", "updates"))
    assert log.names == ["values", "updates", "values", "custom", "updates", "values"]


def test_messages_metadata_partial_complete(peer):
    log = peer.run("chat", MESSAGE, modes=("messages",))
    assert log.names == [
        "messages/complete", "messages/metadata", *["messages/partial"] * 5, "messages/complete",
    ]  # fmt: skip
    assert log.events[0][1] == [HUMAN]
    (metadata,) = log.data("messages/metadata")
    assert metadata["ai-1"]["metadata"]["langgraph_node"] == "model"
    texts = [data[0]["content"] for data in log.data("messages/partial")]
    assert texts == ["Hello", "Hello ", "Hello there", "Hello there ", "Hello there friend"]
    assert log.events[-1] == ("messages/complete", [ai("Hello there friend")])
    assert log.data("messages/partial")[-1] == [ai("Hello there friend")]


def test_a_message_without_tokens_is_complete_once(peer):
    log = peer.run("plain_chat", MESSAGE, modes=("messages",))
    assert log.names == ["messages/complete", "messages/metadata", "messages/complete"]
    assert log.events[2][1][0]["content"] == "made by hand"


def test_messages_of_earlier_runs_are_complete_once(peer):
    first = peer.run("plain_chat", MESSAGE)
    more = {"messages": [{"role": "user", "content": "more", "id": "u2"}]}
    log = peer.run("plain_chat", more, thread_id=first.thread_id, modes=("messages",))
    assert [m["id"] for m in log.events[0][1]] == ["u1", "hand-1", "u2"]


def test_messages_tuple(peer):
    log = peer.run("chat", MESSAGE, modes=("messages-tuple",))
    chunk, metadata = log.events[0][1]
    assert (chunk["type"], chunk["content"], chunk["id"]) == ("AIMessageChunk", "Hello", "ai-1")
    for key in ("langgraph_step", "langgraph_node", "langgraph_triggers", "langgraph_path",
                "langgraph_checkpoint_ns", "run_id", "thread_id", "graph_id", "assistant_id",
                "ls_model_type", "ls_provider"):  # fmt: skip
        assert key in metadata
    assert not [key for key in metadata if key.startswith("__")]
    assert "".join(data[0]["content"] for _, data in log.events) == "Hello there friend"


def test_both_message_modes_together(peer):
    names = peer.run("chat", MESSAGE, modes=("messages", "messages-tuple")).names
    assert names.count("messages") == 5 and names.count("messages/partial") == 5


def test_events(peer):
    log = peer.run("chat", MESSAGE, modes=("events",))
    assert set(log.names) == {"events"}
    kinds = [data["event"] for _, data in log.events]
    assert kinds[0] == "on_chain_start" and kinds[-1] == "on_chain_end"
    assert kinds.count("on_chat_model_stream") == 5
    assert set(log.events[0][1]) == {
        "event", "name", "run_id", "parent_ids", "tags", "metadata", "data"
    }  # fmt: skip
    assert log.events[0][1]["run_id"] == log.run_id
    hidden = [data for _, data in log.events if "langsmith:hidden" in data["tags"]]
    assert hidden == []
    assert log.blob("values")["messages"][1] == ai("Hello there friend")


def test_events_with_values(peer):
    """C4: the Python sample of run webhooks streams `events`."""
    log = peer.run("steps", {"log": []}, modes=("events", "values", "messages"))
    assert set(log.names) == {"events", "values"}
    assert [data["log"] for data in log.data("values")] == [[], ["one"], ["one", "two"]]
    assert log.blob("state")["values"] == {"log": ["one", "two"]}


def test_tasks(peer):
    log = peer.run("steps", {"log": []}, modes=("tasks",))
    starts, results = log.events[0::2], log.events[1::2]
    assert [data["name"] for _, data in starts] == ["one", "two"]
    assert set(starts[0][1]) == {"id", "name", "input", "triggers", "interrupts", "metadata"}
    assert set(results[0][1]) == {"id", "name", "error", "result", "interrupts"}
    assert results[0][1]["result"] == {"log": ["one"]} and results[0][1]["error"] is None


def test_checkpoints(peer):
    log = peer.run("steps", {"log": []}, modes=("checkpoints",))
    assert [data["next"] for _, data in log.events] == [["__start__"], ["one"], ["two"], []]
    first, last = log.events[0][1], log.events[-1][1]
    assert set(last) == {
        "config", "parent_config", "values", "metadata", "next", "tasks", "checkpoint",
        "parent_checkpoint",
    }  # fmt: skip
    assert set(last["checkpoint"]) == {
        "thread_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map"
    }  # fmt: skip
    assert first["parent_checkpoint"] is None
    assert last["metadata"]["step"] == 2 and last["metadata"]["source"] == "loop"
    assert not [key for key in last["config"]["configurable"] if key.startswith("__")]


def test_debug(peer):
    log = peer.run("steps", {"log": []}, modes=("debug",))
    kinds = [data["type"] for _, data in log.events]
    assert kinds == [
        "checkpoint", "checkpoint", "task", "task_result", "checkpoint", "task", "task_result",
        "checkpoint",
    ]  # fmt: skip
    assert set(log.events[0][1]) == {"step", "timestamp", "type", "payload"}
    assert log.events[-1][1]["payload"]["checkpoint"]["thread_id"] == log.thread_id


@pytest.mark.parametrize("mode", ["values", "updates", "custom", "tasks", "checkpoints", "debug"])
def test_without_subgraphs_only_the_root_streams(peer, mode):
    assert set(peer.run("nested", {"log": []}, modes=(mode,)).names) == {mode}


def test_subgraphs_have_their_namespace_in_the_name(peer):
    log = peer.run("nested", {"log": []}, modes=("values", "updates"), subgraphs=True)
    inner = [name for name in log.names if "|" in name]
    suffix = inner[0].partition("|")[2]
    assert suffix.startswith("sub:") and len(suffix) == len("sub:") + 36
    assert log.names == [
        "values", f"values|{suffix}", f"updates|{suffix}", f"values|{suffix}",
        "updates", "values", "updates", "values",
    ]  # fmt: skip


def test_a_task_with_a_subgraph_names_its_checkpoints(peer):
    log = peer.run("nested", {"log": []}, modes=("checkpoints",))
    (task,) = [t for _, data in log.events for t in data["tasks"] if t["name"] == "sub"]
    assert set(task["checkpoint"]) == {"thread_id", "checkpoint_ns"}
    assert task["checkpoint"]["checkpoint_ns"] == f"sub:{task['id']}" and "state" not in task


def test_any_value_has_a_form(peer):
    log = peer.run("odd_values", {"log": []}, modes=("custom",))
    assert log.done["outcome"] == "success"
    (data,) = log.data("custom")
    assert data == {
        "when": "2026-01-02T00:00:00+00:00",
        "id": "00000000-0000-0000-0000-000000000001",
        "set": [1],
        "bytes": "YWI=",
        "color": "red",
        "error": {"error": "ValueError", "message": "bad"},
        "decimal": "1.10",
        "nan": None,
        "text": "a\u2028b\ufffd",
        "(1, 2)": {"graph": None, "update": None, "resume": None, "goto": "x"},
    }


def test_interrupt_events(peer):
    log = peer.run("approval", {"log": []}, modes=("values", "updates"))
    interrupt = {"id": log.events[-1][1]["__interrupt__"][0]["id"], "value": {"question": "go on?"}}
    assert log.events[-2:] == [
        ("updates", {"__interrupt__": [interrupt]}),
        ("values", {"log": ["one"], "__interrupt__": [interrupt]}),
    ]


def test_static_interrupt_events(peer):
    log = peer.run("steps", {"log": []}, modes=("values", "updates"), interrupt_before=["two"])
    assert log.events[-1] == ("updates", {"__interrupt__": []})
    assert log.blob("values") == {"log": ["one"]}


def test_tools(peer):
    """Tool events exist since LangGraph 1.2; earlier versions send none."""
    log = peer.run("tooling", {"messages": []}, modes=("tools",))
    assert log.done["outcome"] == "success"
    assert set(log.names) <= {"tools"}
    result = log.blob("values")["messages"][-1]
    assert (result["type"], result["content"], result["tool_call_id"]) == ("tool", "3", "call-1")


def test_messages_of_a_tool_call_are_complete_once_each(peer):
    log = peer.run("tooling", {"messages": []}, modes=("messages",))
    complete = [m for data in log.data("messages/complete") for m in data]
    assert [m["type"] for m in complete] == ["ai", "tool"]
    assert complete[0]["tool_calls"][0]["args"] == {"a": 1, "b": 2}


def test_lifecycle_tells_of_subgraphs_and_of_nothing_else(peer):
    log = peer.run("nested", {"log": []}, modes=("lifecycle", "updates"))
    plain = peer.run("nested", {"log": []}, modes=("updates",))
    assert [name for name in log.names if name != "lifecycle"] == plain.names
    started, ended = log.data("lifecycle")
    (segment,) = started["namespace"]
    node, task_id = segment.split(":")
    assert started == {
        "event": "started", "namespace": [segment], "graph_name": node, "trigger_call_id": task_id,
    }  # fmt: skip
    assert ended == {"event": "completed", "namespace": [segment]}
    assert log.names[0] == "lifecycle"


def test_lifecycle_of_a_subgraph_that_asks(peer):
    log = peer.run("nested_asking", {"log": []}, modes=("lifecycle",))
    assert [told["event"] for told in log.data("lifecycle")] == ["started", "interrupted"]
    assert set(log.names) == {"lifecycle"}
