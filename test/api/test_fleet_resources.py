"""What a workspace keeps for its agents: secrets, models, MCP servers and their tools, auth providers; and how an agent
shows what it is made of (issue 7; fleet.md 2.3, 2.4)."""

import json
import uuid

import pytest

from harness.api import Api, refused
from harness.mcp_process import mcp_process
from harness.ports import free_port

AGENTS, SECRETS, PROVIDERS = "/v1/fleet/agents", "/v1/fleet/secrets", "/v1/fleet/auth-providers"
SERVERS = ["/v1/fleet/mcp-servers", "/v1/platform/fleet/mcp-servers", "/v1/deepagents/mcp-servers"]


# ---- secrets ---------------------------------------------------------------------------------------------


def test_secrets_are_put_by_name_and_never_read(api):
    def listed():
        return {one["name"]: one for one in api.ok("GET", SECRETS)["items"]}

    api.ok("PUT", f"{SECRETS}/FIRST_KEY", json={"value": "canary-1"})
    made = api.ok("POST", SECRETS, json={"name": "SECOND_KEY", "value": "canary-2"})
    assert made["name"] == "SECOND_KEY" and made["set"] is True and "value" not in made
    assert listed()["FIRST_KEY"]["set"] is True and "canary" not in api.get(SECRETS).text
    # Whoever moves a workspace knows the names only: a place is kept for the value.
    assert api.ok("PUT", f"{SECRETS}/THIRD_KEY", json={"value": ""})["set"] is False
    assert listed()["THIRD_KEY"]["set"] is False
    assert api.ok("PUT", f"{SECRETS}/THIRD_KEY", json={"value": "canary-3"})["set"] is True
    for name in ("FIRST_KEY", "SECOND_KEY", "THIRD_KEY"):
        api.ok("DELETE", f"{SECRETS}/{name}")
    assert not {"FIRST_KEY", "SECOND_KEY", "THIRD_KEY"} & set(listed())
    refused(api.delete(f"{SECRETS}/FIRST_KEY"), 404, "FIRST_KEY")


@pytest.mark.parametrize("name, body", [
    ("lower", {"value": "x"}), ("1ST", {"value": "x"}), ("A-B", {"value": "x"}), ("A" * 129, {"value": "x"}),
    ("OK", {}), ("OK", {"value": 1}), ("OK", {"value": None}), ("OK", {"value": "x" * 16385}), ("OK", [1]),
])
def test_what_is_wrong_with_a_secret_is_told(api, name, body):
    refused(api.put(f"{SECRETS}/{name}", json=body), 422)


# ---- models ----------------------------------------------------------------------------------------------


def test_models_are_the_common_ones_and_those_in_use(api):
    agent = api.ok("POST", AGENTS, json={"name": "A", "system_prompt": "x", "model": {"id": "lan:llama-4"}})
    before = {one["id"]: one for one in api.ok("GET", "/v1/fleet/models")["items"]}
    assert "anthropic:claude-sonnet-4-5" in before and "openai:gpt-5" in before
    assert not any("embedding" in name for name in before)
    assert before["lan:llama-4"]["provider"] == "lan" and before["lan:llama-4"]["available"] is False
    api.ok("PUT", f"{SECRETS}/LAN_BASE_URL", json={"value": "http://10.0.0.1:8000/v1"})
    api.ok("PUT", f"{SECRETS}/FLEET_OPENAI_API_KEY", json={"value": "sk"})
    after = {one["id"]: one["available"] for one in api.ok("GET", "/v1/fleet/models")["items"]}
    assert after["lan:llama-4"] and after["openai:gpt-5"] and not after["anthropic:claude-sonnet-4-5"]
    for name in ("LAN_BASE_URL", "FLEET_OPENAI_API_KEY"):
        api.ok("DELETE", f"{SECRETS}/{name}")
    api.ok("DELETE", f"{AGENTS}/{agent['id']}")


