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

    def start(language, settings=None, env=None, files=None):
        project = tmp_path / f"project-{len(running)}"
        project.mkdir()
        for entry in TARGETS[language].iterdir():
            if entry.name != "langgraph.json":
                (project / entry.name).symlink_to(entry)
        for name, text in (files or {}).items():
            (project / name).write_text(text)
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


OWN_SPANS = {
    "python": """
from typing import TypedDict
from langgraph.graph import END, START, StateGraph
from langsmith import get_current_run_tree, trace, traceable
from langsmith.run_trees import RunTree

class State(TypedDict, total=False):
    q: str
    a: str

@traceable(run_type="llm", metadata={"own": "yes"})
def inner(q):
    return {"text": q.upper()}

@traceable
def outer(q):
    return inner(q)

@traceable
def bad():
    raise ValueError("bad")

def node(state):
    answer = outer(state["q"])
    try:
        bad()
    except ValueError:
        pass
    with trace("by hand", run_type="tool", inputs={"x": 1}) as span:
        span.end(outputs={"y": 2})
    child = get_current_run_tree().create_child(name="child", run_type="tool", inputs={"n": 1})
    child.post()
    child.end(outputs={"m": 2})
    child.patch()
    alone = RunTree(name="alone", run_type="chain", inputs={"p": 1})
    alone.post()
    below = alone.create_child(name="below", run_type="chain", inputs={"r": 1})
    below.post()
    below.end(outputs={"z": 1})
    below.patch()
    alone.end(outputs={"o": 1})
    alone.patch()
    return {"a": answer["text"]}

builder = StateGraph(State)
builder.add_node("node", node)
builder.add_edge(START, "node")
builder.add_edge("node", END)
graph = builder.compile()
""",
    "js": """
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';
import { RunnableLambda } from '@langchain/core/runnables';
import { traceable } from 'langsmith/traceable';

const State = Annotation.Root({ q: Annotation(), a: Annotation() });
const inner = traceable(async (q) => ({ text: q.toUpperCase() }), { name: 'inner', run_type: 'llm', metadata: { own: 'yes' } });
const step = RunnableLambda.from(async (q) => q).withConfig({ runName: 'step' });
const outer = traceable(async (q) => inner(await step.invoke(q)), { name: 'outer' });
const bad = traceable(async () => { throw new Error('bad'); }, { name: 'bad' });

export const graph = new StateGraph(State)
    .addNode('node', async ({ q }) => {
        const answer = await outer(q);
        await bad().catch(() => {});
        return { a: answer.text };
    })
    .addEdge(START, 'node')
    .addEdge('node', END)
    .compile();
"""}
BELOW = {"python": {"outer": "node", "inner": "outer", "bad": "node", "by hand": "node", "child": "node", "alone": "node",
                    "below": "alone"},
         "js": {"outer": "node", "step": "outer", "inner": "outer", "bad": "node"}}


def test_functions_of_langsmith_inside_nodes_are_below_them(serve, language):
    """@traceable, trace() and RunTree, without any configuration (issue 5)."""
    name = {"python": "own.py", "js": "own.mjs"}[language]
    server = serve(language, {"graphs": {"own": f"./{name}:graph"}}, files={name: OWN_SPANS[language]})
    with Api(server.url) as api:
        thread = api.thread()
        state, run_id = run(api, "own", thread, {"q": "hi"})
        assert state["a"] == "HI"
        spans = spans_of(api, "own")
        names = {span["id"]: span["name"] for span in spans}
        assert {span["name"]: names[span["parent_run_id"]] for span in spans if span["name"] in BELOW[language]} == BELOW[language]
        by_name = {span["name"]: span for span in spans}
        assert len(by_name) == len(spans) and {span["trace_id"] for span in spans} == {run_id}
        assert by_name["inner"]["run_type"] == "llm" and by_name["inner"]["outputs"] == {"text": "HI"}
        assert by_name["inner"]["extra"]["metadata"]["own"] == "yes"
        assert {span["extra"]["metadata"]["thread_id"] for span in spans} == {thread}
        assert by_name["bad"]["status"] == "error" and "bad" in by_name["bad"]["error"]
        assert by_name["node"]["status"] == by_name["own"]["status"] == "success"


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
