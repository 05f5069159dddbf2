"""Endpoints: made and changed by hand, paused, resumed, disabled by 410, told of; paced and in order
(issue 3: health and fairness; policies per endpoint; peer defects 9 and 11)."""

import subprocess
import uuid
from datetime import datetime, timedelta, timezone

import pytest

from harness.api import Api
from harness.ports import eventually
from harness.receiver import Answer
from harness.server import Server, binary


@pytest.fixture(scope="module")
def ops(shared_receiver):
    """Where operational events go."""
    return shared_receiver.hook(f"/ops-{uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def quick(store, tmp_path_factory, ops):
    """A server with policies of its own that tells of its deliveries."""
    config = {"runbell": {"delivery": {
        "policies": {"brisk": {"delays_s": [0.1, 0.2], "jitter": 0}, "never": {"delays_s": []}},
        "policy": {"run": "brisk"}, "notify_url": ops.url, "survey_s": 0.2}}}
    with Server(tmp_path_factory.mktemp("endpoints"), store=store(), config=config) as server, \
            Api(server.url) as api:
        yield api


@pytest.fixture
def hook(hostile):
    return hostile.hook(f"/hook-{uuid.uuid4().hex}")


def make(api, hook, **told):
    return api.ok("POST", "/v1/endpoints", json={"url": hook.url, **told})


def get(api, endpoint):
    return api.ok("GET", f"/v1/endpoints/{endpoint['endpoint_id']}")


def act(api, endpoint, what, **body):
    return api.ok("POST", f"/v1/endpoints/{endpoint['endpoint_id']}/{what}", json=body)


def find(api, url):
    return next(one for one in api.ok("GET", "/v1/endpoints?limit=1000")["endpoints"] if one["url"] == url)


def told(ops, kind, endpoint_id):
    return eventually(lambda: [r for r in list(ops.requests) if r.json["type"] == kind
                               and r.json["data"]["endpoint_id"] == endpoint_id],
                      30, why=f"{kind} was not told")[0].json["data"]


def test_one_is_made_changed_and_found(quick, hook):
    one = make(quick, hook, name="mine", policy="never", rate_limit=5, in_flight_max=3, ordering="fifo",
               expires_after_s=3600)
    assert (one["state"], one["health"], one["kind"], one["policy"]) == ("active", "well", "run", "never")
    assert (one["rate_limit"], one["rate_burst"], one["in_flight_max"], one["ordering"]) == (5, 5, 3, "fifo")
    assert one["backlog"] == {"due": 0, "sending": 0, "held": 0, "next_attempt_at": None}
    path = f"/v1/endpoints/{one['endpoint_id']}"
    again = quick.post("/v1/endpoints", json={"url": hook.url})
    assert again.status_code == 409 and one["endpoint_id"] in again.text
    changed = quick.ok("PATCH", path, json={"policy": None, "rate_limit": None, "rate_burst": None, "name": "ours"})
    assert (changed["policy"], changed["own_policy"], changed["rate_limit"]) == ("brisk", None, None)
    assert (changed["name"], changed["in_flight_max"], changed["ordering"]) == ("ours", 3, "fifo")
    assert find(quick, hook.url)["endpoint_id"] == one["endpoint_id"]
    for query, there in (("kind=run", True), ("kind=alert", False), ("state=paused", False),
                         (f"origin={one['origin']}", True), ("origin=https://other:443", False)):
        listed = quick.ok("GET", f"/v1/endpoints?limit=1000&{query}")["endpoints"]
        assert (one["endpoint_id"] in [e["endpoint_id"] for e in listed]) == there, query


def test_a_burst_that_follows_from_the_rate_goes_with_it(quick, hook):
    path = f"/v1/endpoints/{make(quick, hook, rate_limit=100)['endpoint_id']}"

    def changed(**what):
        answer = quick.ok("PATCH", path, json=what)
        return answer["rate_limit"], answer["rate_burst"]

    assert changed(rate_limit=2) == (2, 2), "not a hundred at once"
    assert changed(rate_limit=None) == (None, None)
    assert changed(rate_limit=2, rate_burst=7) == (2, 7)
    assert changed(rate_limit=0.5) == (0.5, 7), "one that was told stays"
    assert changed(rate_limit=None) == (None, None)


def test_pages_hold_everything_once(quick, hostile):
    made = {make(quick, hostile.hook(f"/page-{n}-{uuid.uuid4().hex}"))["endpoint_id"] for n in range(5)}
    seen, after = [], ""
    while after is not None:
        page = quick.ok("GET", f"/v1/endpoints?limit=2&after={after}")
        seen += [e["endpoint_id"] for e in page["endpoints"]]
        after = page["next_after"]
    assert len(seen) == len(set(seen)) and made <= set(seen)


@pytest.mark.parametrize("body, words", [
    ({}, "url: must be given"),
    ({"url": "ftp://x/"}, "url:"),
    ({"url": "http://169.254.169.254/latest"}, "must not be called"),
    ({"url": "/relative"}, "url:"),
    ({"kind": "other"}, "kind:"),
    ({"policy": "durabel"}, "there is durable, documented, once, brisk or never"),
    ({"rate_limit": 0}, None),
    ({"rate_limit": -1}, "rate_limit: must be"),
    ({"rate_limit": "5"}, "rate_limit: must be"),
    ({"rate_burst": 5}, "rate_burst: needs a rate_limit"),
    ({"in_flight_max": 0}, "in_flight_max"),
    ({"ordering": "lifo"}, "ordering"),
    ({"name": ""}, "name: must have"),
    ({"expires_after_s": 0}, "expires_after_s"),
])
def test_mistakes_are_named(quick, hook, body, words):
    body = body if not body or "url" in body else {"url": hook.url, **body}
    answer = quick.post("/v1/endpoints", json=body)
    if words is None:
        assert answer.status_code == 201
    else:
        assert answer.status_code == 422 and words in answer.text, answer.text


def test_what_is_not_there(quick, hook):
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/pause"), ("POST", "/resume"), ("DELETE", "")):
        assert quick.request(method, f"/v1/endpoints/{uuid.uuid4()}{path}",
                             json={} if method in ("PATCH", "POST") else None).status_code == 404
    one = make(quick, hook)
    answer = quick.patch(f"/v1/endpoints/{one['endpoint_id']}", json={"url": "https://x.example/"})
    assert answer.status_code == 422 and "url" in answer.text


def test_secrets_in_urls_are_masked(quick, hostile):
    one = make(quick, hostile.hook(f"/masked-{uuid.uuid4().hex}?token=hidden"))
    assert "hidden" not in str(one) and "token=***" in one["url"]


def test_a_paused_one_holds_everything_and_drops_nothing(quick, hook):
    one = make(quick, hook)
    paused = act(quick, one, "pause", reason="we move")
    assert (paused["state"], paused["state_reason"]) == ("paused", "we move")
    runs = [quick.run(None, webhook=hook.url) for _ in range(5)]
    eventually(lambda: get(quick, one)["backlog"]["held"] == 5, 30)
    assert not hook.requests
    refused = quick.delete(f"/v1/endpoints/{one['endpoint_id']}")
    assert refused.status_code == 409 and "force" in refused.text
    assert act(quick, one, "resume")["state"] == "active"
    hook.wait_for(5)
    for run in runs:
        hook.wait_for_run(run["run_id"])
    eventually(lambda: get(quick, one)["backlog"] == {"due": 0, "sending": 0, "held": 0, "next_attempt_at": None})
    assert len(hook.requests) == 5
    assert quick.delete(f"/v1/endpoints/{one['endpoint_id']}").status_code == 204
    assert quick.get(f"/v1/endpoints/{one['endpoint_id']}").status_code == 404


def test_410_disables_and_somebody_is_told(quick, hook, ops):
    hook.answer(Answer(status=410), Answer())
    quick.run(None, webhook=hook.url)
    hook.wait_for(1)
    one = eventually(lambda: find(quick, hook.url)["state"] == "disabled" and find(quick, hook.url), 30)
    assert one["state_reason"] == "gone"
    assert told(ops, "endpoint.disabled", one["endpoint_id"])["reason"] == "gone"
    assert told(ops, "delivery.dead", one["endpoint_id"])["last_status"] == 410
    held = quick.run(None, webhook=hook.url)
    eventually(lambda: get(quick, one)["backlog"]["held"] == 1, 30)
    act(quick, one, "enable")
    hook.wait_for_run(held["run_id"])
    assert told(ops, "endpoint.recovered", one["endpoint_id"])["state"] == "active"


def test_its_own_policy_counts(quick, hook, ops):
    one = make(quick, hook, policy="never")
    hook.answer(Answer(status=500))
    quick.run(None, webhook=hook.url)
    assert told(ops, "delivery.dead", one["endpoint_id"])["reason"] == "exhausted"
    assert len(hook.requests) == 1
    quick.ok("PATCH", f"/v1/endpoints/{one['endpoint_id']}", json={"policy": None})
    quick.run(None, webhook=hook.url)
    hook.wait_for(4)
    assert get(quick, one)["health"] == "failing"


def test_those_of_one_thread_come_in_order(quick, hook):
    make(quick, hook, ordering="fifo")
    hook.answer(Answer(status=500), Answer())
    thread = quick.thread()
    runs = [quick.run(thread, webhook=hook.url, multitask_strategy="enqueue")["run_id"] for _ in range(4)]
    eventually(lambda: len({r.webhook_id for r in list(hook.requests)}) == 4, 60)
    arrived = [next(run for run in runs if run.encode() in r.body) for r in hook.requests]
    assert list(dict.fromkeys(arrived)) == runs
    assert arrived[:2] == runs[:1] * 2, "its retry comes before the next one"


def test_the_rate_is_kept(quick, hook):
    make(quick, hook, rate_limit=4, rate_burst=1)
    for _ in range(6):
        quick.run(None, webhook=hook.url)
    requests = hook.wait_for(6, timeout=60)
    assert requests[-1].at - requests[0].at >= 5 * 0.25 - 0.2


def test_no_more_at_once_than_it_has_places(quick, hostile):
    slow = hostile.hook(f"/slow-{uuid.uuid4().hex}", Answer(delay_s=0.4))
    one = make(quick, slow, in_flight_max=1)
    for _ in range(4):
        quick.run(None, webhook=slow.url)
    seen = []
    eventually(lambda: seen.append(get(quick, one)["backlog"]["sending"]) or len(slow.requests) == 4, 60)
    assert max(seen) == 1


def test_tenants_do_not_see_each_other(quick, server):
    assert "/v1/endpoints/{endpoint_id}" in quick.ok("GET", "/openapi.json")["paths"]


@pytest.mark.parametrize("url, word", [
    ("ftp://example.com/", "http://"), ("http://169.254.169.254/", "link-local"), ("http://10.0.0.1/", "private network"), ("/relative", "relative"),
])
def test_where_trouble_is_told_must_be_an_address_that_may_be_called(tmp_path, store, url, word):
    """Issue 3: the same verdict at save, test and send; a notice that is refused would be lost, and nobody told."""
    one = Server(tmp_path, store=store(), config={"runbell": {"delivery": {"notify_url": url}}}, dev=False)
    code, log = one.start_fails()
    assert code == 1 and "runbell.delivery.notify_url" in log and word in log
    for words in (["config", "check"], ["doctor"]):
        said = subprocess.run([str(binary()), *words], cwd=one.project, capture_output=True, text=True, check=False)
        assert said.returncode == 1 and "runbell.delivery.notify_url" in said.stdout + said.stderr, words


def test_how_long_it_has_failed_survives_a_restart(store, tmp_path, hostile):
    """Row 11: the time counts from the first failure, whatever stops and kills come between."""
    hook = hostile.hook("/fails", Answer(status=500))
    limit = timedelta(seconds=3)
    config = {"runbell": {"delivery": {"policies": {"never": {"delays_s": []}}, "policy": {"run": "never"},
                                       "disable_after_days": limit / timedelta(days=1)}}}

    def fail(api, failures):
        api.run(None, webhook=hook.url)
        hook.wait_for(failures)
        eventually(lambda: find(api, hook.url)["failures"] == failures, 30)
        return find(api, hook.url)

    with Server(tmp_path, store=store(), config=config) as server:
        with Api(server.url) as api:
            first = fail(api, 1)
        assert first["state"] == "active"
        server.restart()
        server.kill()
        server.start()
        began = datetime.fromisoformat(first["failing_since"])
        eventually(lambda: datetime.now(timezone.utc) - began > limit, 30)
        with Api(server.url) as api:
            assert find(api, hook.url)["failing_since"] == first["failing_since"]
            last = fail(api, 2)
        assert last["failing_since"] == first["failing_since"]
        assert (last["state"], last["state_reason"]) == ("disabled", "failing")


def test_a_deleted_one_takes_no_secrets(quick, hook):
    """Or the next event for its URL would be sent with what was given for one that is gone."""
    one = make(quick, hook)
    path = f"/v1/endpoints/{one['endpoint_id']}"
    quick.ok("PUT", path + "/headers", json={"headers": {"X-A": "b"}})
    assert quick.delete(path).status_code == 204
    for method, there, body in (("GET", "/headers", None), ("PUT", "/headers", {"headers": {"X-A": "b"}}),
                                ("DELETE", "/headers", None), ("DELETE", "/headers/X-A", None), ("GET", "/signing-keys", None),
                                ("POST", "/signing-keys", {}), ("POST", "/signing-keys/rotate", {}), ("DELETE", "/signing-keys/x", None),
                                ("GET", "/oauth", None), ("DELETE", "/oauth", None), ("GET", "/client-certificate", None),
                                ("PUT", "/oauth", {"token_url": hook.url, "client_id": "a", "client_secret": "b"})):
        answer = quick.request(method, path + there, json=body)
        assert answer.status_code == 404 and answer.json()["detail"] == f"there is no endpoint {one['endpoint_id']}", (there, answer.text)
    assert make(quick, hook)["endpoint_id"] == one["endpoint_id"]
    assert quick.ok("GET", path + "/headers") == {"headers": {}} and quick.ok("GET", path + "/signing-keys") == []


def test_a_pause_may_be_given_another_reason(quick, hook):
    one = make(quick, hook)
    assert act(quick, one, "pause")["state_reason"] is None
    assert act(quick, one, "pause", reason="they move")["state_reason"] == "they move"
    assert act(quick, one, "pause")["state_reason"] == "they move", "nothing said takes nothing back"
    again = act(quick, one, "pause", reason="they still move")
    assert (again["state"], again["state_reason"]) == ("paused", "they still move")
    assert act(quick, one, "resume")["state_reason"] is None


def test_a_deleted_one_is_no_state_to_ask_for(quick):
    for state in ("deleted", "gone", "x"):
        answer = quick.get("/v1/endpoints", params={"state": state})
        assert answer.status_code == 422
        assert answer.json()["detail"] == "state: must be active, paused, disabled or secret_unreadable"
