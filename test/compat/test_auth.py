"""The user's own auth handlers (`auth.path`), in Python and in JavaScript: who is let in, that everybody finds only his
own with every operation of the published clients, and that nobody reaches another's objects by any route (issue 4, contract
§5.8)."""

import asyncio
import json
import os
import shutil
import uuid
from pathlib import Path

import httpx
import pytest
import websockets.sync.client
from langgraph_sdk import get_client, get_sync_client

from harness.program import run_program
from harness.server import Server

HERE = Path(__file__).resolve().parent
JS_HOME = HERE.parent / "js"
MODULES = HERE.parents[1] / "examples" / "js-agent" / "node_modules"
SECRET = "only-for-anns-eyes"


def project(folder, extension):
    shutil.copytree(HERE / "auth", folder)
    (folder / "node_modules").symlink_to(MODULES)
    return {"dependencies": ["."], "graphs": {"echo": f"./graph.{extension}:graph"},
            "auth": {"path": f"./auth.{extension}:auth"}}


@pytest.fixture(scope="module", params=[("py", "sqlite"), ("mjs", "postgres"), ("mjs", "sqlite"), ("py", "postgres")],
                ids=lambda pair: "-".join(pair))
def server(request, stores, tmp_path_factory):
    extension, store = request.param
    if store not in stores:
        pytest.skip("no PostgreSQL (tools/postgres-temp run gives one)")
    folder = tmp_path_factory.mktemp("auth")
    config = project(folder / "project", extension)
    with Server(folder, store=stores[store](), project=folder / "project", config=config, dev=False) as running:
        running.extension = extension
        yield running


def person(server, name, **headers):
    given = {"authorization": f"Bearer {name}"} if name else {}
    return httpx.Client(base_url=server.url, headers={**given, **headers}, timeout=30, trust_env=False)


def sdk(server, name):
    return get_sync_client(url=server.url, api_key=None, headers={"authorization": f"Bearer {name}"})


def refused(status, call, *args, **more):
    with pytest.raises(httpx.HTTPStatusError) as caught:
        call(*args, **more)
    assert caught.value.response.status_code == status, caught.value.response.text


# ---- who is let in ----


@pytest.mark.parametrize("name, status, words", [
    ("", 401, "who are you?"), ("zed", 401, "no such person: zed"), ("broken", 401, "Unauthorized"),
    ("nobody", 500, "the auth handler named no user"), ("huge", 500, "is larger than 16384 bytes"), ("guest", 403, "Forbidden"),
])
def test_the_handlers_say_who_is_let_in(server, name, status, words):
    with person(server, name) as http:
        for answer in (http.post("/threads", json={}), http.post("/threads/search", json={}), http.post("/threads", content="{")):
            assert answer.status_code == status and words in answer.json()["detail"], answer.text
    with person(server, "") as http:
        answer = http.get(f"/threads/{uuid.uuid4()}")
        assert answer.headers["www-authenticate"] == "Bearer" and "x-bad" not in answer.headers
        assert http.get("/ok").status_code == http.get("/info").status_code == 200, "some need no name"


def test_a_handlers_own_status_its_failure_and_a_filter_that_is_none(server):
    with person(server, "guest") as http:
        assert (answer := http.get(f"/threads/{uuid.uuid4()}")).status_code == 402 and answer.json()["detail"] == "pay first"
        # The one of resource and action goes first, then the resource's, the action's, and the one for all (§5.8).
        assert http.delete(f"/runs/crons/{uuid.uuid4()}").status_code == 500
        assert http.request("DELETE", "/store/items", json={"namespace": ["a"], "key": "k"}).status_code == 204
        for kind in ("threads", "assistants"):
            answer = http.delete(f"/{kind}/{uuid.uuid4()}")
            assert (answer.status_code, answer.json()["detail"]) == (451, f"no {kind} to delete")
        assert http.patch(f"/threads/{uuid.uuid4()}", json={}).status_code == 403
        answer = http.post("/runs/crons/search", json={})
        assert answer.status_code == 500 and "operators are $eq, $contains" in answer.json()["detail"]
    assert "a handler that fails" in server.log()


def test_what_is_for_api_keys_is_not_for_them(server):
    for name, status in (("", 401), ("ann", 401)):
        with person(server, name) as http:
            for path in ("/v1/keys", "/v1/deliveries", "/v1/endpoints", "/metrics"):
                assert http.get(path).status_code == status, path


# ---- everybody's own, with every operation of the clients ----


