"""agent_measures -- the same graphs here and in the dev server of their language, and searches in a full store."""

import json
import statistics
import subprocess
import time

import httpx

from harness.server import Server
from measures import both, row
from rivals import BENCH, JsDevServer, PythonDevServer

EXAMPLES = BENCH.parent / "examples"
HELLO = {"assistant_id": "agent", "input": {"messages": [{"role": "user", "content": "Hello!"}]},
         "stream_mode": ["values"]}


def first_event_ms(server, count):
    """Median time from the request to the first byte of the first event that carries the graph's values."""
    times = []
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        for _ in range(count):
            began = time.monotonic()
            with client.stream("POST", "/runs/stream", json=HELLO) as answer:
                answer.raise_for_status()
                for line in answer.iter_lines():
                    if line == "event: values":
                        times.append((time.monotonic() - began) * 1000)
                        break
                else:
                    raise RuntimeError("a stream without values")
    return statistics.median(times)


def same_graph(stage, language, rival_class):
    project = EXAMPLES / f"{language}-agent"
    folder = stage["folder"] / f"agents-{language}"
    folder.mkdir()
    with Server(folder, project=project) as runbell, rival_class(project, folder / "rival") as rival:
        stage = {**stage, "runbell": runbell, "rival": rival}
        for clients in (1, 32):
            rates, medians = both(stage, "/runs/wait", HELLO, clients)
            yield row(f"runs/wait, chat graph in {language}, {clients} clients", "runs/s", *rates)
            yield row(f"runs/wait, chat graph in {language}, {clients} clients, p50", "ms", *medians,
                      more_is_better=False)
        count = 20 if stage["quick"] else 100
        times = [first_event_ms(server, count) for server in (runbell, rival)]
        yield row(f"time to first event, {language}, p50", "ms", *times, more_is_better=False)


def agents(stage):
    """The same chat graph in JavaScript and in Python, here and in the dev server of its language."""
    yield from same_graph(stage, "js", JsDevServer)
    yield from same_graph(stage, "python", PythonDevServer)


# ---- searches --------------------------------------------------------------------------------------

SEARCHES = {
    "the newest ten": {"limit": 10},
    "by metadata": {"metadata": {"user": "u77"}, "limit": 10},
    "by metadata that nobody has": {"metadata": {"user": "nobody"}, "limit": 10},
    "by status, sorted by update": {"status": "idle", "limit": 10, "sort_by": "updated_at", "sort_order": "asc"},
    "the thousandth page": {"limit": 10, "offset": 9990},
}

FILL = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
local made = 0
request = function()
    made = made + 1
    return wrk.format(nil, nil, nil, string.format('{"metadata": {"user": "u%d"}}', made % 5000))
end
"""


def count_threads(client):
    return client.post("/threads/count", json={}).raise_for_status().json()


def fill(stage, server, client, wanted):
    """Threads by the API until there are `wanted`; says how far it is."""
    script = stage["folder"] / "fill.lua"
    script.write_text(FILL)
    while (made := count_threads(client)) < wanted:
        print(f"  {made:,} of {wanted:,} threads", flush=True)
        subprocess.run(["wrk", "-t1", "-c64", f"-d{2 if wanted < 100_000 else 15}s", "-s", str(script),
                        server.url + "/threads"], capture_output=True, check=True)
    return made


def search_ms(client, body, count):
    times = []
    for _ in range(count):
        began = time.monotonic()
        client.post("/threads/search", json=body).raise_for_status()
        times.append((time.monotonic() - began) * 1000)
    return statistics.median(times)


def search(stage):
    """Searches among a million threads beside the same among few thousand."""
    sizes = (2_000, 50_000) if stage["quick"] else (2_000, 1_000_000)
    figures = []
    folder = stage["folder"] / "search"
    folder.mkdir()
    with Server(folder) as server, httpx.Client(base_url=server.url, trust_env=False, timeout=120) as client:
        for size in sizes:
            made = fill(stage, server, client, size)
            figures.append((made, {what: search_ms(client, body, 7) for what, body in SEARCHES.items()}))
    (few, small), (many, large) = figures
    for what in SEARCHES:
        yield row(f"threads {what}, among {many:,}", "ms", large[what], small[what], more_is_better=False,
                  note=f"rival: among {few:,}; {json.dumps(SEARCHES[what])}")
