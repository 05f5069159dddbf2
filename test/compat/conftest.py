"""conftest -- servers for the compatibility tests: each graph language on each store, started once."""

import os
from pathlib import Path

import pytest

from harness.postgres import Databases
from harness.server import Server

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TARGETS = {"builtin": None, "python": EXAMPLES / "python-agent", "js": EXAMPLES / "js-agent"}


@pytest.fixture(scope="session")
def stores():
    """Makes a store of a kind; PostgreSQL only where an address is given."""
    if "RUNBELL_TEST_POSTGRES" not in os.environ:
        yield {"sqlite": lambda: "sqlite"}
        return
    yield {"sqlite": lambda: "sqlite", "postgres": Databases(os.environ["RUNBELL_TEST_POSTGRES"]).create}


@pytest.fixture(scope="session")
def servers(stores, tmp_path_factory):
    """server(target, store): started at first use; all are stopped, and judged, at the end."""
    running = {}

    def server(target, store):
        if store not in stores:
            pytest.skip("no PostgreSQL (tools/postgres-temp run gives one)")
        if (target, store) not in running:
            one = Server(tmp_path_factory.mktemp(f"{target}-{store}"), store=stores[store](), project=TARGETS[target])
            one.start()
            running[target, store] = one
        return running[target, store]

    yield server
    for one in running.values():
        one.stop()
        one.close()


@pytest.fixture(params=[(target, store) for target in TARGETS for store in ("sqlite", "postgres")],
                ids=lambda pair: "-".join(pair))
def any_server(request, servers):
    """Each of the six servers in turn."""
    server = servers(*request.param)
    server.target = request.param[0]
    return server


@pytest.fixture(params=["python", "js"])
def graph_server(request, servers):
    """A server with real graphs, in each language."""
    server = servers(request.param, "sqlite")
    server.language = request.param
    return server


@pytest.fixture(params=[(target, store) for target in ("python", "js") for store in ("sqlite", "postgres")],
                ids=lambda pair: "-".join(pair))
def graph_stores(request, servers):
    """Real graphs in each language on each store."""
    target, store = request.param
    server = servers(target, store)
    server.language = target
    return server