def test_assistants(server):
    ann, bob, guest = (sdk(server, name).assistants for name in ("ann", "bob", "guest"))
    mine = ann.create("echo", metadata={"a": 1}, config={"configurable": {"langgraph_auth_user_id": "bob"}})
    assert mine["metadata"] == {"a": 1, "owner": "ann"}
    one = mine["assistant_id"]
    refused(403, guest.create, "echo")
    assert ann.get(one) == mine
    assert [a["assistant_id"] for a in ann.search(limit=100)] == [one] and ann.count() == 1
    assert bob.search(limit=100) == [] and bob.count() == 0
    assert bob.search(metadata={"owner": "ann"}) == []
    assert ann.update(one, metadata={"b": 2, "owner": "bob"})["metadata"] == {"a": 1, "b": 2, "owner": "ann"}
    assert [v["version"] for v in ann.get_versions(one)] == [2, 1]
    assert ann.set_latest(one, 1)["version"] == 1
    assert ann.get_graph(one)["nodes"] and "input_schema" in ann.get_schemas(one) and ann.get_subgraphs(one) == {}
    for call in (bob.get, bob.get_versions, bob.get_graph, bob.get_schemas, bob.get_subgraphs, bob.delete):
        refused(404, call, one)
    refused(404, bob.update, one, metadata={"owner": "bob"})
    refused(404, bob.set_latest, one, 1)
    refused(409, bob.create, "echo", assistant_id=one, if_exists="do_nothing")
    bobs = sdk(server, "bob").runs
    refused(404, bobs.wait, None, one, input={})
    refused(404, bobs.create_batch, [{"assistant_id": "echo", "input": {}}, {"assistant_id": one, "input": {}}])
    refused(404, sdk(server, "bob").crons.create, one, schedule="0 0 1 1 *", input={})
    told = sdk(server, "ann").runs.wait(None, one, input={})["user"]
    assert told["id"] == "ann" and told["user_id"] == "ann"
    ann.delete(one)
    refused(404, ann.get, one)


def test_threads_and_their_states(server):
    ann, bob, guest = (sdk(server, name).threads for name in ("ann", "bob", "guest"))
    thread = ann.create(metadata={"n": 1, "owner": "bob"}, graph_id="echo")
    one = thread["thread_id"]
    assert thread["metadata"]["owner"] == "ann", "the handler has the last word"
    refused(403, guest.create)
    assert ann.get(one)["thread_id"] == one
    assert one in [t["thread_id"] for t in ann.search(limit=1000)] and ann.count(metadata={"n": 1}) == 1
    assert bob.count() == len(bob.search(limit=1000)) and one not in [t["thread_id"] for t in bob.search(limit=1000)]
    assert bob.search(ids=[one]) == [] and bob.search(metadata={"owner": "ann"}) == []
    assert ann.update(one, metadata={"m": 2})["metadata"]["m"] == 2
    ann.update_state(one, {"wants": "nothing"}, as_node="tell")
    assert ann.get_state(one)["values"]["wants"] == "nothing" and len(ann.get_history(one, limit=10)) == 1
    copy = ann.copy(one)
    assert copy["metadata"]["owner"] == "ann"
    refused(404, bob.get, one)
    refused(404, bob.update, one, metadata={"owner": "bob"})
    refused(404, bob.get_state, one)
    refused(404, bob.get_history, one)
    refused(404, bob.update_state, one, {"wants": "x"})
    refused(409, bob.copy, one)
    refused(404, bob.delete, one)
    refused(409, bob.create, thread_id=one, if_exists="do_nothing")
    assert bob.prune([one])["pruned_count"] == 0 and ann.get(one)
    ann.delete(one)
    assert ann.prune([copy["thread_id"]])["pruned_count"] == 1


def test_a_filter_with_alternatives_lets_members_in(server):
    ann, bob = sdk(server, "ann").threads, sdk(server, "bob").threads
    one = ann.create(metadata={"members": ["eve", "bob"]}, graph_id="echo")["thread_id"]
    assert bob.get(one)["metadata"]["owner"] == "ann" and bob.get_state(one)["values"] is not None
    refused(404, bob.update, one, metadata={"x": 1})
    assert bob.search(ids=[one]) == [], "the filter of searches is another one"
    mine = bob.copy(one)
    assert mine["metadata"]["owner"] == "bob", "the copy is his who made it"
    bob.delete(mine["thread_id"])
    ann.delete(one)


