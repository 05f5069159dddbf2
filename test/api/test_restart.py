"""What survives a restart: everything that was acknowledged (design §5)."""

import subprocess
import time
import uuid

import pytest

from harness.api import Api, GREETING, ask, contents, delay, run_body, say
from harness.receiver import Answer
from harness.server import binary


@pytest.fixture(params=["stopped", "killed"])
def again(request):
    """Restarts a server in an orderly way, or by kill -9."""

    def restart(server):
        if request.param == "killed":
            server.kill()
            server.start()
        else:
            server.restart()

    return restart


def test_threads_assistants_runs_and_states_survive(start_server, again):
    server = start_server()
    with Api(server.url) as api:
        thread_id = api.thread(metadata={"a": 1})
        values = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body())
        assistant = api.ok("POST", "/assistants", json={"graph_id": "agent", "name": "kept"})
        paths = [f"/threads/{thread_id}", f"/threads/{thread_id}/state", f"/threads/{thread_id}/runs",
                 f"/assistants/{assistant['assistant_id']}"]
        before = [api.ok("GET", path) for path in paths]
    again(server)
    with Api(server.url) as api:
        assert [api.ok("GET", path) for path in paths] == before
        assert contents(values)[-1] == GREETING
        more = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("more")]))
        assert contents(more)[-1] == "more" and len(contents(more)) >= 3
    server.stop()


def test_a_run_in_progress_is_taken_up_again(start_server, again, receiver):
    server = start_server()
    with Api(server.url) as api:
        thread_id = api.thread()
        running = api.run(thread_id, [say("a"), delay(1500), say("b")], webhook=receiver.url)
        waiting = api.run(thread_id, [say("c")], webhook=receiver.url)
        later = api.run(api.thread(), [say("d")], webhook=receiver.url, after_seconds=2)
        api.status_becomes(running, "running")
    again(server)
    with Api(server.url) as api:
        for run in (running, waiting, later):
            assert api.ended(run)["status"] == "success", run
        assert contents(api.ok("GET", f"/threads/{thread_id}")["values"]) == ["a", "b", "c"]
        receiver.wait_for(3)
        time.sleep(0.5)
        by_run = {run["run_id"]: {r.webhook_id for r in receiver.of_run(run["run_id"])} for run in (running, waiting, later)}
        assert all(len(ids) == 1 for ids in by_run.values()), by_run
    server.stop()


def test_a_question_outlives_the_server(start_server, again):
    server = start_server()
    with Api(server.url) as api:
        thread_id = api.thread()
        api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("a"), ask("b?"), say("c")]))
    again(server)
    with Api(server.url) as api:
        assert api.ok("GET", f"/threads/{thread_id}")["status"] == "interrupted"
        values = api.ok("POST", f"/threads/{thread_id}/runs/wait",
                        json={"assistant_id": "script", "command": {"resume": 1}})
        assert contents(values)[-1] == "c"
    server.stop()


def test_a_webhook_that_could_not_be_delivered_is_delivered_later(start_server, again, shared_receiver):
    path = f"/{uuid.uuid4().hex}"
    hook = shared_receiver.hook(path, Answer(status=503))
    server = start_server()
    with Api(server.url) as api:
        run = api.run(api.thread(), webhook=hook.url)
        first = hook.wait_for(1)[0]
    hook.answer(Answer())
    again(server)
    second = hook.wait_for(2, timeout=60)[1]
    assert (second.webhook_id, second.body) == (first.webhook_id, first.body)
    assert second.json["run_id"] == run["run_id"]
    server.stop()


def test_an_idempotency_key_outlives_the_server(start_server, again):
    server = start_server()
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    with Api(server.url) as api:
        thread_id = api.thread()
        first = api.ok("POST", f"/threads/{thread_id}/runs", json=run_body(), headers=headers)
    again(server)
    with Api(server.url) as api:
        repeated = api.ok("POST", f"/threads/{thread_id}/runs", json=run_body(), headers=headers)
        assert repeated["run_id"] == first["run_id"]
        assert len(api.ok("GET", f"/threads/{thread_id}/runs")) == 1
    server.stop()


def test_events_of_a_resumable_run_outlive_the_server(start_server, again):
    server = start_server()
    with Api(server.url) as api:
        thread_id = api.thread()
        events = api.events("POST", f"/threads/{thread_id}/runs/stream",
                            json=run_body([say("a"), say("b")], stream_resumable=True))
        path = f"/threads/{thread_id}/runs/{events[0][1]['run_id']}/stream"
    again(server)
    with Api(server.url) as api:
        assert api.events("GET", path, headers={"Last-Event-ID": "-1"}) == events
        assert api.events("GET", path, headers={"Last-Event-ID": events[1][2]}) == events[2:]
    server.stop()


def test_sigterm_ends_quickly_even_with_open_streams(start_server):
    server = start_server()
    with Api(server.url) as api:
        thread_id = api.thread()
        with api.stream("POST", f"/threads/{thread_id}/runs/stream", json=run_body([delay(60_000)])) as response:
            next(response.iter_raw())
            began = time.monotonic()
            server.stop(timeout=25)
            assert time.monotonic() - began < 20


def test_a_backup_of_a_running_server_can_be_restored(request, start_server, store, tmp_path):
    if request.config.getoption("--store-url") != "sqlite":
        pytest.skip("a PostgreSQL store is backed up with pg_dump")
    server = start_server()
    with Api(server.url) as api:
        kept = api.thread(metadata={"kept": True})
        backup = tmp_path / "backup.db"
        done = subprocess.run([binary(), "backup", "--data", server.data, backup], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stderr
        lost = api.thread(metadata={"kept": False})
    server.stop()
    done = subprocess.run([binary(), "restore", "--data", server.data, backup], capture_output=True, text=True,
                          check=False)
    assert done.returncode != 0, "restoring over an existing store must be asked for"
    fresh = tmp_path / "fresh"
    done = subprocess.run([binary(), "restore", "--data", fresh, backup], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    server.data = fresh
    server.start()
    with Api(server.url) as api:
        assert api.ok("GET", f"/threads/{kept}")["metadata"] == {"kept": True}
        assert api.get(f"/threads/{lost}").status_code == 404
    server.stop()
