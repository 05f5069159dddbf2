"""The published langsmith clients, unmodified, on datasets, examples and annotation queues; the documented receiver."""

import os
import subprocess
import sys
import uuid
import warnings
from datetime import datetime, timezone
from pathlib import Path

import pytest
from langsmith import Client
from langsmith.utils import LangSmithConflictError, LangSmithError, LangSmithNotFoundError

from harness.ports import eventually, free_port

JS_HOME = Path(__file__).resolve().parents[1] / "js"
RECEIVER = Path(__file__).resolve().parents[2] / "examples" / "receivers" / "rules"
PREFIXES = ["", "/api", "/api/v1"]


@pytest.fixture(params=["sqlite", "postgres"])
def server(request, servers):
    return servers("builtin", request.param)


@pytest.fixture
def client(server):
    client = Client(api_url=server.url, api_key="none", info=None)
    yield client
    client.cleanup()


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.fixture
def dataset(client):
    return client.create_dataset(f"d-{uuid.uuid4()}", description="of a test", metadata={"team": "x"})


def make_run(client, **more):
    run_id = uuid.uuid4()
    client.create_run("asked", {"q": "why?"}, "chain", id=run_id, outputs={"a": "so"}, project_name="examples",
                      start_time=datetime.now(timezone.utc), end_time=datetime.now(timezone.utc), **more)
    client.flush()
    return eventually(lambda: client.read_run(run_id))


@pytest.mark.parametrize("prefix", PREFIXES, ids=lambda prefix: prefix or "bare")
def test_datasets(server, prefix):
    client = Client(api_url=server.url + prefix, api_key="none", info=None)
    name = f"d-{uuid.uuid4()}"
    made = client.create_dataset(name, description="words", metadata={"team": name},
                                 inputs_schema={"type": "object"})
    assert made.name == name and made.data_type == "kv" and made.metadata["team"] == name
    assert made.inputs_schema == {"type": "object"}
    assert client.read_dataset(dataset_name=name).id == client.read_dataset(dataset_id=made.id).id == made.id
    assert client.has_dataset(dataset_name=name) and not client.has_dataset(dataset_name="none-such")
    assert [d.id for d in client.list_datasets(dataset_name_contains=name[3:20].upper())] == [made.id]
    assert [d.id for d in client.list_datasets(metadata={"team": name})] == [made.id]
    assert [d.id for d in client.list_datasets(dataset_ids=[made.id], data_type="kv")] == [made.id]
    with pytest.raises(LangSmithConflictError):
        client.create_dataset(name)
    client.delete_dataset(dataset_name=name)
    with pytest.raises(LangSmithNotFoundError):
        client.read_dataset(dataset_name=name)


def test_examples(client, dataset):
    one = client.create_example({"q": "é🔔\0"}, reference_outputs={"a": 1}, dataset_name=dataset.name,
                                metadata={"k": "v"}, split="train")
    assert one.inputs == {"q": "é🔔�"} and one.outputs == {"a": 1} and one.dataset_id == dataset.id
    assert one.metadata == {"k": "v", "dataset_split": ["train"]}
    more = client.create_examples(dataset_id=dataset.id, examples=[{"inputs": {"n": n}} for n in range(5)])
    assert more["count"] == 5
    assert client.read_dataset(dataset_id=dataset.id).example_count == 6
    assert {e.id for e in client.list_examples(dataset_name=dataset.name)} == {one.id, *map(uuid.UUID, more["example_ids"])}
    assert [e.id for e in client.list_examples(dataset_id=dataset.id, splits=["train"])] == [one.id]
    assert [e.id for e in client.list_examples(dataset_id=dataset.id, metadata={"k": "v"})] == [one.id]
    assert [e.id for e in client.list_examples(example_ids=[one.id])] == [one.id]
    assert len(list(client.list_examples(dataset_id=dataset.id, limit=2, offset=1))) == 2
    assert client.list_dataset_splits(dataset_id=dataset.id) == ["base", "train"]
    client.delete_example(one.id)
    with pytest.raises(LangSmithNotFoundError):
        client.read_example(one.id)
    client.delete_examples([uuid.UUID(more["example_ids"][0])], hard_delete=True)
    client.delete_examples([uuid.UUID(more["example_ids"][1])])
    assert client.read_dataset(dataset_id=dataset.id).example_count == 3


def test_what_an_example_was(client, dataset):
    one = client.create_example({"n": 1}, reference_outputs={"a": 1}, dataset_id=dataset.id)
    before = client.read_dataset_version(dataset_id=dataset.id, tag="latest")
    client.update_dataset_tag(dataset_id=dataset.id, as_of=before.as_of, tag="prod")
    client.update_example(one.id, inputs={"n": 2}, metadata={"m": True}, split=["a", "b"])
    now = client.read_example(one.id)
    assert now.inputs == {"n": 2} and now.outputs == {"a": 1}
    assert now.metadata == {"m": True, "dataset_split": ["a", "b"]} and now.created_at == one.created_at
    assert client.read_example(one.id, as_of=before.as_of).inputs == {"n": 1}
    assert [e.inputs for e in client.list_examples(dataset_id=dataset.id, as_of="prod")] == [{"n": 1}]
    assert [e.inputs for e in client.list_examples(dataset_id=dataset.id)] == [{"n": 2}]
    assert client.read_dataset_version(dataset_id=dataset.id, tag="prod").as_of == before.as_of
    versions = list(client.list_dataset_versions(dataset_id=dataset.id))
    assert len(versions) == 2 and "latest" in versions[0].tags and versions[1].tags == ["prod"]
    client.delete_example(one.id)
    assert list(client.list_examples(dataset_id=dataset.id)) == []
    assert [e.id for e in client.list_examples(dataset_id=dataset.id, as_of="prod")] == [one.id]


