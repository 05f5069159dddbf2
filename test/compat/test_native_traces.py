"""Runs of native agents are traces: the run, its questions to models with tokens, its tools, its sub-agents; rules and alerts
see them (issue 7)."""

import json
import uuid

from test_native_agent import ASKS, SUB, ask, api, make, model, sdk, server  # noqa: F401 (fixtures)

from harness.api import Api
from harness.model import calls, status, text
from harness.ports import eventually
from harness.server import Server


def spans_of(api, run_id):
    """All spans of a run, in order, once its root has come."""
    def find():
        session = api.ok("GET", "/sessions", params={"name": "fleet"})
        if not session:
            return None
        runs = api.ok("POST", "/runs/query", json={"session": [session[0]["id"]], "trace": run_id, "limit": 100})["runs"]
        return runs if any(run["is_root"] for run in runs) else None
    return sorted(eventually(find, 30), key=lambda span: span["dotted_order"])


def run_of(sdk, thread):
    return sdk.runs.list(thread["thread_id"])[0]["run_id"]


def tree(spans):
    """(type, name, children) of the root."""
    def of(span):
        return (span["run_type"], span["name"],
                [of(child) for child in spans if child["parent_run_id"] == span["id"]])
    return of(next(span for span in spans if span["is_root"]))


def test_a_run_is_a_trace(api, sdk, model, provider_name="anthropic"):
    agent, name = make(api, provider_name)
    model.say(name, calls(("ls", {}), ("read_file", {"file_path": "/none"}), words="I look", tokens=(30, 7)),
              text("Nothing there", tokens=(50, 9)))
    thread, values = ask(sdk, agent, "look")
    run_id = run_of(sdk, thread)
    spans = spans_of(api, run_id)
    assert tree(spans) == ("chain", agent["name"], [
        ("llm", name, []), ("tool", "ls", []), ("tool", "read_file", []), ("llm", name, [])])
    root, first, ls, read, last = spans
    assert root["id"] == root["trace_id"] == run_id and {span["status"] for span in (root, first, ls, last)} == {"success"}
    assert root["inputs"]["messages"][0]["content"] == "look"
    assert root["outputs"]["messages"][-1]["content"] == values["messages"][-1]["content"] == "Nothing there"
    metadata = root["extra"]["metadata"]
    assert (metadata["thread_id"], metadata["run_id"], metadata["graph_id"], metadata["assistant_id"]) == (
        thread["thread_id"], run_id, "fleet", agent["id"])
    assert [(span["prompt_tokens"], span["completion_tokens"]) for span in (first, last, root)] == [
        (30, 7), (50, 9), (80, 16)]
    assert first["extra"]["metadata"]["ls_model_name"] == name
    assert first["extra"]["metadata"]["ls_provider"] == "anthropic"
    assert first["inputs"]["messages"][0] == {"type": "system", "content": first["inputs"]["messages"][0]["content"]}
    assert first["inputs"]["messages"][1]["content"] == "look" and len(last["inputs"]["messages"]) == 5
    assert first["outputs"]["messages"][0]["tool_calls"][0]["name"] == "ls"
    assert read["inputs"] == {"file_path": "/none"} and read["error"] and read["status"] == "error"
    assert all(span["dotted_order"].startswith(root["dotted_order"] + ".") for span in spans[1:])
    assert all(span["end_time"] >= span["start_time"] for span in spans)


def test_a_sub_agent_stands_in_its_task_and_an_interrupt_is_no_error(api, sdk, model):
    agent, name = make(api, files=SUB)
    model.say(name, calls(("task", {"description": "find it", "subagent_type": "researcher"})),
              calls(("write_file", {"file_path": "/found.md", "content": "it"})))
    thread, _ = ask(sdk, agent, "research")
    spans = spans_of(api, run_of(sdk, thread))
    assert tree(spans) == ("chain", agent["name"], [
        ("llm", name, []), ("tool", "task", [("chain", "researcher", [("llm", name, [])])])])
    assert {span["status"] for span in spans} == {"success"}
    assert "__interrupt__" in spans[0]["outputs"]
    model.say(name, text("I found it"), text("It was found"))
    sdk.runs.wait(thread["thread_id"], agent["id"], command={"resume": {"decisions": [{"type": "approve"}]}})
    spans = spans_of(api, run_of(sdk, thread))
    assert tree(spans) == ("chain", agent["name"], [
        ("tool", "task", [("chain", "researcher", [("tool", "write_file", []), ("llm", name, [])])]), ("llm", name, [])])
    task = next(span for span in spans if span["name"] == "task")
    assert task["inputs"]["description"] == "find it" and task["outputs"] == {"output": "I found it"}


