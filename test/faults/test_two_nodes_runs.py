"""Two nodes on one PostgreSQL (issue 4): clients talk to one, the run is executed by the other, with the Python SDK.

Node 0 has one place for runs and that is taken; so whatever is created through it runs on node 1.
"""

import asyncio
import os
import time
import uuid

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.errors import ConflictError, NotFoundError

from harness.api import GREETING, HELLO, Api, ask, delay, fail, read_events, say
from harness.nodes import LONG, Nodes
from harness.ports import eventually
from harness.postgres import Databases

pytestmark = pytest.mark.skipif("RUNBELL_TEST_POSTGRES" not in os.environ,
                                reason="no PostgreSQL (tools/postgres-temp run gives one)")
# A node that was killed leaves its runs for five seconds.
SETTINGS = {"lease_s": 5, "delivery": {"survey_s": 0.5}}
PLUGGED = {**SETTINGS, "runs_max": 1}
LENT = []  # runs whose events were in the store for the other node only


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    store = Databases(os.environ["RUNBELL_TEST_POSTGRES"]).create()
    with Nodes(tmp_path_factory.mktemp("nodes"), store, [PLUGGED, SETTINGS]) as running:
        running.plug(0)
        yield running


@pytest.fixture
async def here(nodes):
    async with get_client(url=nodes[0].url) as opened:
        yield opened


@pytest.fixture
async def there(nodes):
    async with get_client(url=nodes[1].url) as opened:
        yield opened


def script(*steps):
    return {"script": list(steps), "messages": []}


def shape(parts):
    """What two runs of one script have in common: the events without ids."""
    return [(part.event, [one["content"] for one in part.data["messages"]] if part.event == "values" else None)
            for part in parts]


async def collect(stream, into=None):
    parts = [] if into is None else into
    async for part in stream:
        parts.append(part)
    return parts


async def until(question, why, timeout=60):
    end = time.monotonic() + timeout
    while not (answer := await question()):
        assert time.monotonic() < end, why() if callable(why) else why
        await asyncio.sleep(0.02)
    return answer


async def is_running(client, run):
    return (await client.runs.get(run["thread_id"], run["run_id"]))["status"] == "running"


# ---- events -------------------------------------------------------------------------------------


async def test_a_stream_through_the_other_node_is_the_same_and_live(nodes, here, there):
    steps = script(say("a"), delay(300), say("b"), delay(300), say("c"))
    direct = await collect(there.runs.stream(None, "script", input=steps, stream_mode=["values", "updates"]))
    began, first_at, parts = time.monotonic(), None, []
    async for part in here.runs.stream(None, "script", input=steps, stream_mode=["values", "updates"]):
        if part.event == "values" and first_at is None:
            first_at = time.monotonic() - began
        parts.append(part)
    assert shape(parts) == shape(direct)
    assert [int(part.id) for part in parts] == sorted({int(part.id) for part in parts})
    assert first_at < time.monotonic() - began - 0.3, "nothing came before the end"
    LENT.append(parts[0].data["run_id"])


async def test_runs_that_are_over_in_no_time_lose_no_event(nodes, here, there):
    """The stream is opened behind the run: what the other node still has is asked for."""
    direct = shape(await collect(there.runs.stream(None, "agent", input=HELLO)))
    streams = [collect(here.runs.stream(None, "agent", input=HELLO)) for _ in range(40)]
    for parts in await asyncio.gather(*streams):
        assert shape(parts) == direct


async def test_a_run_is_joined_while_it_runs_elsewhere(nodes, here, there):
    thread = await there.threads.create()
    run = await there.runs.create(thread["thread_id"], "script",
                                  input=script(say("first"), delay(1500), say("last")))
    await until(lambda: is_running(there, run), "it did not start")
    assert nodes.executor(run) == 1
    streams = [collect(client.runs.join_stream(run["thread_id"], run["run_id"], stream_mode="values"))
               for client in (here, there)]
    joined = here.runs.join(run["thread_id"], run["run_id"])
    remote, local, values = await asyncio.gather(*streams, joined)
    assert shape(remote) == shape(local)
    assert [one["content"] for one in values["messages"]] == ["first", "last"]
    # A run that is not resumable and has ended gives nothing but its end, on either node.
    assert await collect(here.runs.join_stream(run["thread_id"], run["run_id"])) == []


