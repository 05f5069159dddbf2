"""Fleet webhooks: made, seen by whom, run; the payload key by key, the answer, the log (issue 7; E1-E21, requirements 1.6
rows 12-17)."""

import base64
import hashlib
import io
import json
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.api import Api, refused
from harness.receiver import Answer
from harness.server import Server

URL = "/v1/platform/fleet-webhooks"
AGENTS = "/v1/fleet/agents"
FORM = {"fields": [
    {"name": "notes", "label": "Deployment Notes", "type": "textarea"},
    {"name": "environment", "label": "Environment", "type": "select", "options": [
        {"label": "Development", "value": "dev"}, {"label": "Staging", "value": "staging"},
        {"label": "Production", "value": "prod"}]},
    {"name": "dry_run", "label": "Dry Run", "type": "boolean", "default": True}]}
INPUT = {"notes": "User-provided value", "environment": "prod", "dry_run": True}
TOOLS = {"tools": [
    {"name": "tavily_web_search", "mcp_server_url": "http://localhost:8084", "mcp_server_name": "Agent Builder"},
    {"name": "google_calendar", "mcp_server_url": "http://localhost:8084"},
    {"name": "add", "mcp_server_url": "http://localhost:8084"}], "interrupt_config": {}}
JSON = {"content-type": "application/json"}


@pytest.fixture
def hook(receiver):
    receiver.answers = [Answer(headers=JSON, body=b'{"status": "ok"}')]
    return receiver


@pytest.fixture
def agent(api):
    return api.ok("POST", AGENTS, json={"name": "My Agent", "description": "Agent description text",
                                        "system_prompt": "You help.", "tools": TOOLS})


def make(api, hook, **more):
    return api.ok("POST", URL, json={"name": "Webhook Name", "url": hook.url, **more})


def run(api, webhook, agent, **more):
    return api.post(f"{URL}/{webhook['id']}/run", json={"agent_id": agent["id"], **more})


# ---- settings --------------------------------------------------------------------------------------------


def test_a_webhook_is_made_changed_and_deleted(api, hook):
    """E5-E8."""
    made = make(api, hook, headers={"X-Key": "sesame"}, form_schema=FORM)
    assert made["headers"] == {"X-Key": "***"} and made["form_schema"] == FORM and made["url"] == hook.url
    assert made["is_insecure"] is True and made["endpoint_state"] == "active"
    path = f"{URL}/{made['id']}"
    assert api.ok("GET", path) == made
    changed = api.ok("PATCH", path, json={"name": "Other", "headers": {"X-Key": "***", "X-More": "1"}, "form_schema": None})
    assert changed["name"] == "Other" and changed["headers"] == {"X-Key": "***", "X-More": "***"}
    assert changed["form_schema"] == {}
    assert made["id"] in [one["id"] for one in api.ok("GET", URL)["items"]]
    told = api.ok("PATCH", path, json={"form_schema": {"fields": [{"name": "a"}, {"name": "b", "type": "text"}]}})
    assert told["warnings"] == ['form_schema: fields[1] is taken as a string: there is no type "text"']  # 1.6 row 17
    assert "warnings" not in api.ok("GET", path) and "warnings" not in api.ok("PATCH", path, json={"form_schema": FORM})
    refused(api.put(path, json={}), 405, "PUT")
    assert api.delete(path).status_code == 204
    refused(api.get(path), 404)
    refused(api.post(f"{path}/run", json={"agent_id": "x"}), 404)
    assert api.get(f"/api/v1/platform/fleet-webhooks/{made['id']}").status_code == 404
    assert api.get("/platform/fleet-webhooks").status_code == 200


