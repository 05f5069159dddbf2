"""Fleet agents run inside the server: both protocols of models, tools, approvals, sub-agents, memories, limits, errors,
cancelling, MCP, their webhooks; through the published SDKs (issue 7)."""

import json
import os
import threading
import time
import uuid
from pathlib import Path

import pytest
from langgraph_sdk import get_sync_client

from harness.api import Api
from harness.mcp_process import mcp_process
from harness.model import ModelServer, calls, cut, failure, status, text
from harness.program import run_program
from harness.server import Server

AGENTS = "/v1/fleet/agents"
HERE = Path(__file__).resolve().parents[1]
JS_HOME = HERE / "js"
MODES = ["values", "updates", "messages-tuple"]


@pytest.fixture(scope="module")
def model():
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request, stores, model, tmp_path_factory):
    if request.param not in stores:
        pytest.skip("no PostgreSQL (tools/postgres-temp run gives one)")
    with Server(tmp_path_factory.mktemp("native"), store=stores[request.param](), dev=True) as running:
        with Api(running.url) as api:
            for name, value in {"SCRIPT_BASE_URL": model.url + "/v1", "SCRIPT_API_KEY": "sk-canary-1",
                                "ANTHROPIC_BASE_URL": model.url, "FLEET_ANTHROPIC_API_KEY": "sk-canary-2",
                                "ANTHROPIC_API_KEY": "not this one"}.items():
                api.ok("POST", "/v1/fleet/secrets", json={"name": name, "value": value})
        yield running


@pytest.fixture
def api(server):
    with Api(server.url) as client:
        yield client


@pytest.fixture
def sdk(server):
    return get_sync_client(url=server.url)


@pytest.fixture(params=["script", "anthropic"])
def provider(request):
    return request.param


def make(api, provider="script", files=None, **more):
    """An agent with a model of its own: (agent, model's name)."""
    name = f"m-{uuid.uuid4().hex[:12]}"
    agent = api.ok("POST", AGENTS, json={
        "name": f"Agent {name}", "description": "For tests", "system_prompt": "You are the tested one.",
        "model": {"id": f"{provider}:{name}"},
        "files": {path: {"content": content} for path, content in (files or {}).items()}, **more})
    return agent, name


def ask(sdk, agent, said, thread=None, **more):
    thread = thread or sdk.threads.create()
    values = sdk.runs.wait(thread["thread_id"], agent["id"], input={"messages": [{"role": "user", "content": said}]},
                           raise_error=False, **more)
    return thread, values


def kinds(values):
    return [message["type"] for message in values["messages"]]