async def test_a_resumable_stream_goes_on_at_the_other_node(nodes, here, there):
    thread = await here.threads.create()
    run = await here.runs.create(thread["thread_id"], "script", stream_resumable=True,
                                 input=script(*[step for n in range(8) for step in (say(str(n)), delay(150))]))
    seen = []
    async for part in here.runs.join_stream(run["thread_id"], run["run_id"]):
        seen.append(part)
        if part.event == "values" and len(part.data["messages"]) == 3:
            break
    rest = await collect(there.runs.join_stream(run["thread_id"], run["run_id"], last_event_id=seen[-1].id))
    whole = await collect(here.runs.join_stream(run["thread_id"], run["run_id"], last_event_id="-1"))
    ids = [part.id for part in seen + rest]
    assert ids == sorted(set(ids), key=int) == [part.id for part in whole]


async def test_the_error_of_a_run_is_in_the_stream_of_the_other_node(nodes, here):
    parts = await collect(here.runs.stream(None, "script", input=script(say("x"), fail("ValueError", "as told"))))
    assert parts[-1].event == "error" and parts[-1].data["message"] == "as told"


async def test_large_events_cross_over(nodes, here):
    """Larger than a notification of PostgreSQL, and than one page of events."""
    text = "x" * 60_000
    parts = await collect(here.runs.stream(None, "script", input=script(*[say(text) for _ in range(20)])))
    last = [part for part in parts if part.event == "values"][-1]
    assert [len(one["content"]) for one in last.data["messages"]] == [len(text)] * 20


async def test_a_threads_stream_shows_the_runs_of_both_nodes(nodes, here, there):
    thread = await here.threads.create()
    first = await here.runs.create(thread["thread_id"], "script", input=script(say("before"), delay(2000)))
    events = []
    reading = asyncio.create_task(collect(await here.threads.join_stream(thread["thread_id"]), events))

    async def is_open():
        return events

    await until(is_open, "the stream does not open")
    await there.runs.join(thread["thread_id"], first["run_id"])
    for client, text in ((here, "a"), (there, "b"), (here, "c")):
        await client.runs.wait(thread["thread_id"], "script", input=script(say(text)))

    async def are_done():
        names = [part.event for part in events]
        return names.count("metadata") >= 4 and names.count("run_done") >= 4

    await until(are_done, lambda: f"only {[part.event for part in events]}")
    reading.cancel()
    last = [part for part in events if part.event == "values"][-1]
    assert [one["content"] for one in last.data["messages"]][-1] == "c"


async def test_protocol_v2_through_the_other_node(nodes, here):
    async with here.threads.stream(assistant_id="agent") as thread:
        await asyncio.wait_for(thread.run.start(input=HELLO), 60)
        output = await asyncio.wait_for(thread.output, 60)
    assert output["messages"][-1]["content"] == GREETING


def protocol_told(node, thread_id):
    """What the event streaming protocol tells from the beginning until a run is completed."""
    events, body = [], {"channels": ["values", "lifecycle", "input"], "since": 0}
    with Api(node.url) as api, api.stream("POST", f"/threads/{thread_id}/stream/events", json=body) as answer:
        for _, event, _ in read_events(answer):
            events.append(event)
            if event["method"] == "lifecycle" and event["params"]["data"]["event"] == "completed":
                return events
    raise AssertionError(f"the stream ended: {events}")


