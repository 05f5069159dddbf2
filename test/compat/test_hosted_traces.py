"""Agents hosted here trace into the same server, without any configuration: rules and alerts see them (issue 5; B1, C2)."""

import json
import time
import uuid

import pytest
from harness.api import Api
from harness.ports import eventually
from harness.server import Server

from conftest import TARGETS

TICKS = {"runbell": {"rules": {"tick_s": 0.1}, "alerts": {"tick_s": 0.1}, "delivery": {"survey_s": 0.2}}}
GREETING = {"messages": [{"role": "human", "content": "Hello"}]}


@pytest.fixture(params=["python", "js"])
def language(request):
    return request.param


@pytest.fixture(params=["sqlite", "postgres"])
def api(request, language, servers):
    with Api(servers(language, request.param).url) as client:
        yield client


def project_id(api, name):
    found = api.ok("GET", "/sessions", params={"name": name})
    return found[0]["id"] if found else None


def spans_of(api, project, **query):
    """All spans of a project that match, once the root has ended."""
    def find():
        session = project_id(api, project)
        if not session:
            return None
        runs = api.ok("POST", "/runs/query", json={"session": [session], "limit": 100, **query})["runs"]
        roots = [run for run in runs if run["is_root"]]
        return runs if roots and all(run["status"] != "pending" for run in runs) else None
    return eventually(find, 30)


def run(api, graph, thread, given=GREETING):
    answer = api.post(f"/threads/{thread}/runs/wait", json={"assistant_id": graph, "input": given}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json(), answer.headers["content-location"].split("/")[4]


def test_a_run_is_a_trace(api):
    thread = api.thread()
    state, run_id = run(api, "agent", thread)
    spans = spans_of(api, "agent", filter=f'eq(thread_id, "{thread}")')
    root = next(span for span in spans if span["is_root"])
    assert root["id"] == root["trace_id"] == run_id and root["status"] == "success" and root["run_type"] == "chain"
    assert root["inputs"]["messages"][0]["content"] == "Hello"
    assert root["outputs"]["messages"][-1]["content"] == state["messages"][-1]["content"]
    metadata = root["extra"]["metadata"]
    assert (metadata["thread_id"], metadata["run_id"], metadata["graph_id"]) == (thread, run_id, "agent")
    assert uuid.UUID(metadata["assistant_id"])
    children = [span for span in spans if not span["is_root"]]
    assert children and all(span["trace_id"] == run_id and span["end_time"] for span in children)
    assert all(span["dotted_order"].startswith(root["dotted_order"] + ".") for span in children)
    assert any("langgraph_node" in span["extra"]["metadata"] for span in children)


def test_a_run_that_fails_is_an_error(api):
    thread = api.thread()
    run(api, "failing", thread)
    spans = spans_of(api, "failing", filter=f'eq(thread_id, "{thread}")')
    root = next(span for span in spans if span["is_root"])
    assert root["status"] == "error" and root["error"]


def test_a_question_to_a_person_is_no_error(api):
    thread = api.thread()
    run(api, "approval", thread, {"request": "x", "messages": []})
    spans = spans_of(api, "approval", filter=f'eq(thread_id, "{thread}")')
    assert {span["status"] for span in spans} == {"success"}


@pytest.fixture
def serve(tmp_path, stores):
    """A server with the language's example, other settings and environment."""
    running = []

    def start(language, settings=None, env=None):
        project = tmp_path / f"project-{len(running)}"
        project.mkdir()
        for entry in TARGETS[language].iterdir():
            if entry.name != "langgraph.json":
                (project / entry.name).symlink_to(entry)
        config = json.loads((TARGETS[language] / "langgraph.json").read_text())
        (project / "langgraph.json").write_text(json.dumps(config | (settings or TICKS)))
        folder = tmp_path / f"server-{len(running)}"
        folder.mkdir()
        one = Server(folder, store="sqlite", project=project, env=env or {})
        running.append(one)
        return one.start()

    yield start
    for one in running:
        one.stop()
        one.close()


def test_a_rule_and_an_alert_tell_of_it(serve, language, hostile):
    hook, alarm = hostile.hook("/rule"), hostile.hook("/alert")
    server = serve(language)
    with Api(server.url) as api:
        project = api.ok("POST", "/sessions", json={"name": "failing"})
        api.ok("POST", "/runs/rules", json={
            "display_name": "failed", "sampling_rate": 1, "session_id": project["id"],
            "filter": 'and(eq(is_root, true), neq(error, null))', "webhooks": [{"url": hook.url}]})
        api.ok("POST", f"/v1/platform/alerts/{project['id']}", json={
            "rule": {"name": "errors", "type": "threshold", "aggregation": "sum", "attribute": "error_count",
                     "operator": "gte", "threshold": 1, "window_minutes": 5},
            "actions": [{"target": "webhook", "config": {"url": alarm.url}}]})
        _, run_id = run(api, "failing", api.thread())
        told = eventually(lambda: list(hook.requests), 30)
        assert [one["id"] for one in told[0].json["runs"]] == [run_id]
        assert eventually(lambda: list(alarm.requests), 30)[0].json["alert_rule_attribute"] == "error_count"


@pytest.mark.parametrize("settings, env", [({"runbell": {"tracing": False}}, {}), (None, {"LANGSMITH_TRACING": "false"})])
def test_it_can_be_turned_off(serve, language, settings, env):
    with Api(serve(language, settings, env).url) as api:
        run(api, "agent", api.thread())
        time.sleep(0.5)  # nothing is to be waited for
        assert project_id(api, "agent") is None
