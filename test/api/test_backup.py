"""Backup of a running server, and its restore (issue 2; design §5)."""

import os
import subprocess
import threading

from harness.api import Api
from harness.ports import eventually
from harness.server import binary


def runbell(*words, folder):
    # 99: a sanitizer spoke
    return subprocess.run([binary(), *map(str, words)], cwd=folder, capture_output=True, text=True, check=False,
                          timeout=60, env={**os.environ, "ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "exitcode=99"})


class Writer(threading.Thread):
    """Creates threads until it is told to stop; each id is kept once the server has acknowledged it."""

    def __init__(self, url):
        super().__init__()
        self.url, self.acknowledged, self.enough = url, [], threading.Event()

    def run(self):
        with Api(self.url) as api:
            while not self.enough.is_set():
                self.acknowledged.append(api.thread())


def test_a_backup_under_load_has_all_that_was_acknowledged_before_it(start_server, tmp_path):
    server = start_server()
    copy = tmp_path / "copy.db"
    if server.store != "sqlite":
        done = runbell("backup", copy, "--store", server.store, folder=tmp_path)
        assert done.returncode == 1 and "pg_dump" in done.stderr
        server.stop()
        return
    writers = [Writer(server.url) for _ in range(4)]
    for writer in writers:
        writer.start()
    eventually(lambda: min(len(writer.acknowledged) for writer in writers) >= 20, 30, why="no threads are made")
    before = [thread_id for writer in writers for thread_id in list(writer.acknowledged)]
    done = runbell("backup", copy, "--data", server.data, folder=tmp_path)
    for writer in writers:
        writer.enough.set()
        writer.join()
    assert done.returncode == 0, done.stderr
    assert copy.stat().st_mode & 0o077 == 0
    server.stop()

    other = start_server()
    other.stop()
    refused = runbell("restore", copy, "--data", other.data, folder=tmp_path)
    assert refused.returncode == 1 and "already holds a store" in refused.stderr
    other.data = tmp_path / "restored"
    done = runbell("restore", copy, "--data", other.data, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    other.start()
    with Api(other.url) as api:
        for thread_id in before:
            assert api.get(f"/threads/{thread_id}").status_code == 200, thread_id
    other.stop()


def test_a_running_server_makes_its_keys_itself(start_server, tmp_path):
    server = start_server()
    if server.store == "sqlite":
        refused = runbell("keys", "create", "--data", server.data, folder=tmp_path)
        assert refused.returncode == 1
        assert "in use" in refused.stderr and "POST /v1/keys" in refused.stderr
    else:
        made = runbell("keys", "create", "--store", server.store, "--data", tmp_path / "other", folder=tmp_path)
        assert made.returncode == 0, made.stderr
    server.stop()


def test_the_configuration_is_checked_without_starting(tmp_path):
    (tmp_path / "langgraph.json").write_text('{"runbell": {"egres": {"allow": []}}}')
    done = runbell("config", "check", folder=tmp_path)
    assert done.returncode == 1
    assert "langgraph.json: runbell.egres is not known; did you mean runbell.egress?" in done.stderr
    assert runbell("config", "chek", folder=tmp_path).returncode == 2
