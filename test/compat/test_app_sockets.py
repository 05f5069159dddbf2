"""WebSockets of the user's own app (docs/app.md): in Python, by ASGI."""

import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from harness.api import Api
from harness.ports import eventually
from harness.server import Server
from test_app import project
from test_app_bodies import MIB, SLIM, rss


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    with Server(folder, project=folder / "project", config=project(folder / "project", "py"), env=SLIM) as running:
        yield running


def socket(server, path="/custom/socket", **options):
    return connect(server.url.replace("http", "ws", 1) + path, compression=None, proxy=None, max_size=None, **options)


def test_messages_go_to_and_fro(server):
    with socket(server, "/custom/socket?a=1", additional_headers={"X-Test": "yes"}) as ws:
        assert ws.response.headers["x-socket"] == "yes" and ws.subprotocol is None
        for text in ("one", "", "äöü €", "x" * 5_000_000):
            ws.send(text)
            assert ws.recv(timeout=20) == "said: " + text
        for data in (b"abc", b"", bytes(range(256)) * 20_000):
            ws.send(data)
            assert ws.recv(timeout=20) == data[::-1]
        ws.send("scope")
        assert json.loads(ws.recv(timeout=20)) == {"path": "/custom/socket", "query": "a=1", "scheme": "ws", "header": "yes",
                                                   "state": 7}
    with socket(server, subprotocols=["one", "two"]) as ws:
        assert ws.subprotocol == "two"


def test_both_sides_may_close(server):
    api = Api(server.url)
    with socket(server) as ws:
        ws.close(4321, "enough")
    eventually(lambda: 4321 in api.ok("GET", "/custom/socket-left"), why="the app did not hear of it")
    with socket(server) as ws:
        ws.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=20)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you like")
    with socket(server) as ws:
        ws.send("raise")
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=20)
        assert closed.value.rcvd.code == 1011


def test_who_is_not_let_in_has_an_answer(server):
    for path, status, body in (("/custom/socket?refuse=you", 401, {"refused": "you"}), ("/custom/no-socket", 403, None)):
        with pytest.raises(InvalidStatus) as refused:
            socket(server, path)
        response = refused.value.response
        assert response.status_code == status and (body is None or json.loads(response.body) == body)


def test_who_takes_nothing_stops_the_other_side(server):
    """100 MB each way, of which neither the server nor the worker holds much."""
    with socket(server, max_queue=1) as ws:
        ws.send("flood 16")
        for _ in range(16):
            ws.recv(timeout=20)
        before = rss(server)
        ws.send("flood 1600")
        assert ws.recv(timeout=20)[:2] == "0 "
        assert Api(server.url).get("/info").status_code == 200, "others go on"
        held(server, before)
        for number in range(1, 1600):
            assert ws.recv(timeout=20).startswith(f"{number} ")
        ws.send("take 1600")
        for number in range(1600):
            ws.send(bytes(65536))
            if number % 100 == 0:
                held(server, before)
        assert ws.recv(timeout=20) == "taken: 104857600"


def held(server, before):
    grown = {pid: bytes_ - before[pid] for pid, bytes_ in rss(server).items() if pid in before}
    assert max(grown.values()) < 32 * MIB, grown


def test_a_built_in_path_is_no_socket(server):
    """Middleware that stands before it may be what guards it."""
    with pytest.raises(InvalidStatus) as refused:
        socket(server, "/info?interrupt")
    assert refused.value.response.status_code == 418


def test_a_worker_that_dies_closes_its_sockets(server):
    with socket(server) as ws:
        ws.send("die")
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=20)
        assert closed.value.rcvd.code == 1011
    api = Api(server.url)
    eventually(lambda: api.get("/runs/afakeroute").status_code == 200, 60, why="the app did not come back")
    with socket(server) as ws:
        ws.send("again")
        assert ws.recv(timeout=20) == "said: again"


def test_sockets_end_with_the_server(tmp_path):
    with Server(tmp_path, project=tmp_path / "project", config=project(tmp_path / "project", "py")) as server:
        with socket(server) as ws:
            ws.send("one")
            assert ws.recv(timeout=20) == "said: one"
            server.stop()
            with pytest.raises(ConnectionClosed) as closed:
                ws.recv(timeout=20)
            assert closed.value.rcvd is None or closed.value.rcvd.code == 1012
