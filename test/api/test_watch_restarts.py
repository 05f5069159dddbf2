"""Rules and alerts over restarts, kill -9 and two nodes on one PostgreSQL: once, and nothing lost (issue 6)."""

import time
import uuid

import pytest

from harness.api import Api
from harness.ports import eventually
from harness.server import Server
from test_alerts import ROOT, rule, send, shown, span, webhook
from test_rules import ROOT as RULES

CONFIG = {"runbell": {"alerts": {"tick_s": 0.2}, "rules": {"tick_s": 0.1}, "delivery": {"survey_s": 0.2}}}


@pytest.fixture
def hook(hostile):
    return hostile.hook(f"/hook-{uuid.uuid4().hex}")


@pytest.fixture
def nodes(request, store, tmp_path):
    """Two programs on one store; with SQLite one, for its file has one."""
    address, running = store(), []
    count = 1 if address == "sqlite" else 2
    for n in range(count):
        (tmp_path / str(n)).mkdir()
        running.append(Server(tmp_path / str(n), store=address, config=CONFIG).start())
    yield running
    for node in running:
        node.close()


def make(api, project, *hooks, **more):
    return api.ok("POST", f"{ROOT}/{project['id']}", json={"rule": rule(**more), "actions": [webhook(h) for h in hooks]})


def ids(hook):
    return {request.header("webhook-id") for request in hook.requests}


@pytest.mark.timeout(300)
def test_an_alert_fires_and_recovers_once_over_nodes_and_kills(nodes, hook):
    with Api(nodes[0].url) as api:
        project = api.ok("POST", "/sessions", json={"name": f"bot-{uuid.uuid4().hex}"})
        alert = make(api, project, hook, aggregation="pct", threshold=50, notify_recovery=True)
        send(api, span(project, "x"))
        hook.wait_for(1, timeout=30)
    for node in nodes:
        node.kill()
        node.start()
    with Api(nodes[-1].url) as api:
        assert shown(api, project, alert)["rule"]["state"] == "firing"
        send(api, span(project, "again"))
        eventually(lambda: shown(api, project, alert)["rule"]["last_value"] == 100, 30)
        time.sleep(1)
        assert len(ids(hook)) == 1
        send(api, *[span(project) for _ in range(5)])
        eventually(lambda: len(ids(hook)) == 2, 150)
        assert hook.requests[-1].json["alert_status"] == "resolved"
        history = api.ok("GET", f"{ROOT}/{project['id']}/{alert['rule']['id']}/history")
        assert [one["event"] for one in history] == ["recovered", "fired"]
    time.sleep(1)
    assert len(ids(hook)) == 2


def test_a_run_is_told_once_over_nodes_and_kills(nodes, hook):
    with Api(nodes[0].url) as api:
        project = api.ok("POST", "/sessions", json={"name": f"bot-{uuid.uuid4().hex}"})
        api.ok("POST", RULES, json={"display_name": "watch", "sampling_rate": 1, "session_id": project["id"],
                                    "webhooks": [{"url": hook.url}]})
    sent = []
    for node in [*nodes, *nodes]:
        with Api(node.url) as api:
            spans = [span(project) for _ in range(20)]
            send(api, *spans)
            sent += [one["id"] for one in spans]
        node.kill()
        node.start()

    def told():
        by_id = {request.header("webhook-id"): request.json["runs"] for request in list(hook.requests)}
        return [run["id"] for runs in by_id.values() for run in runs]
    eventually(lambda: set(told()) >= set(sent), 60)
    time.sleep(1)
    assert sorted(told()) == sorted(sent)
