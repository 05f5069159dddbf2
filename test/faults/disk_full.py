"""disk_full -- inside a mount namespace of its own: a server whose data folder is a small disk that fills up.

    unshare --mount python disk_full.py FOLDER ROUNDS    prints one JSON object: what was seen
"""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.api import LIVE, Api, run_body  # noqa: E402
from harness.ledger import Ledger  # noqa: E402
from harness.load import Load  # noqa: E402
from harness.ports import eventually  # noqa: E402
from harness.receiver import Receiver  # noqa: E402
from harness.server import Server  # noqa: E402

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


def play(folder, rounds):
    ledger, seen = Ledger(), {"refusals": [], "reads": []}
    disk = SmallDisk(folder / "data")
    with Receiver() as receiver, Server(folder, config=FAST) as server, Api(server.url) as api:
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
    seen["database"] = is_whole(folder / "data" / "runbell.db")
    return seen


if __name__ == "__main__":
    print(json.dumps(play(Path(sys.argv[1]), int(sys.argv[2]))))
