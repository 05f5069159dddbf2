"""Order of the runs of a thread, the multitask strategies, cancelling, deadlines (contract §3.3, §3.4, §3.7)."""

import time

import pytest

from harness.api import Api, contents, delay, run_body, say
from harness.ports import eventually

MISSING = "00000000-0000-7000-8000-000000000000"
LONG = [delay(60_000), say("never")]


def cancel(api, run, **query):
    return api.post(f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel", params=query)


def test_the_runs_of_a_thread_go_one_by_one_in_order(api):
    thread_id = api.thread()
    # The first one takes long enough to be looked at while it runs.
    runs = [api.run(thread_id, [delay(50 if n else 3000), say(str(n))]) for n in range(6)]
    api.status_becomes(runs[0], "running")
    assert [api.get_run(run)["status"] for run in runs[2:]] == ["pending"] * 4
    assert api.ok("GET", f"/threads/{thread_id}")["status"] == "busy"
    for run in runs:
        assert api.ended(run)["status"] == "success"
    assert contents(api.ok("GET", f"/threads/{thread_id}")["values"])[-6:] == list("012345")


def test_other_threads_do_not_wait(api):
    busy = api.run(api.thread(), LONG)
    api.status_becomes(busy, "running")
    began = time.monotonic()
    api.ok("POST", "/runs/wait", json=run_body())
    assert time.monotonic() - began < 5
    assert cancel(api, busy, wait=1).status_code == 204


def test_reject_refuses_while_the_thread_is_busy(api):
    thread_id = api.thread()
    busy = api.run(thread_id, LONG)
    answer = api.post(f"/threads/{thread_id}/runs", json=run_body(multitask_strategy="reject"))
    assert answer.status_code in (409, 422)
    assert answer.json()["detail"].startswith("Thread is already running a task.")
    assert len(api.ok("GET", f"/threads/{thread_id}/runs")) == 1
    cancel(api, busy, wait=1)
    assert api.ended(api.run(thread_id, multitask_strategy="reject"))["status"] == "success"


@pytest.mark.parametrize("state", ["pending", "running"])
def test_interrupt_ends_the_older_run(api, state):
    thread_id = api.thread()
    first = api.run(thread_id, [say("kept"), *LONG], after_seconds=30 if state == "pending" else 0)
    if state == "running":
        api.status_becomes(first, "running")
    second = api.run(thread_id, [say("second")], multitask_strategy="interrupt")
    assert api.ended(second)["status"] == "success"
    assert api.get_run(first)["status"] == "interrupted"
    assert contents(api.ok("GET", f"/threads/{thread_id}")["values"])[-1] == "second"


@pytest.mark.parametrize("state", ["pending", "running"])
def test_rollback_removes_the_older_run(api, state):
    thread_id = api.thread()
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("before")]))
    first = api.run(thread_id, [say("undone"), *LONG], after_seconds=30 if state == "pending" else 0)
    if state == "running":
        api.status_becomes(first, "running")
    second = api.run(thread_id, [say("second")], multitask_strategy="rollback")
    assert api.ended(second)["status"] == "success"
    assert api.get(f"/threads/{thread_id}/runs/{first['run_id']}").status_code == 404
    assert contents(api.ok("GET", f"/threads/{thread_id}")["values"]) == ["before", "second"]


def test_cancelling_a_pending_run_ends_it_at_once(api):
    thread_id = api.thread()
    run = api.run(thread_id, [say("x")], after_seconds=60)
    assert cancel(api, run).status_code == 202
    assert api.get_run(run)["status"] == "interrupted"
    assert api.ok("GET", f"/threads/{thread_id}")["status"] == "idle"


@pytest.mark.parametrize("wait, status", [("1", 204), ("true", 204), ("0", 202), ("false", 202), (None, 202)])
def test_cancelling_a_running_run(api, wait, status):
    run = api.run(api.thread(), LONG)
    api.status_becomes(run, "running")
    answer = cancel(api, run, **({"wait": wait} if wait else {}))
    assert answer.status_code == status and answer.content == b""
    if status == 204:
        assert api.get_run(run)["status"] == "interrupted"
    assert api.ended(run, timeout=10)["status"] == "interrupted"


def test_cancelling_with_rollback_removes_the_run_and_what_it_did(api):
    thread_id = api.thread()
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("before")]))
    run = api.run(thread_id, [say("undone"), *LONG])
    api.status_becomes(run, "running")
    assert cancel(api, run, wait=1, action="rollback").status_code == 204
    assert api.get(f"/threads/{thread_id}/runs/{run['run_id']}").status_code == 404
    thread = api.ok("GET", f"/threads/{thread_id}")
    assert (thread["status"], contents(thread["values"])) == ("idle", ["before"])


