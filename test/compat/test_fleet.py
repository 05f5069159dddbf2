"""The documented Fleet webhook from one end to the other: the agent, the form with three fields, the payload, and the
receiver as the documents print it (E9-E21)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.api import Api
from harness.ports import eventually, free_port, listens

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "receivers" / "fleet" / "documented.py"
FORM = {"fields": [
    {"name": "notes", "label": "Deployment Notes", "type": "textarea"},
    {"name": "environment", "label": "Environment", "type": "select", "options": [
        {"label": "Development", "value": "dev"}, {"label": "Staging", "value": "staging"},
        {"label": "Production", "value": "prod"}]},
    {"name": "dry_run", "label": "Dry Run", "type": "boolean", "default": True}]}
AGENT = {
    "name": "My Agent", "description": "Agent description text", "files": {
        "AGENTS.md": {"content": "You are a careful researcher."},
        "tools.json": {"content": json.dumps({"tools": [
            {"name": "tavily_web_search", "mcp_server_url": "http://localhost:8084"},
            {"name": "google_calendar", "mcp_server_url": "http://localhost:8084"}], "interrupt_config": {}})},
        "skills/skill-name/SKILL.md": {"content": "---\nname: skill-name\ndescription: Does something.\n---\n"},
        "subagents/research_worker/AGENTS.md": {"content": "You look things up."},
        "subagents/research_worker/tools.json": {"content": '{"tools": [], "interrupt_config": {}}'}}}


@pytest.fixture
def receiver(tmp_path):
    """The documented program, on a free port: the rest of it as it stands in the documents."""
    port = free_port()
    text = SAMPLE.read_text()
    assert 'HTTPServer(("", 8000), WebhookHandler)' in text
    program = tmp_path / "receiver.py"
    program.write_text(text.replace('("", 8000)', f'("127.0.0.1", {port})'))
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen([sys.executable, "-u", program], stdout=said, stderr=subprocess.STDOUT)
    eventually(lambda: listens(port), why="the receiver does not listen")
    yield f"http://127.0.0.1:{port}/", tmp_path / "said"
    process.kill()
    process.wait()


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_the_documented_sample_works_literally(servers, store, receiver):
    url, said = receiver
    with Api(servers("builtin", store).url) as api:
        agent = api.ok("POST", "/v1/fleet/agents", json=AGENT)
        webhook = api.ok("POST", "/v1/platform/fleet-webhooks", json={
            "name": "Webhook Name", "url": url, "headers": {"X-Key": "sesame"}, "form_schema": FORM})
        answer = api.ok("POST", f"/v1/platform/fleet-webhooks/{webhook['id']}/run", json={
            "agent_id": agent["id"],
            "input": {"notes": "User-provided value", "environment": "prod", "dry_run": True}})
    assert answer["upstream_status_code"] == 200
    assert answer["upstream_content_type"] == "application/json"
    assert json.loads(answer["upstream_body"]) == {"status": "ok"}
    lines = said.read_text().splitlines()
    assert "Webhook: Webhook Name" in lines and "Agent: My Agent" in lines
    assert "Custom Input: {'notes': 'User-provided value', 'environment': 'prod', 'dry_run': True}" in lines
    assert ("Files: ['AGENTS.md', 'config.json', 'skills/skill-name/SKILL.md', 'subagents/research_worker/AGENTS.md', "
            "'subagents/research_worker/tools.json', 'tools.json']") in lines
