"""load -- clients that create runs without pause and repeat each request until the server acknowledges it."""

import random
import threading
import uuid

import httpx

from harness.api import delay, fail, run_body, say


def scripted(random_source):
    """Bodies for the built-in agents: mostly quick, some slow, some failing."""
    kind = random_source.random()
    if kind < 0.2:
        return run_body()
    if kind < 0.6:
        return run_body([say("a"), delay(random_source.randint(0, 60)), say("b")])
    if kind < 0.8:
        return run_body([delay(random_source.randint(0, 300)), say("slow")])
    return run_body([say("x"), fail("ValueError", "as told")])


class Load:
    """`clients` threads against one server that may vanish at any time.

        with Load(url, hook.url, ledger) as load: …
    """

    def __init__(self, url, webhook, ledger, clients=4, make_body=scripted, pause_s=0.0, seed=1):
        self.url, self.webhook, self.ledger = url, webhook, ledger
        self.make_body, self.pause_s, self.seed = make_body, pause_s, seed
        self.stopping = threading.Event()
        self.problems = []
        self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        """Ends after each client's last request was acknowledged; needs the server to be up."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=60)
        assert not self.problems, self.problems[0]
        assert not any(thread.is_alive() for thread in self.threads), "a client never got its acknowledgement"

    def work(self, number):
        source = random.Random(f"{self.seed}-{number}")
        try:
            with httpx.Client(base_url=self.url, trust_env=False, timeout=30) as client:
                thread_id = None
                while not self.stopping.is_set():
                    if thread_id is None or source.random() < 0.2:
                        thread_id = self.insist(client, "/threads", {}, uuid.uuid4().hex)["thread_id"]
                    self.one(client, source, thread_id)
                    self.stopping.wait(self.pause_s)
        except Exception as problem:  # noqa: BLE001 -- shown by __exit__
            self.problems.append(f"client {number}: {problem!r}")

    def one(self, client, source, thread_id):
        key = uuid.uuid4().hex
        body = {**self.make_body(source), "webhook": self.webhook, "metadata": {"key": key}}
        path = "/runs" if source.random() < 0.3 else f"/threads/{thread_id}/runs"
        self.ledger.acknowledge(key, self.insist(client, path, body, key))

    def insist(self, client, path, body, key):
        """Repeats one request, under one Idempotency-Key, until it is answered."""
        while True:
            try:
                answer = client.post(path, json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                self.ledger.repeats += 1
                threading.Event().wait(0.02)
                continue
            if answer.status_code == 503:
                threading.Event().wait(0.02)
                continue
            if answer.status_code != 200:
                raise AssertionError(f"POST {path}: {answer.status_code} {answer.text}")
            return answer.json()
