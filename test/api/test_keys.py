"""API keys and workspaces: made, used, seen to be used, rotated, revoked at once (issues 2 and 4; design §7)."""

import subprocess
import time
import uuid

import pytest

from harness.api import Api, run_body
from harness.ports import eventually
from harness.server import Server, binary


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


@pytest.fixture(scope="module")
def house(store, tmp_path_factory):
    """A server with workspaces a and b, and its admin."""
    with Server(tmp_path_factory.mktemp("keys"), store=store()) as server:
        with Api(server.url) as first:
            root = first.ok("POST", "/v1/keys", json={"name": "root"})
        with Api(server.url, headers={"x-api-key": root["key"]}) as admin:
            for one in ("a", "b"):
                admin.ok("POST", "/v1/workspaces", json={"workspace_id": one, "name": f"Workspace {one}"})
            yield server, admin


def caller(server, made, **headers):
    return Api(server.url, headers={"x-api-key": made["key"], **headers})


def test_with_a_key_every_call_needs_it(key):
    server, found = key
    with Api(server.url) as api:
        assert api.get("/ok").status_code == 200
        assert api.get("/info").status_code == 200
        for method, path in (("POST", "/threads"), ("POST", "/runs/wait"), ("POST", "/assistants/search"),
                             ("GET", "/threads/00000000-0000-7000-8000-000000000000")):
            answer = api.request(method, path, json={} if method == "POST" else None)
            assert answer.status_code == 401, (path, answer.status_code)
            assert answer.json()["detail"]
        assert api.post("/threads", json={}, headers={"x-api-key": "wrong"}).status_code == 401
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


def test_a_key_works_from_its_answer_on_and_not_beyond_its_end(house):
    server, admin = house
    for _ in range(20):
        made = admin.ok("POST", "/v1/keys", json={"name": "brief", "role": "viewer", "workspaces": ["a"]})
        assert {k: made[k] for k in ("name", "role", "workspaces", "expires_at", "last_used_at")} == {
            "name": "brief", "role": "viewer", "workspaces": ["a"], "expires_at": None, "last_used_at": None}
        with caller(server, made) as client:
            assert client.post("/threads/search", json={}).status_code == 200
            assert admin.delete(f"/v1/keys/{made['key_id']}").status_code == 204
            assert client.post("/threads/search", json={}).status_code == 401
        assert admin.delete(f"/v1/keys/{made['key_id']}").status_code == 404


def test_an_expired_key_opens_nothing(house):
    server, admin = house
    made = admin.ok("POST", "/v1/keys", json={"expires": "1s", "workspaces": ["a"]})
    assert made["expires_at"]
    with caller(server, made) as client:
        assert client.get("/v1/self").status_code == 200
        eventually(lambda: client.get("/v1/self").status_code == 401, 5)
        assert "expired" in client.get("/v1/self").json()["detail"]


def test_a_rotated_key_gives_way_to_its_like(house):
    server, admin = house
    old = admin.ok("POST", "/v1/keys", json={"name": "ci", "role": "editor", "workspaces": ["b"], "expires": "30d"})
    new = admin.ok("POST", f"/v1/keys/{old['key_id']}/rotate", json={"overlap_s": 3600})
    assert new["key"] != old["key"] and new["key_id"] != old["key_id"]
    assert (new["name"], new["role"], new["workspaces"]) == ("ci", "editor", ["b"])
    assert new["expires_at"] > old["expires_at"][:10]
    with caller(server, old) as before, caller(server, new) as after:
        assert before.get("/v1/self").status_code == after.get("/v1/self").status_code == 200
        last = admin.ok("POST", f"/v1/keys/{new['key_id']}/rotate")
        assert after.get("/v1/self").status_code == 401
    with caller(server, last) as client:
        assert client.ok("GET", "/v1/self")["key"]["name"] == "ci"
    assert admin.post(f"/v1/keys/{new['key_id']}/rotate").status_code == 404


def test_the_last_use_is_written_down(house):
    server, admin = house
    made = admin.ok("POST", "/v1/keys", json={"workspaces": ["a"]})
    with caller(server, made) as client:
        client.ok("GET", "/v1/self")
    eventually(lambda: admin.ok("GET", f"/v1/keys/{made['key_id']}")["last_used_at"], 12)


def test_a_workspace_is_chosen_by_its_id_or_uuid(house):
    server, admin = house
    several = admin.ok("POST", "/v1/keys", json={"role": "editor", "workspaces": ["a", "b"]})
    ids = {w["workspace_id"]: w["tenant_id"] for w in admin.ok("GET", "/v1/workspaces")}
    assert {"default", "a", "b"} <= set(ids)
    assert all(uuid.UUID(one) for one in ids.values())
    with caller(server, several) as client:
        for name in ("a", "b"):  # what the tracing API calls it opens it
            headers = {"x-tenant-id": ids[name].upper()}
            assert client.ok("GET", "/sessions", params={"limit": 1}, headers=headers)[0]["tenant_id"] == ids[name]
            assert client.ok("GET", "/settings", headers=headers)["id"] == ids[name]
        unnamed = client.post("/threads/search", json={})
        assert unnamed.status_code == 403
        assert unnamed.json()["error"] == "org_scoped_key_requires_workspace"
        thread = client.ok("POST", "/threads", json={}, headers={"x-tenant-id": "a"})["thread_id"]
        assert client.get(f"/threads/{thread}", headers={"x-tenant-id": ids["a"]}).status_code == 200
        assert client.get(f"/threads/{thread}", headers={"x-tenant-id": "b"}).status_code == 404
        for other in ("default", "nowhere", str(uuid.uuid4())):
            refused = client.get(f"/threads/{thread}", headers={"x-tenant-id": other})
            assert refused.status_code == 403 and "X-Tenant-Id" in refused.json()["detail"]
        assert [w["workspace_id"] for w in client.ok("GET", "/v1/workspaces", headers={"x-tenant-id": "a"})] == ["a", "b"]
    assert admin.get(f"/threads/{thread}", headers={"x-tenant-id": "a"}).status_code == 200
    assert admin.get(f"/threads/{thread}").status_code == 404


