"""kill -9 of the server in a loop, under load: nothing acknowledged is lost, nothing is told twice as two events."""

import random
import time
import uuid
from collections import Counter

from harness.api import LIVE, Api
from harness.ledger import Ledger
from harness.load import Load
from harness.ports import eventually
from harness.receiver import Answer


# Many quick attempts: what counts here is that none is lost, not how long one waits between them.
FAST = {"runbell": {"delivery": {"test_schedule_ms": [50, 100, 200, 400, 800, 1600, *[3000] * 10]}}}

ROUND = 500  # kills, after which what has come is checked and forgotten


def all_ended(api, ledger):
    """No acknowledged stateful run is still live. (Stateless ones leave no thread: their webhook tells.)"""
    for run in list(ledger.acknowledged.values()):
        answer = api.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}")
        if answer.status_code == 200 and answer.json()["status"] in LIVE:
            return False
    return True


def killed_under_load(server, receiver, kills, source):
    """Kills of one server under load, and the laws afterwards; what was counted."""
    # One webhook in ten is refused at first: outcomes and retries are cut off too.
    answers = [Answer(status=500) if source.random() < 0.1 else Answer() for _ in range(200 * kills)]
    hook = receiver.hook(f"/{uuid.uuid4().hex}", *answers, Answer())
    ledger = Ledger()
    with Load(server.url, hook.url, ledger, pause_s=0.01):
        for _ in range(kills):
            time.sleep(source.uniform(0.02, 0.5))
            server.kill()
            server.start()
    with Api(server.url) as api:
        eventually(lambda: all_ended(api, ledger), timeout=60 + kills, every=0.5, why="runs are still live")
    hook.answer(Answer())
    eventually(lambda: not ledger.missing(hook.requests), timeout=120 + 2 * kills, every=0.5,
               why=lambda: f"{len(ledger.missing(hook.requests))} webhooks are missing")
    time.sleep(1)
    repeated = ledger.check(hook.requests)
    assert len(ledger.acknowledged) > kills
    receiver.forget(hook)
    return Counter(kills=kills, runs=len(ledger.acknowledged), repeated_requests=ledger.repeats,
                   webhooks=len(hook.requests), repeated_webhooks=repeated)


def test_the_server_is_killed_over_and_over(start_server, shared_receiver, cycles):
    source = random.Random(cycles)
    server = start_server(config=FAST)
    sums = Counter()
    while sums["kills"] < cycles:
        sums += killed_under_load(server, shared_receiver, min(ROUND, cycles - sums["kills"]), source)
        print(", ".join(f"{count} {what.replace('_', ' ')}" for what, count in sums.items()), flush=True)
    server.stop()


def test_it_is_killed_while_it_starts(start_server, shared_receiver, cycles):
    """Recovery itself may be cut off at any point."""
    source = random.Random(7)
    hook = shared_receiver.hook(f"/{uuid.uuid4().hex}")
    server = start_server()
    ledger = Ledger()
    with Load(server.url, hook.url, ledger, clients=2):
        time.sleep(0.7)
        for _ in range(max(5, cycles // 2)):
            server.kill()
            server.launch()
            time.sleep(source.uniform(0.0, 0.25))
        server.kill()
        server.start()
    eventually(lambda: not ledger.missing(hook.requests), timeout=120, every=0.2,
               why=lambda: f"{len(ledger.missing(hook.requests))} webhooks are missing")
    ledger.check(hook.requests)
    server.stop()