async def test_a_question_is_answered_at_the_other_node(nodes, here, there):
    """Asked through one node, seen and answered through the other, followed through the first: in both protocols."""
    steps = script(say("before"), ask({"q": 1}), say("after"))
    thread_id = (await here.threads.create())["thread_id"]
    asked = await here.runs.wait(thread_id, "script", input=steps)
    seen = [await client.threads.get_state(thread_id) for client in (here, there)]
    assert seen[0] == seen[1] and seen[1]["next"]
    assert seen[1]["tasks"][0]["interrupts"] == asked["__interrupt__"]
    resumed = await there.runs.create(thread_id, "script", command={"resume": "yes"}, stream_resumable=True)
    parts = await collect(here.runs.join_stream(thread_id, resumed["run_id"], last_event_id="-1"))
    assert [one["content"] for one in parts[-1].data["messages"]][-1] == "after"
    assert (await here.threads.get(thread_id))["status"] == (await there.threads.get(thread_id))["status"] == "idle"

    async with here.threads.stream(assistant_id="script") as thread:
        await thread.run.start(input=steps)

        async def is_asked():
            return thread.interrupted and thread.interrupts

        (question,) = await until(is_asked, "nothing was asked")
        with Api(nodes[1].url) as api:
            answer = api.ok("POST", f"/threads/{thread.thread_id}/commands", json={
                "id": 1, "method": "input.respond", "params": {"interrupt_id": question["interrupt_id"], "response": "yes"}})
        assert answer["type"] == "success"
        await there.threads.get(thread.thread_id)

        async def is_over():
            return (await here.threads.get(thread.thread_id))["status"] == "idle"

        await until(is_over, "it does not go on")
        told = [protocol_told(node, thread.thread_id) for node in (nodes[0], nodes[1])]
        assert told[0] == told[1] and "input.requested" in [event["method"] for event in told[0]]
        state = await here.threads.get_state(thread.thread_id)
        assert [one["content"] for one in state["values"]["messages"]][-1] == "after"


# ---- the end ------------------------------------------------------------------------------------


async def test_wait_is_answered_by_the_other_node(nodes, here):
    values = await here.runs.wait(None, "script", input=script(say("a"), delay(200), say("b")))
    assert [one["content"] for one in values["messages"]] == ["a", "b"]
    thread = await here.threads.create()
    failed = await here.runs.wait(thread["thread_id"], "script", input=script(fail("ValueError", "as told")),
                                  raise_error=False)
    assert failed["__error__"]["message"] == "as told"


async def test_a_cancel_crosses_over(nodes, here, there):
    for action in ("interrupt", "rollback"):
        thread = await here.threads.create()
        run = await here.runs.create(thread["thread_id"], "script", input=script(say("x"), *LONG))
        await until(lambda: is_running(here, run), "it did not start")
        reading = asyncio.create_task(collect(here.runs.join_stream(run["thread_id"], run["run_id"])))
        await asyncio.sleep(0.3)
        await asyncio.wait_for(here.runs.cancel(run["thread_id"], run["run_id"], wait=True, action=action), 60)
        parts = await asyncio.wait_for(reading, 60)
        if action == "interrupt":
            assert (await there.runs.get(run["thread_id"], run["run_id"]))["status"] == "interrupted"
        else:
            with pytest.raises(NotFoundError):
                await there.runs.get(run["thread_id"], run["run_id"])
            assert parts[-1].event == "error" and parts[-1].data["error"] == "UserRollback"


async def test_the_client_that_leaves_cancels_the_run_of_the_other_node(nodes, here):
    thread = await here.threads.create()
    async for part in here.runs.stream(thread["thread_id"], "script", input=script(say("x"), *LONG),
                                       on_disconnect="cancel"):
        run = {"thread_id": thread["thread_id"], "run_id": part.data["run_id"]}
        break

    async def is_over():
        return (await here.runs.get(run["thread_id"], run["run_id"]))["status"] == "interrupted"

    await until(is_over, "it goes on for nobody")


