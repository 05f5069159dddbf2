"""measures -- each function takes the stage (both servers, seconds of load) and yields rows of figures.

A row: what, unit, runbell, rival (None: not measured), more_is_better, note.
"""

import json
import re
import resource
import socket
import statistics
import subprocess
import time
from contextlib import ExitStack
from datetime import datetime

import httpx

from harness.api import Api, delay, run_body
from harness.receiver import Receiver
from harness.server import Server

TRIVIAL = {"assistant_id": "trivial", "input": {"count": 1}}


def row(what, unit, runbell, rival=None, more_is_better=True, note="", **more):
    return {"what": what, "unit": unit, "runbell": runbell, "rival": rival, "more_is_better": more_is_better,
            "note": note, **more}


# ---- rates, by wrk ---------------------------------------------------------------------------------


def wrk(stage, url, path, body, clients):
    """Requests per second and the median in ms of POSTing `body`; fails if an answer is not 2xx."""
    script = stage["folder"] / "post.lua"
    script.write_text('wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n'
                      f"wrk.body = {json.dumps(json.dumps(body))}\n")
    done = subprocess.run(
        ["wrk", "-t1", f"-c{clients}", f"-d{max(1, round(stage['seconds']))}s", "--timeout", "20s", "--latency",
         "-s", str(script), url + path], capture_output=True, text=True, check=True)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    if bad:
        raise RuntimeError(f"{path}: {bad.group(1)} answers were not 2xx")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))
    value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", done.stdout).groups()
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def both(stage, path, body, clients):
    rates = [wrk(stage, stage[name].url, path, body, clients) for name in ("runbell", "rival")]
    return [rate for rate, _ in rates], [median for _, median in rates]


def threads(stage):
    """POST /threads: durable here, in memory there."""
    (ours, theirs), _ = both(stage, "/threads", {}, 16)
    yield row("POST /threads, 16 clients", "requests/s", ours, theirs, note="aim >= 4 x")
    thread_ids = []
    for name in ("runbell", "rival"):
        with Api(stage[name].url) as api:
            thread_ids.append(api.thread())
    rates = [wrk_get(stage, stage[name].url, f"/threads/{thread_id}")
             for name, thread_id in zip(("runbell", "rival"), thread_ids)]
    yield row("GET /threads/{id}, 16 clients", "requests/s", *rates, note="aim >= 8 x")


def wrk_get(stage, url, path):
    done = subprocess.run(["wrk", "-t1", "-c16", f"-d{max(1, round(stage['seconds']))}s", url + path],
                          capture_output=True, text=True, check=True)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))


def runs(stage):
    """runs/wait on the same trivial JavaScript graph, and on the built-in agent."""
    for clients in (1, 64):
        rates, medians = both(stage, "/runs/wait", TRIVIAL, clients)
        yield row(f"runs/wait, JS graph, {clients} clients", "runs/s", *rates, note="aim >= 3 x" if clients > 1 else "")
        yield row(f"runs/wait, JS graph, {clients} clients, p50", "ms", *medians, more_is_better=False,
                  note="aim <= 10 ms" if clients == 1 else "")
    rate, _ = wrk(stage, stage["runbell"].url, "/runs/wait", run_body([]), 64)
    yield row("runs/wait, built-in agent, 64 clients", "runs/s", rate, rates[1], note="aim >= 30 x; rival: JS graph")


# ---- webhooks --------------------------------------------------------------------------------------


def lags_ms(server, hook, count):
    """Milliseconds from the end of a run (as its payload says) to its webhook's arrival, one run at a time."""
    lags = []
    with Api(server.url) as api:
        for number in range(count):
            api.ok("POST", "/runs", json={**TRIVIAL, "webhook": hook.url})
            request = hook.wait_for(number + 1)[number]
            arrived = time.time() - (time.monotonic() - request.at)
            ended = datetime.fromisoformat(request.json["run_ended_at"].replace("Z", "+00:00"))
            lags.append(max(0.0, (arrived - ended.timestamp()) * 1000))
    return lags


