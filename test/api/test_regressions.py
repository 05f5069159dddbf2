"""Bugs that a hostile reader found, each with the sentence that must stay true."""

import contextlib
import json
import random
import re
import socket
import sqlite3
import subprocess
import threading
import time
import uuid

import pytest

from harness.api import Api, contents, delay, run_body, say
from harness.ports import eventually
from harness.server import HOME, Server, binary

LONG = [delay(60_000), say("never")]
GRAPH = '''
import operator
import time
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    notes: Annotated[list, operator.add]
    wait: float


def work(state):
    time.sleep(state.get("wait") or 0)
    return {"notes": ["done"]}


graph = (StateGraph(State).add_node("work", work).add_node("more", work)
         .add_edge(START, "work").add_edge("work", "more").add_edge("more", END).compile())
'''
WITH_GRAPH = {"dependencies": ["."], "graphs": {"g": "./g.py:graph"}, "runbell": {"workers": {"python": 1}}}


def write_project(folder, config):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "g.py").write_text(GRAPH)
    (folder / "langgraph.json").write_text(json.dumps(config))
    return folder


def create_key(server, tenant):
    store = [] if server.store == "sqlite" else ["--store", server.store]
    done = subprocess.run([binary(), "keys", "create", "--workspace", tenant, "--data", server.data, *store],
                          capture_output=True, text=True, check=False, cwd=server.project)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split()[-1]


@pytest.fixture(scope="module")
def tenants(store, tmp_path_factory):
    """A server with a Python graph and two tenants: a client of each."""
    folder = tmp_path_factory.mktemp("tenants")
    server = Server(folder, store=store(), project=write_project(folder / "project", WITH_GRAPH))
    keys = [create_key(server, tenant) for tenant in ("a", "b")]
    with server, Api(server.url, headers={"x-api-key": keys[0]}) as a, \
            Api(server.url, headers={"x-api-key": keys[1]}) as b:
        yield a, b


@pytest.fixture
def api_of(start_server):
    """A server of one's own that is stopped, and judged, at the end; and a client of it."""
    with contextlib.ExitStack() as stack:
        def start(**options):
            server = start_server(**options)
            return server, stack.enter_context(Api(server.url))
        yield start


def graph_run(**values):
    return {"assistant_id": "g", "input": {"notes": [], "wait": 0, **values}}


