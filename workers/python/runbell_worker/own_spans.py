"""What langsmith's own functions inside nodes (@traceable, trace(), RunTree) send to, in the place of a client of theirs.

They take their client from the span that they are below: that of a node, which has a SpanClient.
What has nothing above it in its own eyes, a RunTree made by hand, goes to the client of the
process (RootClient), which puts it below the span that the code runs in. All else that clients
can do is left to a real one, which is made when it is asked for.
"""

import logging
from collections.abc import Callable
from typing import Any

POST = (
    "name",
    "run_type",
    "start_time",
    "end_time",
    "trace_id",
    "parent_run_id",
    "dotted_order",
    "error",
    "events",
    "tags",
    "extra",
    "inputs",
    "outputs",
    "serialized",
    "reference_example_id",
)

log = logging.getLogger("runbell.tracing")


class _Instead:
    """What a client can do besides telling of spans is left to a real one."""

    otel_exporter = None  # asked for before each span

    def __getattr__(self, name: str) -> Any:
        return getattr(_real(), name)


class SpanClient(_Instead):
    """Of one traced run. `tell(is_post, span)` takes what became of a span."""

    def __init__(self, tell: Callable[[bool, dict[str, Any]], None]) -> None:
        self._tell = tell
        self._below: dict[str, Any] = {}  # by the trace that was not meant to be one

    def create_run(
        self, name: str, inputs: Any = None, run_type: str = "chain", **more: Any
    ) -> None:
        span = {"name": name, "inputs": inputs, "run_type": run_type, **more}
        self._put(True, more.get("id"), span)

    def update_run(self, run_id: Any, **more: Any) -> None:
        self._put(False, run_id, more)

    def flush(self, *_args: Any, **_more: Any) -> None:
        """It is told with the run."""

    def graft(self, trace_id: Any, parent: Any) -> None:
        """The trace belongs below this span."""
        self._below.setdefault(str(trace_id), parent)

    def _put(self, is_post: bool, span_id: Any, given: dict[str, Any]) -> None:
        try:
            span = {key: given[key] for key in POST if given.get(key) is not None}
            span["id"] = str(span_id)
            parent = self._below.get(str(span.get("trace_id", span_id)))
            if parent is not None:
                span["trace_id"] = str(parent.trace_id)
                span["dotted_order"] = f"{parent.dotted_order}.{span['dotted_order']}"
                span.setdefault("parent_run_id", str(parent.id))
            self._tell(is_post, span)
        except Exception:
            log.exception("a span is not traced")


class RootClient(_Instead):
    """Of the process."""

    def create_run(self, name: str, inputs: Any = None, run_type: str = "chain", **more: Any) -> None:
        self._of(more.get("trace_id", more.get("id"))).create_run(name, inputs, run_type, **more)

    def update_run(self, run_id: Any, **more: Any) -> None:
        self._of(more.get("trace_id", run_id)).update_run(run_id, **more)

    def _of(self, trace_id: Any) -> Any:
        """Whose the trace is: that of the span in which the code runs, else a real client's."""
        from langsmith.run_helpers import get_current_run_tree

        above = get_current_run_tree()
        client = getattr(above, "ls_client", None)
        if not isinstance(client, SpanClient):
            return _real()
        client.graft(trace_id, above)
        return client


_client: Any = None


def _real() -> Any:
    global _client
    if _client is None:
        from langsmith import Client

        _client = Client()
    return _client


def install() -> None:
    """Before the first graph runs."""
    import langsmith

    configure = getattr(langsmith, "configure", None)
    if configure is not None:
        configure(client=RootClient())
