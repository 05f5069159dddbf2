"""Streams: the frames, their order, joining, resuming with Last-Event-ID, leaving early (contract §2)."""

import json
import threading
import time

import httpx
import pytest

from harness.api import GREETING, contents, delay, fail, raw_frames, read_events, run_body, say

MISSING = "00000000-0000-7000-8000-000000000000"


def names(events):
    return [event for event, _, _ in events]


def test_a_stream_has_metadata_first_then_the_events_then_ends(api):
    thread_id = api.thread()
    with api.stream("POST", f"/threads/{thread_id}/runs/stream", json=run_body()) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "no-cache" in response.headers["cache-control"]
        location = response.headers["content-location"]
        events = list(read_events(response))
    event, data, number = events[0]
    assert event == "metadata"
    assert data == {"run_id": location.rsplit("/", 1)[1], "attempt": 1}
    assert location == f"/threads/{thread_id}/runs/{data['run_id']}"
    assert set(names(events[1:])) == {"values"}
    assert contents(events[-1][1]) == ["Hello!", GREETING]
    assert number == "0"
    assert [int(number) for _, _, number in events] == list(range(len(events)))


def test_the_curl_sample_streams_without_an_accept_header(api):
    """C6."""
    thread_id = api.thread()
    request = api.build_request("POST", f"/threads/{thread_id}/runs/stream", json=run_body())
    del request.headers["accept"]
    response = api.send(request)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "event: values" in response.text


def test_frames_are_event_data_id_and_one_line_each(api):
    """Clients join several data lines with nothing between, so there must be one only."""
    thread_id = api.thread()
    body = run_body([say("line\nbreak\r\n and \u2028 and \u0085")])
    with api.stream("POST", f"/threads/{thread_id}/runs/stream", json=body) as response:
        frames = list(raw_frames(response))
    for frame in frames:
        keys = [line.partition(":")[0] for line in frame if not line.startswith(":")]
        assert keys in ([], ["event", "data", "id"]), frame
    last = next(line for line in reversed(frames[-1]) if line.startswith("data:"))
    assert json.loads(last[5:])["messages"][-1]["content"] == "line\nbreak\r\n and \u2028 and \u0085"


def test_a_failing_run_ends_its_stream_with_error(api):
    thread_id = api.thread()
    events = api.events("POST", f"/threads/{thread_id}/runs/stream",
                        json=run_body([say("a"), fail("ValueError", "bad luck")]))
    assert events[-1][:2] == ("error", {"error": "ValueError", "message": "bad luck"})
    assert "end" not in names(events)


def test_the_end_of_a_stream_is_after_the_commit(api):
    """Whoever reads run and thread right after the stream must find the end."""
    for _ in range(10):
        thread_id = api.thread()
        run_id = api.events("POST", f"/threads/{thread_id}/runs/stream", json=run_body([say("x")]))[0][1]["run_id"]
        assert api.ok("GET", f"/threads/{thread_id}/runs/{run_id}")["status"] == "success"
        thread = api.ok("GET", f"/threads/{thread_id}")
        assert (thread["status"], contents(thread["values"])[-1]) == ("idle", "x")


def test_a_stateless_stream(api):
    events = api.events("POST", "/runs/stream", json=run_body())
    assert names(events)[0] == "metadata"
    assert contents(events[-1][1])[-1] == GREETING


@pytest.mark.parametrize("mode", ["values", "updates", "messages", "messages-tuple", "events", "custom", "debug",
                                  "tasks", "checkpoints"])
def test_every_mode_is_accepted_and_no_other_leaks(api, mode):
    events = api.events("POST", "/runs/stream", json=run_body(stream_mode=mode))
    stem = {"messages-tuple": "messages"}.get(mode, mode)
    assert {name.split("/")[0] for name in names(events)} <= {"metadata", stem}


def test_several_modes_at_once(api):
    events = api.events("POST", "/runs/stream", json=run_body(stream_mode=["values", "updates"]))
    assert {"metadata", "values"} <= set(names(events)) <= {"metadata", "values", "updates"}


def test_errors_before_the_stream_are_ordinary_answers(api):
    assert api.post(f"/threads/{MISSING}/runs/stream", json=run_body()).status_code == 404
    assert api.post("/runs/stream", json=run_body(assistant_id="nobody")).status_code == 404
    assert api.post("/runs/stream", json=run_body(stream_mode="sideways")).status_code == 422


def test_a_joiner_gets_the_rest_of_a_live_run(api):
    thread_id = api.thread()
    run = api.run(thread_id, [say("a"), delay(500), say("b"), fail("ValueError", "late")])
    events = api.events("GET", f"/threads/{thread_id}/runs/{run['run_id']}/stream")
    assert events[-1][:2] == ("error", {"error": "ValueError", "message": "late"})


def test_a_mode_that_there_is_not_is_named_with_those_there_are(api):
    known = ["values", "messages", "messages-tuple", "updates", "events", "tasks", "checkpoints", "debug", "custom", "tools",
             "lifecycle"]
    thread_id = api.thread()
    run = api.run(thread_id, [say("a")], stream_mode=known)
    for answer in (api.post(f"/threads/{thread_id}/runs", json=run_body(stream_mode="states")),
                   api.get(f"/threads/{thread_id}/runs/{run['run_id']}/stream", params={"stream_mode": "states"})):
        assert answer.status_code == 422 and all(mode in answer.json()["detail"] for mode in known), answer.text


