"""Protocol v2 (contract 1.10) through the published Python client's `threads.stream`, by SSE and by WebSocket, and raw:
numbers, replay from a number, filters, commands and their errors. Graphs in Python and JavaScript."""

import asyncio
import json
import uuid

import httpx
import pytest
import websockets
from langgraph_sdk import get_client

from harness.api import GREETING, HELLO

TIMEOUT_S = 60


@pytest.fixture
async def graphs(graph_server):
    async with get_client(url=graph_server.url) as opened:
        yield opened


@pytest.fixture
async def http(graph_server):
    async with httpx.AsyncClient(base_url=graph_server.url, timeout=TIMEOUT_S) as opened:
        yield opened


async def command(http, thread_id, method, **params):
    answer = await http.post(f"/threads/{thread_id}/commands", json={"id": 7, "method": method, "params": params})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def until_end(http, thread_id, channels, **body):
    """The events of the thread until a run ends."""
    events = []
    async with http.stream("POST", f"/threads/{thread_id}/stream/events",
                           json={"channels": [*channels, "lifecycle"], **body}) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
                if is_end(events[-1]):
                    return events
    raise AssertionError("the stream ended")


def is_end(event):
    params = event["params"]
    return (event["method"] == "lifecycle" and not params["namespace"]
            and params["data"]["event"] in ("completed", "failed", "interrupted"))


async def started(http, graph, **params):
    thread_id = str(uuid.uuid4())
    answer = await command(http, thread_id, "run.start", assistant_id=graph, **params)
    assert answer["type"] == "success" and answer["id"] == 7 and answer["meta"]["thread_id"] == thread_id
    return thread_id, answer


def root(events, method):
    return [event["params"]["data"] for event in events
            if event["method"] == method and event["params"]["namespace"] == []]


def knows_the_answer(values):
    """The graphs keep it in their own ways."""
    return values.get("approved") is True or "yes" in json.dumps(values)


@pytest.mark.parametrize("transport", ["sse", "websocket"])
async def test_the_sdk_streams_a_run(graphs, transport):
    async with asyncio.timeout(TIMEOUT_S), graphs.threads.stream(assistant_id="agent", transport=transport) as thread:
        await thread.run.start(input=HELLO)
        values = [value async for value in thread.values]
        assert values[-1]["messages"][-1]["content"][-len(GREETING):] == GREETING or \
            values[-1]["messages"][-1]["content"][0]["text"] == GREETING
        assert (await thread.output)["messages"][-1]["type"] == "ai"


@pytest.mark.parametrize("transport", ["sse", "websocket"])
async def test_the_sdk_answers_an_interrupt(graphs, transport):
    async with asyncio.timeout(TIMEOUT_S), graphs.threads.stream(assistant_id="approval", transport=transport) as thread:
        await thread.run.start(input={})
        async for _ in thread.values:
            pass
        while not thread.interrupted:
            await asyncio.sleep(0.01)
        assert len(thread.interrupts) == 1 and thread.interrupts[0]["value"]
        await thread.run.respond({"approved": True})
        assert await thread.output
        state = await graphs.threads.get_state(thread.thread_id)
        assert state["next"] == [] and "approved" in json.dumps(state["values"])


async def test_the_sdk_projects_messages_and_subgraphs(graphs, graph_server):
    async with asyncio.timeout(TIMEOUT_S), graphs.threads.stream(assistant_id="agent") as thread:
        await thread.run.start(input=HELLO)
        messages = [message async for message in thread.messages]
        # Those of a JavaScript node stand below it, as its library tells them.
        assert [await message.text for message in messages] == ([GREETING] if graph_server.language == "python" else [])
    async with asyncio.timeout(TIMEOUT_S), graphs.threads.stream(assistant_id="nested") as thread:
        await thread.run.start(input={"city": "Bern"})
        (weather,) = [one async for one in thread.subgraphs]
        assert (weather.graph_name, weather.status, weather.path[0].split(":")[0]) == ("weather", "completed", "weather")


