"""The machine's clock jumps a year, both ways, while webhooks wait for their next try (issue 3, "clock jumps"): none is lost, none
waits for the years to pass, and a restart at the wrong time changes nothing."""

import uuid

import pytest

from harness.api import Api
from harness.clock import Clock
from harness.ledger import Ledger
from harness.load import Load
from harness.ports import eventually
from harness.receiver import Answer

YEAR_S = 366 * 86400
PAUSES = {"runbell": {"delivery": {"test_schedule_ms": [*[2000] * 12]}, "lease_s": 5}}


def waiting(api):
    return api.ok("GET", "/v1/deliveries", params={"state": "due"})["deliveries"]


@pytest.mark.parametrize("jumps", [(YEAR_S, 0), (-YEAR_S, 0), (-3600, 3600, -YEAR_S)],
                         ids=["a year on and back", "a year back and on", "to and fro"])
@pytest.mark.parametrize("is_restarted", [False, True], ids=["running", "restarted"])
def test_the_clock_jumps(start_server, tmp_path, shared_receiver, jumps, is_restarted):
    clock, ledger = Clock(tmp_path), Ledger()
    server = start_server(config=PAUSES, env=clock.env())
    hook = shared_receiver.hook(f"/{uuid.uuid4().hex}", *[Answer(status=500)] * 12, Answer())
    for ahead_s in jumps:
        with Load(server.url, hook.url, ledger, clients=2, pause_s=0.01), Api(server.url) as api:
            before = len(ledger.acknowledged)
            eventually(lambda: len(ledger.acknowledged) >= before + 5, 30, why="nobody is served")
            hook.answer(*[Answer(status=500)] * 10, Answer())
            eventually(lambda: waiting(api), 30, why="nothing waits")
            clock.set(ahead_s)
            if is_restarted:
                server.restart()
            before = len(ledger.acknowledged)
            eventually(lambda: len(ledger.acknowledged) >= before + 5, 30, why="nobody is served after the jump")
        eventually(lambda: not ledger.missing(hook.requests), 60, every=0.2,
                   why=lambda: f"{len(ledger.missing(hook.requests))} webhooks are missing after {ahead_s} s")
    ledger.check(hook.requests)
    server.stop()
