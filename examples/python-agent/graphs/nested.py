"""A graph with a graph inside: `weather` is a subgraph that finds the city, then the forecast."""

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    question: str
    city: str
    forecast: str
    answer: str


def find_city(state: State) -> dict[str, Any]:
    return {"city": state.get("question", "").rstrip("?").split(" ")[-1] or "nowhere"}


def look_up(state: State) -> dict[str, Any]:
    return {"forecast": f"sunny in {state['city']}"}


def answer(state: State) -> dict[str, Any]:
    return {"answer": f"It is {state['forecast']}."}


weather = (
    StateGraph(State)
    .add_node("find_city", find_city)
    .add_node("look_up", look_up)
    .add_edge(START, "find_city")
    .add_edge("find_city", "look_up")
    .add_edge("look_up", END)
    .compile()
)

graph = (
    StateGraph(State)
    .add_node("weather", weather)
    .add_node("answer", answer)
    .add_edge(START, "weather")
    .add_edge("weather", "answer")
    .add_edge("answer", END)
    .compile()
)