def cancel(api, run, **query):
    return api.post(f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel", params=query)


def send_and_leave(server, path, body, stay_s):
    """Sends a whole POST and closes the connection after `stay_s` without reading."""
    data = json.dumps(body).encode() if body is not None else b""
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
        time.sleep(stay_s)


def live_runs(api, thread_id):
    return [run for run in api.ok("GET", f"/threads/{thread_id}/runs") if run["status"] in ("pending", "running")]


# ---- tenants and keys ----


def test_a_checkpoint_that_names_another_thread_is_of_ones_own_thread(tenants):
    a, b = tenants
    secret = a.thread()
    a.ok("POST", f"/threads/{secret}/runs/wait", json=graph_run(notes=["SECRET"]))
    before = a.ok("POST", f"/threads/{secret}/history", json={"limit": 50})
    busy = a.run(a.thread(), **graph_run(wait=2))  # the worker has a thread of A open
    a.status_becomes(busy, "running")
    for client in (a, b):
        mine = client.thread(metadata={"graph_id": "g"})
        reach = {"thread_id": secret, "checkpoint_id": before[0]["checkpoint"]["checkpoint_id"]}
        for checkpoint in ({"thread_id": secret}, reach):
            answers = [
                client.post(f"/threads/{mine}/state/checkpoint", json={"checkpoint": checkpoint}),
                client.post(f"/threads/{mine}/history", json={"limit": 5, "checkpoint": checkpoint}),
                client.post(f"/threads/{mine}/state", json={"values": {"notes": ["written by a stranger"]},
                                                            "as_node": "work", "checkpoint": checkpoint}),
            ]
            assert all(answer.status_code < 500 and "SECRET" not in answer.text for answer in answers), answers
    assert a.ok("POST", f"/threads/{secret}/history", json={"limit": 50}) == before
    assert b.get(f"/threads/{secret}/state").status_code == 404
    a.ended(busy)


@pytest.mark.parametrize("if_exists", ["raise", "do_nothing"])
def test_a_thread_id_that_another_tenant_has_is_a_conflict(tenants, if_exists):
    a, b = tenants
    thread_id = a.thread(metadata={"owner": "a"})
    answer = b.post("/threads", json={"thread_id": thread_id, "if_exists": if_exists})
    assert answer.status_code == 409 and "owner" not in answer.text
    assert b.get(f"/threads/{thread_id}").status_code == 404
    answer = b.post(f"/threads/{thread_id}/runs", json={**run_body(), "if_not_exists": "create"})
    assert answer.status_code == 409
    assert a.ok("GET", f"/threads/{thread_id}")["metadata"]["owner"] == "a"


def test_the_last_key_cannot_be_revoked_and_a_revoked_key_never_admits(api_of):
    server, api = api_of()
    first = api.ok("POST", "/v1/keys", json={"name": "first"})
    eventually(lambda: api.get("/v1/keys").status_code == 401)
    mine = {"x-api-key": first["key"]}
    second = api.ok("POST", "/v1/keys", json={"name": "second"}, headers=mine)
    theirs = {"x-api-key": second["key"]}
    eventually(lambda: api.get("/v1/keys", headers=theirs).status_code == 200)
    assert api.delete(f"/v1/keys/{second['key_id']}", headers=mine).status_code == 204
    eventually(lambda: api.get("/v1/keys", headers=theirs).status_code == 401)
    assert api.delete(f"/v1/keys/{first['key_id']}", headers=mine).status_code == 409
    server.restart()
    for headers, status in ((mine, 200), (theirs, 401), ({}, 401)):
        assert api.get("/v1/keys", headers=headers).status_code == status
    server.stop()


def test_a_call_without_a_key_is_refused_before_its_body_is_taken(api_of):
    server, api = api_of()
    api.ok("POST", "/v1/keys", json={})
    eventually(lambda: api.get("/v1/keys").status_code == 401)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"POST /threads HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Length: 50000000\r\n\r\n{")
        assert client.recv(4096).startswith(b"HTTP/1.1 401 ")
    assert api.get("/ok").status_code == 200
    server.stop()


# ---- clients that leave, bodies that are deep, settings that are wrong ----


def test_who_leaves_while_a_cancel_waits_ends_nothing_but_his_call(api_of):
    server, api = api_of()
    for _ in range(40):
        run = api.run(api.thread(), LONG)
        api.status_becomes(run, "running")
        send_and_leave(server, f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=1", None,
                       random.random() * 0.008)
        assert server.process.poll() is None, server.log()[-3000:]
    assert api.ended(api.run(api.thread()))["status"] == "success"
    server.stop()


def test_whoever_leaves_at_once_cancels_his_run(api_of):
    server, api = api_of()
    threads = [api.thread() for _ in range(20)]
    for thread_id in threads:
        send_and_leave(server, f"/threads/{thread_id}/runs/stream", run_body(LONG, on_disconnect="cancel"),
                       random.random() * 0.003)
    time.sleep(0.5)
    for thread_id in threads:
        eventually(lambda thread_id=thread_id: not live_runs(api, thread_id), 10, why="a run goes on for nobody")
    server.stop()


def test_metadata_too_deep_is_refused_and_the_server_lives_on(api_of):
    server, api = api_of()
    thread_id = api.thread()
    statuses = {}
    for depth in (300, 505, 508, 509, 510, 511, 512, 600):
        body = '{"assistant_id":"agent","metadata":' + '{"a":' * depth + "1" + "}" * depth + "}"
        statuses[depth] = api.post(f"/threads/{thread_id}/runs", content=body,
                                   headers={"content-type": "application/json"}).status_code
    assert statuses[300] == 200 and statuses[512] == 422, statuses
    assert set(statuses.values()) == {200, 422}, statuses
    server.restart()
    eventually(lambda: not live_runs(api, thread_id))
    assert api.ended(api.run(thread_id))["status"] == "success"
    server.stop()


