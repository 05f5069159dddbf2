"""Switches: compat "js" (every row of the contract's §1.3 that has two forms), http.disable_…, mount prefix, headers."""

import pytest

from harness.api import GREETING, Api, ask, contents, delay, fail, read_events, run_body, say

MISSING = "00000000-0000-7000-8000-000000000000"
BUSY = "Thread is already running a task. Wait for it to finish or choose a different multitask strategy."


@pytest.fixture(scope="module")
def js_server(store, tmp_path_factory):
    from harness.server import Server

    with Server(tmp_path_factory.mktemp("js"), store=store(), config={"runbell": {"compat": "js", "heartbeat_s": 0.1}}) as running:
        yield running


@pytest.fixture
def js(js_server):
    with Api(js_server.url) as client:
        yield client


def test_errors_are_plain_text(js, api):
    answer = js.get(f"/threads/{MISSING}")
    assert (answer.status_code, answer.text) == (404, f"Thread with ID {MISSING} not found")
    assert answer.headers["content-type"].startswith("text/plain")
    assert js.get(f"/assistants/{MISSING}").text == "Assistant not found"
    assert api.get(f"/assistants/{MISSING}").json() == {"detail": "Assistant not found"}


def test_what_does_not_validate_is_400(js, api):
    answer = js.post("/threads", json={"metadata": 1})
    assert answer.status_code == 400
    assert answer.json()["success"] is False and answer.json()["error"]["name"] == "ZodError"
    answer = js.post("/threads", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.text) == (400, "Malformed JSON in request body")
    assert api.post("/threads", content=b"{").status_code == 422


def test_a_busy_thread_rejects_by_default(js, api):
    for client, status, text in ((js, 422, BUSY), (api, 200, None)):
        thread_id = client.thread()
        first = client.run(thread_id, [delay(60_000)])
        answer = client.post(f"/threads/{thread_id}/runs", json=run_body([say("x")]))
        assert answer.status_code == status, "production enqueues"
        assert text is None or answer.text == text
        rejected = client.post(f"/threads/{thread_id}/runs", json=run_body([say("x")], multitask_strategy="reject"))
        assert rejected.status_code == (422 if client is js else 409) and BUSY in rejected.text
        client.delete(f"/threads/{thread_id}/runs/{first['run_id']}")
        client.delete(f"/threads/{thread_id}")


def test_a_missing_thread_is_called_busy(js, api):
    answer = js.post(f"/threads/{MISSING}/runs", json=run_body())
    assert (answer.status_code, answer.text) == (422, BUSY)
    assert api.post(f"/threads/{MISSING}/runs", json=run_body()).status_code == 404
    answer = js.post(f"/threads/{js.thread()}/runs", json={"assistant_id": "nobody"})
    assert answer.status_code == 404 and answer.text.startswith("No assistant found")


def test_history_has_ten_and_threads_are_sorted_by_creation(js, api):
    for client, states, first in ((js, 10, 1), (api, 1, 0)):
        steps = [{"updates": [{"as_node": "script", "values": {"messages": [{"role": "user", "content": str(n)}]}}]}
                 for n in range(12)]
        older = client.thread(metadata={"mark": "sorted", "graph_id": "script"}, supersteps=steps)
        assert len(client.ok("POST", f"/threads/{older}/history", json={})) == states
        assert len(client.ok("GET", f"/threads/{older}/history")) == 10
        ids = [older, client.thread(metadata={"mark": "sorted"})]
        client.ok("PATCH", f"/threads/{older}", json={"metadata": {"touched": True}})
        found = client.ok("POST", "/threads/search", json={"metadata": {"mark": "sorted"}})
        assert [one["thread_id"] for one in found] == [ids[first], ids[1 - first]]


def test_what_both_have_in_common(js, api):
    """Statuses of cancel, pagination headers, Last-Event-ID: where production's form serves everybody."""
    for client in (js, api):
        thread_id = client.thread(metadata={"mark": "common"})
        for wait, status in (("0", 202), ("1", 204), ("false", 202), ("true", 204)):
            run = client.run(thread_id, [delay(60_000)])
            answer = client.post(f"/threads/{thread_id}/runs/{run['run_id']}/cancel", params={"wait": wait})
            assert (answer.status_code, answer.content) == (status, b"")
            client.ended(run)
        run = client.run(thread_id, [say("a"), say("b")], stream_resumable=True)
        path = f"/threads/{thread_id}/runs/{run['run_id']}/stream"
        client.ended(run)
        whole = client.events("GET", path, headers={"Last-Event-ID": "-1"})
        assert client.events("GET", path, headers={"Last-Event-ID": "1"}) == whole[2:]
        client.thread(metadata={"mark": "common"})
        body = {"metadata": {"mark": "common"}, "limit": 1}
        for offset, following in ((0, "1"), (1, None)):
            headers = client.post("/threads/search", json={**body, "offset": offset}).headers
            assert (headers["x-pagination-total"], headers.get("x-pagination-next")) == ("2", following)


def test_streams_of_js_are_silent_and_end_without_a_word(js):
    """No heartbeats, no event "end", no members in metadata that its own suite does not expect."""
    path, comments = f"/threads/{js.thread()}/runs/stream", []
    with js.stream("POST", path, json=run_body([delay(1000), say("a")], stream_mode=["values", "updates"])) as response:
        events = list(read_events(response, comments))
    assert comments == []
    assert [event for event, _, _ in events] == ["metadata", "values", "updates", "values"]
    assert set(events[0][1]) == {"run_id", "attempt"}


