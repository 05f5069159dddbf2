"""Assistants: those that every graph has by itself, and those that clients make (requirements C2, C7)."""

import json
import uuid

import pytest

from harness.api import GREETING, HELLO, Api, contents

AGENT_ID = "fe096781-5601-53d2-b2f6-0d3403f7e9ca"  # UUIDv5 of "agent"
MISSING = "00000000-0000-7000-8000-000000000000"


def test_the_documented_search_finds_a_default_assistant(start_server):
    """C2: jq 'map(select(.config == null or .config == {})) | .[0]' must find something on a new server."""
    with Api(start_server().url) as api:
        found = api.ok("POST", "/assistants/search", json={"limit": 10, "offset": 0})
    plain = [assistant for assistant in found if assistant["config"] in (None, {})]
    assert plain
    for key in ("assistant_id", "graph_id", "config", "created_at", "updated_at", "metadata", "version", "name"):
        assert key in plain[0]


def test_the_agent_exists_out_of_the_box(api):
    """C7, with the id that every server of this API gives it."""
    by_id = api.ok("GET", f"/assistants/{AGENT_ID}")
    assert by_id["graph_id"] == by_id["name"] == "agent"
    assert by_id["metadata"] == {"created_by": "system"}
    assert by_id["version"] == 1
    assert by_id["context"] == {}
    assert api.ok("GET", "/assistants/agent") == by_id


def test_search_by_graph_and_metadata(api):
    found = api.ok("POST", "/assistants/search", json={"graph_id": "agent", "metadata": {"created_by": "system"}})
    assert [assistant["assistant_id"] for assistant in found] == [AGENT_ID]
    assert api.ok("POST", "/assistants/search", json={"graph_id": "unknown"}) == []


@pytest.mark.parametrize("path", [f"/assistants/{MISSING}", "/assistants/unknown"])
def test_a_missing_assistant_is_404(api, path):
    answer = api.get(path)
    assert answer.status_code == 404
    assert "ssistant" in answer.json()["detail"]


def test_an_assistant_can_be_made_run_and_deleted(api):
    made = api.ok("POST", "/assistants", json={
        "graph_id": "agent", "name": "Mine", "config": {"configurable": {"tone": "dry"}}, "metadata": {"by": "me"}})
    uuid.UUID(made["assistant_id"])
    assert (made["name"], made["version"], made["config"]["configurable"]) == ("Mine", 1, {"tone": "dry"})
    values = api.ok("POST", "/runs/wait", json={"assistant_id": made["assistant_id"], "input": HELLO})
    assert contents(values)[-1] == GREETING
    assert api.delete(f"/assistants/{made['assistant_id']}").is_success
    assert api.get(f"/assistants/{made['assistant_id']}").status_code == 404


def test_an_existing_id_is_409_unless_told_otherwise(api):
    body = {"graph_id": "agent", "assistant_id": str(uuid.uuid4())}
    first = api.ok("POST", "/assistants", json=body)
    assert api.post("/assistants", json=body).status_code == 409
    assert api.ok("POST", "/assistants", json={**body, "if_exists": "do_nothing", "name": "x"}) == first


def test_the_config_of_an_assistant_goes_into_its_runs(api):
    made = api.ok("POST", "/assistants", json={
        "graph_id": "agent", "config": {"tags": ["t"], "configurable": {"a": 1, "b": 1}}, "metadata": {"m": 1}})
    run = api.run(assistant_id=made["assistant_id"], config={"configurable": {"b": 2}}, metadata={"n": 2},
                  on_completion="keep")
    configurable = run["kwargs"]["config"]["configurable"]
    assert configurable["a"] == 1 and configurable["b"] == 2
    assert configurable["assistant_id"] == made["assistant_id"] == run["assistant_id"]
    assert configurable["graph_id"] == "agent"
    assert configurable["run_id"] == run["run_id"]
    assert run["metadata"]["m"] == 1 and run["metadata"]["n"] == 2


