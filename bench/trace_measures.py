"""trace_measures -- spans taken in, asked for and kept, with bodies that the langsmith SDKs send (recorder.py).

The yardstick of taking in is bench_ingest: the same bytes unpacked and parsed, nothing stored. Compared is CPU of the process per span;
rates and times are beside it, and say more of the machine. The store that questions are put to is filled by bench_fill.
"""

import contextlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil

import recorder
from harness.postgres import Cluster, Databases
from harness.server import Server
from measures import row

HOME = Path(__file__).resolve().parent.parent
PARSER = HOME / "build" / "bench" / "src" / "trace" / "bench_ingest"
FILLER = PARSER.with_name("bench_fill")
SENDERS = 8
LARGE_BYTES = 100 << 20


@contextlib.contextmanager
def server(stage, name, store="sqlite"):
    folder = stage["folder"] / name
    folder.mkdir()
    with Server(folder, store=store) as running:
        yield running


def cpu_s(running):
    times = psutil.Process(running.process.pid).cpu_times()
    return times.user + times.system


# ---- sending ---------------------------------------------------------------------------------------


def post(connection, body):
    connection.request("POST", body.path(), body=body.data, headers=body.headers())
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in (200, 202):
        raise RuntimeError(f"{answer.status} {text[:300]}")


def send(running, bodies, senders):
    """All bodies from so many senders: seconds in all, and the milliseconds to each acknowledgement, sorted."""
    waits, lock, left, problems = [], threading.Lock(), iter(bodies), []

    def work():
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=120)
        try:
            while True:
                with lock:
                    body = next(left, None)
                if body is None:
                    return
                began = time.monotonic()
                post(connection, body)
                waits.append((time.monotonic() - began) * 1000)
        except Exception as problem:  # noqa: BLE001 -- raised below
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(senders)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return time.monotonic() - began, sorted(waits)


def p99(waits):
    return waits[min(len(waits) - 1, int(0.99 * len(waits)))]


def count_of(bodies):
    return len(set().union(*(body.span_ids() for body in bodies)))


def info_of(stage):
    with server(stage, "info") as running:
        return httpx.get(running.url + "/info", trust_env=False).json()


