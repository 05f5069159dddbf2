"""kill -9 of the server while the SDKs trace, unmodified: langsmith for Python and JavaScript and OpenTelemetry's exporter lose
nothing, and what they read back is what they traced."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from harness.api import Api

HERE = Path(__file__).resolve().parent
TRACES = 60
PYTHON = """
import os, time
from langsmith import Client, traceable

client = Client()

@traceable(run_type="llm")
def model(n):
    return {"n": n, "usage_metadata": {"input_tokens": n, "output_tokens": 1, "total_tokens": n + 1}}

@traceable
def agent(n):
    if n % 10 == 3:
        raise ValueError(f"no {n}")
    return {"got": 2 * model(n)["n"]}

for n in range(int(os.environ["TRACES"])):
    try:
        agent(n, langsmith_extra={"client": client})
    except ValueError:
        pass
    time.sleep(0.02)
client.flush()
"""
JS = """
const { Client } = require("langsmith");
const { traceable } = require("langsmith/traceable");
const client = new Client();
const model = traceable(async (n) => ({ n, usage_metadata: { input_tokens: n, output_tokens: 1, total_tokens: n + 1 } }),
    { name: "model", run_type: "llm", client });
const agent = traceable(async (n) => {
    if (n % 10 === 3) throw new Error(`no ${n}`);
    return { got: 2 * (await model(n)).n };
}, { name: "agent", client });
(async () => {
    for (let n = 0; n < Number(process.env.TRACES); n++) {
        await agent(n).catch(() => {});
        await new Promise((done) => setTimeout(done, 20));
    }
    await client.awaitPendingTraceBatches();
})();
"""
OTEL = """
import json, os, time
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

exporter = OTLPSpanExporter(os.environ["LANGSMITH_ENDPOINT"] + "/otel/v1/traces", headers={"Langsmith-Project": "otel"})
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=200))
tracer = provider.get_tracer("test")
for n in range(int(os.environ["TRACES"])):
    with tracer.start_as_current_span("agent", attributes={"input.value": json.dumps({"n": n})}):
        with tracer.start_as_current_span("model", attributes={"langsmith.span.kind": "llm", "gen_ai.usage.input_tokens": n,
                                                               "gen_ai.usage.output_tokens": 1}):
            pass
    time.sleep(0.02)
assert provider.force_flush(60000)
"""
SDKS = {"python": [sys.executable, "-c", PYTHON], "js": ["node", "-e", JS], "otel": [sys.executable, "-c", OTEL]}


def start(server, sdk):
    env = {**os.environ, "LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "none", "LANGSMITH_ENDPOINT": server.url,
           "LANGSMITH_PROJECT": sdk, "TRACES": str(TRACES), "NODE_PATH": str(HERE.parent / "js" / "node_modules")}
    return subprocess.Popen(SDKS[sdk], env=env, stderr=subprocess.PIPE, text=True)


def all_spans(api, project):
    session, cursor, found = api.ok("GET", "/sessions", params={"name": project})[0]["id"], None, []
    while True:
        page = api.ok("POST", "/runs/query", json={"session": [session], "limit": 100, "cursor": cursor})
        found += page["runs"]
        if not (cursor := page["cursors"]["next"]):
            return found


def check(spans, sdk):
    roots = [span for span in spans if span["parent_run_id"] is None]
    children = {span["parent_run_id"]: span for span in spans if span["parent_run_id"]}
    assert sorted(next(iter(root["inputs"].values())) for root in roots) == list(range(TRACES)), sdk
    for root in roots:
        n = next(iter(root["inputs"].values()))
        fails = sdk != "otel" and n % 10 == 3
        assert root["status"] == ("error" if fails else "success") and (f"no {n}" in (root["error"] or "")) == fails
        assert (root["id"] in children) != fails and root["total_tokens"] == (0 if fails else n + 1)
        if not fails and sdk != "otel":
            assert root["outputs"] == {"got": 2 * n} and children[root["id"]]["outputs"]["n"] == n
    assert len(spans) == len(roots) + len(children)


def test_the_sdks_lose_nothing_when_the_server_is_killed(start_server, cycles):
    server = start_server()
    chance = random.Random(cycles)
    programs = {sdk: start(server, sdk) for sdk in SDKS}
    for _ in range(4):
        time.sleep(chance.uniform(0.3, 0.9))
        server.kill()
        server.start()
    for sdk, program in programs.items():
        _, words = program.communicate(timeout=120)
        assert program.returncode == 0, f"{sdk}: {words}"
    with Api(server.url) as api:
        for sdk in SDKS:
            check(all_spans(api, sdk), sdk)
