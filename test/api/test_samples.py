"""A test send's sample has the shape of what is really sent: the same members in the same types, the same forms of times
(cli-ops.md section 5.1: `trigger` "sends a realistic sample"; B2, B5 to B7, C9, A6, E10)."""

import re
import uuid
from datetime import datetime, timezone

import pytest

from harness.api import Api
from harness.server import Server

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")
DOTTED = re.compile(r"\d{8}T\d{12}Z[0-9a-f-]{36}")
FREE = {"kwargs", "metadata", "values", "inputs", "outputs", "extra", "input", "files"}  # as the agent has them


@pytest.fixture(scope="module")
def api(store, tmp_path_factory):
    config = {"runbell": {"rules": {"tick_s": 0.1}, "delivery": {"survey_s": 0.2}}}
    with Server(tmp_path_factory.mktemp("samples"), store=store(), config=config) as server, Api(server.url) as client:
        yield client


def form(value):
    """What kind of value it is, times told apart by their form."""
    if isinstance(value, dict):
        return {name: "free" if name in FREE else form(member) for name, member in value.items()}
    if isinstance(value, list):
        return [form(value[0])] if value else []
    if isinstance(value, str):
        for name, pattern in (("time", TIME.pattern + r"\+00:00"), ("naive time", TIME.pattern), ("order", DOTTED.pattern)):
            if re.fullmatch(pattern, value):
                return name
        return "text"
    return "number" if type(value) in (int, float) else type(value).__name__


def sample(api, kind, hook):
    assert api.ok("POST", "/v1/test", json={"url": hook.url, "kind": kind})["delivered"]
    return hook.wait_for(1)[0].json


def test_of_a_run(api, hostile):
    thread = api.thread()
    real, made = hostile.hook("/real"), hostile.hook("/sample")
    api.ended(api.run(thread, webhook=real.url))
    assert form(sample(api, "run", made)) == form(real.wait_for(1)[0].json)


def test_of_a_rule(api, hostile):
    real, made = hostile.hook("/real"), hostile.hook("/sample")
    project = api.ok("POST", "/sessions", json={"name": f"p-{uuid.uuid4()}"})
    api.ok("POST", "/runs/rules", json={"display_name": "all", "sampling_rate": 1, "session_id": project["id"],
                                        "webhooks": [{"url": real.url}]})
    now, span = datetime.now(timezone.utc).isoformat(), str(uuid.uuid4())
    api.ok("POST", "/runs", json={"id": span, "name": "x", "run_type": "chain", "session_name": project["name"], "inputs": {"q": 1},
                                  "outputs": {"a": 1}, "start_time": now, "end_time": now})
    sent, told = form(sample(api, "rule", made)), form(real.wait_for(1)[0].json)
    run, real_run = sent["runs"][0], told["runs"][0]
    assert run == real_run and {**sent, "runs": 0} == {**told, "runs": 0}
    body = made.requests[0].json
    assert body["start_time"] < body["end_time"] and body["runs"][0]["dotted_order"].endswith(body["runs"][0]["id"])


def test_of_an_alert(api, hostile):
    real, made = hostile.hook("/real"), hostile.hook("/sample")
    project = api.ok("POST", "/sessions", json={"name": f"p-{uuid.uuid4()}"})
    rule = {"name": "spike", "description": "", "type": "threshold", "aggregation": "sum", "attribute": "error_count",
            "operator": "gte", "window_minutes": 5, "threshold": 2}
    api.ok("POST", f"/platform/alerts/{project['id']}/test", json={
        "rule": rule, "actions": [{"target": "webhook", "config": {"url": real.url}}]})
    sent = sample(api, "alert", made)
    assert form(sent) == form(real.wait_for(1)[0].json)
    assert all(sent[name].startswith("http") for name in ("alert_rule_url", "runs_url"))


def test_of_a_publish(api, hostile):
    real, made = hostile.hook("/real"), hostile.hook("/sample")
    agent = api.ok("POST", "/v1/fleet/agents", json={"name": "My Agent", "description": "d", "system_prompt": "You help."})
    webhook = api.ok("POST", "/platform/fleet-webhooks", json={"name": "w", "url": real.url})
    api.ok("POST", f"/platform/fleet-webhooks/{webhook['id']}/run", json={"agent_id": agent["id"]})
    sent, told = sample(api, "fleet", made), real.wait_for(1)[0].json
    assert sent["publisher"].pop("email") and told["publisher"].pop("email") is None, "a server without keys knows none"
    assert form(sent) == form(told) and set(sent["files"]) == set(told["files"])
