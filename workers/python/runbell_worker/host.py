"""The graphs of the project: loaded once, opened for each run or question.

An export is a compiled graph, a builder to be compiled, or a factory called for
every run and question with the effective config. Whatever comes out gets the
server's checkpointer and store in place of its own.
"""

import contextlib
import inspect
from collections.abc import AsyncIterator
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.pregel import Pregel

from .checkpointer import ServerCheckpointer
from .link import Link
from .loading import LoadError, load_export
from .store import ServerStore

DEFAULT_GRAPH_NAME = "LangGraph"


class UnknownGraph(Exception):
    """No graph of this name was loaded."""


class Host:
    def __init__(self, link: Link, config: dict[str, Any]) -> None:
        self.checkpointer = ServerCheckpointer(link, serde=_serde(config.get("checkpointer")))
        self.store = ServerStore(link)
        self._exports: dict[str, Any] = {}
        self._prepared: dict[tuple[str, bool], Pregel] = {}

    def load(self, graph_id: str, spec: str, project_dir: str) -> None:
        """Raises LoadError."""
        export = load_export(spec, project_dir)
        if not (_is_graph(export) or callable(export)):
            raise LoadError(
                f"'{spec}' is a {type(export).__name__}; a graph, a graph builder or a function "
                "that returns one was expected"
            )
        self._exports[graph_id] = export
        for checkpointing in (True, False):
            self._prepared.pop((graph_id, checkpointing), None)

    @contextlib.asynccontextmanager
    async def open(
        self,
        graph_id: str,
        config: dict[str, Any],
        access: str,
        *,
        context: Any = None,
        checkpointing: bool = True,
    ) -> AsyncIterator[Pregel]:
        """The graph for one run or question. `access` says what for, in the SDK's words."""
        if graph_id not in self._exports:
            raise UnknownGraph(f"no graph '{graph_id}' is loaded")
        export = self._exports[graph_id]
        if _is_graph(export):
            yield self._prepared_once(graph_id, export, checkpointing)
            return
        async with contextlib.AsyncExitStack() as stack:
            made = _call(export, config, self._runtime(access, context))
            made = await _entered(made, stack)
            if not _is_graph(made):
                what = type(made).__name__
                raise TypeError(f"the factory of '{graph_id}' returned a {what}, not a graph")
            yield self._prepare(graph_id, made, checkpointing)

    def _prepared_once(self, graph_id: str, export: Any, checkpointing: bool) -> Pregel:
        key = (graph_id, checkpointing)
        if key not in self._prepared:
            self._prepared[key] = self._prepare(graph_id, export, checkpointing)
        return self._prepared[key]

    def _prepare(self, graph_id: str, graph: Any, checkpointing: bool) -> Pregel:
        compiled = graph if isinstance(graph, Pregel) else graph.compile()
        changes = {
            "checkpointer": self.checkpointer if checkpointing else None,
            "store": self.store,
        }
        if compiled.get_name() == DEFAULT_GRAPH_NAME:
            changes["name"] = graph_id
        return compiled.copy(changes)

    def _runtime(self, access: str, context: Any) -> Any:
        """What the SDK calls ServerRuntime; None where the SDK has none."""
        try:
            from langgraph_sdk.runtime import _ExecutionRuntime, _ReadRuntime
        except ImportError:
            return None
        if access == "threads.create_run":
            return _ExecutionRuntime(access_context=access, store=self.store, context=context)
        return _ReadRuntime(access_context=access, store=self.store)


def _serde(checkpointer: Any) -> JsonPlusSerializer | None:
    """The serialiser with the permissions of langgraph.json's `checkpointer.serde`."""
    given = checkpointer.get("serde") if isinstance(checkpointer, dict) else None
    if not isinstance(given, dict):
        return None
    options = {}
    for key in ("allowed_json_modules", "allowed_msgpack_modules"):
        if key in given:
            value = given[key]
            options[key] = [tuple(m) for m in value] if isinstance(value, list) else value
    return JsonPlusSerializer(pickle_fallback=bool(given.get("pickle_fallback")), **options)


def _is_graph(value: Any) -> bool:
    return isinstance(value, Pregel) or (
        not inspect.isclass(value) and callable(getattr(value, "compile", None))
    )


def _call(factory: Any, config: dict[str, Any], runtime: Any) -> Any:
    if inspect.isasyncgenfunction(factory):
        factory = contextlib.asynccontextmanager(factory)
    arguments = [
        runtime if _wants_runtime(parameter) else config for parameter in _required(factory)
    ]
    return factory(*arguments)


def _required(factory: Any) -> list[inspect.Parameter]:
    """The parameters a factory is given: config, or runtime, or both, or none."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [p for p in parameters if p.kind in positional]
    wanted = [p for p in taken if p.default is p.empty or p.name in ("config", "runtime")]
    return wanted[:2]


def _wants_runtime(parameter: inspect.Parameter) -> bool:
    return parameter.name == "runtime" or "ServerRuntime" in str(parameter.annotation)


async def _entered(made: Any, stack: contextlib.AsyncExitStack) -> Any:
    """Awaits what is awaitable, enters what is a context manager."""
    if inspect.isawaitable(made):
        made = await made
    if _is_graph(made):
        return made
    if hasattr(made, "__aenter__"):
        return await stack.enter_async_context(made)
    if hasattr(made, "__enter__"):
        return stack.enter_context(made)
    return made