def webhook(stage):
    """From the end of a run to the webhook at the receiver, idle server."""
    count = 30 if stage["quick"] else 200
    with Receiver() as receiver:
        ours = lags_ms(stage["runbell"], receiver.hook("/ours"), count)
        theirs = lags_ms(stage["rival"], receiver.hook("/theirs"), max(10, count // 10))
    for name, at in (("p50", 0.5), ("p99", 0.99)):
        figures = [sorted(lags)[min(len(lags) - 1, int(at * len(lags)))] for lags in (ours, theirs)]
        yield row(f"run end to webhook, {name}", "ms", *figures, more_is_better=False,
                  note="aim <= 10 ms" if name == "p99" else "")


# ---- size ------------------------------------------------------------------------------------------


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as conn:
            conn.sendall(b"GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return b" 200 " in conn.recv(4096)
    except OSError:
        return False


def fresh(stage, name):
    folder = stage["folder"] / name
    folder.mkdir()
    return Server(folder)


def start_ms(stage, name):
    server = fresh(stage, name)
    began = time.monotonic()
    server.launch()
    while not answers(server.port):
        time.sleep(0.0005)
    took = (time.monotonic() - began) * 1000
    server.stop()
    return took


def start(stage):
    """From exec to the first answer, on an empty store."""
    ours = statistics.median(start_ms(stage, f"start-{n}") for n in range(5))
    began = time.monotonic()
    stage["rival"].stop()
    stage["rival"].start()
    theirs = (time.monotonic() - began) * 1000
    yield row("start to ready", "ms", ours, theirs, more_is_better=False, note="aim <= 50 ms; rival loads its graphs")


def idle(stage):
    """Resident memory of an idle server, without worker processes."""
    with fresh(stage, "idle") as server:
        time.sleep(1)
        ours = server.rss_bytes() / 2**20
    rival_rss = stage["rival"].rss_bytes() / 2**20
    yield row("idle memory", "MB", ours, rival_rss, more_is_better=False, note="aim <= 16 MB")


def open_streams(url_port, path, count):
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".encode()
    conns = []
    for _ in range(count):
        conn = socket.create_connection(("127.0.0.1", url_port), timeout=10)
        conn.sendall(request)
        conns.append(conn)
    for conn in conns:
        if b" 200 " not in conn.recv(4096):
            raise RuntimeError("a stream was refused")
    return conns


def answer_ms(server, count=200):
    """Median of GET /info, one after the other."""
    times = []
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        for _ in range(count):
            began = time.monotonic()
            client.get("/info").raise_for_status()
            times.append((time.monotonic() - began) * 1000)
    return statistics.median(times)


def streams(stage):
    """Memory of thousands of idle joined streams, and what they cost others."""
    count = 500 if stage["quick"] else 10_000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        server = stack.enter_context(fresh(stage, "streams"))
        api = stack.enter_context(Api(server.url))
        run = api.run(api.thread(), [delay(600_000)])
        api.status_becomes(run, "running")
        time.sleep(1)
        before, alone = server.rss_bytes(), answer_ms(server)
        conns = open_streams(server.port, f"/threads/{run['thread_id']}/runs/{run['run_id']}/stream", count)
        time.sleep(7)  # at least one heartbeat each
        after, beside = server.rss_bytes(), answer_ms(server)
        for conn in conns:
            conn.close()
        api.post(f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel", params={"wait": 1})
    yield row(f"memory with {count} idle streams", "MB", after / 2**20, more_is_better=False)
    yield row("memory of one idle stream", "bytes", (after - before) / count, more_is_better=False, note="aim <= 1,024")
    yield row(f"GET /info beside {count} idle streams, p50", "ms", beside, alone, more_is_better=False,
              note="rival: the same server without them")


def versions(stage):
    """What was compared."""
    ours = httpx.get(stage["runbell"].url + "/info", trust_env=False).json()["runbell_version"]
    theirs = httpx.get(stage["rival"].url + "/info", trust_env=False).json()["version"]
    print(f"runbell {ours}, dev server {theirs}")
    yield from ()


MEASURES = {"versions": versions, "threads": threads, "runs": runs, "webhook": webhook, "start": start, "idle": idle}
