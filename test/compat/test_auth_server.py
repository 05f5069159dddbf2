"""Auth handlers and the server around them: API keys beside them, workers that are down or slow, LangGraph Studio, the cache,
handlers that do not load (issue 4)."""

import signal
import subprocess
import time

import httpx
import pytest

from harness.ports import eventually
from harness.server import Server, binary

GRAPH = "graph.py"
AUTH = """import asyncio
from langgraph_sdk import Auth
auth = Auth()
calls = 0
@auth.authenticate
async def authenticate(headers, authorization):
    global calls
    calls += 1
    if authorization == "slow":
        await asyncio.sleep(60)
    return {"identity": authorization or headers.get("x-name", "anybody"), "calls": calls}
@auth.on
async def check(ctx, value):
    if isinstance(ctx.user, Auth.types.StudioUser):
        value.setdefault("metadata", {})["by"] = "studio"
    else:
        value.setdefault("metadata", {})["by"] = f"{ctx.user.identity} {ctx.user.calls}"
"""


@pytest.fixture
def start(tmp_path):
    servers = []

    def start(auth=AUTH, config=None, **options):
        folder = tmp_path / str(len(servers))
        project = folder / "project"
        project.mkdir(parents=True)
        (project / "auth.py").write_text(auth)
        options.setdefault("dev", False)
        one = Server(folder, project=project, config={"auth": {"path": "./auth.py:auth", **(config or {})}}, **options)
        servers.append(one)
        return one

    yield start
    for one in servers:
        one.close()


def thread(server, **headers):
    return httpx.post(server.url + "/threads", json={}, headers=headers, trust_env=False, timeout=30)


def by(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["metadata"].get("by")


def test_an_api_key_is_the_operators_and_is_not_asked_for(start):
    with start() as server:
        assert by(thread(server, authorization="ann")) == "ann 1"
        assert httpx.get(server.url + "/v1/deliveries", headers={"authorization": "ann"}).status_code == 401
        server.stop()
        made = subprocess.run([binary(), "keys", "create", "--data", server.data], capture_output=True, text=True, check=True,
                              cwd=server.project)
        key = made.stdout.strip().split()[-1]
        server.start()
        mine = thread(server, **{"x-api-key": key})
        assert by(mine) is None, "the handlers were not asked"
        assert httpx.get(server.url + "/v1/deliveries", headers={"x-api-key": key}).status_code == 200
        assert by(thread(server, **{"x-api-key": "another", "x-name": "eve"})) == "eve 1", "what is no key of ours is theirs to judge"
        found = httpx.post(server.url + "/threads/search", json={}, headers={"x-api-key": key}).json()
        assert len(found) == 3, "the operator sees everything"


def test_while_no_worker_is_there_nobody_is_let_in(start):
    with start() as server:
        assert by(thread(server)) == "anybody 1"
        for worker in server.workers():
            worker.kill()
        answer = thread(server)
        assert answer.status_code == 503 and "could not be asked" in answer.json()["detail"] and answer.headers["retry-after"]
        assert httpx.get(server.url + "/ok").status_code == 200
        eventually(lambda: thread(server).status_code == 200, 20)


def test_a_handler_that_takes_too_long(start):
    with start(env={"RUNBELL_AUTH_TIMEOUT_S": "0.5", "RUNBELL_WORKERS_STOP_GRACE_S": "0.2"}) as server:
        began = time.monotonic()
        answer = thread(server, authorization="slow")
        assert answer.status_code == 503 and "did not answer" in answer.json()["detail"] and time.monotonic() - began < 10
        assert by(thread(server, authorization="ann")) == "ann 2", "it holds up nobody else"
        for worker in server.workers():
            worker.send_signal(signal.SIGSTOP)
        assert thread(server).status_code == 503
        for worker in server.workers():
            worker.send_signal(signal.SIGCONT)
        eventually(lambda: thread(server).status_code == 200, 20)


def test_studio_is_let_in_by_a_server_for_development_only(start):
    studio = {"x-auth-scheme": "langsmith"}
    with start(dev=True) as server:
        assert by(thread(server, **studio)) == "studio"
    with start(dev=True, config={"disable_studio_auth": True}) as server:
        assert by(thread(server, **studio)) == "anybody 1"
    with start() as server:
        assert by(thread(server, **studio)) == "anybody 1"


def test_who_was_let_in_is_remembered_where_the_file_says_so(start):
    with start(config={"cache": {"cache_keys": ["Authorization", "x-team"], "ttl_seconds": 0.5}}) as server:
        ann = {"authorization": "ann", "x-team": "a"}
        assert [by(thread(server, **ann)) for _ in range(2)] == ["ann 1", "ann 1"]
        assert by(thread(server, authorization="ann", **{"x-team": "b"})) == "ann 2"
        assert [by(thread(server, authorization="ann")) for _ in range(2)] == ["ann 3", "ann 4"], "a header is missing"
        eventually(lambda: by(thread(server, **ann)) != "ann 1", 10, why="it is remembered for ever")


@pytest.mark.parametrize("auth, words", [
    ("x = 1\n", "auth.py defines no 'auth'"), ("auth = 5\n", "langgraph_sdk.Auth was expected"),
    ("from langgraph_sdk import Auth\nauth = Auth()\n", "has no handler for @authenticate"), ("import nothing_such\n", "nothing_such"),
    ("from langgraph_sdk import Auth\nauth = Auth()\n@auth.authenticate\nasync def a(token): ...\n", "takes 'token', which is none of"),
])
def test_handlers_that_do_not_load(start, auth, words):
    _, log = start(auth=auth).start_fails()
    assert words in log and "auth did not load" in log, log
    with start(auth=auth, dev=True) as server:
        answer = thread(server)
        assert answer.status_code == 503 and "could not be loaded" in answer.json()["detail"], answer.text
        (server.project / "auth.py").write_text(AUTH)
        eventually(lambda: thread(server).status_code == 200, 20, why="the mended file was not loaded")


def test_a_checkpointer_of_ones_own_is_refused_at_the_start(tmp_path):
    _, log = Server(tmp_path, config={"checkpointer": {"path": "./saver.py:saver"}}).start_fails()
    assert "checkpointer.path: state is kept in the server's own store" in log
