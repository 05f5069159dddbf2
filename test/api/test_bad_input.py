"""Issue 4: what is wrong with a request is answered by name, whatever is wrong, and breaks nothing."""

import json
import uuid

import pytest

from harness.api import run_body, say

MISSING = "00000000-0000-7000-8000-000000000000"
DEEP = "[" * 100_000
CRON = {"assistant_id": "agent", "schedule": "0 0 1 1 *"}
OTHER_TYPES = {"a boolean": True, "a number": 7, "a fraction": 1.5, "a huge number": 2**63, "a text": "x",
               "an array": [1], "an object": {"a": 1}}


@pytest.fixture(scope="module")
def places(server):
    """A thread with a state, an assistant and a cron of this module."""
    from harness.api import Api
    with Api(server.url) as api:
        thread_id = api.thread()
        api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body([say("a")]))
        yield {"thread": thread_id, "assistant": api.ok("POST", "/assistants", json={"graph_id": "script"})["assistant_id"],
               "cron": api.ok("POST", "/runs/crons", json=CRON)["cron_id"]}


# Path, what is right besides, and for each field the types that it must not have.
NOT_TEXT = ("a boolean", "a number", "an array", "an object")
NOT_OBJECT = ("a boolean", "a number", "a text", "an array")
NOT_WHOLE = ("a boolean", "a fraction", "a huge number", "a text", "an array", "an object")
NOT_BOOL = ("a number", "a text", "an array", "an object")
NOT_NAMES = ("a boolean", "a number", "a text", "an array", "an object")
PAGE = {"limit": NOT_WHOLE, "offset": NOT_WHOLE, "sort_by": (*NOT_TEXT, "a text"),
        "sort_order": (*NOT_TEXT, "a text"), "select": NOT_NAMES}
RUN = {"assistant_id": NOT_TEXT, "command": NOT_OBJECT, "metadata": NOT_OBJECT, "config": NOT_OBJECT,
       "checkpoint": NOT_OBJECT, "checkpoint_id": NOT_TEXT, "webhook": (*NOT_TEXT, "a text"),
       "interrupt_before": NOT_NAMES, "interrupt_after": NOT_NAMES, "stream_mode": NOT_NAMES,
       "stream_subgraphs": NOT_BOOL, "stream_resumable": NOT_BOOL, "strict_resume": NOT_BOOL, "on_disconnect": (*NOT_TEXT, "a text"),
       "multitask_strategy": (*NOT_TEXT, "a text"), "if_not_exists": (*NOT_TEXT, "a text"),
       "after_seconds": ("a boolean", "a huge number", "a text", "an array", "an object"),
       "durability": (*NOT_TEXT, "a text"), "feedback_keys": NOT_NAMES, "langsmith_tracer": NOT_OBJECT,
       "on_completion": NOT_TEXT}
SAME_IN_CRONS = ("assistant_id", "metadata", "config", "webhook", "interrupt_before", "stream_mode", "durability")
CRON_FIELDS = {**{key: RUN[key] for key in SAME_IN_CRONS}, "schedule": (*NOT_TEXT, "a text"),
               "timezone": (*NOT_TEXT, "a text"), "end_time": (*NOT_TEXT, "a text"), "enabled": NOT_BOOL,
               "on_run_completed": (*NOT_TEXT, "a text")}
