"""Large values and attachments in an S3-compatible service: put there, read from there, linked straight to it,
removed from it; and what becomes of them when it is away, slow, or says no."""

import json
import os
import re
import sqlite3
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psutil
import pytest
from harness.clock import Clock
from harness.egress import Certificates
from harness.postgres import Databases
from harness.ports import eventually
from harness.program import run_program
from harness.receiver import Receiver
from harness.s3 import SECRET, S3
from harness.server import Server
from harness.spans import body, make_span, noise, packed, part, read, send
from langsmith import Client, trace

JS_HOME = Path(__file__).resolve().parents[1] / "js"
SMALL, LARGE = 200_000, 3_000_000
COMING = 40  # seconds: removals are looked for every ten


def fetch(url):
    """Without a key, as clients do."""
    return httpx.get(url, trust_env=False)


@pytest.fixture
def s3(tmp_path):
    with S3(tmp_path / "s3") as service:
        yield service


@pytest.fixture
def served(s3, start_server):
    """A server with its blobs in the service: (server, client)."""
    clients = []

    def start(env=None, **settings):
        server = start_server(env=s3.settings(**settings) | (env or {}))
        clients.append(httpx.Client(base_url=server.url, trust_env=False, timeout=60))
        return server, clients[-1]
    yield start
    for client in clients:
        client.close()