def test_an_assistant_of_an_unknown_graph_is_made(js):
    made = js.ok("POST", "/assistants", json={"graph_id": "unknown"})
    assert made["graph_id"] == "unknown"


def test_wait_answers_with_the_question_alone(js):
    answer = js.ok("POST", f"/threads/{js.thread()}/runs/wait", json=run_body([say("before"), ask({"q": 1})]))
    assert list(answer) == ["__interrupt__"] and answer["__interrupt__"][0]["value"] == {"q": 1}


def test_streams_have_no_location_and_both_configurable_and_context_are_taken(js, api):
    body = run_body([say("x")], config={"configurable": {"a": 1}}, context={"b": 2})
    with js.stream("POST", f"/threads/{js.thread()}/runs/stream", json=body) as response:
        assert response.status_code == 200 and "location" not in response.headers
        assert response.headers["content-location"].startswith("/threads/")
        response.read()
    for client, named in ((js, False), (api, True)):
        thread_id = client.thread()
        run = client.run(thread_id, [delay(60_000)])
        path = f"/threads/{thread_id}/runs/{run['run_id']}"
        answers = [client.post(f"{path}/cancel", params={"wait": 1}), client.get(f"{path}/join"),
                   client.post(f"/threads/{thread_id}/runs/wait", json=run_body())]
        assert [answer.headers.get("location", "").endswith("/join") for answer in answers] == [named] * 3
    refused = api.post(f"/threads/{api.thread()}/runs", json=body)
    assert refused.status_code == 400 and refused.json()["detail"].startswith("Cannot specify both")


def test_a_webhook_has_its_error_as_text(js, receiver):
    js.run(js.thread(), [fail("Boom", "it broke")], webhook=receiver.url)
    assert receiver.one().json["error"] == "it broke"


def test_an_unknown_run_is_one_event_or_none(js, api):
    assert js.events("GET", f"/threads/{js.thread()}/runs/{MISSING}/stream") == [("error", "Run not found", None)]
    ((event, data, _),) = api.events("GET", f"/threads/{api.thread()}/runs/{MISSING}/stream")
    assert event == "error" and "404" in data["message"]
    assert api.events("GET", f"/runs/{MISSING}/stream") == [], "without a thread it ends silently"


def test_info_tells_of_js(js, api):
    assert js.ok("GET", "/info")["context"] == "js"
    info = api.ok("GET", "/info")
    assert info["flags"]["assistants"] is True and "context" not in info
    assert info["langgraph_py_version"] and info["langgraph_js_version"] and info["metadata"] is not None


def test_groups_of_routes_can_be_switched_off_below_a_prefix(start_server):
    """http.disable_…, http.mount_prefix, http.configurable_headers."""
    server = start_server(config={"http": {
        "disable_store": True, "disable_meta": True, "disable_assistants": True, "disable_mcp": True, "mount_prefix": "/agents",
        "configurable_headers": {"includes": ["x-user-*", "my-header"], "exclude": ["x-user-secret"]}}}, dev=False)
    with Api(server.url) as root, Api(server.url + "/agents") as api:
        assert root.get("/ok").status_code == api.get("/ok").status_code == 200
        assert root.post("/threads").status_code == 404
        assert root.get("/agentsok").status_code == 404
        for method, path in (("GET", "/store/items"), ("GET", "/info"), ("GET", "/openapi.json"), ("POST", "/assistants/search"), ("POST", "/mcp")):
            assert api.request(method, path).status_code == 404, path
        assert api.post("/internal/truncate", json={"runs": True}).status_code == 404, "only with --dev"
        headers = {"X-User-Id": "7", "X-User-Secret": "s", "My-Header": "m", "X-Other": "o", "X-Api-Key": "k"}
        answer = api.post(f"/threads/{api.thread()}/runs/stream", json=run_body([say("x")]), headers=headers)
        assert answer.headers["location"].startswith("/agents/threads/")
        run = api.ok("GET", answer.headers["content-location"])
        configurable = run["kwargs"]["config"]["configurable"]
        assert configurable["x-user-id"] == "7" and configurable["my-header"] == "m"
        assert not {"x-user-secret", "x-other", "x-api-key", "user-agent"} & set(configurable)
    server.stop()


def test_truncate_empties_what_it_is_told(start_server):
    """/internal/truncate exists only with --dev."""
    server = start_server(dev=True)
    with Api(server.url) as api:
        made = api.ok("POST", "/assistants", json={"graph_id": "agent"})["assistant_id"]
        thread_id = api.thread()
        values = api.ok("POST", f"/threads/{thread_id}/runs/wait", json=run_body())
        assert contents(values)[-1] == GREETING
        api.put("/store/items", json={"namespace": ["a"], "key": "k", "value": {}})
        live = api.run(thread_id, [delay(60_000)])
        api.status_becomes(live, "running")
        assert api.ok("POST", "/internal/truncate", json={"runs": True, "checkpoint": True}) == {"ok": True}
        assert api.ok("GET", f"/threads/{thread_id}/runs") == []
        assert api.ok("GET", f"/assistants/{made}")
        everything = {"runs": True, "threads": True, "assistants": True, "checkpointer": True, "store": True}
        assert api.ok("POST", "/internal/truncate", json=everything) == {"ok": True}
        assert api.get(f"/threads/{thread_id}").status_code == 404
        assert api.get(f"/assistants/{made}").status_code == 404 and api.ok("GET", "/assistants/agent")
        assert api.ok("POST", "/store/items/search", json={})["items"] == []
    server.stop()
