"""Clients inside graphs that are given no address (contract 5.6, rule 8): they reach this server, for the tenant of their
run, also where a key is needed; streams come as they are made."""

import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from harness.server import Server, binary

HERE = Path(__file__).resolve().parent
MODULES = HERE.parents[1] / "examples" / "js-agent" / "node_modules"
GRAPHS = {"python_caller": "./graphs.py:caller", "js_caller": "./graphs.mjs:caller"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("callers") / "project"
    shutil.copytree(HERE / "callers", folder)
    (folder / "node_modules").symlink_to(MODULES)
    return folder


@pytest.fixture(scope="module")
def callers(project, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server"), project=project,
                config={"dependencies": ["."], "graphs": GRAPHS}) as server:
        yield server


@pytest.mark.parametrize("needs_key", [False, True])
def test_graphs_call_their_server(callers, needs_key):
    with httpx.Client(base_url=callers.url, timeout=60) as http:
        if needs_key:
            callers.stop()
            made = subprocess.run([binary(), "keys", "create", "--data", callers.data], cwd=callers.project,
                                  capture_output=True, text=True, check=True)
            callers.start()
            http.headers["X-Api-Key"] = made.stdout.strip().split()[-1]
            assert httpx.post(callers.url + "/threads/search", json={}).status_code == 401
        for graph in GRAPHS:
            answer = http.post("/runs/wait", json={"assistant_id": graph, "input": {}})
            values = answer.json()
            assert set(GRAPHS) <= set(values["names"]), values
            assert values["events"][0] == "metadata" and "values" in values["events"]
        made = http.post("/threads/search", json={"metadata": {"made_by": "a graph"}}).json()
        assert len(made) >= 2
