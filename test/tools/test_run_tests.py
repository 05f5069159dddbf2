"""Proves that the sums of `make test` are those of the suites, and that a suite cannot fail or vanish unseen."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from testlib import (Count, Suite, batches, count_meson, count_node, count_plain, count_pytest,  # noqa: E402
                     run_suite)


def test_pytest_output_is_counted():
    assert count_pytest("x\n== 1 failed, 12 passed, 2 skipped, 3 errors in 4.00s ==\n") == Count(12, 4, 2)
    assert count_pytest("12 passed in 4.00s\n") == Count(12, 0, 0)
    assert count_pytest("no tests ran in 0.01s\n") == Count(0, 0, 0)


def test_node_output_is_counted():
    assert count_node("ℹ tests 9\nℹ pass 7\nℹ fail 1\nℹ skipped 1\n") == Count(7, 1, 1)
    assert count_node("# pass 7\n# fail 0\n# skipped 0\n") == Count(7, 0, 0)


def test_plain_lines_are_summed():
    assert count_plain("1 passed, 0 failed\nsim: 4 passed, 1 failed, 2 skipped\nand 3 passed, 0 failed\n") == Count(5, 1, 2)


def test_meson_log_is_counted(tmp_path):
    (tmp_path / "meson-logs").mkdir()
    tests = [
        {"result": "OK", "stdout": "", "stderr": "[  PASSED  ] 8 test(s).\n"},
        {"result": "FAIL", "stdout": "[  PASSED  ] 3 test(s).\n[  FAILED  ] 2 test(s), listed below:\n"},
        {"result": "TIMEOUT", "stdout": ""},
        {"result": "OK", "stdout": "hello"},
        {"result": "SKIP", "stdout": ""},
    ]
    (tmp_path / "meson-logs" / "testlog.json").write_text("\n".join(map(json.dumps, tests)))
    assert count_meson(tmp_path)("") == Count(12, 3, 1)


def run(tmp_path, commands, read=None, **more):
    return run_suite(Suite("x", "", commands, read, **more), tmp_path / "log")[0]


def test_a_suite_that_ends_badly_has_failed(tmp_path):
    assert run(tmp_path, ["true"]) == Count(1, 0, 0)
    assert run(tmp_path, ["false", "true"]) == Count(0, 1, 0)
    assert run(tmp_path, ["echo '3 passed in 1.0s'; exit 1"], count_pytest) == Count(3, 1, 0)


def test_a_suite_that_runs_nothing_has_failed(tmp_path):
    assert run(tmp_path, ["true"], count_pytest).failed == 1


def test_a_suite_that_hangs_is_ended(tmp_path):
    assert run(tmp_path, ["sleep 60"], timeout_s=1).failed == 1


def test_only_neighbours_that_may_run_together_do():
    suites = [Suite("a", "", []), Suite("b", "", [], together=True), Suite("c", "", [], together=True),
              Suite("d", "", [])]
    assert [[suite.name for suite in batch] for batch in batches(suites)] == [["a"], ["b", "c"], ["d"]]
