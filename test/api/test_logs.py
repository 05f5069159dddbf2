"""The log: logfmt or JSON, every request by its name, and no secret in it (cli-ops.md section 5.3)."""

import json
import re
import sqlite3
import uuid
from contextlib import closing

import pytest

from harness.api import Api
from harness.receiver import Answer
from harness.server import Server

LOGFMT = re.compile(r'ts=\S+Z level=(debug|info|warn|error) at=[a-z]+ msg="(?:[^"\\]|\\.)*"(?: [a-z]+=(?:"(?:[^"\\]|\\.)*"|\S+))*')


def lines_of(server):
    """The server's own lines, as JSON; Python's and the sanitizers' would not be."""
    return [json.loads(line) for line in server.log().splitlines()]


@pytest.fixture(scope="module")
def talkative(store, tmp_path_factory):
    config = {"runbell": {"log": {"requests": True}, "log_level": "debug",
                          "delivery": {"test_schedule_ms": [50]}}}
    folder = tmp_path_factory.mktemp("logs")
    with Server(folder, store=store(), config=config, args=("--log-format", "json")) as server, Api(server.url) as api:
        api.server = server
        yield api


def the_line(api, **fields):
    found = [line for line in lines_of(api.server) if fields.items() <= line.items()]
    assert len(found) == 1, f"{len(found)} lines with {fields}"
    return found[0]


def test_a_request_keeps_the_name_it_came_with(talkative):
    name = f"trace/{uuid.uuid4().hex}:1@x=.+-_"
    reply = talkative.get("/threads/none", params={"token": "canary"}, headers={"X-Request-Id": name})
    assert reply.headers["x-request-id"] == name
    line = the_line(talkative, request=name)
    assert line["at"] == "request" and line["method"] == "GET" and line["path"] == "/threads/none"
    assert line["status"] == reply.status_code == 422 and line["bytes"] == len(reply.content) and line["us"] >= 0
    assert line["peer"].startswith("127.0.0.1:") and line["key"] == "-"


@pytest.mark.parametrize("given", [None, "", "two words", "a" * 129, "ä", 'quo"te', "a\tb", "new\\nline"])
def test_another_name_is_given_where_none_can_be_kept(talkative, given):
    headers = {} if given is None else {"X-Request-Id": given.encode()}
    replies = [talkative.get("/info", headers=headers) for _ in range(2)]
    names = [reply.headers["x-request-id"] for reply in replies]
    assert names[0] != names[1] and all(str(uuid.UUID(name)) == name for name in names)
    the_line(talkative, request=names[0], path="/info")
    longest = talkative.get("/info", headers={"X-Request-Id": "a" * 128})
    assert longest.headers["x-request-id"] == "a" * 128


def test_streams_refusals_and_browsers_are_told_too(talkative):
    with talkative.stream("POST", "/runs/stream", json={"assistant_id": "agent", "input": {}},
                          headers={"X-Request-Id": "a-stream"}) as stream:
        stream.read()
    assert stream.headers["x-request-id"] == "a-stream"
    assert the_line(talkative, request="a-stream")["status"] == 200
    assert talkative.get("/nowhere", headers={"X-Request-Id": "lost"}).headers["x-request-id"] == "lost"
    assert the_line(talkative, request="lost")["status"] == 404
    assert "x-request-id" in talkative.get("/info").headers["access-control-expose-headers"]


def test_no_secret_gets_into_the_log(talkative, hostile):
    canary = f"canary-{uuid.uuid4().hex}"
    hook = hostile.hook("/hook", Answer(status=500, body=canary.encode()), Answer(status=404))
    url = f"{hook.url}?token={canary}"
    headers = {"X-Api-Key": canary, "Authorization": f"Bearer {canary}", "Cookie": canary}
    run = talkative.ok("POST", "/runs", json={"assistant_id": "agent", "input": {"text": canary}, "webhook": url},
                       params={"key": canary}, headers=headers)
    hook.wait_for(2)
    talkative.post("/runs", json={"assistant_id": "agent", "webhook": f"http://me:{canary}@10.0.0.1/{canary}"})
    endpoint = talkative.ok("GET", "/v1/deliveries", params={"object_id": run["run_id"]})["deliveries"][0]["endpoint_id"]
    talkative.ok("PUT", f"/v1/endpoints/{endpoint}/headers", json={"headers": {"X-Secret": canary}})
    key = talkative.ok("POST", f"/v1/endpoints/{endpoint}/signing-keys", json={})["secret"]
    api_key = talkative.ok("POST", "/v1/keys", json={"name": "one"})["key"]
    talkative.get("/info", headers={"X-Api-Key": api_key})
    log = talkative.server.log()
    assert len(lines_of(talkative.server)) > 10
    for secret in (canary, key, api_key):
        assert secret not in log


@pytest.mark.parametrize("args, env, in_file, is_json", [
    ((), {}, {}, False), ((), {}, {"format": "json"}, True), ((), {"RUNBELL_LOG_FORMAT": "json"}, {}, True),
    (("--log-format", "logfmt"), {"RUNBELL_LOG_FORMAT": "json"}, {"format": "json"}, False),
])
def test_the_format_is_chosen_by_flag_variable_or_file(tmp_path, args, env, in_file, is_json):
    with Server(tmp_path, args=args, env=env, config={"runbell": {"log": in_file}}) as server:
        pass
    lines = server.log().splitlines()
    assert lines
    for line in lines:
        assert bool(LOGFMT.fullmatch(line)) is not is_json, line
        assert not is_json or json.loads(line)["level"] in ("info", "warn")


def test_a_failure_has_its_line_and_its_name(tmp_path, store, request):
    if request.config.getoption("--store-url") != "sqlite":
        pytest.skip("the table is taken away in SQLite's file")
    with Server(tmp_path, args=("--log-format", "json")) as server, Api(server.url) as api:
        with closing(sqlite3.connect(server.data / "runbell.db")) as db:
            db.execute("DROP TABLE items")
            db.commit()
        reply = api.post("/store/items/search", json={"namespace_prefix": ["a"]}, headers={"X-Request-Id": "r-1"})
        assert reply.status_code == 500
        assert reply.json()["request_id"] == reply.headers["x-request-id"] == "r-1"
        said = [line for line in lines_of(server) if line.get("request") == "r-1"]
        assert [(line["at"], line["level"]) for line in said] == [("db", "error"), ("request", "error")]
        assert "items" in said[0]["msg"] and said[1]["error"] and said[1]["path"] == "/store/items/search"
        assert api.get("/info").is_success
    assert [line for line in lines_of(server) if line.get("path") == "/info"] == [], "not every request is told"
