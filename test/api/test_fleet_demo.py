"""Fleet agents on the models that are built in: no key, no network, the same each time (fleet.md 2.7; C7, C10)."""

import json

from harness.api import GREETING

AGENTS = "/v1/fleet/agents"


def make(api, model, script=None, **more):
    files = {"script.json": json.dumps(script)} if script is not None else {}
    return api.ok("POST", AGENTS, json={"name": "Demo", "system_prompt": "x", "model": {"id": model}, "files": files, **more})


def wait(api, agent, thread, text="Hello!", **more):
    given = {} if "command" in more else {"input": {"messages": [{"role": "user", "content": text}]}}
    return api.ok("POST", f"/threads/{thread}/runs/wait", json={"assistant_id": agent["id"], **given, **more})


def contents(values):
    return [message["content"] for message in values["messages"]]


def test_the_echo_reproduces_the_sample(api, receiver):
    agent, thread = make(api, "demo:echo"), api.thread()
    assert contents(wait(api, agent, thread, webhook=receiver.url)) == ["Hello!", GREETING]
    payload = receiver.one().json
    assert payload["status"] == "success" and contents(payload["values"]) == ["Hello!", GREETING]
    assert contents(wait(api, agent, thread, "What is 1 + 1?"))[2:] == ["What is 1 + 1?", "What is 1 + 1?"]
    models = {one["id"]: one["available"] for one in api.ok("GET", "/v1/fleet/models")["items"]}
    assert models["demo:echo"] is models["demo:script"] is True


def test_a_script_calls_tools_asks_and_streams(api):
    call = {"name": "write_file", "args": {"file_path": "/a.txt", "content": "hi"}}
    agent = make(api, "demo:script", [{"call": call}, {"delay_ms": 20}, "all is done"],
                 tools={"tools": [], "interrupt_config": {"write_file": True}})
    thread = api.thread()
    asked = wait(api, agent, thread)["__interrupt__"][0]["value"]
    assert asked["action_requests"][0]["name"] == "write_file" and asked["action_requests"][0]["args"] == call["args"]
    events = api.events("POST", f"/threads/{thread}/runs/stream", json={
        "assistant_id": agent["id"], "command": {"resume": {"decisions": [{"type": "approve"}]}}, "stream_mode": ["messages-tuple"]})
    pieces = [data[0]["content"] for event, data, _ in events if event == "messages" and data[0]["type"] == "AIMessageChunk"]
    assert "".join(pieces).startswith("all is done") and "all " in pieces
    state = api.ok("GET", f"/threads/{thread}/state")["values"]
    assert state["files"]["/a.txt"]["content"] == ["hi"] and contents(state)[-1] == "all is done"


def test_a_script_fails_as_it_says(api, receiver):
    agent = make(api, "demo:script", [{"fail": {"error": "TimeoutError", "message": "too late"}}])
    wait(api, agent, api.thread(), webhook=receiver.url)
    payload = receiver.one().json
    assert payload["status"] == "error" and payload["error"] == {"error": "TimeoutError", "message": "too late"}


def test_a_sub_agent_has_a_script_of_its_own(api):
    task = {"name": "task", "args": {"description": "Look.", "subagent_type": "worker"}}
    agent = api.ok("POST", AGENTS, json={"name": "Demo", "model": {"id": "demo:script"}, "files": {
        "AGENTS.md": "x", "script.json": json.dumps([{"call": task}, "it was found"]),
        "subagents/worker/AGENTS.md": "---\ndescription: Looks.\n---\nLook.", "subagents/worker/script.json": '["found"]'}})
    assert contents(wait(api, agent, api.thread()))[-2:] == ["found", "it was found"]


def test_what_cannot_be_said_is_the_runs_error(api):
    for model, script, words in (("demo:none", None, "demo:echo"), ("demo:script", None, "script.json"),
                                 ("demo:script", {"a": 1}, "script.json"), ("demo:script", [{"call": {}}], "step 0")):
        error = wait(api, make(api, model, script), api.thread())["__error__"]
        assert error["error"] == "AgentError" and words in error["message"], error
