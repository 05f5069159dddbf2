"""spans -- spans as clients of the tracing API write them, and multipart bodies by hand."""

import gzip
import json
import random
import time
import uuid
from datetime import datetime, timedelta, timezone

import zstandard

BEGAN = datetime(2026, 11, 21, 5, 12, 37, 533121, tzinfo=timezone.utc)


def new_id():
    return str(uuid.uuid4())


def stamp(moment):
    return moment.strftime("%Y%m%dT%H%M%S%fZ")


def iso(moment):
    return moment.isoformat(timespec="microseconds")


def noise(size, seed=7):
    """Bytes that nothing makes smaller, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def make_span(parent=None, name="step", at_ms=0, project="tests", **fields):
    """The body of a run's creation, with the place in its trace."""
    begins = BEGAN + timedelta(milliseconds=at_ms)
    span_id = new_id()
    above = parent["dotted_order"] + "." if parent else ""
    return {
        "id": span_id, "name": name, "run_type": "chain", "start_time": iso(begins), "session_name": project,
        "trace_id": parent["trace_id"] if parent else span_id,
        "parent_run_id": parent["id"] if parent else None,
        "dotted_order": f"{above}{stamp(begins)}{span_id}",
    } | fields


def part(name, value, mime="application/json", length="header"):
    """One part; `length`: where it says how long it is (header, parameter, nowhere)."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    head = f'Content-Disposition: form-data; name="{name}"\r\nContent-Type: {mime}'
    if length == "parameter":
        head += f"; length={len(data)}"
    if length == "header":
        head += f"\r\nContent-Length: {len(data)}"
    return head.encode() + b"\r\n\r\n" + data


def body(parts, boundary="b0undary"):
    pieces = [f"--{boundary}\r\n".encode() + one + b"\r\n" for one in parts]
    return b"".join(pieces) + f"--{boundary}--\r\n".encode()


def packed(data, encoding):
    """The body and its headers."""
    headers = {"content-type": "multipart/form-data; boundary=b0undary"}
    if encoding == "gzip":
        return gzip.compress(data), headers | {"content-encoding": "gzip"}
    if encoding == "zstd":
        return zstandard.ZstdCompressor().compress(data), headers | {"content-encoding": "zstd"}
    return data, headers


def send(api, parts, encoding=None, path="/runs/multipart"):
    data, headers = packed(body(parts), encoding)
    return api.post(path, content=data, headers=headers)


def read(api, span_id, timeout=5):
    """The span, once it is there."""
    ends = time.monotonic() + timeout
    while (answer := api.get(f"/runs/{span_id}")).status_code == 404 and time.monotonic() < ends:
        time.sleep(0.02)
    assert answer.status_code == 200, answer.text
    return answer.json()
