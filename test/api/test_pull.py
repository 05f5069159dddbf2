"""Pulling: a receiver that was down fetches everything behind the last sequence number that it has seen
(delivery.md section 1.3 "pull endpoint", section 7.2 "missed events after outage")."""

import base64
import json
import threading
import time

import pytest
from standardwebhooks import Webhook

from harness.api import Api
from harness.ports import eventually
from harness.receiver import Answer
from harness.server import Server

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
CONFIG = {"runbell": {"signing_secret": SECRET, "delivery": {"test_schedule_ms": [60000]}}}


@pytest.fixture(scope="module")
def api(store, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("pull"), store=store(), config=CONFIG) as server, Api(server.url) as client:
        yield client


@pytest.fixture
def hook(hostile):
    return hostile.hook("/hook")


def endpoint_of(api, hook, **told):
    return api.ok("POST", "/v1/endpoints", json={"url": hook.url, "kind": "run", **told})["endpoint_id"]


def send(api, hook, count, text="Hello!"):
    for _ in range(count):
        api.ended(api.run(None, webhook=hook.url, input={"messages": [{"role": "user", "content": text}]}))


def pull(api, endpoint, **asked):
    return api.ok("GET", f"/v1/endpoints/{endpoint}/events", params=asked)


def test_who_was_down_catches_up_without_another_attempt(api, hook):
    endpoint = endpoint_of(api, hook)
    hook.answer(Answer(how="reset"))
    send(api, hook, 5, "größe 日本 \x01\"")
    hook.wait_for(1)
    seen, after = [], 0
    while True:
        page = pull(api, endpoint, after=after, limit=2)
        assert page["missing"] == 0 and page["last_sequence"] == 5 and page["next_after"] >= after
        seen += page["events"]
        after = page["next_after"]
        if not page["more"]:
            break
    assert [event["sequence"] for event in seen] == [1, 2, 3, 4, 5]
    for event in seen:
        headers = event["headers"]
        body = event["body"].encode()
        assert event["body_encoding"] == "utf-8"
        assert body == api.get(f"/v1/deliveries/{event['delivery_id']}/body").content, "byte for byte"
        assert Webhook(SECRET).verify(body, headers)["run_id"] == event["object_id"]
        assert headers["webhook-id"] == event["webhook_id"] and headers["webhook-sequence"] == str(event["sequence"])
        assert headers["Content-Type"] == "application/json" and headers["traceparent"]
        assert event["state"] in ("due", "sending") and event["kind"] == "run"
    assert pull(api, endpoint, after=5) == {"events": [], "next_after": 5, "more": False, "missing": 0, "last_sequence": 5}
    assert {e["webhook_id"] for e in seen} >= {r.webhook_id for r in hook.requests}


def test_it_has_what_was_delivered_and_what_is_held_too(api, hook):
    endpoint = endpoint_of(api, hook)
    send(api, hook, 1)
    hook.wait_for(1)
    eventually(lambda: pull(api, endpoint)["events"][0]["state"] == "done")
    api.ok("POST", f"/v1/endpoints/{endpoint}/pause", json={})
    send(api, hook, 2)
    page = pull(api, endpoint)
    assert [e["state"] for e in page["events"]] == ["done", "held", "held"]
    assert page["events"][0]["body"].encode() == hook.requests[0].body
    assert len(hook.requests) == 1, "nothing is sent by looking"


def test_a_long_poll_ends_when_something_comes(api, hook):
    endpoint = endpoint_of(api, hook)
    api.ok("POST", f"/v1/endpoints/{endpoint}/pause", json={})
    began = time.monotonic()
    assert pull(api, endpoint, wait=1)["events"] == []
    assert time.monotonic() - began >= 0.9
    got = {}
    waiting = threading.Thread(target=lambda: got.update(pull(api, endpoint, after=0, wait=60)))
    began = time.monotonic()
    waiting.start()
    send(api, hook, 1)
    waiting.join(30)
    assert [e["sequence"] for e in got["events"]] == [1] and time.monotonic() - began < 30


def test_keys_of_the_endpoint_sign_too_and_its_headers_stay_secret(api, hook):
    endpoint = endpoint_of(api, hook)
    path = f"/v1/endpoints/{endpoint}"
    own = api.ok("POST", path + "/signing-keys", json={"type": "hmac"})
    api.ok("PUT", path + "/headers", json={"headers": {"Authorization": "Bearer canary-11"}})
    send(api, hook, 1)
    event, = pull(api, endpoint)["events"]
    for secret in (SECRET, own["secret"]):
        assert Webhook(secret).verify(event["body"].encode(), event["headers"])
    assert "canary-11" not in json.dumps(event)


def test_a_page_is_bounded_in_bytes(api, hook):
    """4 MiB of bodies; one event is given whatever its size."""
    endpoint = endpoint_of(api, hook)
    hook.answer(Answer(how="reset"))
    send(api, hook, 3, "x" * 3_000_000)
    page = pull(api, endpoint)
    assert [e["sequence"] for e in page["events"]] == [1] and page["more"]
    assert len(page["events"][0]["body"]) > 3_000_000
    page = pull(api, endpoint, after=1)
    assert [e["sequence"] for e in page["events"]] == [2] and page["more"]
    page = pull(api, endpoint, after=2)
    assert [e["sequence"] for e in page["events"]] == [3] and not page["more"]


def test_no_event_is_missed_while_others_are_made(api, hook):
    """Sequence numbers become visible in order, so a reader that goes on from the last one loses none."""
    endpoint = endpoint_of(api, hook)

    def make():
        with Api(str(api.base_url)) as mine:
            for _ in range(25):
                mine.run(None, webhook=hook.url)

    makers = [threading.Thread(target=make) for _ in range(4)]
    for maker in makers:
        maker.start()
    seen, after = [], 0
    while len(seen) < 100:
        page = pull(api, endpoint, after=after, wait=20, limit=7)
        assert page["events"], "nothing came in time"
        seen += [e["sequence"] for e in page["events"]]
        after = page["next_after"]
    for maker in makers:
        maker.join()
    assert seen == list(range(1, 101))


def test_what_is_wrong_is_named(api, hook):
    endpoint = endpoint_of(api, hook)
    for asked, word in [({"after": -1}, "after"), ({"limit": 0}, "limit"), ({"limit": 501}, "limit"), ({"wait": 61}, "wait")]:
        answer = api.get(f"/v1/endpoints/{endpoint}/events", params=asked)
        assert answer.status_code == 422 and word in answer.json()["detail"]
    assert api.get("/v1/endpoints/nothing/events").status_code == 404
