"""Runs: creating, waiting, listing, reading, deleting; stateful and stateless, in both spellings (contract §1.6)."""

import json
import re
import time
import uuid
from datetime import datetime, timedelta

import pytest

from harness.api import GREETING, HELLO, contents, delay, fail, run_body, say

MISSING = "00000000-0000-7000-8000-000000000000"
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$")
RUN_KEYS = {"run_id", "thread_id", "assistant_id", "created_at", "updated_at", "status", "metadata", "kwargs",
            "multitask_strategy"}


def test_the_documented_conversation(api):
    """C7: the sample's question gets the sample's answer."""
    thread_id = api.thread()
    values = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body())
    assert values == {"messages": [{"role": "user", "content": "Hello!"},
                                   {"role": "assistant", "content": GREETING}]}


@pytest.mark.parametrize("spelling", ["threads", "thread"])
def test_both_spellings_reach_the_same_runs(api, spelling):
    """C1: the documents' table says /thread, its samples /threads."""
    thread_id = api.thread()
    run = api.ok("POST", f"/{spelling}/{thread_id}/runs", json=run_body())
    api.ended(run)
    for other in ("threads", "thread"):
        assert api.ok("GET", f"/{other}/{thread_id}/runs/{run['run_id']}")["status"] == "success"
    assert api.ok("POST", f"/{spelling}/{thread_id}/runs/wait", json=run_body())["messages"]


def test_a_run_has_the_documented_form(api):
    thread_id = api.thread()
    answer = api.post(f"/threads/{thread_id}/runs", json=run_body(metadata={"a": 1}))
    assert answer.status_code == 200
    run = answer.json()
    assert RUN_KEYS <= set(run)
    uuid.UUID(run["run_id"])
    assert uuid.UUID(run["assistant_id"]).version == 5
    assert run["thread_id"] == thread_id
    assert run["status"] == "pending"
    assert TIME.match(run["created_at"]) and TIME.match(run["updated_at"])
    assert run["metadata"]["a"] == 1
    assert run["kwargs"]["input"] == HELLO
    assert answer.headers["content-location"] == f"/threads/{thread_id}/runs/{run['run_id']}"
    ended = api.ended(run)
    assert ended["status"] == "success"
    assert RUN_KEYS <= set(ended)


def test_the_multitask_strategy_is_echoed(api):
    run = api.run(api.thread(), [say("x")], multitask_strategy="reject")
    assert run["multitask_strategy"] == "reject"
    assert api.run(api.thread())["multitask_strategy"] == "enqueue"


def test_messages_grow_over_the_runs_of_a_thread(api):
    thread_id = api.thread()
    for text in ("one", "two", "three"):
        api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say(text)]))
    values = api.ok("GET", f"/threads/{thread_id}/state")["values"]
    assert contents(values)[-3:] == ["one", "two", "three"]


def test_wait_gives_the_values_and_names_the_run(api):
    thread_id = api.thread()
    answer = api.post(f"/threads/{thread_id}/runs/wait", json=run_body([say("x")]))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert re.fullmatch(rf"/threads/{thread_id}/runs/[0-9a-f-]{{36}}", answer.headers["content-location"])
    assert answer.json()["messages"][-1]["content"] == "x"


def test_a_failing_run_answers_200_with_the_error(api):
    thread_id = api.thread()
    answer = api.post(f"/threads/{thread_id}/runs/wait", json=run_body([say("a"), fail("ValueError", "bad luck")]))
    assert answer.status_code == 200
    assert answer.json()["__error__"] == {"error": "ValueError", "message": "bad luck"}
    assert api.ok("GET", f"/threads/{thread_id}")["status"] == "error"


def test_join_waits_for_the_end_and_answers_at_once_after_it(api):
    thread_id = api.thread()
    run = api.run(thread_id, [delay(300), say("done")])
    path = f"/threads/{thread_id}/runs/{run['run_id']}/join"
    assert contents(api.ok("GET", path))[-1] == "done"
    began = time.monotonic()
    assert contents(api.ok("GET", path))[-1] == "done"
    assert time.monotonic() - began < 2
    assert api.get(f"/threads/{thread_id}/runs/{MISSING}/join").status_code == 404


