"""Any Python value -> JSON of the wire, on one line, UTF-8.

The fast way is the standard encoder with a hook for objects. What it cannot
encode (NaN, keys that are not strings, cycles) takes the slow way through
`_plain`. Nothing is refused: what has no JSON form appears as its `repr`.

How an object looks is decided once per class, by the names of its base classes;
so this module needs no library to be imported.
"""

import base64
import dataclasses
import datetime
import decimal
import enum
import json
import math
import re
from collections import deque
from collections.abc import Callable, Mapping, Set
from typing import Any

DEPTH_MAX = 200
_SURROGATE = re.compile("[\ud800-\udfff]")

# Fields of a message that stand in its JSON only if they say something.
_OPTIONAL_MESSAGE_FIELDS = {
    "name": None,
    "usage_metadata": None,
    "artifact": None,
    "chunk_position": None,
    "example": False,
}


def dumps(value: Any) -> bytes:
    try:
        text = _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError):
        text = _ENCODER.encode(_plain(value, 0, set()))
    return utf8(text)


def utf8(text: str) -> bytes:
    """UTF-8 of any string; halves of surrogate pairs that stand alone become U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return _SURROGATE.sub("\ufffd", joined).encode()


def message(value: Any) -> dict[str, Any]:
    """A message in the flat form of the API."""
    fields = value.model_dump(warnings=False)
    for name, silent in _OPTIONAL_MESSAGE_FIELDS.items():
        if name in fields and fields[name] is silent:
            del fields[name]
    return fields


def interrupt(value: Any) -> dict[str, Any]:
    fields = {"id": value.id, "value": value.value}
    if getattr(value, "response_schema", None) is not None:
        fields["response_schema"] = value.response_schema
    return fields


def _model(value: Any) -> Any:
    return value.model_dump(warnings=False, serialize_as_any=True)


def _dataclass(value: Any) -> dict[str, Any]:
    return {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}


def _exception(value: BaseException) -> dict[str, str]:
    return {"error": type(value).__name__, "message": str(value)}


def _bytes(value: Any) -> str:
    return base64.b64encode(value).decode()


def _send(value: Any) -> dict[str, Any]:
    return {"node": value.node, "arg": value.arg}


_BY_BASE: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("langchain_core.messages.base", "BaseMessage"): message,
    ("langgraph.types", "Interrupt"): interrupt,
    ("langgraph.types", "Send"): _send,
    ("pydantic.main", "BaseModel"): _model,
    ("pydantic.v1.main", "BaseModel"): lambda value: value.dict(),
}

_BY_CLASS: list[tuple[Any, Callable[[Any], Any]]] = [
    (enum.Enum, lambda value: value.value),
    ((datetime.datetime, datetime.date, datetime.time), lambda value: value.isoformat()),
    (datetime.timedelta, lambda value: value.total_seconds()),
    (decimal.Decimal, str),
    ((bytes, bytearray, memoryview), _bytes),
    (BaseException, _exception),
    (Mapping, dict),
    ((Set, deque), list),
]

_chosen: dict[type, Callable[[Any], Any]] = {}


def _choose(cls: type) -> Callable[[Any], Any]:
    for base in cls.__mro__:
        if form := _BY_BASE.get((base.__module__, base.__name__)):
            return form
    if dataclasses.is_dataclass(cls):
        return _dataclass
    for bases, form in _BY_CLASS:
        if issubclass(cls, bases):
            return form
    if callable(getattr(cls, "tolist", None)):  # arrays and numbers of numeric libraries
        return lambda value: value.tolist()
    return str if cls.__str__ is not object.__str__ else repr


def _default(value: Any) -> Any:
    cls = type(value)
    form = _chosen.get(cls)
    if form is None:
        form = _chosen[cls] = _choose(cls)
    try:
        return form(value)
    except Exception:
        return repr(value)


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_default
)


def _plain(value: Any, depth: int, above: set[int]) -> Any:
    """The value in dicts, lists and scalars that every JSON encoder takes."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth > DEPTH_MAX or id(value) in above:
        return "…"
    above.add(id(value))
    try:
        if isinstance(value, dict):
            return {_key(k): _plain(v, depth + 1, above) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [_plain(item, depth + 1, above) for item in value]
        return _plain(_default(value), depth + 1, above)
    finally:
        above.discard(id(value))


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, (bool, int, float)):
        return json.dumps(key)
    if isinstance(key, enum.Enum):
        return _key(key.value)
    return str(key)