def test_cancelling_is_repeatable_and_refuses_what_it_does_not_know(api):
    run = api.ended(api.run(api.thread()))
    assert cancel(api, run).status_code == 202
    assert cancel(api, run, wait=1).status_code == 204
    assert api.get_run(run)["status"] == "success"
    assert cancel(api, {**run, "run_id": MISSING}).status_code == 404
    assert cancel(api, run, action="explode").status_code == 422


def test_cancelling_many_passes_over_those_that_are_not_there(api):
    thread_id = api.thread()
    one = api.run(thread_id, [say("x")], after_seconds=3600)["run_id"]
    other = api.run(api.thread(), [say("x")], after_seconds=3600)
    ids = [MISSING, other["run_id"], one.upper()]
    assert api.post("/runs/cancel", json={"thread_id": thread_id, "run_ids": ids}).status_code == 204
    assert api.ok("GET", f"/threads/{thread_id}/runs/{one}")["status"] == "interrupted"
    assert api.get_run(other)["status"] == "pending", "it belongs to another thread"
    refused = api.post("/runs/cancel", json={"thread_id": thread_id, "run_ids": ids[:2]})
    assert (refused.status_code, refused.json()) == (404, {"detail": "Run not found"})
    for wrong in (7, "x", [7], ["x"]):
        answer = api.post("/runs/cancel", json={"thread_id": thread_id, "run_ids": wrong})
        assert answer.status_code == 422 and "run_ids" in answer.json()["detail"], wrong


def test_a_waiter_hears_of_the_cancel(api, server):
    import threading

    from harness.api import Api

    thread_id = api.thread()
    answers = []

    def wait():
        with Api(server.url) as other:
            answers.append(other.post(f"/threads/{thread_id}/runs/wait", json=run_body(LONG)))

    waiter = threading.Thread(target=wait)
    waiter.start()
    deadline = time.monotonic() + 10
    while not (runs := api.ok("GET", f"/threads/{thread_id}/runs")) and time.monotonic() < deadline:
        time.sleep(0.02)
    cancel(api, runs[0], wait=1)
    waiter.join(timeout=10)
    assert answers and answers[0].status_code == 200


def test_deleting_a_live_run_cancels_it_first(api):
    thread_id = api.thread()
    run = api.run(thread_id, LONG)
    api.status_becomes(run, "running")
    assert api.delete(f"/threads/{thread_id}/runs/{run['run_id']}").status_code == 204
    assert api.get(f"/threads/{thread_id}/runs/{run['run_id']}").status_code == 404
    assert api.ended(api.run(thread_id))["status"] == "success", "the thread is free again"


def test_deleting_a_busy_thread_ends_its_runs(api):
    thread_id = api.thread()
    run = api.run(thread_id, LONG)
    api.status_becomes(run, "running")
    assert api.delete(f"/threads/{thread_id}").status_code in (204, 409)
    assert api.ok("POST", "/runs/wait", json=run_body())


def test_a_run_that_takes_too_long_ends_as_timeout(start_server):
    from harness.api import Api

    server = start_server(env={"BG_JOB_TIMEOUT_SECS": "1"})
    with Api(server.url) as api:
        thread_id = api.thread()
        run = api.ended(api.run(thread_id, LONG), timeout=20)
        assert run["status"] == "timeout"
        assert api.ok("GET", f"/threads/{thread_id}")["status"] == "error"
        answer = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("next")]))
        assert contents(answer)[-1] == "next"
    server.stop()


def test_many_are_cancelled_by_status(start_server):
    """POST /runs/cancel with a status speaks of all threads, so of a server of its own."""
    server = start_server()
    with Api(server.url) as api:
        assert api.post("/runs/cancel", json={"status": "all"}).status_code == 404, "there is none"
        running = [api.run(api.thread(), [delay(60_000)]) for _ in range(2)]
        for run in running:
            api.status_becomes(run, "running")
        pending = api.run(running[0]["thread_id"], [delay(60_000)])
        assert api.post("/runs/cancel", json={"status": "pending"}).status_code == 204
        assert api.ended(pending)["status"] == "interrupted"
        assert [api.get_run(run)["status"] for run in running] == ["running"] * 2
        assert api.post("/runs/cancel", params={"action": "rollback"}, json={"status": "running"}).status_code == 204
        for run in running:
            path = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
            eventually(lambda path=path: api.get(path).status_code == 404, why="it is still there")
    server.stop()