def test_stateless_runs_leave_no_thread(api):
    answer = api.post("/runs/wait", json=run_body())
    assert contents(answer.json()) == ["Hello!", GREETING]
    run = api.run()
    assert "/runs/" in api.post("/runs", json=run_body()).headers["content-location"]
    gone = time.monotonic() + 15
    while api.get(f"/threads/{run['thread_id']}").status_code != 404:
        assert time.monotonic() < gone, "the temporary thread stays"
        time.sleep(0.05)


def test_on_completion_keep_keeps_the_thread(api):
    run = api.run(on_completion="keep")
    assert api.ended(run)["status"] == "success"
    assert contents(api.ok("GET", f"/threads/{run['thread_id']}")["values"])[-1] == GREETING


def test_batch_creates_stateless_runs(api):
    runs = api.ok("POST", "/runs/batch", json=[run_body([say(str(n))], on_completion="keep") for n in range(3)])
    assert len({run["run_id"] for run in runs}) == len({run["thread_id"] for run in runs}) == 3
    for n, run in enumerate(runs):
        assert api.ended(run)["status"] == "success"
        assert contents(api.ok("GET", f"/threads/{run['thread_id']}")["values"])[-1] == str(n)
    assert api.post("/runs/batch", json=[]).status_code == 422
    assert api.post("/runs/batch", json={}).status_code == 202, "an object is a batch of spans, here of none (requirements 1.7)"


def test_list_pages_and_filters(api):
    thread_id = api.thread()
    runs = [api.run(thread_id, [say(str(n))] if n != 1 else [fail()]) for n in range(4)]
    for run in runs:
        api.ended(run)
    ids = [run["run_id"] for run in runs]

    def listed(**query):
        return [run["run_id"] for run in api.ok("GET", f"/threads/{thread_id}/runs", params=query)]

    assert listed() == ids[::-1]
    assert listed(limit=2) == ids[:1:-1]
    assert listed(limit=2, offset=1) == ids[2:0:-1]
    assert listed(status="error") == [ids[1]]
    assert listed(status="pending") == []
    assert api.get(f"/threads/{thread_id}/runs", params={"limit": "x"}).status_code == 422


def test_a_deleted_run_is_gone(api):
    thread_id = api.thread()
    run = api.ended(api.run(thread_id))
    path = f"/threads/{thread_id}/runs/{run['run_id']}"
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404


def test_a_missing_run_is_404(api):
    answer = api.get(f"/threads/{api.thread()}/runs/{MISSING}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Run not found"


def test_an_unknown_assistant_is_404_in_the_words_of_the_api(api):
    answer = api.post("/runs/wait", json=run_body(assistant_id="nobody"))
    assert answer.status_code == 404
    assert answer.json()["detail"] == ('No assistant found for "nobody". Make sure the assistant ID is for a valid '
                                       "assistant or a valid graph ID.")


def test_if_not_exists_create_makes_the_thread(api):
    thread_id = str(uuid.uuid4())
    assert api.post(f"/threads/{thread_id}/runs/wait", json=run_body()).status_code == 404
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body(if_not_exists="create"))
    assert api.ok("GET", f"/threads/{thread_id}")["status"] == "idle"


@pytest.mark.parametrize("wrong, field", [
    ({"assistant_id": None}, "assistant_id"),
    ({"assistant_id": 5}, "assistant_id"),
    ({"metadata": "x"}, "metadata"),
    ({"config": []}, "config"),
    ({"config": {"configurable": 1}}, "configurable"),
    ({"stream_mode": "sideways"}, "stream_mode"),
    ({"stream_mode": [1]}, "stream_mode"),
    ({"stream_resumable": "yes"}, "stream_resumable"),
    ({"multitask_strategy": "maybe"}, "multitask_strategy"),
    ({"if_not_exists": "perhaps"}, "if_not_exists"),
    ({"after_seconds": "soon"}, "after_seconds"),
    ({"after_seconds": -1}, "after_seconds"),
    ({"webhook": 1}, "webhook"),
    ({"webhook": ""}, "webhook"),
    ({"interrupt_before": 3}, "interrupt_before"),
    ({"command": "go"}, "command"),
    ({"durability": "eternal"}, "durability"),
])
def test_a_wrong_field_is_422_and_named(api, wrong, field):
    thread_id = api.thread()
    for path in (f"/threads/{thread_id}/runs", f"/threads/{thread_id}/runs/wait",
                 f"/threads/{thread_id}/runs/stream", "/runs/wait"):
        answer = api.post(path, json={**run_body(), **wrong})
        assert answer.status_code == 422, (path, answer.text)
        assert field in json.dumps(answer.json()["detail"]), answer.text
    assert api.ok("GET", f"/threads/{thread_id}/runs") == []
    assert api.ok("GET", f"/threads/{thread_id}")["status"] == "idle"


