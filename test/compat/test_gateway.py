"""Gateway mode: Runbell in front of another server, with the published SDKs.

The upstream is another Runbell with the example agents, and LangGraph's JavaScript dev server where bench/js is
installed (tools/setup --bench). It executes the runs; the webhooks are the gateway's.
"""

import json
import os
import subprocess
import uuid
from pathlib import Path

import httpx
import psutil
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.errors import NotFoundError, UnprocessableEntityError
from standardwebhooks import Webhook

from harness.api import GREETING, HELLO, Api
from harness.ports import eventually, free_port
from harness.program import run_program
from harness.receiver import Receiver
from harness.server import Server, binary
from harness.upstream import Upstream
from harness.wire import Client

HOME = Path(__file__).resolve().parents[2]
DEV_SERVER = HOME / "bench" / "js"
PROJECT = HOME / "examples" / "js-agent"
JS_HOME = HOME / "test" / "js"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SLOW = {"steps": 4, "delay_ms": 300}


class DevServer:
    """LangGraph's own server in JavaScript."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self):
        # Its state lies in the project's folder; the graphs are the example's.
        project = self.folder / "project"
        if not project.exists():
            project.mkdir()
            for name in ("graphs", "langgraph.json", "package.json"):
                (project / name).symlink_to(PROJECT / name)
            (project / "node_modules").symlink_to(DEV_SERVER / "node_modules")
        log = (self.folder / "dev-server.log").open("ab")
        self.process = subprocess.Popen(
            ["node", "--preserve-symlinks", str(DEV_SERVER / "dev-server.mjs"), str(self.port), str(project)],
            cwd=DEV_SERVER, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "LANGSMITH_TRACING": "false"})
        eventually(self.is_ok, 60, why=lambda: (self.folder / "dev-server.log").read_text()[-3000:])
        return self

    def is_ok(self):
        try:
            return httpx.get(self.url + "/ok", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def close(self):
        if self.process:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
            self.process.wait()
            self.process = None


def gateway_config(upstream, **runbell):
    return {"runbell": {"upstream": upstream.url, "signing_secret": SECRET, **runbell}}


@pytest.fixture(scope="module", params=["runbell", "dev-server"])
def upstream(request, tmp_path_factory):
    if request.param == "dev-server":
        if not (DEV_SERVER / "node_modules" / "@langchain" / "langgraph-api").is_dir():
            pytest.skip("bench/js is not installed (tools/setup --bench)")
        one = DevServer(tmp_path_factory.mktemp("dev-server")).start()
    else:
        one = Server(tmp_path_factory.mktemp("upstream"), project=PROJECT).start()
    one.kind = request.param
    yield one
    one.close()


@pytest.fixture(params=["sqlite", "postgres"])
def gateway(request, upstream, stores, tmp_path):
    if request.param not in stores:
        pytest.skip("no PostgreSQL (tools/postgres-temp run gives one)")
    with Server(tmp_path, store=stores[request.param](), config=gateway_config(upstream)) as server:
        yield server


@pytest.fixture
async def client(gateway):
    async with get_client(url=gateway.url) as opened:
        yield opened


@pytest.fixture
def hook():
    with Receiver() as receiver:
        yield receiver.hook("/hook")


def verified(request):
    """The body, if the signature is good."""
    headers = {name.lower(): value for name, value in request.headers}
    return Webhook(SECRET).verify(request.body, headers)


# ---- what passes through -------------------------------------------------------------------------


async def test_the_sdk_sees_the_upstream(client, upstream):
    assert "slow" in {one["graph_id"] for one in await client.assistants.search(limit=100)}
    mark = uuid.uuid4().hex
    thread = await client.threads.create(metadata={"mark": mark})
    async with get_client(url=upstream.url) as direct:
        assert (await direct.threads.get(thread["thread_id"]))["metadata"]["mark"] == mark
    values = await client.runs.wait(thread["thread_id"], "agent", input=HELLO)
    assert values["messages"][-1]["content"] == GREETING
    parts = [part async for part in client.runs.stream(thread["thread_id"], "agent", input=HELLO, stream_mode=["values", "updates"])]
    assert parts[0].event == "metadata" and {"values", "updates"} <= {part.event for part in parts}
    state = await client.threads.get_state(thread["thread_id"])
    assert state["values"]["messages"][-1]["content"] == GREETING
    run = await client.runs.create(thread["thread_id"], "slow", input={"steps": 100, "delay_ms": 100})
    await client.runs.cancel(thread["thread_id"], run["run_id"], wait=True)
    assert (await client.runs.get(thread["thread_id"], run["run_id"]))["status"] == "interrupted"
    await client.threads.delete(thread["thread_id"])
    with pytest.raises(NotFoundError):
        await client.threads.get(thread["thread_id"])


def test_answers_are_the_upstreams_byte_for_byte(gateway, upstream):
    thread = Api(upstream.url).thread(metadata={"n": 1.0})
    for path in (f"/threads/{thread}", f"/threads/{thread}/state", f"/threads/{uuid.uuid4()}", "/threads/none", "/nowhere"):
        ours, theirs = (httpx.get(url + path, trust_env=False) for url in (gateway.url, upstream.url))
        assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content), path
        dropped = {"date", "content-length", "transfer-encoding", "connection", "keep-alive", "x-request-id"}
        for name, value in theirs.headers.items():
            assert name in dropped or ours.headers[name] == value, (path, name)
    ping, accept = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, {"accept": "application/json, text/event-stream"}
    ours, theirs = (Api(one.url).post("/mcp", json=ping, headers=accept) for one in (gateway, upstream))
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    big = {"metadata": {"text": "x" * 3_000_000}}
    made = Api(gateway.url).ok("POST", "/threads", json=big)
    assert Api(gateway.url).ok("GET", f"/threads/{made['thread_id']}")["metadata"] == big["metadata"]


def test_what_is_ours_stays_ours(gateway, upstream):
    api = Api(gateway.url)
    assert api.ok("GET", "/ok")["ok"] is True
    eventually(lambda: api.ok("GET", "/info")["upstream"] == {"url": upstream.url, "reachable": True})
    assert api.ok("GET", "/v1/deliveries")["deliveries"] == []
    assert "runbell_gateway_upstream_up 1" in api.get("/metrics").text
    assert api.get("/v1/nothing").json() == {"detail": "Not Found"}
    span = {"id": str(uuid.uuid4()), "name": "s", "run_type": "chain", "inputs": {}, "start_time": "2026-11-21T05:12:37Z"}
    assert api.post("/runs", json=span).status_code in (200, 202)


def test_the_javascript_client(gateway):
    script = """
        import { Client } from '@langchain/langgraph-sdk';
        const client = new Client({ apiUrl: process.env.RUNBELL_URL });
        const thread = await client.threads.create();
        const events = [];
        const input = { messages: [{ role: 'user', content: 'Hello!' }] };
        for await (const part of client.runs.stream(thread.thread_id, 'agent', { input, webhook: process.env.HOOK })) events.push(part.event);
        const run = await client.runs.create(thread.thread_id, 'agent', { input, webhook: process.env.HOOK });
        await client.runs.join(thread.thread_id, run.run_id);
        console.log(JSON.stringify({ thread: thread.thread_id, run: run.run_id, first: events[0] }));
    """
    with Receiver() as receiver:
        hook = receiver.hook("/js")
        done = run_program(["node", "--input-type=module", "-e", script], cwd=JS_HOME, timeout=60,
                           env={**os.environ, "RUNBELL_URL": gateway.url, "HOOK": hook.url})
        assert done.returncode == 0, done.stderr[-3000:]
        assert '"first":"metadata"' in done.stdout
        assert {verified(request)["status"] for request in hook.wait_for(2)} == {"success"}


# ---- webhooks ------------------------------------------------------------------------------------


async def test_a_background_run(client, hook, upstream):
    thread = await client.threads.create()
    run = await client.runs.create(thread["thread_id"], "agent", input=HELLO, webhook=hook.url, metadata={"mine": [1.5]})
    body = verified(hook.one())
    assert body["run_id"] == run["run_id"] and body["thread_id"] == thread["thread_id"]
    assert body["status"] == "success" and body["error"] is None and body["thread_status"] == "idle"
    assert body["values"]["messages"][-1]["content"] == GREETING
    assert body["metadata"]["mine"] == [1.5] and "runbell_intent" not in body["metadata"]
    assert {"assistant_id", "created_at", "updated_at", "run_ended_at", "webhook_sent_at", "kwargs"} <= body.keys()
    async with get_client(url=upstream.url) as direct:
        assert not (await direct.runs.get(thread["thread_id"], run["run_id"]))["kwargs"].get("webhook")


async def test_stream_and_wait(client, hook):
    thread = await client.threads.create()
    parts = [part async for part in client.runs.stream(thread["thread_id"], "agent", input=HELLO, webhook=hook.url)]
    assert verified(hook.one())["run_id"] == parts[0].data["run_id"]
    values = await client.runs.wait(thread["thread_id"], "agent", input=HELLO, webhook=hook.url)
    assert values["messages"][-1]["content"] == GREETING
    assert verified(hook.wait_for(2)[1])["status"] == "success"


async def test_runs_without_a_thread(client, hook, upstream):
    run = await client.runs.create(None, "agent", input=HELLO, webhook=hook.url)
    body = verified(hook.one())
    assert (body["run_id"], body["status"]) == (run["run_id"], "success") and "values" not in body
    values = await client.runs.wait(None, "agent", input=HELLO, webhook=hook.url)
    assert values["messages"][-1]["content"] == GREETING
    [part async for part in client.runs.stream(None, "agent", input=HELLO, webhook=hook.url)]
    assert len({verified(request)["run_id"] for request in hook.wait_for(3)}) == 3
    kept = await client.runs.create(None, "agent", input=HELLO, webhook=hook.url, on_completion="keep")
    hook.wait_for(4)
    assert (await client.threads.get(kept["thread_id"]))["thread_id"] == kept["thread_id"]

    direct = Api(upstream.url)
    eventually(lambda: direct.get(f"/threads/{run['thread_id']}").status_code == 404, 60, every=0.5)


async def test_ends_that_are_no_success(client, hook):
    thread = await client.threads.create()
    await client.runs.create(thread["thread_id"], "failing", input={}, webhook=hook.url)
    body = verified(hook.one())
    assert body["status"] == "error" and body["error"]["message"]
    thread = await client.threads.create()
    await client.runs.create(thread["thread_id"], "approval", input={"request": "x"}, webhook=hook.url)
    body = verified(hook.wait_for(2)[1])
    assert body["thread_status"] == "interrupted" and body["interrupts"] and body["next"] == ["approve"]
    thread = await client.threads.create()
    run = await client.runs.create(thread["thread_id"], "slow", input={"steps": 100, "delay_ms": 100}, webhook=hook.url)
    await client.runs.cancel(thread["thread_id"], run["run_id"], wait=True)
    assert verified(hook.wait_for(3)[2])["status"] == "interrupted"


async def test_a_refused_run_has_no_webhook(client, gateway, hook):
    with pytest.raises((NotFoundError, UnprocessableEntityError)):
        await client.runs.create(str(uuid.uuid4()), "agent", input=HELLO, webhook=hook.url)
    eventually(lambda: "runbell_gateway_intents_open 0" in Api(gateway.url).get("/metrics").text, 60)
    hook.none()


def test_bad_webhooks_are_refused(gateway):
    api = Api(gateway.url)
    thread = api.thread()
    for url in ("ftp://example.com/", "http://user:pass@example.com/", "not a url", 7):
        for path in (f"/threads/{thread}/runs", "/runs", "/runs/wait"):
            answer = api.post(path, json={"assistant_id": "agent", "input": HELLO, "webhook": url})
            assert answer.status_code == 422 and "webhook" in answer.json()["detail"], (url, path, answer.text)
    cron = {"assistant_id": "agent", "schedule": "* * * * *", "input": {}, "webhook": "https://example.com/"}
    assert "crons" in api.post("/runs/crons", json=cron).json()["detail"]
    batch = [{"assistant_id": "agent", "input": HELLO, "webhook": "https://example.com/"}]
    assert "batch" in api.post("/runs/batch", json=batch).json()["detail"]
    assert api.ok("GET", f"/threads/{thread}/runs") == []


def test_of_two_webhooks_none_gets_by(gateway, hook):
    """Servers differ in which one counts: the upstream must see neither."""
    api = Api(gateway.url)
    kind = {"content-type": "application/json"}
    for first, last, status in (("null", f'"{hook.url}"', 200), (f'"{hook.url}"', "null", 422)):
        body = f'{{"assistant_id": "agent", "input": {{}}, "webhook": {first}, "webhook": {last}}}'
        made = api.post(f"/threads/{api.thread()}/runs", content=body, headers=kind)
        assert made.status_code == status
        assert status == 422 or not made.json()["kwargs"].get("webhook")
    verified(hook.one())


# ---- what dies -----------------------------------------------------------------------------------


def test_kill_9_of_the_gateway(gateway, hook):
    api = Api(gateway.url)
    thread = api.thread()
    runs = [api.ok("POST", f"/threads/{thread}/runs", json={"assistant_id": "slow", "input": SLOW, "webhook": hook.url})
            for _ in range(1)]
    runs.append(api.ok("POST", "/runs", json={"assistant_id": "slow", "input": SLOW, "webhook": hook.url}))
    gateway.kill()
    gateway.start()
    for run in runs:
        assert verified(hook.wait_for_run(run["run_id"]))["status"] == "success"
    eventually(lambda: "runbell_gateway_intents_open 0" in Api(gateway.url).get("/metrics").text, 60)
    assert len(hook.requests) == 2


def test_kill_9_while_the_run_is_being_asked_for(upstream, gateway, hook):
    """The answer never came back: the run is found by its mark."""
    api = Api(gateway.url)
    thread = api.thread()
    with httpx.stream("POST", f"{gateway.url}/threads/{thread}/runs/stream", trust_env=False, timeout=30,
                      json={"assistant_id": "slow", "input": SLOW, "webhook": hook.url, "on_disconnect": "continue"}) as answer:
        assert answer.status_code == 200
        gateway.kill()
    gateway.start()
    run = Api(upstream.url).ok("GET", f"/threads/{thread}/runs")[0]
    assert verified(hook.wait_for_run(run["run_id"]))["status"] == "success"
    assert len(hook.requests) == 1


def test_restart_of_the_upstream(stores, hook, tmp_path):
    for name in ("up", "gw"):
        (tmp_path / name).mkdir()
    with Server(tmp_path / "up", project=PROJECT) as upstream:
        with Server(tmp_path / "gw", config=gateway_config(upstream)) as gateway:
            api = Api(gateway.url)
            thread = api.thread()
            run = api.ok("POST", f"/threads/{thread}/runs", json={"assistant_id": "slow", "input": SLOW, "webhook": hook.url})
            upstream.kill()
            eventually(lambda: api.get(f"/threads/{thread}").status_code == 502)
            assert upstream.url in api.get(f"/threads/{thread}").json()["detail"]
            eventually(lambda: api.ok("GET", "/ok")["upstream"]["reachable"] is False)
            assert api.get("/v1/deliveries").status_code == 200
            upstream.start()
            assert verified(hook.wait_for_run(run["run_id"], 60))["status"] == "success"
            assert len(hook.requests) == 1


def test_a_run_that_vanishes(gateway, upstream, hook):
    api = Api(gateway.url)
    thread = api.thread()
    run = api.ok("POST", f"/threads/{thread}/runs", json={"assistant_id": "slow", "input": {"steps": 100, "delay_ms": 50}, "webhook": hook.url})
    api.ok("DELETE", f"/threads/{thread}")
    body = verified(hook.wait_for_run(run["run_id"], 60))
    assert body["status"] in ("interrupted", "error")


def test_a_client_that_leaves_is_noticed_by_the_upstream(gateway, upstream):
    api = Api(gateway.url)
    thread = api.thread()
    body = {"assistant_id": "slow", "input": {"steps": 200, "delay_ms": 50}, "on_disconnect": "cancel"}
    with httpx.stream("POST", f"{gateway.url}/threads/{thread}/runs/stream", json=body, trust_env=False) as answer:
        next(answer.iter_lines())
    run = Api(upstream.url).ok("GET", f"/threads/{thread}/runs")[0]
    assert Api(upstream.url).ended(run)["status"] in ("interrupted", "error")


# ---- who may -------------------------------------------------------------------------------------


def test_keys_open_the_gateway_and_stay_there(tmp_path, hook):
    """The client's key is ours; the upstream gets what upstream_headers says."""
    with Receiver() as behind:
        seen = behind.hook("/threads/search")
        config = gateway_config(behind, upstream_headers={"X-Api-Key": "theirs", "X-More": "1"})
        with Server(tmp_path, config=config) as gateway:
            api = Api(gateway.url)
            key = api.ok("POST", "/v1/keys", json={"name": "k", "role": "admin"})["key"]
            viewer = api.ok("POST", "/v1/keys", json={"name": "v", "role": "viewer"}, headers={"x-api-key": key})["key"]
            assert api.post("/threads/search", json={}).status_code == 401
            assert api.post("/threads/search", json={}, headers={"x-api-key": key, "authorization": "Bearer user"}).status_code == 200
            assert api.post(f"/threads/{uuid.uuid4()}/runs", json={}, headers={"x-api-key": viewer}).status_code == 403
        request = seen.requests[0]
        assert (request.header("x-api-key"), request.header("x-more"), request.header("authorization")) == ("theirs", "1", "Bearer user")