def test_a_python_that_is_not_there_is_said_clearly(tmp_path, store):
    config = {**WITH_GRAPH, "runbell": {"python": "/nowhere/python"}}
    server = Server(tmp_path, store=store(), project=write_project(tmp_path / "project", config), dev=False)
    code, log = server.start_fails()
    assert code == 1
    assert "/nowhere/python" in log


# ---- runs ----


def test_a_run_from_a_checkpoint_does_not_move_the_runs_after_it(api):
    thread_id = api.thread()

    def turn(text, **config):
        return contents(api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say(text)], **config)))

    turn("one")
    fork = api.ok("GET", f"/threads/{thread_id}/state")["checkpoint"]["checkpoint_id"]
    turn("lost")
    assert turn("two", config={"configurable": {"checkpoint_id": fork}}) == ["one", "two"]
    assert turn("three") == ["one", "two", "three"]
    assert turn("four") == ["one", "two", "three", "four"]
    assert "checkpoint_id" not in api.ok("GET", f"/threads/{thread_id}")["config"]["configurable"]


def test_a_long_resumable_run_is_read_to_its_last_event_after_a_restart(api_of):
    server, api = api_of()
    thread_id = api.thread()
    body = run_body([say("a")] * 1100, stream_resumable=True, stream_mode=["updates", "messages-tuple", "custom"])
    events = api.events("POST", f"/threads/{thread_id}/runs/stream", json=body)
    assert len(events) > 2000
    server.restart()
    path = f"/threads/{thread_id}/runs/{events[0][1]['run_id']}/stream"
    again = api.events("GET", path, headers={"Last-Event-ID": "-1"})
    assert len(again) == len(events) and again == events
    server.stop()


def test_what_a_deleted_run_still_writes_does_not_land(tenants):
    api, _ = tenants
    thread_id = api.thread()
    gone = api.run(thread_id, **graph_run(notes=["gone"], wait=1.5))
    next_run = api.run(thread_id, **graph_run(notes=["next"]))
    api.status_becomes(gone, "running")
    time.sleep(0.5)
    assert api.delete(f"/threads/{thread_id}/runs/{gone['run_id']}").status_code == 204

    def of_gone():
        history = api.ok("POST", f"/threads/{thread_id}/history", json={"limit": 50})
        return [state["checkpoint"]["checkpoint_id"] for state in history
                if state["metadata"].get("run_id") == gone["run_id"]]

    before = of_gone()
    assert api.ended(next_run)["status"] == "success"
    time.sleep(4)
    assert set(of_gone()) <= set(before)
    notes = api.ok("GET", f"/threads/{thread_id}/state")["values"]["notes"]
    assert notes[-3:] == ["next", "done", "done"]


def test_who_waits_for_a_run_that_is_rolled_back_is_told(api, server):
    thread_id = api.thread()
    answers = []

    def wait():
        with Api(server.url) as other:
            answers.append(other.post(f"/threads/{thread_id}/runs/wait", json=run_body([say("x"), *LONG])).json())

    waiter = threading.Thread(target=wait)
    waiter.start()
    run = eventually(lambda: live_runs(api, thread_id))[0]
    api.status_becomes(run, "running")
    assert cancel(api, run, wait=1, action="rollback").status_code == 204
    waiter.join(timeout=20)
    assert answers and answers[0]["__error__"]["error"] == "UserRollback", answers


def test_the_stream_of_a_cancelled_run_does_not_end_as_a_crash(api_of, tmp_path):
    config = {**WITH_GRAPH, "runbell": {"workers": {"python": 1}, "cancel_grace_s": 1}}
    server, api = api_of(project=write_project(tmp_path / "project", config))
    thread_id = api.thread()
    with api.stream("POST", f"/threads/{thread_id}/runs/stream", json=graph_run(wait=20)) as response:
        run = {"thread_id": thread_id, "run_id": response.headers["content-location"].rsplit("/", 1)[1]}
        with Api(server.url) as other:
            other.status_becomes(run, "running")
            time.sleep(0.5)
            assert cancel(other, run).status_code == 202
        text = response.read().decode()
    assert "WorkerCrash" not in text, text
    assert api.ended(run)["status"] == "interrupted"
    server.stop()


