"""The user's own auth handlers: who calls, and what they may do with what.

One question (`auth.check`) is a request, or the user who is known already, and a list of checks: a
resource, an action and the value it is done with. `authenticate` names the user, then the handler
that fits best says of each check: no (with a status), yes, or yes for what a filter lets through.
What a handler changes in the value goes back to the server.
"""

import asyncio
import copy
import inspect
import json
import logging
import time
import uuid
from collections import OrderedDict
from typing import Any

from . import render
from .frames import Frame
from .loading import LoadError, load_export
from .users import User, studio_user, user_from

ID_KEYS = ("thread_id", "run_id", "assistant_id", "cron_id")
CACHE_TTL_S = 60.0
CACHE_SIZE = 1000

log = logging.getLogger("runbell.auth")


class Unavailable(Exception):
    """The handlers did not load, so nobody can be let in."""


class Auth:
    """What `auth` of langgraph.json names; loaded anew when its files change (`serve --dev`)."""

    def __init__(self, config: dict[str, Any], project_dir: str) -> None:
        self._config = config
        self._project_dir = project_dir
        self._handlers: Handlers | None = None

    @property
    def path(self) -> str:
        return self._config["path"]

    def load(self) -> None:
        """Raises LoadError; then what was loaded before stays."""
        found = load_export(self.path, self._project_dir)
        if not callable(getattr(found, "authenticate", None)) or not hasattr(found, "_handlers"):
            kind = type(found).__name__
            raise LoadError(f"'{self.path}' is a {kind}; langgraph_sdk.Auth was expected")
        if found._authenticate_handler is None:
            raise LoadError(f"'{self.path}' has no handler for @authenticate")
        self._handlers = Handlers(found, self._config.get("cache"))

    async def check(self, frame: Frame) -> list[bytes]:
        if self._handlers is None:
            raise Unavailable(f"'{self.path}' could not be loaded; the server's log says why")
        return await self._handlers.check(frame)


class Denied(Exception):
    def __init__(self, status: int, message: str | None, headers: Any = None) -> None:
        super().__init__(message)
        self.said: dict[str, Any] = {"status": status}
        if message:
            self.said["message"] = message
        if headers:
            self.said["headers"] = {str(name): str(value) for name, value in dict(headers).items()}


class Handlers:
    def __init__(self, auth: Any, cache: Any) -> None:
        self._auth = auth
        self._authenticate = _Authenticator(auth._authenticate_handler)
        self._cache = _Cache(cache) if isinstance(cache, dict) and cache.get("cache_keys") else None

    async def check(self, frame: Frame) -> list[bytes]:
        question = json.loads(frame.blobs[0])
        try:
            user = await self._user(question)
        except Denied as denied:
            return [render.dumps({"denied": denied.said})]
        results = [await self._result(user, check) for check in question["checks"]]
        return [render.dumps({"user": dict(user), "results": results})]

    async def _user(self, question: dict[str, Any]) -> User:
        if "user" in question:
            return User(question["user"])
        if question.get("studio"):
            return studio_user()
        request = question["request"]
        if self._cache is None:
            return await self._authenticate(request)
        user = self._cache.get(request)
        if user is None:
            user = await self._authenticate(request)
            self._cache.put(request, user)
        return user

    async def _result(self, user: User, check: dict[str, Any]) -> dict[str, Any]:
        handler = self._handler_of(check["resource"], check["action"])
        if handler is None:
            return {}
        value = _for_handlers(check)
        before = copy.deepcopy(value)
        try:
            said = await handler(ctx=_context(self._auth, user, check), value=value)
        except Exception as error:
            return {"denied": _denial(error, f"{check['resource']}:{check['action']}").said}
        if said is False:
            return {"denied": {"status": 403}}
        result: dict[str, Any] = {}
        if said is not None and said is not True:
            result["filter"] = said
        changed = {key: item for key, item in value.items() if before.get(key) != item}
        if changed:
            result["changed"] = changed
        return result

    def _handler_of(self, resource: str, action: str) -> Any:
        auth = self._auth
        for key in ((resource, action), (resource, "*"), ("*", action)):
            if auth._handlers.get(key):
                return auth._handlers[key][-1]
        return auth._global_handlers[-1] if auth._global_handlers else None


