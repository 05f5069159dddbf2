"""The published langsmith clients, unmodified: what they trace into the server is read back equal."""

import os
import sys
import time
import uuid
import warnings
from decimal import Decimal
from pathlib import Path

import pytest
from harness.program import run_program
from langsmith import Client, trace, traceable
from langsmith.run_trees import RunTree
from langsmith.schemas import Attachment
from langsmith.utils import LangSmithConflictError, LangSmithNotFoundError

JS_HOME = Path(__file__).resolve().parents[1] / "js"
PREFIXES = ["", "/api", "/api/v1"]


@pytest.fixture(params=["sqlite", "postgres"])
def server(request, servers):
    return servers("builtin", request.param)


@pytest.fixture(params=PREFIXES, ids=lambda prefix: prefix or "bare")
def client(request, server):
    os.environ["LANGSMITH_TRACING"] = "true"
    client = Client(api_url=server.url + request.param, api_key="none", info=None)
    yield client
    client.cleanup()
    os.environ["LANGSMITH_TRACING"] = "false"


@pytest.fixture(autouse=True)
def quiet():
    """The v1 reading methods, which most programs use, are marked as deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def project_name():
    return f"py-{uuid.uuid4()}"


def runs_of(client, project):
    client.flush()
    runs = list(client.list_runs(project_name=project))
    return {run.name: run for run in runs}


@pytest.mark.parametrize("pause_s", [0, 0.7], ids=["merged", "post-then-patch"])
def test_nested_runs_errors_and_streams(client, pause_s):
    project = project_name()
    options = {"client": client, "project_name": project}

    @traceable(run_type="llm", metadata={"ls_provider": "openai", "ls_model_name": "gpt-4o"}, **options)
    def model(messages):
        return {"choices": [{"message": {"role": "assistant", "content": f"echo {messages[0]['content']}"}}],
                "usage_metadata": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}}

    @traceable(run_type="tool", **options)
    def broken():
        raise ValueError("bad")

    @traceable(run_type="llm", reduce_fn=lambda parts: {"text": "".join(parts)}, **options)
    def stream():
        yield from "abc"

    @traceable(tags=["prod"], metadata={"thread_id": "T-1"}, **options)
    def agent(question):
        model([{"role": "user", "content": question}])
        list(stream())
        with pytest.raises(ValueError):
            broken()
        time.sleep(pause_s)
        return {"answer": 42, "text": "é🔔\0"}

    agent("why?")
    runs = runs_of(client, project)
    assert sorted(runs) == ["agent", "broken", "model", "stream"]
    root = runs["agent"]
    assert root.inputs == {"question": "why?"} and root.outputs == {"answer": 42, "text": "é🔔\0"}
    assert root.tags == ["prod"] and root.extra["metadata"]["thread_id"] == "T-1"
    assert runs["model"].run_type == "llm" and runs["model"].parent_run_id == root.id
    assert runs["model"].inputs == {"messages": [{"role": "user", "content": "why?"}]}
    assert "ValueError('bad')" in runs["broken"].error and runs["broken"].outputs == {"output": None}
    assert runs["stream"].outputs == {"text": "abc"} and runs["stream"].first_token_time
    for run in (root, runs["model"]):
        assert (run.prompt_tokens, run.completion_tokens, run.total_tokens) == (10, 5, 15)
        assert run.total_cost == Decimal("0.000075") and run.prompt_cost == Decimal("0.000025")
    for run in runs.values():
        assert run.trace_id == root.id and run.status == ("error" if run.name == "broken" else "success")
    read = client.read_run(root.id, load_child_runs=True)
    assert [child.name for child in read.child_runs] == ["model", "stream", "broken"]
    assert {name: run.name for name, run in runs.items() if run.id == read.child_runs[0].id} == {"model": "model"}


def test_plain_multipart_batches_and_single_runs(server, monkeypatch):
    """Compression off, multipart off, and create_run without a place in a trace."""
    monkeypatch.setenv("LANGSMITH_DISABLE_RUN_COMPRESSION", "true")
    batch = {"size_limit": 100, "size_limit_bytes": 1_000_000, "scale_up_nthreads_limit": 1,
             "scale_up_qsize_trigger": 100, "scale_down_nempty_trigger": 4}
    for info in (None, {"batch_ingest_config": batch | {"use_multipart_endpoint": False}}):
        client = Client(api_url=server.url, api_key="none", info=info)
        project, run_id = project_name(), uuid.uuid4()
        with trace("traced", client=client, project_name=project, inputs={"a": 1}) as run:
            run.end(outputs={"b": 2})
        client.create_run("bare", {"c": 3}, "chain", id=run_id, project_name=project)
        client.update_run(run_id, outputs={"d": 4}, end_time=run.end_time)
        runs = runs_of(client, project)
        assert runs["traced"].outputs == {"b": 2} and runs["bare"].inputs == {"c": 3}
        assert runs["bare"].outputs == {"d": 4} and runs["bare"].status == "success"
        client.cleanup()


def test_attachments(client, tmp_path):
    project = project_name()
    large = bytes(i * i % 251 for i in range(300_000))
    file = tmp_path / "a file.bin"
    file.write_bytes(large)

    @traceable(client=client, project_name=project, dangerously_allow_filesystem=True)
    def look(question, small: Attachment, from_disk: Attachment):
        return question

    look("?", Attachment(mime_type="text/plain", data=b"--x\r\n\0"),
         Attachment(mime_type="application/octet-stream", data=file))
    run = client.read_run(runs_of(client, project)["look"].id)
    assert run.attachments["small"]["reader"].read() == b"--x\r\n\0"
    assert run.attachments["small"]["mime_type"] == "text/plain"
    assert run.attachments["from_disk"]["reader"].read() == large


def test_large_values_come_back_whole(client):
    project = project_name()
    text = "é" * 700_000
    with trace("large", client=client, project_name=project, inputs={"text": text}) as run:
        run.end(outputs={"again": text})
    found = runs_of(client, project)["large"]
    assert found.inputs == {"text": text} and found.outputs == {"again": text}


def test_a_patch_may_come_before_its_post(client):
    project = project_name()
    tree = RunTree(name="late", run_type="chain", inputs={"a": 1}, client=client, project_name=project)
    tree.end(outputs={"z": 1})
    tree.patch()
    client.flush()
    tree.post()
    late = runs_of(client, project)["late"]
    assert (late.inputs, late.outputs, late.status) == ({"a": 1}, {"z": 1}, "success")


def test_projects(client):
    name = project_name()
    made = client.create_project(name, description="d", metadata={"k": 1})
    assert client.read_project(project_name=name).id == made.id
    with pytest.raises(LangSmithConflictError):
        client.create_project(name)
    assert client.create_project(name, upsert=True, description="e").description == "e"
    assert client.update_project(made.id, description="f").description == "f"
    assert name in [project.name for project in client.list_projects(name_contains=name[3:20])]
    client.delete_project(project_name=name)
    with pytest.raises(LangSmithNotFoundError):
        client.read_project(project_id=made.id)


@pytest.mark.parametrize("prefix", PREFIXES, ids=lambda prefix: prefix or "bare")
def test_the_javascript_client(server, prefix):
    done = run_program(["node", "--test", "--test-reporter=spec", "traces.mjs"], cwd=JS_HOME, timeout=120,
                       env={**os.environ, "RUNBELL_URL": server.url, "RUNBELL_PREFIX": prefix, "LANGSMITH_TRACING": "true"})
    sys.stdout.write(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
