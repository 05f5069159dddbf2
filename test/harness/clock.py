"""clock -- a wall clock of its own for one server, which a test may set; the monotonic one is left alone.

    clock = Clock(folder)
    with Server(folder, env=clock.env()) as server: … clock.set(-3600) …

Debian's libfaketime, loaded before the program (behind the sanitizers' runtime, if the program has that).
"""

import math
import os
import re
import subprocess
import time

import pytest

from harness.server import binary

LIBRARY = "/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1"


def library():
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    return LIBRARY.format(machine)


def preload(*libraries, is_first=False):
    """What LD_PRELOAD has to hold: a sanitizer's runtime comes first, or, if the library stands above it, last."""
    linked = subprocess.run(["ldd", str(binary())], capture_output=True, text=True, check=True).stdout
    runtimes, own = re.findall(r"=> (\S*lib[at]san\S*)", linked), [str(one) for one in libraries]
    return " ".join([*own, *runtimes] if is_first else [*runtimes, *own])


class Clock:
    def __init__(self, folder, ahead_s=0):
        self.path = folder / "clock"
        self.set(ahead_s)

    def set(self, ahead_s):
        """So many seconds ahead of the machine's clock, or behind it; at once."""
        later = self.path.with_suffix(".new")
        later.write_text(f"{ahead_s:+d}\n")
        later.rename(self.path)

    def env(self):
        if not os.access(library(), os.R_OK):
            pytest.skip("libfaketime is not installed (tools/setup does it)")
        return {"LD_PRELOAD": preload(library()), "FAKETIME_TIMESTAMP_FILE": str(self.path),
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1"}


class Passing:
    """Time that passes while a server is down: its clock is moved. PostgreSQL says itself what is due, and some machines cannot
    move a clock: there it is waited for."""

    def __init__(self, folder, kind):
        self.ahead_s = 0
        self.clock = Clock(folder) if kind == "sqlite" and os.access(library(), os.R_OK) else None

    def env(self):
        return self.clock.env() if self.clock else {}

    def wait(self, seconds):
        if not self.clock:
            time.sleep(max(0, seconds))
            return
        self.ahead_s += max(0, math.ceil(seconds))
        self.clock.set(self.ahead_s)
