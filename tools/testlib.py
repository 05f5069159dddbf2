"""testlib -- runs one suite of tests, keeps its log, and reads from its output how many tests passed and failed."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

STOPPING = threading.Event()  # set when the user wants to stop: every command is then ended
CMOCKA = re.compile(r"\[\s*(PASSED|FAILED|SKIPPED)\s*\] (\d+) test\(s\)")


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


@dataclass
class Suite:
    """One line of `make test`: shell commands run one after the other; `read` counts in what they print.

    Neighbours that wait more than they compute run `together`, two at a time."""

    name: str
    about: str
    commands: list
    read: object = None
    env: dict = field(default_factory=dict)
    needs: str = ""
    timeout_s: int = 900
    together: bool = False


def count_exit(_text):
    """A suite that is one test: it passed if its commands ended with 0."""
    return Count(passed=1)


def count_pytest(text):
    lines = [line for line in text.splitlines() if re.search(r"\bin [\d.]+s\b", line)]
    found = {word: int(number)
             for number, word in re.findall(r"(\d+) (passed|failed|error|skipped)", lines[-1])} if lines else {}
    return Count(found.get("passed", 0), found.get("failed", 0) + found.get("error", 0),
                 found.get("skipped", 0))


def count_node(text):
    def last(word):
        numbers = re.findall(rf"^\S+ {word} (\d+)$", text, re.MULTILINE)
        return int(numbers[-1]) if numbers else 0

    return Count(last("pass"), last("fail"), last("skipped"))


def count_plain(text):
    """Sums the lines `[word:] N passed, N failed[, N skipped]`."""
    total = Count()
    for groups in re.findall(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", text, re.MULTILINE):
        total.add(Count(*(int(group or 0) for group in groups)))
    return total


def count_meson(build):
    """Counts what `meson test` left in its log: cmocka's own numbers, or one for a program without any."""

    def count(_text):
        total = Count()
        logs = sorted((Path(build) / "meson-logs").glob("testlog*.json"))  # named after the wrapper, if any
        for line in [line for log in logs for line in log.read_text().splitlines()]:
            test = json.loads(line)
            groups = CMOCKA.findall(test.get("stdout", "") + test.get("stderr", ""))
            one = Count()
            for word, number in groups:
                setattr(one, word.lower(), int(number))
            if test["result"] == "SKIP":
                one = Count(skipped=1)
            elif test["result"] != "OK":
                one.failed = max(one.failed, 1)
            elif not groups:
                one.passed = 1
            total.add(one)
        return total

    return count


def kill_group(process):
    """Ends what a command left behind: all processes of its group."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
            process.wait(timeout=5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass


def run_command(command, env, log, deadline):
    """Runs one shell command with its output in the log; its exit code, or 124 when its time was over."""
    log.write(f"$ {command}\n")
    log.flush()
    process = subprocess.Popen(["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=log,
                               stderr=subprocess.STDOUT, env={**os.environ, **env},
                               start_new_session=True)
    try:
        while process.poll() is None:
            if STOPPING.is_set() or time.monotonic() > deadline:
                log.write("\nstopped: out of time, or told to\n")
                return 124
            time.sleep(0.05)
        return process.returncode
    finally:
        kill_group(process)


def run_suite(suite, log_path):
    """Runs a suite's commands until one fails; (count, seconds)."""
    began = time.monotonic()
    code = 0
    with log_path.open("w") as log:
        for command in suite.commands:
            code = run_command(command, suite.env, log, began + suite.timeout_s)
            if code:
                break
    text = log_path.read_text(errors="replace")
    read = suite.read or count_exit
    if read is count_exit:
        count = Count(failed=1) if code else Count(passed=1)
    else:
        count = read(text)
        if code and not count.failed:
            count.failed = 1
        if not code and not (count.passed or count.skipped):
            count.failed = 1
            with log_path.open("a") as log:
                log.write("\nno test ran\n")
    return count, time.monotonic() - began


def batches(suites):
    """The suites in their order, in lists of those that may run at the same time."""
    lists = []
    for suite in suites:
        if lists and suite.together and lists[-1][-1].together:
            lists[-1].append(suite)
        else:
            lists.append([suite])
    return lists


def tail(log_path, lines=60):
    return "\n".join(log_path.read_text(errors="replace").splitlines()[-lines:])
