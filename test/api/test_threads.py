"""Threads: creating, reading, changing, deleting, searching (requirement C3, contract §1.5)."""

import re
import uuid

import pytest

from harness.api import run_body, say

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$")
MISSING = "00000000-0000-7000-8000-000000000000"


def test_a_new_thread_has_the_documented_form(api):
    """C3, in the form that the published sample shows."""
    thread = api.ok("POST", "/threads", json={})
    uuid.UUID(thread["thread_id"])
    assert TIME.match(thread["created_at"]), thread["created_at"]
    assert TIME.match(thread["updated_at"])
    assert thread["metadata"] == {}
    assert thread["status"] == "idle"
    assert thread["config"] == {}
    assert thread["values"] is None
    assert thread.get("interrupts", {}) == {}
    assert api.ok("GET", f"/threads/{thread['thread_id']}") == thread


def test_a_thread_needs_no_body(api):
    assert api.ok("POST", "/threads")["status"] == "idle"


def test_a_thread_keeps_its_metadata_and_takes_a_chosen_id(api):
    chosen = str(uuid.uuid4())
    thread = api.ok("POST", "/threads", json={"thread_id": chosen, "metadata": {"user": "ada", "n": [1, 2]}})
    assert thread["thread_id"] == chosen
    assert thread["metadata"] == {"user": "ada", "n": [1, 2]}


def test_the_same_id_twice_is_409_unless_told_otherwise(api):
    chosen = str(uuid.uuid4())
    first = api.ok("POST", "/threads", json={"thread_id": chosen, "metadata": {"a": 1}})
    again = api.post("/threads", json={"thread_id": chosen})
    assert again.status_code == 409
    assert "already exists" in again.json()["detail"]
    assert api.post("/threads", json={"thread_id": chosen, "if_exists": "raise"}).status_code == 409
    kept = api.ok("POST", "/threads", json={"thread_id": chosen, "if_exists": "do_nothing", "metadata": {"b": 2}})
    assert kept == first


@pytest.mark.parametrize("body, field", [
    ({"thread_id": "not-a-uuid"}, "thread_id"),
    ({"thread_id": 7}, "thread_id"),
    ({"metadata": "text"}, "metadata"),
    ({"metadata": []}, "metadata"),
    ({"if_exists": "maybe"}, "if_exists"),
])
def test_a_wrong_field_is_422_and_named(api, body, field):
    answer = api.post("/threads", json=body)
    assert answer.status_code == 422, answer.text
    assert field in str(answer.json()["detail"])


def test_a_missing_thread_is_404(api):
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/state"), ("POST", "/runs/wait")):
        answer = api.request(method, f"/threads/{MISSING}{path}", json=run_body() if method == "POST" else None)
        assert answer.status_code == 404, (method, path, answer.text)
        assert "not found" in answer.json()["detail"]


def test_an_id_that_is_no_uuid_is_refused(api):
    assert api.get("/threads/not-a-uuid").status_code in (404, 422)


def test_a_deleted_thread_is_gone_with_its_runs(api):
    thread_id = api.thread()
    run = api.run(thread_id)
    api.ended(run)
    answer = api.delete(f"/threads/{thread_id}")
    assert answer.status_code == 204 and answer.content == b""
    assert api.get(f"/threads/{thread_id}").status_code == 404
    assert api.get(f"/threads/{thread_id}/runs/{run['run_id']}").status_code == 404
    assert api.delete(f"/threads/{thread_id}").status_code == 404


def test_metadata_is_merged_by_patch(api):
    thread_id = api.thread(metadata={"a": 1, "b": {"x": 1}})
    changed = api.ok("PATCH", f"/threads/{thread_id}", json={"metadata": {"b": {"y": 2}, "c": 3}})
    assert changed["metadata"] == {"a": 1, "b": {"y": 2}, "c": 3}
    assert api.ok("GET", f"/threads/{thread_id}")["metadata"] == changed["metadata"]


def test_search_filters_orders_and_pages(api):
    mark = uuid.uuid4().hex
    ids = [api.thread(metadata={"mark": mark, "n": n, "deep": {"even": n % 2 == 0}}) for n in range(5)]
    api.thread(metadata={"mark": "other"})

    def search(**body):
        answer = api.post("/threads/search", json={"metadata": {"mark": mark}, **body})
        assert answer.status_code == 200, answer.text
        return [thread["thread_id"] for thread in answer.json()]

    assert search() == ids[::-1], "newest first"
    assert search(limit=2) == ids[4:2:-1]
    assert search(limit=2, offset=3) == [ids[1], ids[0]]
    assert search(metadata={"mark": mark, "deep": {"even": True}}) == [ids[4], ids[2], ids[0]]
    assert search(metadata={"mark": mark, "n": 3}) == [ids[3]]
    assert search(metadata={"mark": mark, "n": 99}) == []
    assert search(status="busy") == []
    assert api.post("/threads/search", json={"limit": 0}).status_code == 422
    assert api.post("/threads/search", json={"limit": "ten"}).status_code == 422


def test_a_thread_holds_the_values_of_its_last_run(api):
    thread_id = api.thread()
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("one")]))
    thread = api.ok("GET", f"/threads/{thread_id}")
    assert thread["status"] == "idle"
    assert thread["values"]["messages"][-1]["content"] == "one"
    assert thread["metadata"]["graph_id"] == "script"


def test_one_idempotency_key_makes_one_thread(api):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first = api.ok("POST", "/threads", json={"metadata": {"a": 1}}, headers=headers)
    again = api.ok("POST", "/threads", json={"metadata": {"a": 1}}, headers=headers)
    assert again == first
    other = api.ok("POST", "/threads", json={"metadata": {"a": 1}}, headers={"Idempotency-Key": uuid.uuid4().hex})
    assert other["thread_id"] != first["thread_id"]


def test_one_idempotency_key_with_another_body_is_refused(api):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    api.ok("POST", "/threads", json={"metadata": {"a": 1}}, headers=headers)
    assert api.post("/threads", json={"metadata": {"a": 2}}, headers=headers).status_code in (409, 422)