# ---- MCP servers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SERVERS)
def test_an_mcp_server_is_made_changed_and_deleted(api, path):
    url = f"http://localhost:{free_port()}/mcp"
    made = api.ok("POST", path, json={"name": "Tools", "url": url, "headers": [
        {"key": "Authorization", "value": "Bearer {{secret TOOLS}}"}, {"key": "X-Team", "value": "canary"}]})
    one = f"{path}/{made['id']}"
    assert made["auth_type"] == "headers" and made["can_invoke"] is True and made["oauth_provider_id"] is None
    assert made["headers"] == [{"key": "Authorization", "value": "***"}, {"key": "X-Team", "value": "***"}]
    assert api.ok("GET", one) == made
    assert api.ok("PATCH", one, json={"name": "Other"}) == {**made, "name": "Other"}
    changed = api.ok("PATCH", one, json={"headers": [{"key": "X-Team", "value": "***"}, {"key": "X-New", "value": "1"}]})
    assert [header["key"] for header in changed["headers"]] == ["X-Team", "X-New"]
    refused(api.patch(one, json={"headers": [{"key": "Authorization", "value": "***"}]}), 422, "Authorization")
    refused(api.patch(one, json={"url": "http://elsewhere.example.com/mcp"}), 422, "another host")
    moved = api.ok("PATCH", one, json={"url": url + "/v2"})
    assert moved["url"] == url + "/v2" and len(moved["headers"]) == 2
    replaced = api.ok("PUT", one, json={"name": "Bare", "url": url})
    assert replaced["headers"] == [] and replaced["name"] == "Bare"
    assert "canary" not in api.get(path).text
    for other in SERVERS:
        listed = api.ok("GET", other)
        assert isinstance(listed, list) and made["id"] in [server["id"] for server in listed]
        paged = api.ok("GET", f"{other}?page_size=100")
        assert ("items" in paged and paged["next_cursor"] is None) if other.startswith("/v1/fleet") else isinstance(paged, list)
    refused(api.post(path, json={"name": "Twice", "url": url + "/"}), 409, "url")
    assert api.delete(one).status_code == 204
    refused(api.get(one), 404)
    refused(api.patch(one, json={}), 404)


@pytest.mark.parametrize("body, words", [
    ({"url": "http://x.example.com"}, ["name"]), ({"name": "", "url": "http://x.example.com"}, ["name"]),
    ({"name": "x" * 201, "url": "http://x.example.com"}, ["name"]), ({"name": "x"}, ["url"]),
    ({"name": "x", "url": "ftp://x"}, ["url"]), ({"name": "x", "url": "/mcp"}, ["url"]),
    ({"name": "x", "url": "http://x.example.com", "auth_type": "magic"}, ["auth_type"]),
    ({"name": "x", "url": "http://x.example.com", "headers": {"a": "b"}}, ["headers"]),
    ({"name": "x", "url": "http://x.example.com", "headers": [{"key": "bad name", "value": "1"}]}, ["headers"]),
    ({"name": "x", "url": "http://x.example.com", "headers": [{"key": "Host", "value": "1"}]}, ["headers"]),
    ({"name": "x", "url": "http://x.example.com", "headers": [{"key": "A", "value": "a\nb"}]}, ["headers"]),
    ({"name": "x", "url": "http://x.example.com", "headers": [{"key": "A", "value": "***"}]}, ["headers"]),
    ({"name": "x", "url": "http://x.example.com", "headers": [{"key": f"A{i}", "value": "1"} for i in range(33)]}, ["32"]),
    ({"name": "x", "url": "http://x.example.com", "scopes": "all"}, ["scopes"]),
    ({"name": "x", "url": "http://x.example.com", "auth_type": "oauth", "oauth_provider_id": "nobody"}, ["nobody"]),
    ({"name": "x", "url": "http://x.example.com", "oauth_mode": "x"}, ["oauth_mode"]),
])
def test_what_is_wrong_with_an_mcp_server_is_told(api, body, words):
    refused(api.post(SERVERS[0], json=body), 422, *words)


# ---- their tools -----------------------------------------------------------------------------------------


def test_the_tools_of_an_mcp_server(start_server):
    with mcp_process("events", "mcp-canary") as url, Api(start_server(dev=True).url) as api:
        refused(api.get("/v1/fleet/mcp/tools", params={"url": url}), 502, "401")
        api.ok("POST", SERVERS[0], json={"name": "x", "url": url, "headers": [
            {"key": "Authorization", "value": "Bearer {{secret MCP_TOKEN}}"}]})
        refused(api.get("/v1/fleet/mcp/tools", params={"url": url}), 422, "MCP_TOKEN")
        api.ok("PUT", f"{SECRETS}/MCP_TOKEN", json={"value": "mcp-canary"})
        first = api.ok("GET", "/v1/fleet/mcp/tools", params={"url": url})
        assert first["cached"] is False and first["fetched_at"]
        add = next(tool for tool in first["tools"] if tool["name"] == "add")
        assert add["description"] == "Add two numbers." and add["inputSchema"]["properties"]["a"]["type"] == "integer"
        again = api.ok("GET", "/v1/platform/fleet/mcp/tools", params={"url": url})
        assert again == {**first, "cached": True}
        fresh = api.ok("GET", "/v1/deepagents/mcp/tools", params={"url": url, "force_refresh": "true"})
        assert fresh["cached"] is False and fresh["tools"] == first["tools"] and fresh["fetched_at"] > first["fetched_at"]
    for wrong in ({}, {"url": "x"}, {"url": "ftp://x"}, {"url": url, "force_refresh": "maybe"}):
        assert "canary" not in json.dumps(wrong)


