"""Bulk replays: what a filter finds is sent once more, at a steady rate, through kills; what an endpoint has missed
(delivery.md section 1.1 "recover since", section 8.3 row 10)."""

import collections

import pytest

from harness.api import Api
from harness.ports import eventually
from harness.receiver import Answer
from harness.server import Server

CONFIG = {"runbell": {"delivery": {"test_schedule_ms": [60000]}}}
DEADLINE_S = 60


@pytest.fixture(scope="module")
def api(store, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("replays"), store=store(), config=CONFIG) as server, Api(server.url) as client:
        yield client


@pytest.fixture
def hook(hostile):
    return hostile.hook("/hook")


def dead(api, hook, count):
    """So many runs whose webhook is refused: their deliveries, oldest first."""
    hook.answer(Answer(status=404))
    before = len(hook.requests)
    for _ in range(count):
        api.run(None, webhook=hook.url)
    hook.wait_for(before + count)
    found = lambda: api.ok("GET", "/v1/deliveries", params={"url": hook.url, "state": "dead", "limit": 1000})["deliveries"]
    eventually(lambda: len(found()) >= count, DEADLINE_S)
    hook.answer(Answer())
    return found()[::-1]


def ended(api, replay, state="done"):
    one = {}

    def is_over():
        one.update(api.ok("GET", f"/v1/replays/{replay['replay_id']}"))
        return one["state"] == state and one["outcomes"]["waiting"] == 0

    eventually(is_over, DEADLINE_S, why=lambda: str(one))
    return one


def made_by(api, replay):
    found = api.ok("GET", "/v1/deliveries", params={"replay_id": replay["replay_id"], "limit": 1000})
    return found["deliveries"][::-1]


def test_what_is_dead_is_counted_and_then_sent_once_more(api, hook):
    first = dead(api, hook, 7)
    ask = {"endpoint_id": first[0]["endpoint_id"], "status": "4xx", "since": "1h"}
    dry = api.ok("POST", "/v1/replays", json={**ask, "dry_run": True})
    assert dry == {"dry_run": True, "matched": 7, "matched_is_exact": True}
    assert len(hook.requests) == 7, "a dry run sends nothing"
    replay = api.ok("POST", "/v1/replays", json=ask)
    assert replay["expected"] == 7 and replay["expected_is_exact"] and replay["rate"] == 200
    assert replay["filter"]["state"] == "dead" and replay["filter"]["status"] == "4xx" and replay["to_url"] is None
    one = ended(api, replay)
    assert (one["matched"], one["queued"], one["skipped"], one["failed"]) == (7, 7, 0, 0)
    assert one["outcomes"] == {"waiting": 0, "done": 7, "dead": 0, "is_exact": True}
    again = made_by(api, replay)
    assert [d["resend_of"] for d in again] == [d["delivery_id"] for d in first], "the oldest first"
    assert [d["webhook_id"] for d in again] == [d["webhook_id"] for d in first]
    assert {d["policy"] for d in again} == {"durable"}
    assert collections.Counter(r.webhook_id for r in hook.requests) == {d["webhook_id"]: 2 for d in first}
    repeated = ended(api, api.ok("POST", "/v1/replays", json=ask))
    assert (repeated["queued"], repeated["skipped"]) == (0, 7), "what has arrived meanwhile is passed over"
    listed = api.ok("GET", "/v1/replays", params={"limit": 2})
    assert [r["replay_id"] for r in listed["replays"]] == [repeated["replay_id"], replay["replay_id"]]


def test_a_replayed_delivery_is_tried_as_often_as_any(api, hook):
    """Row 10: not once only."""
    first, = dead(api, hook, 1)
    hook.answer(Answer(status=500))
    replay = api.ok("POST", "/v1/replays", json={"webhook_id": first["webhook_id"]})
    eventually(lambda: [d["last_status"] for d in made_by(api, replay)] == [500], DEADLINE_S)
    one, = made_by(api, replay)
    assert one["state"] == "due" and one["attempts"] == 1 and one["next_attempt_at"]


def test_it_survives_kills(start_server, hostile):
    """Row 10: a job goes on where its last piece was committed; no webhook-id is sent twice by it."""
    server = start_server(config=CONFIG)
    hook = hostile.hook("/killed")
    with Api(server.url) as api:
        first = dead(api, hook, 30)
        replay = api.ok("POST", "/v1/replays", json={"all": True, "rate": 15})
    for cut in (4, 12, 20):
        with Api(server.url) as api:
            eventually(lambda: len(made_by(api, replay)) >= cut, DEADLINE_S)
        server.kill()
        server.start()
    with Api(server.url) as api:
        one = ended(api, replay)
        again = made_by(api, replay)
    assert one["queued"] == 30 and one["outcomes"]["done"] == 30
    assert [d["webhook_id"] for d in again] == [d["webhook_id"] for d in first]
    received = collections.Counter(r.webhook_id for r in hook.requests)
    assert set(received) == {d["webhook_id"] for d in first} and min(received.values()) >= 2