def _denial(error: Exception, what: str) -> Denied:
    """What the handler raised on purpose; else its failure, of which only the log tells more."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        detail = getattr(error, "detail", None)
        return Denied(
            status, detail if isinstance(detail, str) else None, getattr(error, "headers", None)
        )
    if isinstance(error, AssertionError):
        return Denied(403, str(error) or None)
    log.error("the auth handler of %s failed", what, exc_info=error)
    return Denied(500, f"the auth handler of {what} failed; the server's log says why")


def _for_handlers(check: dict[str, Any]) -> dict[str, Any]:
    """The value as the SDK types it: ids are UUIDs, namespaces are tuples."""
    value = check["value"]
    for key in ID_KEYS:
        if isinstance(value.get(key), str):
            try:
                value[key] = uuid.UUID(value[key])
            except ValueError:
                pass  # a graph's name
    for key in ("namespace", "suffix"):
        if isinstance(value.get(key), list):
            value[key] = tuple(value[key])
    return value


def _context(auth: Any, user: User, check: dict[str, Any]) -> Any:
    return auth.types.AuthContext(
        user=user.shown(auth),
        permissions=user["permissions"],
        resource=check["resource"],
        action=check["action"],
    )


# ---- authenticate ----


class _Headers(dict):
    """Names and values as bytes, as ASGI has them; a name asked for as text gives text."""

    def __missing__(self, key: Any) -> Any:
        if isinstance(key, str):
            return dict.__getitem__(self, key.lower().encode("latin-1")).decode("latin-1")
        raise KeyError(key)

    def get(self, key: Any, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: Any) -> bool:
        return dict.__contains__(
            self, key.lower().encode("latin-1") if isinstance(key, str) else key
        )


class _Authenticator:
    """Calls the handler with those of its parameters that it names."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler
        self._names = list(inspect.signature(handler).parameters)
        unknown = set(self._names) - set(_MAKERS)
        if unknown:
            known = ", ".join(sorted(_MAKERS))
            raise LoadError(
                f"@authenticate takes '{sorted(unknown)[0]}', which is none of its arguments: {known}"
            )
        if "request" in self._names:
            _starlette()

    async def __call__(self, request: dict[str, Any]) -> User:
        arguments = {name: _MAKERS[name](request) for name in self._names}
        try:
            if inspect.iscoroutinefunction(self._handler):
                said = await self._handler(**arguments)
            else:
                said = await asyncio.to_thread(self._handler, **arguments)
            if inspect.isawaitable(said):
                said = await said
        except Denied:
            raise
        except Exception as error:
            raise _refusal(error) from error
        if said is None or said is False:
            raise Denied(401, "Unauthorized")
        try:
            return user_from(said)
        except TypeError as error:
            log.error("authenticate: %s", error)
            raise Denied(500, "the auth handler named no user; the server's log says why") from None


def _refusal(error: Exception) -> Denied:
    """Whatever goes wrong with credentials: nobody is let in."""
    if isinstance(getattr(error, "status_code", None), int):
        return _denial(error, "authenticate")
    if not isinstance(error, AssertionError):
        log.warning("authenticate failed, the request is refused", exc_info=error)
    return Denied(401, str(error) if isinstance(error, AssertionError) else "Unauthorized")


def _starlette() -> Any:
    try:
        from starlette.requests import Request
    except ImportError as error:
        raise LoadError(
            "@authenticate takes 'request', which needs the package starlette; install it, or take "
            "'headers', 'path', 'method' or 'authorization' instead"
        ) from error
    return Request


def _headers(request: dict[str, Any]) -> _Headers:
    return _Headers(
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in request["headers"]
    )


def _scope(request: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": request["method"],
        "path": request["path"],
        "raw_path": request["path"].encode(),
        "root_path": "",
        "query_string": request["query"].encode(),
        "headers": list(_headers(request).items()),
        "path_params": request["path_params"],
        "server": None,
        "client": None,
    }


def _query(request: dict[str, Any]) -> dict[str, str]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl(request["query"], keep_blank_values=True))


_MAKERS: dict[str, Any] = {
    "request": lambda request: _starlette()(_scope(request)),
    "scope": _scope,
    "path": lambda request: request["path"],
    "method": lambda request: request["method"],
    "path_params": lambda request: dict(request["path_params"]),
    "query_params": _query,
    "headers": _headers,
    "authorization": lambda request: _headers(request).get("authorization"),
}


class _Cache:
    """`auth.cache` of langgraph.json: who was let in, by the values of some headers, for a while."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._keys = [key.lower() for key in config["cache_keys"]]
        self._ttl_s = float(config.get("ttl_seconds") or CACHE_TTL_S)
        self._size = int(config.get("max_size") or CACHE_SIZE)
        self._users: OrderedDict[tuple[Any, ...], tuple[float, User]] = OrderedDict()

    def _key(self, request: dict[str, Any]) -> tuple[Any, ...]:
        headers = _headers(request)
        return tuple(headers.get(key) for key in self._keys)

    def get(self, request: dict[str, Any]) -> User | None:
        until, user = self._users.get(self._key(request), (0.0, None))
        return user if until > time.monotonic() else None

    def put(self, request: dict[str, Any], user: User) -> None:
        key = self._key(request)
        if any(value is None for value in key):
            return  # without credentials nobody is the same as anybody
        self._users[key] = (time.monotonic() + self._ttl_s, user)
        self._users.move_to_end(key)
        while len(self._users) > self._size:
            self._users.popitem(last=False)
