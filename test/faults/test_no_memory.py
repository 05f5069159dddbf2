"""The n-th allocation of the server finds no memory, for n = 1, 2, 4, 8 … (issue 3, "n-th allocation failure"): the process may
end, but at the next start nothing that was acknowledged is lost and the database is whole."""

import os
import shutil
import sqlite3
import subprocess
import uuid
from pathlib import Path

import pytest

from harness.api import LIVE, Api
from harness.clock import preload
from harness.ledger import Ledger
from harness.load import Load
from harness.ports import eventually
from harness.receiver import Answer
from harness.server import Server, binary

SOURCE = Path(__file__).with_name("failing_malloc.c")
FAST = {"runbell": {"delivery": {"test_schedule_ms": [50, 100, 200, 400, 800, 1600, *[3000] * 10]}}}
DOUBLINGS = int(os.environ.get("RUNBELL_TEST_DOUBLINGS", "18"))
AFTERLIFE = 20  # acknowledged requests after a failure that the process outlived


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    library = tmp_path_factory.mktemp("shim") / "failing_malloc.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def environment(shim, at, is_ever, mark):
    return {"LD_PRELOAD": preload(shim, is_first=True), "FAIL_PROGRAM": binary().name, "FAIL_AT": str(at), "FAIL_EVER": str(int(is_ever)),
            "FAIL_MARK": str(mark),
            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0:allocator_may_return_null=1"}


def live(server, ledger, mark):
    """One life under the shim: until it ends, or has served on after its failure. True: the failure came."""
    server.launch()
    seen = []

    def is_over():
        if server.process.poll() is not None:
            return True
        if mark.exists() and not seen:
            seen.append(len(ledger.acknowledged))
        return bool(seen) and len(ledger.acknowledged) >= seen[0] + AFTERLIFE

    try:
        eventually(is_over, 20)
    except AssertionError:
        pass  # it may hang, too: then it is killed
    if server.process.poll() is None:
        server.kill()
    return mark.exists()


@pytest.mark.timeout(1200)
def test_an_allocation_fails(store, tmp_path, shim, shared_receiver):
    hook = shared_receiver.hook(f"/{uuid.uuid4().hex}", Answer(status=500), Answer())
    server, ledger, failures = Server(tmp_path, store=store(), config=FAST), Ledger(), 0
    try:
        server.start()
        with Load(server.url, hook.url, ledger, clients=3, pause_s=0.01):
            server.kill()
            for doubling in range(DOUBLINGS):
                for is_ever in (False, True):
                    mark = tmp_path / f"mark-{doubling}-{is_ever:d}"
                    server.log_path = tmp_path / f"failing-{doubling}-{is_ever:d}.log"
                    server.env = environment(shim, (1 << doubling) + 2 * is_ever, is_ever, mark)
                    failures += live(server, ledger, mark)
            server.env, server.log_path = {}, tmp_path / "server.log"
            server.start()
        with Api(server.url) as api:
            eventually(lambda: not ledger.missing(hook.requests), 120, every=0.2,
                       why=lambda: f"{len(ledger.missing(hook.requests))} webhooks never came")
            for run in list(ledger.acknowledged.values()):
                answer = api.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}")
                assert answer.status_code == 404 or answer.json()["status"] not in LIVE, answer.text
        ledger.check(hook.requests)
        server.stop()
    finally:
        server.close()
    print(f"{failures} failures in {2 * DOUBLINGS} lives, {len(ledger.acknowledged)} runs acknowledged")
    assert failures >= 2 * DOUBLINGS - 4, f"only {failures} allocations failed"
    if server.store == "sqlite":
        with sqlite3.connect(server.data / "runbell.db") as database:
            assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
