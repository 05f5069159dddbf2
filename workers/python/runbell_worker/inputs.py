"""JSON of a request -> what the library takes: config, input, Command, state updates."""

import json
import uuid
from typing import Any

from langgraph.types import Command, Send, StateUpdate

from .frames import Frame
from .snapshots import CHECKPOINT_KEYS
from .users import User


STRICT_RESUME = "__pregel_strict_resume"  # the library's name; older ones do not look at it


def blob_json(frame: Frame, index: Any) -> Any:
    return json.loads(frame.blob(index))


def config_of(frame: Frame) -> dict[str, Any]:
    """The request's config without empty checkpoint keys: for the library, a key that is
    there with None differs from one that is not."""
    given = frame.header.get("config") or {}
    configurable = {
        key: value
        for key, value in (given.get("configurable") or {}).items()
        if not (key in CHECKPOINT_KEYS and value in (None, "", {}))
    }
    if isinstance(configurable.get("langgraph_auth_user"), dict):
        configurable["langgraph_auth_user"] = User(configurable["langgraph_auth_user"])
    config = {"configurable": configurable, "metadata": dict(given.get("metadata") or {})}
    if given.get("tags"):
        config["tags"] = given["tags"]
    if given.get("recursion_limit") is not None:
        config["recursion_limit"] = given["recursion_limit"]
    return config


def head_config(config: dict[str, Any]) -> dict[str, Any]:
    """The same thread's root namespace at its newest checkpoint."""
    configurable = {
        key: value
        for key, value in config["configurable"].items()
        if key == "thread_id" or key not in CHECKPOINT_KEYS
    }
    return {**config, "configurable": configurable}


def run_config(frame: Frame, server: dict[str, Any]) -> dict[str, Any]:
    """`server`: what the metadata of every run's checkpoints says of where it ran."""
    config = config_of(frame)
    if frame.header.get("strict_resume"):
        config["configurable"][STRICT_RESUME] = True
    config["metadata"] |= {"run_attempt": frame.header["attempt"], **server}
    if frame.header.get("resume"):
        config = head_config(config)
    try:
        config["run_id"] = uuid.UUID(frame.header["run_id"])
    except ValueError:
        pass  # only tracing wants it; a run id need not be a UUID
    return config


def command(given: dict[str, Any]) -> Command:
    return Command(
        update=_update(given.get("update")),
        resume=given.get("resume"),
        goto=_goto(given.get("goto")),
    )


def _update(given: Any) -> Any:
    if isinstance(given, list) and all(isinstance(p, list) and len(p) == 2 for p in given):
        return [tuple(pair) for pair in given]
    return given


def _goto(given: Any) -> Any:
    if given is None:
        return ()
    if isinstance(given, list):
        return [_target(item) for item in given]
    return _target(given)


def _target(given: Any) -> Any:
    if isinstance(given, dict):
        return Send(given["node"], given.get("input"))
    return given


def supersteps(given: Any) -> list[list[StateUpdate]]:
    return [[_state_update(update) for update in _updates(step)] for step in given]


def _updates(step: Any) -> list[Any]:
    return step.get("updates") or [] if isinstance(step, dict) else step


def _state_update(update: dict[str, Any]) -> StateUpdate:
    values = update.get("values")
    if update.get("command"):
        values = command(update["command"])
    elif update.get("as_node") == "__copy__" and isinstance(values, list):
        values = [tuple(item) if isinstance(item, list) else item for item in values]
    return StateUpdate(values, update.get("as_node"), update.get("task_id"))