@pytest.mark.parametrize("body, words", [
    ({"url": "https://example.com"}, ["name"]),
    ({"name": " ", "url": "https://example.com"}, ["name"]),
    ({"name": "x"}, ["url"]),
    ({"name": "x", "url": "http://example.com/hook"}, ["https://"]),
    ({"name": "x", "url": "http://8.8.8.8/hook"}, ["https://"]),
    ({"name": "x", "url": "ftp://example.com"}, ["url"]),
    ({"name": "x", "url": "/relative"}, ["relative"]),
    ({"name": "x", "url": "https://169.254.169.254/"}, ["url"]),
    ({"name": "x", "url": "https://example.com", "headers": {"Content-Length": "1"}}, ["Content-Length"]),
    ({"name": "x", "url": "https://example.com", "headers": {"X": "a\nb"}}, ["headers"]),
    ({"name": "x", "url": "https://example.com", "headers": ["X"]}, ["headers"]),
    ({"name": "x", "url": "https://example.com", "form_schema": {"fields": [{}]}}, ["fields[0]"]),
    ({"name": "x", "url": "https://example.com", "form_schema": {"fields": [{"name": "a", "type": "select"}]}},
     ["options"]),
])
def test_what_is_wrong_with_a_webhook_is_told(api, body, words):
    """E1, E18."""
    refused(api.post(URL, json=body), 422, *words)


def test_without_dev_http_is_only_for_hosts_that_the_configuration_opens(start_server, hook):
    """E1; requirements 1.6 row 12: at save and at run."""
    server = start_server(dev=False, config={"runbell": {"egress": {"allow": ["127.0.0.1/32"]}}})
    with Api(server.url) as api:
        refused(api.post(URL, json={"name": "x", "url": "http://10.0.0.1/hook"}), 422, "https://")
        webhook = make(api, hook)
        agent = api.ok("POST", AGENTS, json={"name": "A", "system_prompt": "x"})
        assert run(api, webhook, agent).status_code == 200
        (server.project / "langgraph.json").write_text("{}")
        server.restart()
        refused(run(api, webhook, agent), 502, "must begin with https://")
    assert len(hook.requests) == 1


# ---- the payload -----------------------------------------------------------------------------------------


def test_the_payload_is_the_documented_one(api, hook, agent):
    """E10-E20."""
    webhook = make(api, hook, headers={"X-Key": "sesame"}, form_schema=FORM)
    answer = run(api, webhook, agent, input=INPUT)
    assert answer.status_code == 200, answer.text
    request = hook.one()
    payload = request.json
    assert list(payload) == ["action", "input", "publisher", "agent", "tool_auth_requirements", "files", "fields"]
    assert payload["action"] == "Webhook Name" and payload["input"] == INPUT and payload["fields"] == FORM["fields"]
    assert list(payload["publisher"]) == ["user_id", "email"] and payload["publisher"]["user_id"] == agent["owner_id"]
    assert payload["agent"] == {"name": "My Agent", "description": "Agent description text"}
    assert payload["tool_auth_requirements"] == [
        {"tool_name": "tavily_web_search", "auth_type": "api_key", "required_env_vars": ["TAVILY_API_KEY"]},
        {"tool_name": "google_calendar", "auth_type": "oauth", "auth_provider": "google", "scopes": ["calendar.readonly"]},
        {"tool_name": "add", "auth_type": "none"}]
    assert list(payload["files"]) == ["type", "filename", "content_base64"]
    assert payload["files"]["type"] == "zip" and payload["files"]["filename"] == "My_Agent.zip"
    archive = base64.b64decode(payload["files"]["content_base64"], validate=True)
    assert archive == api.get(f"{AGENTS}/{agent['id']}/export.zip").content
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert files.namelist() == ["AGENTS.md", "config.json", "tools.json"]
        config = json.loads(files.read("config.json"))
    assert [config[key] for key in ("name", "description", "visibility_scope", "triggers_paused")] == [
        "My Agent", "Agent description text", "tenant", False]
    assert request.header("content-type") == "application/json" and request.header("x-key") == "sesame"
    assert int(request.header("content-length")) == len(request.body)
    assert request.header("webhook-id") == answer.json()["webhook_message_id"]
    assert answer.json()["bundle_sha256"] == hashlib.sha256(archive).hexdigest()


def test_the_call_answers_with_what_the_receiver_said(api, hook, agent):
    webhook = make(api, hook)
    said = run(api, webhook, agent).json()
    assert (said["upstream_status_code"], said["upstream_content_type"], said["upstream_body"]) == (
        200, "application/json", '{"status": "ok"}')
    assert hook.requests[0].json["input"] == {} and hook.requests[0].json["fields"] == []
    large = b"x" * 50000
    for status in (201, 302, 404, 500):
        hook.answers = [Answer(status=status, headers={"Content-Type": "text/plain; charset=utf-8"}, body=large)]
        said = run(api, webhook, agent)
        assert said.status_code == 200
        assert said.json()["upstream_status_code"] == status and said.json()["upstream_body"] == large.decode()
        assert said.json()["upstream_content_type"] == "text/plain; charset=utf-8"
    assert len(hook.requests) == 5  # once each: no retry, no redirect followed