def parsed(stage, name, bodies):
    path = stage["folder"] / f"{name}.bodies"
    recorder.write(bodies, path)
    done = subprocess.run([PARSER, path, "1" if stage["quick"] else "3"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def parse_cpu_us(stage, language, bodies, spans):
    figures = parsed(stage, language, bodies)
    return figures["cpu_us"] * figures["batch_spans"] / spans


def taken_in(stage, language, bodies, databases_here):
    spans = count_of(bodies)
    parse_us = parse_cpu_us(stage, language, bodies, spans)
    for name, store in (("SQLite", "sqlite"), ("PostgreSQL", databases_here.create())):
        what = f"spans of the {language} SDK, {name}"
        with server(stage, f"in-{language}-{name}", store) as running:
            before = cpu_s(running)
            took, waits = send(running, bodies, SENDERS)
            yield row(f"{what}: CPU", "us/span", (cpu_s(running) - before) * 1e6 / spans, parse_us, more_is_better=False,
                      note=f"rival: bench_ingest; aim >= 0.3 x; {spans:,} spans in {len(bodies)} bodies")
            yield row(f"{what}, {SENDERS} senders", "spans/s", spans / took, note="aim 20,000 on 2 cores")
            yield row(f"{what}, {SENDERS} senders: acknowledged, p99", "ms", p99(waits), more_is_better=False)
            _, waits = send(running, list(recorder.Copies(bodies[:60]).make(9_999)), 1)
            yield row(f"{what}, 1 sender: acknowledged, p99", "ms", p99(waits), more_is_better=False)


def otlp_taken_in(stage, form, bodies, databases_here):
    figures = parsed(stage, f"otlp-{form}", bodies)
    spans, size = figures["batch_spans"], sum(len(body.plain()) for body in bodies)
    for name, store in (("SQLite", "sqlite"), ("PostgreSQL", databases_here.create())):
        what = f"spans of OpenTelemetry, {form}, {name}"
        with server(stage, f"otlp-{form}-{name}", store) as running:
            before = cpu_s(running)
            took, waits = send(running, bodies, SENDERS)
            yield row(f"{what}: CPU", "us/span", (cpu_s(running) - before) * 1e6 / spans, figures["cpu_us"], more_is_better=False,
                      note=f"rival: bench_ingest; {spans:,} spans of {size // spans:,} bytes in {len(bodies)} bodies")
            yield row(f"{what}, {SENDERS} senders", "spans/s", spans / took)
            yield row(f"{what}, {SENDERS} senders: acknowledged, p99", "ms", p99(waits), more_is_better=False)


# ---- a large body ----------------------------------------------------------------------------------


def peak_mb(running, work):
    """The most memory while `work` runs, above what there was before."""
    pid = running.process.pid
    before = psutil.Process(pid).memory_info().rss
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    work()
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024
    return (peak - before) / 2**20


def large_body(info, pieces):
    """About 100 MB of the Python SDK as one body, of so many spans with as long a text in each."""
    info = {**info, "batch_ingest_config": {**info["batch_ingest_config"], "size_limit_bytes": 4 * LARGE_BYTES},
            "instance_flags": {**info["instance_flags"], "zstd_compression_enabled": False}}
    body = recorder.joined(recorder.record("python", info, pieces, LARGE_BYTES // pieces))
    return body, len(body.data) / 2**20


def large(stage, info):
    for what, pieces in (("of ten values", 10), ("of 2,000 values", 2000)):
        body, size = large_body(info, pieces)
        with server(stage, f"large-{pieces}") as running:
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=300)
            peak = peak_mb(running, lambda: post(connection, body))
        yield row(f"memory while {size:.0f} MB {what} come in", "MB", peak, more_is_better=False, note="above idle")


# ---- a full store ----------------------------------------------------------------------------------

RUNS, STATS = "/runs/query", "/runs/stats"
FEW = ["name", "status", "total_cost"]
QUESTIONS = {
    "the newest 100": (RUNS, {"limit": 100, "select": FEW}),
    "the newest 100 roots": (RUNS, {"is_root": True, "limit": 100, "select": FEW}),
    "a trace": (RUNS, {"trace": None, "limit": 100}),
    "the newest 20 errors": (RUNS, {"filter": "neq(error, null)", "limit": 20}),
    "a thread": (RUNS, {"filter": 'and(eq(is_root, true), eq(thread_id, "T-7-3"))', "limit": 20}),
    "by name": (RUNS, {"filter": 'eq(name, "look_up")', "limit": 100, "select": FEW}),
    "by name (none)": (RUNS, {"filter": 'eq(name, "nobody")', "limit": 20}),
    "by tag": (RUNS, {"filter": 'has(tags, "prod")', "limit": 100, "select": FEW}),
    "by tag (none)": (RUNS, {"filter": 'has(tags, "staging")', "limit": 20}),
    "by metadata, one in 50 roots": (RUNS, {"filter": 'and(eq(is_root, true), has(metadata, \'{"customer": "c7"}\'))', "limit": 20}),
    "by metadata, of an old stretch": (RUNS, {"filter": 'and(eq(is_root, true), eq(metadata.revision, "r1"))', "limit": 20}),
    "by metadata (none), roots": (RUNS, {"filter": 'and(eq(is_root, true), eq(metadata.customer, "nobody"))', "limit": 20}),
    "by metadata (none), all spans": (RUNS, {"filter": 'eq(metadata.customer, "nobody")', "limit": 20}),
    "slow roots (none)": (RUNS, {"filter": 'and(eq(is_root, true), gt(latency, "60s"))', "limit": 20}),
    "slow models (none)": (RUNS, {"filter": 'and(eq(run_type, "llm"), gt(latency, "60s"))', "limit": 20}),
    "dear spans (none)": (RUNS, {"filter": "gt(total_cost, 5)", "limit": 20}),
    "words of inputs of roots (few)": (RUNS, {"filter": 'and(eq(is_root, true), search("refund underport unply"))', "limit": 5}),
    "stats of roots": (STATS, {"is_root": True}),
    "stats of all spans": (STATS, {}),
    "stats by name": (STATS, {"group_by": {"attribute": "name"}}),
    "stats of roots by metadata": (STATS, {"is_root": True, "group_by": {"attribute": "metadata", "path": "customer"}}),
}


def ask_ms(client, path, question, times_max=5, seconds=10):
    """The median of some times; of what takes long fewer. None: refused as too wide."""
    times = []
    while len(times) < times_max and sum(times) < seconds * 1000:
        began = time.monotonic()
        answer = client.post(path, json=question)
        if answer.status_code == 400:
            return None
        answer.raise_for_status()
        times.append((time.monotonic() - began) * 1000)
    return statistics.median(times)


def size_bytes(running):
    return sum(path.stat().st_size for path in running.data.rglob("*") if path.is_file())


def fill(running, bodies, first, last):
    """Copies `first` to `last` of the bodies, while the server is stopped; how many spans a copy has."""
    running.stop()
    done = subprocess.run([FILLER, running.data / "runbell.db", bodies, str(first), str(last)], capture_output=True, text=True, check=True)
    running.start()
    return int(done.stdout)


def questions(client):
    project = client.get("/sessions", params={"name": "bench"}).json()[0]["id"]
    newest = client.post(RUNS, json={"session": [project], "is_root": True, "limit": 1}).json()["runs"][0]
    return {what: (path, {"session": [project], **body, **({"trace": newest["trace_id"]} if "trace" in body else {})})
            for what, (path, body) in QUESTIONS.items()}


def asked(client):
    return {what: ask_ms(client, path, body) for what, (path, body) in questions(client).items()}


def full(stage, bodies):
    """Latencies and size at growing numbers of spans, each beside those at the smallest."""
    sizes = [20_000] if stage["quick"] else [100_000, 1_000_000] + [10_000_000] * bool(os.environ.get("FULL"))
    path, each, done, first = stage["folder"] / "full.bodies", count_of(bodies), 0, None
    recorder.write(bodies, path)
    with server(stage, "full") as running, httpx.Client(base_url=running.url, trust_env=False, timeout=120) as client:
        for size in sizes:
            until = -(-size // each)
            fill(running, path, done + 1, until)
            done, kept = until, until * each
            yield row(f"a span on the disk, of {kept:,}", "bytes", size_bytes(running) / kept, more_is_better=False,
                      note=f"as sent, unpacked: {sum(len(body.plain()) for body in bodies) // each:,}")
            times = asked(client)
            first = first or times
            for what, ms in times.items():
                yield row(f"{what}, among {kept:,}", "ms", ms, first[what] if first is not times else None, more_is_better=False,
                          note="rival: among the fewest; aim >= 0.7 x" if first is not times else "")


def traces(stage):
    """Spans of the SDKs and of OpenTelemetry: taken in beside parse-only, memory, size on the disk, questions at 10^5 and 10^6 (FULL=1: 10^7)."""
    subprocess.run([HOME / "tools" / "build", "bench"], check=True)
    count = 100 if stage["quick"] else 1500
    info = info_of(stage)
    bodies = {language: recorder.record(language, info, count) for language in ("python", "js")}
    with Cluster() as cluster:
        for language, some in bodies.items():
            yield from taken_in(stage, language, some, Databases(cluster.url))
        otel = recorder.record("otel", info, 2 * count)
        for form, some in (("protobuf", otel), ("JSON", [recorder.otlp_json(body) for body in otel])):
            yield from otlp_taken_in(stage, form, some, Databases(cluster.url))
    yield from large(stage, info)
    yield from full(stage, bodies["python"])