def test_a_server_whose_tools_cannot_be_asked_for(api):
    for wrong in ({}, {"url": "x"}, {"url": "ftp://x"}, {"url": "http://localhost/", "force_refresh": "maybe"}):
        refused(api.get("/v1/fleet/mcp/tools", params=wrong), 422)
    refused(api.get("/v1/fleet/mcp/tools", params={"url": f"http://127.0.0.1:{free_port()}/mcp"}), 502)
    refused(api.get("/v1/fleet/mcp/tools", params={"url": "http://169.254.169.254/mcp"}), 502, "egress")


# ---- auth providers --------------------------------------------------------------------------------------


def provider(**more):
    return {"provider_slug": "notion", "name": "Notion", "client_id": "me", "client_secret": "canary-secret",
            "auth_url": "https://auth.example.com/authorize", "token_url": "https://auth.example.com/token",
            "uses_pkce": True, "scopes": ["read", "write"], "authorization_params": {"a": "b"},
            "allowed_redirect_uris": ["https://x.example.com/cb"], **more}


def test_an_auth_provider_is_made_changed_and_deleted(api):
    made = api.ok("POST", PROVIDERS, json=provider())
    path = f"{PROVIDERS}/notion"
    assert made["provider_slug"] == made["id"] == "notion" and made["owner"] == "workspace"
    assert made["uses_pkce"] is True and made["scopes"] == ["read", "write"] and made["has_client_secret"] is True
    assert "client_secret" not in made and "canary" not in api.get(PROVIDERS).text
    assert api.ok("GET", path) == made and made in api.ok("GET", PROVIDERS)["items"]
    refused(api.post(PROVIDERS, json=provider()), 409, "notion")
    assert api.ok("PATCH", path, json={"name": "Other", "scopes": []}) == {**made, "name": "Other", "scopes": []}
    refused(api.patch(path, json={"token_url": "https://evil.example.com/"}), 422, "client_secret")
    moved = api.ok("PATCH", path, json={"token_url": "https://new.example.com/", "client_secret": "canary-2"})
    assert moved["token_url"] == "https://new.example.com/"
    # Tools of a server that wants its tokens say so: names and scopes, never a value.
    url = f"http://localhost:{free_port()}/mcp"
    server = api.ok("POST", SERVERS[0], json={"name": "N", "url": url, "auth_type": "oauth", "oauth_provider_id": "notion",
                                              "scopes": ["pages.read"], "oauth_mode": "legacy_shared_provider"})
    assert (server["auth_type"], server["oauth_provider_id"], server["scopes"]) == ("oauth", "notion", ["pages.read"])
    for where in SERVERS:
        assert api.ok("GET", f"{where}/{server['id']}/oauth-provider")["provider_slug"] == "notion"
    bare = api.ok("POST", SERVERS[0], json={"name": "B", "url": url + "/bare"})
    refused(api.get(f"{SERVERS[0]}/{bare['id']}/oauth-provider"), 404, "no auth provider")
    api.ok("DELETE", f"{SERVERS[0]}/{bare['id']}")
    agent = api.ok("POST", AGENTS, json={"name": "A", "system_prompt": "x", "tools": {"tools": [
        {"name": "search", "mcp_server_url": url}, {"name": "tavily_web_search", "mcp_server_url": "http://localhost:1"}]}})
    needs = api.ok("GET", f"{AGENTS}/{agent['id']}/tool-auth-requirements")
    assert needs == {"tool_auth_requirements": [
        {"tool_name": "search", "auth_type": "oauth", "auth_provider": "notion", "scopes": ["pages.read"]},
        {"tool_name": "tavily_web_search", "auth_type": "api_key", "required_env_vars": ["TAVILY_API_KEY"]}],
        "present_secrets": [], "missing_secrets": ["TAVILY_API_KEY"]}
    api.ok("PUT", f"{SECRETS}/TAVILY_API_KEY", json={"value": "x"})
    needs = api.ok("GET", f"{AGENTS}/{agent['id']}/tool-auth-requirements")
    assert needs["present_secrets"] == ["TAVILY_API_KEY"] and needs["missing_secrets"] == []
    for gone in (f"{SECRETS}/TAVILY_API_KEY", f"{SERVERS[0]}/{server['id']}", path, f"{AGENTS}/{agent['id']}"):
        api.ok("DELETE", gone)
    refused(api.get(path), 404)
    refused(api.delete(path), 404)