def test_a_receiver_that_does_not_answer_is_502(api, hostile, agent):
    hook = hostile.hook(f"/{uuid.uuid4().hex}", Answer(how="reset"))
    webhook = make(api, hook)
    refused(run(api, webhook, agent), 502, "did not answer")
    assert len(hook.requests) <= 2  # a reset may have come before the request was read


def test_a_paused_endpoint_holds_the_publish(api, hook, agent):
    webhook = make(api, hook)
    api.ok("POST", f"/v1/endpoints/{webhook['endpoint_id']}/pause", json={})
    held = run(api, webhook, agent)
    assert held.status_code == 202 and held.json()["pending"] is True and "held" in held.json()["message"]
    hook.none(0.2)
    api.ok("POST", f"/v1/endpoints/{webhook['endpoint_id']}/resume", json={})
    hook.one()


def test_input_is_checked_field_by_field(api, hook, agent):
    """E18-E20; requirements 1.6 rows 16 and 17."""
    webhook = make(api, hook, form_schema=FORM)
    problem = refused(run(api, webhook, agent, input={"environment": "moon", "dry_run": "yes", "more": 1}), 422, "input")
    assert problem["errors"] == [
        {"field": "notes", "message": "must be given"},
        {"field": "environment", "message": "must be the value of one of its options"},
        {"field": "dry_run", "message": "must be true or false"},
        {"field": "more", "message": "is no field of this form"}]
    refused(run(api, webhook, agent, input=[1]), 422, "input")
    assert run(api, webhook, agent, input={"notes": "", "environment": "dev"}).status_code == 200
    assert hook.one().json["input"] == {"notes": "", "environment": "dev", "dry_run": True}
    api.ok("PATCH", f"{URL}/{webhook['id']}", json={"form_schema": {"fields": [{"name": "data", "type": "json"}]}})
    assert run(api, webhook, agent, input={"data": '{"a": [1]}'}).status_code == 200
    assert hook.requests[1].json["input"] == {"data": {"a": [1]}}


def test_an_old_version_can_be_published(api, hook, agent):
    api.ok("PATCH", f"{AGENTS}/{agent['id']}", json={"files": {"AGENTS.md": "New."}})
    webhook = make(api, hook)
    assert run(api, webhook, agent, version=1).json()["agent_version"] == 1
    archive = base64.b64decode(hook.one().json["files"]["content_base64"])
    assert zipfile.ZipFile(io.BytesIO(archive)).read("AGENTS.md") == b"You help."
    refused(run(api, webhook, agent, version=9), 404, "version 9")


def test_the_publisher_cannot_be_spoofed(api, hook, agent):
    """Requirements 1.6 row 14: a whole payload may be posted; its publisher is not believed."""
    webhook = make(api, hook, form_schema=FORM)
    run(api, webhook, agent, input=INPUT, publisher={"user_id": "evil", "email": "evil@example.com"})
    payload = hook.one().json
    assert payload["publisher"]["user_id"] == agent["owner_id"]
    payload["publisher"] = {"user_id": "evil", "email": "evil@example.com"}
    payload["action"], payload["fields"] = "Another", []
    assert api.post(f"{URL}/{webhook['id']}/run", json=payload).status_code == 200
    sent = hook.requests[1].json
    assert sent == hook.requests[0].json
    payload["files"]["content_base64"] = base64.b64encode(b"no zip").decode()
    refused(api.post(f"{URL}/{webhook['id']}/run", json=payload), 422, "ZIP")
    refused(api.post(f"{URL}/{webhook['id']}/run", json={}), 422, "agent_id")


def test_a_repeated_request_publishes_once(api, hook, agent):
    webhook = make(api, hook)
    key = {"Idempotency-Key": uuid.uuid4().hex}

    def once(_):
        return api.post(f"{URL}/{webhook['id']}/run", json={"agent_id": agent["id"]}, headers=key)

    first = once(0)
    assert first.status_code == 200 and once(0).json() == first.json()
    hook.one()
    other = api.ok("POST", AGENTS, json={"name": "Other", "system_prompt": "x"})
    refused(api.post(f"{URL}/{webhook['id']}/run", json={"agent_id": other["id"]}, headers=key), 409)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(once, range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409} and 200 in {a.status_code for a in answers}
    assert len(hook.requests) == 2


