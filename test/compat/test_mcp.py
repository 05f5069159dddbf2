"""POST /mcp (contract §1.9): assistants as tools for clients of the Model Context Protocol, with the official one."""

import asyncio
import json
import uuid

import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from harness.api import GREETING, HELLO, Api, say

BOTH = {"accept": "application/json, text/event-stream"}


@pytest.fixture
def api(graph_stores):
    with Api(graph_stores.url) as opened:
        yield opened


def rpc(api, method, message_id=1, **params):
    answer = api.post("/mcp", headers=BOTH, json={"jsonrpc": "2.0", "id": message_id, "method": method, "params": params})
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/json"), answer.text
    told = answer.json()
    assert (told["jsonrpc"], told["id"]) == ("2.0", message_id)
    return told


async def test_the_official_client_finds_agents_and_calls_them(graph_stores):
    async with asyncio.timeout(60), streamable_http_client(graph_stores.url + "/mcp") as streams:
        async with ClientSession(*streams[:2]) as session:
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            assert {"agent", "approval", "failing", "nested"} <= set(tools)
            assert tools["approval"].description == "Asks a person before it acts"
            result = await session.call_tool("agent", HELLO)
            assert not result.is_error
            assert json.loads(result.content[0].text)["messages"][-1]["content"] == GREETING
            result = await session.call_tool("failing", {})
            assert result.is_error and "__error__" in json.loads(result.content[0].text)


def test_every_assistant_is_a_tool_of_its_own(api):
    mark = uuid.uuid4().hex
    made = [api.ok("POST", "/assistants", json={"graph_id": "script", "name": f"An agent: {mark}", "description": "d"})
            for _ in range(2)]
    names, params = {}, {}
    while params is not None:
        page = rpc(api, "tools/list", **params)["result"]
        assert 1 <= len(page["tools"]) <= 50
        names.update((tool["name"], tool) for tool in page["tools"])
        params = {"cursor": page["nextCursor"]} if "nextCursor" in page else None
    first = f"An_agent__{mark}"
    second = f"{first[:55]}_{made[1]['assistant_id'][-8:]}"
    assert names[first]["description"] == "d" and names[second]["inputSchema"]["type"] == "object"
    result = rpc(api, "tools/call", "by id", name=second, arguments={"script": [say("x")], "messages": []})["result"]
    assert json.loads(result["content"][0]["text"])["messages"][-1]["content"] == "x"
    schema = names["agent"]["inputSchema"]
    assert "$defs" not in schema and set(schema) <= {"type", "properties", "required"}
    for one in made:
        api.ok("DELETE", f"/assistants/{one['assistant_id']}")


def test_messages_that_are_wrong_are_answered(api):
    for method, params, code in [("nope", {}, -32601), ("tools/call", {"name": "nobody"}, -32602), ("tools/call", {}, -32602),
                                 ("tools/call", {"name": "agent", "arguments": [1]}, -32602),
                                 ("tools/list", {"cursor": "x"}, -32602)]:
        assert rpc(api, method, **params)["error"]["code"] == code, method
    for body, code in ((b"{", -32700), (b"[]", -32700), (b'{"id": 1}', -32600),
                       (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600)):
        answer = api.post("/mcp", headers=BOTH, content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code), body
    for body in ({"jsonrpc": "2.0", "method": "notifications/initialized"}, {"jsonrpc": "2.0", "id": 1, "result": {}}):
        answer = api.post("/mcp", headers=BOTH, json=body)
        assert (answer.status_code, answer.content) == (202, b"")
    assert rpc(api, "ping")["result"] == {}
    assert rpc(api, "initialize", protocolVersion="2024-11-05")["result"]["protocolVersion"] == "2024-11-05"
    assert rpc(api, "initialize", protocolVersion="1999-01-01")["result"]["protocolVersion"] == "2025-11-25"
    assert api.post("/mcp", headers={"accept": "application/json"}, json={}).status_code == 406
    assert api.get("/mcp").status_code == 405 and api.delete("/mcp").status_code == 404
    assert api.post("/mcp/", headers=BOTH, json={"jsonrpc": "2.0", "id": 1, "method": "ping"}).status_code == 200
