"""OpenTelemetry's traces come in: OTLP/HTTP as protobuf and as JSON, from its own SDK and by hand (B4, B8, B17)."""

import gzip
import json
import random
import uuid

import pytest
from harness.otlp import attributes, event, new_trace, otel_span, request, run_id, trace_uuid
from harness.ports import eventually
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (ExportTraceServiceRequest,
                                                                      ExportTraceServiceResponse)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import Status, StatusCode

PATH = "/otel/v1/traces"
PROTOBUF = {"content-type": "application/x-protobuf"}


def send(api, *spans, path=PATH, headers=None, **more):
    return api.post(path, json=request(*spans, **more), headers=headers or {})


def ok(api, *spans, **more):
    answer = send(api, *spans, **more)
    assert (answer.status_code, answer.json()) == (200, {}), answer.text


def read(api, span_id):
    return api.ok("GET", f"/runs/{span_id}")


def root_of(api, of=None, scope="tests", resource=None, headers=None, **fields):
    """A trace of one span, as it is read back."""
    trace = new_trace()
    ok(api, otel_span(trace, of=of, **fields), scope=scope, resource=resource, headers=headers)
    return read(api, trace_uuid(trace))


# ---- the door ------------------------------------------------------------------------------------------

def as_protobuf(document):
    """The same request, encoded by Google's library."""
    def fill(to, spans):
        for one in spans:
            made = to.add(trace_id=bytes.fromhex(one["traceId"]), span_id=bytes.fromhex(one["spanId"]), name=one["name"],
                          start_time_unix_nano=int(one["startTimeUnixNano"]),
                          end_time_unix_nano=int(one["endTimeUnixNano"]),
                          parent_span_id=bytes.fromhex(one.get("parentSpanId", "")))
            for pair in one["attributes"]:
                made.attributes.add(key=pair["key"]).value.string_value = pair["value"]["stringValue"]
    message = ExportTraceServiceRequest()
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            made = message.resource_spans.add().scope_spans.add()
            made.scope.name = scope["scope"]["name"]
            fill(made.spans, scope["spans"])
    return message.SerializeToString()


