"""The inspector (issue 3 row 7, C18, D4): /in/{slug} takes anything, keeps it, answers as told, says what a signature is worth."""

import base64
import json
import threading

import httpx
import pytest
from standardwebhooks import Webhook

from harness.api import HELLO, Api, read_events
from harness.ports import eventually
from harness.server import Server

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(b"fedcba9876543210fedcba9876543210").decode()
LIMITS = {"inspectors_max": 50, "requests_max": 5, "bytes_max": 65536, "body_bytes_max": 20000}


@pytest.fixture(scope="module")
def signing(store, tmp_path_factory):
    """Without --dev: our own address is not to be called, but for its inspectors."""
    config = {"runbell": {"signing_secret": SECRET, "inspector": LIMITS,
                          "delivery": {"test_schedule_ms": [100, 100, 100]}}}
    with Server(tmp_path_factory.mktemp("signing"), store=store(), config=config, dev=False) as server, \
            Api(server.url) as api:
        yield api


def make(api, **body):
    answer = api.post("/v1/inspectors", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def path_of(inspector):
    return f"/v1/inspectors/{inspector['inspector_id']}"


def requests_of(api, inspector, **query):
    return api.ok("GET", path_of(inspector) + "/requests", params=query)


def wait_for(api, inspector, count):
    return eventually(lambda: len(found := requests_of(api, inspector, after=0)) >= count and found, 30,
                      why=f"{count} requests did not come")


def test_anything_is_kept_as_it_came(signing):
    one = make(signing, name="mine")
    assert len(one["slug"]) == 22 and one["url"] == f"{signing.base_url}/in/{one['slug']}".replace("//in", "/in")
    body = b"\x00\xff raw"
    answer = signing.request("PURGE", one["url"] + "/a//b/%2e%2e?x=1&x=%C3%A9", content=body,
                             headers={"X-Odd": "a", "x-odd": "b"})
    assert (answer.status_code, answer.content) == (200, b"")
    [found] = requests_of(signing, one)
    assert found["method"] == "PURGE" and found["query"] == "x=1&x=%C3%A9"
    assert found["path"] == f"/in/{one['slug']}/a//b/%2e%2e"
    assert [value for name, value in found["headers"] if name.lower() == "x-odd"] == ["a", "b"]
    assert found["source"].startswith("127.0.0.1:") and found["tls"] is False
    assert found["body_bytes"] == len(body) and found["answered"] == 200
    whole = signing.ok("GET", f"{path_of(one)}/requests/1")
    assert whole["body"]["text"] is None and base64.b64decode(whole["body"]["base64"]) == body
    assert whole["verification"]["verdict"] == "unsigned"
    raw = signing.get(f"{path_of(one)}/requests/1/body")
    assert raw.content == body and raw.headers["content-type"] == "application/octet-stream"
    assert raw.headers["x-content-type-options"] == "nosniff"
    signing.post(one["url"], content='{"n": 1.50}')
    assert signing.get(f"{path_of(one)}/requests/2").text.count('"json":{"n": 1.50}') == 1
    assert signing.head(one["url"]).status_code == 200
    assert [request["request_id"] for request in requests_of(signing, one)] == [3, 2, 1]
    assert [request["request_id"] for request in requests_of(signing, one, after=1, limit=1)] == [2]
    assert [request["request_id"] for request in requests_of(signing, one, before=2)] == [1]
    assert signing.ok("GET", f"/v1/inspectors/{one['slug']}")["received"] == 3
    assert signing.delete(path_of(one) + "/requests").status_code == 204
    assert requests_of(signing, one) == []


def test_what_is_kept_is_bounded(signing):
    one = make(signing)
    for number in range(7):
        signing.post(one["url"], content=str(number))
    assert [request["request_id"] for request in requests_of(signing, one)] == [7, 6, 5, 4, 3]
    assert signing.get(f"{path_of(one)}/requests/1").status_code == 404
    for _ in range(4):
        signing.post(one["url"], content=b"x" * 20000)
    assert len(requests_of(signing, one)) == 3, "3 × 20,000 bytes fit into 65,536"
    assert signing.post(one["url"], content=b"x" * 20001).status_code == 413


@pytest.mark.parametrize("body, statuses", [
    ({}, [200, 200]),
    ({"status": 418}, [418, 418]),
    ({"fail_first": 2}, [500, 500, 200, 200]),
    ({"script": "500, 503,200"}, [500, 503, 200, 200]),
    ({"script": [410], "status": 200}, [410, 410]),
    ({"fail_first": 1, "script": [503, 204]}, [500, 503, 204, 204]),
])
def test_it_answers_as_told(signing, body, statuses):
    one = make(signing, **body)
    assert [signing.post(one["url"]).status_code for _ in statuses] == statuses
    assert [request["answered"] for request in requests_of(signing, one, after=0)] == statuses
    changed = signing.ok("PATCH", path_of(one), json={"name": "again"})
    assert changed["name"] == "again" and changed["answer"] == one["answer"]
    assert signing.post(one["url"]).status_code == statuses[0], "a change starts the script again"
    signing.delete(path_of(one))


def test_headers_body_and_delay_are_told_and_browsers_can_do_nothing_with_them(signing):
    one = make(signing, headers={"Content-Type": "text/html", "X-Mine": "1"}, body="<script>x</script>",
               delay_ms=300)
    answer = signing.get(one["url"])
    assert answer.elapsed.total_seconds() >= 0.3 and answer.text == "<script>x</script>"
    assert answer.headers["x-mine"] == "1" and answer.headers["content-type"] == "text/html"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    plain = make(signing, body="<script>x</script>")
    assert "content-type" not in signing.get(plain["url"]).headers


@pytest.mark.parametrize("body, word", [
    ({"status": 101}, "status"), ({"status": "200"}, "status"), ({"delay_ms": 60001}, "delay_ms"),
    ({"script": "a"}, "script"), ({"script": [99]}, "script"), ({"script": {}}, "script"),
    ({"headers": {"a b": "c"}}, "headers"), ({"headers": {"a": "b\nc"}}, "headers"),
    ({"headers": {"Set-Cookie": "a=b"}}, "Set-Cookie"), ({"headers": {"content-length": "1"}}, "content-length"),
    ({"body": {}}, "body"), ({"slug": "a"}, "slug"), ({"slug": "a/b"}, "slug"), ({"name": 1}, "name"),
])
def test_what_cannot_be_is_refused(signing, body, word):
    answer = signing.post("/v1/inspectors", json=body)
    assert answer.status_code == 422 and word in answer.json()["detail"]


def test_a_slug_is_one_inspectors(signing):
    one = make(signing, slug="my-hook")
    assert one["url"].endswith("/in/my-hook")
    taken = signing.post("/v1/inspectors", json={"slug": "my-hook"})
    assert taken.status_code == 409 and "my-hook" in taken.json()["detail"]
    assert signing.delete("/v1/inspectors/my-hook").status_code == 204
    gone = signing.post(one["url"])
    assert gone.status_code == 404 and "inspector" in gone.json()["detail"]
    assert signing.get("/v1/inspectors/my-hook").status_code == 404
    assert signing.get("/in/").status_code == 404


def test_our_own_webhooks_reach_it_and_verify(signing):
    """The receiver of a run's webhook, with retries by a script: no other path of our own may be called."""
    one = make(signing, script="500,429,200")
    run = {"assistant_id": "agent", "input": HELLO}
    thread = signing.thread()
    refused = signing.post(f"/threads/{thread}/runs", json={**run, "webhook": f"{signing.base_url}/v1/keys"})
    assert refused.status_code == 422 and "our own address" in refused.text
    signing.ok("POST", f"/threads/{thread}/runs", json={**run, "webhook": one["url"]})
    found = wait_for(signing, one, 3)
    assert [request["answered"] for request in found] == [500, 429, 200]
    for request in found:
        whole = signing.ok("GET", f"{path_of(one)}/requests/{request['request_id']}")
        assert whole["verification"]["verdict"] == "verified", whole["verification"]
        assert whole["verification"]["signer"] == "the server's signing secret 1"
        assert whole["body"]["json"]["status"] == "success"
    wrong = signing.ok("POST", f"{path_of(one)}/requests/1/verify", json={"secret": OTHER})
    assert wrong["verdict"] == "wrong_signature" and "another secret" in wrong["mend"]


def test_it_says_why_a_signature_is_wrong(signing):
    one = make(signing)
    sent, body = Webhook(SECRET), '{"a":1}'
    from datetime import datetime, timedelta, timezone
    now = datetime.now(timezone.utc)

    def post(content, when=now, **changed):
        headers = {"webhook-id": "m1", "webhook-timestamp": str(int(when.timestamp())),
                   "webhook-signature": sent.sign("m1", when, body), **changed}
        signing.post(one["url"], content=content, headers={k: v for k, v in headers.items() if v is not None})
        newest = requests_of(signing, one, limit=1)[0]["request_id"]
        return signing.ok("GET", f"{path_of(one)}/requests/{newest}")["verification"]

    assert post(body)["verdict"] == "verified"
    written_again = post('{"a": 1}')
    assert written_again["verdict"] == "body_changed" and "without blanks" in written_again["detail"]
    assert post('{"a":2}')["verdict"] == "wrong_signature"
    old = post(body, now - timedelta(seconds=400))
    assert old["verdict"] == "too_old" and "replay" in old["mend"]
    assert post(body, now + timedelta(seconds=400))["verdict"] == "too_new"
    assert post(body, **{"webhook-signature": None})["verdict"] == "missing_header"
    assert post(body, **{"webhook-timestamp": "soon"})["verdict"] == "bad_header"


def test_it_is_watched_live_and_resumed(signing):
    one = make(signing)
    signing.post(one["url"], content="before")
    seen, ready = [], threading.Event()

    def watch():
        with httpx.stream("GET", f"{signing.base_url}{path_of(one)}/stream".replace("//v1", "/v1"),
                          trust_env=False, timeout=30) as response:
            ready.set()
            for event in read_events(response):
                seen.append(event)
                if len(seen) == 3:
                    return

    watcher = threading.Thread(target=watch)
    watcher.start()
    ready.wait(10)
    for number in range(3):
        signing.post(one["url"], content=str(number))
    watcher.join(30)
    assert [(event, data["request_id"], id) for event, data, id in seen] == \
        [("request", 2, "2"), ("request", 3, "3"), ("request", 4, "4")]
    with signing.stream("GET", path_of(one) + "/stream", headers={"Last-Event-ID": "2"}) as response:
        events = read_events(response)
        assert [next(events)[1]["request_id"] for _ in range(2)] == [3, 4]
        signing.delete(path_of(one))
        assert list(events) == [], "the stream ends with its inspector"


def test_it_belongs_to_its_tenant(start_server):
    server = start_server(dev=True)
    with Api(server.url) as first:
        one = make(first)
        key = first.ok("POST", "/v1/keys", json={})["key"]
        assert eventually(lambda: first.get("/v1/inspectors").status_code == 401)
        assert first.post(one["url"]).status_code == 200, "to send no key is needed"
        with Api(server.url, headers={"X-Api-Key": key}) as known:
            assert len(requests_of(known, one)) == 1
            delayed = make(known, delay_ms=60000)
            waiting = threading.Thread(target=lambda: seen.append(first.post(delayed["url"]).status_code))
            seen = []
            waiting.start()
            wait_for(known, delayed, 1)
        server.stop()
        waiting.join(10)
        assert seen == [200], "a stop answers what waits"


def test_there_is_a_limit(start_server):
    server = start_server(config={"runbell": {"inspector": {"inspectors_max": 1}}})
    with Api(server.url) as api:
        make(api)
        full = api.post("/v1/inspectors", json={})
        assert full.status_code == 409 and "inspectors_max" in full.json()["detail"]
        assert json.loads(api.get("/openapi.json").text)["paths"]["/v1/inspectors"]


@pytest.mark.parametrize("key", [{"secret": SECRET}, {"type": "ed25519"}])
def test_the_keys_of_an_endpoint_verify_what_it_was_sent(start_server, key):
    """In their own workspace only; the server itself has no key here."""
    server = start_server(dev=True)
    with Api(server.url) as api:
        root = api.ok("POST", "/v1/keys", json={})["key"]
    with Api(server.url, headers={"X-Api-Key": root}) as api:
        api.ok("POST", "/v1/workspaces", json={"workspace_id": "other"})
        other = api.ok("POST", "/v1/keys", json={"workspaces": ["other"]})["key"]
        one = make(api)
        endpoint = api.ok("POST", "/v1/endpoints", json={"kind": "run", "url": one["url"]})["endpoint_id"]
        made = api.ok("POST", f"/v1/endpoints/{endpoint}/signing-keys", json=key)
        api.run(None, webhook=one["url"])
        wait_for(api, one, 1)
        whole = api.ok("GET", f"{path_of(one)}/requests/1")
        said = whole["verification"]
        assert said["verdict"] == "verified" and endpoint in said["signer"] and made["key_id"] in said["signer"]
        assert api.ok("POST", f"{path_of(one)}/requests/1/verify", json={})["verdict"] == "verified"
        assert api.ok("POST", f"{path_of(one)}/requests/1/verify", json={"secret": OTHER})["verdict"] == "wrong_signature"
        assert made.get("secret", SECRET) not in json.dumps(whole)
        with Api(server.url, headers={"X-Api-Key": other}) as stranger:
            theirs = make(stranger)
            copied = {name: value for name, value in whole["headers"] if name.startswith("webhook-")}
            httpx.post(theirs["url"], content=whole["body"]["text"], headers=copied)
            wait_for(stranger, theirs, 1)
            said = stranger.ok("GET", f"{path_of(theirs)}/requests/1")["verification"]
            assert said["verdict"] == "no_secret" and said["signer"] is None


def test_too_many_at_once_are_turned_away(start_server):
    server = start_server(config={"runbell": {"inspector": {"requests_per_s": 2}}})
    with Api(server.url) as api:
        one, quiet = make(api), make(api)
        answers = [api.post(one["url"], content=str(n)) for n in range(30)]
        statuses = [answer.status_code for answer in answers]
        taken = statuses.count(200)
        assert statuses[:10] == [200] * 10 and set(statuses) == {200, 429} and taken < 20
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.headers["retry-after"] == "1" and "requests_per_s" in refused.json()["detail"]
        assert len(requests_of(api, one, limit=100)) == taken, "what is turned away is not kept"
        assert api.post(quiet["url"]).status_code == 200, "others are not held up"
        assert [api.post("/in/nobodys").status_code for _ in range(20)] == [404] * 20
        eventually(lambda: api.post(one["url"]).status_code == 200, 10)


def test_null_takes_an_answer_back(signing):
    one = make(signing, status=503, script="500,502", headers={"Retry-After": "3"}, body="no", delay_ms=10, fail_first=1)
    told = lambda: signing.ok("GET", path_of(one))["answer"]
    for key, first in {"script": [], "fail_first": 0, "delay_ms": 0, "headers": {}, "body": "", "status": 200}.items():
        assert told()[key] != first
        before = told()
        signing.ok("PATCH", path_of(one), json={key: None})
        assert told() == {**before, key: first}
    answer = signing.post(one["url"], content=b"x")
    assert (answer.status_code, answer.content) == (200, b"") and "retry-after" not in answer.headers
    two = make(signing, status=None, script=None, headers=None, body=None)
    assert two["answer"] == told()


def test_a_stream_goes_on_behind_a_number_only(signing):
    one = make(signing)
    for asks in ({"headers": {"Last-Event-ID": "abc"}}, {"headers": {"Last-Event-ID": "-2"}}, {"params": {"after": "abc"}}):
        answer = signing.get(path_of(one) + "/stream", **asks)
        assert answer.status_code == 422, answer.text
        assert ("Last-Event-ID: must be the id of an event" if "headers" in asks else "after: must be a whole number") in answer.text
