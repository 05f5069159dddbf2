"""Issue 4 with langgraph_sdk: every operation of the contract's §1.4-1.9, streams, questions, forks, reconnects."""

import asyncio
import uuid

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.errors import BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError

from harness.api import GREETING, HELLO, ask, delay, run_body, say
from harness.breaker import Breaker

MISSING = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(params=["sqlite", "postgres"])
async def client(request, servers):
    server = servers("builtin", request.param)
    async with get_client(url=server.url) as opened:
        opened.port = server.port
        yield opened


@pytest.fixture
async def graphs(graph_server):
    async with get_client(url=graph_server.url) as opened:
        opened.language = graph_server.language
        yield opened


async def collect(stream):
    return [part async for part in stream]


def script(*steps):
    return run_body(list(steps))["input"]


async def test_assistants(client):
    mark = uuid.uuid4().hex
    made = await client.assistants.create("script", metadata={"mark": mark}, name=f"One {mark}", description="d",
                                          context={"c": 1})
    assistant_id = made["assistant_id"]
    assert (made["version"], made["description"], made["context"]) == (1, "d", {"c": 1})
    with pytest.raises(ConflictError):
        await client.assistants.create("script", assistant_id=assistant_id)
    same = await client.assistants.create("script", assistant_id=assistant_id, if_exists="do_nothing")
    assert same == made
    with pytest.raises(NotFoundError):
        await client.assistants.create("no-such-graph")
    second = await client.assistants.update(assistant_id, metadata={"more": 1}, name=f"Two {mark}")
    assert (second["version"], second["metadata"]) == (2, {"mark": mark, "more": 1})
    versions = await client.assistants.get_versions(assistant_id)
    assert [one["version"] for one in versions] == [2, 1]
    first = await client.assistants.set_latest(assistant_id, 1)
    assert first["name"] == f"One {mark}"
    found = await client.assistants.search(metadata={"mark": mark}, name="one", sort_by="name", sort_order="asc",
                                           select=["assistant_id"])
    assert found == [{"assistant_id": assistant_id}]
    page = await client.assistants.search(graph_id="script", limit=1, response_format="object")
    assert len(page["assistants"]) == 1 and page["next"] == "1"
    assert await client.assistants.count(metadata={"mark": mark}) == 1
    await client.assistants.delete(assistant_id, delete_threads=True)
    with pytest.raises(NotFoundError):
        await client.assistants.get(assistant_id)


async def test_threads(client):
    mark = uuid.uuid4().hex
    thread = await client.threads.create(metadata={"mark": mark}, ttl=60)
    thread_id = thread["thread_id"]
    assert (await client.threads.get(thread_id, include=["ttl"]))["ttl"]["ttl_minutes"] == 60
    updated = await client.threads.update(thread_id, metadata={"n": 1}, ttl={"ttl": 5, "strategy": "keep_latest"})
    assert updated["metadata"] == {"mark": mark, "n": 1}
    assert await client.threads.update(thread_id, metadata={"n": 2}, return_minimal=True) is None
    await client.runs.wait(thread_id, "script", input=script(say("first"), say("last")))
    found = await client.threads.search(metadata={"mark": mark}, status="idle", select=["thread_id"],
                                        extract={"last": "values.messages[-1].content"})
    assert found == [{"thread_id": thread_id, "extracted": {"last": "last"}}]
    assert await client.threads.count(metadata={"mark": mark}) == 1
    copy = await client.threads.copy(thread_id)
    states = [await client.threads.get_history(one, limit=5) for one in (thread_id, copy["thread_id"])]
    assert states[0][0]["checkpoint"]["checkpoint_id"] == states[1][0]["checkpoint"]["checkpoint_id"]
    assert (await client.threads.prune([copy["thread_id"]])) == {"pruned_count": 1}
    await client.threads.delete(thread_id)
    with pytest.raises(NotFoundError):
        await client.threads.get(thread_id)


