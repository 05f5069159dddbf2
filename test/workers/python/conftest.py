"""Fixtures: one worker for most tests, and a maker of workers for those that end them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peer import Peer  # noqa: E402

GRAPHS = [
    "steps", "builder", "chat", "plain_chat", "approval", "both", "nested", "nested_asking",
    "failing", "slow", "hogging", "flooding", "dying", "leaving", "storing", "sending",
    "odd_values", "with_context", "endless", "limited", "configured", "printing", "tooling",
]  # fmt: skip
FACTORIES = [
    "no_arguments", "sync_factory", "async_factory", "managed", "generator", "runtime_factory",
    "both_arguments", "wrong",
]  # fmt: skip
PATHS = {name: f"./graphs.py:{name}" for name in GRAPHS}
PATHS |= {name: f"./factories.py:{name}" for name in FACTORIES}
PATHS |= {"dotted": "pkg.flow:graph", "in_package": "./pkg/flow.py:graph"}


@pytest.fixture(scope="session")
def paths():
    return PATHS


@pytest.fixture(scope="session")
def peer():
    made = Peer(graphs=PATHS)
    yield made
    made.close()


@pytest.fixture
def make_peer():
    made = []

    def make(*args, **kwargs):
        made.append(Peer(*args, **kwargs))
        return made[-1]

    yield make
    for each in made:
        each.close()
