"""Factories: every form in which a project may give a function instead of a graph."""

import contextlib
from typing import Any

from graphs import chain, one
from langgraph_sdk.runtime import ServerRuntime

opened: list[str] = []


def _named(config: Any) -> Any:
    name = config.get("configurable", {}).get("node_name", "unnamed")

    def step(state: Any) -> Any:
        return {"log": [name]}

    step.__name__ = name
    return chain(step)


def no_arguments() -> Any:
    return chain(one)


def sync_factory(config: Any) -> Any:
    return _named(config).compile()


async def async_factory(config: Any) -> Any:
    return _named(config).compile()


@contextlib.asynccontextmanager
async def managed(config: Any) -> Any:
    opened.append("open")
    print("factory opened", flush=True)
    try:
        yield _named(config).compile()
    finally:
        print("factory closed", flush=True)


async def generator(config: Any) -> Any:
    yield _named(config).compile()


def runtime_factory(runtime: ServerRuntime) -> Any:
    return _named({"configurable": {"node_name": runtime.access_context.replace(".", "_")}})


def both_arguments(config: Any, runtime: ServerRuntime) -> Any:
    assert runtime.store is not None
    return _named(config)


def wrong() -> Any:
    return "not a graph"
