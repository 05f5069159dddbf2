"""Thousands of dead and hanging endpoints beside a healthy one (issue 3, health and fairness; row 16 of delivery.md §8.3): the
healthy one's webhooks arrive while the others wait, and what those cost is bounded. Judged by counts, not by time."""

import concurrent.futures
import os
import selectors
import socket
import threading
import uuid

from harness.api import Api
from harness.ports import eventually, free_port

HANGING = int(os.environ.get("RUNBELL_TEST_HANGING", "1500"))
DEAD = HANGING // 3
HEALTHY = 200
ACTIVE = 256
PATIENT = {"runbell": {"delivery": {"active_max": ACTIVE, "test_schedule_ms": [3_600_000] * 3}}}
SMALL_QUARANTINE = {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=8:malloc_context_size=2"}
GROWTH_BYTES_MAX = 96 << 20


def host(network, number):
    """An origin of its own for each: all of 127.0.0.0/8 is this machine."""
    return f"127.{network}.{number // 250}.{number % 250 + 1}"


class Hanging:
    """Takes connections on all addresses, reads nothing, answers nothing, and counts those that are open at once."""

    def __init__(self):
        self.socket = socket.create_server(("0.0.0.0", free_port()), backlog=4096)
        self.port = self.socket.getsockname()[1]
        self.open, self.most, self.came = set(), 0, 0
        self.is_stopped = False
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_stopped = True
        self.thread.join()
        for one in [*self.open, self.socket]:
            one.close()

    def serve(self):
        selector = selectors.DefaultSelector()
        selector.register(self.socket, selectors.EVENT_READ)
        while not self.is_stopped:
            for key, _ in selector.select(0.1):
                self.accept(selector) if key.fileobj is self.socket else self.drain(selector, key.fileobj)

    def accept(self, selector):
        one, _ = self.socket.accept()
        selector.register(one, selectors.EVENT_READ)
        self.open.add(one)
        self.came += 1
        self.most = max(self.most, len(self.open))

    def drain(self, selector, one):
        try:
            if one.recv(65536):
                return
        except ConnectionError:
            pass
        selector.unregister(one)
        self.open.discard(one)
        one.close()



def states(api, runs):
    """How many of these runs' deliveries are in which state."""
    found = {}
    for run in runs:
        (delivery,) = api.ok("GET", "/v1/deliveries", params={"object_id": run["run_id"]})["deliveries"]
        found[delivery["state"]] = found.get(delivery["state"], 0) + 1
    return found


def test_a_healthy_endpoint_beside_thousands_of_dead_ones(start_server, shared_receiver):
    server = start_server(config=PATIENT, env=SMALL_QUARANTINE)
    good = shared_receiver.hook(f"/{uuid.uuid4().hex}")
    with Hanging() as hanging, Api(server.url) as api, concurrent.futures.ThreadPoolExecutor(4) as pool:
        first = api.run(None, webhook=good.url)
        good.wait_for_run(first["run_id"])
        before = server.rss_bytes()
        urls = [f"http://{host(1, number)}:{hanging.port}/" for number in range(HANGING)]
        urls += [f"http://{host(2, number)}:{free_port()}/" for number in range(DEAD)]
        bad = list(pool.map(lambda url: api.run(None, webhook=url), urls))
        eventually(lambda: hanging.came >= ACTIVE // 4, 60, why=lambda: f"only {hanging.came} of them were called")
        runs = list(pool.map(lambda _: api.run(None, webhook=good.url), range(HEALTHY)))
        good.wait_for(1 + HEALTHY, timeout=120)
        came = hanging.came
        # Counts: all of the healthy one's are there while most of the hanging ones were not even called once.
        assert came < HANGING // 2, f"{came} of {HANGING} hanging endpoints had their try first"
        assert hanging.most <= ACTIVE, f"{hanging.most} connections to those that hang"
        growth = server.rss_bytes() - before
        assert growth < GROWTH_BYTES_MAX, f"{growth >> 20} MB more"
        eventually(lambda: states(api, runs[-5:]) == {"done": 5}, 30, why=lambda: f"{states(api, runs[-5:])}")
        assert "done" not in states(api, bad[:HANGING:50])
    server.stop(timeout=90)
