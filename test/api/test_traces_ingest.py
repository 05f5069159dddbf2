"""Traces come in: every form of body, every order, and what is refused of it (B5-B8, requirements 1.7)."""

import json
import random
import threading

import httpx
import pytest
from harness.ports import eventually
from harness.spans import BEGAN, body, iso, make_span, new_id, packed, part, read, send
from langsmith import Client

PREFIXES = ["", "/api", "/api/v1"]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("encoding", [None, "gzip", "zstd"])
@pytest.mark.parametrize("length", ["header", "parameter", "nowhere"])
def test_a_multipart_body_of_every_form_is_taken_in(api, prefix, encoding, length):
    span = make_span(tags=["a"])
    inputs = {"q": "é\u0000--b0undary", "n": 1.50}
    answer = send(api, [part(f"post.{span['id']}", span, length=length),
                        part(f"post.{span['id']}.inputs", inputs, length=length)],
                  encoding, prefix + "/runs/multipart")
    assert (answer.status_code, answer.json()) == (202, {"message": "Runs batch ingested"})
    found = api.ok("GET", f"{prefix}/runs/{span['id']}")
    assert found["inputs"] == inputs and found["tags"] == ["a"] and found["status"] == "pending"
    assert found["start_time"] == "2026-11-21T05:12:37.533121"  # B6
    assert found["dotted_order"] == span["dotted_order"]  # B7
    assert found["app_path"] == (f"/o/{found['tenant_id']}/projects/p/{found['session_id']}/r/{span['id']}"
                                 f"?trace_id={span['id']}&start_time={found['start_time']}")  # B8


def test_a_chunked_body_is_taken_in(api):
    span = make_span()
    data, headers = packed(body([part(f"post.{span['id']}", span)]), "gzip")
    answer = api.post("/runs/multipart", content=(data[i:i + 7] for i in range(0, len(data), 7)), headers=headers)
    assert answer.status_code == 202
    assert read(api, span["id"])["name"] == "step"


def test_the_run_object_has_all_keys_of_the_sample(api):
    """B5: all present, null when unknown, counts 0."""
    span = make_span()
    api.ok("POST", "/runs", json=span)
    found = read(api, span["id"])
    sample = """status is_root trace_id dotted_order run_type modified_at tenant_id end_time name start_time id
        session_id parent_run_ids child_run_ids direct_child_run_ids total_tokens completion_tokens prompt_tokens
        total_cost completion_cost prompt_cost first_token_time app_path in_dataset last_queued_at inputs
        inputs_s3_urls outputs outputs_s3_urls extra events feedback_stats serialized share_token""".split()
    assert set(sample) <= set(found)
    assert found["parent_run_ids"] == [] and found["total_tokens"] == 0 and found["end_time"] is None


# ---- order ---------------------------------------------------------------------------------------------

def changes_of_a_trace():
    """A root with two children, told in many small pieces: (span id, layer, object or (field, value))."""
    root = make_span(name="root", extra={"metadata": {"thread_id": "T", "a": 1}})
    first = make_span(root, "first", 5, run_type="llm")
    second = make_span(first, "second", 7, run_type="tool")
    pieces = []
    for span in (root, first, second):
        pieces.append((span["id"], "post", span))
        pieces.append((span["id"], "post.inputs", {"in": span["name"]}))
        pieces.append((span["id"], "post.outputs", {}))
        pieces.append((span["id"], "patch", {"id": span["id"], "end_time": iso(BEGAN.replace(second=59)),
                                             "tags": ["done"]}))
        pieces.append((span["id"], "patch.outputs", {"out": span["name"]}))
        pieces.append((span["id"], "patch.extra", {"metadata": {"b": 2, "a": 3}}))
    pieces.append((second["id"], "patch.error", "ValueError('no')"))
    pieces.append((first["id"], "patch.events",
                   [{"name": "new_token", "time": iso(BEGAN.replace(second=50))}, {"name": "new_token", "time":
                    iso(BEGAN.replace(second=49))}]))
    return [root, first, second], pieces


