"""Asks a person before it acts. Resume with {"command": {"resume": true}} or false."""

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class State(TypedDict, total=False):
    action: str
    approved: bool
    result: str


def ask(state: State) -> dict[str, Any]:
    approved = interrupt({"question": f"May I {state.get('action', 'go on')}?"})
    return {"approved": bool(approved)}


def act(state: State) -> dict[str, Any]:
    done = "done" if state["approved"] else "not done"
    return {"result": f"{state.get('action', 'go on')}: {done}"}


graph = (
    StateGraph(State)
    .add_node("ask", ask)
    .add_node("act", act)
    .add_edge(START, "ask")
    .add_edge("ask", "act")
    .add_edge("act", END)
    .compile()
)