async def test_the_sdk_tells_a_failure(graphs):
    async with asyncio.timeout(TIMEOUT_S), graphs.threads.stream(assistant_id="failing") as thread:
        await thread.run.start(input={})
        with pytest.raises(RuntimeError, match="Run errored: .+ .+"):
            await thread.output


async def test_events_are_numbered_and_can_be_had_again(http):
    thread_id, answer = await started(http, "agent", input=HELLO)
    events = await until_end(http, thread_id, ["values", "messages", "updates", "checkpoints", "tasks"])
    seqs = [event["seq"] for event in events]
    assert seqs == sorted(set(seqs)) and seqs[-1] < 2**53
    assert [event["event_id"] for event in events] == [str(seq) for seq in seqs]
    assert answer["meta"]["applied_through_seq"] == seqs[0] - 1
    assert {event["type"] for event in events} == {"event"}
    first, last = root(events, "lifecycle")[0], root(events, "lifecycle")[-1]
    assert first == {"event": "running", "graph_name": "agent"} and last == {"event": "completed", "graph_name": "agent"}
    kinds = [event["params"]["data"]["event"] for event in events if event["method"] == "messages"]
    assert kinds[:2] == ["message-start", "content-block-start"]
    assert kinds[-2:] == ["content-block-finish", "message-finish"] and "content-block-delta" in kinds
    assert all(set(data) <= {"id", "parent_id", "step", "source"} for data in root(events, "checkpoints"))
    assert {"node", "values"} == set(root(events, "updates")[0])

    again = await until_end(http, thread_id, ["values", "messages", "updates", "checkpoints", "tasks"])
    assert again == events or [e["seq"] for e in again] == seqs
    late = await until_end(http, thread_id, ["values", "messages", "updates", "checkpoints", "tasks"], since=seqs[4])
    assert [event["seq"] for event in late] == seqs[5:]
    only = await until_end(http, thread_id, ["values"])
    assert {event["method"] for event in only} == {"values", "lifecycle"}

    # The next run goes on behind it, on the same numbers.
    answer = await command(http, thread_id, "run.start", assistant_id="agent", input=HELLO)
    more = await until_end(http, thread_id, ["values"], since=seqs[-1])
    assert more[0]["seq"] > seqs[-1] and answer["meta"]["applied_through_seq"] >= seqs[-1]


async def test_namespaces_and_depth(http):
    thread_id, _ = await started(http, "nested", input={"city": "Bern"})
    everything = await until_end(http, thread_id, ["values", "updates"])
    inner = [event for event in everything if event["params"]["namespace"]]
    assert inner and all(":" in event["params"]["namespace"][0] for event in inner)
    name = inner[0]["params"]["namespace"][0].split(":")[0]
    below = await until_end(http, thread_id, ["values", "updates"], namespaces=[[name], []], depth=0)
    assert [event["seq"] for event in below] == [event["seq"] for event in everything
                                                 if len(event["params"]["namespace"]) <= 1]
    top = await until_end(http, thread_id, ["values", "updates"], namespaces=[[]], depth=0)
    assert all(event["params"]["namespace"] == [] for event in top) and len(top) < len(everything)
    children = [event["params"]["data"]["event"] for event in everything
                if event["method"] == "lifecycle" and event["params"]["namespace"]]
    assert children == ["started", "completed"]


