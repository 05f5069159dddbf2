"""Every route with two workspaces, generated from openapi.json: what is another's cannot be read, changed, or told from
what does not exist; and no list, search, count or stream shows it (issue 4)."""

import io
import json
import re
import uuid
import zipfile

import pytest

from harness.api import HELLO, Api
from harness.ports import eventually
from harness.server import Server

MARK = "belongs-to-b"
CERTIFICATES = __import__("pathlib").Path(__file__).resolve().parents[2] / "src/http/test_certificates"

def archive(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return out.getvalue()


NOBODY = str(uuid.uuid4())
ARCHIVE = archive(**{"AGENTS.md": "mine"})
# What a request must hold to be understood, so that it is the id that decides.
RUN = {"assistant_id": "agent", "input": HELLO}
CRON = {"assistant_id": "agent", "schedule": "0 0 1 1 *"}
ALERT = {"rule": {"name": MARK, "description": MARK, "type": "threshold", "aggregation": "sum", "operator": "gte",
                  "attribute": "error_count", "window_minutes": 5, "threshold": 2}, "actions": []}
PRICE = {"name": "mine", "match_pattern": "^mine$", "prompt_cost": 0, "completion_cost": 0}
BODIES = {
    ("PUT", "/model-price-map/{price_id}"): PRICE,
    **{("PUT", f"{path}/mcp-servers/{{mcp_server_id}}"): {"name": "x", "url": "http://127.0.0.1:9/other"}
       for path in ("/v1/fleet", "/platform/fleet", "/v1/deepagents")},
    ("POST", "/v1/fleet/agents/{agent_id}/schedules"): {"cron": "0 0 29 2 *"},
    ("POST", "/platform/alerts/{session_id}"): ALERT,
    ("PATCH", "/runs/rules/{rule_id}"): {"display_name": "mine", "sampling_rate": 1},
    ("POST", "/platform/alerts/{session_id}/test"): ALERT,
    ("POST", "/platform/alerts/{session_id}/preview"): ALERT,
    ("PATCH", "/platform/alerts/{session_id}/{alert_rule_id}"): ALERT,
    ("POST", "/assistants/{assistant_id}/latest"): {"version": 1},
    ("POST", "/threads/{thread_id}/state"): {"values": {"messages": []}},
    ("PATCH", "/threads/{thread_id}/state"): {"metadata": {"mine": True}},
    ("POST", "/threads/{thread_id}/commands"): {"id": 1, "method": "state.get"},
    ("POST", "/threads/{thread_id}/stream/events"): {"channels": ["values"]},
    ("POST", "/threads/{thread_id}/runs"): RUN,
    ("POST", "/threads/{thread_id}/runs/stream"): RUN,
    ("POST", "/threads/{thread_id}/runs/wait"): RUN,
    ("POST", "/threads/{thread_id}/runs/crons"): CRON,
    ("PUT", "/v1/endpoints/{endpoint_id}/headers"): {"headers": {"x-mine": "1"}},
    ("PUT", "/v1/endpoints/{endpoint_id}/client-certificate"): {
        "certificate": (CERTIFICATES / "good.pem").read_text(), "key": (CERTIFICATES / "good.key").read_text()},
    ("PUT", "/v1/endpoints/{endpoint_id}/oauth"): {
        "token_url": "http://127.0.0.1:9/token", "client_id": "a", "client_secret": "a"},
    ("PATCH", "/v1/workspaces/{workspace_id}"): {"name": "mine"},
    ("POST", "/annotation-queues/{queue_id}/runs"): [],
    ("POST", "/datasets/{dataset_id}/runs"): {"session_ids": [NOBODY]},
    ("PUT", "/datasets/{dataset_id}/splits"): {"split_name": "mine", "examples": []},
    ("POST", "/annotation-queues/{queue_id}/runs/by-key"): [],
    ("POST", "/v1/fleet/agents/{agent_id}/diff"): ARCHIVE,
    ("POST", "/v1/fleet/agents/{agent_id}/import"): ARCHIVE,
    ("POST", "/v1/fleet/agents/{agent_id}/restore"): {"version": 1},
    ("POST", "/platform/fleet-webhooks/{webhook_id}/run"): {"agent_id": NOBODY},
    ("POST", "/v1/endpoints/{endpoint_id}/recover"): {"since": "1h"},
}
# Answers that are not 404, and why they tell nothing.
OTHERWISE = {
    ("GET", "/v2/traces/{trace_id}/runs"): {200},              # an empty list
    ("GET", "/v2/threads/{thread_id}/traces"): {422},          # a project must be named, as below
    ("GET", "/runs/threads/{thread_id}"): {422},               # the same
    ("GET", "/sessions/{session_id}/metadata"): {422},         # keys must be named, before anything is looked at
    ("GET", "/v2/threads/{thread_id}/stats"): {422},           # a project must be named: another's has no such thread
    ("POST", "/threads/{thread_id}/copy"): {409},              # the contract's status for a missing thread
    ("GET", "/threads/{thread_id}/runs/{run_id}/stream"): {200},  # an error event says it (contract 2.1)
    ("GET", "/runs/{run_id}/stream"): {200},                   # an empty stream
    ("GET", "/threads/{thread_id}/stream"): {200, 404},
    ("POST", "/threads/{thread_id}/commands"): {200},          # the protocol's errors are answers
    ("GET", "/threads/{thread_id}/stream/events"): {400, 426}, # no WebSocket was asked for
    ("PATCH", "/runs/{span_id}"): {202},                       # may come before its span: it is one's own then
    ("POST", "/platform/datasets/{dataset_id}/examples"): {422},   # no parts were sent
    ("PATCH", "/platform/datasets/{dataset_id}/examples"): {422},
    ("DELETE", "/v1/fleet/skills/{skill_id}"): {204},          # what is not there is gone
    ("PUT", "/v1/fleet/secrets/{secret_name}"): {422},         # no value was sent; with one it is one's own then
    ("DELETE", "/v1/workspaces/{workspace_id}"): {403},        # takes a key of all workspaces
    ("POST", "/v1/workspaces/{workspace_id}/erase"): {403},    # the same
}


def run_with_webhook(api, hook):
    thread = api.thread(metadata={"mark": MARK})
    run = api.run(thread, webhook=hook.url, metadata={"mark": MARK},
                  input={"messages": [{"role": "user", "content": MARK}]})
    api.ended(run)
    return run


def furnish(api, hook):
    """One of everything, in the workspace of `api`: {parameter of paths: id}, most of it with the mark."""
    has = {"workspace_id": "workspace-b", "namespace": "x", "name": "x-secret"}
    has["assistant_id"] = api.ok("POST", "/assistants", json={
        "graph_id": "agent", "name": MARK, "metadata": {"mark": MARK}})["assistant_id"]
    run = run_with_webhook(api, hook)
    has["thread_id"], has["run_id"] = run["thread_id"], run["run_id"]
    has["checkpoint_id"] = api.ok("GET", f"/threads/{has['thread_id']}/state")["checkpoint"]["checkpoint_id"]
    has["cron_id"] = api.ok("POST", "/runs/crons", json={**CRON, "metadata": {"mark": MARK}})["cron_id"]
    api.ok("PUT", "/store/items", json={"namespace": [MARK], "key": "k", "value": {"mark": MARK}})
    delivery = eventually(lambda: api.ok("GET", "/v1/deliveries")["deliveries"])[0]
    has["delivery_id"], has["endpoint_id"] = delivery["delivery_id"], delivery["endpoint_id"]
    endpoint = f"/v1/endpoints/{has['endpoint_id']}"
    api.ok("PATCH", endpoint, json={"name": MARK})
    api.ok("PUT", f"{endpoint}/headers", json={"headers": {"x-secret": MARK}})
    api.ok("PUT", f"{endpoint}/oauth", json={"token_url": "http://127.0.0.1:9/", "client_id": MARK, "client_secret": MARK})
    has["signing-keys/key_id"] = api.ok("POST", f"{endpoint}/signing-keys", json={"type": "hmac"})["key_id"]
    has["replay_id"] = api.ok("POST", "/v1/replays", json={"object_id": MARK, "rate": 0.01})["replay_id"]
    eventually(lambda: api.ok("GET", f"/v1/replays/{has['replay_id']}")["state"] == "done")
    has["erasure_id"] = api.ok("POST", "/v1/erasures", json={"object_id": NOBODY})["erasure_id"]
    inspector = api.ok("POST", "/v1/inspectors", json={"name": MARK})
    has["inspector_id"] = inspector["inspector_id"]
    api.post(inspector["url"], content=MARK)
    has["request_id"] = api.ok("GET", f"/v1/inspectors/{has['inspector_id']}/requests")[0]["request_id"]
    has["session_id"] = api.ok("POST", "/sessions", json={"name": MARK})["id"]
    has["span_id"] = has["trace_id"] = str(uuid.uuid4())
    api.ok("POST", "/runs", json={"id": has["span_id"], "name": MARK, "run_type": "chain", "session_name": MARK,
                                  "inputs": {"mark": MARK}, "start_time": "2026-11-28T12:00:00Z"})
    has["feedback_id"] = api.ok("POST", "/feedback", json={"run_id": has["span_id"], "key": MARK, "score": 1})["id"]
    has["agent_id"] = api.ok("POST", "/v1/fleet/agents", json={"name": MARK, "system_prompt": MARK})["id"]
    has["version"] = 1
    has["secret_name"] = api.ok("POST", "/v1/fleet/secrets", json={"name": "B_" + MARK.upper().replace("-", "_"),
                                                                   "value": MARK})["name"]
    has["mcp_server_id"] = api.ok("POST", "/v1/fleet/mcp-servers", json={
        "name": MARK, "url": "http://127.0.0.1:9/mcp", "headers": [{"key": "x-mark", "value": MARK}]})["id"]
    has["skill_id"] = api.ok("POST", "/v1/fleet/skills", json={"name": MARK, "files": {
        "SKILL.md": f"---\nname: {MARK}\ndescription: {MARK}\n---\n"}})["id"]
    has["schedule_id"] = api.ok("POST", f"/v1/fleet/agents/{has['agent_id']}/schedules", json={
        "cron": "0 0 29 2 *", "input_message": MARK})["id"]
    has["provider_slug"] = api.ok("POST", "/v1/fleet/auth-providers", json={
        "provider_slug": MARK, "client_id": MARK, "client_secret": MARK, "token_url": "http://127.0.0.1:9/"})["id"]
    has["webhook_id"] = api.ok("POST", "/platform/fleet-webhooks", json={"name": MARK, "url": hook.url})["id"]
    has["alert_rule_id"] = api.ok("POST", f"/platform/alerts/{has['session_id']}", json=ALERT)["rule"]["id"]
    has["rule_id"] = api.ok("POST", "/runs/rules", json={"display_name": MARK, "sampling_rate": 1,
                                                         "session_id": has["session_id"]})["id"]
    has["dataset_id"] = api.ok("POST", "/datasets", json={"name": MARK})["id"]
    has["example_id"] = api.ok("POST", "/examples", json={"dataset_id": has["dataset_id"], "inputs": {"mark": MARK}})["id"]
    has["comparative_id"] = api.ok("POST", "/datasets/comparative", json={
        "name": MARK, "reference_dataset_id": has["dataset_id"], "experiment_ids": [has["session_id"]]})["id"]
    has["tenant_id"] = api.ok("GET", f"/sessions/{has['session_id']}")["tenant_id"]
    has["queue_id"] = api.ok("POST", "/annotation-queues", json={"name": MARK})["id"]
    has["index"] = 0
    api.ok("POST", f"/annotation-queues/{has['queue_id']}/runs", json=[has["span_id"]])
    has["queue_run_id"] = api.ok("GET", f"/annotation-queues/{has['queue_id']}/run/0")["queue_run_id"]
    has["price_id"] = api.ok("POST", "/model-price-map", json={**PRICE, "name": MARK})["id"]
    has["key_id"] = api.ok("POST", "/v1/keys", json={"name": MARK, "role": "viewer"})["key_id"]
    return has


@pytest.fixture(scope="module")
def two(store, tmp_path_factory, shared_receiver):
    """Clients of workspaces a and b, what b has, and the operations there are."""
    with Server(tmp_path_factory.mktemp("isolation"), store=store()) as server:
        with Api(server.url) as first:
            root = first.ok("POST", "/v1/keys", json={})["key"]
        with Api(server.url, headers={"x-api-key": root}) as admin:
            keys = {}
            for one in ("workspace-a", "workspace-b"):
                admin.ok("POST", "/v1/workspaces", json={"workspace_id": one, "name": "of a" if one == "workspace-a" else MARK})
                keys[one] = admin.ok("POST", "/v1/keys", json={"workspaces": [one]})["key"]
            document = admin.ok("GET", "/openapi.json")
        with Api(server.url, headers={"x-api-key": keys["workspace-a"]}, timeout=10) as a, \
                Api(server.url, headers={"x-api-key": keys["workspace-b"]}) as b:
            has = furnish(b, shared_receiver.hook("/isolation"))
            operations = [(method.upper(), path) for path, methods in document["paths"].items()
                          for method, told in methods.items() if told["x-runbell-permission"] != "anyone"]
            yield a, b, has, operations


def parameters(path):
    """Its parameters, by what they are called in `has`."""
    names = re.findall(r"\{([^}]+)\}", path)
    return [(name, "signing-keys/key_id" if name == "key_id" and "signing-keys" in path else name) for name in names]


def nobodys(value):
    """An id like this one that nobody has."""
    if isinstance(value, int) or str(value).isdigit():
        return "999999999"
    return str(uuid.uuid4()) if re.fullmatch(r"[0-9a-f-]{36}", str(value)) else "z" + uuid.uuid4().hex[:16]


def fill(path, ids):
    for name, known in parameters(path):
        path = path.replace("{%s}" % name, str(ids[known]))
    return path


def answer(client, method, path, body):
    """Status and text; of a stream what comes first."""
    sent = {} if method in ("GET", "DELETE") else {"content" if isinstance(body, bytes) else "json": body}
    with client.stream(method, path, **sent) as response:
        if "event-stream" in response.headers.get("content-type", ""):
            return response.status_code, "".join(line + "\n" for line in response.iter_lines())
        return response.status_code, response.read().decode()


def snapshot(b, has):
    """All of b that can be seen."""
    paths = [f"/assistants/{has['assistant_id']}", f"/threads/{has['thread_id']}", f"/threads/{has['thread_id']}/state",
             f"/threads/{has['thread_id']}/runs", f"/runs/crons/{has['cron_id']}",
             f"/v1/endpoints/{has['endpoint_id']}", f"/v1/endpoints/{has['endpoint_id']}/headers",
             f"/v1/endpoints/{has['endpoint_id']}/oauth", f"/v1/endpoints/{has['endpoint_id']}/signing-keys",
             f"/v1/inspectors/{has['inspector_id']}", f"/v1/inspectors/{has['inspector_id']}/requests",
             f"/v1/fleet/agents/{has['agent_id']}?include=files", "/v1/fleet/agents", "/v1/fleet/secrets",
             "/v1/fleet/mcp-servers", f"/v1/fleet/skills/{has['skill_id']}", "/v1/fleet/skills",
             f"/v1/fleet/agents/{has['agent_id']}/schedules", "/v1/fleet/auth-providers",
             f"/platform/fleet-webhooks/{has['webhook_id']}", "/v1/fleet/publishes",
             "/v1/deliveries", "/v1/endpoints", f"/v1/replays/{has['replay_id']}", f"/v1/keys/{has['key_id']}",
             f"/runs/{has['span_id']}", f"/feedback/{has['feedback_id']}", f"/sessions/{has['session_id']}", "/sessions",
             f"/platform/alerts/{has['session_id']}", f"/v1/fleet/agents/{has['agent_id']}", "/runs/rules",
             f"/datasets/{has['dataset_id']}", f"/datasets/{has['dataset_id']}/comparative", "/datasets", f"/examples/{has['example_id']}", "/annotation-queues",
             f"/annotation-queues/{has['queue_id']}/runs", f"/runs/rules/{has['rule_id']}", "/v1/workspaces/workspace-b"]
    seen = {path: b.ok("GET", path) for path in paths}
    seen["items"] = b.ok("POST", "/store/items/search", json={"namespace_prefix": []})
    seen["threads"] = b.ok("POST", "/threads/search", json={"limit": 1000})
    seen["crons"] = b.ok("POST", "/runs/crons/search", json={})
    return json.dumps(seen)


def test_what_is_anothers_is_like_what_does_not_exist(two):
    a, b, has, operations = two
    before = snapshot(b, has)
    wrong, asked = [], 0
    for method, path in operations:
        if not parameters(path) or "{token}" in path:  # whoever has a token may: that is what it is for
            continue
        unknown = [known for _, known in parameters(path) if known not in has]
        assert not unknown, f"{path}: furnish() in this test must make a {unknown[0]}, and snapshot() see it"
        none = {known: nobodys(has[known]) for _, known in parameters(path)}
        body = BODIES.get((method, path), {})
        status, text = answer(a, method, fill(path, has), body)
        missing_status, missing_text = answer(a, method, fill(path, none), body)
        for _, known in parameters(path):
            text = text.replace(str(has[known]), "?")
            missing_text = missing_text.replace(none[known], "?")
        asked += 1
        if (status not in OTHERWISE.get((method, path), {404}) or (status, text) != (missing_status, missing_text)
                or MARK in text):
            wrong.append((method, path, status, text[:200], missing_status, missing_text[:200]))
    assert not wrong, "\n".join(map(str, wrong))
    assert asked > 70
    assert snapshot(b, has) == before


def test_no_list_shows_it(two):
    a, _, has, operations = two
    given = {"/threads/search": {"ids": [has["thread_id"]]}, "/threads/count": {"metadata": {"mark": MARK}},
             "/runs/crons/count": {"metadata": {"mark": MARK}}, "/assistants/count": {"metadata": {"mark": MARK}}}
    ids = [str(value) for name, value in has.items() if len(str(value)) > 8]
    for method, path in operations:
        if parameters(path) or path.endswith("/stream"):
            continue
        if method == "GET" or path.endswith(("/search", "/count", "/namespaces", "/query")):
            answered = a.request(method, path, json=given.get(path, {})) if method == "POST" else a.get(path)
            assert MARK not in answered.text, path
            assert not [one for one in ids if one in answered.text], path
            if path.endswith("/count"):
                assert answered.json() == 0, path
    for query in (f"endpoint_id={has['endpoint_id']}", f"thread_id={has['thread_id']}", f"run_id={has['run_id']}"):
        found = a.get(f"/v1/deliveries?{query}")
        assert found.status_code == 422 or found.json()["deliveries"] == [], query


def test_ids_in_bodies_are_no_way_in(two):
    a, b, has, _ = two
    before = snapshot(b, has)
    mine = a.thread()
    for body in ({**RUN, "assistant_id": has["assistant_id"]}, {**CRON, "assistant_id": has["assistant_id"]}):
        for path in ("/runs/crons", f"/threads/{mine}/runs/crons") if "schedule" in body else (
                "/runs", "/runs/wait", f"/threads/{mine}/runs"):
            assert a.post(path, json=body).status_code == 404, path
    assert a.post("/runs/batch", json=[{**RUN, "assistant_id": has["assistant_id"]}]).status_code == 404
    assert a.ok("POST", "/threads/prune", json={"thread_ids": [has["thread_id"]]}) == {"pruned_count": 0}
    assert a.post("/runs/cancel", json={"thread_id": has["thread_id"], "run_ids": [has["run_id"]]}).status_code == 404
    assert a.get("/store/items", params={"key": "k", "namespace": MARK}).json() is None
    a.ok("DELETE", "/store/items", json={"namespace": [MARK], "key": "k"})
    a.ok("POST", "/runs/wait", json={**RUN, "webhook": b.ok("GET", f"/v1/endpoints/{has['endpoint_id']}")["url"]})
    assert a.ok("GET", f"/threads/{mine}/state")["values"] in ({}, None)
    assert snapshot(b, has) == before


def test_the_log_that_is_followed_is_ones_own(two, shared_receiver):
    a, b, _, _ = two
    hook = shared_receiver.hook("/isolation-tail")
    with a.stream("GET", "/v1/deliveries/stream") as response:
        assert response.status_code == 200
        theirs, mine = run_with_webhook(b, hook), run_with_webhook(a, hook)
        eventually(lambda: len(hook.requests) >= 2)
        seen = ""
        for line in response.iter_lines():
            seen += line + "\n"
            if mine["run_id"] in seen:
                break
        assert theirs["run_id"] not in seen
