"""Items by meaning with `openai:MODEL`: a scripted server that speaks the embeddings API stands in for OpenAI (issue 4)."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from langgraph_sdk import get_sync_client

from harness.server import Server

MODEL = "openai:text-embedding-3-small"


class Embeddings(BaseHTTPRequestHandler):
    """Counts letters; answers in another order than it was asked; is busy as often as `busy` says."""

    asked, busy = [], 0

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Embeddings.asked.append((self.path, self.headers["authorization"], body))
        if Embeddings.busy:
            Embeddings.busy -= 1
            return self.answer(429, {"error": {"message": "busy"}})
        if any("forbidden" in text for text in body["input"]):
            return self.answer(400, {"error": {"message": "no such text"}})
        data = [{"index": number, "embedding": [text.count(letter) for letter in "abcdefgh"]}
                for number, text in enumerate(body["input"])]
        return self.answer(200, {"data": data[::-1], "model": body["model"]})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def openai():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Embeddings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


def config(embed, dims=8):
    return {"graphs": {}, "store": {"index": {"dims": dims, "embed": embed, "fields": ["text"]}}}


@pytest.fixture(scope="module")
def store(openai, stores, tmp_path_factory):
    env = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": openai}
    with Server(tmp_path_factory.mktemp("openai"), store=stores["sqlite"](), config=config(MODEL), env=env) as server:
        yield get_sync_client(url=server.url).store


def test_items_are_found_by_what_the_model_says(store):
    Embeddings.asked.clear()
    for key, text in {"a": "aaab", "b": "bbbb", "c": "cc"}.items():
        store.put_item(["m"], key, {"text": text})
    found = store.search_items(["m"], query="ab")["items"]
    assert [item["key"] for item in found] == ["a", "b", "c"]
    assert found[0]["score"] == pytest.approx(4 / (10**0.5 * 2**0.5), abs=1e-5)
    path, key, body = Embeddings.asked[0]
    assert (path, key, body["model"], body["input"]) == ("/v1/embeddings", "Bearer sk-test", "text-embedding-3-small", ["aaab"])


def test_a_busy_model_is_asked_again_and_a_refusal_is_told(store):
    Embeddings.busy = 2
    store.put_item(["n"], "a", {"text": "abc"})
    assert store.search_items(["n"], query="abc")["items"][0]["score"] == pytest.approx(1)
    with pytest.raises(Exception, match="no such text"):
        store.put_item(["n"], "b", {"text": "forbidden"})
    assert store.get_item(["n"], "b") is None


@pytest.mark.parametrize("embed, env, words", [
    (MODEL, {}, "OPENAI_API_KEY is not set"),
    ("cohere:embed-v4", {}, "langchain"),
])
def test_what_is_missing_is_named_at_the_start(tmp_path, embed, env, words):
    server = Server(tmp_path, config=config(embed), env={"OPENAI_API_KEY": "", **env}, dev=False)
    _, log = server.start_fails()
    assert "store.index" in log and words in log, log
