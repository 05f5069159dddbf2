"""The published Python client, langgraph_sdk, against the built-in and the real graphs."""

import asyncio
import uuid

import pytest
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from harness.api import GREETING, HELLO, delay, run_body, say

MISSING = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
async def client(any_server):
    async with get_client(url=any_server.url) as opened:
        yield opened


@pytest.fixture
async def graphs(graph_server):
    async with get_client(url=graph_server.url) as opened:
        opened.language = graph_server.language
        yield opened


async def collect(stream):
    return [part async for part in stream]


async def test_assistants(client):
    found = await client.assistants.search(graph_id="agent", limit=10)
    assert found[0]["graph_id"] == "agent"
    assert (await client.assistants.get("agent"))["assistant_id"] == found[0]["assistant_id"]
    with pytest.raises(NotFoundError):
        await client.assistants.get(MISSING)


async def test_threads(client):
    mark = uuid.uuid4().hex
    thread = await client.threads.create(metadata={"mark": mark})
    assert (await client.threads.get(thread["thread_id"]))["metadata"]["mark"] == mark
    updated = await client.threads.update(thread["thread_id"], metadata={"more": 1})
    assert (updated or await client.threads.get(thread["thread_id"]))["metadata"] == {"mark": mark, "more": 1}
    assert [one["thread_id"] for one in await client.threads.search(metadata={"mark": mark})] == [thread["thread_id"]]
    with pytest.raises(ConflictError):
        await client.threads.create(thread_id=thread["thread_id"])
    await client.threads.create(thread_id=thread["thread_id"], if_exists="do_nothing")
    await client.threads.delete(thread["thread_id"])
    with pytest.raises(NotFoundError):
        await client.threads.get(thread["thread_id"])


async def test_runs(client, receiver):
    thread = await client.threads.create()
    run = await client.runs.create(thread["thread_id"], "agent", input=HELLO, webhook=receiver.url, metadata={"a": 1})
    values = await client.runs.join(thread["thread_id"], run["run_id"])
    assert values["messages"][-1]["content"] == GREETING
    assert (await client.runs.get(thread["thread_id"], run["run_id"]))["status"] == "success"
    assert [one["run_id"] for one in await client.runs.list(thread["thread_id"])] == [run["run_id"]]
    assert receiver.one().json["run_id"] == run["run_id"]
    await client.runs.delete(thread["thread_id"], run["run_id"])
    with pytest.raises(NotFoundError):
        await client.runs.get(thread["thread_id"], run["run_id"])


async def test_wait(client):
    thread = await client.threads.create()
    values = await client.runs.wait(thread["thread_id"], "agent", input=HELLO)
    assert values["messages"][-1]["content"] == GREETING
    values = await client.runs.wait(None, "agent", input=HELLO)
    assert values["messages"][-1]["content"] == GREETING
    state = await client.threads.get_state(thread["thread_id"])
    assert state["values"]["messages"][-1]["content"] == GREETING and list(state["next"]) == []
    history = await client.threads.get_history(thread["thread_id"], limit=5)
    assert history[0]["checkpoint"] == state["checkpoint"]


async def test_stream_tells_the_run_first(client):
    thread = await client.threads.create()
    created = []
    parts = await collect(client.runs.stream(thread["thread_id"], "agent", input=HELLO, stream_mode=["values", "updates"],
                                             on_run_created=created.append))
    assert len(created) == 1 and created[0]["thread_id"] == thread["thread_id"]
    assert parts[0].event == "metadata" and parts[0].data["run_id"] == created[0]["run_id"]
    values = [part.data for part in parts if part.event == "values"]
    assert values[-1]["messages"][-1]["content"] == GREETING


async def test_errors_have_their_types(client):
    thread = await client.threads.create()
    with pytest.raises(NotFoundError, match="No assistant found"):
        await client.runs.create(thread["thread_id"], "nobody", input={})
    with pytest.raises(NotFoundError):
        await client.runs.create(MISSING, "agent", input={})
    with pytest.raises(UnprocessableEntityError):
        await client.runs.create(thread["thread_id"], "agent", input={}, webhook="ftp://example.com/")


async def test_join_stream_resumes(client):
    thread = await client.threads.create()
    parts = await collect(client.runs.stream(thread["thread_id"], "agent", input=HELLO, stream_resumable=True))
    run_id = parts[0].data["run_id"]
    again = await collect(client.runs.join_stream(thread["thread_id"], run_id, last_event_id=parts[0].id))
    assert [(part.event, part.id) for part in again] == [(part.event, part.id) for part in parts[1:]]


def test_the_synchronous_client(any_server):
    with get_sync_client(url=any_server.url) as client:
        thread = client.threads.create()
        parts = list(client.runs.stream(thread["thread_id"], "agent", input=HELLO))
        assert parts[-1].data["messages"][-1]["content"] == GREETING
        assert client.runs.wait(thread["thread_id"], "agent", input=HELLO)["messages"][-1]["content"] == GREETING


