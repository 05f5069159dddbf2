"""Schedules of Fleet agents: kept, changed, refused, and fired (issue 7; fleet.md 2.3)."""

import uuid

import pytest

from harness.api import Api, refused
from harness.model import ModelServer, text
from harness.ports import eventually

AGENTS = "/v1/fleet/agents"
NEVER = "0 0 29 2 *"
FIELDS = {"id", "agent_id", "cron", "timezone", "input_message", "display_name", "enabled", "next_run_at", "created_at",
          "updated_at"}


@pytest.fixture
def agent(api):
    return api.ok("POST", AGENTS, json={"name": "A", "system_prompt": "x"})


@pytest.fixture
def model():
    with ModelServer() as running:
        yield running


def at(agent, rest=""):
    return f"{AGENTS}/{agent['id']}/schedules{rest}"


def make(api, agent, **more):
    return api.ok("POST", at(agent), json={"cron": NEVER, "input_message": "Good morning", **more})


def test_a_schedule_is_made_changed_and_deleted(api, agent):
    made = make(api, agent, display_name="Morning", timezone="Europe/Berlin")
    assert set(made) == FIELDS and uuid.UUID(made["id"]) and made["agent_id"] == agent["id"]
    assert (made["cron"], made["input_message"], made["display_name"], made["enabled"], made["timezone"]) == (
        NEVER, "Good morning", "Morning", True, "Europe/Berlin")
    assert made["next_run_at"].endswith("T23:00:00.000000+00:00")  # midnight there
    assert api.ok("GET", at(agent, f"/{made['id']}")) == made
    assert api.ok("GET", at(agent)) == {"items": [made], "next_cursor": None}
    changed = api.ok("PATCH", at(agent, f"/{made['id']}"), json={"input_message": "Good night", "enabled": False})
    assert changed["input_message"] == "Good night" and changed["enabled"] is False and changed["next_run_at"] is None
    assert changed["display_name"] == "Morning" and changed["cron"] == NEVER
    again = api.ok("PATCH", at(agent, f"/{made['id']}"), json={"cron": "0 1 29 2 *", "timezone": "UTC", "enabled": True})
    assert again["cron"] == "0 1 29 2 *" and again["next_run_at"].endswith("T01:00:00.000000+00:00")
    assert again["input_message"] == "Good night"
    assert api.delete(at(agent, f"/{made['id']}")).status_code == 204
    refused(api.get(at(agent, f"/{made['id']}")), 404)
    refused(api.delete(at(agent, f"/{made['id']}")), 404)


def test_the_same_cron_twice_is_a_conflict(api, agent):
    make(api, agent)
    refused(api.post(at(agent), json={"cron": "0  0 29 2 *", "input_message": "x"}), 409, "cron")
    other = make(api, agent, cron="1 0 29 2 *")
    refused(api.patch(at(agent, f"/{other['id']}"), json={"cron": NEVER}), 409)
    assert make(api, agent, timezone="Asia/Tokyo")["cron"] == NEVER  # another moment


@pytest.mark.parametrize("change, words", [
    ({"cron": None}, ["cron"]), ({"cron": ""}, ["cron"]), ({"cron": "61 * * * *"}, ["cron: minute"]),
    ({"cron": "* * * *"}, ["cron"]), ({"cron": 5}, ["cron"]), ({"timezone": "Mars/Olympus"}, ["timezone"]),
    ({"timezone": 1}, ["timezone"]), ({"enabled": "yes"}, ["enabled"]), ({"input_message": 1}, ["input_message"]),
    ({"input_message": "x" * 70000}, ["input_message"]), ({"display_name": "x" * 201}, ["display_name"]),
    ({"display_name": []}, ["display_name"]),
])
def test_a_wrong_field_is_named(api, agent, change, words):
    refused(api.post(at(agent), json={"cron": NEVER, "input_message": "x", **change}), 422, *words)
    assert api.ok("GET", at(agent))["items"] == []


def test_schedules_are_listed_page_by_page(api, agent):
    made = [make(api, agent, cron=f"{i} 0 29 2 *")["id"] for i in range(5)]
    found, cursor = [], ""
    while cursor is not None:
        page = api.ok("GET", at(agent, f"?page_size=2&cursor={cursor}"))
        assert len(page["items"]) <= 2
        found += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert found == made[::-1]


