"""A published bundle runs with the published `deepagents` package, approvals included (issue 7; fleet.md 2.2, 2.5): what
examples/receivers/deepagents does, against a scripted model and an MCP server of the official SDK."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from harness.api import Api
from harness.mcp_process import mcp_process
from harness.model import ModelServer, calls, text
from harness.server import Server

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "receivers" / "deepagents"


@pytest.fixture(scope="module")
def python():
    """Of the environment that the example's lock file names; made when it is needed."""
    subprocess.run([ROOT / "tools" / "setup", "--deepagents"], check=True, capture_output=True)
    return EXAMPLE / ".venv" / "bin" / "python"


@pytest.fixture(scope="module")
def model():
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def api(store, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("deepagents"), store=store(), dev=True) as server, Api(server.url) as client:
        yield client


def ran(python, model, bundle, answers):
    done = subprocess.run([python, EXAMPLE / "run_bundle.py", bundle, "Go"], input="\n".join(answers) + "\n", text=True,
                          capture_output=True, timeout=100, check=False, env={
                              "PATH": os.environ["PATH"], "SCRIPT_BASE_URL": model.url + "/v1", "LANGSMITH_TRACING": "false"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_an_exported_agent_asks_before_it_calls(python, api, model, tmp_path):
    """The interrupt of the bundle is one of Deep Agents too: for an MCP tool, and for one of the harness itself."""
    with mcp_process("events") as url:
        agent = api.ok("POST", "/v1/fleet/agents", json={
            "name": "Bundle", "system_prompt": "You are the bundled one.", "model": {"id": "script:bundle"},
            "tools": {"tools": [{"name": "add", "mcp_server_url": url, "mcp_server_name": "tests"}],
                      "interrupt_config": {f"{url}::add::tests": True, "write_file": True}},
            "subagents": [{"name": "worker", "description": "Works \"hard\"", "system_prompt": "You work."}],
            "files": {"skills/reports/SKILL.md": "---\nname: reports\ndescription: How reports are written\n---\nShort.\n"}})
        bundle = tmp_path / "Bundle.zip"
        bundle.write_bytes(api.get(f"/v1/fleet/agents/{agent['id']}/export.zip").content)
        model.say("bundle", calls(("add", {"a": 40, "b": 2})), calls(("write_file", {"file_path": "/a.md", "content": "x"})),
                  calls(("task", {"description": "check", "subagent_type": "worker"})), text("It is checked"), text("All done"))
        said = ran(python, model, bundle, ["y", "not now"])
    assert 'add({"a": 40, "b": 2})' in said and "write_file(" in said and said.endswith("All done\n")
    asked = model.of("bundle")
    assert len(asked) == 5 and "You are the bundled one." in json.dumps(asked[0]["messages"])
    assert "How reports are written" in json.dumps(asked[0]["messages"])
    assert 'worker: Works \\"hard\\"' in json.dumps(asked[0]["tools"])
    answers = [message["content"] for message in asked[-1]["messages"] if message["role"] == "tool"]
    assert "the sum is 42" in json.dumps(answers[0]) and "not now" in json.dumps(answers[1])
    assert "It is checked" in json.dumps(answers[2])
    assert "You work." in json.dumps(asked[3]["messages"])
