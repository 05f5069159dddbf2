"""Takes `steps` steps of `delay_s` seconds each; both come from the run's context."""

import asyncio
from dataclasses import dataclass
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime


@dataclass
class Context:
    delay_s: float = 1.0
    steps: int = 3


class State(TypedDict, total=False):
    step: int


async def wait(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    await asyncio.sleep((runtime.context or Context()).delay_s)
    return {"step": state.get("step", 0) + 1}


def more(state: State, runtime: Runtime[Context]) -> str:
    return "wait" if state["step"] < (runtime.context or Context()).steps else END


graph = (
    StateGraph(State, context_schema=Context)
    .add_node("wait", wait)
    .add_edge(START, "wait")
    .add_conditional_edges("wait", more, ["wait", END])
    .compile()
)
