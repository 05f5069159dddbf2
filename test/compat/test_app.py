"""The user's own HTTP app (`http.app`, issue 4, contract §1.9): FastAPI in Python, Hono in JavaScript. Its routes stand before
the built-in ones, its middleware wraps them, and when it fails nothing else does."""

import shutil
import uuid
from pathlib import Path

import httpx
import pytest
from langgraph_sdk import get_sync_client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harness.ports import eventually
from harness.server import Server

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples" / "js-agent" / "node_modules"
HONO = HERE.parent / "js" / "node_modules" / "hono"


def project(folder, extension):
    shutil.copytree(HERE / "app", folder)
    (folder / "node_modules").mkdir()
    for package in [HONO, *EXAMPLES.iterdir()]:
        if not (folder / "node_modules" / package.name).exists():
            (folder / "node_modules" / package.name).symlink_to(package)
    return {"http": {"app": f"./app.{extension}:app"}, "runbell": {"app": {"timeout_s": 2}},
            "env": {"STOPPED_FILE": str(folder / "stopped")}}


@pytest.fixture(scope="module", params=["py", "mjs"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    config = project(folder / "project", request.param)
    with Server(folder, project=folder / "project", config=config) as running:
        running.extension = request.param
        yield running


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
        yield client


def test_routes_of_the_app_are_served(http):
    assert http.get("/runs/afakeroute").json() == {"fake": True}
    answer = http.post("/custom/echo?a=1&b=%20", content=b"x" * 300000, headers={"x-test": "yes"})
    assert answer.json() == {"bytes": 300000, "query": "a=1&b=%20", "method": "POST", "path": "/custom/echo", "header": "yes",
                             "started": True, "state": 7, "user": None}
    assert answer.headers["x-middleware"] == "app" and answer.headers["x-request-id"]
    assert http.get("/assistants/agent/graph").json() == {"mine": "agent"}, "they stand before the built-in ones"
    assert http.request("HEAD", "/runs/afakeroute").status_code in (200, 405)


def test_middleware_wraps_the_built_in_routes(server, http):
    assert http.get("/info?interrupt").status_code == 418
    info = http.get("/info")
    assert info.status_code == 200 and info.headers["x-middleware"] == "app" and "version" in info.json()
    missing = http.get(f"/threads/{uuid.uuid4()}")
    assert missing.status_code == 404 and missing.headers["x-middleware"] == "app" and "detail" in missing.json()
    assert http.get("/no/such/path").status_code == 404
    assert http.delete("/info").status_code == 405
    assert "x-middleware" not in http.get("/ok").headers and "x-middleware" not in http.get("/v1/deliveries").headers


def test_a_header_does_not_lead_past_the_middleware(http):
    """Only the route that is a WebSocket goes past the app."""
    asking = {"connection": "upgrade", "upgrade": "websocket"}
    assert http.get("/info?interrupt", headers=asking).status_code == 418
    assert http.post("/threads/search?interrupt", json={}, headers=asking).status_code == 418


def test_the_clients_work_through_it(server, http):
    client = get_sync_client(url=server.url)
    thread = client.threads.create(metadata={"text": "äöü"})
    assert client.threads.get(thread["thread_id"])["metadata"] == {"text": "äöü"}
    events = [part.event for part in client.runs.stream(
        thread["thread_id"], "agent", input={"messages": [{"role": "human", "content": "Hello!"}]}, stream_mode="values")]
    assert events[0] == "metadata" and "values" in events
    values = client.runs.wait(thread["thread_id"], "agent", input={"messages": [{"role": "human", "content": "Hello!"}]})
    assert values["messages"]
    made = http.post(f"/threads/{thread['thread_id']}/runs", json={"assistant_id": "agent", "input": {}}, headers={"x-mine": "1"})
    assert made.json()["kwargs"]["config"]["configurable"]["x-mine"] == "1"
    assert "x-runbell-app" not in made.text.lower(), "the token goes nowhere else"
    client.runs.join(thread["thread_id"], made.json()["run_id"])
    client.threads.delete(thread["thread_id"])
    answer = http.post("/threads", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_answers_stream_and_clients_may_leave(http):
    answer = http.get("/custom/stream?count=400&size=10000")
    assert answer.text == "".join(str(number % 10) * 10000 for number in range(400))
    with http.stream("GET", "/custom/endless") as stream:
        assert next(stream.iter_lines()) == "tick"
    assert http.get("/custom/left").json() == {"left": True}, "the app hears that the client has left"


def test_cors_is_the_servers(http):
    asked = http.options("/custom/echo", headers={"origin": "http://page.example", "access-control-request-method": "POST"})
    assert asked.status_code == 204 and asked.headers["access-control-allow-origin"] == "*"
    for path in ("/runs/afakeroute", "/info"):
        answer = http.get(path, headers={"origin": "http://page.example"})
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]


def test_an_app_that_fails_or_hangs(server, http):
    broken = http.get("/custom/broken")
    assert broken.status_code == 500
    hang = http.get("/custom/hang")
    assert hang.status_code == 504 and "runbell.app.timeout_s" in hang.json()["detail"]
    assert http.get("/info").status_code == 200
    assert "a route that fails" in server.log()


def test_an_app_that_dies_is_started_again(server, http):
    died = http.get("/custom/die")
    assert died.status_code == 502 and "ended" in died.json()["detail"]
    assert http.get("/ok").status_code == 200 and http.get("/v1/deliveries").status_code == 200
    eventually(lambda: http.get("/info").status_code == 200, timeout=20)


def test_what_the_client_says_of_itself_is_not_believed(server, http):
    answer = http.get("/info", headers={"x-runbell-app": "rbl_00.." })
    assert answer.headers["x-middleware"] == "app"


def test_an_app_that_does_not_load_is_told(server, tmp_path):
    config = project(tmp_path / "project", server.extension)
    config["http"]["app"] = f"./app.{server.extension}:nothing"
    with Server(tmp_path, project=tmp_path / "project", config=config) as broken:
        answer = httpx.get(broken.url + "/info")
        assert answer.status_code == 500 and "http.app" in answer.json()["detail"]
        assert httpx.get(broken.url + "/ok").status_code == 200
        assert "http.app" in broken.log()


def test_graph_and_app_in_typescript(tmp_path):
    config = project(tmp_path / "project", "ts")
    config["graphs"] = {"typed": "./graph.ts:graph"}
    with Server(tmp_path, project=tmp_path / "project", config=config) as server:
        assert httpx.get(server.url + "/custom/kind").json() == {"kind": "typed"}
        values = get_sync_client(url=server.url).runs.wait(None, "typed", input={"note": {"text": "it is"}})
        assert values == {"note": {"text": "it is typed"}}
        assert httpx.get(server.url + "/info").headers["x-middleware"] == "app"


def test_routes_of_the_app_need_a_name_if_it_says_so(server, tmp_path):
    config = project(tmp_path / "project", server.extension)
    shutil.copy(HERE / "auth" / f"auth.{server.extension}", tmp_path / "project")
    config["auth"] = {"path": f"./auth.{server.extension}:auth"}
    config["http"].update(enable_custom_route_auth=True, mount_prefix="/agents" if server.extension == "py" else None)
    prefix = config["http"]["mount_prefix"] or ""
    with Server(tmp_path, project=tmp_path / "project", config=config, dev=False) as guarded:
        url = guarded.url + prefix
        assert httpx.get(url + "/runs/afakeroute").status_code == 401
        assert httpx.get(url + "/assistants/agent/graph").status_code == 401, "also in place of a built-in one"
        assert httpx.get(url + "/info").status_code == 200
        answer = httpx.post(url + "/custom/echo", headers={"authorization": "Bearer ann"})
        assert answer.status_code == 200
        if server.extension == "py":
            assert answer.json()["user"] == "ann"
            address = url.replace("http", "ws", 1) + "/custom/socket"
            with pytest.raises(InvalidStatus) as refused:
                connect(address, proxy=None)
            assert refused.value.response.status_code == 401
            with connect(address, proxy=None, additional_headers={"authorization": "Bearer ann"}) as ws:
                ws.send("hello")
                assert ws.recv(timeout=20) == "said: hello"
        assert httpx.post(url + "/threads", json={}).status_code == 401
        assert httpx.post(url + "/threads", json={}, headers={"authorization": "Bearer ann"}).status_code == 200
        if prefix:
            assert httpx.get(guarded.url + "/runs/afakeroute").status_code == 404
    if server.extension == "py":
        assert (tmp_path / "project" / "stopped").read_text() == "stopped", "the lifespan has ended"
