"""metadata -- gives temporary credentials as clouds do: an instance's metadata service (IMDSv2) and a container's endpoint.

    with Metadata(s3.keys, life_s=4) as metadata:
        start_server(env=s3.settings(**metadata.instance()))

What it gives is known to the S3 service (harness/s3.py) as long as it lives: `Keys`. A request that a cloud would refuse is refused here.
"""

import json
import threading
import time
import uuid
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROLE, ROLE_PATH = "runbell-role", "/latest/meta-data/iam/security-credentials/"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_PUT(self):
        metadata = self.server.metadata
        metadata.asked.append(("PUT", self.path))
        if metadata.fault:
            return self.answer(metadata.fault, "")
        if self.path != "/latest/api/token" or not self.headers.get("x-aws-ec2-metadata-token-ttl-seconds"):
            return self.answer(400, "")
        metadata.token = uuid.uuid4().hex
        return self.answer(200, metadata.token)

    def do_GET(self):
        metadata = self.server.metadata
        metadata.asked.append(("GET", self.path))
        if metadata.fault:
            return self.answer(metadata.fault, "")
        if self.path == "/container/7":
            return self.give() if self.headers.get("authorization") == metadata.secret else self.answer(401, "")
        if self.headers.get("x-aws-ec2-metadata-token") != metadata.token:
            return self.answer(401, "")
        if self.path == ROLE_PATH:
            return self.answer(200, ROLE + "\nanother-role")
        return self.give() if self.path == ROLE_PATH + ROLE else self.answer(404, "")

    def give(self):
        self.answer(200, json.dumps(self.server.metadata.new_keys()))


class Metadata:
    def __init__(self, keys, life_s=3600, secret=None):
        """`secret`: what a container must show."""
        self.keys, self.life_s, self.secret = keys, life_s, secret
        self.asked, self.given, self.fault, self.token = [], [], None, None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.metadata, self.server.daemon_threads = self, True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def new_keys(self):
        """Fresh ones; those before are not taken any more, as if a role had been changed."""
        key_id, secret, token = f"ASIA{uuid.uuid4().hex[:12].upper()}", uuid.uuid4().hex, "tok/" + uuid.uuid4().hex * 8 + "="
        self.keys.known = {key_id: (secret, token)}
        self.given.append((key_id, secret, token))
        ends = datetime.fromtimestamp(time.time() + self.life_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": key_id, "SecretAccessKey": secret, "Token": token,
                "Expiration": ends}

    def instance(self, **more):
        return {"credentials": "instance", "credentials_endpoint": self.url, "access_key_id": None, "secret_access_key": None, **more}

    def container(self, **more):
        return {**self.instance(), "credentials": "container", "credentials_endpoint": self.url + "/container/7", **more}