def test_an_admin_of_one_workspace_sees_and_makes_keys_of_it_only(house):
    server, admin = house
    of_a = admin.ok("POST", "/v1/keys", json={"workspaces": ["a"]})
    of_b = admin.ok("POST", "/v1/keys", json={"workspaces": ["b"]})
    of_both = admin.ok("POST", "/v1/keys", json={"workspaces": ["a", "b"]})
    with caller(server, of_a) as client:
        seen = client.ok("GET", "/v1/keys")
        assert of_a["key_id"] in [k["key_id"] for k in seen]
        assert all(k["workspaces"] == ["a"] for k in seen) and all("key" not in k for k in seen)
        for other in (of_b, of_both):
            assert client.get(f"/v1/keys/{other['key_id']}").status_code == 404
            assert client.delete(f"/v1/keys/{other['key_id']}").status_code == 404
            assert client.post(f"/v1/keys/{other['key_id']}/rotate").status_code == 404
        assert client.ok("POST", "/v1/keys", json={})["workspaces"] == ["a"]
        for wanted in (["b"], ["a", "b"], ["*"], ["nowhere"]):
            assert client.post("/v1/keys", json={"workspaces": wanted}).status_code == 403
        assert [w["workspace_id"] for w in client.ok("GET", "/v1/workspaces")] == ["a"]
        assert client.get("/v1/workspaces/b").status_code == client.get("/v1/workspaces/nowhere").status_code == 404
        assert client.ok("PATCH", "/v1/workspaces/a", json={"name": "Acme"})["name"] == "Acme"
        assert client.patch("/v1/workspaces/b", json={"name": "x"}).status_code == 404
        assert client.post("/v1/workspaces", json={}).status_code == 403
        assert client.delete("/v1/workspaces/a").status_code == 403


def test_a_closed_workspace_is_opened_by_nobody(house):
    server, admin = house
    assert admin.post("/v1/workspaces", json={"workspace_id": "gone"}).status_code == 201
    assert admin.post("/v1/workspaces", json={"workspace_id": "gone"}).status_code == 409
    only = admin.ok("POST", "/v1/keys", json={"workspaces": ["gone"]})
    also = admin.ok("POST", "/v1/keys", json={"workspaces": ["a", "gone"]})
    assert admin.delete("/v1/workspaces/gone").status_code == 204
    with caller(server, only) as client:
        assert client.get("/v1/self").status_code == 401
    with caller(server, also) as client:
        assert client.ok("GET", "/v1/self")["workspace_id"] == "a"
    assert admin.get("/v1/self", headers={"x-tenant-id": "gone"}).status_code == 403
    assert admin.get("/v1/workspaces/gone").status_code == 404
    assert admin.post("/v1/workspaces", json={"workspace_id": "gone"}).status_code == 409
    assert admin.delete("/v1/workspaces/default").status_code == 409


@pytest.mark.parametrize("body, field", [
    ({"role": "boss"}, "role"), ({"workspaces": []}, "workspaces"), ({"workspaces": "a"}, "workspaces"),
    ({"workspaces": ["a", "a"]}, "workspaces"), ({"workspaces": ["nowhere"]}, "workspaces"),
    ({"expires": "soon"}, "expires"), ({"expires": "2020-01-01"}, "expires"), ({"name": "a\nb"}, "name")])
def test_what_a_key_cannot_be(house, body, field):
    _, admin = house
    refused = admin.post("/v1/keys", json=body)
    assert refused.status_code == 422 and refused.json()["detail"].startswith(field), refused.text


def test_a_key_revoked_on_one_node_is_unknown_on_the_other(store, tmp_path):
    if store() == "sqlite":
        pytest.skip("one node")
    url = store()
    with Server(tmp_path / "one", store=url) as one, Server(tmp_path / "two", store=url) as two:
        with Api(one.url) as first:
            root = first.ok("POST", "/v1/keys", json={})
        with caller(one, root) as here:
            made = here.ok("POST", "/v1/keys", json={})
            with caller(two, made) as there:
                eventually(lambda: there.get("/v1/self").status_code == 200, 2)
                begun = time.monotonic()
                here.ok("DELETE", f"/v1/keys/{made['key_id']}")
                eventually(lambda: there.get("/v1/self").status_code == 401, 2)
                assert time.monotonic() - begun < 2