def test_an_archive_that_is_too_large_is_refused(api, hook):
    import os
    agent = api.ok("POST", AGENTS, json={"name": "Large", "system_prompt": "x", "files": {"a.bin": {
        "content": base64.b64encode(os.urandom(6 << 20)).decode(), "encoding": "base64"}}})
    refused(run(api, make(api, hook), agent), 422, "5 MiB")
    hook.none(0.2)


# ---- the log ---------------------------------------------------------------------------------------------


def test_who_published_what_when_is_logged(api, hook, agent):
    """E3."""
    webhook = make(api, hook, form_schema=FORM)
    said = run(api, webhook, agent, input=INPUT).json()
    run(api, webhook, agent, input={**INPUT, "environment": "dev"})
    log = api.ok("GET", f"/v1/fleet/publishes?agent_id={agent['id']}")
    assert [one["input"]["environment"] for one in log["items"]] == ["dev", "prod"]
    first = log["items"][1]
    assert first["publish_id"] == said["publish_id"] and first["publisher"]["user_id"] == agent["owner_id"]
    assert first["webhook_name"] == "Webhook Name" and first["agent_version"] == 1
    assert first["bundle_sha256"] == said["bundle_sha256"] and first["delivery_state"] == "done"
    page = api.ok("GET", f"/v1/fleet/publishes?webhook_id={webhook['id']}&page_size=1")
    assert api.ok("GET", f"/v1/fleet/publishes?webhook_id={webhook['id']}&page_size=1&cursor={page['next_cursor']}"
                  )["items"][0]["publish_id"] == first["publish_id"]
    api.delete(f"{AGENTS}/{agent['id']}")
    api.delete(f"{URL}/{webhook['id']}")
    assert len(api.ok("GET", f"/v1/fleet/publishes?agent_id={agent['id']}")["items"]) == 2


# ---- who may ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(store, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("people"), store=store()) as server:
        with Api(server.url) as first:
            admin = first.ok("POST", "/v1/keys", json={"email": "root@example.com"})["key"]
        with Api(server.url, headers={"x-api-key": admin}) as root:
            keys = [root.ok("POST", "/v1/keys", json={"email": f"{name}@example.com", "role": "editor"})["key"]
                    for name in ("ann", "bob")]
            with Api(server.url, headers={"x-api-key": keys[0]}) as ann, \
                    Api(server.url, headers={"x-api-key": keys[1]}) as bob:
                yield root, ann, bob


def test_webhooks_are_there_for_owners_and_administrators(people, hook):
    """E4; requirements 1.6 row 13."""
    root, ann, bob = people
    webhook = make(ann, hook, headers={"X-Key": "sesame"})
    path = f"{URL}/{webhook['id']}"
    assert ann.get(path).status_code == root.get(path).status_code == 200
    for method, body in (("GET", None), ("PATCH", {"name": "Mine"}), ("DELETE", None)):
        refused(bob.request(method, path, json=body), 404)
    assert webhook["id"] not in [one["id"] for one in bob.ok("GET", URL)["items"]]
    assert webhook["id"] in [one["id"] for one in root.ok("GET", URL)["items"]]

    anns = ann.ok("POST", AGENTS, json={"name": "Anns", "system_prompt": "x", "permissions": {
        "visibility": "tenant", "tenant_access_level": "run"}})
    bobs = bob.ok("POST", AGENTS, json={"name": "Bobs", "system_prompt": "x", "permissions": {"visibility": "user"}})
    # In an agent's menu: for whoever may write the agent, by name and form alone.
    refused(bob.get(f"{URL}?agent_id={anns['id']}"), 404)
    refused(run(bob, webhook, anns), 404)
    seen = [one for one in bob.ok("GET", f"{URL}?agent_id={bobs['id']}")["items"] if one["id"] == webhook["id"]]
    assert seen == [{"id": webhook["id"], "name": "Webhook Name", "form_schema": {}}]
    assert run(bob, webhook, bobs).status_code == 200
    assert hook.one().json["publisher"] == {"user_id": bobs["owner_id"], "email": "bob@example.com"}
    refused(run(ann, webhook, bobs), 404)
    # A payload made elsewhere: for those who manage the webhook.
    payload = hook.requests[0].json
    refused(bob.post(f"{path}/run", json=payload), 404)
    assert ann.post(f"{path}/run", json=payload).status_code == 200
    assert hook.requests[1].json["publisher"]["email"] == "ann@example.com"
    assert [one["publisher"]["email"] for one in root.ok("GET", f"/v1/fleet/publishes?webhook_id={webhook['id']}")["items"]
            ] == ["ann@example.com", "bob@example.com"]
    assert len(bob.ok("GET", f"/v1/fleet/publishes?webhook_id={webhook['id']}")["items"]) == 1


