"""The server itself: health, information, refusal of what is not a request of this API, HTTP details."""

import json
import re
import socket

import pytest

from harness.api import HELLO, contents, delay, say
from harness.ports import eventually

MISSING_THREAD = "00000000-0000-7000-8000-000000000000"


def exchange(server, *pieces, until_close=True):
    """Sends raw bytes and returns everything that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as conn:
        for piece in pieces:
            conn.sendall(piece)
        received = b""
        while until_close or b"\r\n\r\n" not in received:
            try:
                chunk = conn.recv(65536)
            except ConnectionResetError:
                break
            if not chunk:
                break
            received += chunk
        return received


def get(path, *headers):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def test_ok(api):
    assert api.ok("GET", "/ok") == {"ok": True}
    for path in ("/ok?check_db=1", "/ok?check_db=false", "/health/live", "/health/ready"):
        assert api.ok("GET", path)["ok"] is True
    assert api.get("/ok", params={"check_db": "perhaps"}).status_code == 422


def test_info_names_versions_that_clients_accept(api):
    """C17: clients that check a version do not refuse."""
    info = api.ok("GET", "/info")
    assert isinstance(info["version"], str)
    assert tuple(int(part) for part in info["version"].split(".")[:2]) >= (0, 5)
    assert info["flags"]["assistants"] is True


@pytest.mark.parametrize("path", ["/nowhere", "/threads/x/y/z", "/runs/a/b/c", "/%00", "/", "/thread/x/nothing"])
def test_unknown_paths_are_404_with_json(api, path):
    answer = api.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/json")
    assert isinstance(answer.json()["detail"], str)


def test_a_wrong_method_is_refused(api):
    assert api.put("/threads").status_code in (404, 405)
    assert api.delete("/ok").status_code in (404, 405)


@pytest.mark.parametrize("body", [b"{", b"", b"nonsense", b'{"a":1}}', b'{"a":\x01}', b"\xff\xfe", b"[1,]"])
def test_malformed_json_is_422(api, body):
    answer = api.post("/assistants/search" if body else "/runs/wait", content=body,
                      headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null"])
def test_a_body_that_is_no_object_is_422(api, body):
    answer = api.post("/runs/wait", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert isinstance(answer.json()["detail"], (str, list))


def test_deep_json_is_refused_or_kept_but_never_fatal(api, server):
    deep = b'{"assistant_id":"agent","input":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert api.post("/runs/wait", content=deep).status_code in (200, 400, 413, 422)
    assert server.is_ok()


def test_the_content_type_of_a_request_is_not_enforced(api):
    for kind in ("text/plain;charset=UTF-8", "application/octet-stream", ""):
        headers = {"content-type": kind} if kind else {}
        answer = api.post("/threads", content=b'{"metadata":{"a":1}}', headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["metadata"]["a"] == 1


def test_keep_alive_serves_several_requests_and_pipelining_keeps_their_order(server):
    requests = get("/ok") + get(f"/threads/{MISSING_THREAD}") + get("/info", "Connection: close")
    received = exchange(server, requests)
    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"200", b"404", b"200"]


def test_a_request_may_come_byte_by_byte(server):
    request = get("/ok", "Connection: close")
    received = exchange(server, *[bytes([byte]) for byte in request])
    assert received.startswith(b"HTTP/1.1 200")
    assert received.endswith(b'{"ok":true}')


def test_chunked_bodies_are_read(server):
    body = json.dumps({"metadata": {"chunked": True}}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, bytes([byte])) for byte in body) + b"0\r\n\r\n"
    received = exchange(server, b"POST /threads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                                b"Connection: close\r\n\r\n", chunks)
    assert received.startswith(b"HTTP/1.1 200"), received
    assert b'"chunked":true' in received.replace(b" ", b"")


def test_expect_continue_is_answered(server):
    body = b'{"metadata":{}}'
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as conn:
        conn.sendall(b"POST /threads HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body))
        first = conn.recv(1000)
        assert first.startswith((b"HTTP/1.1 100", b"HTTP/1.1 417")), first
        if first.startswith(b"HTTP/1.1 100"):
            conn.sendall(body)
            received = first
            while chunk := conn.recv(65536):
                received += chunk
            assert b"HTTP/1.1 200" in received


@pytest.mark.parametrize("request_bytes", [
    b"GARBAGE\r\n\r\n",
    b"GET /ok HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /ok HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
    b"GET /ok HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    b"POST /threads HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /threads HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
    b"POST /threads HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    b"POST /threads HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /threads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /threads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
])
def test_what_is_not_http_is_refused_and_the_connection_closed(server, request_bytes):
    received = exchange(server, request_bytes)
    assert received == b"" or received.split()[1][:1] in (b"4", b"5"), received[:200]
    assert b"HTTP/1.1 200" not in received
    assert server.is_ok()


def test_a_head_that_is_too_long_is_refused(server):
    received = exchange(server, get("/ok", "X-Long: " + "a" * 1_000_000))
    assert received == b"" or received.split()[1] in (b"431", b"400", b"413"), received[:200]
    received = exchange(server, get("/ok", *[f"X-{n}: a" for n in range(100_000)]))
    assert received == b"" or received.split()[1] in (b"431", b"400", b"413"), received[:200]
    received = exchange(server, get("/" + "a" * 1_000_000))
    assert received == b"" or received.split()[1] in (b"414", b"431", b"400", b"413", b"404"), received[:200]
    assert server.is_ok()


def test_hundreds_of_idle_connections_do_not_stop_the_server(server, api):
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(300)]
    try:
        for conn in idle[:100]:
            conn.sendall(b"POST /threads HTTP/1.1\r\nHost: x\r\nContent-Le")
        assert api.ok("GET", "/ok") == {"ok": True}
        assert api.ok("POST", "/runs/wait", json={"assistant_id": "agent", "input": HELLO})
    finally:
        for conn in idle:
            conn.close()


def test_clients_that_leave_early_do_no_harm(server, api):
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
            conn.sendall(b'POST /runs/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\n{"assistant_id":')
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
            conn.sendall(get("/ok"))
    eventually(server.is_ok)
    assert api.ok("POST", "/threads", json={})["status"] == "idle"


def test_a_stateless_run_is_joined_by_its_id(api):
    """GET /runs/{run_id}/stream, which the JavaScript client's joinStream(null, …) asks for, and its like for the result."""
    run = api.run(None, [say("a"), delay(500), say("b")], stream_resumable=True)
    events = api.events("GET", f"/runs/{run['run_id']}/stream", headers={"Last-Event-ID": "-1"})
    assert [event for event, _, _ in events] == ["metadata", "values", "values", "values"]
    assert contents(api.ok("GET", f"/runs/{run['run_id']}/join")) == ["a", "b"]