def test_runs(server):
    ann, bob = sdk(server, "ann"), sdk(server, "bob")
    one = ann.threads.create()["thread_id"]
    told = ann.runs.wait(one, "echo", input={"wants": "threads"})
    assert told["user"] == {"id": "ann", "permissions": ["ann:all"], "user_id": "ann", "identity": "ann",
                            "secret": "secret of ann"}
    assert one in told["threads"], "a client within the graph calls as the run's maker"
    assert one not in bob.runs.wait(None, "echo", input={"wants": "threads"})["threads"]
    run = ann.runs.create(one, "echo", input={})
    assert ann.runs.join(one, run["run_id"])["user"]["id"] == "ann"
    assert [r["run_id"] for r in ann.runs.list(one)][0] == run["run_id"] == ann.runs.get(one, run["run_id"])["run_id"]
    assert [event.event for event in ann.runs.stream(one, "echo", input={})][0] == "metadata"
    both = ann.runs.create_batch([{"assistant_id": "echo", "input": {}} for _ in range(2)])
    assert all(r["metadata"]["owner"] == "ann" for r in both)
    later = ann.runs.create(one, "echo", input={}, after_seconds=3600)
    refused(404, bob.runs.wait, one, "echo", input={})
    refused(404, bob.runs.create, one, "echo", input={}, if_not_exists="create")
    for call in (bob.runs.list,):
        refused(404, call, one)
    for call in (bob.runs.get, bob.runs.join, bob.runs.cancel, bob.runs.delete):
        refused(404, call, one, later["run_id"])
    assert [(e.event, "404" in e.data["message"]) for e in bob.runs.join_stream(one, later["run_id"])] == [("error", True)]
    with person(server, "bob") as http:
        assert http.get(f"/runs/{both[0]['run_id']}/join").status_code == 404
        assert http.post("/runs/cancel", json={"thread_id": one, "run_ids": [later["run_id"]]}).status_code == 404
        assert http.post("/runs/cancel", json={"status": "all"}).status_code == 404
    assert ann.runs.get(one, later["run_id"])["status"] == "pending"
    with person(server, "ann") as http:
        assert http.post("/runs/cancel", json={"status": "pending"}).status_code == 204
    assert ann.runs.get(one, later["run_id"])["status"] == "interrupted"
    ann.runs.delete(one, later["run_id"])


def test_what_a_run_says_of_its_maker_nobody_else_can_say(server):
    spoof = {"langgraph_auth_user": {"identity": "ann", "secret": "x"}, "langgraph_auth_user_id": "ann",
             "langgraph_auth_permissions": ["all"]}
    escaped = json.dumps({"assistant_id": "echo", "input": {}, "config": {"configurable": spoof}, "checkpoint": spoof})
    escaped = escaped.replace("langgraph_auth_user_id", "langgraph\\u005fauth_user_id")
    with person(server, "bob") as http:
        told = http.post("/runs/wait", content=escaped).json()["user"]
        assert told == {"id": "bob", "permissions": ["bob:all"], "user_id": "bob", "identity": "bob", "secret": "secret of bob"}
        thread = http.post("/threads", json={"metadata": {"graph_id": "echo"}}).json()["thread_id"]
        run = http.post(f"/threads/{thread}/runs", json={"assistant_id": "echo", "input": {}, "config": {"configurable": spoof}}).json()
        kept = http.get(f"/threads/{thread}").json()
        kept.pop("values")  # once the run has ended: what the graph itself says of its user
        shown = json.dumps([run, kept, http.get(f"/threads/{thread}/runs").json()])
        assert "secret of bob" not in shown, "what the handler said of a user is not shown"
        assert run["kwargs"]["config"]["configurable"]["langgraph_auth_user_id"] == "bob"


def test_crons(server):
    ann, bob = sdk(server, "ann"), sdk(server, "bob")
    thread = ann.threads.create()["thread_id"]
    cron = ann.crons.create("echo", schedule="0 0 1 1 *", input={}, metadata={"x": 1})
    assert cron["metadata"] == {"x": 1, "owner": "ann"} and cron["user_id"] == "ann"
    one = cron["cron_id"]
    on_thread = ann.crons.create_for_thread(thread, "echo", schedule="0 0 1 1 *", input={})
    assert {c["cron_id"] for c in ann.crons.search(limit=100)} == {one, on_thread["cron_id"]} and ann.crons.count() == 2
    assert bob.crons.search(limit=100) == [] and bob.crons.count() == 0
    assert ann.crons.update(one, schedule="0 0 2 1 *")["schedule"] == "0 0 2 1 *"
    refused(404, bob.crons.create_for_thread, thread, "echo", schedule="0 0 1 1 *", input={})
    refused(404, bob.crons.update, one, enabled=False)
    refused(404, bob.crons.delete, one)
    with person(server, "bob") as http:
        assert http.get(f"/runs/crons/{one}").status_code == 404
    for cron_id in (one, on_thread["cron_id"]):
        ann.crons.delete(cron_id)
    assert ann.crons.count() == 0