async def test_an_interrupt_waits_for_its_answer(http):
    thread_id, _ = await started(http, "approval", input={})
    events = await until_end(http, thread_id, ["values", "updates", "input"])
    asked = [event for event in events if event["method"] == "input.requested"]
    assert len(asked) == 1 and events[-2] is asked[0]
    assert root(events, "lifecycle")[-1]["event"] == "interrupted"
    assert not any("__interrupt__" in json.dumps(data) for data in root(events, "values") + root(events, "updates"))
    interrupt_id = asked[0]["params"]["data"]["interrupt_id"]
    assert (await command(http, thread_id, "agent.getTree"))["result"]["tree"]["status"] == "interrupted"

    answer = await command(http, thread_id, "input.respond", interrupt_id="nothing", response=1)
    assert answer["type"] == "error" and answer["error"] == "no_such_interrupt"
    answer = await command(http, thread_id, "input.respond",
                           responses=[{"interrupt_id": interrupt_id, "response": {"approved": "yes"}}])
    assert answer["type"] == "success" and answer["result"] == {}
    events = await until_end(http, thread_id, ["values"], since=events[-1]["seq"])
    assert root(events, "lifecycle")[-1]["event"] == "completed" and knows_the_answer(root(events, "values")[-1])
    answer = await command(http, thread_id, "input.respond", interrupt_id=interrupt_id, response=1)
    assert answer["error"] == "no_such_interrupt"


async def test_an_input_answers_the_interrupt_that_waits(http):
    thread_id, _ = await started(http, "approval", input={})
    events = await until_end(http, thread_id, ["input"])
    await command(http, thread_id, "run.start", assistant_id="approval", input={"approved": "yes"})
    events = await until_end(http, thread_id, ["values"], since=events[-1]["seq"])
    assert root(events, "lifecycle")[-1]["event"] == "completed" and knows_the_answer(root(events, "values")[-1])


async def test_commands(http, graph_server):
    thread_id, _ = await started(http, "agent", input=HELLO)
    await until_end(http, thread_id, ["values"])
    state = await command(http, thread_id, "state.get")
    assert state["result"]["values"]["messages"] and state["result"]["checkpoint"]["id"]
    assert set(state["meta"]) == {"thread_id"}, "a client would come back behind what it has not read"
    assert (await command(http, thread_id, "state.get", keys=["nothing"]))["result"]["values"] == {}
    tree = (await command(http, thread_id, "agent.getTree"))["result"]["tree"]
    assert tree == {"namespace": [], "status": "completed", "graph_name": "agent"}
    for method, params, code in [
        ("nope", {}, "unknown_command"),
        ("run.start", {}, "invalid_argument"),
        ("run.start", {"assistant_id": "nope"}, "invalid_argument"),
        ("run.start", {"assistant_id": "agent", "config": 3}, "invalid_argument"),
        ("input.respond", {"interrupt_id": "x", "response": 1}, "no_such_interrupt"),
        ("state.get", {"namespace": ["x"]}, "no_such_namespace"),
        ("subscription.subscribe", {"channels": ["values"]}, "not_supported"),
        ("state.fork", {"checkpoint_id": "x"}, "not_supported"),
    ]:
        answer = await command(http, thread_id, method, **params)
        assert (answer["type"], answer["error"], answer["id"]) == ("error", code, 7) and answer["message"], method
    for body in [{"method": "state.get"}, {"id": -1, "method": "state.get"}, {"id": "1", "method": "state.get"}]:
        answer = (await http.post(f"/threads/{thread_id}/commands", json=body)).json()
        assert (answer["id"], answer["error"]) == (None, "invalid_argument")
    for body in [{"id": 1}, {"id": 1, "method": "state.get", "params": [1]}]:
        answer = (await http.post(f"/threads/{thread_id}/commands", json=body)).json()
        assert (answer["id"], answer["error"]) == (1, "invalid_argument")
    for body in [{}, {"channels": []}, {"channels": ["nope"]}, {"channels": ["values"], "depth": -1},
                 {"channels": ["values"], "since": "1"}, {"channels": ["values"], "namespaces": ["a"]}]:
        answer = await http.post(f"/threads/{thread_id}/stream/events", json=body)
        assert answer.status_code == 422 and answer.json()["detail"], body
    assert (await http.post(f"/threads/{uuid.uuid4()}/stream/events", json={"channels": ["values"]})).status_code == 404
    assert (await http.post("/threads/x/stream/events", json={"channels": ["values"]})).status_code == 422
    assert (await http.get(f"/threads/{thread_id}/stream/events")).status_code == 400


