"""API keys in their smallest form, and tenants that do not see each other (issue 2; design §7)."""

import subprocess

import pytest

from harness.api import Api, run_body
from harness.server import binary


def create_key(server, *args):
    store = [] if server.store == "sqlite" else ["--store", server.store]
    done = subprocess.run([binary(), "keys", "create", "--data", server.data, *store, *args],
                          capture_output=True, text=True, check=False, cwd=server.project)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split()[-1]


@pytest.fixture
def key(start_server):
    """A server that has a key, and the key."""
    server = start_server()
    server.stop()
    found = create_key(server)
    server.start()
    return server, found


def test_with_a_key_every_call_needs_it(key):
    server, found = key
    with Api(server.url) as api:
        assert api.get("/ok").status_code == 200
        assert api.get("/info").status_code == 200
        for method, path in (("POST", "/threads"), ("POST", "/runs/wait"), ("POST", "/assistants/search"),
                             ("GET", "/threads/00000000-0000-7000-8000-000000000000")):
            answer = api.request(method, path, json={} if method == "POST" else None)
            assert answer.status_code in (401, 403), (path, answer.status_code)
            assert answer.json()["detail"]
        assert api.post("/threads", json={}, headers={"x-api-key": "wrong"}).status_code in (401, 403)
        assert api.post("/threads", json={}, headers={"x-api-key": found}).status_code == 200
        assert api.post("/runs/wait", json=run_body(), headers={"x-api-key": found}).status_code == 200
    assert found not in server.log()
    server.stop()


def test_the_key_itself_is_not_stored(key):
    server, found = key
    server.stop()
    for path in server.data.rglob("*"):
        if path.is_file():
            assert found.encode() not in path.read_bytes(), path
