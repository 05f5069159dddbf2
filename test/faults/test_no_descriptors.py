"""No descriptors left (issue 3, "fd exhaustion"): the listener and the sender degrade, what was acknowledged is delivered, no
endpoint is blamed for it, and when there are some again everything goes on by itself."""

import contextlib
import resource
import socket
import uuid

import psutil

from harness.api import Api
from harness.hostile import HOLD, Hostile, Personality
from harness.ledger import Ledger
from harness.load import Load
from harness.ports import eventually

FAST = {"runbell": {"delivery": {"test_schedule_ms": [50, 100, 200, 400, 800, 1600, *[3000] * 10]}}}
CALLERS = 200
SPARE = 24  # above what the server has open when it is idle
HANGING = 60


def limit(server, spare):
    process = psutil.Process(server.process.pid)
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    soft = process.num_fds() + spare if spare is not None else hard
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    return process


def told(api, runs):
    found = [api.ok("GET", "/v1/deliveries", params={"object_id": run["run_id"]})["deliveries"][0] for run in runs]
    return [(one["state"], one["last_result"]) for one in found]


def test_callers_take_all_descriptors(start_server, shared_receiver):
    server, ledger = start_server(config=FAST), Ledger()
    hook = shared_receiver.hook(f"/{uuid.uuid4().hex}")
    with Load(server.url, hook.url, ledger, clients=2, pause_s=0.01):
        eventually(lambda: len(ledger.acknowledged) >= 10, 60)
        process = limit(server, SPARE)
        with contextlib.ExitStack() as callers:
            for _ in range(CALLERS):
                callers.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            eventually(lambda: "cannot accept connections" in server.log(), 30, why="it never ran out")
            before = len(ledger.acknowledged)
            # Those that are connected are served all the while.
            eventually(lambda: len(ledger.acknowledged) >= before + 20, 60, why="nobody is served any more")
            assert process.num_fds() <= resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[0]
        eventually(server.is_ok, 30, why="it does not answer after the callers have gone")
    limit(server, None)
    eventually(lambda: not ledger.missing(hook.requests), 60, every=0.2,
               why=lambda: f"{len(ledger.missing(hook.requests))} webhooks are missing")
    ledger.check(hook.requests)
    assert server.log().count("cannot accept connections") <= 10, "it floods its log"
    server.stop()


def test_hanging_receivers_take_all_descriptors(start_server, shared_receiver):
    server = start_server(config=FAST)
    hook = shared_receiver.hook(f"/{uuid.uuid4().hex}")
    hanging = [Personality(f"hangs {number}", "timeout", (HOLD,)) for number in range(HANGING)]
    with Hostile(hanging) as hostile, Api(server.url) as api:
        first = api.run(None, webhook=hook.url)
        hook.wait_for_run(first["run_id"])
        limit(server, SPARE)
        for one in hanging:
            api.run(None, webhook=hostile.url(one.name))
        runs = [api.run(None, webhook=hook.url) for _ in range(20)]
        eventually(lambda: all(state == "done" for state, _ in told(api, runs)), 90, every=0.5,
                   why=lambda: f"{told(api, runs)}")
        endpoints = api.ok("GET", "/v1/endpoints", params={"limit": 100})["endpoints"]
        (endpoint,) = [one for one in endpoints if hook.path in one["url"]]
        assert endpoint["state"] == "active", endpoint
        details = [api.ok("GET", f"/v1/deliveries/{one['delivery_id']}")["attempt_log"][0]["detail"] or ""
                   for one in api.ok("GET", "/v1/deliveries", params={"limit": 100})["deliveries"]]
        assert any("too many open files" in detail for detail in details), f"it never ran out: {details}"
        assert server.process.poll() is None
        limit(server, None)
    server.stop()
