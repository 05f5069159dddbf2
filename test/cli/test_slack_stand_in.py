"""Alerts that tell Slack (A11-A18): the documented settings, against a stand-in that is as strict as Slack's documentation."""

import json
import os
import subprocess
import sys
import uuid
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from harness.api import Api
from harness.ports import eventually, free_port
from harness.server import HOME, Server

TOKEN, CHANNEL = "xoxb-your-token-here", "C0123456789"
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
RULE = {"name": "Error spike", "description": "", "type": "threshold", "aggregation": "sum", "attribute": "error_count",
        "operator": "gte", "window_minutes": 5, "threshold": 1}


def section(text):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


# Slack's members as the guide lays them out; {channel_id} is filled in by hand.
TEMPLATE = {"channel": CHANNEL, "text": "{alert_name} triggered for {project_name}", "blocks": [
    section("🚨{alert_name} has been triggered"),
    section("Please check the following link for more information:"),
    section("<{project-url}|View in LangSmith>")]}


@pytest.fixture(scope="module")
def slack():
    port = free_port()
    process = subprocess.Popen([sys.executable, str(HOME / "examples/receivers/slack/slack_stand_in.py"), str(port)],
                               stdout=subprocess.PIPE, text=True, env={**os.environ, "SLACK_TOKEN": TOKEN})
    assert "listening" in process.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def api(store, tmp_path_factory):
    config = {"runbell": {"alerts": {"tick_s": 0.2}, "delivery": {"survey_s": 0.2}}}
    with Server(tmp_path_factory.mktemp("slack"), store=store(), config=config) as server, Api(server.url) as client:
        yield client


@pytest.fixture
def project(api):
    return api.ok("POST", "/sessions", json={"name": f"bot-{uuid.uuid4().hex}"})


def alert(slack, template=TEMPLATE, headers=HEADERS):
    # Headers and body as the form sends them: texts of JSON.
    return {"rule": RULE, "actions": [{"target": "webhook", "config": {
        "url": f"{slack}/api/chat.postMessage", "headers": json.dumps(headers), "body": json.dumps(template)}}]}


def fail_once(api, project):
    now, span_id = datetime.now(timezone.utc), str(uuid.uuid4())
    api.post("/runs/batch", json={"post": [{
        "id": span_id, "trace_id": span_id, "dotted_order": now.strftime("%Y%m%dT%H%M%S%fZ") + span_id, "name": "agent",
        "run_type": "chain", "session_name": project["name"], "start_time": now.isoformat(), "error": "ValueError('x')",
        "end_time": (now + timedelta(milliseconds=5)).isoformat(), "inputs": {}}]}).raise_for_status()


def taken(slack, project):
    return [message for message in httpx.get(f"{slack}/messages").json() if message["project_name"] == project["name"]]


def test_the_documented_example_reaches_the_channel(api, slack, project):
    api.ok("POST", f"/v1/platform/alerts/{project['id']}", json=alert(slack))
    fail_once(api, project)
    message, = eventually(lambda: taken(slack, project), 30)
    assert message["channel"] == CHANNEL and message["text"] == f"Error spike triggered for {project['name']}"
    texts = [block["text"]["text"] for block in message["blocks"]]
    assert texts[0] == "🚨Error spike has been triggered"
    assert texts[2].startswith("<http") and texts[2].endswith(f"/projects/p/{project['id']}|View in LangSmith>")
    assert message["alert_rule_attribute"] == "error_count" and message["triggered_metric_value"] == 1


def test_the_test_alert_reaches_the_channel(api, slack, project):
    said = api.ok("POST", f"/v1/platform/alerts/{project['id']}/test", json=alert(slack))
    assert said["results"][0]["delivered"], said
    assert len(taken(slack, project)) == 1


@pytest.mark.parametrize("change, error", [
    ({"channel": "{channel_id}"}, "channel_not_found"),
    ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
    ({"blocks": [section("x" * 3001)]}, "invalid_blocks"),
    ({"text": "", "blocks": []}, "no_text"),
])
def test_what_slack_would_not_take_is_told(api, slack, project, change, error):
    """A8, A9: Slack says 200 and ok: false; the test alert says what it said."""
    said = api.ok("POST", f"/v1/platform/alerts/{project['id']}/test", json=alert(slack, {**TEMPLATE, **change}))
    assert not said["results"][0]["delivered"] and error in json.dumps(said)
    assert not taken(slack, project)


def test_a_wrong_token_is_told(api, slack, project):
    said = api.ok("POST", f"/v1/platform/alerts/{project['id']}/test",
                  json=alert(slack, headers={"Authorization": "Bearer xoxb-other"}))
    assert "invalid_auth" in json.dumps(said) and not said["results"][0]["delivered"]