async def test_a_failing_graph_raises_in_wait(graphs, receiver):
    thread = await graphs.threads.create()
    with pytest.raises(Exception, match="always fails|did not answer"):
        await graphs.runs.wait(thread["thread_id"], "failing", input={}, webhook=receiver.url)
    payload = receiver.one().json
    assert payload["status"] == "error"
    assert payload["error"]["error"] in ("ValueError", "TimeoutError", "Error")
    assert payload["values"], "the state so far"
    assert (await graphs.threads.get(thread["thread_id"]))["status"] == "error"
    parts = await collect(graphs.runs.stream(None, "failing", input={}))
    assert parts[-1].event == "error" and parts[-1].data["message"]


async def test_a_person_is_asked(graphs, receiver):
    thread = await graphs.threads.create()
    values = await graphs.runs.wait(thread["thread_id"], "approval", input={"action": "sail", "request": "sail"},
                                    webhook=receiver.url)
    assert values["__interrupt__"][0]["value"]["question"]
    payload = receiver.one().json
    assert (payload["status"], payload["thread_status"]) == ("success", "interrupted")
    assert payload["next"] and payload["interrupts"]
    state = await graphs.threads.get_state(thread["thread_id"])
    assert state["next"] and state["tasks"][0]["interrupts"]
    await graphs.runs.wait(thread["thread_id"], "approval", command={"resume": True})
    assert (await graphs.threads.get(thread["thread_id"]))["status"] == "idle"


async def test_the_state_can_be_changed_by_hand(graphs):
    thread = await graphs.threads.create()
    await graphs.runs.wait(thread["thread_id"], "agent", input=HELLO)
    before = await graphs.threads.get_state(thread["thread_id"])
    await graphs.threads.update_state(thread["thread_id"], {"messages": [{"role": "user", "content": "by hand"}]})
    after = await graphs.threads.get_state(thread["thread_id"])
    assert after["values"]["messages"][-1]["content"] == "by hand"
    assert after["parent_checkpoint"]["checkpoint_id"] == before["checkpoint"]["checkpoint_id"]
    old = await graphs.threads.get_state(thread["thread_id"], checkpoint=before["checkpoint"])
    assert old["values"] == before["values"]


@pytest.mark.parametrize("mode", ["values", "updates", "messages", "messages-tuple", "events", "custom", "debug",
                                  "tasks", "checkpoints"])
async def test_every_stream_mode(graphs, mode):
    parts = await collect(graphs.runs.stream((await graphs.threads.create())["thread_id"], "agent", input=HELLO,
                                             stream_mode=mode))
    names = {part.event.split("/")[0] for part in parts}
    expected = {"messages-tuple": "messages"}.get(mode, mode)
    assert names <= {"metadata", expected}
    assert mode == "custom" or expected in names, names


async def test_subgraphs_are_streamed_with_their_path(graphs):
    parts = await collect(graphs.runs.stream(None, "nested", input={"question": "in Rome?", "city": "Rome"},
                                             stream_mode="updates", stream_subgraphs=True))
    names = [part.event for part in parts]
    assert any(name.startswith("updates|weather:") for name in names), names
    assert "updates" in names


async def test_a_running_graph_is_cancelled(graphs, receiver):
    thread = await graphs.threads.create()
    run = await graphs.runs.create(thread["thread_id"], "slow", input={"steps": 20, "delay_ms": 1000},
                                   context={"delay_s": 1, "steps": 20}, webhook=receiver.url)
    while (await graphs.runs.get(thread["thread_id"], run["run_id"]))["status"] == "pending":
        await asyncio.sleep(0.02)
    await graphs.runs.cancel(thread["thread_id"], run["run_id"], wait=True)
    assert (await graphs.runs.get(thread["thread_id"], run["run_id"]))["status"] == "interrupted"
    assert receiver.one().json["status"] == "interrupted"


async def test_schemas_and_drawing(graphs):
    schemas = await graphs.assistants.get_schemas("agent")
    assert schemas["graph_id"] == "agent"
    drawing = await graphs.assistants.get_graph("agent")
    assert {"__start__", "__end__"} <= {node["id"] for node in drawing["nodes"]} and drawing["edges"]


async def test_scripted_runs_through_the_client(servers):
    server = servers("builtin", "sqlite")
    async with get_client(url=server.url) as client:
        thread = await client.threads.create()
        body = run_body([say("a"), delay(5000)])
        run = await client.runs.create(thread["thread_id"], "script", input=body["input"])
        second = await client.runs.create(thread["thread_id"], "script", input=run_body([say("b")])["input"],
                                          multitask_strategy="interrupt")
        values = await client.runs.join(thread["thread_id"], second["run_id"])
        assert values["messages"][-1]["content"] == "b"
        assert (await client.runs.get(thread["thread_id"], run["run_id"]))["status"] == "interrupted"
