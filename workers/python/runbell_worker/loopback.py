"""Clients inside graphs: `get_client()` without an address calls this server.

The SDK asks for a transport of the server it runs in. It gets one that speaks HTTP to the
server's address, streams included, with the run's own token in place of an API key.
"""

import asyncio
import contextvars
import logging
import weakref
from typing import Any

token: contextvars.ContextVar[str | None] = contextvars.ContextVar("loopback", default=None)

log = logging.getLogger("runbell.loopback")


def install(server_url: str | None) -> None:
    """Before user code is imported: it may make its clients at once."""
    try:
        import httpx
        from langgraph_sdk._async import client
    except ImportError:
        return  # without the SDK nobody can ask
    if not server_url or not hasattr(client, "get_asgi_transport"):
        log.warning("this langgraph-sdk cannot be told where get_client() finds the server")
        return
    transport = _transport_class(httpx, httpx.URL(server_url))
    client.get_asgi_transport = lambda: transport


def _transport_class(httpx: Any, server: Any) -> type:
    class Loopback(httpx.AsyncBaseTransport):
        """One pool of connections for each event loop that uses it."""

        def __init__(self, app: Any = None, root_path: str = "", **_: Any) -> None:
            self.app = app  # the SDK sets it; there is none
            self._pools: Any = weakref.WeakKeyDictionary()

        async def handle_async_request(self, request: Any) -> Any:
            loop = asyncio.get_running_loop()
            if loop not in self._pools:
                # Our own certificate, on our own address, may have been made for a public name.
                self._pools[loop] = httpx.AsyncHTTPTransport(verify=False)
            path = server.raw_path.rstrip(b"/") + request.url.raw_path
            headers = [(b"Host", server.netloc)]
            headers += [
                (name, value)
                for name, value in request.headers.raw
                if name.lower() not in (b"host", b"x-api-key")
            ]
            if (key := token.get()) is not None:
                headers.append((b"X-Api-Key", key.encode()))
            own = httpx.Request(
                request.method,
                server.copy_with(raw_path=path),
                headers=headers,
                stream=request.stream,
                extensions=request.extensions,
            )
            return await self._pools[loop].handle_async_request(own)

    return Loopback