# ---- secrets ---------------------------------------------------------------------------------------------


def test_headers_do_not_go_along_to_another_host(api, hook, agent):
    webhook = make(api, hook, headers={"X-Key": "sesame"})
    path = f"{URL}/{webhook['id']}"
    api.ok("PATCH", f"/v1/endpoints/{webhook['endpoint_id']}", json={"policy": "documented", "rate_limit": 3})
    api.ok("PATCH", path, json={"url": hook.url + "?moved=1"})
    told = api.ok("GET", f"/v1/endpoints/{api.ok('GET', path)['endpoint_id']}")
    assert (told["policy"], told["rate_limit"]) == ("documented", 3), "policy and rate do go along"
    run(api, webhook, agent)
    assert hook.requests[0].query == "moved=1" and hook.requests[0].header("x-key") == "sesame"
    refused(api.patch(path, json={"url": "https://evil.example.com/"}), 422, "headers")
    refused(api.patch(path, json={"url": "https://evil.example.com/", "headers": {"X-Key": "***"}}), 422, "X-Key")
    assert api.ok("GET", path)["url"].endswith("moved=1")
    moved = api.ok("PATCH", path, json={"url": "https://other.example.com/", "headers": {"X-Key": "new"}})
    assert moved["headers"] == {"X-Key": "***"} and moved["endpoint_id"] != webhook["endpoint_id"]


def test_no_secret_is_in_a_bundle_an_answer_or_a_file(start_server, hook):
    """E2: a header's value goes to the receiver, and stands nowhere else."""
    canary = f"canary-{uuid.uuid4().hex}"
    server = start_server()
    with Api(server.url) as api:
        webhook = make(api, hook, headers={"Authorization": f"Bearer {canary}"})
        agent = api.ok("POST", AGENTS, json={"name": "A", "system_prompt": "x", "tools": TOOLS})
        shown = run(api, webhook, agent).text
        request = hook.one()
        assert request.header("authorization") == f"Bearer {canary}"
        archive = base64.b64decode(request.json["files"]["content_base64"])
        assert canary.encode() not in request.body and canary.encode() not in archive
        for path in (URL, f"{URL}/{webhook['id']}", "/v1/fleet/publishes", "/v1/deliveries", AGENTS):
            shown += api.get(path).text
    server.stop()
    assert canary not in shown
    assert [str(path) for path in server.folder.rglob("*") if path.is_file() and canary.encode() in path.read_bytes()] == []


def test_what_the_workspace_knows_of_an_mcp_server_says_what_its_tools_need(api, hook, agent):
    """fleet.md 2.4 row 3: names of secrets, a derived name for a literal header, never a value."""
    known = api.ok("POST", "/v1/fleet/mcp-servers", json={
        "name": "My Tools", "url": "http://LOCALHOST:8084/", "headers": [
            {"key": "Authorization", "value": "Bearer {{secret TOOLS_KEY}}"}, {"key": "x-team", "value": "canary-literal"}]})
    try:
        assert run(api, make(api, hook), agent).status_code == 200
        needs = {need["tool_name"]: need for need in hook.one().json["tool_auth_requirements"]}
        assert needs["add"] == {"tool_name": "add", "auth_type": "api_key",
                                "required_env_vars": ["TOOLS_KEY", "MY_TOOLS_X_TEAM"]}
        assert b"canary" not in hook.one().body and "canary" not in api.get("/v1/fleet/mcp-servers").text
    finally:
        api.ok("DELETE", f"/v1/fleet/mcp-servers/{known['id']}")
