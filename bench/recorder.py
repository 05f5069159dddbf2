"""recorder -- takes what the langsmith SDKs send of a traced program, byte for byte, and keeps it in one file.

The file: for each body a line `content-type <tab> content-encoding <tab> bytes <newline>`, then the bytes. bench_ingest (src/trace) reads
the same.
"""

import base64
import json
import os
import re
import subprocess
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import zstandard

BENCH = Path(__file__).resolve().parent
SPAN_ID = re.compile(rb'name="(?:post|patch)\.([0-9a-f-]{36})"')
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Body:
    def __init__(self, content_type, encoding, data):
        self.content_type, self.encoding, self.data = content_type, encoding, data

    def headers(self):
        return {"content-type": self.content_type} | ({"content-encoding": self.encoding} if self.encoding else {})

    def plain(self):
        if self.encoding == "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(self.data)
        return zlib.decompress(self.data, 31) if self.encoding == "gzip" else self.data

    def span_ids(self):
        return set(SPAN_ID.findall(self.plain()))

    def path(self):
        return "/runs/multipart" if self.content_type.startswith("multipart/") else "/otel/v1/traces"


def joined(bodies):
    """One body of the parts of all, which must have the same boundary, as those of one process in Python do."""
    boundary = bodies[0].content_type.split("boundary=")[1]
    end = f"--{boundary}--".encode()
    pieces = [body.plain().rstrip(b"\r\n").removesuffix(end) for body in bodies if boundary in body.content_type]
    return Body(bodies[0].content_type, "", b"".join(pieces) + end + b"\r\n")


def write(bodies, path):
    with path.open("wb") as out:
        for body in bodies:
            out.write(f"{body.content_type}\t{body.encoding}\t{len(body.data)}\n".encode() + body.data)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(200, self.server.info)

    def chunks(self):
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def do_POST(self):
        if self.headers.get("transfer-encoding") == "chunked":
            data = b"".join(self.chunks())
        else:
            data = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.bodies.append(Body(self.headers["content-type"], self.headers.get("content-encoding", ""), data))
        self.answer(202, {})


def record(language, info, *arguments):
    """The bodies that the SDK of this language sends of the traced program, in their order."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.info, server.bodies = info, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = {"python": [sys.executable, BENCH / "traced_program.py"], "js": ["node", BENCH / "traced_program.cjs"],
               "otel": [sys.executable, BENCH / "traced_otel.py"]}
    env = {**os.environ, "LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "none", "LANGSMITH_PROJECT": "bench", "LANGSMITH_TRACING_QUEUE_MAX_SIZE": "1000000",
           "LANGSMITH_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
           "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{server.server_port}/v1/traces",
           "NODE_PATH": str(BENCH.parent / "test" / "js" / "node_modules")}
    try:
        subprocess.run([*command[language], *map(str, arguments)], env=env, check=True, timeout=600)
    finally:
        server.shutdown()
    return server.bodies


def otlp_json(body):
    """The same spans as an exporter that writes JSON sends them: ids in hex."""
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    def in_hex(value):
        if isinstance(value, list):
            return [in_hex(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {key: base64.b64decode(one).hex() if key in ("traceId", "spanId", "parentSpanId") else in_hex(one)
                for key, one in value.items()}

    message = ExportTraceServiceRequest.FromString(body.plain())
    return Body("application/json", "", json.dumps(in_hex(MessageToDict(message))).encode())


class Copies:
    """The same bodies once more, unpacked, with other ids and on another day, so that they are other spans."""

    def __init__(self, bodies):
        self.bodies = [(body.content_type, body.plain()) for body in bodies]
        self.days = sorted({day for _, data in self.bodies for day in re.findall(rb'"start_time":"(\d{4}-\d\d-\d\d)T', data)})

    def make(self, number):
        """Copy `number` (1 …): yields Body after Body; number 0 has today's times."""
        other = f"{number:08x}".encode()
        for content_type, data in self.bodies:
            for day in self.days:
                moved = self.moved(day, number)
                data = data.replace(day + b"T", moved + b"T").replace(day.replace(b"-", b"") + b"T", moved.replace(b"-", b"") + b"T")
            yield Body(content_type, "", UUID.sub(lambda found: other + found[0][8:], data))

    @staticmethod
    def moved(day, number):
        from datetime import date, timedelta
        return (date.fromisoformat(day.decode()) - timedelta(days=number)).isoformat().encode()
