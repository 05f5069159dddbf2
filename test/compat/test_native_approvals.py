"""Approvals of native agents in the forms that agent-chat-ui and agent-inbox understand, and every answer that they send
(issue 7; fleet.md 2.6). The checks below ask of an interrupt what those programs ask before they show it."""

import json

import pytest

from test_native_agent import ASKS, ask, api, make, model, sdk, server  # noqa: F401 (fixtures)

from harness.model import calls, text


def is_shown_by_agent_chat_ui(interrupt):
    """An interrupt whose value has requests (name, args) and reviews (action_name, allowed_decisions)."""
    value = interrupt["value"]
    return bool(value["action_requests"]) and bool(value["review_configs"]) and all(
        isinstance(request["name"], str) and isinstance(request["args"], dict) for request in value["action_requests"]
    ) and all(isinstance(config["action_name"], str) and isinstance(config["allowed_decisions"], list)
              for config in value["review_configs"])


def is_shown_by_older_clients(value):
    """The older form: one action, what may be done with it, words for people."""
    return isinstance(value["action_request"]["action"], str) and isinstance(value["action_request"]["args"], dict) and all(
        isinstance(value["config"][key], bool) for key in ("allow_ignore", "allow_respond", "allow_edit", "allow_accept")
    ) and isinstance(value["description"], str)


def interrupted(api, sdk, model, count=1):
    agent, name = make(api, files=ASKS)
    model.say(name, calls(*[("write_file", {"file_path": f"/{i}.md", "content": "x"}) for i in range(count)]))
    thread, values = ask(sdk, agent, "write")
    return agent, name, thread, values


def test_an_interrupt_has_both_forms_wherever_clients_look_for_it(api, sdk, model):
    agent, _, thread, values = interrupted(api, sdk, model)
    found = sdk.threads.get(thread["thread_id"])
    assert found["status"] == "interrupted"
    (listed,) = found["interrupts"].values()  # what agent-inbox reads first
    (task,) = sdk.threads.get_state(thread["thread_id"])["tasks"]  # and what it falls back to
    for interrupts in (listed, task["interrupts"], values["__interrupt__"]):
        assert len(interrupts) == 1 and is_shown_by_agent_chat_ui(interrupts[0])
        assert is_shown_by_older_clients(interrupts[0]["value"])
    value = listed[0]["value"]
    assert value["action_request"] == {"action": "write_file", "args": {"file_path": "/0.md", "content": "x"}}
    assert value["description"] == value["action_requests"][0]["description"]
    # Their lists: by graph or by assistant, only what waits.
    for metadata in ({"graph_id": "fleet"}, {"assistant_id": agent["id"]}):
        threads = sdk.threads.search(metadata=metadata, status="interrupted", limit=100)
        assert thread["thread_id"] in [one["thread_id"] for one in threads]


HITL = [
    ({"type": "approve"}, "written"),
    ({"type": "approve", "args": {"action": "write_file", "args": {}}}, "written"),  # agent-inbox: accept, renamed
    ({"type": "edit", "edited_action": {"name": "write_file", "args": {"file_path": "/e.md", "content": "e"}}}, "edited"),
    ({"type": "edit", "args": {"action": "write_file", "args": {"file_path": "/e.md", "content": "e"}}}, "edited"),
    ({"type": "reject"}, "rejected"),
    ({"type": "reject", "message": "rather not"}, "rather not"),
    ({"type": "reject", "args": "rather not"}, "rather not"),  # agent-inbox: response, renamed
    ({"type": "respond", "message": "it is there"}, "it is there"),
    ({"type": "ignore", "args": None}, "rejected"),
]
OLDER = [
    ({"type": "accept", "args": None}, "written"),
    ({"type": "accept", "args": {"action": "write_file", "args": {"file_path": "/0.md", "content": "x"}}}, "written"),
    ({"type": "edit", "args": {"action": "write_file", "args": {"file_path": "/e.md", "content": "e"}}}, "edited"),
    ({"type": "response", "args": "it is there"}, "it is there"),
    ({"type": "ignore", "args": None}, "rejected"),
]


@pytest.mark.parametrize("resume, outcome", [({"decisions": [answer]}, outcome) for answer, outcome in HITL]
                         + [([answer], outcome) for answer, outcome in OLDER]
                         + [(answer, outcome) for answer, outcome in OLDER])
def test_every_answer_of_those_clients(api, sdk, model, resume, outcome):
    agent, name, thread, _ = interrupted(api, sdk, model)
    model.say(name, text("Done"))
    events = list(sdk.runs.stream(thread["thread_id"], agent["id"], command={"resume": resume}, stream_mode="events"))
    assert not [event for event in events if event.event == "error"], events
    state = sdk.threads.get_state(thread["thread_id"])
    answers = [message for message in state["values"]["messages"] if message["type"] == "tool"]
    assert len(answers) == 1 and state["values"]["messages"][-1]["content"] == "Done"
    files = list(state["values"].get("files", {}))
    if outcome == "written":
        assert files == ["/0.md"]
    elif outcome == "edited":
        assert files == ["/e.md"]
    else:
        assert files == [] and outcome in answers[0]["content"]
    assert sdk.threads.get(thread["thread_id"])["status"] == "idle"


def test_whoever_answers_for_one_action_is_asked_about_the_others(api, sdk, model):
    """No call is made before all are decided."""
    agent, name, thread, values = interrupted(api, sdk, model, count=3)
    assert len(values["__interrupt__"][0]["value"]["action_requests"]) == 3
    values = sdk.runs.wait(thread["thread_id"], agent["id"], command={"resume": [{"type": "accept", "args": None}]})
    requests = values["__interrupt__"][0]["value"]["action_requests"]
    assert [request["args"]["file_path"] for request in requests] == ["/1.md", "/2.md"] and values.get("files", {}) == {}
    assert values["__interrupt__"][0]["value"]["action_request"]["args"]["file_path"] == "/1.md"
    model.say(name, text("Done"))
    values = sdk.runs.wait(thread["thread_id"], agent["id"], command={"resume": {"decisions": [
        {"type": "reject", "message": "no"}, {"type": "approve"}]}})
    assert sorted(values["files"]) == ["/0.md", "/2.md"] and "__interrupt__" not in values


def test_a_thread_can_be_resolved_without_an_answer(api, sdk, model):
    """What agent-inbox does with a thread that is to be left alone: its state's end."""
    _, _, thread, _ = interrupted(api, sdk, model)
    sdk.threads.update_state(thread["thread_id"], values=None, as_node="__end__")
    assert sdk.threads.get_state(thread["thread_id"])["next"] == []
    assert sdk.threads.get(thread["thread_id"])["status"] == "idle"
    assert json.dumps(sdk.threads.get(thread["thread_id"])["interrupts"]) == "{}"
