"""One trace from the request that makes a run to the receiver of its webhook (W3C traceparent; delivery.md section 8.2, 9)."""

import re
import uuid

import pytest

from harness.api import Api, run_body
from harness.ports import eventually
from harness.receiver import Answer
from harness.server import Server

DEADLINE_S = 30
FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])")


@pytest.fixture(scope="module")
def api(store, tmp_path_factory):
    config = {"runbell": {"delivery": {"test_schedule_ms": [50]}}}
    with Server(tmp_path_factory.mktemp("trace"), store=store(), config=config) as server, Api(server.url) as api:
        yield api


def traceparent(flags="01", version="00"):
    return f"{version}-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-{flags}"


def sent(request):
    """Trace, span and flags of what a receiver got."""
    return FORM.fullmatch(request.header("traceparent")).groups()


@pytest.mark.parametrize("path", ["/runs", "/runs/wait", "/runs/stream", "/threads/{thread}/runs", "/runs/batch"])
@pytest.mark.parametrize("flags", ["00", "01", "03"])
def test_the_trace_of_the_request_goes_on(api, receiver, path, flags):
    given = traceparent(flags)
    body = run_body(webhook=receiver.url)
    reply = api.post(path.format(thread=api.thread()), json=[body] if path.endswith("batch") else body,
                     headers={"traceparent": given})
    assert reply.is_success
    trace, span, sampled = sent(receiver.wait_for(1)[0])
    assert trace == given.split("-")[1] and span != given.split("-")[2] and int(span, 16)
    assert sampled == ("01" if int(flags, 16) & 1 else "00")


def test_every_attempt_is_a_span_of_its_own_and_a_resend_stays_in_the_trace(api, hostile):
    hook = hostile.hook("/hook", Answer(status=500), Answer())
    given = traceparent()
    run = api.ok("POST", "/runs", json=run_body(webhook=hook.url), headers={"traceparent": given})
    first, second = map(sent, hook.wait_for(2))
    found = lambda: api.ok("GET", "/v1/deliveries", params={"object_id": run["run_id"], "state": "done"})["deliveries"]
    eventually(found, DEADLINE_S)
    api.ok("POST", f"/v1/deliveries/{found()[0]['delivery_id']}/resend")
    third = sent(hook.wait_for(3)[2])
    assert {trace for trace, _, _ in (first, second, third)} == {given.split("-")[1]}
    assert len({span for _, span, _ in (first, second, third)}) == 3


@pytest.mark.parametrize("given", [
    [], ["00-nonsense"], ["ff" + traceparent()[2:]], ["00-" + "0" * 32 + "-00f067aa0ba902b7-01"],
    [traceparent().upper()], [traceparent() + "-more"], [traceparent(), traceparent()],
])
def test_without_a_valid_one_the_webhook_id_is_the_trace(api, receiver, given):
    reply = api.post("/runs", json=run_body(webhook=receiver.url), headers=[("traceparent", one) for one in given])
    assert reply.is_success
    request, = receiver.wait_for(1)
    assert sent(request)[0] == request.webhook_id.removeprefix("msg_") and sent(request)[2] == "01"


def test_a_later_version_is_read_as_far_as_it_is_known(api, receiver):
    given = traceparent(version="cc") + "-what-will-be"
    assert api.post("/runs", json=run_body(webhook=receiver.url), headers={"traceparent": given}).is_success
    assert sent(receiver.wait_for(1)[0])[0] == given.split("-")[1]


def test_the_trace_survives_kill_9(store, tmp_path, hostile):
    """Of a run that has not begun, and of a delivery that has not arrived."""
    hook = hostile.hook("/hook", Answer(status=500), Answer())
    later = hostile.hook("/later")
    traces = [traceparent(), traceparent()]
    config = {"runbell": {"delivery": {"test_schedule_ms": [1500]}}}
    with Server(tmp_path, store=store(), config=config) as server:
        with Api(server.url) as api:
            for one, given, wait in ((hook, traces[0], {}), (later, traces[1], {"after_seconds": 1.5})):
                body = run_body(webhook=one.url, **wait)
                api.ok("POST", "/runs", json=body, headers={"traceparent": given})
            hook.wait_for(1)
            server.kill()
        server.start()
        assert [sent(request)[0] for request in hook.wait_for(2)] == [traces[0].split("-")[1]] * 2
        assert sent(later.wait_for(1)[0])[0] == traces[1].split("-")[1]
