"""A run that is rolled back leaves its thread as it was, also where it answered an interrupt of a real graph."""

from pathlib import Path

import pytest

from harness.api import Api
from harness.ports import eventually

NODE_MODULES = Path(__file__).resolve().parents[2] / "examples/js-agent/node_modules"

PYTHON = '''
import asyncio
from typing import TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

class State(TypedDict, total=False):
    name: str

async def ask(state):
    name = interrupt("who?")
    if name == "slow":
        open("lingers", "w").close()
        await asyncio.sleep(60)
    return {"name": f"{name} {interrupt('sure?')}"}

graph = StateGraph(State).add_node("ask", ask).add_edge(START, "ask").compile()
'''
JS = '''
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Annotation, StateGraph, interrupt } from '@langchain/langgraph';

const State = Annotation.Root({ name: Annotation });

async function ask() {
    const name = interrupt('who?');
    if (name === 'slow') {
        writeFileSync('lingers', '');
        await sleep(60000);
    }
    return { name: `${name} ${interrupt('sure?')}` };
}

export const graph = new StateGraph(State).addNode('ask', ask).addEdge('__start__', 'ask').compile();
'''
SOURCES = {"python": ("graph.py", PYTHON), "js": ("graph.mjs", JS)}


@pytest.fixture(params=SOURCES)
def graph_api(request, start_server, tmp_path):
    name, source = SOURCES[request.param]
    project = tmp_path / "graphs"
    project.mkdir()
    (project / name).write_text(source)
    (project / "node_modules").symlink_to(NODE_MODULES)
    (project / "langgraph.json").write_text(f'{{"graphs": {{"asks": "./{name}:graph"}}}}')
    server = start_server(project=project)
    with Api(server.url) as api:
        api.project = project
        yield api
    server.stop()


def picture(api, thread_id):
    thread, state = api.ok("GET", f"/threads/{thread_id}"), api.ok("GET", f"/threads/{thread_id}/state")
    thread.pop("updated_at")
    return thread, state, api.ok("GET", f"/threads/{thread_id}/history")


def resume(api, thread_id, answer, how="runs/wait"):
    return api.ok("POST", f"/threads/{thread_id}/{how}", json={"assistant_id": "asks", "command": {"resume": answer}})


def test_a_resume_that_is_rolled_back_leaves_the_interrupt_as_it_was(graph_api):
    """Issue 2: the answer of the run that is gone stays on no checkpoint."""
    api, thread_id = graph_api, graph_api.thread()
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json={"assistant_id": "asks", "input": {}})
    before = picture(api, thread_id)
    assert before[1]["tasks"][0]["interrupts"][0]["value"] == "who?"
    slow = resume(api, thread_id, "slow", how="runs")
    eventually((api.project / "lingers").exists, timeout=30)
    assert api.post(f"/threads/{thread_id}/runs/{slow['run_id']}/cancel",
                    params={"wait": 1, "action": "rollback"}).status_code == 204
    assert picture(api, thread_id) == before
    # Going on without an answer must ask again, not find the one that was taken back.
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json={"assistant_id": "asks", "input": None})
    assert api.ok("GET", f"/threads/{thread_id}/state")["tasks"][0]["interrupts"][0]["value"] == "who?"
    resume(api, thread_id, "Ada")
    assert api.ok("GET", f"/threads/{thread_id}/state")["tasks"][0]["interrupts"][0]["value"] == "sure?"
    resume(api, thread_id, "yes")
    assert api.ok("GET", f"/threads/{thread_id}/state")["values"]["name"] == "Ada yes"
