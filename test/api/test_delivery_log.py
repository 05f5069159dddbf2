"""The log of deliveries: search, body, sending again, cancelling, test sends, the live tail (B9, B12, B16; delivery.md
section 8.3 rows 12, 13, 15)."""

import json
import threading

import httpx
import pytest

from harness.api import Api, read_events
from harness.ports import eventually, free_port
from harness.receiver import Answer
from harness.server import Server

PAUSES_MS = [60000]
DEADLINE_S = 30


@pytest.fixture(scope="module")
def log(store, tmp_path_factory):
    """A server that waits a minute before a second attempt."""
    config = {"runbell": {"delivery": {"test_schedule_ms": PAUSES_MS}, "heartbeat_s": 1},
              "webhooks": {"env_prefix": "", "headers": {"X-Static": "static-secret"}}}
    with Server(tmp_path_factory.mktemp("log"), store=store(), config=config) as server, Api(server.url) as api:
        api.server = server
        yield api


@pytest.fixture
def hook(hostile):
    return hostile.hook("/hook")


def search(api, **filters):
    return api.ok("GET", "/v1/deliveries", params=filters)["deliveries"]


def delivery_of(api, run, *states):
    """The first delivery of a run, once it is in one of the states."""
    found = []

    def is_there():
        found[:] = [one for one in search(api, object_id=run["run_id"]) if not states or one["state"] in states]
        return found

    eventually(is_there, DEADLINE_S, why=lambda: f"{search(api, object_id=run['run_id'])} is not {states}")
    return found[-1]


def test_what_became_of_it_is_found(log, hook):
    hook.answer(Answer(status=404, body=b"no such hook"), Answer(status=500))
    url = hook.url + "?token=canary-7d1"
    dead = delivery_of(log, log.run(None, webhook=url), "dead")
    late = log.run(None, webhook=url)
    eventually(lambda: delivery_of(log, late)["last_status"] == 500, DEADLINE_S)
    waiting = delivery_of(log, late)
    ids = lambda **filters: [one["delivery_id"] for one in search(log, endpoint_id=dead["endpoint_id"], **filters)]
    assert dead["last_result"] == "rejected" and dead["last_status"] == 404 and "404" in dead["last_message"]
    assert ids() == [waiting["delivery_id"], dead["delivery_id"]], "newest first"
    for filters, wanted in [
        ({"state": "dead"}, dead), ({"state": "due"}, waiting), ({"status": "4xx"}, dead), ({"status": "500"}, waiting),
        ({"result": "rejected"}, dead), ({"result": "server_error"}, waiting), ({"text": "REJECTED"}, dead),
        ({"webhook_id": dead["webhook_id"]}, dead), ({"object_id": late["run_id"]}, waiting),
        ({"since": "1h", "state": "dead"}, dead), ({"kind": "run", "result": "rejected"}, dead),
        ({"url": dead["origin"][-6:], "state": "dead"}, dead),
    ]:
        assert ids(**filters) == [wanted["delivery_id"]], filters
    for filters in [{"state": "done"}, {"until": "1h"}, {"kind": "alert"}, {"url": "elsewhere"}, {"text": "%"}]:
        assert ids(**filters) == [], filters
    page = log.ok("GET", "/v1/deliveries", params={"endpoint_id": dead["endpoint_id"], "limit": 1})
    assert page["next_before"] == waiting["delivery_id"]
    page = log.ok("GET", "/v1/deliveries",
                  params={"endpoint_id": dead["endpoint_id"], "before": page["next_before"]})
    assert [one["delivery_id"] for one in page["deliveries"]] == [dead["delivery_id"]] and page["next_before"] is None
    one = log.ok("GET", f"/v1/deliveries/{dead['delivery_id']}")
    attempt, = one["attempt_log"]
    assert attempt["status"] == 404 and attempt["response_excerpt"] == "no such hook" and "refused" in attempt["message"]
    assert attempt["phases_us"]["total"] >= attempt["phases_us"]["first_byte"] > 0
    everything = json.dumps([search(log), one, late["run_id"]])
    assert "canary-7d1" not in everything, "secrets of URLs are masked"


@pytest.mark.parametrize("params", [{"state": "lost"}, {"result": "bad"}, {"status": "6xx"}, {"since": "tomorrow"},
                                    {"limit": "0"}, {"before": "-1"}])
def test_a_wrong_filter_is_named(log, params):
    for path in ("/v1/deliveries", "/v1/deliveries/stream"):
        if path.endswith("stream") and ({"limit", "before"} & set(params)):
            continue
        answer = log.get(path, params=params)
        assert answer.status_code == 422 and next(iter(params)) in answer.json()["detail"]


def test_a_redirect_is_not_success(log, hook):
    """Row 12: a 3xx counts as refused, with or without a Location."""
    hook.answer(Answer(status=302, headers={"Location": hook.url}), Answer(status=304))
    for _ in range(2):
        dead = delivery_of(log, log.run(None, webhook=hook.url), "dead")
        assert dead["last_result"] == "rejected"
    assert len(hook.requests) == 2


