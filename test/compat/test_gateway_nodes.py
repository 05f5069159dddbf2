"""Gateway mode with two Runbells on one PostgreSQL before the same upstream (docs/gateway.md): each webhook is delivered once, whichever
node a run was asked for through, and by the other one when a node dies."""

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from harness.api import HELLO, Api
from harness.nodes import Nodes
from harness.ports import eventually
from harness.postgres import Databases
from harness.receiver import Receiver
from harness.server import Server

pytestmark = pytest.mark.skipif("RUNBELL_TEST_POSTGRES" not in os.environ,
                                reason="no PostgreSQL (tools/postgres-temp run gives one)")
PROJECT = Path(__file__).resolve().parents[2] / "examples" / "js-agent"
SETTINGS = {"lease_s": 5, "delivery": {"survey_s": 0.5}}
SLOW = {"steps": 10, "delay_ms": 300}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("upstream"), project=PROJECT) as one:
        yield one


@pytest.fixture
def nodes(upstream, tmp_path):
    store = Databases(os.environ["RUNBELL_TEST_POSTGRES"]).create()
    with Nodes(tmp_path, store, [{**SETTINGS, "upstream": upstream.url}] * 2) as running:
        yield running


@pytest.fixture
def hook():
    with Receiver() as receiver:
        yield receiver.hook("/hook")


def open_intents(nodes):
    return int(nodes.sql("select count(*) from gateway_intents"))


def test_what_one_begins_the_other_joins_and_cancels(nodes, hook):
    here, there = Api(nodes[0].url), Api(nodes[1].url)
    thread = here.thread()
    run = here.ok("POST", f"/threads/{thread}/runs", json={"assistant_id": "slow", "input": SLOW, "webhook": hook.url})
    with httpx.stream("GET", f"{nodes[1].url}/threads/{thread}/runs/{run['run_id']}/stream", timeout=30) as answer:
        assert "event:" in "".join(answer.iter_text())
    assert there.ok("GET", f"/threads/{thread}/runs/{run['run_id']}")["status"] == "success"
    assert hook.wait_for_run(run["run_id"]).json["status"] == "success"
    run = there.ok("POST", f"/threads/{thread}/runs", json={"assistant_id": "slow", "input": {"steps": 500, "delay_ms": 100},
                                                            "webhook": hook.url})
    here.post(f"/threads/{thread}/runs/{run['run_id']}/cancel?wait=true")
    assert hook.wait_for_run(run["run_id"]).json["status"] == "interrupted"
    eventually(lambda: open_intents(nodes) == 0)
    time.sleep(1)
    assert len(hook.requests) == 2


def test_every_webhook_is_delivered_once(nodes, hook):
    def one(number):
        with Api(nodes[number % 2].url) as api:
            if number % 3 == 0:
                body = {"assistant_id": "agent", "input": HELLO, "webhook": hook.url}
                return api.ok("POST", "/runs", json=body)["run_id"]
            body = {"assistant_id": "slow", "input": {"steps": 2, "delay_ms": 100}, "webhook": hook.url}
            return api.ok("POST", f"/threads/{api.thread()}/runs", json=body)["run_id"]

    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(one, range(40)))
    hook.wait_for(40, 90)
    eventually(lambda: open_intents(nodes) == 0, 60)
    time.sleep(1)
    told = [request.json["run_id"] for request in hook.requests]
    assert sorted(told) == sorted(runs), "each once"


@pytest.mark.parametrize("killed", [0, 1])
def test_when_a_node_is_killed_the_other_delivers(nodes, hook, killed):
    """A killed node's runs are followed by the other a minute later at most."""
    apis = [Api(nodes[number].url) for number in range(2)]
    runs = []
    for number in range(6):
        thread = apis[number % 2].thread()
        body = {"assistant_id": "slow", "input": {"steps": 10, "delay_ms": 200 + 100 * number}, "webhook": hook.url}
        runs.append(apis[number % 2].ok("POST", f"/threads/{thread}/runs", json=body)["run_id"])
    nodes[killed].kill()
    for run in runs:
        assert hook.wait_for_run(run, 150).json["status"] == "success"
    eventually(lambda: open_intents(nodes) == 0, 60)
    nodes[killed].start()
    time.sleep(2)
    assert sorted(request.json["run_id"] for request in hook.requests) == sorted(runs), "each once"


def test_a_node_that_is_killed_while_it_asks_for_a_run(nodes, upstream, hook):
    """Nobody heard the answer: the other node finds the run by its mark."""
    thread = Api(nodes[0].url).thread()
    with httpx.stream("POST", f"{nodes[0].url}/threads/{thread}/runs/stream", timeout=30, json={
            "assistant_id": "slow", "input": SLOW, "webhook": hook.url, "on_disconnect": "continue"}) as answer:
        assert answer.status_code == 200
        nodes[0].kill()
    run = Api(upstream.url).ok("GET", f"/threads/{thread}/runs")[0]
    assert hook.wait_for_run(run["run_id"], 150).json["status"] == "success"
    time.sleep(1)
    assert len(hook.requests) == 1
    assert Api(nodes[1].url).get(f"/threads/{uuid.uuid4()}").status_code == 404
