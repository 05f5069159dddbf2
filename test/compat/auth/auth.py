"""Handlers for the tests: everybody sees his own, what he was made a member of, and nothing else."""

from langgraph_sdk import Auth

PEOPLE = {"ann", "bob", "guest"}

auth = Auth()


@auth.authenticate
async def authenticate(authorization: str | None, headers: dict, path: str, method: str) -> dict:
    assert path.startswith("/") and method.isupper(), "the request is told"
    name = (authorization or "").removeprefix("Bearer ")
    if not name:
        raise Auth.exceptions.HTTPException(
            401, "who are you?", headers={"WWW-Authenticate": "Bearer", "X-Bad": "a\r\nb: c"}
        )
    if name == "broken":
        raise KeyError(name)
    if name == "nobody":
        return {"permissions": []}
    if name == "huge":
        return {"identity": "huge", "more": "x" * 20000}
    if name not in PEOPLE:
        raise Auth.exceptions.HTTPException(401, f"no such person: {name}")
    assert headers[b"authorization"] == b"Bearer " + name.encode() and headers["Authorization"].endswith(name)
    return {"identity": name, "permissions": [f"{name}:all"], "secret": f"secret of {name}"}


@auth.on
async def own(ctx: Auth.types.AuthContext, value: dict):
    if ctx.user.identity == "guest":
        return False
    value.setdefault("metadata", {})["owner"] = ctx.user.identity
    return {"owner": ctx.user.identity}


@auth.on.threads.read
async def read(ctx: Auth.types.AuthContext, value: dict):
    if ctx.user.identity == "guest":
        raise Auth.exceptions.HTTPException(402, "pay first")
    return {"$or": [{"owner": {"$eq": ctx.user.identity}}, {"members": {"$contains": ctx.user.identity}}]}


@auth.on(actions="delete")
async def delete_anything(ctx: Auth.types.AuthContext, value: dict):
    if ctx.user.identity == "guest":
        raise Auth.exceptions.HTTPException(451, f"no {ctx.resource} to delete")
    return {"owner": ctx.user.identity}


@auth.on.store
async def scoped(ctx: Auth.types.AuthContext, value: dict):
    assert ctx.resource == "store" and ctx.action in ("put", "get", "search", "delete", "list_namespaces")
    value["namespace"] = (ctx.user.identity, *value["namespace"])


@auth.on.crons.search
async def crons(ctx: Auth.types.AuthContext, value: dict):
    if ctx.user.identity == "guest":
        return {"owner": {"$like": "%"}}
    return {"owner": ctx.user.identity}


@auth.on.crons.delete
async def cron_delete(ctx: Auth.types.AuthContext, value: dict):
    if ctx.user.identity == "guest":
        raise RuntimeError("a handler that fails")
    return {"owner": ctx.user.identity}
