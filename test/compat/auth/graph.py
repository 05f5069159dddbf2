"""A graph that tells for whom it runs, and what that person's own client sees from inside."""

from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph_sdk import get_client


class State(TypedDict, total=False):
    wants: str
    user: Any
    threads: list[str]


async def tell(state: State, config: RunnableConfig) -> State:
    given = config["configurable"]
    user = given.get("langgraph_auth_user")
    told = {
        "id": given.get("langgraph_auth_user_id"),
        "permissions": given.get("langgraph_auth_permissions"),
        "user_id": given.get("user_id"),
        "identity": user and user.identity,
        "secret": user and user["secret"],
    }
    threads = []
    if state.get("wants") == "threads":
        threads = [t["thread_id"] for t in await get_client().threads.search(limit=100)]
    return {"user": told, "threads": threads}


graph = StateGraph(State).add_node("tell", tell).add_edge(START, "tell").compile()