async def test_supersteps_states_and_history(client):
    steps = [{"updates": [{"as_node": "script", "values": {"messages": [{"role": "user", "content": text}]}}]}
             for text in ("one", "two")]
    thread = await client.threads.create(graph_id="script", supersteps=steps)
    thread_id = thread["thread_id"]
    state = await client.threads.get_state(thread_id)
    assert [one["content"] for one in state["values"]["messages"]] == ["one", "two"]
    update = await client.threads.update_state(thread_id, {"messages": [{"role": "user", "content": "three"}]})
    assert update["checkpoint"]["thread_id"] == thread_id
    old = await client.threads.get_state(thread_id, checkpoint=state["checkpoint"], subgraphs=True)
    assert old["values"] == state["values"]
    by_id = await client.threads.get_state(thread_id, checkpoint_id=state["checkpoint"]["checkpoint_id"])
    assert by_id["values"] == state["values"]
    history = await client.threads.get_history(thread_id, limit=10)
    assert len(history) == 3
    for before in (history[0]["checkpoint"]["checkpoint_id"], {"configurable": history[0]["checkpoint"]}):
        assert await client.threads.get_history(thread_id, limit=10, before=before) == history[1:]
    run = await client.runs.create(thread_id, "script", input=script(delay(60_000)))
    with pytest.raises(ConflictError, match="busy"):
        await client.threads.update_state(thread_id, {"messages": []})
    await client.runs.cancel(thread_id, run["run_id"], wait=True)


async def test_runs_one_after_the_other(client):
    thread_id = (await client.threads.create())["thread_id"]
    first = await client.runs.create(thread_id, "script", input=script(delay(60_000)))
    second = await client.runs.create(thread_id, "script", input=script(say("b")))
    with pytest.raises(ConflictError, match="already running"):
        await client.runs.create(thread_id, "script", input={}, multitask_strategy="reject")
    listed = await client.runs.list(thread_id, select=["run_id", "status"])
    assert [set(one) for one in listed] == [{"run_id", "status"}] * 2
    assert [one["run_id"] for one in await client.runs.list(thread_id, status="pending")] == [second["run_id"]]
    third = await client.runs.create(thread_id, "script", input=script(say("c")), multitask_strategy="interrupt")
    values = await client.runs.join(thread_id, third["run_id"])
    assert [one["content"] for one in values["messages"]][-1] == "c"
    statuses = [(await client.runs.get(thread_id, run["run_id"]))["status"] for run in (first, second)]
    assert statuses == ["interrupted", "interrupted"]


async def test_rollback_takes_everything_back(client):
    thread_id = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread_id, "script", input=script(say("kept")))
    first = await client.runs.create(thread_id, "script", input=script(say("gone"), delay(60_000)))
    while (await client.runs.get(thread_id, first["run_id"]))["status"] == "pending":
        await asyncio.sleep(0.02)
    values = await client.runs.wait(thread_id, "script", input=script(say("new")), multitask_strategy="rollback")
    assert [one["content"] for one in values["messages"]] == ["kept", "new"]
    with pytest.raises(NotFoundError):
        await client.runs.get(thread_id, first["run_id"])


async def test_cancels(client):
    thread_id = (await client.threads.create())["thread_id"]
    runs = [await client.runs.create(thread_id, "script", input=script(delay(60_000))) for _ in range(3)]
    ids = [run["run_id"] for run in runs]
    await client.runs.cancel(thread_id, ids[2])
    assert (await client.runs.get(thread_id, ids[2]))["status"] == "interrupted", "a pending run ends at once"
    await client.runs.cancel(thread_id, ids[0], wait=True)
    assert (await client.runs.get(thread_id, ids[0]))["status"] == "interrupted"
    await client.runs.cancel_many(thread_id=thread_id, run_ids=[ids[1]], action="rollback")
    for _ in range(1000):
        try:
            await client.runs.get(thread_id, ids[1])
            await asyncio.sleep(0.02)
        except NotFoundError:
            break
    else:
        pytest.fail("the run that was rolled back is still there")
    with pytest.raises(NotFoundError):
        await client.runs.cancel(thread_id, MISSING)


