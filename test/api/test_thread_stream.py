"""GET /threads/{id}/stream: the events of all runs of a thread (issue 4, contract §1.5 and §2.5)."""

import threading

import pytest

from harness.api import Api, delay, read_events, run_body, say

MISSING = "00000000-0000-7000-8000-000000000000"


class Follower:
    """Reads a thread's stream on a thread of its own."""

    def __init__(self, server, thread_id, **options):
        self.events, self.grown, self.is_open = [], threading.Condition(), threading.Event()
        self.api = Api(server.url)
        self.worker = threading.Thread(target=self.read, args=(thread_id, options))
        self.worker.start()
        assert self.is_open.wait(30)

    def read(self, thread_id, options):
        try:
            with self.api.stream("GET", f"/threads/{thread_id}/stream", **options) as response:
                assert response.status_code == 200
                self.is_open.set()
                for event in read_events(response):
                    with self.grown:
                        self.events.append(event)
                        self.grown.notify_all()
        except Exception:  # the connection is closed from the other side of this thread
            pass

    def until(self, name, count=1):
        with self.grown:
            assert self.grown.wait_for(lambda: [one[0] for one in self.events].count(name) >= count, 60), self.events
            return list(self.events)

    def close(self):
        self.api.close()
        self.worker.join(30)


@pytest.fixture
def follow(server):
    followers = []

    def start(thread_id, **options):
        followers.append(Follower(server, thread_id, **options))
        return followers[-1]

    yield start
    for one in followers:
        one.close()


def test_all_runs_of_a_thread_are_followed_and_replayed(api, follow):
    thread_id = api.thread()
    live = follow(thread_id, params={"stream_mode": "run_modes"})
    runs = [api.run(thread_id, [say(text)], stream_resumable=True) for text in "ab"]
    events = live.until("run_done", 2)
    names = [event for event, _, _ in events]
    assert names == ["metadata", "values", "values", "run_done"] * 2
    assert [data["run_id"] for event, data, _ in events if event == "metadata"] == [run["run_id"] for run in runs]
    assert events[3][1] == {"run_id": runs[0]["run_id"], "status": "success"}
    again = follow(thread_id, headers={"Last-Event-ID": "-"})
    assert again.until("run_done", 2) == events, "from the beginning it is the same, ids too"
    for at in (0, 1, 3, 5):
        rest = follow(thread_id, headers={"Last-Event-ID": events[at][2]})
        assert rest.until("run_done", 2 if at < 3 else 1) == events[at + 1:], at


def test_lifecycle_and_states(api, follow):
    thread_id = api.thread()
    first = api.run(thread_id, [delay(1500), say("x")])
    api.status_becomes(first, "running")
    lifecycle = follow(thread_id, params={"stream_mode": "lifecycle"})
    both = follow(thread_id, params=[("stream_mode", "lifecycle"), ("stream_mode", "state_update")])
    assert [event for event, _, _ in lifecycle.until("run_done")] == ["metadata", "run_done"], "what runs now is told from its start"
    states = [data for event, data, _ in both.until("state_update") if event == "state_update"]
    assert states[-1]["values"]["messages"][-1]["content"] == "x"


def test_what_is_wrong_is_refused(api):
    thread_id = api.thread()
    assert api.get(f"/threads/{MISSING}/stream").status_code == 404
    assert api.get(f"/threads/{thread_id}/stream", params={"stream_mode": "values"}).status_code == 422
    assert api.get(f"/threads/{thread_id}/stream", headers={"Last-Event-ID": "x"}).status_code == 422


def test_a_stream_ends_with_its_thread(api, follow):
    thread_id = api.thread()
    stream = follow(thread_id)
    api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("x")]))
    stream.until("run_done")
    api.delete(f"/threads/{thread_id}")
    stream.worker.join(60)
    assert not stream.worker.is_alive()
