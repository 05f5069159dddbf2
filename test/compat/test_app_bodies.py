"""Large requests to the user's own app (`http.app`, docs/app.md), and large answers of it: bodies go to the worker as the app takes
them, answers come as the client takes them, whoever answers, waits, leaves or dies first. FastAPI in Python, Hono in JavaScript."""

import hashlib
import json
import os
import random
import re
import time

import httpx
import psutil
import pytest

from harness.ports import eventually
from harness.server import Server
from harness.wire import Client
from test_app import project

MIB = 1 << 20
# Freed memory that the sanitizer keeps would look like memory that is used.
SLIM = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:quarantine_size_mb=1"}


@pytest.fixture(scope="module", params=["py", "mjs"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    config = project(folder / "project", request.param)
    with Server(folder, project=folder / "project", config=config, env=SLIM) as running:
        running.extension = request.param
        yield running


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
        yield client


def rss(server):
    return {process.pid: process.memory_info().rss for process in [psutil.Process(server.process.pid), *server.workers()]}


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 1_000_000, 30_000_000])
@pytest.mark.parametrize("kind", ["length", "chunks"])
def test_bodies_arrive_whole(server, size, kind):
    body = random.Random(size).randbytes(size)
    with Client(server) as client:
        for _ in range(2):
            status, seen = client.upload("/custom/sink", body, kind)
            assert (status, seen["bytes"], seen["sha256"]) == (200, size, hashlib.sha256(body).hexdigest())
        client.in_step()