def test_numbers_stay_as_they_were_written(log, hook):
    """Row 13: the body that the log shows, that is sent and that is sent again is the same, byte for byte."""
    numbers = '{"big":12345678901234567890123,"float":1.10,"exp":1E+2,"zero":-0.0,"z":0.10000000000000000001}'
    body = '{"assistant_id":"agent","input":{"messages":[]},"metadata":{"n":%s},"webhook":"%s"}' % (numbers, hook.url)
    run = log.request("POST", "/runs", content=body, headers={"content-type": "application/json"}).json()
    first = hook.wait_for(1)[0]
    assert numbers.encode() in first.body
    done = delivery_of(log, run, "done")
    shown = log.get(f"/v1/deliveries/{done['delivery_id']}/body")
    assert shown.content == first.body and shown.headers["content-type"] == "application/json"
    log.ok("POST", f"/v1/deliveries/{done['delivery_id']}/resend")
    again = hook.wait_for(2)[1]
    assert again.body == first.body and again.webhook_id == first.webhook_id


def test_what_the_log_cannot_hold_is_delivered_once(log, hook):
    """Row 15: an answer with NUL bytes, bad UTF-8 and headers full of them ends in the log, not in a second send."""
    hook.answer(Answer(status=200, body=b"\x00\xff\xfe" * 3000))
    done = delivery_of(log, log.run(None, webhook=hook.url), "done")
    hook.one(quiet_s=1)
    assert log.ok("GET", f"/v1/deliveries/{done['delivery_id']}")["attempt_log"][0]["response_excerpt"]


def test_it_is_sent_to_another_address_without_the_secrets_of_the_first(log, hook, hostile):
    other = hostile.hook("/other")
    run = log.run(None, webhook=hook.url)
    first = hook.wait_for(1)[0]
    assert first.header("x-static") == "static-secret"
    done = delivery_of(log, run, "done")
    again = log.ok("POST", f"/v1/deliveries/{done['delivery_id']}/resend", json={"url": other.url})
    assert again["resend_of"] == done["delivery_id"] and again["endpoint_id"] != done["endpoint_id"]
    request = other.wait_for(1)[0]
    assert request.body == first.body and request.webhook_id == first.webhook_id
    assert request.header("x-static") is None
    for url in ("ftp://example.com/", "http://169.254.169.254/latest", "nonsense"):
        answer = log.post(f"/v1/deliveries/{done['delivery_id']}/resend", json={"url": url})
        assert answer.status_code == 422 and answer.json()["detail"].startswith("url: "), url


def test_what_waits_is_cancelled(log, hook):
    hook.answer(Answer(status=500))
    run = log.run(None, webhook=hook.url)
    eventually(lambda: delivery_of(log, run)["attempts"] == 1 and delivery_of(log, run)["state"] == "due", DEADLINE_S)
    path = f"/v1/deliveries/{delivery_of(log, run)['delivery_id']}"
    assert log.post(path + "/resend").status_code == 409
    dead = log.ok("POST", path + "/cancel")
    assert (dead["state"], dead["state_reason"], dead["cancelled"]) == ("dead", "cancelled", True)
    assert log.post(path + "/cancel").status_code == 409
    assert log.post("/v1/deliveries/987654321/cancel").status_code == 404


def test_what_is_under_way_is_not_tried_again(log, hook):
    hook.answer(Answer(status=500, delay_s=2))
    run = log.run(None, webhook=hook.url)
    hook.wait_for(1)
    one = log.ok("POST", f"/v1/deliveries/{delivery_of(log, run)['delivery_id']}/cancel")
    assert one["cancelled"] and one["state"] in ("sending", "dead")
    assert delivery_of(log, run, "dead")["state_reason"] == "cancelled"


# ---- test sends


@pytest.mark.parametrize("kind, key", [("run", "run_id"), ("rule", "runs"), ("alert", "alert_rule_id"), ("fleet", "files")])
def test_a_test_send_tells_what_the_receiver_said(log, hook, kind, key):
    hook.answer(Answer(status=202, body=b"thank you"))
    said = log.ok("POST", "/v1/test", json={"url": hook.url, "kind": kind})
    assert said["delivered"] and not said["pending"]
    assert said["attempt"]["status"] == 202 and said["attempt"]["response_excerpt"] == "thank you"
    assert said["delivery"]["policy"] == "once" and said["delivery"]["kind"] == kind
    request = hook.one()
    assert key in request.json and request.header("webhook-test") == "true"