def test_examples_of_runs_and_runs_of_examples(client, dataset):
    run = make_run(client)
    example = client.create_example(dataset_id=dataset.id, source_run_id=run.id, use_source_run_io=True)
    assert example.inputs == {"q": "why?"} and example.outputs == {"a": "so"} and example.source_run_id == run.id
    tried = make_run(client, reference_example_id=example.id)
    assert tried.reference_example_id == example.id
    found = list(client.list_runs(project_name="examples", reference_example_id=example.id))
    assert [r.id for r in found] == [tried.id]


def test_what_is_refused(client, dataset):
    for wrong in ({"attachments": {"pic": ("image/png", b"x")}}, {"example_id": uuid.uuid4(), "source_run_id": uuid.uuid4(),
                                                                 "use_source_run_io": True}):
        with pytest.raises(LangSmithError):
            client.create_example({"n": 1}, dataset_id=dataset.id, **wrong)
    with pytest.raises(LangSmithNotFoundError):
        client.create_example({"n": 1}, dataset_id=uuid.uuid4())
    twice = uuid.uuid4()
    client.create_example({"n": 1}, dataset_id=dataset.id, example_id=twice)
    with pytest.raises(LangSmithConflictError):
        client.create_example({"n": 1}, dataset_id=dataset.id, example_id=twice)
    assert client.read_dataset(dataset_id=dataset.id).example_count == 1


def test_annotation_queues(client):
    name = f"q-{uuid.uuid4()}"
    queue = client.create_annotation_queue(name=name, description="d", rubric_instructions="look")
    assert client.read_annotation_queue(queue.id).rubric_instructions == "look"
    client.update_annotation_queue(queue.id, name=name + "2", description="e")
    assert [q.description for q in client.list_annotation_queues(name=name + "2")] == ["e"]
    assert [q.id for q in client.list_annotation_queues(name_contains=name[4:], queue_ids=[queue.id])] == [queue.id]
    runs = [make_run(client) for _ in range(3)]
    client.add_runs_to_annotation_queue(queue.id, run_ids=[runs[0].id, runs[1].id])
    client.add_runs_to_annotation_queue(queue.id, runs=[{"run_id": r.id, "session_id": r.session_id,
                                                        "start_time": r.start_time} for r in runs[1:]])
    listed = list(client.list_runs_from_annotation_queue(queue.id))
    assert [r.id for r in listed] == [r.id for r in runs] and listed[0].added_at
    assert client.get_run_from_annotation_queue(queue.id, index=2).inputs == {"q": "why?"}
    with pytest.raises(LangSmithNotFoundError):
        client.get_run_from_annotation_queue(queue.id, index=3)
    client.delete_run_from_annotation_queue(queue.id, run_id=runs[0].id)
    assert [r.id for r in client.list_runs_from_annotation_queue(queue.id)] == [r.id for r in runs[1:]]
    client.delete_annotation_queue(queue.id)
    with pytest.raises(LangSmithNotFoundError):
        client.read_annotation_queue(queue.id)


@pytest.fixture
def receiver(server, tmp_path):
    port = free_port()
    log = (tmp_path / "receiver.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "receiver:app", "--port", str(port)], cwd=RECEIVER, stdout=log, stderr=log,
        env={**os.environ, "LS_WEBHOOK": "s3cret", "LANGSMITH_ENDPOINT": server.url, "LANGSMITH_API_KEY": "none"})
    eventually(lambda: "running on" in (tmp_path / "receiver.log").read_text())
    yield f"http://127.0.0.1:{port}?secret="
    process.terminate()
    process.wait()


def test_the_receiver_of_rules_makes_examples_of_corrections(client, server, receiver):
    """B17, B18: the documented receiver, on FastAPI, with the published client."""
    name = "classifier-github-issues"
    if not client.has_dataset(dataset_name=name):
        client.create_dataset(name)
    project = client.create_project(f"p-{uuid.uuid4()}")
    asked = str(uuid.uuid4())
    rule = {"display_name": "corrected", "sampling_rate": 1, "session_id": str(project.id),
            "filter": 'eq(feedback_key, "corrected")', "webhooks": [{"url": receiver + "s3cret"}]}
    client.request_with_retries("POST", "/runs/rules", json=rule)
    run_id = uuid.uuid4()
    client.create_run("classify", {"issue": asked}, "chain", id=run_id, outputs={"output": "bug"},
                      project_name=project.name, start_time=datetime.now(timezone.utc), end_time=datetime.now(timezone.utc))
    client.flush()
    client.create_feedback(run_id, "corrected", score=0, correction={"label": "feature"})
    client.flush()
    made = eventually(lambda: [e for e in client.list_examples(dataset_name=name) if e.inputs == {"issue": asked}])
    assert made[0].outputs == {"output": {"label": "feature"}} and len(made) == 1


def test_the_receiver_of_rules_refuses_strangers(receiver):
    import httpx

    refused = httpx.post(receiver + "guess", json={"runs": []})
    assert refused.status_code == 401 and refused.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("prefix", PREFIXES, ids=lambda prefix: prefix or "bare")
def test_the_javascript_client(server, prefix):
    done = subprocess.run(["node", "--test", "--test-reporter=spec", "datasets.mjs"], cwd=JS_HOME, capture_output=True,
                          text=True, timeout=120, check=False,
                          env={**os.environ, "RUNBELL_URL": server.url, "RUNBELL_PREFIX": prefix})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
