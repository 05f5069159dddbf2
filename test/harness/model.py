"""model -- a model server on loopback whose answers are written down beforehand, in both protocols: OpenAI's chat
completions and Anthropic's messages, streamed.

    model.say("name", text("Hello"), calls(("ls", {})), failure("broken"), status(429, retry_after=0))

A question to the model `name` takes its next answer; all questions are kept in `asked`."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Reply:
    words: list = field(default_factory=list)
    calls: list = field(default_factory=list)  # (name, arguments: object or text)
    fails: str = None  # breaks off with this error
    breaks: bool = False  # ends without an end
    status: int = 200
    retry_after: str = None
    gate: threading.Event = None  # waited for behind the first word
    tokens: tuple = (10, 5)


def text(words, **more):
    return Reply(words=words.split(" "), **more)


def calls(*list_, words="", **more):
    return Reply(words=words.split(" ") if words else [], calls=list(list_), **more)


def failure(message, words="Half a"):
    return Reply(words=words.split(" "), fails=message)


def cut(words="Half a"):
    return Reply(words=words.split(" "), breaks=True)


def status(code, retry_after=None):
    return Reply(status=code, retry_after=retry_after)


def pieces(name, arguments):
    whole = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return [whole[i:i + 7] for i in range(0, len(whole), 7)]


def words_of(reply):
    return [word if i == 0 else " " + word for i, word in enumerate(reply.words)]


def openai(reply, model):
    def chunk(delta, **more):
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": model,
                "choices": [{"index": 0, "delta": delta, "finish_reason": None, **more}]}

    yield chunk({"role": "assistant", "content": ""})
    for word in words_of(reply):
        yield chunk({"content": word})
    if reply.fails:
        yield {"error": {"message": reply.fails, "type": "server_error"}}
        return
    for index, (name, arguments) in enumerate(reply.calls):
        yield chunk({"tool_calls": [{"index": index, "id": f"call_{name}_{index}", "type": "function",
                                     "function": {"name": name, "arguments": ""}}]})
        for piece in pieces(name, arguments):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    if reply.breaks:
        return
    yield chunk({}, finish_reason="tool_calls" if reply.calls else "stop")
    yield {"id": "chatcmpl-1", "choices": [], "usage": {"prompt_tokens": reply.tokens[0],
                                                        "completion_tokens": reply.tokens[1]}}
    yield "[DONE]"


def anthropic(reply, model):
    yield {"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "model": model, "content": [],
                                                "usage": {"input_tokens": reply.tokens[0], "output_tokens": 1}}}
    yield {"type": "ping"}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for word in words_of(reply):
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
    if reply.fails:
        yield {"type": "error", "error": {"type": "overloaded_error", "message": reply.fails}}
        return
    yield {"type": "content_block_stop", "index": 0}
    for index, (name, arguments) in enumerate(reply.calls, 1):
        yield {"type": "content_block_start", "index": index,
               "content_block": {"type": "tool_use", "id": f"toolu_{name}_{index}", "name": name, "input": {}}}
        for piece in pieces(name, arguments):
            yield {"type": "content_block_delta", "index": index,
                   "delta": {"type": "input_json_delta", "partial_json": piece}}
        yield {"type": "content_block_stop", "index": index}
    if reply.breaks:
        return
    yield {"type": "message_delta", "delta": {"stop_reason": "tool_use" if reply.calls else "end_turn"},
           "usage": {"output_tokens": reply.tokens[1]}}
    yield {"type": "message_stop"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        owner, is_openai = self.server.owner, self.path.endswith("/chat/completions")
        reply = owner.take(self.path, dict(self.headers), body)
        if reply.status != 200:
            self.refuse(reply)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for number, event in enumerate((openai if is_openai else anthropic)(reply, body["model"])):
                name = "" if is_openai else f"event: {event['type']}\n"
                self.chunk(f"{name}data: {event if isinstance(event, str) else json.dumps(event)}\n\n")
                if reply.gate and number == 3:
                    reply.gate.wait(60)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            owner.left += 1

    def chunk(self, written):
        data = written.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def refuse(self, reply):
        body = json.dumps({"error": {"message": f"status {reply.status}"}}).encode()
        self.send_response(reply.status)
        if reply.retry_after is not None:
            self.send_header("retry-after", str(reply.retry_after))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class ModelServer:
    def __init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.owner = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.scripts, self.asked, self.left, self.lock = {}, [], 0, threading.Lock()

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def say(self, model, *replies):
        with self.lock:
            self.scripts.setdefault(model, []).extend(replies)

    def take(self, path, headers, body):
        with self.lock:
            self.asked.append({"path": path, "headers": headers, "body": body})
            script = self.scripts.get(body["model"])
            return script.pop(0) if script else status(400)

    def of(self, model):
        """The bodies of all questions to this model."""
        return [asked["body"] for asked in self.asked if asked["body"]["model"] == model]
