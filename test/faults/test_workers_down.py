"""Workers that die at each start: their runs end in words, others go on, and all is well when they come up again."""

import uuid

from harness.api import Api
from harness.ports import eventually

GRAPH = '''
import os
from typing import TypedDict
from langgraph.graph import START, StateGraph

if os.path.exists("broken"):
    os._exit(3)

class State(TypedDict, total=False):
    done: bool

graph = StateGraph(State).add_node("do", lambda state: {"done": True}).add_edge(START, "do").compile()
'''
CONFIG = {"graphs": {"fragile": "./graph.py:graph"}, "runbell": {"lease_s": 5, "workers": {"down_s": 4, "python": 1}}}
FRAGILE = {"assistant_id": "fragile", "input": {}}


def test_runs_of_workers_that_never_come_up_end_as_error(start_server, shared_receiver, tmp_path):
    """Issue 2: never pending for ever without words."""
    project = tmp_path / "fragile"
    project.mkdir()
    (project / "graph.py").write_text(GRAPH)
    hook = shared_receiver.hook(f"/{uuid.uuid4().hex}")
    server = start_server(project=project, config=CONFIG)
    with Api(server.url) as api:
        assert api.ok("POST", "/runs/wait", json=FRAGILE) == {"done": True}
        (project / "broken").touch()
        for worker in server.workers():
            worker.kill()
        run = api.run(api.thread(), **{**FRAGILE, "webhook": hook.url})
        assert api.ok("POST", "/runs/wait", json={"assistant_id": "agent", "input": {}})
        ended = api.ended(run, timeout=60)
        assert ended["status"] == "error"
        payload = hook.wait_for_run(run["run_id"]).json
        assert payload["status"] == "error" and payload["error"]["error"] == "WorkerUnavailable", payload
        assert "fragile" in payload["error"]["message"]
        eventually(lambda: server.log().count("worker is gone") >= 2, timeout=60, why="it was not started again")
        starts = server.log().count("worker is gone")
        assert starts <= 12, f"started {starts} times: no back-off"
        (project / "broken").unlink()
        eventually(lambda: api.post("/runs/wait", json=FRAGILE).json() == {"done": True}, timeout=60, every=1)
    server.stop()
