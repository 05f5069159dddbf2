"""Users as auth handlers name them and as graphs find them in their config."""

import json
from collections.abc import Mapping
from typing import Any

from . import render

STUDIO_USER = "langgraph-studio-user"


class User(dict):
    """A user as handlers and graphs know it: a mapping whose members are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def shown(self, auth: Any) -> Any:
        """To handlers Studio is of a class of its own."""
        if self.get("kind") != "StudioUser":
            return self
        return auth.types.StudioUser(self["identity"], is_authenticated=True)


def studio_user() -> User:
    return User(
        identity=STUDIO_USER,
        display_name=STUDIO_USER,
        is_authenticated=True,
        permissions=["authenticated"],
        kind="StudioUser",
    )


def user_from(said: Any) -> User:
    """Raises TypeError if it names nobody."""
    if isinstance(said, str):
        members: dict[str, Any] = {"identity": said}
    elif isinstance(said, Mapping):
        members = dict(said)
    elif callable(getattr(said, "model_dump", None)):
        members = said.model_dump()
    else:
        members = {
            key: value
            for key, value in {**_slots_of(said), **getattr(said, "__dict__", {})}.items()
            if not key.startswith("_")
        }
        for key in ("identity", "display_name", "is_authenticated", "permissions"):
            if hasattr(said, key):
                members[key] = getattr(said, key)
    identity = members.get("identity")
    if not isinstance(identity, str) or not identity:
        raise TypeError(f"a {type(said).__name__} without a text 'identity' is no user")
    members.setdefault("display_name", identity)
    members.setdefault("is_authenticated", True)
    members["permissions"] = list(members.get("permissions") or [])
    return User(json.loads(render.dumps(members)))


def _slots_of(said: Any) -> dict[str, Any]:
    names = getattr(type(said), "__slots__", ())
    names = (names,) if isinstance(names, str) else names
    return {name: getattr(said, name) for name in names if hasattr(said, name)}
