"""Thread state, history, stopping for a person and going on (contract §1.5, §3.5)."""

import pytest

from harness.api import ask, contents, delay, run_body, say

STATE_KEYS = ["values", "next", "tasks", "metadata", "created_at", "checkpoint", "parent_checkpoint", "interrupts"]


def state(api, thread_id):
    return api.ok("GET", f"/threads/{thread_id}/state")


def test_the_state_of_a_thread_without_a_run_is_empty(api):
    empty = state(api, api.thread())
    for key, value in {"values": {}, "next": [], "tasks": [], "created_at": None, "checkpoint": None,
                       "parent_checkpoint": None}.items():
        assert empty[key] == value, key


def test_the_state_after_a_run(api):
    thread_id = api.thread()
    values = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("a")]))
    found = state(api, thread_id)
    assert [key for key in found if key in STATE_KEYS] == [key for key in STATE_KEYS if key in found]
    assert found["values"] == values
    assert found["next"] == [] and found["tasks"] == []
    assert found["checkpoint"]["thread_id"] == thread_id
    assert found["checkpoint"]["checkpoint_ns"] == ""
    assert found["checkpoint"]["checkpoint_id"]


def test_history_is_newest_first(api):
    thread_id = api.thread()
    for text in "abc":
        api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say(text)]))
    history = api.ok("POST", f"/threads/{thread_id}/history", json={"limit": 10})
    assert len(history) >= 3
    assert history[0]["values"] == state(api, thread_id)["values"]
    ids = [one["checkpoint"]["checkpoint_id"] for one in history]
    assert ids == sorted(ids, reverse=True) and len(set(ids)) == len(ids)
    assert len(api.ok("POST", f"/threads/{thread_id}/history", json={"limit": 2})) == 2
    assert len(api.ok("POST", f"/threads/{thread_id}/history", json={})) == 1, "the default limit is 1"
    assert api.ok("GET", f"/threads/{thread_id}/history", params={"limit": 2}) == history[:2]
    before = api.ok("POST", f"/threads/{thread_id}/history", json={"limit": 10, "before": ids[0]})
    assert [one["checkpoint"]["checkpoint_id"] for one in before] == ids[1:]


def test_history_of_an_empty_thread_is_empty(api):
    assert api.ok("POST", f"/threads/{api.thread()}/history", json={"limit": 10}) == []


def stopped(api, **more):
    thread_id = api.thread()
    steps = [say("before"), ask({"question": "continue?"}), say("after")]
    values = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body(steps, **more))
    return thread_id, values


def test_a_run_stops_for_a_person(api):
    thread_id, values = stopped(api)
    assert values["__interrupt__"][0]["value"] == {"question": "continue?"}
    assert contents(values)[-1] == "before", "the state stands beside the question"
    thread = api.ok("GET", f"/threads/{thread_id}")
    assert thread["status"] == "interrupted"
    (interrupts,) = thread["interrupts"].values()
    assert interrupts[0]["value"] == {"question": "continue?"}
    assert state(api, thread_id)["next"]
    (run,) = api.ok("GET", f"/threads/{thread_id}/runs")
    assert run["status"] == "success"
    assert api.ok("GET", f"/threads/{thread_id}/runs/{run['run_id']}/join") == values


@pytest.mark.parametrize("value", [True, None, "yes", {"a": [1, None]}])
def test_it_goes_on_with_the_answer(api, value):
    thread_id, _ = stopped(api)
    values = api.ok("POST", f"/threads/{thread_id}/runs/wait",
                    json={"assistant_id": "script", "command": {"resume": value}})
    texts = contents(values)
    assert texts[0] == "before" and texts[-1] == "after"
    assert texts[1].startswith("resumed with ")
    thread = api.ok("GET", f"/threads/{thread_id}")
    assert (thread["status"], thread["interrupts"]) == ("idle", {})
    assert state(api, thread_id)["next"] == []


def test_two_questions_in_one_script(api):
    thread_id = api.thread()
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([ask(1), ask(2), say("end")]))
    resume = {"assistant_id": "script", "command": {"resume": "a"}}
    values = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=resume)
    assert values["__interrupt__"][0]["value"] == 2
    values = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=resume)
    assert contents(values)[-1] == "end" and "__interrupt__" not in values


def test_the_stream_shows_the_question(api):
    thread_id = api.thread()
    events = api.events("POST", f"/threads/{thread_id}/runs/stream", json=run_body([ask({"q": 1})]))
    last = [data for event, data, _ in events if event == "values"][-1]
    assert last["__interrupt__"][0]["value"] == {"q": 1}


def test_values_that_only_mention_an_interrupt_are_no_interrupt(api):
    thread_id = api.thread()
    values = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say('{"__interrupt__": [1]}')]))
    assert "__interrupt__" not in values
    assert api.ok("GET", f"/threads/{thread_id}")["status"] == "idle"


def test_the_state_of_a_busy_thread_cannot_be_changed(api):
    thread_id = api.thread()
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("x")]))
    run = api.run(thread_id, [delay(30_000)])
    answer = api.post(f"/threads/{thread_id}/state", json={"values": {"messages": []}})
    assert answer.status_code == 409, answer.text
    assert answer.json()["detail"] == "Thread is busy"
    api.post(f"/threads/{thread_id}/runs/{run['run_id']}/cancel", params={"wait": 1})


def test_reading_the_state_of_a_busy_thread_works(api):
    thread_id = api.thread()
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("x")]))
    run = api.run(thread_id, [delay(30_000)])
    api.status_becomes(run, "running")
    assert contents(state(api, thread_id)["values"])[0] == "x"
    api.post(f"/threads/{thread_id}/runs/{run['run_id']}/cancel", params={"wait": 1})