def test_the_page_for_people_has_every_operation(api):
    answer = api.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    rows = set(re.findall(r"<tr><td><b>([A-Z]+)</b><td><code>([^<]+)</code>", answer.text))
    described = {(method.upper(), path) for path, methods in api.ok("GET", "/openapi.json")["paths"].items()
                 for method in methods if method in ("get", "post", "put", "patch", "delete")}
    assert rows and described <= rows


def test_unicode_and_null_survive(api):
    metadata = {"text": "grüße 🚨 \u2028 \u0001 \"quoted\" \\ /", "big": 12345678901234567890,
                "small": 1e-7, "nested": {"a": [None, True, {}]}}
    thread = api.ok("POST", "/threads", json={"metadata": metadata})
    assert api.ok("GET", f"/threads/{thread['thread_id']}")["metadata"] == metadata


def test_openapi_describes_what_operations_take_and_give(api):
    """Issue 4: made from the table of routes; every reference has its schema."""
    document = api.ok("GET", "/openapi.json")
    schemas = document["components"]["schemas"]
    search = document["paths"]["/threads/search"]["post"]
    assert search["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Search"}
    answer = search["responses"]["2XX"]["content"]["application/json"]["schema"]
    assert answer == {"type": "array", "items": {"$ref": "#/components/schemas/Thread"}}
    text = json.dumps(document["paths"])
    named = set(re.findall("#/components/schemas/([A-Za-z]+)", text))
    assert named == set(schemas), "no schema is missing, none is unused"
    assert {"/assistants/{assistant_id}/versions", "/threads/{thread_id}/stream", "/store/items"} <= set(document["paths"])
