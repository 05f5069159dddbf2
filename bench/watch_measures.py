"""watch_measures -- what rules cost those who trace: spans taken in per second without and with rules, and how long after
its acknowledgement a span that matches is told. One server for each, one after the other, on an empty store."""

import contextlib
import statistics
import time
import uuid
from datetime import datetime, timedelta, timezone

from harness.api import Api
from harness.receiver import Receiver
from harness.server import Server

RULES = 100
FILTERS = ['and(eq(run_type, "llm"), gt(latency, "60s"))', 'and(eq(is_root, true), eq(name, "nobody"))',
           'and(neq(error, null), has(tags, "prod"))', 'and(eq(status, "error"), like(name, "%none%"))']


def spans(project, count, **more):
    now = datetime.now(timezone.utc)
    made = []
    for _ in range(count):
        span_id = str(uuid.uuid4())
        made.append({"id": span_id, "trace_id": span_id, "dotted_order": now.strftime("%Y%m%dT%H%M%S%fZ") + span_id,
                     "name": "agent", "run_type": "llm", "session_name": project, "start_time": now.isoformat(),
                     "end_time": (now + timedelta(seconds=1)).isoformat(), "inputs": {"q": "why?"}, "outputs": {"a": 1}, **more})
    return made


@contextlib.contextmanager
def server(stage, name):
    folder = stage["folder"] / name
    folder.mkdir()
    with Server(folder) as running, Api(running.url, timeout=60) as api:
        yield api, api.ok("POST", "/sessions", json={"name": "bench"})


def rule(api, project, **more):
    api.ok("POST", "/runs/rules", json={"display_name": "r", "sampling_rate": 1, "session_id": project["id"], **more})


def rate(stage, name, rules):
    """Spans acknowledged per second."""
    with server(stage, name) as (api, _project):
        for at in range(rules):
            rule(api, _project, filter=FILTERS[at % len(FILTERS)])
        bodies = [{"post": spans("bench", 100)} for _ in range(int(40 * stage["seconds"]))]
        began = time.monotonic()
        for body in bodies:
            api.post("/runs/batch", json=body).raise_for_status()
        return 100 * len(bodies) / (time.monotonic() - began)


def told_after_ms(stage):
    with server(stage, "told") as (api, project), Receiver() as receiver:
        hook = receiver.hook("/told")
        rule(api, project, webhooks=[{"url": hook.url}])
        waits = []
        for at in range(5):
            api.post("/runs/batch", json={"post": spans("bench", 1)}).raise_for_status()
            began = time.monotonic()
            hook.wait_for(at + 1)
            waits.append((time.monotonic() - began) * 1e3)
        return statistics.median(waits)


def watching(stage):
    """Traces with rules: spans taken in beside none, and how soon a match is told."""
    off, on = rate(stage, "off", 0), rate(stage, "on", RULES)
    yield {"what": f"spans taken in with {RULES} rules (beside: none)", "runbell": on, "rival": off, "unit": "spans/s",
           "ratio": on / off, "more_is_better": True, "note": "aim: 0.8"}
    yield {"what": "a match is told after its acknowledgement", "runbell": told_after_ms(stage), "unit": "ms",
           "more_is_better": False, "note": "rules.tick_s is 2"}
