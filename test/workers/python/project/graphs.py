"""Graphs of the worker's tests: each shows one thing."""

import asyncio
import operator
import os
import time
from typing import Annotated, Any, TypedDict

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.config import get_config, get_store, get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send, interrupt


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    value: Any


def chain(*steps: Any, schema: Any = State, **options: Any) -> Any:
    """The steps one after the other, named by their functions."""
    builder, before = StateGraph(schema, **options), START
    for step in steps:
        builder.add_node(step.__name__, step)
        builder.add_edge(before, step.__name__)
        before = step.__name__
    return builder.add_edge(before, END)


def one(state: State) -> Any:
    return {"log": ["one"]}


def two(state: State) -> Any:
    get_stream_writer()({"progress": 0.5, "text": "a\nb\u2028c"})
    return {"log": ["two"]}


steps = chain(one, two).compile()
builder = chain(one, two)


async def model(state: MessagesState) -> Any:
    fake = GenericFakeChatModel(messages=iter([AIMessage("Hello there friend", id="ai-1")]))
    return {"messages": [await fake.ainvoke(state["messages"])]}


chat = chain(model, schema=MessagesState).compile()


def reply(state: MessagesState) -> Any:
    return {"messages": [AIMessage("made by hand", id="hand-1")]}


plain_chat = chain(reply, schema=MessagesState).compile()


def ask(state: State) -> Any:
    return {"log": ["asked"], "value": interrupt({"question": "go on?"})}


approval = chain(one, ask, two).compile()


def ask_a(state: State) -> Any:
    return {"log": [f"a={interrupt('a?')}"]}


def ask_b(state: State) -> Any:
    return {"log": [f"b={interrupt('b?')}"]}


_both = StateGraph(State).add_node(ask_a).add_node(ask_b)
both = _both.add_edge(START, "ask_a").add_edge(START, "ask_b").compile()


def inner_one(state) -> Any:
    return {"log": ["inner one"]}


def inner_ask(state) -> Any:
    return {"log": [f"inner {interrupt('inner?')}"]}


class Inner(TypedDict, total=False):
    log: list[str]
    value: Any


inner = chain(inner_one, schema=Inner).compile()
inner_asking = chain(inner_one, inner_ask, schema=Inner).compile()


def _outer(graph: Any) -> Any:
    made = StateGraph(State).add_node("sub", graph).add_node("two", two)
    return made.add_edge(START, "sub").add_edge("sub", "two").compile()


nested = _outer(inner)
nested_asking = _outer(inner_asking)


def fail(state: State) -> Any:
    raise KeyError("no such\nthing")


failing = chain(one, fail).compile()


async def sleep(state: State) -> Any:
    await asyncio.sleep(state.get("value") or 30)
    return {"log": ["slept"]}


slow = chain(one, sleep, two).compile()


async def hog(state: State) -> Any:
    time.sleep(state.get("value") or 1.5)
    return {"log": ["hogged"]}


hogging = chain(hog).compile()


async def flood(state: State) -> Any:
    write = get_stream_writer()
    for number in range(state["value"]["count"]):
        write({"n": number, "fill": "x" * state["value"]["bytes"]})
    return {"log": ["flooded"]}


flooding = chain(flood).compile()


def die(state: State) -> Any:
    if get_config()["metadata"].get("die"):
        os._exit(9)
    return {"log": ["survived"]}


dying = chain(one, die, two).compile()


async def leave(state: State) -> Any:
    raise SystemExit(3)


leaving = chain(leave).compile()


async def remember(state: State) -> Any:
    store = get_store()
    await store.aput(("users", "ann"), "k1", {"n": 1})
    await store.aput(("users", "bob"), "k1", {"n": 2})
    found = await store.aget(("users", "ann"), "k1")
    hits = await store.asearch(("users",), filter={"n": 2})
    spaces = await store.alist_namespaces(prefix=("users",))
    await store.adelete(("users", "bob"), "k1")
    gone = await store.aget(("users", "bob"), "k1")
    return {
        "value": {
            "found": found.value,
            "age": (found.updated_at - found.created_at).total_seconds(),
            "hits": [hit.key for hit in hits],
            "spaces": spaces,
            "gone": gone,
        }
    }


def remember_sync(state: State) -> Any:
    store = get_store()
    store.put(("sync",), "k", {"v": True})
    return {"log": [str(store.get(("sync",), "k").value)]}


async def remember_on_loop(state: State) -> Any:
    """Synchronous calls on the loop's own thread work too."""
    return {"log": [str(get_store().get(("sync",), "k").value)]}


storing = chain(remember, remember_sync, remember_on_loop).compile()


def spread(state: State) -> Any:
    return [Send("take", {"value": n}) for n in (1, 2)]


def take(state: State) -> Any:
    return {"log": [f"took {state['value']}"]}


sending = (
    StateGraph(State)
    .add_node(one)
    .add_node(take)
    .add_edge(START, "one")
    .add_conditional_edges("one", spread, ["take"])
    .compile()
)


def odd(state: State) -> Any:
    import datetime
    import decimal
    import enum
    import uuid

    class Color(enum.Enum):
        RED = "red"

    get_stream_writer()(
        {
            "when": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
            "id": uuid.UUID(int=1),
            "set": {1},
            "bytes": b"ab",
            "color": Color.RED,
            "error": ValueError("bad"),
            "decimal": decimal.Decimal("1.10"),
            "nan": float("nan"),
            "text": "a\u2028b\ud800",
            (1, 2): Command(goto="x"),
        }
    )
    return {"log": ["odd"]}


odd_values = chain(odd).compile()


class Context(TypedDict):
    name: str


def greet(state: State, runtime: Runtime[Context]) -> Any:
    return {"log": [f"hi {runtime.context['name']}"]}


with_context = chain(greet, context_schema=Context).compile()


def again(state: State) -> Any:
    return {"log": ["again"]}


endless = (
    StateGraph(State).add_node(again).add_edge(START, "again").add_edge("again", "again").compile()
)
limited = endless.with_config({"recursion_limit": 3})


def echo_config(state: State) -> Any:
    configurable = get_config()["configurable"]
    return {"value": {k: configurable.get(k) for k in ("thread_id", "run_id", "user")}}


configured = chain(echo_config).compile()


@tool
def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


def call_add(state: MessagesState) -> Any:
    call = {"name": "add", "args": {"a": 1, "b": 2}, "id": "call-1"}
    return {"messages": [AIMessage("", id="ai-1", tool_calls=[call])]}


async def use_tools(state: MessagesState) -> Any:
    calls = state["messages"][-1].tool_calls
    return {"messages": [await add.ainvoke({**call, "type": "tool_call"}) for call in calls]}


tooling = chain(call_add, use_tools, schema=MessagesState).compile()


def shout(state: State) -> Any:
    print("printed by a graph")
    return {"log": ["printed"]}


printing = chain(shout).compile()
not_a_graph = 42
