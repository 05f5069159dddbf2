"""Hostile receivers in numbers: hundreds of hanging, resetting and refusing ones beside one that must not wait."""

import time
import uuid
from contextlib import ExitStack

from harness.api import Api, delay, run_body, say
from harness.ports import eventually, free_port
from harness.receiver import Answer, Receiver

BAD = ["hang", "reset", "garbage", "close", "drip"]


def test_many_bad_receivers_stop_neither_runs_nor_a_good_receiver(start_server, shared_receiver):
    server = start_server()
    good = shared_receiver.hook(f"/{uuid.uuid4().hex}")
    with ExitStack() as stack:
        api = stack.enter_context(Api(server.url))
        origins = {how: stack.enter_context(Receiver()) for how in BAD}
        hooks = [origins[how].hook(f"/{how}-{n}", Answer(how=how)) for n in range(40) for how in BAD]
        refused = [f"http://127.0.0.1:{free_port()}/x" for _ in range(50)]
        slow = stack.enter_context(Receiver()).hook("/slow", Answer(delay_s=2))
        for url in [hook.url for hook in hooks] + refused + [slow.url] * 20:
            api.run(None, webhook=url)
        began = time.monotonic()
        runs = [api.run(None, [say(str(n))], webhook=good.url) for n in range(100)]
        good.wait_for(100, timeout=60)
        took = time.monotonic() - began
        assert {request.json["run_id"] for request in good.requests} == {run["run_id"] for run in runs}
        assert took < 45, f"the good receiver waited {took:.1f} s"
        assert api.ok("POST", "/runs/wait", json=run_body())
        for how in BAD:
            assert any(hook.requests for hook in origins[how].hooks.values()), f"nobody tried the receiver that does {how}"
    server.stop()


def test_a_receiver_that_comes_back_gets_everything(start_server):
    server = start_server()
    with Receiver() as receiver, Api(server.url) as api:
        hook = receiver.hook("/back")
        receiver.stop()
        runs = [api.run(None, [delay(n), say("x")], webhook=hook.url) for n in range(30)]
        time.sleep(1)
        receiver.start()
        eventually(lambda: len({request.json["run_id"] for request in hook.requests}) == len(runs), timeout=120, every=0.2)
        assert len({request.webhook_id for request in hook.requests}) == len(runs)
    server.stop()
