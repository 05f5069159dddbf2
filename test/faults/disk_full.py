"""disk_full -- inside a mount namespace of its own: a server whose data folder, blob folder or PostgreSQL is on a small disk
that fills up.

    unshare --mount python disk_full.py FOLDER ROUNDS data|blobs|postgres    prints one JSON object: what was seen
"""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.api import LIVE, Api, run_body  # noqa: E402
from harness.ledger import Ledger  # noqa: E402
from harness.load import Load  # noqa: E402
from harness.ports import eventually  # noqa: E402
from harness.postgres import Cluster, Databases  # noqa: E402
from harness.receiver import Receiver  # noqa: E402
from harness.server import Server  # noqa: E402
from harness.spans import make_span, part, send  # noqa: E402

SIZE = "24m"
FAST = {"runbell": {"delivery": {"test_schedule_ms": [50, 100, 200, 400, 800, 1600, *[3000] * 10]}}}
BLOCK = bytes(1 << 16)


class SmallDisk:
    def __init__(self, folder):
        self.folder = folder
        self.ballast = folder / "ballast"
        folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=True)

    def fill(self):
        with self.ballast.open("ab", buffering=0) as file:
            for piece in (BLOCK, b"x" * 4096):
                try:
                    while file.write(piece) == len(piece):
                        pass
                except OSError:
                    pass

    def free(self):
        self.ballast.unlink()


def refusals(api, disk, hook, ledger, wanted):
    """Asks until so many requests were refused; what was acknowledged on the way is in the ledger."""
    found = []
    for number in range(400):
        disk.fill()  # what the server gives back
        key = f"full-{number}-{len(ledger.acknowledged)}"
        answer = api.post("/runs", json=run_body(webhook=hook.url, metadata={"key": key}),
                          headers={"Idempotency-Key": key})
        if answer.status_code == 200:
            ledger.acknowledge(key, answer.json())
            continue
        found.append([answer.status_code, answer.headers.get("retry-after"), answer.text])
        if len(found) >= wanted:
            break
    return found


def is_whole(path):
    with sqlite3.connect(path) as database:
        return database.execute("PRAGMA integrity_check").fetchone()[0]


@contextlib.contextmanager
def postgres_on_a_small_disk():
    """The disk, and the address of a database whose tables are on it; its log is elsewhere, as on a server with room for it."""
    with Cluster() as cluster:
        disk = SmallDisk(cluster.home / "small")
        owner = cluster.folder.stat()
        os.chown(disk.folder, owner.st_uid, owner.st_gid)
        databases = Databases(cluster.url)
        (disk.folder / "tables").mkdir()
        os.chown(disk.folder / "tables", owner.st_uid, owner.st_gid)
        databases.run(f"create tablespace small location '{disk.folder}/tables'")
        databases.run("create database small tablespace small")
        yield disk, cluster.url.rsplit("/", 1)[0] + "/small", databases


def play(folder, rounds):
    return play_on(folder, rounds, SmallDisk(folder / "data"), "sqlite")


def play_postgres(folder, rounds):
    with postgres_on_a_small_disk() as (disk, url, databases):
        seen = play_on(folder, rounds, disk, url)
        seen["database"] = databases.run("select 'ok' from deliveries limit 1", url).strip()
        return seen


def play_on(folder, rounds, disk, store):
    ledger, seen = Ledger(), {"refusals": [], "reads": []}
    with Receiver() as receiver, Server(folder, config=FAST, store=store) as server, Api(server.url) as api:
        hook = receiver.hook("/told")
        known = api.thread()
        for turn in range(rounds):
            with Load(server.url, hook.url, ledger, clients=2, pause_s=0.01, seed=turn):
                before = len(ledger.acknowledged)
                eventually(lambda: len(ledger.acknowledged) >= before + 5, 60, why="nobody is served")
                disk.fill()
                seen["refusals"] += refusals(api, disk, hook, ledger, 8)
                seen["reads"] += [api.get(path).status_code for path in (f"/threads/{known}", "/ok")]
                assert server.process.poll() is None, f"ended with {server.process.returncode}: {server.log()[-3000:]}"
                disk.free()
        eventually(lambda: not ledger.missing(hook.requests), 120, every=0.2,
                   why=lambda: f"{len(ledger.missing(hook.requests))} webhooks never came: {server.log()[-3000:]}")
        for run in list(ledger.acknowledged.values()):
            answer = api.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}")
            assert answer.status_code == 404 or answer.json()["status"] not in LIVE, answer.text
        seen["repeats"] = ledger.check(hook.requests)
        eventually(lambda: api.thread() and "there is room on the disk again" in server.log(), 30, every=0.2)
        seen["said"] = [server.log().count(words) for words in ("the disk is full", "there is room on the disk again")]
    seen["runs"] = len(ledger.acknowledged)
    if store == "sqlite":
        seen["database"] = is_whole(folder / "data" / "runbell.db")
    return seen


def send_span(api, bytes_count):
    """A span whose inputs are as large; large ones lie in the blob folder."""
    span = make_span()
    inputs = {"text": uuid.uuid4().hex + "x" * bytes_count}
    return {**span, "inputs": inputs}, send(api, [part(f"post.{span['id']}", span), part(f"post.{span['id']}.inputs", inputs)])


def play_blobs(folder, rounds):
    seen = {"refusals": [], "reads": [], "small": [], "large": 0, "lost": []}
    disk, kept = SmallDisk(folder / "data" / "blobs"), []
    with Server(folder) as server, Api(server.url) as api:
        for _ in range(rounds):
            span, answer = send_span(api, 300_000)
            assert answer.is_success, answer.text
            kept.append(span)
            disk.fill()
            for _ in range(4):
                disk.fill()
                span, answer = send_span(api, 300_000)
                if answer.is_success:
                    kept.append(span)
                else:
                    seen["refusals"].append([answer.status_code, answer.headers.get("retry-after"), answer.text])
            seen["small"].append(send_span(api, 10)[1].status_code)
            seen["reads"] += [api.get(path).status_code for path in (f"/runs/{kept[0]['id']}", "/ok")]
            assert server.process.poll() is None, f"ended with {server.process.returncode}: {server.log()[-3000:]}"
            disk.free()
        for span in kept:
            eventually(lambda: api.get(f"/runs/{span['id']}").status_code == 200, 30)
            if api.ok("GET", f"/runs/{span['id']}")["inputs"] != span["inputs"]:
                seen["lost"].append(span["id"])
        seen["large"] = len(kept)
    return seen


PLAYS = {"data": play, "blobs": play_blobs, "postgres": play_postgres}

if __name__ == "__main__":
    print(json.dumps(PLAYS[sys.argv[3]](Path(sys.argv[1]), int(sys.argv[2]))))