def test_a_model_that_fails_is_the_error_of_its_span_and_of_the_run(api, sdk, model):
    agent, name = make(api)
    model.say(name, status(401))
    thread, _ = ask(sdk, agent, "Hi")
    root, llm = spans_of(api, run_of(sdk, thread))
    assert root["status"] == llm["status"] == "error"
    assert "answered 401" in llm["error"] and root["error"].startswith("ModelError: ")


def test_what_a_person_refused_is_no_call(api, sdk, model):
    agent, name = make(api, files=ASKS)
    model.say(name, calls(("write_file", {"file_path": "/a.md", "content": "x"})))
    thread, _ = ask(sdk, agent, "write")
    model.say(name, text("As you like"))
    sdk.runs.wait(thread["thread_id"], agent["id"], command={"resume": {"decisions": [{"type": "reject"}]}})
    spans = spans_of(api, run_of(sdk, thread))
    assert [span["run_type"] for span in spans] == ["chain", "llm"]
    assert spans[0]["inputs"] == {"resume": {"decisions": [{"type": "reject"}]}}


def serve(stores, tmp_path, model, settings):
    project = tmp_path / "project"
    project.mkdir()
    (project / "langgraph.json").write_text(json.dumps({"runbell": settings}))
    return Server(tmp_path / "data", store=stores["sqlite"](), dev=True, project=project)


def test_rules_and_alerts_work_on_native_runs(stores, model, receiver, tmp_path):
    from langgraph_sdk import get_sync_client
    ticks = {"rules": {"tick_s": 0.1}, "alerts": {"tick_s": 0.1}, "delivery": {"survey_s": 0.2}}
    (tmp_path / "data").mkdir()
    with serve(stores, tmp_path, model, ticks) as server, Api(server.url) as api:
        api.ok("POST", "/v1/fleet/secrets", json={"name": "SCRIPT_BASE_URL", "value": model.url + "/v1"})
        project = api.ok("POST", "/sessions", json={"name": "fleet"})
        api.ok("POST", "/runs/rules", json={
            "display_name": "many tokens", "sampling_rate": 1, "session_id": project["id"],
            "filter": 'and(eq(run_type, "llm"), gt(total_tokens, 1000))', "webhooks": [{"url": receiver.url + "?rule"}]})
        api.ok("POST", f"/v1/platform/alerts/{project['id']}", json={
            "rule": {"name": "errors", "type": "threshold", "aggregation": "sum", "attribute": "error_count",
                     "operator": "gte", "threshold": 1, "window_minutes": 5},
            "actions": [{"target": "webhook", "config": {"url": receiver.url + "?alert"}}]})
        agent, name = make(api)
        sdk = get_sync_client(url=server.url)
        model.say(name, text("Few"), text("Many", tokens=(2000, 10)), status(401))
        for _ in range(3):
            ask(sdk, agent, "Hi")
        def told(query):
            return [request.json for request in list(receiver.requests) if request.query == query]
        (rule,) = eventually(lambda: told("rule"), 30)
        assert [(run["run_type"], run["total_tokens"]) for run in rule["runs"]] == [("llm", 2010)]
        assert eventually(lambda: told("alert"), 30)[0]["alert_rule_attribute"] == "error_count"


def test_tracing_can_be_turned_off(stores, model, tmp_path):
    from langgraph_sdk import get_sync_client
    (tmp_path / "data").mkdir()
    with serve(stores, tmp_path, model, {"tracing": False}) as server, Api(server.url) as api:
        api.ok("POST", "/v1/fleet/secrets", json={"name": "SCRIPT_BASE_URL", "value": model.url + "/v1"})
        agent, name = make(api)
        model.say(name, text("Hello"))
        ask(get_sync_client(url=server.url), agent, "Hi")
        ingested = str(uuid.uuid4())  # goes the same way into the store, and behind what the run had to say
        api.ok("POST", "/runs", json={"id": ingested, "name": "x", "run_type": "chain", "inputs": {}, "session_name": "own",
                                      "start_time": "2026-01-01T00:00:00Z"})
        eventually(lambda: api.get(f"/runs/{ingested}").status_code == 200, 15)
        assert api.ok("GET", "/sessions", params={"name": "fleet"}) == []