def memory_holds(server, text, piece=1 << 24):
    """Does it stand anywhere in what the process can write to? Beyond 4 GiB is what sanitizers keep beside it."""
    with open(f"/proc/{server.process.pid}/maps") as maps, open(f"/proc/{server.process.pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            where, rights = line.split()[:2]
            start, end = (int(at, 16) for at in where.split("-"))
            if not rights.startswith("rw") or end - start > 1 << 32:
                continue
            for at in range(start, end, piece):
                memory.seek(at)
                if text in memory.read(min(piece + len(text), end - at)):
                    return True
    return False


def test_what_a_change_opens_does_not_stay_in_memory(start_server):
    """What is sealed is opened for a change, and wiped after it (fleet.md 2.3)."""
    server = start_server()
    api = Api(server.url)
    secrets = {kind: f"canary-{kind}-{uuid.uuid4()}" for kind in ("provider", "server", "named")}
    api.ok("POST", PROVIDERS, json=provider(client_secret=secrets["provider"]))
    made = api.ok("POST", SERVERS[0], json={
        "name": "N", "url": "http://localhost:1/mcp", "headers": [{"key": "x-a", "value": secrets["server"]}]})
    api.ok("PUT", f"{SECRETS}/NAMED", json={"value": secrets["named"]})
    assert memory_holds(server, secrets["provider"].encode()), "what was just sent is found"
    server.restart()
    api = Api(server.url)
    api.ok("PATCH", f"{PROVIDERS}/notion", json={"name": "Other"})
    assert not [kind for kind, text in secrets.items() if memory_holds(server, text.encode())]
    api.ok("PATCH", f"{SERVERS[0]}/{made['id']}", json={"name": "Other"})
    del secrets["server"]  # its headers are put together anew
    assert not [kind for kind, text in secrets.items() if memory_holds(server, text.encode())]


@pytest.mark.parametrize("change, words", [
    ({"provider_slug": "Bad Slug"}, ["provider_slug"]), ({"provider_slug": None}, ["provider_slug"]),
    ({"client_id": None}, ["client_id"]), ({"token_url": None}, ["token_url"]), ({"token_url": "x"}, ["token_url"]),
    ({"token_url": "http://169.254.169.254/"}, ["token_url"]), ({"auth_url": 1}, ["auth_url"]),
    ({"uses_pkce": "yes"}, ["uses_pkce"]), ({"scopes": "read"}, ["scopes"]), ({"scopes": [1]}, ["scopes"]),
    ({"authorization_params": []}, ["authorization_params"]), ({"client_secret": 1}, ["client_secret"]),
    ({"token_endpoint_auth_method": "x"}, ["token_endpoint_auth_method"]), ({"name": "x" * 201}, ["name"]),
])
def test_what_is_wrong_with_an_auth_provider_is_told(api, change, words):
    refused(api.post(PROVIDERS, json=provider(**change)), 422, *words)
    assert api.ok("GET", PROVIDERS)["items"] == []


# ---- an agent as members ---------------------------------------------------------------------------------


def test_an_agent_shows_what_it_is_made_of_and_takes_it_back(api):
    given = {
        "name": "A", "description": "d", "system_prompt": "Be kind.", "model": {"id": "openai:gpt-5"},
        "tools": {"tools": [{"name": "add", "mcp_server_url": "http://localhost:1"}], "interrupt_config": {}},
        "subagents": [{"name": "worker", "description": "Works", "model_id": "openai:o3", "system_prompt": "Work.",
                       "tools": {"tools": [], "interrupt_config": {}}}],
        "backend": {"type": "state"}, "options": {"a": 1}, "display": {"color": "red"},
        "metadata": {"icon": "x", "shared_run_users": ["u"]}}
    made = api.ok("POST", AGENTS, json=given)
    shown = api.ok("GET", f"{AGENTS}/{made['id']}")
    for member in ("name", "description", "system_prompt", "model", "tools", "subagents", "backend", "options", "display"):
        assert shown[member] == given[member], member
    assert shown["metadata"]["icon"] == "x" and shown["metadata"]["shared_run_users"] == ["u"] and "files" not in shown
    # Sent back as it came, it is the same agent: no new version here, the same files elsewhere.
    whole = api.ok("GET", f"{AGENTS}/{made['id']}?include=files")
    assert whole["files"]["AGENTS.md"] == {"type": "file", "content": "Be kind."}
    assert api.ok("PATCH", f"{AGENTS}/{made['id']}", json=whole)["version"] == 1
    again = api.ok("POST", f"{AGENTS}?include=files", json=whole)
    assert again["id"] != made["id"] and again["files"] == whole["files"] and again["commit_hash"] == whole["commit_hash"]
    refused(api.patch(f"{AGENTS}/{made['id']}", json={"system_prompt": "a", "files": {"AGENTS.md": "b"}}), 422,
            "system_prompt")
    for wrong in ({"backend": 1}, {"options": []}, {"display": "x"}):
        refused(api.patch(f"{AGENTS}/{made['id']}", json=wrong), 422, next(iter(wrong)))
