"""JSON Schemas of a graph, as the API names them. A schema that cannot be made is null.

Before Python 3.12 pydantic refuses `typing.TypedDict`, which most graphs use. Then
a schema is made here from the graph's channels, or from the type's annotations.
"""

import logging
import typing
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import TypeAdapter, create_model

log = logging.getLogger("runbell.schemas")

KINDS = ("input", "output", "state", "config", "context")


def of_graph(graph: Any) -> dict[str, Any]:
    return {f"{kind}_schema": _first(_MAKERS[kind], graph) for kind in KINDS}


def of_subgraph(graph: Any) -> dict[str, Any]:
    """With both spellings that clients read: `state` and `state_schema`."""
    schemas = of_graph(graph)
    return {**{kind: schemas[f"{kind}_schema"] for kind in KINDS}, **schemas}


def _first(makers: Iterable[Callable[[Any], Any]], graph: Any) -> Any:
    for make in makers:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return make(graph)
        except Exception as error:
            log.debug("%s of graph %s: %s", make.__name__, graph.get_name(), error)
    return None


def _input(graph: Any) -> Any:
    return graph.get_input_jsonschema()


def _output(graph: Any) -> Any:
    return graph.get_output_jsonschema()


def _context(graph: Any) -> Any:
    return graph.get_context_jsonschema()


def _input_by_channels(graph: Any) -> Any:
    return _by_channels(graph, "Input", graph.builder.schemas[graph.builder.input_schema])


def _output_by_channels(graph: Any) -> Any:
    return _by_channels(graph, "Output", graph.builder.schemas[graph.builder.output_schema])


def _state(graph: Any) -> Any:
    return _by_channels(graph, "State", graph.stream_channels_list)


def _by_channels(graph: Any, kind: str, names: Iterable[str]) -> Any:
    """An object of those of the named channels that hold state."""
    fields = {
        name: (_describable(graph.channels[name].UpdateType), None)
        for name in names
        if hasattr(graph.channels.get(name), "UpdateType")
    }
    return create_model(graph.get_name(kind), **fields).model_json_schema()


def _describable(declared: Any) -> Any:
    """The type, or any value if the type has no schema."""
    try:
        TypeAdapter(declared).json_schema()
    except Exception:
        return Any
    return declared


def _context_by_annotations(graph: Any) -> Any:
    declared = graph.context_schema
    optional = getattr(declared, "__optional_keys__", ())
    fields = {
        name: (_describable(of), None if name in optional else ...)
        for name, of in typing.get_type_hints(declared).items()
    }
    return create_model(declared.__name__, **fields).model_json_schema()


def _config(graph: Any) -> Any:
    """What may stand in `configurable`."""
    schema = graph.get_config_jsonschema(include=["configurable"])
    configurable = schema.get("properties", {}).get("configurable", {})
    definitions = schema.get("$defs", {})
    for part in (configurable, *configurable.get("allOf", ())):
        if "$ref" in part:
            configurable = definitions.pop(part["$ref"].rpartition("/")[2])
            break
    return {**configurable, "$defs": definitions} if definitions else configurable


_MAKERS: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "input": (_input, _input_by_channels),
    "output": (_output, _output_by_channels),
    "state": (_state,),
    "config": (_config, _context_by_annotations),
    "context": (_context, _context_by_annotations),
}
