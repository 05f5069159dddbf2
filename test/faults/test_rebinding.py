"""DNS rebinding against a real name server of ours (threats 13, 14, 15 and 31 of delivery.md §4.1): no packet ever
goes to an address that is forbidden."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

INSIDE = Path(__file__).with_name("rebinding.py")
NAMESPACE = ["unshare", "--net", "--mount"]
NAMES = int(os.environ.get("RUNBELL_TEST_REBINDINGS", "200"))
TIMEOUT_S = 240 + NAMES // 2


@pytest.mark.timeout(TIMEOUT_S + 30)
def test_a_name_that_changes_its_mind_reaches_nothing_forbidden(tmp_path):
    if subprocess.run([*NAMESPACE, "ip", "link", "set", "lo", "up"], capture_output=True).returncode:
        pytest.skip("network namespaces are not permitted here (it takes root, or CAP_SYS_ADMIN)")
    done = subprocess.run([*NAMESPACE, sys.executable, INSIDE, tmp_path, str(NAMES)], capture_output=True, text=True,
                          timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout)
    assert set(seen["packets"]) <= {"93.184.216.34"}, seen
    assert seen["packets"] and set(seen["reached"]) == {"::ffff:93.184.216.34"}, f"the counter counts nothing: {seen}"
    assert seen["ends"].get("done delivered", 0) > 0, seen
    assert seen["ends"].get("dead refused", 0) > NAMES / 4, seen
    assert seen["answers"] > NAMES, seen
    assert seen["searched"] == [], "names are absolute, whatever the machine searches"