def test_settings_are_checked(tmp_path):
    for name in ("bad", "query", "user", "alone"):
        (tmp_path / name).mkdir()
    for name, value in {"bad": "example.com", "query": "http://127.0.0.1:1/?x=1", "user": "http://a:b@127.0.0.1:1"}.items():
        code, log = Server(tmp_path / name, config={"runbell": {"upstream": value}}).start_fails()
        assert code == 1 and "runbell.upstream" in log
    code, log = Server(tmp_path / "alone", config={"runbell": {"upstream_headers": {"x": "y"}}}).start_fails()
    assert code == 1 and "upstream_headers is set" in log


def test_the_doctor_asks_the_upstream(tmp_path, upstream):
    def doctor():
        done = subprocess.run([str(binary()), "doctor"], cwd=tmp_path, capture_output=True, text=True, check=False)
        return next(line for line in done.stdout.splitlines() if "upstream" in line)

    for url, wanted in ((upstream.url, "answers"), (f"http://127.0.0.1:{free_port()}", "does not answer")):
        (tmp_path / "langgraph.json").write_text(json.dumps({"runbell": {"upstream": url}}))
        assert wanted in doctor()


# ---- paths and bodies that two servers may read differently -------------------------------------


@pytest.mark.parametrize("path", ["/%72uns", "/runs%2Fwait", "/x/../runs", "/x/%2e%2e/runs", "/threads/%2E/runs", "/runs/."])
def test_a_path_that_the_upstream_may_read_as_another_is_refused(path, tmp_path):
    """Its right and its webhook would be looked for at another route than the one that answers."""
    with Upstream() as upstream, Server(tmp_path, config={"runbell": {"upstream": upstream.url}}) as gateway, Client(gateway) as client:
        client.post(path, "Content-Length: 2", body=b"{}")
        status, _, body = client.answer()
        assert status == 400 and b"escapes" in body
        client.post("/a%20b/%C3%A9", "Content-Length: 2", body=b"{}")
        assert client.answer()[0] == 200
        assert [head.target for head in upstream.heads] == ["/a%20b/%C3%A9"]


def test_a_body_that_is_not_json_does_not_pass_where_a_webhook_may_be(tmp_path):
    """A byte order mark, which other parsers pass over."""
    with Upstream() as upstream, Server(tmp_path, config={"runbell": {"upstream": upstream.url}}) as gateway:
        body = b'\xef\xbb\xbf{"assistant_id": "agent", "webhook": "http://127.0.0.1:9/"}'
        answer = httpx.post(gateway.url + "/runs/wait", content=body, trust_env=False)
        assert answer.status_code == 422 and "not valid JSON" in answer.json()["detail"]
        assert not upstream.heads


def test_what_only_begins_like_the_mount_prefix_is_not_below_it(tmp_path):
    config = {"runbell": {"upstream": "http://127.0.0.1:9"}, "http": {"mount_prefix": "/gw"}}
    with Server(tmp_path, config=config) as gateway:
        assert httpx.get(gateway.url.removesuffix("/gw") + "/gw2/threads", trust_env=False).status_code == 404
