"""Runs trace themselves: what LangChain tells of a run goes to the server as spans of its traces.

The spans travel over the link, so there is no key and no network; the server puts them into its
store, where rules and alerts see them. Each span is told once, at its end; the root also at its
beginning. Nothing here ever fails a run, and nothing waits.

Who traces elsewhere (LANGSMITH_TRACING in the environment, whatever its value) is left alone.
"""

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from . import own_spans, render

FLUSH_BYTES = 256 * 1024
FRAME_BYTES_MAX = 32 * 1024 * 1024  # a span beyond is left out
SWITCHES = (
    "LANGSMITH_TRACING",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_TRACING",
    "LANGCHAIN_TRACING_V2",
)
TYPES = {"llm", "chain", "tool", "retriever", "embedding", "prompt", "parser"}
HIDDEN_TAG = "langsmith:hidden"
METADATA = ("thread_id", "run_id", "assistant_id", "graph_id")

log = logging.getLogger("runbell.tracing")
_on = False


def install(init: dict[str, Any]) -> None:
    """Once, with the server's word on it."""
    global _on
    _on = init.get("tracing") is True and not any(name in os.environ for name in SWITCHES)


def of_run(header: dict[str, Any], send: Callable[[bytes], None]) -> "Any | None":
    """What listens to the run, to be given to the library as a callback; None: nothing does."""
    if not _on:
        return None
    try:
        return _class()(header, send)
    except Exception:
        log.exception("run %s is not traced", header.get("run_id"))
        return None


_made: Any = None


def _class() -> Any:
    """Made late: the library is imported with the first graph, not before."""
    global _made
    if _made is None:
        from langchain_core.tracers.langchain import LangChainTracer
        from langgraph.errors import GraphBubbleUp

        own_spans.install()
        _made = _make(LangChainTracer, GraphBubbleUp)
    return _made


