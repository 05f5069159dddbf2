"""Assistants: those that every graph has by itself, and those that clients make (requirements C2, C7)."""

import uuid

import pytest

from harness.api import GREETING, HELLO, contents

AGENT_ID = "fe096781-5601-53d2-b2f6-0d3403f7e9ca"  # UUIDv5 of "agent"
MISSING = "00000000-0000-7000-8000-000000000000"


def test_the_documented_search_finds_a_default_assistant(api):
    """C2: jq 'map(select(.config == null or .config == {})) | .[0]' must find something."""
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
