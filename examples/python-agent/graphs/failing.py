"""Succeeds once, then raises: what an error looks like to clients and webhooks."""

from typing import Any, TypedDict

from langgraph.graph import START, StateGraph


class State(TypedDict, total=False):
    started: bool


def start(state: State) -> dict[str, Any]:
    return {"started": True}


def fail(state: State) -> dict[str, Any]:
    raise ValueError("this graph always fails")


graph = (
    StateGraph(State)
    .add_node("start", start)
    .add_node("fail", fail)
    .add_edge(START, "start")
    .add_edge("start", "fail")
    .compile()
)
