"""Limits: requests, streams and runs of a key, of an address without keys, of a workspace (issue 4)."""

import time

import httpx
import pytest

from harness.api import Api, delay, run_body, say
from harness.ports import eventually
from harness.server import Server


@pytest.fixture(scope="module")
def house(store, tmp_path_factory):
    """A server without default limits, and its admin."""
    with Server(tmp_path_factory.mktemp("limits"), store=store()) as server:
        with Api(server.url) as first:
            root = first.ok("POST", "/v1/keys", json={"name": "root"})["key"]
        with Api(server.url, headers={"x-api-key": root}) as admin:
            yield server, admin


def limited(house, limits, **body):
    server, admin = house
    made = admin.ok("POST", "/v1/keys", json={"limits": limits, "workspaces": ["default"], **body})
    return Api(server.url, headers={"x-api-key": made["key"]}), made


def refused(answer, *words):
    assert answer.status_code == 429, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    for word in words:
        assert word in answer.json()["detail"], answer.text
    return int(answer.headers["retry-after"])


def test_requests_of_a_key_come_at_its_rate(house):
    client, _ = limited(house, {"requests_per_s": 2, "burst": 5})
    with client:
        left = []
        for _ in range(5):
            answer = client.get("/v1/self")
            assert answer.status_code == 200
            assert answer.headers["ratelimit-limit"] == answer.headers["x-ratelimit-limit"] == "5"
            assert 0 <= int(answer.headers["ratelimit-reset"]) <= 3
            assert abs(int(answer.headers["x-ratelimit-reset"]) - time.time()) < 5
            left.append(int(answer.headers["ratelimit-remaining"]))
        assert left == sorted(left, reverse=True) and left[-1] <= 1
        answers = [client.get("/v1/self") for _ in range(10)]
        wrong = next(a for a in answers if a.status_code == 429)
        assert refused(wrong, "this API key", "2 requests a second") == 1
        assert wrong.headers["ratelimit-remaining"] == "0"
        assert client.get("/ok").status_code == 200
        eventually(lambda: client.get("/v1/self").status_code == 200, 5)
    _, admin = house
    free = admin.get("/v1/self")
    assert free.status_code == 200 and "ratelimit-limit" not in free.headers


def test_a_key_keeps_to_its_rate_over_a_second(house):
    """50 a second, asked for as fast as can be: in one second the burst and 50, not many more or fewer."""
    client, _ = limited(house, {"requests_per_s": 50, "burst": 10})
    with client:
        begun, passed = time.monotonic(), 0
        while time.monotonic() - begun < 1:
            passed += client.get("/v1/self").status_code == 200
        assert 35 <= passed <= 62, passed


def test_streams_of_a_key_are_counted_and_given_back(house):
    client, made = limited(house, {"streams": 2})
    with client:
        with client.stream("GET", "/v1/deliveries/stream") as one, client.stream("GET", "/v1/deliveries/stream") as two:
            assert one.status_code == two.status_code == 200
            refused(client.get("/v1/deliveries/stream"), "follow 2 things")
            refused(client.post("/runs/wait", json=run_body()), "follow 2 things")
            assert client.get("/v1/self").status_code == 200
        eventually(lambda: client.post("/runs/wait", json=run_body()).status_code == 200, 5)
        for _ in range(5):  # what ends at once, and what is refused, holds no place
            assert client.post("/runs/wait", json=run_body()).status_code == 200
            assert client.post("/runs/wait", json={}).status_code == 422


def test_streams_of_a_revoked_key_end(house):
    _, admin = house
    client, made = limited(house, {})
    brief, _ = limited(house, {}, expires="1s")
    with client, brief:
        with client.stream("GET", "/v1/deliveries/stream") as stream, brief.stream("GET", "/v1/deliveries/stream") as soon:
            assert stream.status_code == soon.status_code == 200
            admin.ok("DELETE", f"/v1/keys/{made['key_id']}")
            begun = time.monotonic()
            for one in (stream, soon):
                with pytest.raises(httpx.TransportError):
                    for _ in one.iter_raw():
                        assert time.monotonic() - begun < 8
            assert time.monotonic() - begun < 8


