"""Threads: creating, reading, changing, deleting, searching (requirement C3, contract §1.5)."""

import re
import uuid

import pytest

from harness.api import Api, ask, contents, delay, run_body, say
from harness.ports import eventually

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
        assert answer.json()["detail"] == f"Thread with ID {MISSING} not found"
    for method, path, status in (("PATCH", "", 404), ("POST", "/copy", 409)):
        answer = api.request(method, f"/threads/{MISSING}{path}")
        assert (answer.status_code, answer.json()) == (status, {"detail": "Thread not found"})


def test_the_state_of_a_thread_whose_graph_is_not_there_is_404(api):
    path = f"/threads/{api.thread(metadata={'graph_id': 'none'})}"
    for method, rest in (("GET", "/state"), ("GET", "/history"), ("POST", "/state")):
        answer = api.request(method, f"{path}{rest}", json={"values": {}} if method == "POST" else None)
        assert answer.status_code == 404, (method, rest, answer.text)
        assert answer.json()["detail"] == 'metadata.graph_id: there is no graph "none"'


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


def searched(api, **body):
    return [one["thread_id"] for one in api.ok("POST", "/threads/search", json=body)]


def test_searches_filter_by_values_ids_and_status(api):
    """Issue 4: containment in values, chosen ids, status; count takes the same filters."""
    mark, threads = uuid.uuid4().hex, []
    for index in range(3):
        threads.append(api.thread(metadata={"mark": mark}))
        steps = [say(f"{mark} {index}")] + ([ask(1)] if index == 2 else [])
        api.ok("POST", f"/threads/{threads[-1]}/runs/wait", json=run_body(steps))
    said = {"messages": [{"content": f"{mark} 1"}]}
    assert searched(api, values=said) == [threads[1]]
    assert searched(api, ids=threads[:2], sort_by="created_at", sort_order="asc") == threads[:2]
    assert searched(api, ids=[MISSING]) == []
    assert searched(api, metadata={"mark": mark}, status="interrupted") == [threads[2]]
    assert searched(api, metadata={"mark": mark}, sort_by="thread_id", sort_order="asc") == sorted(threads)
    assert api.ok("POST", "/threads/count", json={"metadata": {"mark": mark}, "status": "idle"}) == 2
    assert api.ok("POST", "/threads/count", json={"values": said}) == 1
    page = api.post("/threads/search", json={"metadata": {"mark": mark}, "limit": 2})
    assert (page.headers["x-pagination-total"], page.headers["x-pagination-next"]) == ("3", "2")


def test_searches_select_and_extract(api):
    """Issue 4: paths into values, metadata, config and interrupts, answered under `extracted`."""
    thread_id = api.thread(metadata={"deep": {"list": [1, {"a": 2}]}})
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("first"), say("last")]))
    (found,) = api.ok("POST", "/threads/search", json={
        "ids": [thread_id], "select": ["thread_id", "status"],
        "extract": {"last": "values.messages[-1].content", "a": "metadata.deep.list[1].a", "none": "values.no[0]",
                    "all": "interrupts"}})
    assert found == {"thread_id": thread_id, "status": "idle",
                     "extracted": {"last": "last", "a": 2, "none": None, "all": {}}}


@pytest.mark.parametrize("body, field", [
    ({"ids": ["x"]}, "ids"), ({"status": "gone"}, "status"), ({"sort_by": "size"}, "sort_by"),
    ({"extract": {"a": "error.message"}}, "extract.a"), ({"extract": {"a": "values.[0]"}}, "extract.a"),
    ({"extract": {str(n): "values" for n in range(11)}}, "extract"), ({"select": [1]}, "select"),
    ({"limit": 0}, "limit"), ({"values": []}, "values"),
])
def test_a_wrong_search_is_422_and_named(api, body, field):
    answer = api.post("/threads/search", json=body)
    assert answer.status_code == 422 and field in answer.json()["detail"], answer.text


