"""A FastAPI app of a user: routes of its own, one that stands before a built-in one, middleware around everything."""

import asyncio
import hashlib
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.requests import ClientDisconnect


@asynccontextmanager
async def lifespan(app):
    app.state.started = True
    yield {"from_lifespan": 7}
    with open(os.environ["STOPPED_FILE"], "w") as file:
        file.write("stopped")


app = FastAPI(lifespan=lifespan)
left, upload_was_left = asyncio.Event(), asyncio.Event()
socket_left = []


@app.middleware("http")
async def wrap(request: Request, call_next):
    if "interrupt" in request.query_params:
        return JSONResponse({"answered_by": "middleware"}, 418)
    if "read" in request.query_params:
        await request.body()
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


@app.post("/custom/sink")
async def sink(request: Request, pause: float = 0):
    """Takes the body piece by piece."""
    digest, count, most = hashlib.sha256(), 0, 0
    async for piece in request.stream():
        if pause and count // 1_000_000 != (count + len(piece)) // 1_000_000:
            await asyncio.sleep(pause)
        digest.update(piece)
        count, most = count + len(piece), max(most, len(piece))
    return {"bytes": count, "sha256": digest.hexdigest(), "largest": most}


@app.post("/custom/early")
async def early():
    return JSONResponse({"early": True}, 413)


@app.websocket("/custom/socket")
async def socket(ws: WebSocket):
    """Answers each message with what it is; some words make it do something else."""
    if "refuse" in ws.query_params:
        await ws.send_denial_response(JSONResponse({"refused": ws.query_params["refuse"]}, 401))
        return
    offered = ws.scope["subprotocols"]
    await ws.accept(subprotocol=offered[-1] if offered else None, headers=[(b"x-socket", b"yes")])
    while True:
        message = await ws.receive()
        if message["type"] == "websocket.disconnect":
            socket_left.append(message["code"])
            return
        text = message.get("text")
        if text is None:
            await ws.send_bytes(message["bytes"][::-1])
        elif text == "close":
            await ws.close(4001, "as you like")
            return
        elif text == "raise":
            raise ValueError("asked to")
        elif text == "die":
            os._exit(3)
        elif text.startswith("take "):
            await asyncio.sleep(0.5)
            taken = [len(await ws.receive_bytes()) for _ in range(int(text[5:]))]
            await ws.send_text(f"taken: {sum(taken)}")
        elif text.startswith("flood "):
            for number in range(int(text[6:])):
                await ws.send_text(f"{number} " + "x" * 65536)
        elif text == "scope":
            await ws.send_json({"path": ws.url.path, "query": ws.url.query, "scheme": ws.url.scheme,
                                "header": ws.headers.get("x-test"), "state": ws.state.from_lifespan})
        else:
            await ws.send_text("said: " + text)


@app.get("/custom/socket-left")
async def tell_socket_left():
    return socket_left


@app.post("/custom/one-piece")
async def one_piece(request: Request):
    """Takes one piece and no more."""
    async for piece in request.stream():
        return {"bytes": len(piece)}


@app.post("/custom/dies-midway")
async def dies_midway(request: Request):
    async for _ in request.stream():
        os._exit(3)


@app.post("/custom/upload-left")
async def upload_left(request: Request):
    try:
        async for _ in request.stream():
            pass
    except ClientDisconnect:
        upload_was_left.set()
        raise


@app.get("/custom/upload-was-left")
async def tell_upload_left():
    await asyncio.wait_for(upload_was_left.wait(), 20)
    return {"left": True}


@app.get("/custom/file")
async def file(size: int, said: int):
    async def pieces():
        for at in range(0, size, 65536):
            yield bytes(min(65536, size - at))
    return StreamingResponse(pieces(), headers={"content-length": str(said)}, media_type="application/octet-stream")


@app.get("/custom/headers")
async def headers(request: Request, size: int = 10):
    sent = {name.decode(): value.decode("latin-1") for name, value in request.headers.raw if name.startswith(b"x-")}
    return JSONResponse(sent, headers={"x-large": "y" * size, "x-back": sent.get("x-test", "")})


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