def test_a_test_send_tells_why_it_failed(log, hook):
    hook.answer(Answer(status=503))
    said = log.ok("POST", "/v1/test", json={"url": hook.url})
    assert not said["delivered"] and said["attempt"]["status"] == 503 and "503" in said["attempt"]["message"]
    assert said["delivery"]["policy"] == "once" and not said["pending"]
    said = log.ok("POST", f"/v1/endpoints/{said['delivery']['endpoint_id']}/test", json={"kind": "alert"})
    assert said["attempt"]["status"] == 503 and said["delivery"]["kind"] == "alert"
    assert len(hook.requests) == 2, "once each"
    said = log.ok("POST", "/v1/test", json={"url": f"http://127.0.0.1:{free_port()}/"})
    assert said["attempt"]["result"] == "unreachable" and not said["delivered"]
    for body, word in [({"url": "http://169.254.169.254/"}, "url"), ({}, "url"), ({"url": hook.url, "kind": "x"}, "kind")]:
        answer = log.post("/v1/test", json=body)
        assert answer.status_code == 422 and word in answer.json()["detail"]
    assert log.post("/v1/endpoints/none/test").status_code == 404


# ---- the live tail


class Tail:
    """Reads a stream in a thread of its own."""

    def __init__(self, api, last=None, **params):
        self.events, self.is_open = [], threading.Event()
        self.client = httpx.Client(base_url=api.base_url, trust_env=False, timeout=60)
        headers = {"Last-Event-ID": last} if last is not None else {}
        self.thread = threading.Thread(target=self.read, args=(headers, params), daemon=True)
        self.thread.start()
        assert self.is_open.wait(DEADLINE_S)

    def read(self, headers, params):
        try:
            with self.client.stream("GET", "/v1/deliveries/stream", headers=headers, params=params) as response:
                assert response.status_code == 200
                self.is_open.set()
                for event in read_events(response):
                    self.events.append(event)
        except httpx.HTTPError:
            pass

    def wait_for(self, found):
        eventually(lambda: found(self.events), DEADLINE_S, why=lambda: f"{self.events}")

    def close(self):
        self.client.close()


def of_run(events, run):
    return [(name, data["state"]) for name, data, _ in events if data["delivery"]["object_id"] == run["run_id"]]


def begun(tail, api, hook):
    """It begins at the end of the feed as its first read finds it: until it tells of something that is new."""
    def tells():
        api.run(None, webhook=hook.url)
        return tail.events
    eventually(tells, DEADLINE_S, every=0.2, why="the tail tells nothing")
    return tail


def test_the_tail_tells_and_goes_on_where_it_was(log, hook, receiver):
    tail = begun(Tail(log, kind="run"), log, receiver)
    hook.answer(Answer(status=404), Answer())
    one = log.run(None, webhook=hook.url)
    tail.wait_for(lambda events: len(of_run(events, one)) == 2)
    assert of_run(tail.events, one) == [("delivery", "due"), ("attempt", "dead")]
    tail.close()
    last = tail.events[-1][2]
    two = log.run(None, webhook=hook.url)
    delivery_of(log, two, "done")
    again = Tail(log, last=last)
    again.wait_for(lambda events: len(of_run(events, two)) == 2)
    assert of_run(again.events, one) == [] and of_run(again.events, two) == [("delivery", "due"), ("attempt", "done")]
    attempt = [data["attempt"] for name, data, _ in again.events if name == "attempt"][-1]
    assert attempt["status"] == 200
    again.close()
    failures = Tail(log, last="0", status="4xx", endpoint_id=delivery_of(log, one)["endpoint_id"])
    failures.wait_for(lambda events: events)
    assert of_run(failures.events, one) == [("attempt", "dead")] and len(failures.events) == 1
    failures.close()


def test_the_end_of_the_server_ends_waits_and_tails(start_server, hostile):
    slow = hostile.hook("/slow", Answer(delay_s=8))
    server = start_server()
    with Api(server.url) as api:
        tail = Tail(api)
        answers = []
        asker = threading.Thread(target=lambda: answers.append(httpx.post(
            server.url + "/v1/test", json={"url": slow.url}, timeout=60, trust_env=False)))
        asker.start()
        slow.wait_for(1)
        server.stop()
        asker.join(DEADLINE_S)
        tail.thread.join(DEADLINE_S)
        assert not tail.thread.is_alive()
        assert answers and answers[0].json()["pending"]


def test_attempts_stand_alone_too(log, hook):
    hook.answer(Answer(status=302, headers={"Location": "http://127.0.0.1:1/"}))
    delivery = delivery_of(log, log.run(None, webhook=hook.url), "dead")
    path = f"/v1/deliveries/{delivery['delivery_id']}"
    told = log.ok("GET", path + "/attempts")
    assert told == {"attempts": log.ok("GET", path)["attempt_log"]} and len(told["attempts"]) == 1
    assert told["attempts"][0]["message"] == \
        "the receiver sends on to another URL, which is never followed: use that URL itself (HTTP 302)"
    assert log.get("/v1/deliveries/999999999/attempts").status_code == 404
    for no_id in ("abc", "0", "-1", "99999999999999999999"):
        for there in ("", "/attempts", "/body"):
            answer = log.get(f"/v1/deliveries/{no_id}{there}")
            assert answer.status_code == 422 and answer.json()["detail"] == "delivery_id: must be a whole number from 1 on"
