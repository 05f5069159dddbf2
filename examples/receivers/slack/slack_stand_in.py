"""A stand-in for Slack's chat.postMessage, as strict as Slack's documentation: try an alert without a workspace.

Run it:  SLACK_TOKEN=xoxb-1 python3 slack_stand_in.py 8001
An alert's webhook is then http://127.0.0.1:8001/api/chat.postMessage, with the header "Authorization: Bearer xoxb-1".

Like Slack it answers 200 whatever is wrong with the message, and says so in the body: {"ok": false, "error": "…"}. What it
took stands at GET /messages.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT_MAX, BLOCKS_MAX, SECTION_TEXT_MAX = 40000, 50, 3000
CHANNELS = os.environ.get("SLACK_CHANNELS", "C0123456789").split(",")
messages = []


def text_error(text, where):
    if not isinstance(text, dict) or text.get("type") not in ("mrkdwn", "plain_text"):
        return f"{where}/text must have the type mrkdwn or plain_text"
    if not isinstance(text.get("text"), str) or not 1 <= len(text["text"]) <= SECTION_TEXT_MAX:
        return f"{where}/text/text must have 1 to {SECTION_TEXT_MAX} characters"
    return None


def block_error(block, where):
    if not isinstance(block, dict) or block.get("type") not in ("section", "header", "divider", "context"):
        return f"{where}: unsupported type"
    if block["type"] == "section" and "text" in block:
        return text_error(block["text"], where)
    if block["type"] == "section" and not block.get("fields"):
        return f"{where}: a section needs text or fields"
    if block["type"] == "header" and (error := text_error(block.get("text"), where)):
        return error
    return None


def judge(message):
    """None, or why Slack would not take it: its error, and what it says besides."""
    channel, text, blocks = message.get("channel"), message.get("text"), message.get("blocks")
    if not channel or channel not in CHANNELS:
        return "channel_not_found", []
    if isinstance(blocks, str):
        try:
            blocks = json.loads(blocks)
        except ValueError:
            return "invalid_blocks_format", []
    if blocks is not None and not isinstance(blocks, list):
        return "invalid_blocks_format", []
    if blocks and len(blocks) > BLOCKS_MAX:
        return "too_many_blocks", []
    wrong = [error for at, block in enumerate(blocks or []) if (error := block_error(block, f"/blocks/{at}"))]
    if wrong:
        return "invalid_blocks", wrong
    if not text and not blocks and not message.get("attachments"):
        return "no_text", []
    return ("msg_too_long", []) if len(text or "") > TEXT_MAX else None


class Slack(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(messages)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        kind = self.headers.get("content-type", "").split(";")[0].strip()
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if self.path != "/api/chat.postMessage":
            self.reply({"ok": False, "error": "unknown_method"}, 404)
        elif not token or scheme.lower() != "bearer":
            self.reply({"ok": False, "error": "not_authed"})
        elif token != os.environ["SLACK_TOKEN"]:
            self.reply({"ok": False, "error": "invalid_auth"})
        elif kind != "application/json":
            self.reply({"ok": False, "error": "invalid_post_type"})
        else:
            self.take(body)

    def take(self, body):
        try:
            message = json.loads(body.decode("utf-8"))
        except ValueError:
            return self.reply({"ok": False, "error": "invalid_json"})
        if not isinstance(message, dict):
            return self.reply({"ok": False, "error": "json_not_object"})
        if error := judge(message):
            answer = {"ok": False, "error": error[0]}
            if error[1]:
                answer["response_metadata"] = {"messages": [f"[ERROR] {words}" for words in error[1]]}
            return self.reply(answer)
        messages.append(message)
        return self.reply({"ok": True, "channel": message["channel"], "ts": f"{len(messages)}.000100",
                           "message": {"type": "message", "text": message.get("text", "")}})

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit() or "SLACK_TOKEN" not in os.environ:
        sys.exit("usage: SLACK_TOKEN=xoxb-1 python3 slack_stand_in.py PORT (0: any)")
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Slack)
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()
