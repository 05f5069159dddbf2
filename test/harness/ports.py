"""ports -- free ports on loopback, and waiting for something to become true."""

import socket
import time


def free_port():
    """A port that nobody listens on now. 2024 belongs to another program and is never given."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port != 2024:
            return port


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(question, timeout=15.0, every=0.02, why="it did not become true in time"):
    """The first true answer of question(); an AssertionError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(why() if callable(why) else why)
        time.sleep(every)
