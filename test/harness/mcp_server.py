"""mcp_server -- an MCP server written with the official SDK, for tests: python mcp_server.py PORT FORM [TOKEN]

events   answers as a stream of events, with sessions
json     answers with JSON, without sessions
resumes  as events; its events have ids, and the tool `slow` closes its stream before it answers
forgets  as events; it forgets every session when the tool `forget` is called

TOKEN must come as a bearer."""

import asyncio
import sys

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http import EventMessage, EventStore

port, form, token = int(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
server = MCPServer("tools for tests")
seen, forgotten = set(), set()


class Events(EventStore):
    """All events, by their number."""

    def __init__(self):
        self.kept = []

    async def store_event(self, stream_id, message):
        self.kept.append((stream_id, message))
        return str(len(self.kept))

    async def replay_events_after(self, last_event_id, send_callback):
        after = int(last_event_id)
        stream = self.kept[after - 1][0]
        for number, (stream_id, message) in enumerate(self.kept[after:], after + 1):
            if stream_id == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


@server.tool()
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return f"the sum is {a + b}"


@server.tool()
def fail(why: str) -> str:
    """Fail."""
    raise ToolError(why)


@server.tool()
async def slow(ctx: Context) -> str:
    """Answer on a stream that is closed before."""
    await ctx.close_sse_stream()
    await asyncio.sleep(0.3)
    return "late but whole"


@server.tool()
def forget() -> str:
    """Forget every session, this one too."""
    forgotten.update(seen)
    return "forgotten"


app = server.streamable_http_app(json_response=form == "json", stateless_http=form == "json",
                                 event_store=Events() if form == "resumes" else None, retry_interval=100)


async def refuse(send, status):
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def guarded(scope, receive, send):
    headers = dict(scope.get("headers", []))
    session = headers.get(b"mcp-session-id")
    if scope["type"] == "http" and token and headers.get(b"authorization") != f"Bearer {token}".encode():
        await refuse(send, 401)
    elif scope["type"] == "http" and session in forgotten:
        await refuse(send, 404)
    else:
        if session:
            seen.add(session)
        await app(scope, receive, send)


uvicorn.run(guarded, host="127.0.0.1", port=port, log_level="warning")
