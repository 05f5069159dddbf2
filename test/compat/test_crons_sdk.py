"""The Python client's crons (client.crons), against the built-in agent; the JavaScript one's are in test/js."""

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.errors import NotFoundError, UnprocessableEntityError

from harness.api import HELLO

MISSING = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
async def client(any_server):
    async with get_client(url=any_server.url) as opened:
        yield opened


async def test_stateless_crons(client):
    cron = await client.crons.create("agent", schedule="0 0 1 1 *", input=HELLO, metadata={"of": "python-sdk"},
                                     webhook="http://127.0.0.1:9/hook", timezone="America/New_York", enabled=False)
    assert cron["thread_id"] is None and cron["enabled"] is False and cron["next_run_date"] is None
    changed = await client.crons.update(cron["cron_id"], schedule="30 9 * * 1", enabled=True)
    assert changed["schedule"] == "30 9 * * 1" and changed["next_run_date"]
    found = await client.crons.search(assistant_id="agent", limit=100)
    assert cron["cron_id"] in [one["cron_id"] for one in found]
    assert await client.crons.count(assistant_id="agent") == len(found)
    await client.crons.delete(cron["cron_id"])
    with pytest.raises(NotFoundError):
        await client.crons.update(cron["cron_id"], schedule="* * * * *")
    with pytest.raises(UnprocessableEntityError):
        await client.crons.create("agent", schedule="every day", input=HELLO)


async def test_a_threads_crons(client):
    thread = await client.threads.create()
    cron = await client.crons.create_for_thread(thread["thread_id"], "agent", schedule="0 0 1 1 *", input=HELLO)
    assert cron["thread_id"] == thread["thread_id"]
    assert [one["cron_id"] for one in await client.crons.search(thread_id=thread["thread_id"])] == [cron["cron_id"]]
    await client.threads.delete(thread["thread_id"])
    assert await client.crons.search(thread_id=thread["thread_id"]) == []
    with pytest.raises(NotFoundError):
        await client.crons.create_for_thread(MISSING, "agent", schedule="0 0 1 1 *", input=HELLO)
