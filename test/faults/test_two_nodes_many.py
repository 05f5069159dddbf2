"""Many deliveries from two nodes on one PostgreSQL while they are killed again and again: nothing is lost, and what comes twice
is what the killed node was sending, to the delivery. `--deliveries 100000` is the campaign (docs/reliability.md)."""

import collections
import os
import random
import threading
import time
import uuid

import httpx
import pytest

from harness.api import Api, run_body
from harness.nodes import Nodes
from harness.ports import eventually
from harness.postgres import Databases
from harness.receiver import Answer, Hook, Receiver

pytestmark = pytest.mark.skipif("RUNBELL_TEST_POSTGRES" not in os.environ,
                                reason="no PostgreSQL (tools/postgres-temp run gives one)")
BATCH = 50


def settings(active_max):
    """A lease outlives the test: nobody but the node that comes back takes up what the killed one was sending."""
    return {"lease_s": 5, "delivery": {"active_max": active_max, "survey_s": 0.3, "lease_s": 3600}}


class Tally(Hook):
    """Keeps of each webhook what is asked for at the end, not the request."""

    def __init__(self, receiver, path):
        super().__init__(receiver, path, [Answer(delay_s=0.1)])  # so that each kill meets some
        self.keys = {}  # webhook-id → the run's key
        self.times = collections.Counter()  # by webhook-id
        self.nodes = collections.Counter()

    def take(self, request):
        key = request.json["metadata"]["key"]
        with self.receiver.lock:
            assert self.keys.setdefault(request.webhook_id, key) == key
            self.times[request.webhook_id] += 1
            self.nodes[request.header("X-Node")] += 1
            return self.answers[0]


class Producer(threading.Thread):
    """Creates its part of the runs in batches through one node, each until it is acknowledged."""

    def __init__(self, nodes, hook, number, count):
        super().__init__(daemon=True)
        self.nodes, self.hook, self.number, self.count = nodes, hook, number, count
        self.keys = []
        self.problem = None

    def run(self):
        try:
            with httpx.Client(trust_env=False, timeout=30) as client:
                while len(self.keys) < self.count:
                    keys = [f"{self.number}-{len(self.keys) + n}" for n in range(min(BATCH, self.count - len(self.keys)))]
                    self.insist(client, [run_body(webhook=self.hook.url, metadata={"key": key}) for key in keys])
                    self.keys += keys
        except Exception as problem:  # noqa: BLE001 -- shown by the test
            self.problem = problem

    def insist(self, client, body):
        name = uuid.uuid4().hex
        while True:
            try:
                answer = client.post(f"{self.nodes[self.number % 2].url}/runs/batch", json=body, headers={"Idempotency-Key": name})
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code != 503:
                assert answer.status_code == 200, answer.text
                return
            time.sleep(0.05)


def being_sent_by(nodes, number):
    """The webhook-ids of what this node, which was killed, was sending; once PostgreSQL has done what it was told before."""
    asked = (f"select d.webhook_id from delivery_sending s join deliveries d using (delivery_id)"
             f" where s.node = '{nodes.name(number)}'")
    found, before = set(nodes.sql(asked).split()), None
    while found != before:
        time.sleep(0.3)
        found, before = set(nodes.sql(asked).split()), found
    return found


def test_what_comes_twice_was_being_sent_by_a_killed_node(tmp_path, request):
    count = request.config.getoption("--deliveries")
    kills = 10 if count >= 20_000 else 4
    active_max = max(16, min(256, count // 100))  # of one node: sent at once, or with an outcome that is not written down yet
    patience = 120 + count / 50
    source = random.Random(23)
    in_flight = collections.Counter()  # by webhook-id: at how many kills
    with Receiver() as receiver, Nodes(tmp_path, Databases(os.environ["RUNBELL_TEST_POSTGRES"]).create(),
                                   [settings(active_max)] * 2) as nodes:
        hook = receiver.hooks["/many"] = Tally(receiver, "/many")
        with Api(nodes[0].url) as api:
            endpoint = api.ok("POST", "/v1/endpoints", json={"url": hook.url})["endpoint_id"]
            api.ok("POST", f"/v1/endpoints/{endpoint}/pause", json={})
            producers = [Producer(nodes, hook, number, count // 4) for number in range(4)]
            made = lambda: sum(len(producer.keys) for producer in producers)
            for producer in producers:
                producer.start()
            # The other half is made while the first one is sent, and the nodes are killed.
            eventually(lambda: made() >= count / 2, patience, every=0.2, why=lambda: f"{made()} runs are made")
            api.ok("POST", f"/v1/endpoints/{endpoint}/resume", json={})
        for kill in range(kills):
            mark = count * (kill + 0.5) / (kills + 0.5)
            eventually(lambda: len(hook.keys) >= mark, patience, why=lambda: f"{len(hook.keys)} of {mark:.0f} have come")
            number = kill % 2
            nodes[number].kill()
            sending = being_sent_by(nodes, number)
            assert len(sending) <= active_max
            in_flight.update(sending)
            time.sleep(source.uniform(0.0, 1.0))
            nodes[number].start()
        for producer in producers:
            producer.join(patience)
            assert producer.problem is None and not producer.is_alive(), producer.problem
        eventually(lambda: len(hook.keys) >= count, patience, every=0.2, why=lambda: f"{len(hook.keys)} of {count} have come")
        eventually(lambda: nodes.sql("select count(*) from deliveries where ended_us is null") == "0", patience, every=0.5, why="not all are done")
        time.sleep(1)
        assert nodes.sql("select state, count(*) from deliveries group by state").split("|") == ["done", str(count)]
    wanted = [key for producer in producers for key in producer.keys]
    assert sorted(hook.keys.values()) == sorted(wanted), "a run has no webhook, or several"
    twice = {webhook_id: times - 1 for webhook_id, times in hook.times.items() if times > 1}
    print(f"{count} deliveries, {kills} kills with {sum(in_flight.values())} under way, {sum(twice.values())} came twice, {dict(hook.nodes)}")
    beyond = {webhook_id for webhook_id, more in twice.items() if more > in_flight[webhook_id]}
    assert not beyond, f"{len(beyond)} came twice that no killed node was sending: {sorted(beyond)[:5]}"
    assert set(hook.nodes) == {"0", "1"}
    assert sum(in_flight.values()) > 0, "no kill met a delivery"