def test_unknown_fields_are_ignored(api):
    assert api.post("/runs/wait", json=run_body(something_new={"a": 1}, feedback_keys=["x"])).status_code == 200


def test_request_headers_go_into_the_configuration(api):
    run = api.ok("POST", "/runs", json=run_body(on_completion="keep"),
                 headers={"X-Custom-Thing": "value", "X-Api-Key": "secret-key", "User-Agent": "tester/1"})
    configurable = run["kwargs"]["config"]["configurable"]
    assert configurable["x-custom-thing"] == "value"
    assert configurable["user-agent"] == "tester/1"
    assert "secret-key" not in json.dumps(run)


def test_a_run_waits_for_its_time(api):
    thread_id = api.thread()
    began = time.monotonic()
    run = api.run(thread_id, [say("x")], after_seconds=1)
    due, made = (datetime.fromisoformat(run[key]) for key in ("created_at", "updated_at"))
    assert due - made == timedelta(seconds=1), "created_at says when it is to start"
    assert api.ok("GET", f"/threads/{thread_id}")["status"] == "busy"
    assert api.get_run(run)["status"] == "pending"
    assert api.ended(run)["status"] == "success"
    assert time.monotonic() - began >= 0.99


def test_large_values_pass_through(api):
    thread_id = api.thread()
    values = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([{"large_bytes": 3_000_000}]))
    assert max(len(text) for text in contents(values)) >= 3_000_000
    big = "ä" * 1_000_000
    values = api.ok("POST", "/runs/wait", json={"assistant_id": "agent",
                                               "input": {"messages": [{"role": "user", "content": big}]}})
    assert contents(values)[0] == big


@pytest.mark.parametrize("path", ["/threads/{thread}/runs", "/runs"])
def test_one_idempotency_key_makes_one_run(api, path):
    path = path.format(thread=api.thread())
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = run_body([say("once")], on_completion="keep")
    first = api.ok("POST", path, json=body, headers=headers)
    for _ in range(3):
        assert api.ok("POST", path, json=body, headers=headers)["run_id"] == first["run_id"]
    api.ended(first)
    assert api.ok("POST", path, json=body, headers=headers)["run_id"] == first["run_id"]
    assert len(api.ok("GET", f"/threads/{first['thread_id']}/runs")) == 1
    body["metadata"] = {"other": True}
    assert api.post(path, json=body, headers=headers).status_code in (409, 422)


def test_one_idempotency_key_on_wait_runs_once(api):
    thread_id = api.thread()
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = run_body([say("once")])
    first = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=body, headers=headers)
    assert api.ok("POST", f"/threads/{thread_id}/runs/wait", json=body, headers=headers) == first
    assert len(api.ok("GET", f"/threads/{thread_id}/runs")) == 1


def test_the_secret_of_a_webhooks_url_is_not_shown(api, receiver):
    """Contract §4.5: who reads a run does not learn what its receiver knows the sender by; the receiver does."""
    url = receiver.url + "?token=abc&x=1"
    masked = receiver.url + "?token=***&x=1"
    made = api.run(api.thread(), webhook=url)
    assert made["kwargs"]["webhook"] == masked
    thread_id = made["thread_id"]
    assert api.ok("GET", f"/threads/{thread_id}/runs/{made['run_id']}")["kwargs"]["webhook"] == masked
    assert api.ok("GET", f"/threads/{thread_id}/runs")[0]["kwargs"]["webhook"] == masked
    assert receiver.one().json["kwargs"]["webhook"] == url
