"""A FastAPI app of a user: routes of its own, one that stands before a built-in one, middleware around everything."""

import asyncio
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse


@asynccontextmanager
async def lifespan(app):
    app.state.started = True
    yield {"from_lifespan": 7}
    with open(os.environ["STOPPED_FILE"], "w") as file:
        file.write("stopped")


app = FastAPI(lifespan=lifespan)
left = asyncio.Event()


@app.middleware("http")
async def wrap(request: Request, call_next):
    if "interrupt" in request.query_params:
        return JSONResponse({"answered_by": "middleware"}, 418)
    response = await call_next(request)
    response.headers["x-middleware"] = "app"
    return response


@app.get("/runs/afakeroute")
async def fake():
    return {"fake": True}


@app.get("/assistants/{assistant_id}/graph")
async def overridden(assistant_id: str):
    return {"mine": assistant_id}


@app.post("/custom/echo")
async def echo(request: Request):
    body = await request.body()
    user = request.scope.get("user")
    return {"bytes": len(body), "query": request.url.query, "method": request.method, "path": request.url.path,
            "header": request.headers.get("x-test"), "started": request.app.state.started,
            "state": request.state.from_lifespan, "user": user["identity"] if user else None}


@app.get("/custom/stream")
async def stream(count: int = 5, size: int = 10):
    async def pieces():
        for number in range(count):
            yield (str(number % 10) * size).encode()
            await asyncio.sleep(0)
    return StreamingResponse(pieces(), media_type="text/plain")


@app.get("/custom/endless")
async def endless():
    async def pieces():
        try:
            while True:
                yield b"tick\n"
                await asyncio.sleep(0.02)
        finally:
            left.set()
    return StreamingResponse(pieces(), media_type="text/plain")


@app.get("/custom/left")
async def has_left():
    await asyncio.wait_for(left.wait(), 20)
    return {"left": True}


@app.get("/custom/broken")
async def broken():
    raise RuntimeError("a route that fails")


@app.get("/custom/hang")
async def hang():
    await asyncio.sleep(3600)


@app.get("/custom/die")
async def die():
    os._exit(3)