async def test_multitask_strategies_across_nodes(nodes, here, there):
    thread = await here.threads.create()
    one = await here.runs.create(thread["thread_id"], "script", input=script(say("one"), *LONG))
    await until(lambda: is_running(here, one), "it did not start")
    for client in (here, there):
        with pytest.raises(ConflictError):
            await client.runs.create(thread["thread_id"], "agent", input=HELLO, multitask_strategy="reject")
    two = await here.runs.create(thread["thread_id"], "script", input=script(say("two"), *LONG),
                                 multitask_strategy="interrupt")
    await until(lambda: is_running(there, two), "the second did not start")
    assert (await there.runs.get(thread["thread_id"], one["run_id"]))["status"] == "interrupted"
    three = await there.runs.create(thread["thread_id"], "script", input=script(say("three"), *LONG),
                                    multitask_strategy="rollback")
    await until(lambda: is_running(here, three), "the third did not start")
    with pytest.raises(NotFoundError):
        await here.runs.get(thread["thread_id"], two["run_id"])
    waiting = [await client.runs.create(thread["thread_id"], "script", input=script(say(text)),
                                        multitask_strategy="enqueue")
               for client, text in ((here, "four"), (there, "five"), (here, "six"))]
    await there.runs.cancel(thread["thread_id"], three["run_id"], wait=True)
    values = await here.runs.join(thread["thread_id"], waiting[-1]["run_id"])
    assert [message["content"] for message in values["messages"]][-3:] == ["four", "five", "six"]


# ---- crons --------------------------------------------------------------------------------------


def test_a_cron_fires_once_whoever_sees_it(nodes):
    """Both look at the same instant: all crons fall due at once, and each makes one run."""
    mark, count = uuid.uuid4().hex, 100
    with Api(nodes[0].url) as api:
        for _ in range(count):
            api.ok("POST", "/runs/crons", json={"assistant_id": "agent", "schedule": "0 0 1 1 *", "input": HELLO,
                                                "metadata": {"mark": mark}, "on_run_completed": "keep"})
        due = "extract(epoch from clock_timestamp()) * 1000000"
        nodes.sql(f"update crons set next_us = ({due})::bigint - 1000000 where metadata like '%{mark}%';"
                  "select pg_notify('runbell', 'cron:')")
        fired = f"select count(*) from runs where metadata like '%{mark}%'"
        eventually(lambda: int(nodes.sql(fired)) >= count, 60, why=lambda: f"only {nodes.sql(fired)} of {count} fired")
        time.sleep(1)
        assert nodes.sql(fired) == str(count)
        assert nodes.sql(f"select count(*) from crons where metadata like '%{mark}%' and"
                         f" next_us <= {due}") == "0"


def test_what_was_kept_for_the_other_node_is_removed(nodes):
    """Half a minute after the end of a run that is not resumable; it ended in one of the tests before."""
    rows = f"select count(*) from run_events where run_id = '{LENT[0]}'"
    eventually(lambda: nodes.sql(rows) == "0", 60, every=0.5, why="the events of a run that is not resumable stay")


# ---- a node that dies ---------------------------------------------------------------------------


async def test_a_stream_outlives_the_node_that_executes(nodes, here):
    """kill -9 of the node with the run: the other one takes it up, and the stream goes on with the second attempt."""
    thread = await here.threads.create()
    parts = []
    reading = asyncio.create_task(collect(here.runs.stream(
        thread["thread_id"], "script", input=script(say("a"), delay(4000), say("b"), delay(500), say("c"))), parts))

    async def has_begun():
        return any(part.event == "values" and part.data["messages"] for part in parts)

    await until(has_begun, "it did not begin")
    assert nodes.executor({"run_id": parts[0].data["run_id"]}) == 1
    await asyncio.to_thread(nodes.unplug, 0)
    nodes[1].kill()
    try:
        await asyncio.wait_for(reading, 90)
    finally:
        await asyncio.to_thread(nodes[1].start)
        await asyncio.to_thread(nodes.plug, 0)
    assert [part.data["attempt"] for part in parts if part.event == "metadata"] == [1, 2]
    assert [one["content"] for one in [part for part in parts if part.event == "values"][-1].data["messages"]] == [
        "a", "b", "c"]
    ids = [int(part.id) for part in parts]
    assert ids == sorted(set(ids))