OPERATIONS = [
    ("POST", "/assistants", {"graph_id": "agent"},
     {"graph_id": NOT_TEXT, "assistant_id": (*NOT_TEXT, "a text"), "config": NOT_OBJECT, "metadata": NOT_OBJECT,
      "name": NOT_TEXT, "description": NOT_TEXT, "if_exists": (*NOT_TEXT, "a text")}),
    ("PATCH", "/assistants/{assistant}", {},
     {"graph_id": NOT_TEXT, "config": NOT_OBJECT, "metadata": NOT_OBJECT, "name": NOT_TEXT, "description": NOT_TEXT}),
    ("POST", "/assistants/search", {}, {**PAGE, "metadata": NOT_OBJECT, "graph_id": NOT_TEXT, "name": NOT_TEXT}),
    ("POST", "/assistants/{assistant}/versions", {}, {"limit": NOT_WHOLE, "metadata": NOT_OBJECT}),
    ("POST", "/assistants/{assistant}/latest", {}, {"version": NOT_WHOLE}),
    ("POST", "/threads", {},
     {"thread_id": (*NOT_TEXT, "a text"), "metadata": NOT_OBJECT, "if_exists": (*NOT_TEXT, "a text"),
      "supersteps": NOT_NAMES, "ttl": ("a boolean", "a text", "an array", "an object")}),
    ("PATCH", "/threads/{thread}", {}, {"metadata": NOT_OBJECT, "ttl": ("a boolean", "a text", "an array", "an object")}),
    ("POST", "/threads/search", {},
     {**PAGE, "metadata": NOT_OBJECT, "values": NOT_OBJECT, "ids": NOT_NAMES, "status": (*NOT_TEXT, "a text"),
      "extract": (*NOT_OBJECT, "an object")}),
    ("POST", "/threads/prune", {"thread_ids": []}, {"thread_ids": NOT_NAMES, "strategy": (*NOT_TEXT, "a text")}),
    ("POST", "/threads/{thread}/state/checkpoint", {"checkpoint": {}},
     {"checkpoint": NOT_OBJECT, "subgraphs": NOT_BOOL, "select": NOT_NAMES}),
    ("POST", "/threads/{thread}/state", {"values": {}},
     {"values": ("a boolean", "a number", "a text"), "as_node": NOT_TEXT, "checkpoint": NOT_OBJECT,
      "checkpoint_id": NOT_TEXT}),
    ("POST", "/threads/{thread}/history", {},
     {"limit": NOT_WHOLE, "metadata": NOT_OBJECT, "checkpoint": NOT_OBJECT, "select": NOT_NAMES,
      "before": ("a boolean", "a number", "an array")}),
    ("POST", "/threads/{thread}/runs", {"assistant_id": "agent"}, RUN),
    ("POST", "/runs/wait", {"assistant_id": "agent"}, RUN),
    ("POST", "/runs/cancel", {}, {"status": (*NOT_TEXT, "a text"), "thread_id": (*NOT_TEXT, "a text")}),
    ("POST", "/runs/crons", CRON, CRON_FIELDS),
    ("PATCH", "/runs/crons/{cron}", {}, CRON_FIELDS),
    ("POST", "/runs/crons/search", {},
     {**PAGE, "assistant_id": NOT_TEXT, "thread_id": (*NOT_TEXT, "a text"), "enabled": NOT_BOOL, "metadata": NOT_OBJECT}),
    ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {}},
     {"key": NOT_TEXT, "value": NOT_OBJECT, "ttl": ("a boolean", "a text", "an array", "an object")}),
    ("POST", "/store/items/search", {},
     {"filter": NOT_OBJECT, "limit": NOT_WHOLE, "offset": NOT_WHOLE, "query": NOT_TEXT, "refresh_ttl": NOT_BOOL}),
    ("POST", "/store/namespaces", {}, {"prefix": ("a boolean", "a text"), "max_depth": NOT_WHOLE, "limit": NOT_WHOLE}),
]


@pytest.mark.parametrize("method, path, right, fields", OPERATIONS, ids=lambda x: x if isinstance(x, str) else "")
def test_a_field_of_another_type_is_named(api, places, method, path, right, fields):
    for field, kinds in fields.items():
        for kind in kinds:
            answer = api.request(method, path.format(**places), json={**right, field: OTHER_TYPES[kind]})
            # A graph, an assistant or a thread that is not there is 404; a missing field may be asked for first.
            assert answer.status_code == 422, (field, kind, answer.status_code, answer.text)
            assert field in answer.json()["detail"], (field, kind, answer.text)


@pytest.mark.parametrize("method, path", [(one[0], one[1]) for one in OPERATIONS])
def test_a_body_that_is_no_json_object_is_refused(api, places, method, path):
    for body in (b"[]", b"1", b"null", b'{"a":', b"{} x", b'{"a":"\xff"}', DEEP.encode(), b'{"limit":NaN}', b'"\\ud800"'):
        answer = api.request(method, path.format(**places), content=body)
        assert answer.status_code == 422, (body[:20], answer.status_code, answer.text)
        assert "body" in answer.json()["detail"], (body[:20], answer.text)


LONG = "x" * 200_000


def test_long_texts_break_nothing(api, places):
    state = f"/threads/{places['thread']}/state"
    for path, body in ((state, {"values": {}, "checkpoint_id": LONG}),
                       (state, {"values": {}, "checkpoint": {"checkpoint_id": LONG}}),
                       (f"{state}/checkpoint", {"checkpoint": {"checkpoint_ns": LONG}}),
                       (f"/threads/{places['thread']}/history", {"before": LONG}),
                       (f"/threads/{places['thread']}/runs", {"assistant_id": "agent", "checkpoint_id": LONG}),
                       ("/assistants/search", {"name": LONG}), ("/assistants/count", {"name": LONG})):
        answer = api.post(path, json=body)
        assert answer.status_code == 422 and "bytes" in answer.json()["detail"], (path, answer.status_code, answer.text)
    for metadata, count in (({"a": LONG * 10}, 0), ({"step": 1}, 1)):
        found = api.ok("POST", f"/threads/{places['thread']}/history", json={"metadata": metadata, "limit": 9})
        assert len(found) == count, metadata
    modes = ["values", "updates"] * 20_000
    assert api.post("/runs/wait", json={**run_body([say("a")]), "stream_mode": modes}).status_code == 200
    assert api.get(state).json()["values"]


