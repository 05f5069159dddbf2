"""An ASGI app without a router: its 404 means that it has no such route."""


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/custom/back":
        await back(receive, send)
        return
    count = 0
    if b"read" in scope["query_string"]:
        more = True
        while more:
            message = await receive()
            count += len(message.get("body", b""))
            more = message.get("more_body", False)
    own = scope["path"] == "/custom/plain"
    body = str(count).encode() if own else b"none of mine"
    await send({"type": "http.response.start", "status": 200 if own else 404, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def back(receive, send):
    """Each piece of the body as it comes."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": more})