async def test_stateless_runs(client):
    values = await client.runs.wait(None, "agent", input=HELLO)
    assert values["messages"][-1]["content"] == GREETING
    batch = await client.runs.create_batch([{"assistant_id": "agent", "input": HELLO}] * 2)
    assert len({run["run_id"] for run in batch}) == 2
    kept = await client.runs.create(None, "agent", input=HELLO, on_completion="keep", metadata={"k": 1})
    values = await client.runs.join(kept["thread_id"], kept["run_id"])
    assert (await client.threads.get(kept["thread_id"]))["values"] == values
    later = await client.runs.create(str(uuid.uuid4()), "agent", input=HELLO, if_not_exists="create", after_seconds=3600)
    assert (await client.runs.get(later["thread_id"], later["run_id"]))["status"] == "pending"
    assert (await client.threads.get(later["thread_id"]))["status"] == "busy"
    await client.threads.delete(later["thread_id"])
    with pytest.raises(BadRequestError, match="Cannot specify both"):
        await client.runs.create(None, "agent", input={}, config={"configurable": {"a": 1}}, context={"b": 1})
    with pytest.raises(UnprocessableEntityError, match="multitask_strategy"):
        await client.runs.create(None, "agent", input={}, multitask_strategy="later")


async def test_a_broken_stream_goes_on_without_loss_or_repetition(client):
    """§2.5: the connection is really reset in the middle, and the client comes back by itself."""
    steps = [step for number in range(6) for step in (say(f"s{number}"), delay(150))]
    with Breaker(client.port, "/runs/stream", "id: 2\n") as breaker:
        async with get_client(url=breaker.url) as broken:
            thread_id = (await broken.threads.create())["thread_id"]
            created = []
            parts = await collect(broken.runs.stream(thread_id, "script", input=script(*steps), stream_mode="values",
                                                     on_run_created=created.append))
        assert breaker.broken == 1
    assert len(created) == 1
    assert [part.id for part in parts] == [str(number) for number in range(len(parts))]
    assert [one["content"] for one in parts[-1].data["messages"]] == [f"s{number}" for number in range(6)]
    whole = await collect(client.runs.join_stream(thread_id, created[0]["run_id"], last_event_id="-1"))
    assert [(part.event, part.data, part.id) for part in whole] == [(part.event, part.data, part.id) for part in parts]


async def test_a_broken_wait_goes_on(client):
    with Breaker(client.port, "/runs/wait", "HTTP/1.1 200") as breaker:
        async with get_client(url=breaker.url) as broken:
            thread_id = (await broken.threads.create())["thread_id"]
            values = await broken.runs.wait(thread_id, "script", input=script(delay(500), say("end")))
        assert breaker.broken == 1
    assert values["messages"][-1]["content"] == "end"
    assert len(await client.runs.list(thread_id)) == 1, "it was joined, not made again"


async def test_a_thread_is_followed(client):
    thread_id = (await client.threads.create())["thread_id"]
    for text in "ab":
        await collect(client.runs.stream(thread_id, "script", input=script(say(text)), stream_resumable=True))
    events = []
    async for part in await client.threads.join_stream(thread_id, last_event_id="-", stream_mode="run_modes"):
        events.append(part.event)
        if events.count("run_done") == 2:
            break
    assert events == ["metadata", "values", "values", "run_done"] * 2


async def test_the_store(client):
    space = uuid.uuid4().hex
    for number in range(3):
        await client.store.put_item([space, "n"], f"k{number}", {"n": number}, ttl=60)
    item = await client.store.get_item([space, "n"], "k1", refresh_ttl=True)
    assert (item["namespace"], item["value"]) == ([space, "n"], {"n": 1})
    found = await client.store.search_items([space], filter={"n": {"$gte": 1}}, limit=10)
    assert [one["key"] for one in found["items"]] == ["k2", "k1"]
    assert (await client.store.list_namespaces(prefix=[space], max_depth=1))["namespaces"] == [[space]]
    await client.store.delete_item([space, "n"], "k1")
    assert await client.store.get_item([space, "n"], "k1") is None


async def test_a_question_and_its_answer(graphs):
    thread_id = (await graphs.threads.create())["thread_id"]
    asked = await graphs.runs.wait(thread_id, "approval", input={"action": "sail", "request": "sail"})
    assert asked["__interrupt__"]
    waiting = await graphs.threads.get_state(thread_id)
    assert waiting["next"] and waiting["tasks"][0]["interrupts"]
    answered = await graphs.runs.wait(thread_id, "approval", command={"resume": True})
    assert "__interrupt__" not in answered
    assert (await graphs.threads.get_state(thread_id))["next"] == []
    at = await graphs.threads.get_state(thread_id, checkpoint=waiting["checkpoint"])
    assert at["next"] == waiting["next"], "the past stays as it was"


