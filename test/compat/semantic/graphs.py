"""A graph that keeps what it is told and finds it by meaning: on the loop's thread and on another."""

from typing import Any, TypedDict

from langgraph.config import get_store
from langgraph.graph import START, StateGraph


class State(TypedDict, total=False):
    space: str
    texts: dict[str, str]
    query: str
    found: list[Any]
    again: list[Any]


async def keep(state: State) -> State:
    store = get_store()
    for key, text in state["texts"].items():
        await store.aput((state["space"],), key, {"text": text, "more": "zzzzzzzzzzzz"})
    await store.aput((state["space"],), "unseen", {"text": state["query"]}, index=False)
    store.put((state["space"],), "blocking", {"text": "qqqq"})  # stands on the loop's own thread
    return {}


def find(state: State) -> State:
    found = get_store().search((state["space"],), query=state["query"], limit=2)
    return {"found": [[item.key, round(item.score, 4)] for item in found]}


async def find_again(state: State) -> State:
    found = await get_store().asearch((state["space"],), query=state["query"], filter={"text": "qqqq"})
    return {"again": [item.key for item in found]}


finder = (
    StateGraph(State)
    .add_sequence([keep, find, find_again])
    .add_edge(START, "keep")
    .compile()
)