def large_span(client, size=LARGE, **fields):
    """A span with inputs and an attachment in the service: (span, inputs, attachment, answer)."""
    span = make_span(**fields)
    inputs, data = {"text": noise(size // 2, 3).hex()}, noise(size)
    answer = send(client, [part(f"post.{span['id']}", span), part(f"post.{span['id']}.inputs", inputs),
                           part(f"attachment.{span['id']}.picture", data, "image/png")])
    return span, inputs, data, answer


def links_of(found):
    return found["inputs_s3_urls"]["ROOT"]["presigned_url"], found["s3_urls"]["attachment.picture"]["presigned_url"]


def age_reservations(server, store):
    """As if two hours had passed since."""
    sql = "UPDATE unclaimed_blobs SET due_us = 0"
    if server.store == "sqlite":
        with sqlite3.connect(server.data / "runbell.db") as db:
            db.execute(sql)
        db.close()
    else:
        Databases(os.environ["RUNBELL_TEST_POSTGRES"]).run(sql, server.store)


# ---- in and out ------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", [None, "gzip", "zstd"])
@pytest.mark.parametrize("length", ["header", "parameter", "nowhere"])
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_values_and_attachments_come_back_byte_for_byte(s3, served, encoding, length, size):
    _, client = served(prefix="some/where/")
    span = make_span()
    inputs, data = {"text": "é" * size}, noise(size) + b"\r\n--b0undary--\r\n" * (length != "nowhere")
    answer = send(client, [part(f"post.{span['id']}", span),
                           part(f"post.{span['id']}.inputs", inputs, length=length),
                           part(f"attachment.{span['id']}.picture", data, "image/png", length)], encoding)
    assert answer.status_code == 202, answer.text
    sizes = sorted([len(data), len(json.dumps(inputs).encode())])
    assert sorted(s3.objects().values()) == sizes
    assert all(re.fullmatch(r"some/where/(..)/\1[0-9a-f]{30}", name) for name in s3.objects())
    found = read(client, span["id"])
    assert found["inputs"] == inputs
    of_inputs, of_picture = links_of(found)
    assert of_inputs.startswith(s3.url) and of_picture.startswith(s3.url)
    assert fetch(of_inputs).json() == inputs and fetch(of_picture).content == data


def large_otlp(text):
    value = {"key": "input.value", "value": {"stringValue": text}}
    span = {"traceId": os.urandom(16).hex(), "spanId": os.urandom(8).hex(), "name": "large", "attributes": [value],
            "startTimeUnixNano": "1795237957533121000", "endTimeUnixNano": "1795237957633121000"}
    return uuid.UUID(span["traceId"]), {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


@pytest.mark.parametrize("size", [300_000, LARGE])
def test_values_inside_bodies_go_there_too(s3, served, size):
    """/runs, /runs/batch, PATCH /runs/{id} and OpenTelemetry's exporters."""
    _, client = served()
    value = {"text": noise(size, 5).hex()[:size]}
    one, two = make_span(inputs=value, name="one"), make_span(inputs=value, outputs=value, name="two")
    assert client.post("/runs", json=one).status_code == 202
    assert client.post("/runs/batch", json={"post": [two, make_span()]}).status_code == 202
    assert client.patch(f"/runs/{one['id']}", json={"outputs": value, "end_time": 1795237958000}).status_code == 202
    trace_id, spans = large_otlp(value["text"])
    assert client.post("/otel/v1/traces", json=spans).status_code == 200
    assert len(s3.objects()) == 5
    for span in (one, two):
        found = read(client, span["id"])
        assert found["inputs"] == value and found["outputs"] == value
        assert fetch(found["inputs_s3_urls"]["ROOT"]["presigned_url"]).json() == value
    found = read(client, str(trace_id))
    assert value["text"] in json.dumps(found["inputs"])
    s3.stop()
    answers = [client.post("/runs", json=make_span(inputs=value)), client.post("/otel/v1/traces", json=spans)]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert all(answer.headers["retry-after"] for answer in answers)


def test_small_values_stay_in_their_rows(s3, served):
    server, client = served()
    span = make_span()
    send(client, [part(f"post.{span['id']}", span), part(f"post.{span['id']}.inputs", {"a": 1}),
                  part(f"attachment.{span['id']}.a", b"small", "text/plain")])
    found = read(client, span["id"])
    assert not s3.requests and found["inputs"] == {"a": 1} and found["inputs_s3_urls"] is None
    assert found["s3_urls"]["attachment.a"]["presigned_url"].startswith(server.url)


def test_links_open_one_object_for_a_time_and_bear_no_change(s3, served):
    _, client = served(link_expires_s=3)
    span, inputs, data, _ = large_span(client)
    of_inputs, of_picture = links_of(read(client, span["id"]))
    said = parse_qs(urlsplit(of_picture).query)
    assert said["response-content-type"] == ["image/png"] and said["response-content-disposition"] == ["attachment"]
    assert SECRET not in of_picture and fetch(of_picture).content == data
    for wrong in (of_picture.replace("image%2Fpng", "text%2Fhtml"), of_picture.replace("Expires=3", "Expires=9000"),
                  of_picture[:-1] + ("0" if of_picture[-1] != "0" else "1"), of_picture.split("?")[0],
                  of_inputs.split("?")[0] + "?" + of_picture.split("?")[1]):
        assert fetch(wrong).status_code == 403, wrong
    time.sleep(4)
    assert fetch(of_picture).status_code == 403
    assert fetch(links_of(read(client, span["id"]))[1]).content == data


def test_links_may_lead_to_another_address_or_to_the_server(s3, served):
    _, client = served(link_endpoint=s3.url.replace("127.0.0.1", "localhost"))
    span, inputs, data, _ = large_span(client)
    of_inputs, _ = links_of(read(client, span["id"]))
    assert of_inputs.startswith("http://localhost:") and fetch(of_inputs).json() == inputs
    server, client = served(links="proxied")
    span, inputs, data, _ = large_span(client)
    of_inputs, of_picture = links_of(read(client, span["id"]))
    assert of_picture.startswith(server.url) and fetch(of_inputs).json() == inputs
    got = fetch(of_picture)
    assert got.content == data and got.headers["content-type"] == "image/png"


def test_a_rule_sends_links_to_the_service(s3, served):
    _, client = served()
    with Receiver() as receiver:
        hook = receiver.hook("/rule")
        project = client.post("/sessions", json={"name": "watched"}).json()["id"]
        rule = client.post("/runs/rules", json={"display_name": "all", "session_id": project, "sampling_rate": 1,
                                               "filter": "eq(is_root, true)", "webhooks": [{"url": hook.url}]})
        assert rule.status_code in (200, 201), rule.text
        span, inputs, data, _ = large_span(client, project="watched")
        client.patch(f"/runs/{span['id']}", json={"end_time": 1795237958000, "outputs": {"a": 1}})
        sent = eventually(lambda: hook.requests, timeout=30)[-1]
        run = sent.json["runs"][0]
        assert run["inputs"] is None
        of_inputs = run["inputs_s3_urls"]["ROOT"]["presigned_url"]
        assert of_inputs.startswith(s3.url) and fetch(of_inputs).json() == inputs


# ---- away ------------------------------------------------------------------------------------------


def test_deleted_traces_are_removed_from_the_service_many_at_once(s3, served):
    server, client = served()
    spans = [large_span(client, SMALL)[0] for _ in range(6)]
    kept = large_span(client, SMALL)[0]
    assert len(s3.objects()) == 14
    s3.fault = lambda request: 503 if request.method in ("POST", "DELETE") else None
    answer = client.post("/runs/delete", json={"trace_ids": [span["id"] for span in spans]})
    assert answer.status_code == 202, answer.text
    eventually(lambda: s3.count("POST") >= 2, timeout=COMING, why="no removal was tried")
    server.kill()
    s3.fault = None
    s3.requests.clear()
    server.start()
    eventually(lambda: len(s3.objects()) == 2, timeout=COMING, why=lambda: f"left: {s3.objects()}")
    assert s3.count("POST") == 1 and s3.requests[-1].query.startswith("delete")
    assert fetch(links_of(read(client, kept["id"]))[1]).status_code == 200


def test_a_service_without_removal_of_many_is_asked_one_by_one(s3, served):
    _, client = served()
    span = large_span(client, SMALL)[0]
    s3.fault = lambda request: 501 if request.method == "POST" else None
    client.post("/runs/delete", json={"trace_ids": [span["id"]]})
    eventually(lambda: not s3.objects(), timeout=COMING, why="the objects stayed")
    assert s3.count("DELETE") == 2


@pytest.mark.parametrize("round_", range(4))
def test_what_a_killed_server_has_uploaded_and_not_promised_is_removed(s3, served, store, round_):
    """kill -9 in the middle of uploads: what was acknowledged is there, what was not goes after two hours."""
    server, client = served()
    promised = [large_span(client, SMALL) for _ in range(2)]
    s3.fault = lambda request: "hang" if request.method == "PUT" and s3.count("PUT") >= 7 + round_ else None
    span = make_span()
    parts = [part(f"post.{span['id']}", span)]
    parts += [part(f"attachment.{span['id']}.a{i}", noise(SMALL if i % 2 else LARGE, i)) for i in range(6)]
    killer = threading.Timer(2, server.kill)
    with pytest.raises(httpx.HTTPError):
        killer.start()
        send(client, parts)
    killer.join()
    s3.fault = None
    assert len(s3.objects()) > 4
    age_reservations(server, store)
    server.start()
    eventually(lambda: len(s3.objects()) == 4, timeout=COMING, why=lambda: f"left: {len(s3.objects())}")
    assert client.get(f"/runs/{span['id']}").status_code == 404
    for span, inputs, data, _ in promised:
        found = read(client, span["id"])
        assert found["inputs"] == inputs and fetch(links_of(found)[1]).content == data


def test_spools_of_a_killed_server_are_cleared(s3, served):
    server, client = served()
    s3.fault = lambda request: "hang" if request.method == "PUT" else None
    killer = threading.Timer(2, server.kill)
    killer.start()
    with pytest.raises(httpx.HTTPError):
        large_span(client)
    killer.join()
    assert list((server.data / "spool").iterdir())
    server.start()
    eventually(lambda: not list((server.data / "spool").iterdir()), why="the spool stayed")


def test_a_client_that_leaves_in_the_middle_leaves_nothing(s3, served):
    server, client = served()
    span = make_span()
    whole = body([part(f"post.{span['id']}", span), part(f"attachment.{span['id']}.a", noise(2 * LARGE))])

    def half_of_it():
        yield whole[:LARGE]
        eventually(lambda: list((server.data / "spool").glob("*")), why="nothing was spooled")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        client.post("/runs/multipart", content=half_of_it(), headers=packed(b"", None)[1])
    eventually(lambda: not list((server.data / "spool").iterdir()), why="the spool stayed")
    assert not s3.objects() and client.get("/ok").status_code == 200


# ---- trouble ---------------------------------------------------------------------------------------


def metric(client, name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", client.get("/metrics").text, re.M)
    return float(found[1]) if found else 0


@pytest.mark.parametrize("fault", [503, 500, "cut"])
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_service_that_fails_for_a_moment_is_asked_again(s3, served, fault, size):
    _, client = served()
    failures = {}

    def twice(request):
        failures[request.path] = failures.get(request.path, 0) + 1
        return fault if failures[request.path] <= 2 and (fault != "cut" or request.method == "GET") else None
    s3.fault = twice
    span, inputs, data, answer = large_span(client, size)
    assert answer.status_code == 202, answer.text
    failures.clear()
    assert read(client, span["id"])["inputs"] == inputs
    if fault != "cut":
        assert metric(client, 'runbell_blob_retries_total{operation="put"}') == 4
        assert metric(client, 'runbell_blob_requests_total{operation="put",result="ok"}') == 2
    if size == LARGE:
        assert metric(client, 'runbell_blob_retries_total{operation="get"}') == 2


def test_while_the_service_is_away_nothing_is_acknowledged(s3, served):
    server, client = served()
    s3.stop()
    began = time.monotonic()
    span, inputs, data, answer = large_span(client, SMALL)
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1, answer.text
    assert 4 < time.monotonic() - began < 10, "it gives up within the patience of SDKs"
    assert client.get(f"/runs/{span['id']}").status_code == 404
    assert "cannot be reached: connection refused" in server.log()
    small = make_span()
    assert send(client, [part(f"post.{small['id']}", small)]).status_code == 202
    s3.start()
    assert send(client, [part(f"post.{span['id']}", span), part(f"post.{span['id']}.inputs", inputs)]).status_code == 202
    assert read(client, span["id"])["inputs"] == inputs
    assert "answers again" in server.log()
    s3.stop()
    assert read(client, span["id"])["inputs"] is None, "the span is there, its value is not to be had"


def test_a_service_that_says_nothing_is_not_waited_for(s3, served):
    server, client = served(timeout_s=1)
    s3.fault = lambda request: "hang"
    began = time.monotonic()
    assert large_span(client, SMALL)[3].status_code == 503
    assert time.monotonic() - began < 12 and "nothing came within runbell.blobs.timeout_s" in server.log()


TROUBLES = {
    "secret": ({"secret_access_key": "wrong"}, "see runbell.blobs.secret_access_key"),
    "key": ({"access_key_id": "AKIDNOBODY"}, "see runbell.blobs.access_key_id"),
    "bucket": ({"bucket": "elsewhere"}, r'there is no bucket \"elsewhere\"'),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_the_service_refuses_is_told_in_plain_words(s3, served, trouble):
    settings, words = TROUBLES[trouble]
    server, client = served(**settings)
    began = time.monotonic()
    answer = large_span(client, SMALL)[3]
    assert answer.status_code == 503 and answer.headers["retry-after"], answer.text
    assert time.monotonic() - began < 3, "what is refused is not asked again"
    assert words in server.log() and SECRET not in server.log() + answer.text


def test_a_clock_that_is_wrong_is_told_in_plain_words(s3, served, tmp_path):
    server, client = served(env=Clock(tmp_path, 7200).env())
    assert large_span(client, SMALL)[3].status_code == 503
    assert re.search(r"clock is not the service's: it is (119|120) minutes ahead", server.log()), server.log()[-2000:]


def test_own_certificates(tmp_path, start_server):
    made = Certificates(tmp_path)
    with S3(tmp_path / "s3", tls=made.server) as s3:
        for ca_file, status in ((None, 503), (made.ca, 202)):
            server = start_server(env=s3.settings(ca_file=ca_file))
            with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
                span, inputs, data, answer = large_span(client)
                assert answer.status_code == status, answer.text
                if status == 202:
                    assert read(client, span["id"])["inputs"] == inputs
                else:
                    assert "certificate" in server.log()


# ---- much ------------------------------------------------------------------------------------------


def test_memory_stays_small_while_100_mb_go_to_the_service(s3, served):
    server, client = served()
    spans = [make_span() for _ in range(12)]
    data = noise(9_000_000)
    process = psutil.Process(server.process.pid)
    before, peak = process.memory_info().rss, 0

    def stream():
        nonlocal peak
        for span in spans:
            for one in (part(f"post.{span['id']}", span), part(f"attachment.{span['id']}.a", data)):
                peak = max(peak, process.memory_info().rss)
                yield b"--b0undary\r\n" + one + b"\r\n"
        yield b"--b0undary--\r\n"

    assert client.post("/runs/multipart", content=stream(), headers=packed(b"", None)[1]).status_code == 202
    peak = max(peak, process.memory_info().rss)
    # The address sanitizer keeps freed memory for a while (its quarantine), hence the allowance.
    assert peak - before < (400 if "asan" in str(os.environ.get("RUNBELL_BIN")) else 64) * 1024 * 1024
    assert sorted(s3.objects().values()) == [len(data)] * len(spans)
    assert fetch(read(client, spans[-1]["id"])["s3_urls"]["attachment.a"]["presigned_url"]).content == data


def test_many_at_once_share_few_connections(s3, served):
    _, client = served(connections_max=2)
    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(lambda _: large_span(client, SMALL), range(24)))
    assert all(answer.status_code == 202 for *_, answer in made)
    for span, inputs, data, _ in made:
        assert read(client, span["id"])["inputs"] == inputs


def test_two_nodes_on_one_database_and_one_bucket(s3, store, tmp_path, request):
    if request.config.getoption("--store-url") == "sqlite":
        pytest.skip("several nodes need PostgreSQL")
    url = store()
    with Server(tmp_path / "a", store=url, env=s3.settings()) as a, \
            Server(tmp_path / "b", store=url, env=s3.settings()) as b, \
            httpx.Client(base_url=a.url, trust_env=False, timeout=60) as on_a, \
            httpx.Client(base_url=b.url, trust_env=False, timeout=60) as on_b:
        span, inputs, data, _ = large_span(on_a)
        found = read(on_b, span["id"])
        assert found["inputs"] == inputs and fetch(links_of(found)[1]).content == data
        on_b.post("/runs/delete", json={"trace_ids": [span["id"]]})
        eventually(lambda: not s3.objects(), timeout=COMING, why="the objects stayed")
        assert on_a.get(f"/runs/{span['id']}").status_code == 404


# ---- the published SDK ------------------------------------------------------------------------------


def test_the_sdk_sends_again_what_the_service_did_not_take(s3, served, monkeypatch):
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    server, client = served()
    s3.stop()
    sdk = Client(api_url=server.url, api_key="none")
    large = {"text": noise(SMALL).hex()}
    with trace("large", inputs=large, client=sdk, project_name="again", attachments={"a": ("image/png", noise(LARGE))}) as run:
        run.end(outputs=large)
    time.sleep(3)
    assert not client.get("/sessions?name=again").json()
    s3.start()
    sdk.flush()
    found = read(client, run.id, timeout=30)
    assert found["inputs"] == large and found["outputs"] == large
    assert fetch(found["s3_urls"]["attachment.a"]["presigned_url"]).content == noise(LARGE)
    got = sdk.read_run(run.id)
    assert got.attachments["a"]["reader"].read() == noise(LARGE)
    sdk.cleanup()


def test_the_javascript_sdk(s3, served):
    server, _ = served()
    done = run_program(["node", "--test", "traces.mjs"], cwd=JS_HOME, timeout=100,
                       env={**os.environ, "RUNBELL_URL": server.url, "LANGSMITH_TRACING": "true"})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert s3.objects() and s3.count("GET"), "its attachments went to the service and came from there"
