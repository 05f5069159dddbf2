"""conftest -- crash tests run on both stores in one session; PostgreSQL only where an address is given."""

import os

import pytest

from harness.postgres import Databases


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def store(request):
    if request.param == "sqlite":
        yield lambda: "sqlite"
        return
    if "RUNBELL_TEST_POSTGRES" not in os.environ:
        pytest.skip("no PostgreSQL (tools/postgres-temp run gives one)")
    yield Databases(os.environ["RUNBELL_TEST_POSTGRES"]).create


@pytest.fixture
def cycles(request):
    return request.config.getoption("--cycles")