def test_schedules_are_their_agents_and_go_with_it(api, agent):
    other = api.ok("POST", AGENTS, json={"name": "B", "system_prompt": "x"})
    made = make(api, agent)
    refused(api.get(at(other, f"/{made['id']}")), 404)
    refused(api.patch(at(other, f"/{made['id']}"), json={}), 404)
    cron = api.ok("POST", "/runs/crons", json={"schedule": NEVER, "assistant_id": agent["id"], "input": {}})
    refused(api.get(at(agent, f"/{cron['cron_id']}")), 404)  # a cron, but none of its schedules
    assert [one["id"] for one in api.ok("GET", at(agent))["items"]] == [made["id"]]
    api.ok("DELETE", f"{AGENTS}/{agent['id']}")
    assert api.get(f"/runs/crons/{made['id']}").status_code == 404
    refused(api.get(at(agent)), 404)


def test_an_agent_that_nobody_else_may_run_has_none(api):
    private = api.ok("POST", AGENTS, json={"name": "P", "system_prompt": "x", "permissions": {"visibility": "user"}})
    refused(api.post(at(private), json={"cron": NEVER, "input_message": "x"}), 422, "visibility")


def test_who_may(store, tmp_path_factory):
    from harness.server import Server
    with Server(tmp_path_factory.mktemp("people"), store=store()) as server:
        with Api(server.url) as first:
            admin = first.ok("POST", "/v1/keys", json={"name": "admin"})["key"]
        with Api(server.url, headers={"x-api-key": admin}) as root:
            ann, bob = (Api(server.url, headers={"x-api-key": root.ok(
                "POST", "/v1/keys", json={"email": f"{name}@example.com", "role": "editor", "workspaces": ["default"]})["key"]})
                for name in ("ann", "bob"))
            with ann, bob:
                agent = ann.ok("POST", AGENTS, json={"name": "A", "system_prompt": "x"})
                made = make(ann, agent)
                assert bob.ok("GET", at(agent))["items"] == [made]
                refused(bob.post(at(agent), json={"cron": "1 1 29 2 *", "input_message": "x"}), 403)
                refused(bob.delete(at(agent, f"/{made['id']}")), 403)
                hidden = ann.ok("POST", AGENTS, json={"name": "H", "system_prompt": "x", "permissions": {
                    "visibility": "user"}})
                refused(bob.get(at(hidden)), 404)


@pytest.mark.timeout(240)
def test_a_schedule_runs_the_agent_unless_its_triggers_are_paused(start_server, model, passing):
    """A minute that passes while the server is down is made up for at its start, so this waits for one minute only."""
    server = start_server(dev=True, env=passing.env())
    with Api(server.url) as api:
        api.ok("POST", "/v1/fleet/secrets", json={"name": "SCRIPT_BASE_URL", "value": model.url + "/v1"})
        agents = {}
        for name in ("runs", "paused", "off"):
            agents[name] = api.ok("POST", AGENTS, json={"name": name, "system_prompt": "Be kind.",
                                                        "model": {"id": f"script:{name}"}})
            model.say(name, text("Good morning to you"))
            make(api, agents[name], cron="* * * * *", input_message=f"Wake up, {name}", enabled=name != "off",
                 display_name="Every minute")
        assert api.ok("PATCH", f"{AGENTS}/{agents['paused']['id']}", json={"triggers_paused": True})["triggers_paused"]
    server.stop()
    passing.wait(61)
    server.start()
    with Api(server.url) as api:
        def threads():
            return [one for one in api.ok("POST", "/threads/search", json={"metadata": {}, "limit": 10})
                    if one["status"] != "busy" and one["values"]]
        eventually(threads, 30, why="no run was made")
        (thread,) = threads()
        messages = [(one["type"], one["content"]) for one in thread["values"]["messages"]]
        assert messages == [("human", "Wake up, runs"), ("ai", "Good morning to you")]
        (run,) = api.ok("GET", f"/threads/{thread['thread_id']}/runs")
        assert run["assistant_id"] == agents["runs"]["id"] and run["status"] == "success"
        assert run["metadata"]["fleet_schedule"]["display_name"] == "Every minute"
        assert len(model.of("paused")) == len(model.of("off")) == 0
        (schedule,) = api.ok("GET", at(agents["paused"]))["items"]
        assert schedule["enabled"] is True and schedule["next_run_at"]  # it goes on when they are not