def test_joining_an_unknown_run_is_one_error_event(api):
    with api.stream("GET", f"/threads/{api.thread()}/runs/{MISSING}/stream") as response:
        if response.status_code == 404:
            return
        events = list(read_events(response))
    assert names(events) == ["error"]
    assert "not found" in json.dumps(events[0][1]).lower()


def resumable(api, steps):
    thread_id = api.thread()
    events = api.events("POST", f"/threads/{thread_id}/runs/stream", json=run_body(steps, stream_resumable=True))
    return f"/threads/{thread_id}/runs/{events[0][1]['run_id']}/stream", events


def test_a_resumable_run_can_be_read_again_from_the_beginning(api):
    path, events = resumable(api, [say("a"), say("b"), say("c")])
    assert len(events) >= 4
    for start in ("-1", "-", "0-0"):
        if start == "-1":
            assert api.events("GET", path, headers={"Last-Event-ID": start}) == events
        else:
            assert api.events("GET", path, headers={"Last-Event-ID": start})


def test_last_event_id_is_exclusive(api):
    path, events = resumable(api, [say("a"), say("b"), say("c"), fail()])
    for at, (_, _, number) in enumerate(events):
        assert api.events("GET", path, headers={"Last-Event-ID": number}) == events[at + 1:]


def test_a_late_join_without_a_position_of_an_ended_run_is_empty(api):
    path, _ = resumable(api, [say("a")])
    assert api.events("GET", path) == []


def test_a_run_that_is_not_resumable_gives_a_late_joiner_nothing(api):
    thread_id = api.thread()
    run = api.ended(api.run(thread_id, [say("a")]))
    assert api.events("GET", f"/threads/{thread_id}/runs/{run['run_id']}/stream") == []


def test_join_filters_by_mode(api):
    thread_id = api.thread()
    run = api.run(thread_id, [delay(300), say("a")], stream_mode=["values", "updates"])
    events = api.events("GET", f"/threads/{thread_id}/runs/{run['run_id']}/stream", params={"stream_mode": "values"})
    assert set(names(events)) <= {"metadata", "values"}


def test_several_readers_see_the_same_events(api, server):
    thread_id = api.thread()
    run = api.run(thread_id, [delay(300), say("a"), delay(100), say("b")], stream_resumable=True)
    path = f"{server.url}/threads/{thread_id}/runs/{run['run_id']}/stream"
    seen = []

    def read():
        with httpx.stream("GET", path, headers={"Last-Event-ID": "-1"}, timeout=30, trust_env=False) as response:
            seen.append(list(read_events(response)))

    readers = [threading.Thread(target=read) for _ in range(5)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(seen) == 5 and all(events == seen[0] for events in seen)


def test_a_broken_stream_can_be_taken_up_where_it_stopped(api):
    """What the clients do with the Location header."""
    thread_id = api.thread()
    steps = [say("a"), delay(300), say("b"), delay(300), say("c")]
    with api.stream("POST", f"/threads/{thread_id}/runs/stream", json=run_body(steps)) as response:
        location = response.headers["location"]
        seen = []
        for event in read_events(response):
            seen.append(event)
            if len(seen) == 2:
                break
    rest = api.events("GET", location, headers={"Last-Event-ID": seen[-1][2]})
    ids = [int(number) for _, _, number in seen + rest]
    assert ids == list(range(len(ids))), "nothing twice, nothing left out"
    assert contents(rest[-1][1])[-1] == "c"


def test_silence_is_filled_with_heartbeats(api):
    """A comment about every five seconds, from the start, also while the run still waits."""
    thread_id = api.thread()
    comments = []
    with api.stream("POST", f"/threads/{thread_id}/runs/stream", json=run_body([delay(11_500), say("a")])) as response:
        list(read_events(response, comments))
    assert len(comments) >= 2
    assert set(comments) == {": heartbeat"}


def leave_stream(api, path, body):
    with api.stream("POST", path, json=body) as response:
        events = read_events(response)
        return next(events)[1]["run_id"]


@pytest.mark.parametrize("policy, status", [("cancel", "interrupted"), ("continue", "success")])
def test_leaving_a_stream_cancels_only_if_told(api, policy, status):
    thread_id = api.thread()
    run_id = leave_stream(api, f"/threads/{thread_id}/runs/stream",
                          run_body([delay(1500), say("a")], on_disconnect=policy))
    ended = api.ended({"thread_id": thread_id, "run_id": run_id})
    assert ended["status"] == status


def test_a_slow_reader_stops_nobody(server, api):
    """A client that does not read its stream delays neither its own run nor others."""
    thread_id = api.thread()
    steps = [{"large_bytes": 1_000_000}] * 8
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as lazy:
        with lazy.stream("POST", f"/threads/{thread_id}/runs/stream", json=run_body(steps)) as response:
            run_id = response.headers["content-location"].rsplit("/", 1)[1]
            assert api.ended({"thread_id": thread_id, "run_id": run_id})["status"] == "success"
            assert api.ok("POST", "/runs/wait", json=run_body())
            began = time.monotonic()
            assert api.ok("GET", "/ok") and time.monotonic() - began < 2
