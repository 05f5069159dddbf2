"""The worker process: says hello, loads graphs, then serves requests on one asyncio loop.

Graphs are imported on the main thread before the loop runs, so that module code
may do what it does in any program. Until then messages wait in a queue; after
that the reader thread hands each one to the loop.

Exit codes: 0 after a shutdown or when the server is gone, 2 when the protocol was broken.
"""

import asyncio
import concurrent.futures
import importlib.metadata
import logging
import os
import platform
import queue
import socket
import sys
import time
from typing import Any

from . import logs, loopback, tracing
from .frames import Frame, FrameTooLarge
from .link import Link, RemoteError, type_of
from .loading import LoadError, add_paths, is_python

PROTOCOL = 1
NODE_THREADS = 64  # synchronous nodes block a thread each; this many may do so at once
SWITCH_INTERVAL_S = 0.001  # the reader thread waits at most this long for a busy graph

log = logging.getLogger("runbell.worker")


def main() -> int:
    logs.start()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    inbox: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    link = Link(_open_socket(), inbox.put, _on_end)
    link.start()
    if sys.version_info < (3, 11):
        log.warning("before Python 3.11 LangGraph cannot stream from inside async nodes")
    link.send(_hello())
    init = inbox.get()
    if init.header["t"] != "init":
        _on_end(ValueError(f"the server began with '{init.header['t']}', not with 'init'"))
    loaded, ready = _load(init.header, link)
    loaded["server"] = _server_metadata(init.header)
    _Loop(link, inbox, loaded, ready).run()
    sys.stdout.flush()
    os._exit(0)  # threads of stuck nodes must not keep the process


def _open_socket() -> socket.socket:
    """The descriptor is ours alone: child processes of graphs do not get it."""
    number = os.environ.pop("LGW_FD", "")
    if not number.isdigit():
        sys.exit("this program is started by the Runbell server (LGW_FD is not set)")
    try:
        sock = socket.socket(fileno=int(number))
    except OSError as error:
        sys.exit(f"LGW_FD={number} is not a socket: {error}")
    sock.set_inheritable(False)
    sock.setblocking(True)
    return sock


def _on_end(error: Exception | None) -> None:
    if error is None:
        log.info("the server closed the connection")
        os._exit(0)
    log.critical("the connection to the server broke: %s: %s", type(error).__name__, error)
    os._exit(2)


