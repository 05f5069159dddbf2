"""`http.cors` of langgraph.json: which pages of other origins may call, and what browsers are told (issue 4, contract §1.2)."""

import httpx
import pytest

from harness.server import Server

APP = "https://app.example.com"


@pytest.fixture(scope="module")
def strict(store, tmp_path_factory):
    cors = {"allow_origins": [APP], "allow_origin_regex": r"https://.*\.preview\.example\.com", "allow_credentials": True,
            "allow_methods": ["GET", "POST"], "expose_headers": ["x-mine"], "max_age": 30}
    with Server(tmp_path_factory.mktemp("cors"), store=store(), config={"http": {"cors": cors}}) as server:
        yield server


def told(answer):
    return {name.removeprefix("access-control-"): value for name, value in answer.headers.items()
            if name.startswith("access-control-") or name == "vary"}


def test_without_rules_every_page_may_call(server):
    answer = httpx.get(server.url + "/info", headers={"origin": APP})
    assert told(answer)["allow-origin"] == "*" and "allow-credentials" not in told(answer)
    for name in ("content-location", "location", "x-pagination-total", "x-pagination-next"):
        assert name in told(answer)["expose-headers"]
    answer = httpx.options(server.url + "/threads", headers={"origin": APP, "access-control-request-method": "POST"})
    assert answer.status_code == 204 and told(answer)["allow-headers"] == "*" and "PATCH" in told(answer)["allow-methods"]


@pytest.mark.parametrize("origin", [APP, "https://pr-7.preview.example.com"])
def test_a_page_that_is_named_may_call(strict, origin):
    for answer in (httpx.get(strict.url + "/info", headers={"origin": origin}),
                   httpx.get(strict.url + "/threads/nothing", headers={"origin": origin}),
                   httpx.post(strict.url + "/runs/wait", json={"assistant_id": "agent", "input": {"messages": []}}, headers={"origin": origin})):
        assert told(answer) == {"vary": "Origin", "allow-origin": origin, "allow-credentials": "true",
                                "expose-headers": told(answer)["expose-headers"]}
        assert "x-mine" in told(answer)["expose-headers"] and "content-location" in told(answer)["expose-headers"]
    asked = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    assert told(httpx.options(strict.url + "/threads", headers=asked)) == {
        "vary": "Origin", "allow-origin": origin, "allow-credentials": "true", "allow-methods": "GET, POST",
        "allow-headers": "x-api-key", "max-age": "30"}


@pytest.mark.parametrize("origin", ["https://evil.example.org", "https://app.example.com.evil.org", "https://x.preview.example.com.org", "null"])
def test_another_page_is_told_nothing(strict, origin):
    assert told(httpx.get(strict.url + "/info", headers={"origin": origin})) == {"vary": "Origin"}
    asked = {"origin": origin, "access-control-request-method": "POST"}
    assert told(httpx.options(strict.url + "/threads", headers=asked)) == {"vary": "Origin"}
    assert told(httpx.get(strict.url + "/info")) == {"vary": "Origin"}


@pytest.mark.parametrize("cors, words", [
    (5, "http.cors must be an object"), ({"allow_origins": "*"}, "http.cors.allow_origins must be an array"),
    ({"allow_origin_regex": "(?=x)"}, "http.cors.allow_origin_regex: "), ({"allow_methods": ["A\r\nB: c"]}, "http.cors.allow_methods must be"),
    ({"max_age": -1}, "http.cors.max_age must be"), ({"allow_credentials": 1}, "http.cors.allow_credentials must be true or false"),
])
def test_rules_that_are_none_are_refused(tmp_path, cors, words):
    _, log = Server(tmp_path, config={"http": {"cors": cors}}).start_fails()
    assert words in log, log