def test_a_patch_may_answer_nothing(api):
    thread_id = api.thread(metadata={"a": 1})
    answer = api.patch(f"/threads/{thread_id}", json={"metadata": {"b": 2}}, headers={"Prefer": "return=minimal"})
    assert answer.status_code == 204 and answer.content == b""
    assert api.ok("GET", f"/threads/{thread_id}")["metadata"] == {"a": 1, "b": 2}


def test_a_time_to_live_is_shown_and_changed(api):
    """Issue 4: ttl at creation and by patch; shown only with include=ttl."""
    thread_id = api.thread(ttl={"ttl": 30, "strategy": "keep_latest"})
    assert "ttl" not in api.ok("GET", f"/threads/{thread_id}")
    ttl = api.ok("GET", f"/threads/{thread_id}?include=ttl")["ttl"]
    assert (ttl["strategy"], ttl["ttl_minutes"]) == ("keep_latest", 30) and TIME.match(ttl["expires_at"])
    api.ok("PATCH", f"/threads/{thread_id}", json={"ttl": 0.5})
    ttl = api.ok("GET", f"/threads/{thread_id}?include=ttl")["ttl"]
    assert (ttl["strategy"], ttl["ttl_minutes"]) == ("delete", 0.5)
    api.ok("PATCH", f"/threads/{thread_id}", json={"ttl": None})
    assert api.ok("GET", f"/threads/{thread_id}?include=ttl")["ttl"] is None
    for wrong in (0, -1, "x", {"ttl": 1, "strategy": "burn"}, {"strategy": "delete"}):
        answer = api.post("/threads", json={"ttl": wrong})
        assert answer.status_code == 422 and "ttl" in answer.json()["detail"], wrong


def test_supersteps_make_a_thread_with_a_past(api):
    """Issue 4: each superstep is a checkpoint; without a graph they are 400, and no thread is left."""
    steps = [{"updates": [{"as_node": "script", "values": {"messages": [{"role": "user", "content": text}]}}]}
             for text in ("one", "two")]
    thread = api.ok("POST", "/threads", json={"metadata": {"graph_id": "script"}, "supersteps": steps})
    assert contents(thread["values"]) == ["one", "two"]
    path = f"/threads/{thread['thread_id']}"
    assert api.ok("GET", path)["values"] == thread["values"]
    history = api.ok("POST", f"{path}/history", json={"limit": 10})
    assert [contents(one["values"]) for one in history] == [["one", "two"], ["one"]]
    values = api.ok("POST", f"{path}/runs/wait", json=run_body([say("three")]))
    assert contents(values) == ["one", "two", "three"]
    refused = api.post("/threads", json={"thread_id": MISSING, "supersteps": steps})
    assert refused.status_code == 400 and refused.json()["detail"] == f"Thread {MISSING} has no graph ID"
    assert api.get(f"/threads/{MISSING}").status_code == 404
    unknown = api.post("/threads", json={"thread_id": MISSING, "metadata": {"graph_id": "none"}, "supersteps": steps})
    assert (unknown.status_code, unknown.json()["detail"]) == (404, 'metadata.graph_id: there is no graph "none"')
    assert api.get(f"/threads/{MISSING}").status_code == 404
    for wrong in ({}, [{}], [{"updates": []}], [{"updates": [{"values": {}}]}]):
        answer = api.post("/threads", json={"metadata": {"graph_id": "script"}, "supersteps": wrong})
        assert answer.status_code == 422 and "supersteps" in answer.json()["detail"]


def test_pruning_deletes_or_keeps_the_latest(api):
    """Issue 4: pruned_count counts the threads there were; a missing one is skipped."""
    threads = [api.thread() for _ in range(3)]
    for thread_id in threads:
        for text in "ab":
            api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say(text)]))
    body = {"thread_ids": [threads[0], MISSING], "strategy": "keep_latest"}
    assert api.ok("POST", "/threads/prune", json=body) == {"pruned_count": 1}
    history = api.ok("POST", f"/threads/{threads[0]}/history", json={"limit": 10})
    assert [contents(one["values"]) for one in history] == [["a", "b"]]
    assert api.ok("POST", "/threads/prune", json={"thread_ids": threads[1:] + [MISSING] * 60}) == {"pruned_count": 2}
    assert api.get(f"/threads/{threads[1]}").status_code == 404
    for wrong in ({}, {"thread_ids": ["x"]}, {"thread_ids": [], "strategy": "burn"}):
        assert api.post("/threads/prune", json=wrong).status_code == 422


