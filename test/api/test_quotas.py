"""Quotas: threads and bytes that a key, or a workspace, may hold (issue 4)."""

import re

import pytest

from harness.api import Api, run_body, say
from harness.ports import eventually
from harness.server import Server


@pytest.fixture(scope="module")
def house(store, tmp_path_factory):
    """A server, and its admin."""
    with Server(tmp_path_factory.mktemp("quotas"), store=store()) as server:
        with Api(server.url) as first:
            root = first.ok("POST", "/v1/keys", json={"name": "root"})["key"]
        with Api(server.url, headers={"x-api-key": root}) as admin:
            yield server, admin


@pytest.fixture
def workspace(house, request):
    """workspace(limits of the workspace, limits of the key): a fresh one, and a client of its key."""
    server, admin = house
    clients = []

    def make(limits, of_key=None):
        name = re.sub("[^a-z]", "-", request.node.name)[:40].strip("-")
        admin.ok("POST", "/v1/workspaces", json={"workspace_id": name, "limits": limits})
        key = admin.ok("POST", "/v1/keys", json={"workspaces": [name], "limits": of_key or {}})["key"]
        clients.append(Api(server.url, headers={"x-api-key": key}))
        return name, clients[-1]

    yield make
    for client in clients:
        client.close()


def refused(answer, limit, whose="this workspace"):
    assert answer.status_code == 429, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    detail = answer.json()["detail"]
    assert detail.startswith(whose) and limit in detail, detail


def makers(client, thread_id):
    """All that makes a thread."""
    return [client.post("/threads", json={}), client.post(f"/threads/{thread_id}/copy"),
            client.post("/runs", json=run_body([say("a")])), client.post("/runs/wait", json=run_body([say("a")])),
            client.post("/threads/01a226a7-9551-7370-b172-000000000001/runs",
                        json=run_body([say("a")], if_not_exists="create")),
            client.post("/threads", json={"metadata": {"graph_id": "script"}, "supersteps": [
                {"updates": [{"as_node": "script", "values": {"messages": []}}]}]})]


def test_a_workspace_holds_as_many_threads_as_it_may(workspace):
    _, client = workspace({"threads": 3})
    threads = [client.thread() for _ in range(3)]
    for answer in makers(client, threads[0]):
        refused(answer, "3 threads (threads)")
    client.ok("POST", f"/threads/{threads[0]}/runs/wait", json=run_body([say("a")]))
    assert client.post("/threads", json={"thread_id": threads[0], "if_exists": "do_nothing"}).status_code == 200
    assert client.delete(f"/threads/{threads[1]}").status_code == 204
    client.thread()
    refused(client.post("/threads", json={}), "threads")
    assert client.ok("POST", "/threads/count", json={}) == 3


def test_a_key_may_fill_a_workspace_less_than_another(workspace, house):
    name, client = workspace({"threads": 5}, {"threads": 2})
    _, admin = house
    for _ in range(2):
        client.thread()
    refused(client.post("/threads", json={}), "2 threads", "the caller")
    of_admin = {"x-tenant-id": name}
    for _ in range(3):
        admin.ok("POST", "/threads", json={}, headers=of_admin)
    refused(admin.post("/threads", json={}, headers=of_admin), "5 threads")


def writers(client, thread_id):
    """All that stores something."""
    return [*makers(client, thread_id), client.post(f"/threads/{thread_id}/runs", json=run_body([say("a")])),
            client.put("/store/items", json={"namespace": ["a"], "key": "small", "value": {}}),
            client.post(f"/threads/{thread_id}/state", json={"values": {"messages": []}})]


def measured(admin, name):
    found = re.search(rf'runbell_storage_bytes{{tenant="{name}"}} (\d+)', admin.get("/metrics").text)
    return int(found[1]) if found else 0


def test_a_workspace_that_is_full_stores_nothing_until_there_is_room(workspace, house):
    name, client = workspace({"storage_bytes": 300_000})
    _, admin = house
    thread_id = client.thread()
    client.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("x" * 100_000)]))
    client.ok("PUT", "/store/items", json={"namespace": ["a"], "key": "large", "value": {"t": "ä" * 50_000}})

    def is_full():
        answer = client.put("/store/items", json={"namespace": ["a"], "key": "probe", "value": {}})
        return answer.status_code == 429
    eventually(is_full, 40, why=lambda: f"not full with {measured(admin, name)} bytes")
    assert measured(admin, name) > 300_000
    for answer in writers(client, thread_id):
        refused(answer, "300000 bytes of threads and items (storage_bytes)")
    assert client.get(f"/threads/{thread_id}/state").status_code == 200
    assert client.delete(f"/threads/{thread_id}").status_code == 204
    eventually(lambda: client.put("/store/items", json={"namespace": ["a"], "key": "b", "value": {}}).status_code == 204,
               60, why=lambda: f"full with {measured(admin, name)} bytes")
    assert 100_000 < measured(admin, name) < 300_000


def test_quotas_are_named_and_bounded(house):
    _, admin = house
    for limits, word in (({"threads": -1}, "threads"), ({"threads": 1.5}, "threads"), ({"threads": 100_001}, "100000"),
                         ({"storage_bytes": "1G"}, "storage_bytes"), ({"thread": 1}, "storage_bytes")):
        answer = admin.post("/v1/workspaces", json={"workspace_id": "never", "limits": limits})
        assert answer.status_code == 422 and word in answer.json()["detail"], answer.text


def test_the_configuration_limits_callers_without_keys(start_server):
    server = start_server(config={"graphs": {}, "runbell": {"limits": {"threads": 1, "storage_bytes": 10**9}}})
    with Api(server.url) as client:
        client.thread()
        refused(client.post("/threads", json={}), "1 threads", "the caller")
    server.stop()