def test_a_uuid_is_the_same_in_capitals(api):
    thread_id = str(uuid.uuid4())
    assert api.thread(thread_id=thread_id.upper()) == thread_id
    run = api.run(thread_id.upper(), [say("a")])
    assert run["thread_id"] == thread_id
    api.ended(run)
    assert [one["run_id"] for one in api.ok("GET", f"/threads/{thread_id.upper()}/runs")] == [run["run_id"]]
    cron = api.ok("POST", f"/threads/{thread_id.upper()}/runs/crons", json=CRON)
    assert cron["thread_id"] == thread_id
    assert api.delete(f"/threads/{thread_id.upper()}").status_code == 204


def test_a_method_that_a_path_lacks_is_405_with_those_it_has(api, places):
    answer = api.put(f"/threads/{places['thread']}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, PATCH, DELETE, OPTIONS")
    assert api.delete("/store/namespaces").headers["allow"] == "POST, OPTIONS"


def test_versions_of_an_assistant_that_is_not_there(api):
    answer = api.post(f"/assistants/{MISSING}/versions", json={})
    assert (answer.status_code, answer.json()) == (404, {"detail": f'Assistant "{MISSING}" not found.'})


def test_a_command_that_says_nothing_is_none(api):
    body = {**run_body([say("a")]), "command": {}}
    assert api.ok("POST", "/runs/wait", json=body)["messages"][-1]["content"] == "a"


def test_select_of_states_takes_members_and_keys_of_the_values(api, places):
    path = f"/threads/{places['thread']}/state"
    whole = api.ok("GET", path)
    checkpoint = {"checkpoint": {"checkpoint_id": whole["checkpoint"]["checkpoint_id"]}}
    picked = {"values": {"messages": whole["values"]["messages"]}, "next": []}
    names = ["next", "values.messages", "values.nothing"]
    assert api.ok("GET", path, params={"select": names}) == picked
    assert api.ok("GET", path, params={"select": json.dumps(names)}) == picked
    assert api.ok("GET", f"{path}/{whole['checkpoint']['checkpoint_id']}", params={"select": names}) == picked
    assert api.ok("POST", f"{path}/checkpoint", json={**checkpoint, "select": names}) == picked
    assert api.ok("POST", path.replace("/state", "/history"), json={"select": ["next"], "limit": 2})[0] == {"next": []}
    assert list(api.ok("GET", path.replace("/state", "/history"), params={"select": ["created_at"]})[0]) == ["created_at"]
    assert api.ok("GET", path, params={"select": ["values", "values.messages"]}) == {"values": whole["values"]}
    assert api.get(path, params={"select": ["values."]}).status_code == 422


def test_the_members_of_a_configuration_are_checked_everywhere(api, places):
    for path, body in (("/assistants", {"graph_id": "agent"}), ("/runs", {"assistant_id": "agent"}), ("/runs/crons", CRON),
                       ("/assistants/{assistant}", {}), ("/runs/crons/{cron}", {})):
        method = "PATCH" if "{" in path else "POST"
        for member, wrong in (("tags", "a"), ("tags", [1]), ("configurable", []), ("recursion_limit", "5"),
                              ("recursion_limit", 0), ("recursion_limit", 1.5)):
            answer = api.request(method, path.format(**places), json={**body, "config": {member: wrong}})
            assert answer.status_code == 422, (path, member, answer.status_code, answer.text)
            assert answer.json()["detail"].startswith(f"config.{member}: must be"), (path, answer.text)


def test_modes_to_join_with_are_known_ones(api):
    run = api.run(api.thread(), [say("a")])
    for wrong in ("nothing", ["values", "nothing"], '["values", "nothing"]'):
        answer = api.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}/stream", params={"stream_mode": wrong})
        assert answer.status_code == 422 and "stream_mode" in answer.json()["detail"], (wrong, answer.text)


def test_a_tracer_is_configuration(api):
    run = api.run(None, [say("a")], langsmith_tracer={"project_name": "p", "example_id": "e"})
    configurable = run["kwargs"]["config"]["configurable"]
    assert (configurable["langsmith_project"], configurable["langsmith_example_id"]) == ("p", "e")