async def test_a_run_of_the_ordinary_api_is_told_too(http):
    thread_id = (await http.post("/threads", json={})).json()["thread_id"]
    run = await http.post(f"/threads/{thread_id}/runs", json={"assistant_id": "agent", "input": HELLO})
    events = await until_end(http, thread_id, ["values"])
    assert [data["event"] for data in root(events, "lifecycle")] == ["running", "completed"]
    assert root(events, "values")[-1]["messages"][-1]["content"] == GREETING
    # And the other way round: a stream of the ordinary API does not show the protocol's events.
    await command(http, thread_id, "run.start", assistant_id="agent", input=HELLO)
    run = (await http.get(f"/threads/{thread_id}/runs?limit=1")).json()[0]
    stream = await http.get(f"/threads/{thread_id}/runs/{run['run_id']}/stream", headers={"Last-Event-ID": "-1"})
    assert "@" not in stream.text and "metadata" in stream.text


class Socket:
    def __init__(self, ws):
        self.ws, self.events, self.answers, self.order = ws, [], {}, []

    async def send(self, command_id, method, **params):
        await self.ws.send(json.dumps({"id": command_id, "method": method, "params": params}))
        while command_id not in self.answers:
            await self.take()
        return self.answers[command_id]

    async def take(self):
        message = json.loads(await self.ws.recv())
        if message["type"] == "event":
            self.events.append(message)
        else:
            self.answers[message["id"]] = message
        self.order.append(message)
        return message


@pytest.fixture
async def socket(graph_server):
    url = graph_server.url.replace("http", "ws") + f"/threads/{uuid.uuid4()}/stream/events"
    async with asyncio.timeout(TIMEOUT_S), websockets.connect(url) as ws:
        yield Socket(ws)


async def test_a_websocket_carries_commands_and_events(socket):
    # A subscription may come before the thread is there: it waits.
    first = await socket.send(1, "subscription.subscribe", channels=["values"])
    assert first["type"] == "success" and first["result"]["subscription_id"]
    started = await socket.send(2, "run.start", assistant_id="agent", input=HELLO)
    assert started["result"]["run_id"]
    while not socket.events or len(socket.events[-1]["params"]["data"].get("messages", [])) < 2:
        await socket.take()
    count = len(socket.events)
    # A second one gets what came before it, behind its answer; the first gets nothing twice.
    second = await socket.send(3, "subscription.subscribe", channels=["lifecycle"])
    while not is_end(socket.order[-1]) if socket.order[-1]["type"] == "event" else True:
        await socket.take()
    behind = socket.order[socket.order.index(second) + 1:]
    assert [event["method"] for event in behind if event["params"]["namespace"] == []] == ["lifecycle", "lifecycle"]
    assert len([event for event in socket.events if event["method"] == "values"]) == count
    for subscription in (first, second):
        answer = await socket.send(subscription["id"] + 10, "subscription.unsubscribe",
                                   subscription_id=subscription["result"]["subscription_id"])
        assert answer["type"] == "success"
    answer = await socket.send(20, "subscription.unsubscribe",
                               subscription_id=first["result"]["subscription_id"])
    assert answer["error"] == "no_such_subscription"
    answer = await socket.send(21, "subscription.subscribe", channels=[])
    assert answer["error"] == "invalid_argument"
    answer = await socket.send(22, "state.get")
    assert answer["result"]["values"]["messages"]
    await socket.ws.send("{")
    while None not in socket.answers:
        await socket.take()
    assert socket.answers[None]["error"] == "invalid_argument"


async def test_a_websocket_closes_with_a_code(socket):
    await socket.ws.send(b"\x00binary")
    with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
        await socket.ws.recv()
    assert closed.value.rcvd.code == 1003
