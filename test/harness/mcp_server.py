"""mcp_server -- an MCP server written with the official SDK, for tests: python mcp_server.py PORT events|json [TOKEN]

It answers as a stream of events with sessions, or with JSON and without; TOKEN must come as a bearer."""

import sys

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

port, form, token = int(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
server = MCPServer("tools for tests")


@server.tool()
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return f"the sum is {a + b}"


@server.tool()
def fail(why: str) -> str:
    """Fail."""
    raise ToolError(why)


app = server.streamable_http_app(json_response=form == "json", stateless_http=form == "json")


async def guarded(scope, receive, send):
    headers = dict(scope.get("headers", []))
    if scope["type"] == "http" and token and headers.get(b"authorization") != f"Bearer {token}".encode():
        await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    await app(scope, receive, send)


uvicorn.run(guarded, host="127.0.0.1", port=port, log_level="warning")
