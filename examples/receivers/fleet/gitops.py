"""gitops -- takes a Fleet webhook and keeps the agent in a git repository. Python's standard library and git.

    RUNBELL_SECRET=whsec_… python3 gitops.py 8000 /path/to/repository

The agent's files become agents/<name>/ and one commit by the publisher. With a form field `dry_run` that is true nothing
is kept, and the answer is what would change. The answer is shown to whoever published.
"""

import base64
import io
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps, loads
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
from receiver import verifies  # noqa: E402

ONE_AT_A_TIME = threading.Lock()


def git(repository, *words, **more):
    return subprocess.run(["git", "-C", str(repository), *words], check=True, capture_output=True, text=True, **more).stdout


def unpack(folder, archive):
    """The folder becomes just what the archive holds; a path that leads outside is refused."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        inside = folder.resolve()
        for name in files.namelist():
            if not (inside / name).resolve().is_relative_to(inside):
                raise ValueError(f"{name} leads outside")
        shutil.rmtree(folder, ignore_errors=True)
        files.extractall(folder)


def take(repository, payload):
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", payload["agent"]["name"]).strip(".-") or "agent"
    place = f"agents/{name}"
    folder = repository / place
    try:
        unpack(folder, base64.b64decode(payload["files"]["content_base64"]))
        git(repository, "add", "--all", "--", place)
        diff = git(repository, "diff", "--cached", "--", place)
        if payload["input"].get("dry_run") or not diff:
            return {"status": "dry run" if diff else "nothing changed", "diff": diff}
        who = payload["publisher"]["email"] or payload["publisher"]["user_id"]
        git(repository, "-c", "user.name=Fleet", "-c", "user.email=fleet@localhost", "commit", "--quiet",
            f"--author={who} <{who}>", f"--message=Publish {payload['agent']['name']}", "--", place)
        return {"status": "committed", "commit": git(repository, "rev-parse", "HEAD").strip(), "diff": diff}
    finally:  # what was not committed goes
        git(repository, "reset", "--quiet", "--", place)
        git(repository, "clean", "--quiet", "--force", "-d", "--", place)
        if git(repository, "ls-files", "--", place):
            git(repository, "checkout", "--quiet", "--", place)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not verifies(os.environ["RUNBELL_SECRET"], self.headers, body):
            return self.answer(401, {"status": "not signed by us"})
        try:
            with ONE_AT_A_TIME:
                return self.answer(200, take(Path(sys.argv[2]), loads(body)))
        except (ValueError, KeyError, zipfile.BadZipFile) as error:
            return self.answer(422, {"status": "refused", "why": str(error)})

    def answer(self, status, told):
        written = dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    git(sys.argv[2], "rev-parse", "--verify", "HEAD")  # a repository with a commit
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