def test_hands_stop_it(api, hook):
    first = dead(api, hook, 4)
    replay = api.ok("POST", "/v1/replays", json={"endpoint_id": first[0]["endpoint_id"], "rate": 0.02})
    path = f"/v1/replays/{replay['replay_id']}"
    eventually(lambda: api.ok("GET", path)["queued"] == 1, DEADLINE_S)
    assert api.ok("POST", path + "/pause")["state"] == "paused"
    assert api.ok("POST", path + "/resume")["state"] == "running"
    eventually(lambda: api.ok("GET", path)["queued"] == 2, DEADLINE_S)
    assert api.ok("POST", path + "/cancel")["state"] == "cancelled"
    for verb in ("pause", "resume", "cancel"):
        assert api.post(f"{path}/{verb}").status_code == 409
    one = ended(api, replay, "cancelled")
    assert one["queued"] == 2 and one["ended_at"] and one["outcomes"]["done"] == 2


def test_all_may_go_elsewhere(api, hook, hostile):
    first = dead(api, hook, 3)
    other = hostile.hook("/other")
    replay = api.ok("POST", "/v1/replays",
                    json={"endpoint_id": first[0]["endpoint_id"], "to_url": other.url + "?token=canary-3e"})
    assert "canary-3e" not in str(replay)
    ended(api, replay)
    assert sorted(r.webhook_id for r in other.requests) == sorted(d["webhook_id"] for d in first)
    assert len(hook.requests) == 3


def test_an_endpoint_gets_what_it_has_missed(api, hook):
    first = dead(api, hook, 2)
    path = f"/v1/endpoints/{first[0]['endpoint_id']}"
    api.ok("POST", path + "/pause", json={})
    for _ in range(3):
        api.run(None, webhook=hook.url)
    eventually(lambda: api.ok("GET", path)["backlog"]["held"] == 3, DEADLINE_S)
    dry = api.ok("POST", path + "/recover", json={"since": "1h", "dry_run": True})
    assert dry == {"dry_run": True, "matched": 2, "matched_is_exact": True, "held": 3}
    assert api.ok("GET", path)["state"] == "paused"
    made = api.ok("POST", path + "/recover", json={"since": "1h"})
    assert made["held"] == 3 and made["replay"]["expected"] == 2
    assert api.ok("GET", path)["state"] == "active"
    ended(api, made["replay"])
    hook.wait_for(2 + 2 + 3)
    eventually(lambda: api.ok("GET", path)["backlog"]["held"] == 0, DEADLINE_S)


@pytest.mark.parametrize("body, word", [
    ({"state": "held"}, "state"), ({"state": "due"}, "state"), ({"rate": 0}, "rate"), ({"rate": "fast"}, "rate"),
    ({"dry_run": "yes"}, "dry_run"), ({"status": "6xx"}, "status"), ({"since": "tomorrow"}, "since"),
    ({"result": "bad"}, "result"), ({"to_url": "ftp://x/"}, "url"), ({"kind": 7}, "kind"),
])
def test_what_is_wrong_is_named(api, body, word):
    answer = api.post("/v1/replays", json=body)
    assert answer.status_code == 422 and word in answer.json()["detail"]


@pytest.mark.parametrize("body", [{}, {"state": "done"}, {"rate": 5}, {"all": False}])
def test_everything_is_sent_only_to_who_says_so(api, body):
    answer = api.post("/v1/replays", json=body)
    assert answer.status_code == 422 and answer.json()["detail"].startswith("all: must be true if nothing says which"), answer.text
    assert "matched" in api.ok("POST", "/v1/replays", json={**body, "dry_run": True}), "it may be counted"
    both = api.post("/v1/replays", json={"all": True, "since": "1h"})
    assert both.status_code == 422 and "all: stands for no filter" in both.json()["detail"]


def test_what_is_not_there_is_404(api):
    for method, path in [("GET", "/v1/replays/x"), ("POST", "/v1/replays/x/pause"), ("POST", "/v1/replays/x/resume"),
                         ("POST", "/v1/replays/x/cancel")]:
        assert api.request(method, path).status_code == 404
    assert api.post("/v1/endpoints/x/recover", json={"since": "1h"}).status_code == 404
    assert api.post("/v1/endpoints/x/recover", json={}).status_code == 422


def test_a_deleted_endpoint_is_left_alone(api, hook):
    first = dead(api, hook, 1)[0]
    api.request("DELETE", f"/v1/endpoints/{first['endpoint_id']}")
    assert api.post(f"/v1/deliveries/{first['delivery_id']}/resend", json={}).status_code == 409
    one = ended(api, api.ok("POST", "/v1/replays", json={"webhook_id": first["webhook_id"]}))
    assert (one["queued"], one["failed"]) == (0, 1)
