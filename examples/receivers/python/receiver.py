"""receiver -- takes Runbell's webhooks: verifies each, takes each once. Python's standard library only.

    RUNBELL_SECRET=whsec_… python3 receiver.py 8000

A webhook may come twice (a connection that broke off just before the answer): `webhook-id` is the same then. Answer
first and fast; do the work afterwards, from a queue of your own.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_S = 300
SEEN = {}  # webhook-id → when; a real receiver keeps this in its database, in the transaction of the work


def verifies(secrets, headers, body):
    """Is one of the signatures ours? `body` is the bytes as they came, before anything parses them."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE_S:
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    given = [part[3:] for part in headers.get("webhook-signature", "").split() if part.startswith("v1,")]
    for secret in secrets.split():
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(expected, one) for one in given):
            return True
    return False


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not verifies(os.environ["RUNBELL_SECRET"], self.headers, body):
            return self.answer(401)
        message_id = self.headers["webhook-id"]
        if message_id in SEEN:
            print("duplicate", message_id, flush=True)
        else:
            SEEN[message_id] = time.time()
            print("received", message_id, json.loads(body).get("status"), flush=True)
        return self.answer(200)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