VOLATILE = {"id", "trace_id", "app_path", "session_id", "modified_at", "trace_first_received_at", "dotted_order",
            "parent_run_id", "parent_run_ids"}


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_order_and_the_split_the_trace_is_the_same(api, seed):
    chance = random.Random(seed)
    spans, pieces = changes_of_a_trace()
    if seed:
        chance.shuffle(pieces)
    while pieces:
        count = chance.randint(1, len(pieces))
        taken, pieces = pieces[:count], pieces[count:]
        parts = []
        for span_id, what, value in taken:
            layer, _, field = what.partition(".")
            parts.append(part(f"{layer}.{span_id}" + (f".{field}" if field else ""), value))
        assert send(api, parts).status_code == 202
    root, first, second = (read(api, span["id"]) for span in spans)
    assert [one["status"] for one in (root, first, second)] == ["success", "success", "error"]
    assert root["extra"] == {"metadata": {"thread_id": "T", "a": 3, "b": 2}} and root["thread_id"] == "T"
    assert first["first_token_time"] == "2026-11-21T05:12:49.533121"
    assert second["error"] == "ValueError('no')"
    for span, one in zip(spans, (root, first, second)):
        assert one["inputs"] == {"in": span["name"]} and one["outputs"] == {"out": span["name"]}
        assert one["tags"] == ["done"] and one["name"] == span["name"] and one["run_type"] == span["run_type"]
        assert one["dotted_order"] == span["dotted_order"] and one["trace_id"] == spans[0]["id"]
        assert one["end_time"] == "2026-11-21T05:12:59.533121"
    assert second["parent_run_ids"] == [spans[0]["id"], spans[1]["id"]]