def test_runs_at_the_same_time(house):
    client, _ = limited(house, {"runs_live": 2})
    with client:
        runs = [client.run(steps=[delay(60000)]) for _ in range(2)]
        for path in ("/runs", "/runs/wait", "/runs/stream"):
            refused(client.post(path, json=run_body()), "2 runs at the same time")
        assert client.ok("POST", "/threads/search", json={}) is not None
        for run in runs:
            client.post(f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel", params={"wait": 1})
        assert client.post("/runs/wait", json=run_body()).status_code == 200


def test_a_batch_counts_each_run(house):
    client, _ = limited(house, {"runs_per_day": 3})
    with client:
        refused(client.post("/runs/batch", json=[run_body()] * 4), "3 runs a day")
        assert len(client.ok("POST", "/runs/batch", json=[run_body()] * 3)) == 3
        assert refused(client.post("/runs", json=run_body()), "3 runs a day") <= 86400


def test_refused_and_repeated_runs_are_not_counted(house):
    client, _ = limited(house, {"runs_per_day": 2})
    with client:
        thread = client.thread()
        assert client.post("/runs", json={**run_body(), "assistant_id": "none"}).status_code == 404
        assert client.post("/runs", json={**run_body(), "webhook": "no url"}).status_code == 422
        for _ in range(3):
            assert client.post("/runs", json=run_body(), headers={"idempotency-key": "once"}).status_code == 200
        command = {"id": 1, "method": "run.start", "params": {"assistant_id": "agent"}}
        assert client.ok("POST", f"/threads/{thread}/commands", json=command)["type"] == "success"
        assert client.ok("POST", f"/threads/{thread}/commands", json=command)["type"] == "error"
        refused(client.post("/runs", json=run_body()), "2 runs a day")


def test_a_days_runs_are_counted_over_a_restart(store, tmp_path):
    config = {"runbell": {"limits": {"runs_per_day": 3}}}
    with Server(tmp_path, store=store(), config=config) as server:
        for n in range(3):
            with Api(server.url) as api:
                api.ok("POST", "/runs/wait", json=run_body(steps=[say("x")]))
            if n == 1:
                server.kill()
                server.start()
        server.restart()
        with Api(server.url) as api:
            refused(api.post("/runs", json=run_body()), "3 runs a day")
        assert server.log().count("level=error") == 0


def test_without_keys_an_address_is_limited(store, tmp_path):
    config = {"runbell": {"limits": {"requests_per_s": 5, "burst": 5, "streams": 1, "runs_live": 1}}}
    with Server(tmp_path, store=store(), config=config) as server, Api(server.url) as api:
        answers = [api.get("/v1/self") for _ in range(20)]
        refused(next(a for a in answers if a.status_code == 429), "this address")
        other = httpx.HTTPTransport(local_address="127.0.0.9")
        with httpx.Client(transport=other, base_url=server.url) as elsewhere:
            assert elsewhere.get("/v1/self").status_code == 200
            assert elsewhere.get("/info").headers["ratelimit-limit"] == "5"
        assert all(api.get("/ok").status_code == 200 for _ in range(20))


def test_wrong_keys_are_limited_by_address(store, tmp_path):
    config = {"runbell": {"limits": {"requests_per_s": 5, "burst": 5}}}
    with Server(tmp_path, store=store(), config=config) as server:
        with Api(server.url) as first:
            key = first.ok("POST", "/v1/keys", json={})["key"]
        with Api(server.url, headers={"x-api-key": "wrong"}) as guesser, \
                Api(server.url, headers={"x-api-key": key}) as user:
            assert {guesser.get("/v1/self").status_code for _ in range(20)} == {401, 429}
            assert user.get("/v1/self").status_code == 200


def test_a_workspace_is_limited_whatever_keys_it_has(house):
    server, admin = house
    admin.ok("POST", "/v1/workspaces", json={"workspace_id": "small", "limits": {"runs_per_day": 2}})
    keys = [admin.ok("POST", "/v1/keys", json={"workspaces": ["small"]})["key"] for _ in range(2)]
    with Api(server.url, headers={"x-api-key": keys[0]}) as one, Api(server.url, headers={"x-api-key": keys[1]}) as two:
        one.ok("POST", "/runs", json=run_body())
        two.ok("POST", "/runs", json=run_body())
        refused(one.post("/runs", json=run_body()), "this workspace", "2 runs a day")
        assert one.patch("/v1/workspaces/small", json={"limits": {}}).status_code == 403
        assert one.patch("/v1/workspaces/small", json={"name": "Small"}).status_code == 200
        assert admin.ok("PATCH", "/v1/workspaces/small", json={"limits": {"runs_per_day": 3}})["limits"] == {"runs_per_day": 3}
        two.ok("POST", "/runs", json=run_body())
        refused(two.post("/runs", json=run_body()), "this workspace", "3 runs a day")


def test_limits_of_a_key_are_changed_and_taken_back(house):
    _, admin = house
    client, made = limited(house, {"requests_per_s": 0.1})
    with client:
        assert client.get("/v1/self").status_code == 200
        refused(client.get("/v1/self"), "0.1 requests a second")
        changed = admin.ok("PATCH", f"/v1/keys/{made['key_id']}", json={"limits": {"streams": 3}, "name": "freed"})
        assert changed["limits"] == {"streams": 3} and changed["name"] == "freed"
        assert [client.get("/v1/self").status_code for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("limits", [{"request_per_s": 1}, {"streams": -1}, {"burst": 1.5}, [], {"runs_live": "2"}])
def test_limits_that_are_none(house, limits):
    _, admin = house
    wrong = admin.post("/v1/keys", json={"limits": limits})
    assert wrong.status_code == 422 and wrong.json()["detail"].startswith("limits"), wrong.text


def test_two_nodes_count_together(store, tmp_path):
    if store() == "sqlite":
        pytest.skip("one node")
    url = store()
    config = {"runbell": {"limits": {"runs_per_day": 20}}}
    with Server(tmp_path / "one", store=url, config=config) as one, \
            Server(tmp_path / "two", store=url, config=config) as two:
        with Api(one.url) as a, Api(two.url) as b:
            made = sum(api.post("/runs", json=run_body()).status_code == 200 for _ in range(15) for api in (a, b))
            assert made == 20