@pytest.mark.parametrize("kind", ["length", "chunks"])
def test_memory_does_not_grow_with_the_body(server, kind):
    """200 MB to an app that takes its time: neither the server nor the worker holds more of it than a few pieces."""
    total, piece = 200_000_000, os.urandom(100_000)
    with Client(server) as client:
        client.post("/custom/sink", f"Content-Length: {len(piece)}", body=piece)
        client.answer()
        before = most = rss(server)
        client.post("/custom/sink?pause=0.002", "Transfer-Encoding: chunked" if kind == "chunks" else f"Content-Length: {total}")
        frame = f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if kind == "chunks" else piece
        for number in range(total // len(piece)):
            client.send(frame)
            if number % 10 == 0:
                now = rss(server)
                most = {pid: max(most[pid], now[pid]) for pid in now}
        client.send(b"0\r\n\r\n" if kind == "chunks" else b"")
        assert json.loads(client.answer()[2])["bytes"] == total
        client.in_step()
    grown = {pid: (most[pid] - before[pid]) / MIB for pid in most}
    assert grown[server.process.pid] < 16, f"the server grew by {grown} MiB"
    # Node collects when it likes; a body that was held would be 190 MiB.
    assert all(more < (96 if server.extension == "mjs" else 24) for more in grown.values()), f"a worker grew by {grown} MiB"


def test_an_app_that_takes_no_more_stops_the_client(server):
    body = bytes(60 * MIB)
    with Client(server) as client:
        client.post("/custom/sink?pause=1", f"Content-Length: {len(body)}")
        assert client.send_until_stuck(body, 0.5) < len(body)


def test_expect_and_early_answers(server):
    with Client(server) as client:
        client.post("/custom/sink", "Expect: 100-continue", "Content-Length: 5")
        assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send("12345")
        assert json.loads(client.answer()[2])["bytes"] == 5
        client.in_step()
    for path, status in (("/custom/early", 413), ("/custom/one-piece", 200)):
        with Client(server) as client:
            said, headers, body = client.post_until_answered(path, 100 * MIB)
            assert said == status and headers["connection"] == "close", body
            assert client.is_closed()
    with Client(server) as client:
        client.post("/custom/early", "Content-Length: 100", body=b"abc")
        assert client.answer()[0] == 413
        client.send(b"GET /custom/echo HTTP/1.1\r\nHost: x\r\n\r\n".ljust(97, b"x"))
        client.in_step()


def test_somebody_leaves_midway(server, http):
    with Client(server) as client:
        client.post("/custom/upload-left", "Content-Length: 1000000", body=bytes(100_000))
        time.sleep(0.2)
    assert http.get("/custom/upload-was-left").json() == {"left": True}
    with Client(server) as client:
        status, _, body = client.post_until_answered("/custom/dies-midway", 50 * MIB)
        assert status == 502 and b"http.app" in body
    eventually(lambda: http.get("/info").status_code == 200, timeout=20)
    with Client(server) as client:
        client.post("/custom/sink", "Transfer-Encoding: chunked", body=b"5\r\nabcde\r\n")
        time.sleep(0.1)
        client.send("nonsense\r\n")
        assert client.answer()[0] == 400
    assert http.get("/info").status_code == 200


def test_the_time_for_an_answer_counts_from_the_last_piece(server):
    """runbell.app.timeout_s is 2: an upload may take longer, an app that takes no more of it may not."""
    with Client(server) as client:
        client.post("/custom/sink", "Content-Length: 500000")
        for _ in range(5):
            client.send(bytes(100_000))
            time.sleep(0.7)
        assert json.loads(client.answer()[2])["bytes"] == 500_000
        client.post("/custom/sink?pause=100", f"Content-Length: {50 * MIB}")
        client.send_until_stuck(bytes(50 * MIB), 0.3)
        status, headers, _ = client.answer()
        assert (status, headers["connection"]) == (504, "close")


def test_built_in_routes_behind_it_keep_their_limits(server, http):
    before = rss(server)
    with Client(server) as client:
        assert client.post_until_answered("/threads", 150 * MIB)[0] == 413
    with Client(server) as client:
        assert client.post_until_answered("/no/such/path", 150 * MIB)[0] in (404, 413, 502)
    eventually(lambda: http.get("/info").status_code == 200)
    assert rss(server)[server.process.pid] - before[server.process.pid] < 96 * MIB
    text = "x" * 3_000_000
    for query in ("", "?read"):
        made = http.post(f"/threads{query}", json={"metadata": {"text": text}})
        assert made.status_code == 200 and made.json()["metadata"]["text"] == text, f"the middleware reads it first: {query}"


def test_a_body_beyond_the_limit_is_refused(server, tmp_path):
    config = project(tmp_path / "project", server.extension)
    config["runbell"]["app"]["body_bytes_max"] = 100_000
    with Server(tmp_path, project=tmp_path / "project", config=config) as limited:
        assert httpx.post(limited.url + "/custom/sink", content=bytes(100_000)).json()["bytes"] == 100_000
        assert httpx.post(limited.url + "/custom/sink", content=bytes(100_001)).status_code == 413
        with Client(limited) as client:
            client.post("/custom/sink", "Transfer-Encoding: chunked", body=b"100000\r\n" + bytes(200_000))
            assert client.answer()[0] == 413


@pytest.mark.parametrize("extension", ["py", "mjs"])
def test_apps_without_a_router(tmp_path, extension):
    """What such an app has read before its 404 the built-in route gets all the same."""
    config = project(tmp_path / "project", extension)
    config["http"]["app"] = f"./plain.{extension}:app"
    with Server(tmp_path, project=tmp_path / "project", config=config) as server:
        with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as http:
            assert http.post("/custom/plain?read", content=bytes(5_000_000)).text == "5000000"
            for query in ("", "?read"):
                made = http.post(f"/threads{query}", json={"metadata": {"text": "x" * 900_000}})
                assert made.status_code == 200 and len(made.json()["metadata"]["text"]) == 900_000, query
            assert http.post("/threads", json={"metadata": {"text": "x" * 3_000_000}}).status_code == 200
            answer = http.post("/threads?read", json={"metadata": {"text": "x" * 3_000_000}})
            assert (answer.status_code, answer.text) == (404, "none of mine"), "it had a use for so much"
        with Client(server) as client:  # answer and body at once
            client.post("/custom/back", "Transfer-Encoding: chunked", body=b"3\r\none\r\n")
            client.until(b"one\r\n")
            for word in (b"two", b"three"):
                client.send(f"{len(word):x}\r\n".encode() + word + b"\r\n")
                client.until(word + b"\r\n")
            client.send(b"0\r\n\r\n")
            client.until(b"0\r\n\r\n")


# ---- answers -----------------------------------------------------------------------------------


def test_large_downloads(server, http):
    size = 300_000_000
    before = rss(server)
    most, count = dict(before), 0
    with http.stream("GET", f"/custom/file?size={size}&said={size}") as answer:
        assert answer.headers["content-length"] == str(size) and "transfer-encoding" not in answer.headers
        for number, piece in enumerate(answer.iter_raw()):
            count += len(piece)
            if number % 200 == 0:
                time.sleep(0.001)
                now = rss(server)
                most = {pid: max(most[pid], now[pid]) for pid in most}
    assert count == size
    assert most[server.process.pid] - before[server.process.pid] < 16 * MIB
    with Client(server) as client:
        client.send("HEAD /custom/file?size=10&said=10 HTTP/1.1\r\nHost: x\r\n\r\n")
        head = client.until(b"\r\n\r\n").decode().lower()
        assert re.search(r"http/1.1 (200|405)", head)
        if " 200 " in head:
            assert "content-length: 10\r\n" in head
        client.in_step()


def test_a_length_that_is_not_kept_breaks_the_connection(server):
    for size, said in ((100, 200), (200, 100)):
        with Client(server) as client:
            client.send(f"GET /custom/file?size={size}&said={said} HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.is_closed()


def test_headers_are_bytes(server, http):
    for value in ("é".encode(), "€ 🙂".encode(), b"\xe9", b"\xff\xfe"):
        with Client(server) as client:
            client.send(b"GET /custom/headers HTTP/1.1\r\nHost: x\r\nX-Test: " + value + b"\r\n\r\n")
            head = client.until(b"\r\n\r\n").lower()
            assert b"http/1.1 200" in head and b"\r\nx-back: " + value in head, "the answer repeats them"
            client.until(b'"x-test"')
    assert http.get("/custom/headers?size=60000").headers["x-large"] == "y" * 60000
    refused = http.get("/custom/headers?size=70000")
    assert refused.status_code == 500 and "64 KiB" in refused.json()["detail"]
    assert http.get("/info").status_code == 200