def test_orderly_restarts_do_not_spend_the_attempts_of_a_run(api_of):
    server, api = api_of()
    run = api.run(api.thread(), [say("a"), delay(3000), say("b")])
    for _ in range(4):
        api.status_becomes(run, "running")
        time.sleep(0.2)
        server.restart()
    ended = api.ended(run)
    assert ended["status"] == "success", ended
    server.stop()


def test_the_server_stops_in_time_while_runs_stream_in(start_server):
    for _ in range(10):
        server = start_server()
        done = threading.Event()

        def load(server=server, done=done):
            with contextlib.suppress(Exception), Api(server.url) as api:
                while not done.is_set():
                    api.post("/runs", json=run_body([delay(3_000_000)]))

        callers = [threading.Thread(target=load) for _ in range(4)]
        for caller in callers:
            caller.start()
        time.sleep(0.3 + random.random() * 0.5)
        try:
            server.stop(timeout=30)
        finally:
            server.close()
            done.set()
            for caller in callers:
                caller.join()


def test_a_run_of_a_graph_that_is_no_longer_there_ends_as_error(api_of, tmp_path):
    project = write_project(tmp_path / "project", WITH_GRAPH)
    server, api = api_of(project=project)
    thread_id = api.thread()
    lost = api.run(thread_id, **graph_run(), after_seconds=3)
    server.stop()
    write_project(project, {"graphs": {}})
    server.start()
    waiting = api.run(thread_id, [say("after it")], after_seconds=4)
    ended = api.ended(lost, timeout=80)
    assert ended["status"] == "error"
    assert api.ended(waiting)["status"] == "success", "the thread is free again"
    server.stop()


def test_a_script_beyond_its_limits_ends_as_error(api):
    for steps, word in (([say("a")] * 10_001, "10,000"), ([{"large_bytes": 30 << 20}] * 3, "64 MiB")):
        thread_id = api.thread()
        run = api.ended(api.run(thread_id, steps, stream_mode="updates"), timeout=60)
        assert run["status"] == "error"
        error = api.ok("GET", f"/threads/{thread_id}/runs/{run['run_id']}/join")["__error__"]
        assert error["error"] == "ScriptError" and word in error["message"], error


@pytest.mark.parametrize("how", ["delete", "interrupt"])
def test_a_thread_with_more_than_a_thousand_runs_is_dealt_with_whole(api_of, how):
    server, api = api_of()
    thread_id = api.thread()
    for _ in range(1005):
        api.run(thread_id, after_seconds=3000)
    if how == "delete":
        assert api.delete(f"/threads/{thread_id}").status_code == 204
        assert api.get(f"/threads/{thread_id}").status_code == 404
    else:
        run = api.run(thread_id, multitask_strategy="interrupt")
        assert api.ended(run)["status"] == "success"
        assert api.ok("GET", f"/threads/{thread_id}")["status"] == "idle"
    server.stop()


# ---- the store ----


@pytest.mark.parametrize("body", [graph_run(notes=["a"]), run_body([say("a")])], ids=["python", "builtin"])
def test_the_history_of_a_copied_thread_names_the_copy(tenants, body):
    api, _ = tenants
    thread_id = api.thread()
    for _ in range(2):
        api.ok("POST", f"/threads/{thread_id}/runs/wait", json=body)
    copy = api.ok("POST", f"/threads/{thread_id}/copy")["thread_id"]
    history = api.ok("POST", f"/threads/{copy}/history", json={"limit": 50})
    assert len(history) == len(api.ok("POST", f"/threads/{thread_id}/history", json={"limit": 50})) >= 2
    assert thread_id not in json.dumps([state["metadata"] for state in history])
    assert history[0]["values"] == api.ok("GET", f"/threads/{thread_id}/state")["values"]