def test_items_lie_where_the_handler_puts_them(server):
    ann, bob = sdk(server, "ann").store, sdk(server, "bob").store
    ann.put_item(["notes"], "k", {"text": SECRET})
    assert ann.get_item(["notes"], "k")["namespace"] == ["ann", "notes"]
    assert [i["key"] for i in ann.search_items(["notes"])["items"]] == ["k"] and len(ann.search_items([])["items"]) == 1
    assert ann.list_namespaces()["namespaces"] == [["ann", "notes"]]
    for namespace in (["notes"], ["ann", "notes"], ["ann"]):
        assert not bob.get_item(namespace, "k") and bob.search_items(namespace)["items"] == []
        assert bob.list_namespaces(prefix=namespace)["namespaces"] == []
    bob.delete_item(["notes"], "k")
    assert bob.search_items([])["items"] == [] and bob.list_namespaces()["namespaces"] == []
    bob.put_item(["notes"], "k", {"text": "bob's"})
    assert ann.get_item(["notes"], "k")["value"] == {"text": SECRET}
    for store in (ann, bob):
        store.delete_item(["notes"], "k")
    assert not ann.get_item(["notes"], "k")


def test_an_idempotency_key_is_its_users(server):
    made = []
    for name in ("ann", "bob", "ann"):
        with person(server, name, **{"idempotency-key": "the same"}) as http:
            made.append(http.post("/threads", json={}).json())
    assert made[0] == made[2] and made[0]["thread_id"] != made[1]["thread_id"]
    assert [t["metadata"]["owner"] for t in made] == ["ann", "bob", "ann"]


# ---- the event streaming protocol ----


def test_protocol_v2_by_http_and_by_websocket(server):
    async def by_sdk():
        client = get_client(url=server.url, api_key=None, headers={"authorization": "Bearer ann"})
        async with client.threads.stream(assistant_id="echo") as thread:
            await thread.run.start(input={"wants": "threads"})
            output = await asyncio.wait_for(thread.output, 20)
        return thread.thread_id, output

    one, output = asyncio.run(by_sdk())
    assert output["user"]["identity"] == "ann"
    assert sdk(server, "ann").threads.get(one)["metadata"]["owner"] == "ann"
    start = {"id": 1, "method": "run.start", "params": {"assistant_id": "echo", "input": {}}}
    with person(server, "bob") as http:
        for method in ("state.get", "run.start", "agent.getTree"):
            assert http.post(f"/threads/{one}/commands", json={**start, "method": method}).status_code == 404
        assert http.post(f"/threads/{one}/stream/events", json={"channels": ["values"]}).status_code == 404
    address = server.url.replace("http", "ws")

    def socket_of(name, thread_id):
        return websockets.sync.client.connect(f"{address}/threads/{thread_id}/stream/events", proxy=None,
                                              additional_headers={"authorization": f"Bearer {name}"})

    def talk(name, thread_id, message):
        with socket_of(name, thread_id) as socket:
            socket.send(json.dumps(message))
            return json.loads(socket.recv(timeout=10))

    assert talk("bob", one, start)["error"] == "permission_denied"
    assert talk("bob", one, {"id": 2, "method": "state.get", "params": {}})["error"] == "permission_denied"
    with socket_of("bob", one) as socket:
        socket.send(json.dumps({"id": 3, "method": "subscription.subscribe", "params": {"channels": ["values"]}}))
        assert json.loads(socket.recv(timeout=10))["type"] == "success", "as for a thread that is still to come"
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            socket.recv(timeout=10)
    for name, status in (("zed", 401), ("", 401), ("guest", 402)):
        with pytest.raises(websockets.exceptions.InvalidStatus) as caught:
            socket_of(name, one)
        assert caught.value.response.status_code == status
    fresh = str(uuid.uuid4())
    assert talk("bob", fresh, start)["type"] == "success"
    assert sdk(server, "bob").threads.get(fresh)["metadata"]["owner"] == "bob", "what the handler changes counts here too"


# ---- the JavaScript client ----


def test_the_javascript_client(server):
    done = run_program(["node", "--test", "--test-reporter=spec", "auth/owners.mjs"], cwd=JS_HOME, timeout=120,
                       env={**os.environ, "RUNBELL_URL": server.url, "LANGSMITH_TRACING": "false"})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


# ---- everything on everything ----


