"""The log has a size: beyond it the oldest that has ended goes, what has not ended stays (delivery.md section 8.3 row 24)."""

import pytest

from harness.api import Api
from harness.ports import eventually
from harness.receiver import Answer
from harness.server import Server

from prometheus_client.parser import text_string_to_metric_families

DEADLINE_S = 60
LIMIT_BYTES = 200_000
BODY_BYTES = 20_000


@pytest.fixture
def api(store, tmp_path):
    config = {"runbell": {"retention": {"deliveries_mb": LIMIT_BYTES / 1e6}, "delivery": {"test_schedule_ms": [60000]}}}
    with Server(tmp_path, store=store(), config=config) as server, Api(server.url) as api:
        api.server = server
        yield api


def sample(api, name, **labels):
    families = text_string_to_metric_families(api.get("/metrics").text)
    return sum(one.value for family in families for one in family.samples
               if one.name == name and labels.items() <= one.labels.items())


def deliveries(api, **filters):
    return api.ok("GET", "/v1/deliveries", params={"limit": 500, **filters})["deliveries"]


def send(api, hook, n):
    return api.run(None, webhook=hook.url, metadata={"n": n, "much": "x" * BODY_BYTES})


def counted(api, *hooks):
    """What is kept, by the bytes of a row with its indexes (store/log_size.h) and those of bodies; no hook answers with any."""
    bytes_of = {request.webhook_id: len(request.body) for hook in hooks for request in list(hook.requests)}
    return sum(1024 + 256 + 384 * one["attempts"] + bytes_of[one["webhook_id"]] for one in deliveries(api))


def test_the_log_stays_within_its_size(api, hostile):
    dead = hostile.hook("/waits")
    dead.answer(Answer(status=500))
    waits = send(api, dead, 0)
    eventually(lambda: [one for one in deliveries(api, object_id=waits["run_id"]) if one["attempts"] == 1], DEADLINE_S)
    hook = hostile.hook("/hook")
    runs = []
    for n in range(1, 25):  # one after the other, so that they end in their order
        runs.append(send(api, hook, n))
        eventually(lambda: len(hook.requests) == n and not deliveries(api, state="sending"), DEADLINE_S)
    eventually(lambda: sample(api, "runbell_log_deleted_total", what="delivery", reason="size") > 0, DEADLINE_S)
    # No larger than it may be, and no more went than was too much. The gauge is some seconds behind, so it may fit what it
    # told of a moment ago: it is waited for until it says what is there now.
    least = LIMIT_BYTES - 2 * (BODY_BYTES + 3000)
    eventually(lambda: least < sample(api, "runbell_log_bytes") == counted(api, dead, hook) <= LIMIT_BYTES, DEADLINE_S,
               why=lambda: f"the log has {sample(api, 'runbell_log_bytes')} bytes, counted {counted(api, dead, hook)}")
    kept = [one["object_id"] for one in deliveries(api)]
    assert waits["run_id"] in kept, "what waits stays, although it is the oldest"
    done = [one["run_id"] for one in runs if one["run_id"] in kept]
    assert done and done == [one["run_id"] for one in runs[-len(done):]], "the oldest of what has ended went"
    assert len(done) < len(runs)
    assert sample(api, "runbell_log_deleted_bytes_total", reason="size") > 0
    assert sample(api, "runbell_log_deleted_total", reason="age") == 0
    # It counts on after a restart, and nothing goes twice.
    before = sorted(kept)
    api.server.restart()
    eventually(lambda: sample(api, "runbell_log_bytes") > 0, DEADLINE_S)
    assert sample(api, "runbell_log_bytes") == counted(api, dead, hook)
    assert sorted(one["object_id"] for one in deliveries(api)) == before


def test_a_size_that_is_none_is_refused(store, tmp_path):
    config = {"runbell": {"retention": {"deliveries_mb": -1}}}
    code, said = Server(tmp_path, store=store(), config=config).start_fails()
    assert code and "retention.deliveries_mb" in said and "number from 0" in said
