"""conftest -- options and fixtures of every suite: which store, the server under test, the receiver."""

import os
import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.api import Api  # noqa: E402
from harness.clock import Passing  # noqa: E402
from harness.postgres import Databases  # noqa: E402
from harness.receiver import Receiver  # noqa: E402
from harness.server import Server  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--store-url", default="sqlite",
                     help="sqlite, or postgres (its address is in RUNBELL_TEST_POSTGRES)")
    parser.addoption("--cycles", type=int, default=25, help="how often the crash tests kill")
    parser.addoption("--deliveries", type=int, default=2000, help="how many two nodes send together while they are killed")


@pytest.fixture(scope="session")
def store(request):
    """A function that makes a fresh, empty store: what --store takes."""
    kind = request.config.getoption("--store-url")
    if kind == "sqlite":
        yield lambda: "sqlite"
        return
    yield Databases(os.environ["RUNBELL_TEST_POSTGRES"]).create


@pytest.fixture(scope="session")
def server(store, tmp_path_factory):
    """One server for the whole session, without a project: the built-in agents."""
    with Server(tmp_path_factory.mktemp("server"), store=store()) as running:
        yield running


@pytest.fixture(scope="session")
def shared_receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def receiver(shared_receiver):
    """The session's receiver, with a path that only this test uses."""
    return shared_receiver.hook(f"/{uuid.uuid4().hex}")


@pytest.fixture
def hostile():
    """A receiver of its own for hooks that behave badly: what fails on one origin slows down that origin."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def api(server):
    with Api(server.url) as client:
        yield client


@pytest.fixture
def passing(request, tmp_path):
    return Passing(tmp_path, request.config.getoption("--store-url"))


@pytest.fixture
def start_server(store, tmp_path):
    """Starts more servers, each with its own store, configuration and environment."""
    servers = []

    def start(**options):
        folder = tmp_path / f"server-{len(servers)}"
        folder.mkdir()
        options.setdefault("store", store())
        one = Server(folder, **options)
        servers.append(one)
        one.start()
        return one

    yield start
    for one in servers:
        one.close()
