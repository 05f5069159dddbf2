"""Graphs that call the server they run in, with a client that is given no address."""

from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph_sdk import get_client

client = get_client()


class State(TypedDict, total=False):
    names: list[str]
    events: list[str]
    values: Any


async def call(state: State) -> State:
    thread = await client.threads.create(metadata={"made_by": "a graph"})
    events = []
    async for part in client.runs.stream(
        thread["thread_id"], "script", input={"messages": []}, stream_mode=["values"]
    ):
        events.append(part.event)
    values = await get_client().threads.get_state(thread["thread_id"])
    found = await client.assistants.search()
    return {
        "names": sorted(one["graph_id"] for one in found),
        "events": events,
        "values": values["values"],
    }


caller = StateGraph(State).add_node("call", call).add_edge(START, "call").compile()
