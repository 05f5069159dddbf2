"""Items by meaning (issue 4, contract §1.8 and `store.index`): the user's embedding function in Python and in JavaScript, on
both stores, through the published clients of both languages and from inside graphs of both."""

import math
import os
import shutil
import uuid
from pathlib import Path

import httpx
import pytest
from langgraph_sdk import get_sync_client

from harness.program import run_program
from harness.server import Server

HERE = Path(__file__).resolve().parent
JS_HOME = HERE.parent / "js"
MODULES = HERE.parents[1] / "examples" / "js-agent" / "node_modules"
GRAPHS = {"python": "./graphs.py:finder", "js": "./graphs.mjs:finder"}


@pytest.fixture(scope="module", params=[("py", "sqlite"), ("mjs", "postgres"), ("mjs", "sqlite"), ("py", "postgres")],
                ids=lambda pair: "-".join(pair))
def server(request, stores, tmp_path_factory):
    extension, store = request.param
    if store not in stores:
        pytest.skip("no PostgreSQL (tools/postgres-temp run gives one)")
    folder = tmp_path_factory.mktemp("semantic")
    shutil.copytree(HERE / "semantic", folder / "project")
    (folder / "project" / "node_modules").symlink_to(MODULES)
    config = {"dependencies": ["."], "graphs": GRAPHS, "runbell": {"embed": {"timeout_s": 1}},
              "store": {"index": {"dims": 27, "embed": f"./embed.{extension}:embed", "fields": ["text", "parts[*].text"]}}}
    with Server(folder, store=stores[store](), project=folder / "project", config=config) as running:
        yield running


@pytest.fixture
def store(server):
    return get_sync_client(url=server.url).store


@pytest.fixture
def space():
    return uuid.uuid4().hex


def cosine(one, other):
    letters = set(one + other)
    dot = sum(one.count(x) * other.count(x) for x in letters)
    return dot / math.sqrt(sum(one.count(x) ** 2 for x in letters) * sum(other.count(x) ** 2 for x in letters))


def found(store, *prefix, **how):
    return [item["key"] for item in store.search_items(list(prefix), **how)["items"]]


def test_the_most_alike_come_first(store, space):
    texts = {"cat": "the cat sat", "dog": "the dog dug", "sum": "one and two", "cab": "cab"}
    for key, text in texts.items():
        store.put_item([space, key[0]], key, {"text": text, "n": len(text), "kind": "word"})
    items = store.search_items([space], query="cat")["items"]
    expected = sorted(texts, key=lambda key: -cosine("cat", texts[key]))
    assert [item["key"] for item in items] == expected
    for item in items:
        assert item["score"] == pytest.approx(cosine("cat", texts[item["key"]]), abs=1e-5)
        assert item["value"]["text"] == texts[item["key"]] and item["namespace"] == [space, item["key"][0]]
    assert found(store, space, query="cat", limit=2, offset=1) == expected[1:3]
    assert found(store, space, query="cat", offset=3) == expected[3:] and found(store, space, query="cat", offset=4) == []
    assert found(store, space, "c", query="dog") == ["cat", "cab"] or found(store, space, "c", query="dog") == ["cab", "cat"]
    assert found(store, space, query="cat", filter={"n": {"$gt": 3}}) == [k for k in expected if k != "cab"]
    assert found(store, space, query="cat", filter={"kind": "word", "n": 3}) == ["cab"]
    assert found(store, space[:9], query="cat") == [], "a prefix is whole labels"
    assert all("score" not in item for item in store.search_items([space])["items"])
    assert len(found(store, space, query="")) == 4, "an empty question asks for nothing"


def test_what_is_indexed(store, space):
    store.put_item([space], "never", {"text": "xyz"}, index=False)
    store.put_item([space], "title", {"title": "xyz", "text": "abc"}, index=["title"])
    store.put_item([space], "parts", {"parts": [{"text": "abc"}, {"text": "xyyz"}]})
    store.put_item([space], "empty", {"other": "xyz"})
    assert found(store, space, query="xyz") == ["title", "parts"], "the best of an item's texts counts"
    assert sorted(found(store, space)) == ["empty", "never", "parts", "title"]
    store.put_item([space], "title", {"title": "xyz", "text": "def"})
    items = {item["key"]: item["score"] for item in store.search_items([space], query="xyz")["items"]}
    assert items["title"] == 0, "a put replaces what an item was found by"
    store.put_item([space], "parts", {"parts": []}, index=False)
    store.delete_item([space], "title")
    assert found(store, space, query="xyz") == []


@pytest.mark.parametrize("word, status, words", [
    ("explode", 500, "the model is out of order"), ("dawdle", 503, "did not answer"),
    ("wrongdims", 500, "of 5 numbers; store.index.dims says 27"), ("notanumber", 500, "not finite"),
])
def test_a_function_that_fails_leaves_nothing_half_done(server, store, space, word, status, words):
    store.put_item([space], "k", {"text": "before"})
    with httpx.Client(base_url=server.url, timeout=30) as http:
        put = http.put("/store/items", json={"namespace": [space], "key": "k", "value": {"text": word}})
        asked = http.post("/store/items/search", json={"namespace_prefix": [space], "query": word})
    for answer in (put, asked):
        assert answer.status_code in (status, 422) and words in answer.json()["detail"], answer.text
    assert store.get_item([space], "k")["value"] == {"text": "before"}
    assert found(store, space, query="before") == ["k"]
    store.put_item([space], "k", {"text": word}, index=False)


@pytest.mark.parametrize("body, said", [
    ({"index": True}, "index: must be false"), ({"index": [1]}, "index: must be"), ({"index": [""]}, "index: must be"),
    ({"index": {"a": 1}}, "index: must be"),
])
def test_a_wrong_index_is_refused(server, space, body, said):
    answer = httpx.put(server.url + "/store/items", json={"namespace": [space], "key": "k", "value": {}, **body})
    assert answer.status_code == 422 and said in answer.json()["detail"]
    answer = httpx.post(server.url + "/store/items/search", json={"query": "x" * 70000})
    assert answer.status_code == 422 and "query" in answer.json()["detail"]


def test_items_that_have_expired_are_not_alike(server, store, space):
    store.put_item([space], "gone", {"text": "cat"}, ttl=0.0001)
    store.put_item([space], "here", {"text": "cat"}, ttl=60)
    while store.get_item([space], "gone", refresh_ttl=False):
        pass
    assert found(store, space, query="cat") == ["here"]


@pytest.mark.parametrize("language", ["python", "js"])
def test_graphs_find_by_meaning(server, space, language):
    given = {"space": space, "texts": {"cat": "the cat", "dog": "dog", "act": "act"}, "query": "cat"}
    done = get_sync_client(url=server.url).runs.wait(None, language, input=given)
    assert done["found"] == [["act", 1.0], ["cat", round(cosine("cat", "the cat"), 4)]], done
    assert done["again"] == ["blocking"]
    failed = httpx.post(server.url + "/runs/wait", timeout=30,
                        json={"assistant_id": language, "input": {**given, "texts": {"x": "explode"}}})
    assert "the model is out of order" in failed.text


def test_the_javascript_client(server):
    done = run_program(["node", "--test", JS_HOME / "semantic" / "alike.mjs"], timeout=60,
                       env={**os.environ, "RUNBELL_URL": server.url})
    assert done.returncode == 0, done.stdout + done.stderr
