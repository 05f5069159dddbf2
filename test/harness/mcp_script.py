"""mcp_script -- an MCP server whose answers are written down by hand, for what the official SDK does not do: pages of tools,
a list that changes, other versions, streams that break off.

    with McpScript(tools=[["a", "b"], ["c"]]) as server: … server.url, server.asked"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class McpScript:
    def __init__(self, tools=(("add",),), version=None, endless=False, changes=None, breaks=False):
        self.tools, self.version, self.endless, self.changes, self.breaks = list(tools), version, endless, changes, breaks
        self.asked, self.headers = [], []

    def __enter__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.owner = True, self
        self.url = f"http://127.0.0.1:{self.server.server_port}/mcp"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def result(self, message):
        method, params = message["method"], message.get("params", {})
        if method == "initialize":
            return {"protocolVersion": self.version or params["protocolVersion"], "capabilities": {"tools": {}},
                    "serverInfo": {"name": "script", "version": "1"}}
        if method == "tools/list":
            page = int(params.get("cursor", 0))
            answer = {"tools": [{"name": name, "description": f"Tool {name}", "inputSchema": {"type": "object"}}
                                for name in self.tools[min(page, len(self.tools) - 1)]]}
            if page + 1 < len(self.tools) or self.endless:
                answer["nextCursor"] = str(page + 1)
            return answer
        return {"content": [{"type": "text", "text": f"{params['name']} was called"}]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        owner = self.server.owner
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        owner.asked.append(message["method"])
        owner.headers.append(dict(self.headers))
        if "id" not in message:
            self.answer(202, "application/json", b"")
            return
        reply = {"jsonrpc": "2.0", "id": message["id"], "result": owner.result(message)}
        if message["method"] != "tools/call":
            self.answer(200, "application/json", json.dumps(reply).encode())
            return
        events = [{"jsonrpc": "2.0", "id": "their-own", "method": "ping"}]
        if owner.changes:
            owner.tools, owner.changes = owner.changes, None
            events.append({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        whole = "".join(f"id: {number}\ndata: {json.dumps(event)}\n\n" for number, event in enumerate(events))
        owner.late = f"id: last\ndata: {json.dumps(reply)}\n\n"
        if owner.breaks:  # within the last event: it is not there, whatever its first line says
            whole = "retry: 50\n" + whole + owner.late[:20]
        self.answer(200, "text/event-stream", (whole if owner.breaks else whole + owner.late).encode())

    def do_GET(self):
        owner = self.server.owner
        owner.asked.append(f"GET after {self.headers['last-event-id']}")
        self.answer(200, "text/event-stream", owner.late.encode())

    def answer(self, status, content_type, body):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
