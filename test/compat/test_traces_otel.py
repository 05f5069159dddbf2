"""langsmith's own OpenTelemetry mode, unmodified: what it traces is read back as with its own protocol (B4, B17)."""

import os
import subprocess
import sys
import uuid
import warnings

import pytest
from langsmith import Client

# The mode is chosen once per process.
PROGRAM = '''
from langsmith import Client, traceable
client = Client()

@traceable(run_type="llm", metadata={"ls_provider": "openai", "ls_model_name": "gpt-4o"}, client=client)
def model(messages):
    return {"choices": [{"message": {"role": "assistant", "content": "Ho"}}],
            "usage_metadata": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}}

@traceable(run_type="tool", client=client)
def broken():
    raise ValueError("bad")

@traceable(tags=["prod", "a"], metadata={"thread_id": "T-1", "deep": {"n": [1]}}, client=client)
def agent(question):
    model([{"role": "user", "content": question}])
    try:
        broken()
    except ValueError:
        pass
    return {"answer": 42, "text": "\\u00e9"}

agent("why?")
client.flush()
from opentelemetry import trace
trace.get_tracer_provider().force_flush()
'''


@pytest.fixture(params=["sqlite", "postgres"])
def server(request, servers):
    return servers("builtin", request.param)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_the_otel_mode_of_the_python_sdk(server, prefix):
    project = f"otel-{uuid.uuid4()}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LANGSMITH", "OTEL"))}
    environment |= {"LANGSMITH_TRACING": "true", "LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true",
                    "LANGSMITH_ENDPOINT": server.url + prefix, "LANGSMITH_API_KEY": "none", "LANGSMITH_PROJECT": project}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "Failed to export" not in done.stderr, done.stderr
    client = Client(api_url=server.url + prefix, api_key="none")
    runs = {run.name: run for run in client.list_runs(project_name=project)}
    assert set(runs) == {"agent", "model", "broken"}
    root = runs["agent"]
    assert root.parent_run_id is None and root.trace_id == root.id and root.run_type == "chain"
    assert root.inputs == {"question": "why?"} and root.outputs == {"answer": 42, "text": "é"}
    assert root.tags == ["prod", "a"] and root.metadata["deep"] == {"n": [1]} and root.metadata["thread_id"] == "T-1"
    assert root.status == "success" and root.error is None and root.end_time >= root.start_time
    model = runs["model"]
    assert model.run_type == "llm" and model.parent_run_id == root.id and model.trace_id == root.id
    assert model.inputs == {"messages": [{"role": "user", "content": "why?"}]}
    assert model.outputs == {"choices": [{"message": {"role": "assistant", "content": "Ho"}}],
                             "usage_metadata": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}}
    assert model.metadata["ls_model_name"] == "gpt-4o"
    assert runs["broken"].error.startswith("ValueError('bad')\n\nTraceback") and runs["broken"].status == "error"
    assert {run.name for run in client.list_runs(trace_id=root.id)} == {"agent", "model", "broken"}
    of_thread = client.list_runs(project_name=project, filter='eq(thread_id, "T-1")', is_root=True)
    assert [run.name for run in of_thread] == ["agent"]
