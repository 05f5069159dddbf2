"""The key-value store over HTTP (issue 4, contract §1.8)."""

import uuid
from datetime import datetime

import pytest

from harness.api import Api
from harness.ports import eventually


@pytest.fixture
def space():
    """A namespace of the test's own."""
    return uuid.uuid4().hex


def put(api, namespace, key, value, **more):
    answer = api.put("/store/items", json={"namespace": namespace, "key": key, "value": value, **more})
    assert answer.status_code == 204 and answer.content == b"", answer.text


def get(api, namespace, key, **more):
    return api.ok("GET", "/store/items", params={"namespace": ".".join(namespace), "key": key, **more})


def search(api, prefix, **body):
    found = api.ok("POST", "/store/items/search", json={"namespace_prefix": prefix, **body})
    return [item["key"] for item in found["items"]]


def test_what_is_put_is_got_until_it_is_deleted(api, space):
    put(api, [space, "b"], "k", {"n": 1, "t": "x\u0000y"})
    item = get(api, [space, "b"], "k")
    assert item["namespace"] == [space, "b"] and item["key"] == "k"
    assert item["value"] == {"n": 1, "t": "x\ufffdy"}, "NUL becomes U+FFFD"
    params = [("namespace", space), ("namespace", "b"), ("key", "k")]
    assert api.ok("GET", "/store/items", params=params) == item, "labels may come one by one"
    assert get(api, [space], "k") is None and get(api, [space, "b"], "other") is None
    for _ in range(2):
        answer = api.request("DELETE", "/store/items", json={"namespace": [space, "b"], "key": "k"})
        assert answer.status_code == 204
    assert get(api, [space, "b"], "k") is None


def test_updated_at_rises_and_created_at_stays(api, space):
    stamps = []
    for number in range(4):
        put(api, [space], "k", {"n": number})
        item = get(api, [space], "k")
        stamps.append(datetime.fromisoformat(item["updated_at"]))
        created = item["created_at"]
    assert created == item["created_at"] and datetime.fromisoformat(created) == stamps[0]
    milliseconds = [int(stamp.timestamp() * 1000) for stamp in stamps]
    assert milliseconds == sorted(set(milliseconds))


def test_searches_filter_with_operators_and_page(api, space):
    for number in range(6):
        put(api, [space, "even" if number % 2 == 0 else "odd"], f"k{number}", {"n": number, "deep": {"s": f"s{number}"}})
    assert search(api, [space]) == ["k5", "k4", "k3", "k2", "k1", "k0"], "last updated first"
    assert search(api, [space, "odd"]) == ["k5", "k3", "k1"]
    assert search(api, [space], limit=2, offset=1) == ["k4", "k3"]
    assert search(api, [space], filter={"n": 3}) == ["k3"]
    assert search(api, [space], filter={"n": {"$gte": 2, "$lt": 4}}) == ["k3", "k2"]
    assert search(api, [space], filter={"n": {"$gt": 0}}, limit=2, offset=1) == ["k4", "k3"]
    assert search(api, [space], filter={"n": {"$ne": 3}, "deep": {"s": {"$lte": "s3"}}}) == ["k2", "k1", "k0"]
    assert search(api, [space], filter={"deep": {"s": "s1"}}) == ["k1"]
    assert search(api, [space], filter={}) == search(api, [space])
    assert search(api, [space[:8]]) == [], "a prefix is whole labels"
    assert search(api, None, filter={"n": {"$eq": 2}, "deep": {"s": "s2"}}, limit=1000)
    assert search(api, [space], query="something alike") == search(api, [space]), "without an index the filter alone decides"


def test_namespaces_by_prefix_suffix_and_depth(api, space):
    for labels in (["a", "b", "c"], ["a", "b", "d"], ["a", "x", "c"], ["z"]):
        put(api, [space, *labels], "k", {})

    def namespaces(**body):
        body["prefix"] = [space, *body.get("prefix", [])]
        return [one[1:] for one in api.ok("POST", "/store/namespaces", json=body)["namespaces"]]

    assert namespaces() == [["a", "b", "c"], ["a", "b", "d"], ["a", "x", "c"], ["z"]]
    assert namespaces(max_depth=2) == [["a"], ["z"]]
    assert namespaces(max_depth=3) == [["a", "b"], ["a", "x"], ["z"]]
    assert namespaces(suffix=["c"]) == [["a", "b", "c"], ["a", "x", "c"]]
    assert namespaces(suffix=["b", "*"]) == [["a", "b", "c"], ["a", "b", "d"]]
    assert namespaces(prefix=["*", "b"]) == [["a", "b", "c"], ["a", "b", "d"]]
    assert namespaces(limit=1, offset=1) == [["a", "b", "d"]]


@pytest.mark.parametrize("method, path, body, status, said", [
    ("PUT", "/store/items", {"namespace": [], "key": "k", "value": {}}, 400, "Namespace is required"),
    ("PUT", "/store/items", {"key": "k", "value": {}}, 400, "Namespace is required"),
    ("PUT", "/store/items", {"namespace": ["a.c"], "key": "k", "value": {}}, 422,
     "Namespace labels cannot be empty or contain periods. Received: a.c"),
    ("PUT", "/store/items", {"namespace": ["a", ""], "key": "k", "value": {}}, 422, "Namespace labels cannot be empty"),
    ("PUT", "/store/items", {"namespace": "a", "key": "k", "value": {}}, 422, "namespace"),
    ("PUT", "/store/items", {"namespace": ["a"], "value": {}}, 422, "key"),
    ("PUT", "/store/items", {"namespace": ["a"], "key": "k"}, 422, "value"),
    ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": [1]}, 422, "value"),
    ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {}, "ttl": 0}, 422, "ttl"),
    ("GET", "/store/items?key=k", None, 400, "Namespace is required"),
    ("GET", "/store/items?namespace=a", None, 422, "key"),
    ("POST", "/store/items/search", {"filter": {"a": {"$near": 1}}}, 422, "$near"),
    ("POST", "/store/items/search", {"limit": 0}, 422, "limit"),
    ("POST", "/store/namespaces", {"max_depth": 0}, 422, "max_depth"),
])
def test_what_is_wrong_is_refused(api, method, path, body, status, said):
    answer = api.request(method, path, json=body)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


def test_items_live_for_their_time(start_server):
    """store.ttl is a default; reading begins a life anew unless the reader says otherwise."""
    server = start_server(config={"store": {"ttl": {"default_ttl": 0.002, "refresh_on_read": False}}})
    with Api(server.url) as api:
        put(api, ["a"], "default", {})
        put(api, ["a"], "lasting", {}, ttl=None)
        put(api, ["a"], "read", {}, ttl=0.05)
        eventually(lambda: get(api, ["a"], "default") is None, 30)
        for _ in range(3):
            assert get(api, ["a"], "read", refresh_ttl="true") is not None
        assert set(search(api, ["a"], refresh_ttl=True)) == {"lasting", "read"}
        eventually(lambda: get(api, ["a"], "read") is None, 30)
        assert search(api, ["a"]) == ["lasting"]
        put(api, ["a"], "default", {"again": True})
        assert api.ok("POST", "/store/namespaces", json={})["namespaces"] == [["a"]]
    server.stop()
