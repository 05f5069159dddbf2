"""What MCP servers may do to a client: forget sessions, close streams, change their tools, speak other versions, want tokens
(issue 7). Against servers of the official SDK, and one written by hand for what that does not do."""

import json

import pytest

from test_native_agent import ask, api, make, model, sdk, server  # noqa: F401 (fixtures)

from harness.egress import TokenEndpoint
from harness.mcp_process import mcp_process
from harness.mcp_script import McpScript
from harness.model import calls, text


def tools_of(url, *names):
    return {"tools.json": json.dumps({"tools": [{"name": name, "mcp_server_url": url} for name in names]})}


def answers_of(values):
    return [(message["name"], message["content"]) for message in values["messages"] if message["type"] == "tool"]


def test_a_session_that_the_server_has_forgotten_is_begun_anew(api, sdk, model):
    with mcp_process("forgets") as url:
        agent, name = make(api, files=tools_of(url, "forget", "add"))
        model.say(name, calls(("forget", {})), calls(("add", {"a": 1, "b": 2})), text("Done"))
        _, values = ask(sdk, agent, "forget, then add")
        assert answers_of(values) == [("forget", "forgotten"), ("add", "the sum is 3")], values


def test_a_stream_that_was_closed_is_taken_up_where_it_was(api, sdk, model):
    with mcp_process("resumes") as url:
        agent, name = make(api, files=tools_of(url, "slow", "add"))
        model.say(name, calls(("slow", {}), ("add", {"a": 1, "b": 2})), text("Done"))
        _, values = ask(sdk, agent, "slowly")
        assert answers_of(values) == [("slow", "late but whole"), ("add", "the sum is 3")], values


def test_half_an_event_is_none(api, sdk, model):
    """Its id does not count either: what broke off comes again."""
    with McpScript(breaks=True) as script:
        agent, name = make(api, files=tools_of(script.url, "add"))
        model.say(name, calls(("add", {})), text("Done"))
        _, values = ask(sdk, agent, "add")
        assert answers_of(values) == [("add", "add was called")], values
        assert script.asked == ["initialize", "notifications/initialized", "tools/list", "tools/call", "GET after 0"]


def test_tools_come_page_by_page_and_may_change(api, sdk, model):
    with McpScript(tools=[["a", "b"], ["c"]], changes=[["a", "new"]]) as script:
        agent, name = make(api, files=tools_of(script.url, "a", "c"))
        model.say(name, calls(("c", {})))
        _, values = ask(sdk, agent, "c")
        # Its list has changed: the next question to the model would offer a tool that is no more.
        assert "has no tool c" in values["__error__"]["message"], values
        assert script.asked == ["initialize", "notifications/initialized", "tools/list", "tools/list", "tools/call",
                                "tools/list"]
        agent, name = make(api, files=tools_of(script.url, "a", "new"))
        model.say(name, calls(("new", {})), text("Done"))
        _, values = ask(sdk, agent, "new")
        assert answers_of(values) == [("new", "new was called")]


def test_pages_without_an_end_do_end(api):
    with McpScript(endless=True) as script:
        found = api.ok("GET", "/v1/fleet/mcp/tools", params={"url": script.url})
        assert len(found["tools"]) == 50 and script.asked.count("tools/list") == 50


@pytest.mark.parametrize("version", ["2024-11-05", "2025-06-18"])
def test_an_older_version_is_spoken(api, version):
    with McpScript(version=version) as script:
        api.ok("GET", "/v1/fleet/mcp/tools", params={"url": script.url})
        told = [headers.get("MCP-Protocol-Version") for headers in script.headers]
        assert told == [None, version, version]


def test_an_unknown_version_is_an_error(api):
    with McpScript(version="1999-01-01") as script:
        answer = api.get("/v1/fleet/mcp/tools", params={"url": script.url})
        assert answer.status_code == 502 and "1999-01-01" in answer.json()["detail"]
        assert script.asked == ["initialize"]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_tokens_by_client_credentials(api, sdk, model, method):
    with TokenEndpoint() as tokens, mcp_process("events", "token-1") as url:
        api.ok("POST", "/v1/fleet/auth-providers", json={
            "provider_slug": "tests", "client_id": "me", "client_secret": "canary-secret", "token_url": tokens.url,
            "token_endpoint_auth_method": method})
        known = api.ok("POST", "/v1/fleet/mcp-servers", json={
            "name": "t", "url": url, "auth_type": "oauth", "oauth_provider_id": "tests", "scopes": ["tools.call", "x"]})
        try:
            agent, name = make(api, files=tools_of(url, "add"))
            model.say(name, calls(("add", {"a": 1, "b": 2})), text("Done"))
            thread, values = ask(sdk, agent, "add")
            assert answers_of(values) == [("add", "the sum is 3")], values
            ((_, basic, form),) = tokens.asked
            assert form.startswith("grant_type=client_credentials&") and "scope=tools.call%20x" in form
            assert ("client_secret=canary-secret" in form) == (method == "client_secret_post") == (basic is None)
            assert "canary" not in json.dumps(sdk.threads.get_history(thread["thread_id"])) + json.dumps(known)
        finally:
            api.ok("DELETE", f"/v1/fleet/mcp-servers/{known['id']}")
            api.ok("DELETE", "/v1/fleet/auth-providers/tests")