def test_a_copy_has_the_same_checkpoints(api):
    thread_id = api.thread(metadata={"a": 1})
    for text in "ab":
        api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say(text)]))
    copy = api.ok("POST", f"/threads/{thread_id}/copy")
    assert copy["thread_id"] != thread_id and copy["status"] == "idle"
    assert copy["metadata"] == {**api.ok("GET", f"/threads/{thread_id}")["metadata"], "thread_id": copy["thread_id"]}
    ids = [[one["checkpoint"]["checkpoint_id"] for one in api.ok("POST", f"/threads/{t}/history", json={"limit": 9})]
           for t in (thread_id, copy["thread_id"])]
    assert ids[0] == ids[1] and len(ids[0]) == 2
    assert api.ok("GET", f"/threads/{copy['thread_id']}/runs") == []
    assert api.post(f"/threads/{MISSING}/copy").status_code == 409


def test_the_size_of_a_thread(api):
    thread_id = api.thread()
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("x" * 1000)]))
    sizes = api.ok("GET", f"/threads/{thread_id}/storage")
    assert sizes["checkpoints_bytes"] > 1000
    assert sizes["total_bytes"] == sum(size for key, size in sizes.items() if key not in ("thread_id", "total_bytes"))
    assert api.get(f"/threads/{MISSING}/storage").status_code == 404


def test_the_metadata_of_a_state_can_be_patched(api):
    """Issue 4: what the JavaScript client's patchState sends."""
    thread_id = api.thread()
    assert api.patch(f"/threads/{thread_id}/state", json={"metadata": {"a": 1}}).status_code == 404
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("x")]))
    assert api.patch(f"/threads/{thread_id}/state", json={"metadata": {"a": 1}}).status_code == 204
    state = api.ok("GET", f"/threads/{thread_id}/state")
    assert state["metadata"]["a"] == 1 and contents(state["values"]) == ["x"]
    assert api.ok("POST", f"/threads/{thread_id}/history", json={"limit": 5, "metadata": {"a": 1}})


def test_threads_whose_life_is_over_are_swept(start_server):
    """Issue 4: checkpointer.ttl is a default; a sweep deletes or keeps the latest state; live runs are waited for."""
    server = start_server(config={"checkpointer": {"ttl": {"strategy": "keep_latest", "default_ttl": 0.01,
                                                           "sweep_interval_minutes": 0.005}}})
    with Api(server.url) as api:
        kept, busy, gone, lasting = api.thread(), api.thread(ttl=60), api.thread(ttl=0.001), api.thread(ttl=60)
        run = api.run(busy, [delay(4000)])
        api.ok("PATCH", f"/threads/{busy}", json={"ttl": 0.001})
        for text in "ab":
            api.ok("POST", f"/threads/{kept}/runs/wait", json=run_body([say(text)]))
        assert api.ok("GET", f"/threads/{kept}?include=ttl")["ttl"]["strategy"] == "keep_latest"
        eventually(lambda: api.get(f"/threads/{gone}").status_code == 404, 30)
        eventually(lambda: len(api.ok("POST", f"/threads/{kept}/history", json={"limit": 5})) == 1, 30)
        assert api.ok("GET", f"/threads/{kept}?include=ttl")["ttl"]["expires_at"] is None
        assert api.get(f"/threads/{lasting}").is_success
        assert api.ended(run)["status"] == "success"
        eventually(lambda: api.get(f"/threads/{busy}").status_code == 404, 30)
    server.stop()