def _make(base: Any, bubble_up: Any) -> Any:
    class Tracer(base):
        """LangChain's own by its class, so that the library puts the span of a node around its
        code, where langsmith's functions look for what they are below."""

        run_inline = True  # not in a thread of its own: it only gathers

        def __init__(self, header: dict[str, Any], send: Callable[[bytes], None]) -> None:
            super().__init__(
                client=own_spans.SpanClient(self._told), _schema_format="original+chat"
            )
            self._send = send
            self._project = header.get("graph_id") or "default"
            self._metadata = {k: header[k] for k in METADATA if header.get(k)}
            self._inputs: dict[Any, bytes] = {}
            self._lock = threading.Lock()
            self._posts: list[bytes] = []
            self._patches: list[bytes] = []
            self._bytes = 0

        @staticmethod
        def _get_stacktrace(error: BaseException) -> str:
            """A graph that stops to ask somebody has not failed."""
            if isinstance(error, bubble_up):
                return ""
            return base._get_stacktrace(error)

        def copy_with_metadata_defaults(self, **_defaults: Any) -> Any:
            return self

        def _persist_run(self, run: Any) -> None:
            pass

        def _persist_run_single(self, run: Any) -> None:
            pass

        def _update_run_single(self, run: Any) -> None:
            pass

        def _told(self, is_post: bool, span: dict[str, Any]) -> None:
            """Of langsmith's own functions: a span that has begun, or what became of it."""
            extra = dict(span.get("extra") or {})
            extra["metadata"] = {**self._metadata, **(extra.get("metadata") or {})}
            span |= {"session_name": self._project, "extra": extra}
            self._add(self._posts if is_post else self._patches, span, None, None)

        def _on_run_create(self, run: Any) -> None:
            try:
                self._inputs[run.id] = render.dumps(_object(run.inputs, "input"))
                if run.parent_run_id is None:
                    self._add(self._posts, self._head(run), self._inputs.pop(run.id), None)
            except Exception:
                log.exception("a span is not traced")

        def _on_run_update(self, run: Any) -> None:
            if HIDDEN_TAG in (run.tags or ()):
                self._inputs.pop(run.id, None)
                return  # the library's own steps
            try:
                outputs = None
                if run.outputs is not None:
                    outputs = render.dumps(_object(run.outputs, "output"))
                to = self._posts if run.parent_run_id else self._patches
                self._add(to, self._head(run), self._inputs.pop(run.id, None), outputs)
                if self._bytes > FLUSH_BYTES:
                    self.flush()
            except Exception:
                log.exception("a span is not traced")

        def on_llm_end(self, response: Any, *, run_id: Any, **more: Any) -> Any:
            """The library writes the message twice, once to throw it away: that one is left out."""
            run = self.run_map.get(str(run_id))
            if run is not None:
                run.outputs = _without_messages(response)
                run.extra["__omit_auto_outputs"] = True
            return super().on_llm_end(response, run_id=run_id, **more)

        def _head(self, run: Any) -> dict[str, Any]:
            extra = dict(run.extra or {})
            extra.pop("__omit_auto_outputs", None)
            extra["metadata"] = {**self._metadata, **(extra.get("metadata") or {})}
            head = {
                "id": str(run.id),
                "trace_id": str(run.trace_id),
                "dotted_order": run.dotted_order,
                "name": self._name(run),
                "run_type": run.run_type if run.run_type in TYPES else _type_of(run.run_type),
                "start_time": run.start_time.isoformat(),
                "session_name": self._project,
                "extra": extra,
            }
            if run.parent_run_id:
                head["parent_run_id"] = str(run.parent_run_id)
            if run.end_time:
                head["end_time"] = run.end_time.isoformat()
                head["events"] = _events(run.events)
            if run.tags:
                head["tags"] = [str(tag) for tag in run.tags]
            if run.error:
                head["error"] = run.error
            return head

        def _name(self, run: Any) -> str:
            """Of a graph that has no name of its own: the one in langgraph.json."""
            unnamed = run.parent_run_id is None and run.name == "LangGraph"
            return self._project if unnamed else run.name

        def _add(
            self,
            to: list[bytes],
            head: dict[str, Any],
            inputs: bytes | None,
            outputs: bytes | None,
        ) -> None:
            parts = [render.dumps(head)[:-1]]
            if inputs is not None:
                parts += [b',"inputs":', inputs]
            if outputs is not None:
                parts += [b',"outputs":', outputs]
            text = b"".join(parts) + b"}"
            if len(text) > FRAME_BYTES_MAX:
                log.warning("a span of %d bytes is too large to be traced", len(text))
                return
            with self._lock:
                to.append(text)
                self._bytes += len(text)

        def flush(self) -> None:
            with self._lock:
                posts, self._posts = self._posts, []
                patches, self._patches = self._patches, []
                self._bytes = 0
            if posts or patches:
                body = b'{"post":[' + b",".join(posts) + b'],"patch":[' + b",".join(patches)
                self._send(body + b"]}")

    return Tracer


def _without_messages(response: Any) -> dict[str, Any]:
    """As the response writes itself, but for the messages, which the library puts in."""
    told = {key: value for key, value in vars(response).items() if key != "generations"}
    told["generations"] = [
        [{**vars(one), "message": None} if hasattr(one, "message") else dict(vars(one)) for one in all_of]
        for all_of in response.generations
    ]
    return told


def _object(value: Any, name: str) -> Any:
    return value if isinstance(value, dict) else {name: value}


def _type_of(run_type: str) -> str:
    return "llm" if run_type == "chat_model" else "chain"


def _events(events: Any) -> list[dict[str, Any]]:
    """Of the tokens the first alone: it says how long it took."""
    kept, tokens = [], 0
    for event in events or []:
        tokens += event.get("name") == "new_token"
        if event.get("name") != "new_token" or tokens == 1:
            kept.append({"name": event.get("name"), "time": event["time"].isoformat()})
    return kept
