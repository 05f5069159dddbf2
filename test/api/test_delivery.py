"""How a webhook is tried: which answers are repeated, when it is given up, what each attempt carries."""

import base64
import time

import pytest
from standardwebhooks import Webhook

from harness.api import Api
from harness.ports import eventually
from harness.receiver import Answer

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(b"fedcba9876543210fedcba9876543210").decode()
PAUSES_MS = [100, 200, 300]


@pytest.fixture(scope="module")
def quick(store, tmp_path_factory):
    """A server whose webhooks get four attempts within a second, signed with two secrets."""
    from harness.server import Server

    config = {"runbell": {"signing_secret": [SECRET, OTHER], "delivery": {"test_schedule_ms": PAUSES_MS}}}
    with Server(tmp_path_factory.mktemp("quick"), store=store(), config=config) as server, Api(server.url) as api:
        yield api


@pytest.fixture
def hook(hostile):
    """A hook on an origin of its own: failures of other tests have not closed its window."""
    return hostile.hook("/hook")


@pytest.mark.parametrize("first", [
    Answer(status=500), Answer(status=502), Answer(status=503), Answer(status=504), Answer(status=429),
    Answer(status=408), Answer(status=425), Answer(status=599), Answer(how="reset"), Answer(how="close"),
    Answer(how="garbage"),
], ids=lambda answer: f"{answer.how}-{answer.status}")
def test_what_may_pass_is_tried_again(quick, hook, first):
    hook.answer(first, Answer())
    quick.run(quick.thread(), webhook=hook.url)
    one, two = hook.wait_for(2)
    assert one.body == two.body, "the body is rendered once"
    assert one.webhook_id == two.webhook_id, "the id is that of the event"
    hook_count = len(hook.requests)
    time.sleep(0.8)
    assert len(hook.requests) == hook_count == 2, "delivered is the end"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_delivered(quick, hook, status):
    hook.answer(Answer(status=status))
    quick.run(quick.thread(), webhook=hook.url)
    hook.one(quiet_s=0.8)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422])
def test_what_will_not_pass_is_not_tried_again(quick, hook, status):
    hook.answer(Answer(status=status, headers={"Location": hook.url + "-elsewhere"}))
    quick.run(quick.thread(), webhook=hook.url)
    hook.one(quiet_s=0.8)


def test_after_the_last_attempt_it_is_given_up(quick, hook):
    hook.answer(Answer(status=500))
    quick.run(quick.thread(), webhook=hook.url)
    hook.wait_for(1 + len(PAUSES_MS))
    time.sleep(1)
    assert len(hook.requests) == 1 + len(PAUSES_MS)


def test_a_retry_after_is_waited_for(quick, hook):
    hook.answer(Answer(status=429, headers={"Retry-After": "2"}), Answer())
    quick.run(quick.thread(), webhook=hook.url)
    one, two = hook.wait_for(2)
    assert 1.9 <= two.at - one.at < 8


def test_every_attempt_is_signed_anew(quick, hook):
    """Standard Webhooks: the published library accepts each attempt with either secret, and no other."""
    hook.answer(Answer(status=500), Answer())
    quick.run(quick.thread(), webhook=hook.url)
    for request in hook.wait_for(2):
        headers = {name.lower(): value for name, value in request.headers}
        for secret in (SECRET, OTHER):
            assert Webhook(secret).verify(request.body, headers)["status"] == "success"
        with pytest.raises(Exception, match="[Ss]ignature"):
            Webhook("whsec_" + base64.b64encode(b"x" * 32).decode()).verify(request.body, headers)
        assert abs(time.time() - int(headers["webhook-timestamp"])) < 30


def test_one_failing_address_does_not_delay_another(quick, receiver, hostile):
    bad = hostile.hook("/always-bad", Answer(status=500))
    for _ in range(30):
        quick.run(None, webhook=bad.url)
    began = time.monotonic()
    quick.run(None, webhook=receiver.url)
    receiver.wait_for(1, timeout=15)
    assert time.monotonic() - began < 15


def test_a_slow_receiver_does_not_delay_another(quick, receiver, hostile):
    slow = hostile.hook("/slow", Answer(delay_s=3))
    for _ in range(10):
        quick.run(None, webhook=slow.url)
    eventually(lambda: slow.requests)
    quick.run(None, webhook=receiver.url)
    receiver.wait_for(1, timeout=15)


def test_a_reused_connection_carries_several_webhooks(quick, receiver):
    for _ in range(10):
        run = quick.run(None, webhook=receiver.url)
        receiver.wait_for_run(run["run_id"])
    assert len({request.peer for request in receiver.requests}) < 10


def test_a_body_of_25_mb_arrives_whole_and_signed(quick, hook):
    """delivery.md section 1.3: bodies as large as other senders allow at most."""
    quick.run(quick.thread(), [{"large_bytes": 25_500_000}], webhook=hook.url)
    request = hook.one(timeout=90)
    assert len(request.body) > 25_500_000
    Webhook(SECRET).verify(request.body, {name.lower(): value for name, value in request.headers})
