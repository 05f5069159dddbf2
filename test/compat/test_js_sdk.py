"""The published JavaScript client, @langchain/langgraph-sdk: test/js/*.test.mjs against each kind of server."""

import os
from pathlib import Path

import pytest

from harness.program import run_program

JS_HOME = Path(__file__).resolve().parents[1] / "js"


@pytest.mark.parametrize("script", sorted(path.name for path in JS_HOME.glob("*.test.mjs")))
def test_javascript_client(script, any_server):
    done = run_program(["node", "--experimental-websocket", "--test", "--test-reporter=spec", script], cwd=JS_HOME, timeout=150,
                       env={**os.environ, "RUNBELL_URL": any_server.url, "RUNBELL_GRAPHS": any_server.target, "LANGSMITH_TRACING": "false"})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
