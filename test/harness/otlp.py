"""otlp -- spans as OpenTelemetry's exporters send them, as JSON by hand."""

import os

BEGAN_NS = 1_795_237_957_533_121_000  # 2026-11-21T05:12:37.533121Z


def new_trace():
    return os.urandom(16).hex()


def new_span_id():
    return os.urandom(8).hex()


def value(of):
    """An AnyValue of the Python value."""
    if isinstance(of, bool):
        return {"boolValue": of}
    if isinstance(of, int):
        return {"intValue": str(of)}
    if isinstance(of, float):
        return {"doubleValue": of}
    if isinstance(of, list):
        return {"arrayValue": {"values": [value(one) for one in of]}}
    if isinstance(of, dict):
        return {"kvlistValue": {"values": attributes(of)}}
    return {"stringValue": of}


def attributes(of):
    return [{"key": key, "value": value(one)} for key, one in of.items()]


def event(name, at_us=0, **of):
    return {"name": name, "timeUnixNano": str(BEGAN_NS + at_us * 1000),
            "attributes": attributes({key.replace("__", "."): one for key, one in of.items()})}


def otel_span(trace, parent=None, name="step", at_ms=0, of=None, **fields):
    begins = BEGAN_NS + at_ms * 1_000_000
    made = {"traceId": trace, "spanId": new_span_id(), "name": name, "kind": 1, "startTimeUnixNano": str(begins),
            "endTimeUnixNano": str(begins + 5_000_000), "attributes": attributes(of or {})}
    if parent:
        made["parentSpanId"] = parent["spanId"]
    return made | fields


def request(*spans, scope="tests", resource=None):
    return {"resourceSpans": [{"resource": {"attributes": attributes(resource or {})},
                               "scopeSpans": [{"scope": {"name": scope, "version": "1"}, "spans": list(spans)}]}]}


def run_id(span):
    """The id of a span that is no root."""
    return f"00000000-0000-0000-{span['spanId'][:4]}-{span['spanId'][4:]}"


def trace_uuid(trace):
    return f"{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:20]}-{trace[20:]}"
