"""Gateway mode: bodies of requests go to the upstream as they come (docs/gateway.md), and nothing gets out of step, whoever
answers, waits, leaves or dies first. The upstream is on plain sockets."""

import hashlib
import json
import os
import random
import socket
import threading
import time

import httpx
import pytest

from harness.api import Api
from harness.ports import eventually
from harness.server import Server
from harness.upstream import Upstream
from harness.wire import Client

MIB = 1 << 20
# Freed memory that the sanitizer keeps would look like memory that is used.
SLIM = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:quarantine_size_mb=1"}


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as one:
        yield one


@pytest.fixture(scope="module")
def gateway(upstream, tmp_path_factory):
    config = {"runbell": {"upstream": upstream.url, "http": {"body_timeout_s": 5}}}
    with Server(tmp_path_factory.mktemp("gateway"), config=config, env=SLIM) as server:
        yield server


# ---- what comes is what was sent ---------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 1_000_000, 30_000_000])
@pytest.mark.parametrize("kind", ["length", "chunks"])
def test_bodies_arrive_whole(gateway, size, kind):
    body = random.Random(size).randbytes(size)
    with Client(gateway) as client:
        for _ in range(2):
            status, seen = client.upload("/sink?a=%2F", body, kind)
            assert (status, seen["bytes"], seen["sha256"]) == (200, size, hashlib.sha256(body).hexdigest())
            framing = [name for name, _ in seen["headers"] if name.lower() in ("content-length", "transfer-encoding")]
            assert framing == ["Content-Length" if kind == "length" else "Transfer-Encoding"]
        client.in_step("/in-step")


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "PUT", "PATCH"])
def test_any_method_may_have_a_body(gateway, method):
    with Client(gateway) as client:
        client.send(f"{method} /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
        seen = json.loads(client.answer()[2])
        assert (seen["method"], seen["bytes"]) == (method, 3)
        client.in_step("/in-step")


def test_requests_sent_ahead_are_answered_in_their_turn(gateway):
    with Client(gateway) as client:
        one = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
        two = b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        client.send(one + two + one + b"GET /c HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [json.loads(client.answer()[2])["target"] for _ in range(4)] == ["/a", "/b", "/a", "/c"]


def test_pieces_go_on_as_they_come_and_answers_too(gateway, upstream):
    """Both ways at once: the upstream answers each piece before the next is sent."""

    def echo(exchange):
        exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in exchange.pieces():
            exchange.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        exchange.write(b"0\r\n\r\n")

    upstream.on("/echo", echo)
    with Client(gateway) as client:
        client.post("/echo", "Transfer-Encoding: chunked")
        client.until(b"\r\n\r\n")
        for word in (b"one", b"two", b"three"):
            client.send(f"{len(word):x}\r\n".encode() + word + b"\r\n")
            client.until(word + b"\r\n")
        client.send(b"0\r\n\r\n")
        client.until(b"0\r\n\r\n")


def test_answers_keep_their_length_whatever_it_is(gateway, upstream):
    def of(size):
        def answer(exchange):
            for _ in exchange.pieces():
                pass
            exchange.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
            exchange.write(b"" if exchange.method == "HEAD" else b"x" * size)
        return answer

    for size in (0, 10, MIB, 5 * MIB):
        upstream.on(f"/of-{size}", of(size))
        with Client(gateway) as client:
            client.send(f"HEAD /of-{size} HTTP/1.1\r\nHost: x\r\n\r\n")
            assert f"content-length: {size}\r\n" in client.until(b"\r\n\r\n").decode().lower(), size
            client.send(f"GET /of-{size} HTTP/1.1\r\nHost: x\r\n\r\n")
            status, headers, body = client.answer()
            assert (status, len(body)) == (200, size) and "transfer-encoding" not in headers
            client.in_step("/in-step")


# ---- memory ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["length", "chunks"])
def test_memory_does_not_grow_with_the_body(gateway, upstream, kind):
    """200 MB to an upstream that takes its time: what it does not take, the client keeps."""
    total, piece = 200_000_000, os.urandom(100_000)

    def slow(exchange):
        for number, _ in enumerate(exchange.pieces()):
            if number % 500 == 0:
                time.sleep(0.05)
        exchange.answer(204)

    upstream.on("/slow", slow)
    with Client(gateway) as client:
        client.in_step("/in-step")
        before = most = gateway.rss_bytes()
        client.post("/slow", "Transfer-Encoding: chunked" if kind == "chunks" else f"Content-Length: {total}")
        frame = f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if kind == "chunks" else piece
        for _ in range(total // len(piece)):
            client.send(frame)
            most = max(most, gateway.rss_bytes())
        client.send(b"0\r\n\r\n" if kind == "chunks" else b"")
        assert client.answer()[0] == 204
        client.in_step("/in-step")
    assert most - before < 16 * MIB, f"it grew by {(most - before) / MIB:.1f} MiB"


def test_an_upstream_that_reads_nothing_stops_the_client(gateway, upstream):
    go_on = threading.Event()

    def waits(exchange):
        go_on.wait(20)
        exchange.answer_json(sum(map(len, exchange.pieces())))

    upstream.on("/waits", waits)
    body = bytes(40 * MIB)
    with Client(gateway) as client:
        client.post("/waits", f"Content-Length: {len(body)}")
        sent = client.send_until_stuck(body)
        assert sent < len(body), "all of it was taken, though nobody reads"
        go_on.set()
        client.send(body[sent:])
        assert json.loads(client.answer()[2]) == len(body)


# ---- Expect ------------------------------------------------------------------------------------


def test_100_continue_is_the_upstreams(gateway, upstream):
    said = threading.Event()

    def wants_it(exchange):
        assert exchange.header("expect") == "100-continue"
        assert said.wait(20)
        exchange.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        exchange.answer_json(len(exchange.body()))

    upstream.on("/wants", wants_it)
    with Client(gateway) as client:
        client.post("/wants", "Expect: 100-continue", "Content-Length: 5")
        client.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.until(b"\r\n")
        client.socket.settimeout(20)
        said.set()
        assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send("12345")
        assert client.answer()[2] == b"5"
        client.in_step("/in-step")


def test_a_body_that_the_upstream_does_not_want_is_not_asked_for(gateway, upstream):
    upstream.on("/no", lambda exchange: exchange.answer(401, b"no"))
    with Client(gateway) as client:
        client.post("/no", "Expect: 100-continue", "Content-Length: 5")
        status, headers, body = client.answer()
        assert (status, body) == (401, b"no")
        assert headers["connection"] == "close", "it may still send the body, or not: nobody can say what comes next"


def test_an_upstream_that_knows_no_expect_gets_the_body_after_a_second(gateway, upstream):
    upstream.on("/deaf", lambda exchange: exchange.answer_json(len(exchange.body())))
    with Client(gateway) as client:
        began = time.monotonic()
        client.post("/deaf", "Expect: 100-continue", "Content-Length: 5")
        assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert 0.5 < time.monotonic() - began < 5
        client.send("12345")
        assert client.answer()[2] == b"5"
    with Client(gateway) as client:
        client.post("/deaf", "Expect: 100-continue", "Content-Length: 5", body=b"12345")
        assert client.answer()[2] == b"5", "who does not wait need not"
        client.in_step("/in-step")


# ---- early answers -----------------------------------------------------------------------------


def test_an_early_answer_gets_through_though_nobody_reads_the_body(gateway, upstream):
    """It closes with the rest unread, so the kernel resets the connection behind the answer."""
    upstream.on("/early", lambda exchange: exchange.answer(413, b"too much"))
    for _ in range(20):
        with Client(gateway) as client:
            status, headers, body = client.post_until_answered("/early", 100 * MIB)
            assert (status, body, headers["connection"]) == (413, b"too much", "close")
            assert client.is_closed()


def test_the_rest_of_a_small_body_does_not_become_a_request(gateway, upstream):
    """What still comes of a body that was answered early is no request, whatever it looks like."""
    upstream.on("/early", lambda exchange: exchange.answer(403, b"no"))
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    for kind in ("length", "chunks"):
        with Client(gateway) as client:
            if kind == "length":
                client.post("/early", f"Content-Length: {3 + len(smuggled)}", body=b"abc")
            else:
                client.post("/early", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n")
            status, headers, _ = client.answer()
            assert status == 403
            if kind == "length":
                client.send(smuggled)
                client.in_step("/in-step")
            else:
                assert headers["connection"] == "close"
                client.send(f"{len(smuggled):x}\r\n".encode() + smuggled + b"\r\n0\r\n\r\n")
                assert client.is_closed()
    assert not [one for one in upstream.heads if "smuggled" in one.target]


def test_an_upstream_that_answers_early_and_reads_on_is_not_confused(gateway, upstream):
    """Its connection is not used again: half a body is on its way there."""

    def early(exchange):
        exchange.answer(200, b"early")
        exchange.body()

    upstream.on("/early-reads", early)
    with Client(gateway) as client:
        client.post("/early-reads", "Content-Length: 100", body=b"abc")
        assert client.answer()[2] == b"early"
        for _ in range(5):
            client.send(bytes(19))
            if _ == 0:
                client.send(bytes(2))
        client.in_step("/in-step")


# ---- somebody leaves, or dies ------------------------------------------------------------------


def test_a_client_that_leaves_midway_ends_the_request(gateway, upstream):
    left, begun = threading.Event(), threading.Event()

    def watch(exchange):
        try:
            for _ in exchange.pieces():
                begun.set()
        finally:
            if not exchange.ended:
                left.set()

    upstream.on("/watch", watch)
    for kind in ("Content-Length: 1000000", "Transfer-Encoding: chunked"):
        left.clear()
        begun.clear()
        with Client(gateway) as client:
            client.post("/watch", kind, body=b"5\r\nabcde\r\n")
            assert begun.wait(10)
        assert left.wait(10), "the upstream waits for a body that never comes"
    eventually(lambda: "runbell_gateway_requests_total{result=\"left\"}" in Api(gateway.url).get("/metrics").text)


def test_a_chunk_that_is_none_ends_the_request(gateway, upstream):
    before = len(upstream.heads)
    with Client(gateway) as client:
        client.post("/sink", "Transfer-Encoding: chunked", body=b"5\r\nabcde\r\n")
        eventually(lambda: len(upstream.heads) > before)
        client.send("nonsense\r\n")
        assert client.answer()[0] == 400
        assert client.is_closed()


def test_a_client_that_stops_sending_is_refused(gateway):
    with Client(gateway) as client:
        client.post("/sink", "Content-Length: 10", body=b"abc")
        assert client.answer()[0] == 408


def test_an_upstream_that_dies_midway_is_told(gateway, upstream):
    def dies(exchange):
        next(exchange.pieces())
        exchange.reset()

    upstream.on("/dies", dies)
    with Client(gateway) as client:
        status, headers, body = client.post_until_answered("/dies", 50 * MIB)
        assert status == 502 and upstream.url in json.loads(body)["detail"]
        assert headers["connection"] == "close" and client.is_closed()


def test_one_that_is_not_there_is_told_before_the_body_is_taken(tmp_path):
    with socket.socket() as deaf:  # it keeps its port from everybody else, and does not listen
        deaf.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with Server(tmp_path, config={"runbell": {"upstream": gone}}) as gateway, Client(gateway) as client:
            client.post("/sink", "Expect: 100-continue", "Content-Length: 50000000")
            status, _, body = client.answer()
            assert status == 502 and "cannot be reached" in json.loads(body)["detail"]


# ---- limits ------------------------------------------------------------------------------------


def test_only_bodies_that_must_be_understood_have_a_limit(upstream, tmp_path):
    config = {"runbell": {"upstream": upstream.url, "http": {"body_bytes_max": 100_000}}}
    with Server(tmp_path, config=config) as gateway:
        api = Api(gateway.url)
        large = {"assistant_id": "agent", "input": "x" * 100_000}
        thread = "00000000-0000-4000-8000-000000000001"
        for path in (f"/threads/{thread}/runs", f"/threads/{thread}/runs/stream", f"/threads/{thread}/runs/wait", "/runs/stream",
                     "/runs/wait", "/runs/batch", "/runs/crons", f"/threads/{thread}/runs/crons"):
            assert api.post(path, json=large).status_code == 413, path
            small = {"assistant_id": "agent"}  # a batch of runs is a list; an object there is one of spans
            assert api.post(path, json=[small] if path == "/runs/batch" else small).json()["target"] == path
        for path in (f"/threads/{thread}/state", "/threads", "/store/items", "/no/such/path", f"/threads/{thread}/commands"):
            assert api.post(path, json=large).json()["bytes"] > 100_000, path
        assert httpx.request("OPTIONS", gateway.url + "/threads", content=bytes(100_001)).status_code == 413, "nobody knows who asks"