def _hello() -> dict[str, Any]:
    return {
        "t": "hello",
        "proto": PROTOCOL,
        "lang": "python",
        "lang_version": platform.python_version(),
        "lib_version": _version("langgraph"),
        "sdk_version": _version("langgraph-sdk"),
        "pid": os.getpid(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _load(init: dict[str, Any], link: Link) -> tuple[dict[str, Any], dict[str, Any]]:
    """Loads every graph and the project's other parts; sends a load_error for each that fails.
    Returns what the server may ask, and `ready`."""
    project_dir = os.path.abspath(init["project_dir"])
    config = init.get("config") or {}
    add_paths(project_dir, config.get("dependencies"))
    loopback.install((init.get("server") or {}).get("url"))
    tracing.install(init)
    began_ns = time.time_ns()
    loaded, host = [], None
    for graph_id, graph in (init.get("graphs") or {}).items():
        try:
            host = host or _host(link, config)
            host.load(graph_id, graph["path"], project_dir)
            loaded.append({"id": graph_id, **_description(graph)})
        except LoadError as error:
            _tell(link, error, graph_id=graph_id)
    parts = _parts(config, project_dir)
    if is_python((config.get("http") or {}).get("app")):
        from .webapp import WebApp

        parts["http.app"] = WebApp(init, link, project_dir)
    for name, part in parts.items():
        try:
            part.load()
        except LoadError as error:
            _tell(link, error, part=name)
    if init.get("dev"):
        from . import reloading

        reloading.start(host, init.get("graphs") or {}, parts, project_dir, began_ns)
    return (
        {
            "host": host,
            "questions": _questions(host, parts),
            "embedding": parts.get("store.index"),
            "webapp": parts.get("http.app"),
        },
        {"t": "ready", "graphs": loaded},
    )


def _server_metadata(init: dict[str, Any]) -> dict[str, Any]:
    """What checkpoints say of where their run was executed."""
    url = (init.get("server") or {}).get("url")
    return {
        "langgraph_version": _version("langgraph"),
        "langgraph_plan": "developer",
        "langgraph_host": "self-hosted",
        **({"langgraph_api_url": url} if url else {}),
    }


def _tell(link: Link, error: LoadError, **what: str) -> None:
    log.error("%s could not be loaded: %s", next(iter(what.values())), error)
    cause = type(error.__cause__ or error).__name__
    link.send({"t": "load_error", **what, "error": {"type": cause, "message": str(error)}})


def _parts(config: dict[str, Any], project_dir: str) -> dict[str, Any]:
    """What langgraph.json names besides graphs, if it is written in Python."""
    parts: dict[str, Any] = {}
    path = (config.get("auth") or {}).get("path")
    if is_python(path):
        from .auth import Auth

        parts["auth"] = Auth(config["auth"], project_dir)
    index = (config.get("store") or {}).get("index") or {}
    if is_python(index.get("embed")):
        from .embedding import Embedding

        parts["store.index"] = Embedding(index, project_dir)
    return parts


def _host(link: Link, config: dict[str, Any]) -> Any:
    try:
        from .host import Host
    except ImportError as error:
        raise LoadError(
            f"{error}: the Python this worker runs with ({sys.executable}) has no usable "
            "langgraph; install it there with: pip install 'langgraph>=1.0'"
        ) from error
    return Host(link, config)


def _description(graph: dict[str, Any]) -> dict[str, Any]:
    return {"description": graph["description"]} if graph.get("description") else {}


class _Loop:
    """Dispatch: what arrives, and what is under way."""

    def __init__(
        self,
        link: Link,
        inbox: "queue.SimpleQueue[Frame]",
        loaded: dict[str, Any],
        ready: dict[str, Any],
    ) -> None:
        self._link = link
        self._inbox = inbox
        self._host = loaded["host"]
        self._server = loaded["server"]
        self._ready = ready
        self._runs: dict[str, Any] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._questions = loaded["questions"]
        self._embedding = loaded["embedding"]
        self._webapp = loaded["webapp"]
        self._shutdown: Frame | None = None
        self._loop = asyncio.new_event_loop()

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(NODE_THREADS))
        self._start_app()
        self._link.hand_over(self._hand_on, self._inbox)
        self._link.send(self._ready)
        ended = False
        while not ended:
            try:
                self._loop.run_forever()
                ended = True
            except (SystemExit, KeyboardInterrupt) as error:
                # The task that raised it has it as its result; the others go on.
                log.warning("a graph raised %s; the worker goes on", type(error).__name__)

    def _start_app(self) -> None:
        try:
            if self._webapp is not None:
                self._loop.run_until_complete(self._webapp.start())
        except LoadError as error:
            _tell(self._link, error, part="http.app")

    def _hand_on(self, frame: Frame) -> None:
        if self._embedding is not None and frame.header["t"] == "store.embed":
            self._embedding.spawn(self._answer(frame))
        else:
            self._loop.call_soon_threadsafe(self._receive, frame)

    def _receive(self, frame: Frame) -> None:
        kind = frame.header["t"]
        try:
            if self._host is None and kind.startswith(("run.start", "graph.", "state.")):
                self._refuse_graph(frame)
            elif kind == "run.start":
                self._start_run(frame)
            elif kind in ("run.cancel", "run.credit"):
                self._to_run(frame)
            elif kind == "shutdown":
                self._shutdown = frame
                self._end_if_idle()
            elif self._webapp is not None and kind.startswith("http."):
                self._webapp.receive(frame)
            elif kind in self._questions:
                self._spawn(self._answer(frame))
            else:
                self._link.refuse(frame, "invalid", "UnknownMessage", f"unknown message '{kind}'")
        except Exception as error:
            _on_end(error)

    def _refuse_graph(self, frame: Frame) -> None:
        """Without langgraph there is not even code to run one. The load errors have said why."""
        header = frame.header
        why = f"no graph '{header['graph_id']}' is loaded; the server's log says why"
        if header["t"] != "run.start":
            self._link.refuse(frame, "not_found", "UnknownGraph", why)
            return
        ended = {"run_id": header["run_id"], "attempt": header["attempt"], "outcome": "error"}
        error = {"type": "UnknownGraph", "message": why}
        self._link.send({"t": "run.done", **ended, "error": error, "next": []})

    def _start_run(self, frame: Frame) -> None:
        from .runs import Run

        run = Run(frame, self._link, self._host, self._server)
        self._runs[run.key["run_id"]] = run
        self._spawn(self._run_to_end(run))

    async def _run_to_end(self, run: Any) -> None:
        try:
            await run.run()
        finally:
            if self._runs.get(run.key["run_id"]) is run:
                del self._runs[run.key["run_id"]]

    def _to_run(self, frame: Frame) -> None:
        run = self._runs.get(frame.header.get("run_id"))
        if run is None or frame.header.get("attempt", run.key["attempt"]) != run.key["attempt"]:
            return
        if frame.header["t"] == "run.cancel":
            run.cancel()
        else:
            run.credit(frame.header["bytes"])

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a request ended unanswered", exc_info=error)
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._shutdown is not None and not self._tasks:
            if self._webapp is not None:
                webapp, self._webapp = self._webapp, None
                self._spawn(webapp.stop())
                return
            self._link.reply(self._shutdown)
            self._link.flush()
            self._loop.stop()

    async def _answer(self, frame: Frame) -> None:
        try:
            blobs = await self._questions[frame.header["t"]](frame)
            self._link.reply(frame, blobs)
        except BaseException as error:
            log.info("%s failed", frame.header["t"], exc_info=error)
            self._link.refuse(frame, _code_of(error), type_of(error), str(error))


def _questions(host: Any, parts: dict[str, Any]) -> dict[str, Any]:
    questions: dict[str, Any] = {}
    if host is not None:
        from .states import States

        questions.update(States(host).handlers)
    if "auth" in parts:
        questions["auth.check"] = parts["auth"].check
    if "store.index" in parts:
        questions["store.embed"] = parts["store.index"].embed
    return questions


def _code_of(error: BaseException) -> str:
    if isinstance(error, RemoteError):
        return error.code
    if isinstance(error, FrameTooLarge):
        return "too_large"
    names = {cls.__name__ for cls in type(error).__mro__}
    if "UnknownGraph" in names:
        return "not_found"
    if "Unavailable" in names:
        return "unavailable"
    return "invalid" if names & {"InvalidUpdateError", "ValueError", "TypeError"} else "failed"
