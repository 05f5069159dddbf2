"""program -- a program that a test runs to its end: with all it has started, it is gone afterwards.

    done = run_program(["node", "x.mjs"], timeout=60, env=…)
    assert done.returncode == 0, done.stdout

subprocess.run kills only the program itself when its time is over: test runners have children, which would go on.
"""

import os
import signal
import subprocess


def end_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run_program(command, *, timeout, **options):
    """As subprocess.run(check=False) with text; an AssertionError with what it said if its time is over."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True, **options)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        end_group(process)
        out, err = process.communicate()
        raise AssertionError(f"no end within {timeout} s: {' '.join(map(str, command))}\n{out[-6000:]}{err[-2000:]}") from None
    finally:
        end_group(process)
    return subprocess.CompletedProcess(command, process.returncode, out, err)
