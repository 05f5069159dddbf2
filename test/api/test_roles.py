"""Every route × every role, generated from openapi.json: allowed or 403, exactly as its table says (issue 4)."""

import re

import pytest

from harness.api import Api

ROLES = ("admin", "editor", "viewer", "ingest", "operator")
NOWHERE = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def guarded(store, tmp_path_factory):
    """A server with a key of each role in one workspace, and an admin of all: {role: client}, operations."""
    from harness.server import Server
    with Server(tmp_path_factory.mktemp("roles"), store=store()) as server:
        with Api(server.url) as first:
            root = first.ok("POST", "/v1/keys", json={"name": "root"})["key"]
        with Api(server.url, headers={"x-api-key": root}) as admin:
            admin.ok("POST", "/v1/workspaces", json={"workspace_id": "w"})
            keys = {role: admin.ok("POST", "/v1/keys", json={"role": role, "workspaces": ["w"]})["key"]
                    for role in ROLES}
            everywhere = {role: admin.ok("POST", "/v1/keys", json={"role": role, "workspaces": ["*"]})["key"]
                          for role in ROLES}
            document = admin.ok("GET", "/openapi.json")
        clients = {role: Api(server.url, headers={"x-api-key": key}) for role, key in keys.items()}
        roots = {role: Api(server.url, headers={"x-api-key": key}) for role, key in everywhere.items()}
        yield clients, roots, operations(document), server
        for client in (*clients.values(), *roots.values()):
            client.close()


def operations(document):
    return [(method.upper(), path, operation) for path, methods in document["paths"].items()
            for method, operation in methods.items()]


SPANS = {"/runs": b'{"id":"%s","name":"x","run_type":"chain"}' % NOWHERE.encode(), "/runs/batch": b'{"post":[]}'}


def ask(client, method, path):
    """The status and text of a call that names nothing that exists. Streams are left after their head."""
    path = re.sub(r"\{[^}]+\}", NOWHERE, path)
    body = {"content": SPANS.get(path, b"[]"), "headers": {"content-type": "application/json"}} if method != "GET" else {}
    with client.stream(method, path, **body) as response:
        text = response.read().decode() if response.status_code == 403 else ""
        return response.status_code, text


def test_every_route_says_who_may(guarded):
    _, _, all_operations, _ = guarded
    assert len(all_operations) > 100
    for method, path, operation in all_operations:
        assert operation["x-runbell-permission"], (method, path)
        assert ("x-runbell-roles" in operation) == (operation["x-runbell-permission"] != "anyone"), (method, path)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_what_the_table_says_and_nothing_else(guarded, role):
    clients, _, all_operations, _ = guarded
    wrong = []
    for method, path, operation in all_operations:
        if operation["x-runbell-permission"] == "anyone":
            continue
        may = role in operation["x-runbell-roles"] and not operation.get("x-runbell-all-workspaces")
        status, text = ask(clients[role], method, path)
        if (status == 403) == may or status == 401 or (not may and "key" not in text):
            wrong.append((method, path, status, text))
    assert not wrong


@pytest.mark.parametrize("role", ROLES)
def test_what_concerns_the_server_takes_a_key_of_all_workspaces(guarded, role):
    clients, roots, all_operations, _ = guarded
    found = [(m, p, o) for m, p, o in all_operations if o.get("x-runbell-all-workspaces")]
    assert found
    for method, path, operation in found:
        assert ask(clients[role], method, path)[0] == 403
        assert (ask(roots[role], method, path)[0] != 403) == (role in operation["x-runbell-roles"]), (method, path)


def test_without_a_key_only_what_is_for_anyone(guarded):
    _, _, all_operations, server = guarded
    with Api(server.url) as nobody, Api(server.url, headers={"x-api-key": "rbk_" + 40 * "x"}) as stranger:
        for method, path, operation in all_operations:
            for client in (nobody, stranger):
                status, _ = ask(client, method, path)
                assert (status == 401) == (operation["x-runbell-permission"] != "anyone"), (method, path, status)


def test_a_viewer_cannot_cancel_by_leaving(guarded):
    clients, _, _, _ = guarded
    for path in (f"/threads/{NOWHERE}/runs/{NOWHERE}/join", f"/threads/{NOWHERE}/runs/{NOWHERE}/stream"):
        assert clients["viewer"].get(path, params={"cancel_on_disconnect": "1"}).status_code == 403
        assert clients["editor"].get(path, params={"cancel_on_disconnect": "1"}).status_code != 403


def test_a_refusal_says_why_and_what_would_do(guarded):
    clients, _, _, server = guarded
    refused = clients["viewer"].post("/threads", json={})
    assert refused.status_code == 403
    assert refused.json()["detail"] == "this API key's role is viewer; to do this it must be admin or editor"
    with Api(server.url) as nobody:
        missing = nobody.post("/threads", json={})
        assert missing.status_code == 401 and "X-Api-Key" in missing.json()["detail"]
        assert missing.headers["www-authenticate"] == "Bearer"
        unknown = nobody.post("/threads", json={}, headers={"authorization": "Bearer rbk_unknown"})
        assert unknown.status_code == 401 and "revoked" in unknown.json()["detail"]


@pytest.mark.parametrize("path, body", [("/runs", {"assistant_id": "agent"}), ("/runs/batch", [{"assistant_id": "agent"}])])
def test_who_sends_traces_makes_no_runs(guarded, path, body):
    clients, _, _, _ = guarded
    reply = clients["ingest"].post(path, json=body)
    assert reply.status_code == 403 and "admin or editor" in reply.json()["detail"]
    assert clients["editor"].post(path, json=body).is_success
