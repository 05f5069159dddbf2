"""A disk that fills up under load, several times (issue 3, "disk full"): who asks is told clearly and when to come again, what
was acknowledged stays and is delivered, and when there is room everything goes on by itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

INSIDE = Path(__file__).with_name("disk_full.py")
NAMESPACE = ["unshare", "--mount"]
ROUNDS = 5


def play(tmp_path, rounds, where):
    if subprocess.run([*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("mounts are not permitted here (it takes root, or CAP_SYS_ADMIN)")
    done = subprocess.run([*NAMESPACE, sys.executable, INSIDE, tmp_path, str(rounds), where], capture_output=True, text=True,
                          timeout=380)
    assert done.returncode == 0, done.stderr[-5000:]
    return json.loads(done.stdout)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("where", ["data", "postgres"])
def test_a_disk_that_fills_up_loses_nothing_and_heals(tmp_path, where):
    seen = play(tmp_path, ROUNDS, where)
    assert len(seen["refusals"]) >= ROUNDS * 8, seen
    for status, retry_after, text in seen["refusals"]:
        assert status == 503 and int(retry_after) >= 1 and "disk is full" in text, (status, retry_after, text)
    assert set(seen["reads"]) == {200}, "reading has nothing to do with it"
    assert seen["runs"] > ROUNDS * 5 and seen["database"] == "ok", seen
    full, room = seen["said"]
    assert 1 <= full <= ROUNDS + 1 and room == full, f"{full} times it says that it is full, {room} that there is room"


@pytest.mark.timeout(400)
def test_a_full_blob_folder_refuses_what_is_large_and_nothing_else(tmp_path):
    seen = play(tmp_path, ROUNDS, "blobs")
    assert len(seen["refusals"]) >= ROUNDS * 3, seen
    for status, retry_after, text in seen["refusals"]:
        assert status == 503 and int(retry_after) >= 1 and "disk is full" in text, (status, retry_after, text)
    assert set(seen["reads"]) == {200} and set(seen["small"]) == {202}, seen
    assert seen["large"] >= ROUNDS and not seen["lost"], "what was acknowledged is there, whole"