@pytest.mark.parametrize("seed", range(6))
def test_places_are_found_from_parents_in_any_order(api, seed):
    """Without trace_id and dotted_order: what the tree gives is derived."""
    spans = [make_span(name="0", project="derived")]
    for i in range(1, 6):
        spans.append(make_span(spans[(i - 1) // 2], str(i), i, "derived"))
    bare = [{key: value for key, value in span.items() if key not in ("trace_id", "dotted_order")} for span in spans]
    random.Random(seed).shuffle(bare)
    for span in bare:
        assert api.post("/runs", json=span).status_code == 202
    for span in spans:
        found = read(api, span["id"])
        assert found["dotted_order"] == span["dotted_order"]
        assert found["trace_id"] == spans[0]["id"]
        assert found["is_root"] == (span["parent_run_id"] is None)


def test_null_and_absent_change_nothing(api):
    span = make_span(inputs={"a": 1}, tags=["x"])
    api.ok("POST", "/runs", json=span)
    nothing = dict.fromkeys(["name", "run_type", "trace_id", "parent_run_id", "dotted_order", "tags", "extra",
                             "session_id", "session_name", "inputs", "error"])
    answer = api.patch(f"/runs/{span['id']}", json=nothing | {"id": span["id"], "outputs": {"b": 2},
                                                              "end_time": 1795237958000})
    assert answer.status_code == 202
    found = read(api, span["id"])
    assert (found["inputs"], found["outputs"], found["tags"]) == ({"a": 1}, {"b": 2}, ["x"])
    assert found["end_time"] == "2026-11-21T05:12:38.000000" and found["status"] == "success"


def test_a_patch_may_come_before_its_post(api):
    span = make_span()
    assert api.patch(f"/runs/{span['id']}", json={"outputs": {"b": 2}}).status_code == 202
    assert api.get(f"/runs/{span['id']}").status_code == 404
    api.ok("POST", "/runs", json=span)
    assert read(api, span["id"])["outputs"] == {"b": 2}


def test_the_same_post_twice_is_one_span(api):
    span = make_span(inputs={"a": 1})
    for _ in range(2):
        assert api.post("/runs/batch", json={"post": [span], "patch": []}).status_code == 202
    assert read(api, span["id"])["inputs"] == {"a": 1}


@pytest.mark.parametrize("given, expected", [
    ("2026-11-21T04:55:37.439380+00:00", "2026-11-21T04:55:37.439380"),
    ("2026-11-21T05:55:37.5+01:00", "2026-11-21T04:55:37.500000"),
    ("2026-11-21T04:55:37", "2026-11-21T04:55:37.000000"),
    (1795236937, "2026-11-21T04:55:37.000000"),
    (1795236937439, "2026-11-21T04:55:37.439000"),
    (1795236937439380, "2026-11-21T04:55:37.439380"),
])
def test_times_are_read_in_all_forms(api, given, expected):
    span_id = new_id()
    api.ok("POST", "/runs", json={"id": span_id, "name": "n", "run_type": "chain", "start_time": given})
    assert read(api, span_id)["start_time"] == expected


def test_ids_may_come_without_dashes(api):
    span = make_span()
    api.ok("POST", "/runs", json={"id": span["id"].replace("-", ""), "name": "n", "run_type": "chain"})
    assert read(api, span["id"].replace("-", ""))["id"] == span["id"]


# ---- what is refused -----------------------------------------------------------------------------------

BAD = [
    ("run_type", {"run_type": "agent"}),
    ("dotted_order", {"dotted_order": "20261121T051237533121Z" + new_id()}),
    ("dotted_order", {"dotted_order": "x"}),
    ("start_time", {"start_time": "yesterday"}),
    ("tags", {"tags": [1]}),
    ("name", {"name": 5}),
    ("session_id", {"session_id": "x"}),
    ("session_id", {"session_id": new_id()}),
]


@pytest.mark.parametrize("word, wrong", BAD)
def test_a_bad_run_is_named_and_the_good_ones_are_kept(api, word, wrong):
    good, bad, other = make_span(), make_span() | wrong, make_span()
    answer = send(api, [part(f"post.{one['id']}", one) for one in (good, bad, other)])
    assert answer.status_code == 422
    assert word in answer.json()["error"] and bad["id"] in answer.json()["error"]
    assert read(api, good["id"]) and read(api, other["id"])
    assert api.get(f"/runs/{bad['id']}").status_code == 404


@pytest.mark.parametrize("name, value, words", [
    ("post.x", {}, "no part of this API"),
    ("post.%s.colour", {}, "no part of this API"),
    ("attachment.%s.", b"x", "no part of this API"),
    ("post.%s.inputs", b"{nope", "not JSON"),
    ("post.%s", b"[]", "must be a JSON object"),
    ("post.%s", {"id": "00000000-0000-7000-8000-000000000000"}, "another one"),
])
def test_a_bad_part_is_named_and_the_good_ones_are_kept(api, name, value, words):
    good, span_id = make_span(), new_id()
    name = name.replace("%s", span_id)
    answer = send(api, [part(name, value), part(f"post.{good['id']}", good)])
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert read(api, good["id"])


def test_a_body_that_breaks_off_keeps_what_was_whole(api):
    spans = [make_span() for _ in range(3)]
    whole = body([part(f"post.{one['id']}", one) for one in spans])
    _, headers = packed(b"", None)
    answer = api.post("/runs/multipart", content=whole[:-200], headers=headers)
    assert answer.status_code == 422 and "boundary" in answer.json()["error"]
    assert read(api, spans[0]["id"]) and read(api, spans[1]["id"])
    assert api.get(f"/runs/{spans[2]['id']}").status_code == 404


def test_a_part_of_another_length_is_refused(api):
    span = make_span()
    data = json.dumps(span).encode()
    wrong = part(f"post.{span['id']}", data).replace(b"Content-Length: %d" % len(data),
                                                     b"Content-Length: %d" % (len(data) - 1))
    assert send(api, [wrong]).status_code == 422


@pytest.mark.parametrize("headers", [
    {"content-type": "application/json"},
    {"content-type": "multipart/form-data"},
    {"content-type": "multipart/form-data; boundary=b0undary", "content-encoding": "br"},
    {"content-type": "multipart/form-data; boundary=b0undary", "content-encoding": "gzip"},
])
def test_a_body_of_another_kind_is_refused(api, headers):
    span = make_span()
    answer = api.post("/runs/multipart", content=body([part(f"post.{span['id']}", span)]), headers=headers)
    assert answer.status_code == 422 and answer.json()["error"]


def test_a_packed_json_body_is_read(api):
    span = make_span()
    data, _ = packed(json.dumps({"post": [span]}).encode(), "gzip")
    answer = api.post("/runs/batch", content=data, headers={"content-encoding": "gzip"})
    assert answer.status_code == 202
    assert read(api, span["id"])
    assert api.post("/runs/batch", content=b"no", headers={"content-encoding": "gzip"}).status_code == 422
    assert api.post("/runs/batch", content=b"no", headers={"content-encoding": "br"}).status_code == 422
    for text in (b"no", b"{", b"[]"):
        answer = api.patch(f"/runs/{span['id']}", content=text)
        assert answer.status_code == 422 and list(answer.json()) == ["error"], answer.text


@pytest.mark.parametrize("packet", [{}, {"post": None}, {"patch": []}, {"post": [], "patch": []}])
def test_an_empty_batch_is_fine(api, packet):
    """B5: either key may be missing or empty."""
    assert api.post("/runs/batch", json=packet).status_code == 202


ODD = {"inputs": "text", "outputs": [1, {"a": 2}], "extra": 5, "events": ["token", {"name": "end"}], "serialized": True,
       "error": {"code": 7}}


@pytest.mark.parametrize("way", ["parts", "batch", "patch"])
def test_values_of_any_shape_are_read_in_the_promised_one(api, way):
    """B5, B6: an SDK could not read a list with anything else in it."""
    span = make_span(project=f"odd-{way}")
    if way == "parts":
        answer = send(api, [part(f"post.{span['id']}", span)] + [part(f"post.{span['id']}.{key}", value) for key, value in ODD.items()])
    elif way == "batch":
        answer = api.post("/runs/batch", json={"post": [span | ODD]})
    else:
        api.post("/runs", json=span)
        answer = api.patch(f"/runs/{span['id']}", json=ODD)
    assert answer.status_code == 202, answer.text
    found = read(api, span["id"])
    assert found["inputs"] == {"input": "text"} and found["outputs"] == {"output": [1, {"a": 2}]}
    assert found["extra"] == {"value": 5} and found["serialized"] == {"value": True}
    assert found["events"] == [{"value": "token"}, {"name": "end"}]
    assert json.loads(found["error"]) == {"code": 7} and found["status"] == "error"
    client = Client(api_url=str(api.base_url), api_key="none", auto_batch_tracing=False)
    [run] = client.list_runs(project_name=f"odd-{way}", select=[*found])
    assert run.inputs == {"input": "text"} and run.events[0] == {"value": "token"}
    by_value = 'and(eq(input_key, "input"), eq(input_value, "text"))'
    assert api.ok("POST", "/runs/query", json={"session": [found["session_id"]], "filter": by_value})["runs"]


# ---- overload -------------------------------------------------------------------------------------------

def test_overload_is_told_so_that_no_client_drops_what_it_has(start_server):
    """429 with Retry-After, before the body is taken; afterwards all goes on."""
    server = start_server(config={"runbell": {"traces": {"pending_bytes_max": 65536}}})
    span = make_span()
    data, headers = packed(body([part(f"post.{span['id']}", span), part(f"attachment.{span['id']}.a", b"x" * 40000)]),
                           None)
    go_on = threading.Event()

    def slowly():
        yield data[:1000]
        go_on.wait(20)
        yield data[1000:]

    first = []

    def send_slowly():
        while not first or first[-1].status_code == 429:  # the other one may have come before it
            first.append(httpx.post(server.url + "/runs/multipart", content=slowly(), headers=headers,
                                    trust_env=False, timeout=30))

    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        sending = threading.Thread(target=send_slowly)
        sending.start()
        # If the other one was refused because of this one, it hears of that when it has sent all.
        eventually(lambda: client.post("/runs/multipart", content=data, headers=headers).status_code == 429,
                   timeout=90, every=0.2)
        for path in ("/runs/multipart", "/runs/batch", "/runs"):
            answer = client.post(path, content=data, headers=headers)
            assert answer.status_code == 429 and answer.headers["retry-after"] == "1"
            assert list(answer.json()) == (["error"] if path == "/runs/multipart" else ["detail"])
        assert client.get("/sessions").status_code == 200  # only what comes in is held back
        go_on.set()
        sending.join()
        assert first[-1].status_code == 202
        assert client.post("/runs/multipart", content=data, headers=headers).status_code == 202


# ---- one port for two APIs (requirements 1.7) ------------------------------------------------------------

def test_the_agent_servers_runs_and_spans_share_a_path(api):
    run = api.ok("POST", "/runs", json={"assistant_id": "agent", "input": {"messages": []}})
    assert run["run_id"] and run["status"] == "pending"
    runs = api.ok("POST", "/runs/batch", json=[{"assistant_id": "agent", "input": {"messages": []}}])
    assert len(runs) == 1
    assert api.post("/runs", json={}).status_code == 422
    assert "assistant_id" in api.post("/runs", json={}).text


def test_info_answers_both(api):
    for prefix in PREFIXES:
        info = api.ok("GET", prefix + "/info")
        assert info["flags"]["assistants"] and info["batch_ingest_config"]["use_multipart_endpoint"]
        assert info["instance_flags"]["zstd_compression_enabled"] and info["version"] == "0.16.14"
        assert api.ok("GET", prefix + "/ok") == {"ok": True}
    assert api.ok("GET", "/info/health")
    assert api.get(f"/api/threads/{new_id()}").status_code == 404
    assert api.post("/api/threads", json={}).status_code == 404