async def test_a_fork_is_a_second_future(graphs):
    """§3.5: a run from an older checkpoint makes new states that have it as their parent."""
    thread_id = (await graphs.threads.create())["thread_id"]
    await graphs.runs.wait(thread_id, "agent", input=HELLO)
    past = await graphs.threads.get_history(thread_id, limit=20)
    (point,) = [one for one in past if one["next"] and one["next"] != ["__start__"]][:1]
    values = await graphs.runs.wait(thread_id, "agent", input=None, checkpoint_id=point["checkpoint"]["checkpoint_id"])
    assert len(values["messages"]) == 2
    history = await graphs.threads.get_history(thread_id, limit=20)
    assert len(history) > len(past)
    parents = [one["parent_checkpoint"]["checkpoint_id"] for one in history if one["parent_checkpoint"]]
    assert parents.count(point["checkpoint"]["checkpoint_id"]) == 2


async def test_a_strict_resume_answers_only_what_waits(graphs):
    assert (await graphs.http.get("/info"))["flags"]["strict_resume"] is True
    thread_id = (await graphs.threads.create())["thread_id"]
    stopped = await graphs.runs.wait(thread_id, "approval", input={"request": "strict"})
    waiting, = stopped["__interrupt__"]
    for strict in (True, None):
        answer = await graphs.runs.wait(thread_id, "approval", command={"resume": {"0" * 32: True}}, strict_resume=strict,
                                        raise_error=False)
        assert answer.get("__error__", {}).get("error") == ("UnknownInterruptError" if strict else None), answer
        interrupts = (await graphs.threads.get(thread_id))["interrupts"]
        assert [one["id"] for pending in interrupts.values() for one in pending] == [waiting["id"]]
    answered = await graphs.runs.wait(thread_id, "approval", command={"resume": {waiting["id"]: True}}, strict_resume=True)
    assert "__error__" not in answered and "__interrupt__" not in answered


async def test_static_interrupts(graphs):
    thread_id = (await graphs.threads.create())["thread_id"]
    await graphs.runs.wait(thread_id, "agent", input=HELLO, interrupt_before="*")
    state = await graphs.threads.get_state(thread_id)
    assert state["next"] and (await graphs.threads.get(thread_id))["status"] == "interrupted"
    values = await graphs.runs.wait(thread_id, "agent", input=None)
    assert len(values["messages"]) == 2


async def test_subgraphs_are_listed_in_both_spellings(graphs):
    found = await graphs.assistants.get_subgraphs("nested", recurse=True)
    assert set(found) == {"weather"}
    for kind in ("state", "input", "output"):
        assert found["weather"][kind]["properties"] and found["weather"][kind] == found["weather"][f"{kind}_schema"], kind
    assert set(await graphs.assistants.get_subgraphs("nested", namespace="weather")) == {"weather"}
    drawn = await graphs.assistants.get_graph("nested", xray=True)
    assert any(":" in node["id"] for node in drawn["nodes"])


async def test_messages_are_told_once_then_grow(graphs):
    for mode in ("messages", "messages-tuple"):
        parts = await collect(graphs.runs.stream(None, "agent", input=HELLO, stream_mode=mode))
        names = [part.event for part in parts]
        if mode == "messages":
            assert names[0] == "metadata" and names[-1] == "messages/complete"
            if graphs.language == "python":  # the JavaScript example answers without a model
                assert names.index("messages/metadata") < names.index("messages/partial")
                assert names.count("messages/metadata") == 1
            assert parts[-1].data[-1]["content"] == GREETING
        else:
            assert graphs.language == "js" or set(names) == {"metadata", "messages"}
            assert graphs.language == "js" or "".join(part.data[0]["content"] for part in parts[1:]) == GREETING


async def test_subgraphs_tell_when_they_start_and_end(graphs):
    given = {"question": "Will it rain in Rome?", "city": "Rome"}
    parts = [part async for part in graphs.runs.stream(None, "nested", input=given, stream_mode=["updates", "lifecycle"])]
    told = [part.data for part in parts if part.event == "lifecycle"]
    assert [one["event"] for one in told] == ["started", "completed"], [part.event for part in parts]
    assert told[0]["graph_name"] == "weather" and told[0]["namespace"] == told[1]["namespace"]
    assert not any("|" in part.event for part in parts), "of the subgraph itself nothing was asked for"
