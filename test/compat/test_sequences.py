"""The exact events of both streams (contract §1.10, §2.4): every mode of a run's stream and the event streaming protocol, for
graphs that answer, ask, fail and have a graph inside, in both languages, on both stores. What is expected stands in
sequences.json, which test/js/sequences.test.mjs reads too."""

import asyncio
import json
import uuid
from itertools import groupby
from pathlib import Path

import httpx
import pytest
from langgraph_sdk import get_client

from harness.api import HELLO

TABLE = json.loads(Path(__file__).with_name("sequences.json").read_text())
INPUTS = {"agent": HELLO, "approval": {"action": "sail", "request": "sail"}, "nested": {"city": "Bern"}, "failing": {}}
CHANNELS = ["values", "updates", "checkpoints", "messages", "tools", "lifecycle", "input", "tasks", "custom"]
ENDS = ("lifecycle.completed", "lifecycle.failed", "lifecycle.interrupted")


@pytest.fixture
async def graphs(graph_stores):
    async with asyncio.timeout(100), get_client(url=graph_stores.url) as opened:
        opened.language = graph_stores.language
        yield opened


def told(names):
    """"metadata values*2": the names in their order; of a namespace only the nodes."""
    counted = [(name, len(list(group))) for name, group in groupby(names)]
    return " ".join(name if count == 1 else f"{name}*{count}" for name, count in counted)


def nodes(name):
    """"values|weather:<task>" without the task."""
    return "|".join(part.split(":")[0] if number else part for number, part in enumerate(name.split("|")))


async def streamed(client, thread_id, graph, **options):
    parts = [part async for part in client.runs.stream(thread_id, graph, **options)]
    assert [part.id for part in parts] == [str(number) for number in range(len(parts))]
    assert set(parts[0].data) == {"run_id", "attempt"}
    return told(nodes(part.event) for part in parts)


async def row_told(client, row):
    """What the row says, as it is."""
    thread_id = (await client.threads.create())["thread_id"]
    options = {"stream_mode": row["mode"], "stream_subgraphs": row.get("subgraphs", False)}
    static = {key: row[key] for key in ("interrupt_before", "interrupt_after") if key in row}
    seen = {**row, "events": await streamed(client, thread_id, row["graph"], input=INPUTS[row["graph"]],
                                            **options, **static)}
    if "resumed" in row:
        seen["resumed"] = await streamed(client, thread_id, row["graph"], command={"resume": True}, **options)
    if "continued" in row:
        seen["continued"] = await streamed(client, thread_id, row["graph"], input=None, **options)
    if "forked" in row:
        history = await client.threads.get_history(thread_id, limit=20)
        (point,) = [state for state in history if state["next"] and state["next"] != ["__start__"]]
        seen["forked"] = await streamed(client, thread_id, row["graph"], input=None, checkpoint=point["checkpoint"],
                                        **options)
    seen["status"] = (await client.threads.get(thread_id))["status"]
    return seen


async def test_runs(graphs):
    rows = TABLE[graphs.language]["runs"]
    assert await asyncio.gather(*(row_told(graphs, row) for row in rows)) == rows


async def test_a_stream_goes_on_behind_any_of_its_events(graphs):
    """§2.5: Last-Event-ID is exclusive, and what follows is the same, ids too."""
    thread_id = (await graphs.threads.create())["thread_id"]
    parts = [part async for part in graphs.runs.stream(thread_id, "nested", input=INPUTS["nested"], stream_resumable=True,
                                                       stream_subgraphs=True, stream_mode=["values", "updates", "tasks"])]
    run_id = parts[0].data["run_id"]
    for at in range(-1, len(parts)):
        rest = [part async for part in graphs.runs.join_stream(thread_id, run_id, last_event_id=str(at))]
        assert rest == parts[at + 1:], at


# ---- the event streaming protocol ----


def event_name(event):
    params = event["params"]
    parts = [event["method"], *(part.split(":")[0] for part in params["namespace"])]
    if event["method"] in ("lifecycle", "messages", "tools"):
        parts[0] += "." + params["data"]["event"]
    return "|".join(parts)


async def protocol_events(http, thread_id, **body):
    events = []
    async with http.stream("POST", f"/threads/{thread_id}/stream/events", json={"channels": CHANNELS, **body}) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
                if event_name(events[-1]) in ENDS:
                    return without_start(events)
    raise AssertionError("the stream ended")


def without_start(events):
    """When a run began is known to the millisecond only behind its beginning."""
    for event in events:
        if event_name(event) == "lifecycle.running":
            del event["params"]["timestamp"]
    return events


async def command(http, thread_id, method, **params):
    answer = await http.post(f"/threads/{thread_id}/commands", json={"id": 1, "method": method, "params": params})
    assert answer.json()["type"] == "success", answer.text


async def protocol_told(http, row):
    thread_id = str(uuid.uuid4())
    await command(http, thread_id, "run.start", assistant_id=row["graph"],
                  input={**INPUTS[row["graph"]], **row.get("input", {})})
    events = await protocol_events(http, thread_id)
    seen = {**row, "events": told(map(event_name, events))}
    first = events
    if "resumed" in row:
        asked = next(event for event in events if event["method"] == "input.requested")
        await command(http, thread_id, "input.respond", interrupt_id=asked["params"]["data"]["interrupt_id"], response=True)
        events = await protocol_events(http, thread_id, since=events[-1]["seq"])
        seen["resumed"] = told(map(event_name, events))
    for at in (0, len(events) // 2, len(events) - 2):
        assert await protocol_events(http, thread_id, since=events[at]["seq"]) == events[at + 1:], "replayed"
    assert await protocol_events(http, thread_id, since=0) == first, "whatever has become of the thread since"
    return seen


async def test_the_event_streaming_protocol(graph_stores):
    rows = TABLE[graph_stores.language]["protocol"]
    async with asyncio.timeout(100), httpx.AsyncClient(base_url=graph_stores.url, timeout=60) as http:
        assert await asyncio.gather(*(protocol_told(http, row) for row in rows)) == rows
