"""runbell deliveries cancel, runbell endpoints: stopped for a while, and all that was missed (cli-ops.md section 5.1, issue 3 rows 6 and 8)."""

import json
import os
import subprocess

import pytest

from harness.api import Api
from harness.ports import eventually
from harness.receiver import Answer
from harness.server import Server, binary

CONFIG = {"runbell": {"delivery": {"test_schedule_ms": [50, 50]}}}


@pytest.fixture(scope="module")
def server(store, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("endpoints"), store=store(), config=CONFIG) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    with Api(server.url) as client:
        yield client


def runbell(*words, url, code=0):
    """Standard output of a command whose exit code must be `code`; of one that fails what it says, too."""
    done = subprocess.run([str(binary()), *words], capture_output=True, cwd="/", timeout=60, text=True,
                          env={**os.environ, "RUNBELL_URL": url}, check=False)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout if code == 0 else done.stdout + done.stderr


def test_an_endpoint_is_paused_and_resumed(server, api, receiver):
    api.delivery_of(api.ended_run(webhook=receiver.url), "done")
    listed = json.loads(runbell("endpoints", "list", "--json", url=server.url))["endpoints"]
    [one] = [endpoint["endpoint_id"] for endpoint in listed if endpoint["url"] == receiver.url]
    assert one in runbell("endpoints", "list", url=server.url)
    assert "paused" in runbell("endpoints", "pause", one, "--reason", "at night", url=server.url)
    held = api.delivery_of(api.ended_run(webhook=receiver.url), "held")
    shown = runbell("endpoints", "show", one, url=server.url)
    assert "at night" in shown and "1 held" in shown
    assert "active" in runbell("endpoints", "resume", one, url=server.url)
    eventually(lambda: api.ok("GET", f"/v1/deliveries/{held['delivery_id']}")["state"] == "done", 30)
    assert "there is no endpoint" in runbell("endpoints", "show", "nobody", url=server.url, code=1)


def test_one_that_waits_is_called_off(server, api, hostile):
    hook = hostile.hook("/off")
    made = api.ok("POST", "/v1/endpoints", json={"url": hook.url})
    runbell("endpoints", "pause", made["endpoint_id"], "--reason", "they move", url=server.url)
    held = api.delivery_of(api.ended_run(webhook=hook.url), "held")
    number = str(held["delivery_id"])
    shown = runbell("deliveries", "cancel", number, url=server.url)
    assert "state          dead" in shown and "reason         cancelled" in shown and "ended  " in shown
    assert "nothing to cancel" in runbell("deliveries", "cancel", number, url=server.url, code=1)
    assert json.loads(runbell("deliveries", "show", number, "--json", url=server.url))["cancelled"] is True


def test_a_receiver_that_was_down_gets_what_it_missed(server, api, hostile):
    """`endpoints recover`: what is held, and what was given up; counted first."""
    hook = hostile.hook("/down", Answer(status=500), Answer(status=500), Answer(status=500))
    dead = api.delivery_of(api.ended_run(webhook=hook.url), "dead")
    endpoint = dead["endpoint_id"]
    runbell("endpoints", "pause", endpoint, url=server.url)
    held = api.delivery_of(api.ended_run(webhook=hook.url), "held")
    assert "--since is missing" in runbell("endpoints", "recover", endpoint, url=server.url, code=2)
    assert "--rate must be a number" in runbell("endpoints", "recover", endpoint, "--since", "1h", "--rate", "x", url=server.url, code=2)
    counted = runbell("endpoints", "recover", endpoint, "--since", "1h", "--dry-run", url=server.url)
    assert counted == "1 held, 1 given up; nothing was sent.\n"
    assert api.ok("GET", f"/v1/endpoints/{endpoint}")["state"] == "paused"
    begun = runbell("endpoints", "recover", endpoint, "--since", "1h", "--rate", "50", url=server.url)
    assert begun.startswith("1 held, 1 given up to be sent once more.\nrunbell replays show ")
    hook.wait_for(5)
    assert {dict(request.headers)["webhook-id"] for request in hook.requests[3:]} == {dead["webhook_id"], held["webhook_id"]}
    told = json.loads(runbell("endpoints", "recover", endpoint, "--since", "1h", "--dry-run", "--json", url=server.url))
    assert told["held"] == 0 and told["matched_is_exact"]
    assert "there is no endpoint nope" in runbell("endpoints", "recover", "nope", "--since", "1h", url=server.url, code=1)


def test_endpoints_are_listed_page_by_page(server, api, hostile):
    for n in range(3):
        api.ok("POST", "/v1/endpoints", json={"url": hostile.hook(f"/page-{n}").url})
    first = runbell("endpoints", "list", "--limit", "1", url=server.url)
    last = first.splitlines()[1].split()[0]
    second = json.loads(runbell("endpoints", "list", "--limit", "1", "--after", last, "--json", url=server.url))
    assert second["endpoints"][0]["endpoint_id"] > last and second["next_after"]