def test_an_agent_is_an_assistant_and_answers_in_both_protocols(api, sdk, model, provider):
    """Also: the key goes to the model only; FLEET_X beats X."""
    agent, name = make(api, provider)
    assistant = sdk.assistants.get(agent["id"])
    assert assistant["graph_id"] == "fleet" and assistant["name"] == agent["name"]
    assert agent["id"] in [found["assistant_id"] for found in sdk.assistants.search(graph_id="fleet", limit=100)]
    model.say(name, text("Hello to you"))
    thread, values = ask(sdk, agent, "Hi")
    assert kinds(values) == ["human", "ai"] and values["messages"][-1]["content"] == "Hello to you"
    assert values["messages"][-1]["usage_metadata"] == {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    asked = [one for one in model.asked if one["body"]["model"] == name][0]
    if provider == "script":
        assert asked["path"] == "/v1/chat/completions" and asked["headers"]["Authorization"] == "Bearer sk-canary-1"
        assert asked["body"]["messages"][0]["role"] == "system"
        assert asked["body"]["messages"][0]["content"].startswith("You are the tested one.")
        assert asked["body"]["messages"][1] == {"role": "user", "content": "Hi"}
    else:
        assert asked["path"] == "/v1/messages" and asked["headers"]["x-api-key"] == "sk-canary-2"
        assert asked["body"]["system"].startswith("You are the tested one.")
        assert asked["body"]["messages"] == [{"role": "user", "content": "Hi"}]
    state = sdk.threads.get_state(thread["thread_id"])
    assert state["values"]["messages"] == values["messages"] and state["next"] == []
    model.say(name, text("Again"))
    _, values = ask(sdk, agent, "And now?", thread)
    assert kinds(values) == ["human", "ai", "human", "ai"]


def test_streams_in_the_modes_that_clients_read(api, sdk, model, provider):
    agent, name = make(api, provider)
    model.say(name, calls(("write_file", {"file_path": "/a.md", "content": "one\ntwo"}), words="I write"),
              text("It is written"))
    thread = sdk.threads.create()
    parts = list(sdk.runs.stream(thread["thread_id"], agent["id"], stream_mode=MODES,
                                 input={"messages": [{"role": "user", "content": "write"}]}))
    chunks = [part.data[0] for part in parts if part.event == "messages"]
    spoken = {}
    for chunk in chunks:
        if chunk["type"] == "AIMessageChunk":
            spoken[chunk["id"]] = spoken.get(chunk["id"], "") + chunk["content"]
    assert list(spoken.values()) == ["I write", "It is written"]
    called = [chunk for chunk in chunks if chunk.get("tool_call_chunks")]
    assert json.loads(called[0]["tool_call_chunks"][0]["args"]) == {"file_path": "/a.md", "content": "one\ntwo"}
    assert [chunk["content"] for chunk in chunks if chunk["type"] == "tool"] == ["Updated file /a.md"]
    nodes = [list(part.data)[0] for part in parts if part.event == "updates"]
    assert nodes == ["model", "tools", "model"]
    last = [part.data for part in parts if part.event == "values"][-1]
    assert last["files"]["/a.md"]["content"] == ["one", "two"]
    assert kinds(last) == ["human", "ai", "tool", "ai"]
    history = sdk.threads.get_history(thread["thread_id"])
    assert [len(state["values"]["messages"]) for state in history] == [4, 3, 2]


def test_the_tools_of_every_agent(api, sdk, model):
    files = {"skills/reports/SKILL.md": "---\nname: reports\ndescription: How reports are written\n---\nUse headings."}
    agent, name = make(api, files=files)
    script = [
        ("write_todos", {"todos": [{"content": "look", "status": "in_progress"}]}, "Updated todo list"),
        ("write_file", {"file_path": "notes/a.md", "content": "alpha\nbeta\nbeta"}, "Updated file /notes/a.md"),
        ("write_file", {"file_path": "/notes/a.md", "content": "x"}, "already exists"),
        ("read_file", {"file_path": "/notes/a.md", "offset": 1, "limit": 1}, "     2\tbeta"),
        ("edit_file", {"file_path": "/notes/a.md", "old_string": "beta", "new_string": "g"}, "2 times"),
        ("edit_file", {"file_path": "/notes/a.md", "old_string": "beta", "new_string": "gamma",
                       "replace_all": True}, "Edited file"),
        ("ls", {"path": "/"}, "/notes/a.md\n/skills/reports/SKILL.md"),
        ("glob", {"pattern": "**/*.md", "path": "/notes"}, "/notes/a.md"),
        ("grep", {"pattern": "gamma", "output_mode": "content"}, "/notes/a.md:2: gamma"),
        ("read_file", {"file_path": "/skills/reports/SKILL.md"}, "Use headings."),
        ("write_file", {"file_path": "/skills/reports/x.md", "content": "x"}, "skills can only be read"),
        ("read_file", {"file_path": "../../etc/passwd"}, "must be the path of a file"),
        ("nothing_like_it", {}, "is not a valid tool"),
        ("ls", "{broken", "not a JSON object"),
    ]
    model.say(name, *[calls((tool, args)) for tool, args, _ in script], text("Done"))
    _, values = ask(sdk, agent, "use them all")
    answers = [message["content"] for message in values["messages"] if message["type"] == "tool"]
    assert len(answers) == len(script), values
    for (tool, _, expected), answer in zip(script, answers):
        assert expected in answer, (tool, answer)
    assert values["todos"] == [{"content": "look", "status": "in_progress"}]
    prompt = model.of(name)[0]["messages"][0]["content"]
    assert "reports: How reports are written (/skills/reports/SKILL.md)" in prompt and "Use headings" not in prompt
    offered = [tool["function"]["name"] for tool in model.of(name)[0]["tools"]]
    assert offered == ["write_todos", "ls", "read_file", "write_file", "edit_file", "glob", "grep", "task"]


ASKS = {"tools.json": json.dumps({"tools": [], "interrupt_config": {"write_file": True}})}


def interrupted(api, sdk, model, decisions_for=2):
    agent, name = make(api, files=ASKS)
    model.say(name, calls(*[("write_file", {"file_path": f"/{i}.md", "content": "x"}) for i in range(decisions_for)],
                          ("ls", {})))
    thread, values = ask(sdk, agent, "write")
    return agent, name, thread, values


def test_a_person_is_asked_and_decides(api, sdk, model):
    agent, name, thread, values = interrupted(api, sdk, model)
    value = values["__interrupt__"][0]["value"]
    assert [request["name"] for request in value["action_requests"]] == ["write_file", "write_file"]
    assert value["action_requests"][0]["args"] == {"file_path": "/0.md", "content": "x"}
    assert value["action_requests"][0]["description"]
    assert value["review_configs"][0] == {"action_name": "write_file",
                                          "allowed_decisions": ["approve", "edit", "reject", "respond"]}
    assert sdk.threads.get(thread["thread_id"])["status"] == "interrupted"
    state = sdk.threads.get_state(thread["thread_id"])
    assert state["next"] == ["tools"] and state["tasks"][0]["interrupts"][0]["value"] == value
    assert state["values"].get("files", {}) == {}
    model.say(name, text("Done"))
    values = sdk.runs.wait(thread["thread_id"], agent["id"], command={"resume": {"decisions": [
        {"type": "edit", "edited_action": {"name": "write_file", "args": {"file_path": "/e.md", "content": "edited"}}},
        {"type": "reject", "message": "not that one"}]}})
    assert list(values["files"]) == ["/e.md"] and values["files"]["/e.md"]["content"] == ["edited"]
    answers = [message["content"] for message in values["messages"] if message["type"] == "tool"]
    assert "not that one" in answers and "Updated file /e.md" in answers and len(answers) == 3
    assert sdk.threads.get(thread["thread_id"])["status"] == "idle"


@pytest.mark.parametrize("resume", [{"decisions": []}, {"decisions": [{"type": "maybe"}] * 2}, "yes"])
def test_a_bad_decision_is_refused_and_can_be_made_again(api, sdk, model, resume):
    agent, name, thread, _ = interrupted(api, sdk, model)
    values = sdk.runs.wait(thread["thread_id"], agent["id"], command={"resume": resume}, raise_error=False)
    assert values["__error__"]["error"] == "InvalidCommand", values
    model.say(name, text("Done"))
    values = sdk.runs.wait(thread["thread_id"], agent["id"],
                           command={"resume": {"decisions": [{"type": "approve"}, {"type": "approve"}]}})
    assert sorted(values["files"]) == ["/0.md", "/1.md"]


def test_a_message_instead_of_a_decision_cancels_the_calls(api, sdk, model):
    agent, name, thread, _ = interrupted(api, sdk, model)
    model.say(name, text("As you like"))
    _, values = ask(sdk, agent, "never mind", thread)
    assert values.get("files", {}) == {} and values["messages"][-1]["content"] == "As you like"
    assert sum("cancelled" in message["content"] for message in values["messages"]) == 3


SUB = {"subagents/researcher/AGENTS.md": "---\ndescription: Finds things out\n---\nYou research.",
       "subagents/researcher/tools.json": json.dumps({"tools": [], "interrupt_config": {"write_file": True}})}


def test_a_sub_agent_works_by_itself_and_may_have_to_ask(api, sdk, model):
    agent, name = make(api, files=SUB)
    model.say(name, calls(("task", {"description": "find it", "subagent_type": "researcher"})),
              calls(("write_file", {"file_path": "/found.md", "content": "it"})))
    thread, values = ask(sdk, agent, "research")
    assert values["__interrupt__"][0]["value"]["action_requests"][0]["name"] == "write_file"
    model.say(name, text("I found it"), text("It was found"))
    values = sdk.runs.wait(thread["thread_id"], agent["id"], command={"resume": {"decisions": [{"type": "approve"}]}})
    assert kinds(values) == ["human", "ai", "tool", "ai"]
    assert values["messages"][2]["content"] == "I found it" and "/found.md" in values["files"]
    asked = model.of(name)
    assert "researcher: Finds things out" in json.dumps(asked[0]["tools"])
    assert asked[1]["messages"][0]["content"].startswith("You research.")
    assert [message["content"] for message in asked[1]["messages"][1:]] == ["find it"]
    assert "task" not in [tool["function"]["name"] for tool in asked[1]["tools"]]


def test_memories_outlive_the_thread_and_need_approval(api, sdk, model):
    agent, name = make(api)
    model.say(name, calls(("write_file", {"file_path": "/memories/likes.md", "content": "tea"})))
    thread, values = ask(sdk, agent, "I like tea")
    assert values["__interrupt__"][0]["value"]["action_requests"][0]["args"]["content"] == "tea"
    model.say(name, text("Noted"))
    sdk.runs.wait(thread["thread_id"], agent["id"], command={"resume": {"decisions": [{"type": "approve"}]}})
    now = api.ok("GET", f"{AGENTS}/{agent['id']}?include=files")
    assert now["files"]["memories/likes.md"]["content"] == "tea"
    model.say(name, calls(("read_file", {"file_path": "/memories/likes.md"})), text("Tea"))
    _, values = ask(sdk, agent, "What do I like?")
    assert "tea" in values["messages"][2]["content"]
    assert "/memories/likes.md" in model.of(name)[-1]["messages"][0]["content"]


@pytest.mark.parametrize("reply,words", [(failure("out of luck"), "out of luck"), (cut(), "before it was complete"),
                                         (status(401), "answered 401")])
def test_a_model_that_fails_is_the_runs_error(api, sdk, model, provider, reply, words):
    agent, name = make(api, provider)
    model.say(name, reply)
    thread, values = ask(sdk, agent, "Hi")
    assert values["__error__"]["error"] == "ModelError" and words in values["__error__"]["message"], values
    assert "canary" not in json.dumps(values)
    assert sdk.threads.get(thread["thread_id"])["status"] == "error"
    assert len(model.of(name)) == 1
    model.say(name, text("Better"))
    _, values = ask(sdk, agent, "Again", thread)
    assert values["messages"][-1]["content"] == "Better"


def test_a_busy_model_is_asked_again(api, sdk, model, provider):
    agent, name = make(api, provider)
    model.say(name, status(429, 0), status(529, 0), status(503, 0), text("At last"))
    _, values = ask(sdk, agent, "Hi")
    assert values["messages"][-1]["content"] == "At last" and len(model.of(name)) == 4


def test_limits_of_steps_and_tokens(api, sdk, model):
    agent, name = make(api)
    model.say(name, *[calls(("ls", {})) for _ in range(5)])
    _, values = ask(sdk, agent, "go on and on", config={"recursion_limit": 3})
    assert values["__error__"]["error"] == "GraphRecursionError" and len(model.of(name)) == 3
    agent, name = make(api)
    model.say(name, *[calls(("ls", {})) for _ in range(5)])
    _, values = ask(sdk, agent, "spend", config={"configurable": {"max_total_tokens": 30}})
    assert "30 tokens" in values["__error__"]["message"] and len(model.of(name)) == 2


def test_a_run_is_cancelled_while_the_model_speaks(api, sdk, model):
    agent, name = make(api)
    gate = threading.Event()
    model.say(name, text("one two three four five six", gate=gate))
    thread = sdk.threads.create()
    run = sdk.runs.create(thread["thread_id"], agent["id"], input={"messages": [{"role": "user", "content": "speak"}]})
    end = time.monotonic() + 30
    while not model.of(name) and time.monotonic() < end:
        time.sleep(0.02)
    sdk.runs.cancel(thread["thread_id"], run["run_id"], wait=True)
    assert sdk.runs.get(thread["thread_id"], run["run_id"])["status"] == "interrupted"
    gate.set()


@pytest.mark.parametrize("change,words", [
    ({"model": {"id": "elsewhere:x"}}, "ELSEWHERE"), ({"model": {"id": "openai:x"}}, "OPENAI_API_KEY")])
def test_what_an_agent_lacks_is_said(api, sdk, change, words):
    agent = api.ok("POST", AGENTS, json={"name": "x", "system_prompt": "x", **change})
    _, values = ask(sdk, agent, "Hi")
    assert values["__error__"]["error"] == "AgentError"
    assert words in values["__error__"]["message"].upper(), values


def test_private_agents_are_nobodys_to_run(api, sdk):
    agent = api.ok("POST", AGENTS, json={"name": "mine", "system_prompt": "x", "permissions": {"visibility": "user"}})
    assert api.get(f"/assistants/{agent['id']}").status_code == 404
    thread = sdk.threads.create()
    values = sdk.runs.wait(thread["thread_id"], "fleet", input={"messages": []}, raise_error=False,
                           config={"configurable": {"agent_id": agent["id"]}})
    assert "no Fleet agent" in values["__error__"]["message"], values


def test_its_webhook_arrives(api, sdk, model, receiver):
    agent, name = make(api)
    model.say(name, text("For the hook"))
    thread = sdk.threads.create()
    sdk.runs.wait(thread["thread_id"], agent["id"], input={"messages": [{"role": "user", "content": "Hi"}]},
                  webhook=receiver.url)
    got = receiver.one().json
    assert got["status"] == "success" and got["values"]["messages"][-1]["content"] == "For the hook"


@pytest.fixture(scope="module", params=["events", "json"])
def mcp_url(request):
    """A server of the official SDK that wants a token, in each form of answers."""
    with mcp_process(request.param, "mcp-canary") as url:
        yield url


def tools_of(url, **asks):
    return {"tools.json": json.dumps({
        "tools": [{"name": name, "mcp_server_url": url, "mcp_server_name": "tests"} for name in ("add", "fail")],
        "interrupt_config": {f"{url}::{name}::tests": value for name, value in asks.items()}})}


def test_tools_of_an_mcp_server(api, sdk, model, mcp_url):
    """Listed and called with the workspace's header; without it the run says so; a failing tool is an answer."""
    agent, name = make(api, files=tools_of(mcp_url, add=True))
    _, values = ask(sdk, agent, "add")
    assert "401" in values["__error__"]["message"] and mcp_url in values["__error__"]["message"], values
    api.ok("POST", "/v1/fleet/secrets", json={"name": "MCP_TOKEN", "value": "mcp-canary"})
    known = api.ok("POST", "/v1/fleet/mcp-servers", json={
        "name": "tests", "url": mcp_url.upper().replace("HTTP", "http").replace("/MCP", "/mcp") + "/",
        "headers": [{"key": "Authorization", "value": "Bearer {{secret MCP_TOKEN}}"}]})
    try:
        assert "canary" not in json.dumps(known) and "MCP_TOKEN" not in json.dumps(known)
        model.say(name, calls(("add", {"a": 2, "b": 40}), ("fail", {"why": "broken"})))
        thread, values = ask(sdk, agent, "add")
        requests = values["__interrupt__"][0]["value"]["action_requests"]
        assert [(one["name"], one["args"]) for one in requests] == [("add", {"a": 2, "b": 40})]
        model.say(name, text("42"))
        values = sdk.runs.wait(thread["thread_id"], agent["id"],
                               command={"resume": {"decisions": [{"type": "approve"}]}})
        answers = [message for message in values["messages"] if message["type"] == "tool"]
        assert answers[0]["content"] == "the sum is 42" and answers[0]["status"] == "success"
        assert "broken" in answers[1]["content"] and answers[1]["status"] == "error"
        offered = {tool["function"]["name"]: tool["function"] for tool in model.of(name)[0]["tools"]}
        assert offered["add"]["description"] == "Add two numbers."
        assert offered["add"]["parameters"]["properties"]["a"]["type"] == "integer"
        assert "canary" not in json.dumps(sdk.threads.get_history(thread["thread_id"]))
    finally:
        api.ok("DELETE", f"/v1/fleet/mcp-servers/{known['id']}")
        api.ok("DELETE", "/v1/fleet/secrets/MCP_TOKEN")


def test_a_tool_that_its_server_lacks_is_said(api, sdk, mcp_url):
    known = api.ok("POST", "/v1/fleet/mcp-servers", json={
        "name": "x", "url": mcp_url, "headers": [{"key": "Authorization", "value": "Bearer mcp-canary"}]})
    agent, _ = make(api, files={"tools.json": json.dumps({"tools": [{"name": "gone", "mcp_server_url": mcp_url}]})})
    _, values = ask(sdk, agent, "Hi")
    assert "has no tool gone" in values["__error__"]["message"]
    api.ok("DELETE", f"/v1/fleet/mcp-servers/{known['id']}")


def test_the_javascript_client_runs_it_with_approval_and_a_sub_agent(server, api, model):
    agent, name = make(api, files={**ASKS, **SUB})
    model.say(name, calls(("write_file", {"file_path": "/a.md", "content": "one"}), words="I will"),
              calls(("task", {"description": "check it", "subagent_type": "researcher"})),
              text("The sub-agent is done"), text("It is written"))
    done = run_program(["node", "native_agent.mjs", agent["id"]], cwd=JS_HOME, timeout=100,
                       env={**os.environ, "RUNBELL_URL": server.url})
    assert done.returncode == 0 and "ok" in done.stdout, done.stdout + done.stderr


def test_a_run_goes_on_after_the_server_was_killed(stores, model, tmp_path):
    """From its last checkpoint: what the model has said is not asked for again."""
    with Server(tmp_path, store=stores["sqlite"](), dev=True) as server:
        with Api(server.url) as api:
            for secret, value in {"SCRIPT_BASE_URL": model.url + "/v1"}.items():
                api.ok("POST", "/v1/fleet/secrets", json={"name": secret, "value": value})
            agent, name = make(api)
            gate = threading.Event()
            model.say(name, calls(("write_file", {"file_path": "/a.md", "content": "kept"})),
                      text("never heard of to the end", gate=gate), text("Done"))
            sdk = get_sync_client(url=server.url)
            thread = sdk.threads.create()
            run = sdk.runs.create(thread["thread_id"], agent["id"],
                                  input={"messages": [{"role": "user", "content": "write"}]})
            end = time.monotonic() + 30
            while len(model.of(name)) < 2 and time.monotonic() < end:
                time.sleep(0.02)
        server.kill()
        gate.set()
        server.start()
        sdk = get_sync_client(url=server.url)
        sdk.runs.join(thread["thread_id"], run["run_id"])
        values = sdk.threads.get_state(thread["thread_id"])["values"]
        assert kinds(values) == ["human", "ai", "tool", "ai"] and values["messages"][-1]["content"] == "Done"
        assert values["files"]["/a.md"]["content"] == ["kept"] and len(model.of(name)) == 3