def objects_of(ann):
    """One of each kind, with a secret in it."""
    assistant = ann.assistants.create("echo", metadata={"s": SECRET}, config={"configurable": {"s": SECRET}}, name=SECRET)
    thread = ann.threads.create(metadata={"s": SECRET}, graph_id="echo")["thread_id"]
    ann.runs.wait(thread, "echo", input={"wants": SECRET})
    run = ann.runs.create(thread, "echo", input={"wants": SECRET}, after_seconds=3600, metadata={"s": SECRET})
    alone = ann.runs.create(None, "echo", input={"wants": SECRET})
    cron = ann.crons.create("echo", schedule="0 0 1 1 *", input={"wants": SECRET}, metadata={"s": SECRET})
    ann.store.put_item(["secrets"], SECRET, {"s": SECRET})
    checkpoint = ann.threads.get_history(thread, limit=1)[0]["checkpoint"]["checkpoint_id"]
    return {"assistant_id": assistant["assistant_id"], "thread_id": thread, "run_id": run["run_id"], "alone": alone["run_id"],
            "cron_id": cron["cron_id"], "checkpoint_id": checkpoint}


def picture_of(ann, it):
    """All of it, as it stands."""
    return [ann.assistants.get(it["assistant_id"]), ann.assistants.get_versions(it["assistant_id"]), ann.threads.get(it["thread_id"]),
            ann.threads.get_state(it["thread_id"]), ann.threads.get_history(it["thread_id"]), ann.runs.list(it["thread_id"]),
            sorted(ann.crons.search(limit=100), key=lambda cron: cron["cron_id"]), ann.store.search_items([])]


def body_for(path, it):
    """One body that names all of it, whatever the route wants to know."""
    run = {"assistant_id": it["assistant_id"], "input": {}, "metadata": {"stolen": True}, "checkpoint_id": it["checkpoint_id"]}
    if path == "/runs/batch":
        return [run]
    return {**run, "thread_id": it["thread_id"], "thread_ids": [it["thread_id"]], "run_ids": [it["run_id"], it["alone"]], "graph_id": "echo",
            "schedule": "0 0 1 1 *", "ids": [it["thread_id"]], "values": {"wants": "stolen"}, "if_exists": "do_nothing", "version": 1,
            "if_not_exists": "create", "namespace": ["ann", "secrets"], "namespace_prefix": ["ann"], "prefix": ["ann"], "key": SECRET,
            "value": {"stolen": True}, "checkpoint": {"checkpoint_id": it["checkpoint_id"], "thread_id": it["thread_id"]},
            "channels": ["values"], "id": 1, "method": "run.start", "params": run, "status": "all", "url": "https://example.com/"}


def attempt(http, method, path, body):
    """The status and what came within a moment; streams stay open."""
    with http.stream(method, path, json=body, timeout=httpx.Timeout(20, read=2)) as answer:
        text = b""
        try:
            for piece in answer.iter_raw():
                text += piece
        except httpx.ReadTimeout:
            pass
        return answer.status_code, text.decode()


def test_nobody_reaches_anothers_objects_by_any_route(server):
    ann = sdk(server, "ann")
    it = objects_of(ann)
    before = picture_of(ann, it)
    with person(server, "") as http:
        routes = http.get("/openapi.json").json()["paths"]
    tried = set()
    clients = {name: person(server, name) for name in ("bob", "guest", "")}
    for path, methods in routes.items():
        for method in methods:
            for run_id in {it["run_id"], it["alone"]} if "{run_id}" in path else {""}:
                ids = {**{name: str(uuid.uuid4()) for name in "key_id delivery_id endpoint_id inspector_id request_id name".split()},
                       **it, "run_id": run_id, "namespace": "ann.secrets"}
                url = path
                for name, value in ids.items():
                    url = url.replace("{" + name + "}", value)
                query = f"?namespace=ann.secrets&key={SECRET}&action=rollback&delete_threads=true"
                for name, http in clients.items():
                    status, text = attempt(http, method.upper(), url + query, body_for(path, it))
                    assert SECRET not in text.replace(f'"key":"{SECRET}"', ""), f"{name}: {method} {url}: {status} {text[:2000]}"
                    assert status < 500 or name == "guest", f"{name}: {method} {url}: {status} {text[:500]}"
                    tried.add((method, path))
    assert len(tried) > 70, sorted(tried)
    for http in clients.values():
        http.close()
    after = picture_of(ann, it)
    for one, other in zip(before, after, strict=True):
        assert one == other
    ann.assistants.delete(it["assistant_id"])
    ann.threads.delete(it["thread_id"])
    ann.crons.delete(it["cron_id"])
    ann.store.delete_item(["secrets"], SECRET)