def test_the_whole_history_is_there_without_a_limit_of_the_store(tenants):
    """More than 100 checkpoints, asked for with a filter: one request of the worker, without a limit."""
    api, _ = tenants
    thread_id = api.thread(metadata={"graph_id": "g"})
    for n in range(110):
        api.ok("POST", f"/threads/{thread_id}/state", json={"values": {"notes": [str(n)]}, "as_node": "more"})
    for body in ({"limit": 1000}, {"limit": 1000, "metadata": {"source": "update"}}):
        assert len(api.ok("POST", f"/threads/{thread_id}/history", json=body)) == 110


def test_the_health_checks_ask_the_database(api):
    for path in ("/health/ready", "/ok?check_db=1"):
        assert api.ok("GET", path) == {"ok": True}


def source_of_claim():
    """The condition of the claim, as src/store/runs.c has it."""
    text = (HOME / "src" / "store" / "runs.c").read_text()
    define = re.search(r"#define IS_NEXT\s+\\\n((?:.*\\\n)*.*)\n", text).group(1)
    return "SELECT r.run_id" + "".join(re.findall(r'"([^"]*)"', define))


def test_the_claim_looks_at_live_runs_only(api_of, request):
    if request.config.getoption("--store-url") != "sqlite":
        pytest.skip("the plan is looked at on SQLite")
    server, api = api_of()
    api.ended(api.run(api.thread()))
    server.stop()
    with contextlib.closing(sqlite3.connect(server.data / "runbell.db")) as db:
        plan = db.execute("EXPLAIN QUERY PLAN " + source_of_claim()).fetchall()
    lines = [row[-1] for row in plan]
    assert any(" o " in line and "runs_live" in line for line in lines), lines
    assert not any(line.startswith("SCAN") and "USING" not in line for line in lines), lines


def test_a_thread_that_goes_with_its_last_run_can_be_deleted(api):
    run = api.run(steps=LONG)
    api.status_becomes(run, "running")
    assert api.delete(f"/threads/{run['thread_id']}").status_code == 204
    assert api.get(f"/threads/{uuid.UUID(run['thread_id'])}").status_code == 404


CREATES = {
    "/assistants": {"graph_id": "agent", "name": "one"},
    "/threads": {"metadata": {"a": 1}},
    "/threads/{thread}/copy": None,
    "/threads/{thread}/runs": run_body([say("once")]),
    "/threads/{thread}/runs/wait": run_body([say("once")]),
    "/threads/{thread}/runs/stream": run_body([say("once")]),
    "/runs": run_body([say("once")], on_completion="keep"),
    "/runs/wait": run_body([say("once")], on_completion="keep"),
    "/runs/stream": run_body([say("once")], on_completion="keep"),
    "/runs/batch": [run_body([say("once")], on_completion="keep")] * 2,
}


@pytest.mark.parametrize("path", CREATES)
def test_every_create_is_done_once_under_one_idempotency_key(api, path):
    """Issue 2, agent: "Idempotency-Key on every create"."""
    url, headers = path.format(thread=api.thread()), {"Idempotency-Key": uuid.uuid4().hex}
    first, again = (api.post(url, json=CREATES[path], headers=headers) for _ in range(2))
    assert first.status_code == again.status_code == 200, (first.text, again.text)
    if "stream" in path:
        first, again = ([line for line in one.text.splitlines() if "run_id" in line] for one in (first, again))
        assert first and first == again
    else:
        assert first.json() == again.json()
    assert api.post(url, json={"metadata": {"other": 1}, "graph_id": "agent", "assistant_id": "agent"},
                    headers=headers).status_code in (409, 422)


def test_an_api_key_is_not_made_under_an_idempotency_key(api):
    """Its text is stored nowhere, so no answer could be repeated: refused in words, instead of made twice."""
    refused = api.post("/v1/keys", json={"name": "x"}, headers={"Idempotency-Key": "k"})
    assert refused.status_code == 422 and refused.json()["detail"].startswith("Idempotency-Key: not for API keys")
