"""What routes of our own take is known by name: what is spelt wrongly is refused, not passed over (cli-ops.md section 5.2:
"unknown keys are errors"). A filter that nobody reads finds everything; a replay of it sends everything."""

import pytest

SENT = {"url": "https://example.com/"}


@pytest.mark.parametrize("method, path, query, body, wrong, right", [
    ("GET", "/v1/deliveries", {"stat": "dead"}, None, "stat", "state"),
    ("GET", "/v1/deliveries", {"endpoint": "x"}, None, "endpoint", "endpoint_id"),
    ("GET", "/v1/deliveries/stream", {"results": "timeout"}, None, "results", "result"),
    ("GET", "/v1/endpoints", {"limits": 1}, None, "limits", "limit"),
    ("GET", "/v1/endpoints/x/events", {"waits": 1}, None, "waits", "wait"),
    ("GET", "/v1/replays", {"befor": 1}, None, "befor", "before"),
    ("POST", "/v1/replays", None, {"endpoint": "x", "dry_run": True}, "endpoint", "endpoint_id"),
    ("POST", "/v1/replays", None, {"dryrun": True}, "dryrun", "dry_run"),
    ("GET", "/v1/webhook-keys", {"endpoint": "y"}, None, "endpoint", "endpoint_id"),
    ("POST", "/v1/deliveries/1/resend", None, {"ulr": "https://example.com/"}, "ulr", "url"),
    ("POST", "/v1/endpoints", None, {**SENT, "rate-limit": 3}, "rate-limit", "rate_limit"),
    ("PATCH", "/v1/endpoints/x", None, {"rate": 1}, "rate", "rate_limit"),
    ("POST", "/v1/endpoints/x/pause", None, {"reasons": "x"}, "reasons", "reason"),
    ("PUT", "/v1/endpoints/x/oauth", None, {"client": "x"}, "client", "client_id"),
    ("POST", "/v1/endpoints/x/signing-keys", None, {"typ": "ed25519"}, "typ", "type"),
    ("POST", "/v1/endpoints/x/signing-keys/rotate", None, {"overlap": 10}, "overlap", "overlap_s"),
    ("POST", "/v1/test", None, {**SENT, "kinds": "run"}, "kinds", "kind"),
    ("POST", "/v1/inspectors", None, {"fail-first": 2}, "fail-first", "fail_first"),
    ("PATCH", "/v1/inspectors/x", None, {"stauts": 500}, "stauts", "status"),
    ("POST", "/v1/keys", None, {"rol": "viewer"}, "rol", "role"),
    ("POST", "/v1/keys", None, {"workspace": ["a"]}, "workspace", "workspaces"),
    ("POST", "/v1/workspaces", None, {"workspace": "a"}, "workspace", "workspace_id"),
    ("POST", "/v1/erasures", None, {"object": "a"}, "object", "object_id"),
])
def test_a_name_that_is_not_known_is_refused_with_the_one_that_was_meant(api, method, path, query, body, wrong, right):
    answer = api.request(method, path, params=query, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"] == f"{wrong}: is not known here; did you mean {right}?"


@pytest.mark.parametrize("method, path, query, body, wrong, known", [
    ("GET", "/v1/endpoints", {"bogus": 1}, None, "bogus", "kind, state, origin, after, limit"),
    ("POST", "/v1/endpoints/x/signing-keys", None, {"key": "x"}, "key", "type, secret"),
    ("PUT", "/v1/endpoints/x/headers", None, {"Authorization": "x"}, "Authorization", "headers"),
    ("POST", "/v1/endpoints/x/recover", None, {"since": "1h", "endpoint_id": "y"}, "endpoint_id",
     "kind, object_id, webhook_id, result, status, url, state, replay_id, text, since, until, rate, dry_run"),
])
def test_where_nothing_is_near_all_that_there_is_is_told(api, method, path, query, body, wrong, known):
    answer = api.request(method, path, params=query, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"] == f"{wrong}: is not known here; there is {known}"


def test_a_parameter_that_stands_there_twice_is_refused(api):
    answer = api.get("/v1/deliveries?state=dead&state=done")
    assert answer.status_code == 422 and answer.json()["detail"] == "state: stands there twice"


@pytest.mark.parametrize("name", ["endpoint_id", "object_id", "webhook_id", "kind", "state", "result", "status", "url", "since"])
def test_a_replay_of_nothing_is_not_a_replay_of_everything(api, name):
    answer = api.post("/v1/replays", json={name: "", "dry_run": True})
    assert answer.status_code == 422 and answer.json()["detail"].startswith(f"{name}: must be something")


@pytest.mark.parametrize("path", ["/v1/deliveries", "/v1/deliveries/stream", "/v1/endpoints"])
def test_a_kind_that_there_is_not_is_named(api, path):
    answer = api.get(path, params={"kind": "runs"})
    assert answer.status_code == 422 and answer.json()["detail"].startswith("kind: must be run, rule, alert, fleet")


def test_openapi_tells_what_they_take(api):
    paths = api.ok("GET", "/openapi.json")["paths"]
    parameters = {one["name"]: one for one in paths["/v1/deliveries"]["get"]["parameters"]}
    assert {"state", "kind", "endpoint_id", "object_id", "webhook_id", "replay_id", "result", "status", "url", "text", "since",
            "until", "limit", "before"} == set(parameters)
    assert parameters["limit"] == {"name": "limit", "in": "query", "schema": {"type": "integer"}}
    body = paths["/v1/replays"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["dry_run"] == {"type": "boolean"} and "endpoint_id" in body["properties"]
    assert "url" not in paths["/v1/endpoints/{endpoint_id}"]["patch"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
