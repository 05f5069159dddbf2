"""kill -9 of worker processes, and of the server while real graphs run: no run is lost, none is told twice."""

import random
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

from harness.api import Api
from harness.ledger import Ledger
from harness.load import Load
from harness.ports import eventually

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def slow_python(_source):
    return {"assistant_id": "slow", "input": {}, "context": {"delay_s": 0.1, "steps": 5}}


def slow_js(_source):
    return {"assistant_id": "slow", "input": {"steps": 5, "delay_ms": 100}}


PROJECTS = {"python-agent": slow_python, "js-agent": slow_js}


@pytest.fixture(params=PROJECTS)
def project(request):
    folder = EXAMPLES / request.param
    assert folder.is_dir(), f"{folder} is not there"
    return folder, PROJECTS[request.param]


def finish(server, ledger, hook, timeout):
    eventually(lambda: not ledger.missing(hook.requests), timeout=timeout, every=0.2,
               why=lambda: f"{len(ledger.missing(hook.requests))} webhooks are missing\n{server.log()[-3000:]}")
    time.sleep(0.5)
    ledger.check(hook.requests)


def test_workers_are_killed(start_server, shared_receiver, project, cycles):
    folder, body = project
    hook = shared_receiver.hook(f"/{uuid.uuid4().hex}")
    server = start_server(project=folder)
    ledger, source = Ledger(), random.Random(3)
    with Load(server.url, hook.url, ledger, clients=3, make_body=body, pause_s=0.2):
        for _ in range(max(3, cycles // 5)):
            time.sleep(source.uniform(0.8, 2.0))
            for worker in source.sample(server.workers(), k=min(1, len(server.workers()))):
                worker.kill()
    finish(server, ledger, hook, 120)
    statuses = [request.json["status"] for request in hook.requests]
    assert statuses.count("success") > len(statuses) / 2, statuses
    server.stop()


def test_a_run_whose_worker_dies_every_time_ends_as_error(start_server, shared_receiver, project):
    """After the last attempt: error, with its webhook; and the next run works."""
    folder, body = project
    hook = shared_receiver.hook(f"/{uuid.uuid4().hex}")
    server = start_server(project=folder)
    long = body(None)
    long["input"] = {"steps": 1000, "delay_ms": 5000}
    long["context"] = {"delay_s": 5, "steps": 1000}
    with Api(server.url) as api:
        run = api.ok("POST", f"/threads/{api.thread()}/runs", json={**long, "webhook": hook.url})
        end = time.monotonic() + 90
        while (status := api.get_run(run)["status"]) in ("pending", "running"):
            assert time.monotonic() < end, f"it never ended\n{server.log()[-3000:]}"
            # A worker that dies while it still loads its graphs has not cost the run an attempt.
            for worker in server.workers() if status == "running" else []:
                try:
                    worker.kill()
                except psutil.NoSuchProcess:
                    pass
            time.sleep(0.2)
        payload = hook.one().json
        assert payload["status"] == "error"
        assert payload["error"]["error"] and payload["error"]["message"]
        after = api.ok("POST", "/runs/wait", json={**body(None)})
        assert "__error__" not in after
    server.stop()


def test_the_server_is_killed_while_graphs_run(start_server, shared_receiver, project, cycles):
    folder, body = project
    hook = shared_receiver.hook(f"/{uuid.uuid4().hex}")
    server = start_server(project=folder)
    ledger, source = Ledger(), random.Random(5)
    with Load(server.url, hook.url, ledger, clients=3, make_body=body, pause_s=0.1):
        for _ in range(max(3, cycles // 6)):
            time.sleep(source.uniform(0.5, 1.5))
            workers = server.workers()
            server.kill()
            _, alive = psutil.wait_procs(workers, timeout=10)
            assert not alive, "workers outlived their server"
            server.start()
    finish(server, ledger, hook, 180)
    server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="uses SIGSTOP")
def test_a_worker_that_hangs_is_ended(start_server, shared_receiver, project):
    """A stopped process answers no ping: its runs are taken up elsewhere."""
    folder, body = project
    hook = shared_receiver.hook(f"/{uuid.uuid4().hex}")
    server = start_server(project=folder)
    with Api(server.url) as api:
        run = api.ok("POST", f"/threads/{api.thread()}/runs", json={**body(None), "webhook": hook.url})
        api.status_becomes(run, "running")
        for worker in server.workers():
            worker.suspend()
        assert api.ok("GET", "/ok") == {"ok": True}
        assert hook.wait_for_run(run["run_id"], timeout=90).json["status"] in ("success", "error")
    server.stop()