@pytest.mark.parametrize("body, status", [
    ({}, 422), ({"graph_id": 1}, 422), ({"graph_id": "no-such-graph"}, 404),
    ({"graph_id": "agent", "config": []}, 422), ({"graph_id": "agent", "assistant_id": "x"}, 422),
])
def test_a_wrong_assistant_is_refused(api, body, status):
    answer = api.post("/assistants", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_every_patch_is_a_version_and_any_can_be_made_current(api):
    """Issue 4: versions newest first; `latest` takes its number from the body or from the query."""
    made = api.ok("POST", "/assistants", json={"graph_id": "agent", "name": "v1", "metadata": {"a": 1}})
    path = f"/assistants/{made['assistant_id']}"
    second = api.ok("PATCH", path, json={"name": "v2", "metadata": {"b": 2}, "context": {"c": 3}, "description": "d"})
    assert (second["version"], second["metadata"]) == (2, {"a": 1, "b": 2})
    assert api.ok("PATCH", path, json={})["version"] == 3
    versions = api.ok("POST", f"{path}/versions", json={})
    assert [one["version"] for one in versions] == [3, 2, 1]
    assert all("updated_at" not in one and one["created_at"] for one in versions)
    assert [one["version"] for one in api.ok("POST", f"{path}/versions", json={"limit": 1, "offset": 1})] == [2]
    assert [one["version"] for one in api.ok("POST", f"{path}/versions", json={"metadata": {"b": 2}})] == [3, 2]
    first = api.ok("POST", f"{path}/latest", json={"version": 1})
    assert (first["version"], first["name"], first["metadata"], first["context"]) == (1, "v1", {"a": 1}, {})
    assert api.ok("GET", path) == first
    again = api.ok("POST", f"{path}/latest?version=2")
    assert (again["version"], again["name"], again["context"], again["description"]) == (2, "v2", {"c": 3}, "d")
    assert api.ok("PATCH", path, json={"name": "v4"})["version"] == 4, "one more than the greatest"
    assert api.post(f"{path}/latest", json={"version": 9}).status_code == 404
    assert api.post(f"{path}/latest", json={}).status_code == 422
    assert api.post(f"/assistants/{MISSING}/versions", json={}).status_code == 404
    assert api.patch(path, json={"graph_id": "no-such-graph"}).status_code == 404


def test_a_patch_takes_the_description_away(api):
    made = api.ok("POST", "/assistants", json={"graph_id": "agent", "description": "first"})
    path = f"/assistants/{made['assistant_id']}"
    assert api.ok("PATCH", path, json={"name": "n"})["description"] == "first"
    assert api.ok("PATCH", path, json={"description": None})["description"] is None
    assert api.ok("GET", path)["description"] is None
    assert api.ok("POST", f"{path}/latest", json={"version": 2})["description"] == "first"


def test_searches_sort_page_select_and_count(api):
    """Issue 4: metadata containment, parts of names, sorting, select, pagination headers."""
    mark = uuid.uuid4().hex
    for name in ("Beta", "alpha", "Gamma%"):
        api.ok("POST", "/assistants", json={"graph_id": "script", "name": f"{name} {mark}", "metadata": {"deep": {"m": mark, "n": name}}})
    body = {"metadata": {"deep": {"m": mark}}, "graph_id": "script", "sort_by": "name", "sort_order": "asc"}
    answer = api.post("/assistants/search", json={**body, "limit": 2, "select": ["name", "graph_id"]})
    assert answer.json() == [{"graph_id": "script", "name": f"Beta {mark}"}, {"graph_id": "script", "name": f"Gamma% {mark}"}]
    assert (answer.headers["x-pagination-total"], answer.headers["x-pagination-next"]) == ("3", "2")
    answer = api.post("/assistants/search", json={**body, "limit": 2, "offset": 2})
    assert answer.headers["x-pagination-total"] == "3" and "x-pagination-next" not in answer.headers
    assert api.ok("POST", "/assistants/count", json={"metadata": {"deep": {"m": mark}}}) == 3
    assert api.ok("POST", "/assistants/count", json={"name": f"ALPHA {mark}"}) == 1
    assert api.ok("POST", "/assistants/count", json={"name": f"a%a {mark}"}) == 0, "a part of a name is no pattern"
    for wrong in ({"limit": 0}, {"limit": 1001}, {"offset": -1}, {"sort_by": "color"}, {"sort_order": "up"}, {"select": "name"}):
        refused = api.post("/assistants/search", json=wrong)
        assert refused.status_code == 422 and next(iter(wrong)) in refused.json()["detail"]


def test_deleting_takes_runs_and_where_asked_threads_along(api):
    """Issue 4: runs go with their assistant; its threads only with delete_threads."""
    made = [api.ok("POST", "/assistants", json={"graph_id": "agent"})["assistant_id"] for _ in range(2)]
    threads = [api.thread() for _ in made]
    for assistant_id, thread_id in zip(made, threads, strict=True):
        api.ok("POST", f"/threads/{thread_id}/runs/wait", json={"assistant_id": assistant_id, "input": HELLO})
    assert api.ok("DELETE", f"/assistants/{made[0]}") == [made[0]]
    assert api.ok("DELETE", f"/assistants/{made[1]}?delete_threads=True") == [made[1]]
    assert api.ok("GET", f"/threads/{threads[0]}/runs") == []
    assert contents(api.ok("GET", f"/threads/{threads[0]}")["values"])[-1] == GREETING
    assert api.get(f"/threads/{threads[1]}").status_code == 404
    assert api.delete(f"/assistants/{made[0]}").status_code == 404


def test_the_environment_configures_the_assistants_of_graphs(start_server):
    """Issue 4: LANGGRAPH_CONFIG; its context is split off."""
    configured = {"agent": {"configurable": {"tone": "dry"}, "recursion_limit": 9, "context": {"who": "me"}}, "gone": {}}
    server = start_server(env={"LANGGRAPH_CONFIG": json.dumps(configured)})
    with Api(server.url) as api:
        agent = api.ok("GET", "/assistants/agent")
        assert agent["config"] == {"configurable": {"tone": "dry"}, "recursion_limit": 9}
        assert agent["context"] == {"who": "me"}
        assert api.ok("GET", "/assistants/script")["config"] == {}
    server.stop()