@pytest.mark.parametrize("path", ["/otel/v1/traces", "/api/otel/v1/traces", "/api/v1/otel/v1/traces", "/otel",
                                  "/api/v1/otel", "/v1/traces", "/otel/v1/traces/"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_every_path_and_form_is_taken_in(api, path, encoding, packed):
    trace = new_trace()
    root = otel_span(trace, name="root", of={"input.value": "é\0?"})
    document = request(root, otel_span(trace, root, "child", 1))
    data = json.dumps(document).encode() if encoding == "json" else as_protobuf(document)
    headers = {"content-type": "application/json; charset=utf-8"} if encoding == "json" else PROTOBUF
    if packed:
        data, headers = gzip.compress(data), headers | {"content-encoding": "gzip"}
    answer = api.post(path, content=data, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == headers["content-type"].partition(";")[0]
    assert answer.content == (b"{}" if encoding == "json" else b"")
    found = read(api, trace_uuid(trace))
    assert found["name"] == "root" and found["inputs"] == {"input": "é\ufffd?"} and found["is_root"]
    assert found["start_time"] == "2026-11-21T05:12:37.533121" and found["end_time"] == "2026-11-21T05:12:37.538121"
    assert found["status"] == "success" and found["run_type"] == "chain"


def test_what_makes_no_sense_is_refused_in_the_requests_encoding(api):
    from google.rpc.status_pb2 import Status as RpcStatus

    answer = api.post(PATH, content=b"\x0a\xff", headers=PROTOBUF)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/x-protobuf")
    said = RpcStatus.FromString(answer.content)
    assert said.code == 3 and "protobuf" in said.message
    for body, word in [("{", "not JSON"), ("[]", "resourceSpans"), ('{"resourceSpans": {}}', "array")]:
        answer = api.post(PATH, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400 and word in answer.json()["message"]
    assert api.post(PATH, content=b"x", headers={"content-type": "text/plain"}).status_code == 415
    assert api.get(PATH).status_code == 405


def test_nested_values_have_a_limit(api):
    deep = "x"
    for _ in range(40):
        deep = [deep]
    answer = send(api, otel_span(new_trace(), of={"deep": deep}))
    assert answer.status_code == 413 and "32" in answer.json()["message"]


def test_an_empty_request_is_fine(api):
    assert api.post(PATH, content=b"", headers=PROTOBUF).content == b""
    assert api.post(PATH, json={}).json() == {}
    assert api.post(PATH, json={"resourceSpans": []}).json() == {}


def test_a_large_request_is_taken_in(api):
    """More than http.body_bytes_max, which is 2 MiB."""
    text = "y" * (3 << 20)
    assert root_of(api, {"output.value": text})["outputs"] == {"output": text}


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_a_bad_span_does_not_take_the_good_ones_with_it(api, encoding):
    trace = new_trace()
    good, bad, worse = otel_span(trace, name="good"), otel_span("00" * 16, name="bad"), otel_span(new_trace())
    worse["attributes"] = attributes({"langsmith.trace.session_id": "no uuid"})
    document = request(bad, good, worse)
    if encoding == "json":
        partial = api.post(PATH, json=document).json()["partialSuccess"]
        assert partial["rejectedSpans"] == "2"
        words = partial["errorMessage"]
    else:
        answer = api.post(PATH, content=as_protobuf(document), headers=PROTOBUF)
        partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
        assert (answer.status_code, partial.rejected_spans) == (200, 2)
        words = partial.error_message
    assert "bad: trace_id must have 16 bytes" in words and "session_id must be a UUID" in words
    assert read(api, trace_uuid(trace))["name"] == "good"


# ---- places --------------------------------------------------------------------------------------------

def tree(trace, project):
    of = {"langsmith.trace.session_name": project}
    root = otel_span(trace, name="0", of=of)
    spans = [root]
    for i in range(1, 7):
        spans.append(otel_span(trace, spans[(i - 1) // 2], str(i), i, of=of))
    return spans


@pytest.mark.parametrize("seed", range(10))
def test_places_are_found_whatever_the_order_and_the_split(api, seed):
    """Children come before parents, in other requests, and again."""
    chance = random.Random(seed)
    trace, project = new_trace(), f"otel-{uuid.uuid4()}"
    spans = tree(trace, project)
    rest = spans + chance.sample(spans, 3)
    if seed:
        chance.shuffle(rest)
    while rest:
        count = chance.randint(1, len(rest))
        ok(api, *rest[:count])
        rest = rest[count:]
    ids = [trace_uuid(trace)] + [run_id(span) for span in spans[1:]]
    found = [read(api, span_id) for span_id in ids]
    assert all(one["trace_id"] == ids[0] for one in found)
    assert [one["is_root"] for one in found] == [True] + [False] * 6
    for i, one in enumerate(found[1:], 1):
        above = found[(i - 1) // 2]
        assert one["parent_run_id"] == above["id"]
        assert one["dotted_order"].startswith(above["dotted_order"] + ".") and one["dotted_order"].endswith(one["id"])
    sessions = api.ok("GET", "/sessions", params={"name": project})
    listed = api.ok("POST", "/runs/query", json={"session": [sessions[0]["id"]], "trace": ids[0], "limit": 100})["runs"]
    assert {one["id"] for one in listed} == set(ids)


def test_langsmiths_own_ids_override(api):
    """What the JavaScript SDK says outright; spans of others below it know it by its span id."""
    own, trace = str(uuid.uuid4()), new_trace()
    order = f"20261121T051237533121Z{own}"
    root = otel_span(trace, name="own", of={"langsmith.span.id": own, "langsmith.trace.id": own,
                                            "langsmith.span.dotted_order": order})
    child = otel_span(trace, root, "child", 1)
    ok(api, child)
    ok(api, root)
    assert read(api, own)["dotted_order"] == order
    found = read(api, run_id(child))
    assert (found["parent_run_id"], found["trace_id"]) == (own, own)


def test_a_span_may_say_that_it_is_a_root(api):
    trace = new_trace()
    span = otel_span(trace, {"spanId": "12" * 8}, of={"langsmith.is_root": True})
    ok(api, span)
    assert read(api, trace_uuid(trace))["is_root"]


# ---- where and what ------------------------------------------------------------------------------------

def test_the_project_is_the_spans_the_processs_or_the_requests(api):
    names = [f"p-{uuid.uuid4()}" for _ in range(3)]
    header, resource = {"langsmith-project": names[2]}, {"langsmith.trace.session_name": names[1]}
    runs = [root_of(api, {"langsmith.trace.session_name": names[0]}, resource=resource, headers=header),
            root_of(api, resource=resource, headers=header), root_of(api, headers=header), root_of(api)]
    ids = {one["name"]: one["id"] for one in api.ok("GET", "/sessions", params={"limit": 100})}
    assert [one["session_id"] for one in runs] == [ids[name] for name in [*names, "default"]]


@pytest.mark.parametrize("of, run_type", [
    ({"langsmith.span.kind": "retriever", "gen_ai.operation.name": "chat"}, "retriever"),
    ({"langsmith.span.kind": "nonsense"}, "chain"), ({"langsmith.span.kind": "LLM"}, "llm"),
    ({"gen_ai.operation.name": "chat"}, "llm"), ({"gen_ai.operation.name": "text_completion"}, "llm"),
    ({"gen_ai.operation.name": "embeddings"}, "embedding"), ({"gen_ai.operation.name": "execute_tool"}, "tool"),
    ({"traceloop.llm.request.type": "embedding"}, "embedding"), ({"traceloop.llm.request.type": "chat"}, "llm"),
    ({"openinference.span.kind": "LLM"}, "llm"), ({"openinference.span.kind": "RETRIEVER"}, "retriever"),
    ({"traceloop.span.kind": "workflow"}, "chain"), ({"traceloop.span.kind": "tool"}, "tool"),
    ({"llm.prompt_template.variables": "{}"}, "prompt"), ({"gen_ai.tool.name": "search"}, "tool"), ({}, "chain")])
def test_the_kind(api, of, run_type):
    assert root_of(api, of)["run_type"] == run_type


@pytest.mark.parametrize("of, name", [
    ({"langsmith.trace.name": "a", "traceloop.entity.name": "b"}, "a"), ({"traceloop.entity.name": "b"}, "b"),
    ({"tool.name": "c"}, "c"), ({}, "step")])
def test_the_name(api, of, name):
    assert root_of(api, of)["name"] == name


MESSAGES = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]


@pytest.mark.parametrize("of, inputs", [
    ({"gen_ai.prompt": '{"question": "Hi", "n": 1.50}'}, {"question": "Hi", "n": 1.5}),
    ({"gen_ai.prompt": json.dumps(MESSAGES)}, {"messages": MESSAGES}),
    ({"gen_ai.prompt": "Hi"}, {"input": "Hi"}),
    ({"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Hi", "gen_ai.prompt.1.role": "assistant",
      "gen_ai.prompt.1.content": "Ho"}, {"messages": MESSAGES}),
    ({"gen_ai.prompt.0.message.role": "user", "gen_ai.prompt.0.message.content": "Hi"}, {"messages": MESSAGES[:1]}),
    ({"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Hi",
      "input.value": "all"}, {"messages": MESSAGES[:1]}),
    ({"llm.input_messages": json.dumps(MESSAGES)}, {"messages": MESSAGES}),
    ({"input.value": "Hi", "input.mime_type": "text/plain"}, {"input": "Hi"}),
    ({"input.value": '{"a": [1]}'}, {"a": [1]}),
    ({"traceloop.entity.input": '{"b": 2}'}, {"b": 2}),
    ({"prompt": "Hi"}, {"input": "Hi"}),
    ({f"llm.input_messages.{i}.message.content": str(i) for i in (10, 9, 2, 0)},
     {"messages": [{"content": i} for i in ("0", "2", "9", "10")]}),
    ({"llm.input_messages.0.message.tool_calls.0.tool_call.function.name": "f",
      "llm.input_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}"},
     {"messages": [{"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]})])
def test_inputs(api, of, inputs):
    assert root_of(api, of)["inputs"] == inputs


@pytest.mark.parametrize("of, outputs", [
    ({"gen_ai.completion": '{"answer": 42}'}, {"answer": 42}),
    ({"gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "Ho"}, {"messages": MESSAGES[1:]}),
    ({"llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "Ho"},
     {"messages": MESSAGES[1:]}),
    ({"output.value": "Ho"}, {"output": "Ho"}),
    ({"traceloop.entity.output": '{"c": 3}'}, {"c": 3}),
    ({"output.value": "Ho", "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4},
     {"output": "Ho", "usage_metadata": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}}),
    ({"llm.token_count.prompt": 3, "llm.token_count.completion": 4, "llm.token_count.total": 9,
      "llm.token_count.prompt_details.cache_read": 2},
     {"usage_metadata": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 9,
                         "input_token_details": {"cache_read": 2}}}),
    ({"retrieval.documents.0.document.content": "a", "retrieval.documents.0.document.metadata": '{"k": 1}',
      "retrieval.documents.1.document.content": "b"},
     {"documents": [{"page_content": "a", "metadata": {"k": 1}}, {"page_content": "b"}]})])
def test_outputs(api, of, outputs):
    assert root_of(api, of)["outputs"] == outputs


def test_messages_may_be_events(api):
    found = root_of(api, events=[event("gen_ai.system.message", content="Be brief"),
                                 event("gen_ai.user.message", content="Hi"),
                                 event("gen_ai.choice", index=0, finish_reason="stop", message={"content": "Ho"})])
    assert found["inputs"] == {"messages": [{"role": "system", "content": "Be brief"},
                                            {"role": "user", "content": "Hi"}]}
    assert found["outputs"] == {"messages": [{"role": "assistant", "index": 0, "finish_reason": "stop", "content": "Ho"}]}
    found = root_of(api, events=[event("gen_ai.choice", index=0, message='{"role": "critic", "content": "Ho", "index": 7}')])
    assert found["outputs"] == {"messages": [{"index": 0, "role": "critic", "content": "Ho"}]}
    found = root_of(api, events=[event("gen_ai.choice", message="Ho")])
    assert found["outputs"] == {"messages": [{"role": "assistant", "message": "Ho"}]}
    found = root_of(api, events=[event("gen_ai.content.prompt", gen_ai__prompt='{"q": "Hi"}'),
                                 event("gen_ai.content.completion", gen_ai__completion="Ho")])
    assert (found["inputs"], found["outputs"]) == ({"q": "Hi"}, {"output": "Ho"})


def test_metadata_params_tags_and_runtime(api):
    found = root_of(api, {
        "langsmith.metadata.user": "ann", "traceloop.association.properties.chat": "7", "langsmith.span.tags": "a, b",
        "metadata": '{"k": {"x": 1}, "user": "not this"}', "session.id": "T-1", "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o", "gen_ai.request.temperature": 0.5, "gen_ai.request.stop_sequences": ["x"],
        "llm.invocation_parameters": '{"top_p": 1}', "http.status_code": 200, "list": [1, "b", True, 1.5],
        "map": {"deep": {"er": []}}}, resource={"service.name": "shop", "host.name": "h"})
    metadata = found["extra"]["metadata"]
    assert metadata.pop("OTEL_TRACE_ID") == found["id"].replace("-", "") and len(metadata.pop("OTEL_SPAN_ID")) == 16
    assert metadata == {"user": "ann", "chat": "7", "k": {"x": 1}, "session_id": "T-1", "ls_provider": "openai",
                        "ls_model_name": "gpt-4o", "http.status_code": 200, "list": [1, "b", True, 1.5],
                        "map": {"deep": {"er": []}}, "service.name": "shop"}
    assert found["extra"]["invocation_params"] == {"model": "gpt-4o", "temperature": 0.5, "stop": ["x"], "top_p": 1}
    assert found["extra"]["runtime"] == {"library": "tests", "library_version": "1", "service.name": "shop",
                                         "host.name": "h"}
    assert found["tags"] == ["a", "b"] and found["thread_id"] == "T-1"


@pytest.mark.parametrize("fields, error", [
    ({"status": {"code": 2, "message": "no way"}}, "no way"),
    ({"status": {"code": "STATUS_CODE_ERROR"}}, "error"),
    ({"events": [event("exception", exception__type="ValueError", exception__message="bad",
                       exception__stacktrace="Traceback")]}, "bad\n\nTraceback"),
    ({"status": {"code": 1}, "events": [event("exception", exception__message="handled")]}, None),
    ({"status": {"code": 0}}, None)])
def test_errors(api, fields, error):
    found = root_of(api, **fields)
    assert (found["error"], found["status"]) == (error, "error" if error else "success")


def test_events_stay(api):
    found = root_of(api, events=[event("new_token", 7, kwargs="x"), event("cache.hit", 9)])
    assert [one["name"] for one in found["events"]] == ["new_token", "cache.hit"]
    assert found["events"][0]["kwargs"] == {"kwargs": "x"}
    assert found["first_token_time"] == "2026-11-21T05:12:37.533128"


# ---- OpenTelemetry's own SDK ----------------------------------------------------------------------------

@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_the_python_exporter(api, server, compression):
    project = f"sdk-{uuid.uuid4()}"
    exporter = OTLPSpanExporter(endpoint=server.url + PATH, headers={"Langsmith-Project": project},
                                compression=compression)
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))  # each span at its end: children first
    tracer = provider.get_tracer("shop.lib")
    with tracer.start_as_current_span("root") as root:
        with tracer.start_as_current_span("llm", attributes={
                "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2,
                "gen_ai.request.model": "m", "input.value": "Hi", "output.value": "Ho"}):
            pass
        with pytest.raises(ValueError), tracer.start_as_current_span("tool"):
            raise ValueError("bad")
        root.set_status(Status(StatusCode.OK))
    provider.shutdown()
    trace = f"{root.get_span_context().trace_id:032x}"
    sessions = api.ok("GET", "/sessions", params={"name": project})
    runs = api.ok("POST", "/runs/query", json={"session": [sessions[0]["id"]], "limit": 100})["runs"]
    by_name = {one["name"]: one for one in runs}
    assert set(by_name) == {"root", "llm", "tool"}
    assert by_name["root"]["id"] == trace_uuid(trace) and by_name["root"]["status"] == "success"
    assert by_name["llm"]["run_type"] == "llm" and by_name["llm"]["inputs"] == {"input": "Hi"}
    assert by_name["llm"]["parent_run_id"] == by_name["root"]["id"]
    assert [by_name[name]["total_tokens"] for name in ("llm", "root", "tool")] == [7, 7, 0]
    assert by_name["tool"]["status"] == "error" and by_name["tool"]["error"].startswith("bad\n\nTraceback")


def test_the_exporter_is_told_what_to_do(server):
    """The SDK's own reading of our statuses: success, and failure that is not repeated."""
    assert OTLPSpanExporter(endpoint=server.url + PATH).export([]) == SpanExportResult.SUCCESS
    assert OTLPSpanExporter(endpoint=server.url + "/nowhere").export([]) == SpanExportResult.FAILURE


def test_a_rule_fires_on_them(start_server, hostile):
    from harness.api import Api

    hook = hostile.hook("/rule")
    server = start_server(config={"runbell": {"rules": {"tick_s": 0.1}, "delivery": {"survey_s": 0.2}}})
    with Api(server.url) as api:
        project = api.ok("POST", "/sessions", json={"name": "otel"})
        api.ok("POST", "/api/v1/runs/rules", json={
            "display_name": "errors", "sampling_rate": 1, "session_id": project["id"], "filter": 'eq(status, "error")',
            "webhooks": [{"url": hook.url}]})
        trace = new_trace()
        root = otel_span(trace, of={"langsmith.trace.session_name": "otel"})
        bad = otel_span(trace, root, "bad", of={"langsmith.trace.session_name": "otel"}, status={"code": 2})
        ok(api, bad, root)
        sent = eventually(lambda: list(hook.requests), 20)
        assert [run["id"] for run in sent[0].json["runs"]] == [run_id(bad)]
