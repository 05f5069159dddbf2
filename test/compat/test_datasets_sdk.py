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
    for wrong in ({"example_id": uuid.uuid4(), "source_run_id": uuid.uuid4(), "use_source_run_io": True},
                  {"source_run_id": uuid.uuid4(), "use_source_run_attachments": ["x"]}):
        with pytest.raises(LangSmithError):
            client.create_example({"n": 1}, dataset_id=dataset.id, **wrong)
    for wrong, words in (('eq(nme, "x")', "there is no attribute nme"), ("gt(latency, 1)", "what examples have not"), ("and(", "not closed")):
        with pytest.raises(LangSmithError, match=words):
            list(client.list_examples(dataset_id=dataset.id, filter=wrong))
    with pytest.raises(LangSmithNotFoundError):
        client.create_example({"n": 1}, dataset_id=uuid.uuid4())
    twice = uuid.uuid4()
    client.create_example({"n": 1}, dataset_id=dataset.id, example_id=twice)
    with pytest.raises(LangSmithConflictError):
        client.create_example({"n": 1}, dataset_id=dataset.id, example_id=twice)
    assert client.read_dataset(dataset_id=dataset.id).example_count == 1


def test_examples_that_a_filter_matches(client, dataset):
    rows = [({"foo": "bar", "tenant_id": "a"}, {"q": "an image"}), ({"foo": "baz", "tenant_id": "b"}, {"q": "words"}), ({"n": 3}, {"q": "more words"})]
    client.create_examples(dataset_id=dataset.id, examples=[{"inputs": inputs, "metadata": metadata} for metadata, inputs in rows])

    def found(text, **more):
        return sorted(e.inputs["q"] for e in client.list_examples(dataset_id=dataset.id, filter=text, **more))
    assert found("and(not(has(metadata, '{\"foo\": \"bar\"}')), exists(metadata, \"tenant_id\"))") == ["words"]
    assert found('eq(metadata_key, "n")') == ["more words"]
    assert found('and(eq(metadata_key, "foo"), eq(metadata_value, "bar"))') == ["an image"]
    assert found('search("words")') == ["more words", "words"]
    assert len(found('exists(metadata, "dataset_split")', limit=2)) == 2
    assert len(found('exists(metadata, "dataset_split")', offset=2)) == 1


def test_what_is_selected_of_examples(client, server, dataset):
    one = client.create_example({"n": 1}, reference_outputs={"m": 2}, dataset_id=dataset.id)
    raw, = client.request_with_retries("GET", "/examples", params={"dataset": str(dataset.id), "select": ["outputs", "name"],
                                                                   "exclude_default_fields": True}).json()
    assert set(raw) == {"id", "outputs", "name"} and raw["outputs"] == {"m": 2}
    assert [e.id for e in client.list_examples(dataset_id=dataset.id, select=["outputs"])] == [one.id]


def test_examples_are_made_or_changed(client, dataset):
    from langsmith.schemas import ExampleUpsertWithAttachments

    one = client.create_example({"n": 1}, dataset_id=dataset.id)
    new = uuid.uuid4()
    client.upsert_examples_multipart(upserts=[
        ExampleUpsertWithAttachments(id=id_, inputs={"n": 2}, dataset_id=dataset.id, attachments={"a": ("text/plain", b"x")})
        for id_ in (one.id, new)])
    assert {e.id: e.inputs for e in client.list_examples(dataset_id=dataset.id)} == {one.id: {"n": 2}, new: {"n": 2}}
    assert set(client.read_example(one.id).attachments) == {"a"}


def test_similar_examples_are_refused_with_words(client, dataset):
    for path in ("index", "search"):
        with pytest.raises(LangSmithError, match="similar examples are not searched by this server"):
            client.request_with_retries("POST", f"/datasets/{dataset.id}/{path}", json={"inputs": {"n": 1}, "limit": 1})


def test_what_lies_between_versions(client, dataset):
    kept, changed, gone = [client.create_example({"n": n}, dataset_id=dataset.id) for n in range(3)]
    client.update_dataset_tag(dataset_id=dataset.id, as_of=datetime.now(timezone.utc), tag="before")
    client.update_example(changed.id, inputs={"n": 9})
    client.delete_example(gone.id)
    added = client.create_example({"n": 4}, dataset_id=dataset.id)
    diff = client.diff_dataset_versions(dataset_id=dataset.id, from_version="before", to_version="latest")
    assert (diff.examples_modified, diff.examples_added, diff.examples_removed) == ([changed.id], [added.id], [gone.id])
    client.request_with_retries("PUT", f"/datasets/{dataset.id}/tags", json={"as_of": "latest", "tag": "now"})
    same = client.diff_dataset_versions(dataset_id=dataset.id, from_version="now", to_version=datetime.now(timezone.utc))
    assert not (same.examples_modified or same.examples_added or same.examples_removed)
    assert "now" in client.read_dataset_version(dataset_id=dataset.id, tag="latest").tags
    with pytest.raises(LangSmithError, match="from_version: must be a time"):
        client.diff_dataset_versions(dataset_id=dataset.id, from_version="none", to_version="latest")
    assert kept.id


def test_splits_are_changed(client, dataset):
    one, other = [client.create_example({"n": n}, dataset_id=dataset.id) for n in range(2)]
    client.update_dataset_splits(dataset_id=dataset.id, split_name="train", example_ids=[one.id])
    assert [e.id for e in client.list_examples(dataset_id=dataset.id, splits=["train"])] == [one.id]
    assert client.list_dataset_splits(dataset_id=dataset.id) == ["base", "train"]
    client.update_dataset_splits(dataset_id=dataset.id, split_name="base", example_ids=[one.id, other.id], remove=True)
    assert client.read_example(one.id).metadata["dataset_split"] == ["train"]
    assert client.list_dataset_splits(dataset_id=dataset.id) == ["train"]
    with pytest.raises(LangSmithNotFoundError):
        client.update_dataset_splits(dataset_id=dataset.id, split_name="x", example_ids=[uuid.uuid4()])


def test_attachments(client, dataset):
    example_id = uuid.uuid4()
    client.create_examples(dataset_id=dataset.id, examples=[
        {"id": example_id, "inputs": {"q": 1}, "attachments": {"pic.one": ("image/png", b"\x00--x\r\n"), "note": ("text/plain", b"words")}}])
    read = client.read_example(example_id)
    assert set(read.attachments) == {"pic.one", "note"} and read.attachments["pic.one"]["reader"].read() == b"\x00--x\r\n"
    assert read.attachments["pic.one"]["mime_type"] == "image/png"
    before = client.read_dataset_version(dataset_id=dataset.id, tag="latest").as_of
    client.update_example(example_id, dataset_id=dataset.id, attachments={"more": ("text/plain", b"m")})
    listed, = client.list_examples(dataset_id=dataset.id, include_attachments=True)
    assert set(listed.attachments) == {"pic.one", "note", "more"} and listed.attachments["note"]["reader"].read() == b"words"
    client.update_examples(dataset_id=dataset.id, updates=[
        {"id": example_id, "attachments_operations": {"rename": {"note": "memo"}, "retain": ["more"]}}])
    now = client.read_example(example_id)
    assert set(now.attachments) == {"memo", "more"} and now.attachments["memo"]["reader"].read() == b"words" and now.inputs == {"q": 1}
    assert set(client.read_example(example_id, as_of=before).attachments) == {"pic.one", "note"}
    with pytest.raises(LangSmithError, match="has no attachment"):
        client.update_examples(dataset_id=dataset.id, updates=[{"id": example_id, "attachments_operations": {"retain": ["pic.one"]}}])
    url = now.attachments["memo"]["presigned_url"]
    client.delete_examples([example_id], hard_delete=True)
    assert client.session.get(url).status_code == 404


def test_attachments_of_the_run_that_an_example_is_made_of(client, dataset):
    run_id, name = uuid.uuid4(), f"p-{uuid.uuid4()}"
    client.create_run("asked", {"q": 1}, "chain", id=run_id, outputs={"a": 2}, project_name=name, trace_id=run_id,
                      dotted_order=datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%fZ") + str(run_id),
                      start_time=datetime.now(timezone.utc), end_time=datetime.now(timezone.utc),
                      attachments={"a": ("text/plain", b"one"), "b": ("text/plain", b"two")})
    client.flush()
    eventually(lambda: client.read_run(run_id).attachments)
    whole = client.create_example(dataset_id=dataset.id, source_run_id=run_id, use_source_run_io=True)
    assert set(whole.attachments) == {"a", "b"} and whole.attachments["b"]["reader"].read() == b"two"
    some = client.create_example({"own": 1}, dataset_id=dataset.id, source_run_id=run_id, use_source_run_attachments=["a"])
    assert set(some.attachments) == {"a"} and some.inputs == {"own": 1}


def test_a_dataset_is_shared_and_cloned(client, server, dataset):
    client.create_examples(dataset_id=dataset.id, examples=[{"inputs": {"n": n}, "outputs": {"m": n}} for n in range(3)])
    with pytest.raises(LangSmithNotFoundError):
        client.read_dataset_shared_schema(dataset_id=dataset.id)
    token = client.share_dataset(dataset_id=dataset.id)["share_token"]
    assert client.share_dataset(dataset_id=dataset.id)["share_token"] == token
    assert client.read_dataset_shared_schema(dataset_id=dataset.id)["share_token"] == token
    stranger = Client(api_url=server.url, api_key="other", info=None)
    assert stranger.read_shared_dataset(token).name == dataset.name
    assert len(list(stranger.list_shared_examples(token))) == 3 and list(stranger.list_shared_projects(dataset_share_token=token)) == []
    clone = client.clone_public_dataset(token, source_api_url=server.url, dataset_name=dataset.name + " 2")
    assert sorted(e.inputs["n"] for e in client.list_examples(dataset_id=clone.id)) == [0, 1, 2]
    client.unshare_dataset(dataset_id=dataset.id)
    with pytest.raises(LangSmithNotFoundError):
        stranger.read_shared_dataset(token)


def test_a_table_becomes_a_dataset_and_back(client, tmp_path):
    name, table = f"d-{uuid.uuid4()}", tmp_path / "table.csv"
    table.write_text('question,answer,kind\n"why, then?","say ""x""",a\nhow,\n', encoding="utf-8")
    dataset = client.upload_csv(str(table), input_keys=["question"], output_keys=["answer"], name=name, description="d")
    assert dataset.name == name and dataset.description == "d" and dataset.example_count == 2
    rows = {e.inputs["question"]: e.outputs for e in client.list_examples(dataset_id=dataset.id)}
    assert rows == {"why, then?": {"answer": 'say "x"'}, "how": {"answer": ""}}
    back = client.request_with_retries("GET", f"/datasets/{dataset.id}/csv")
    assert back.headers["content-type"].startswith("text/csv")
    assert back.text.splitlines()[0] == "id,input_question,output_answer" and '"why, then?","say ""x"""' in back.text
    with pytest.raises(LangSmithError, match="file: has no column"):
        client.upload_csv(str(table), input_keys=["zzz"], output_keys=[], name=name + "2")
    table.write_text('a\n"b\n')
    with pytest.raises(LangSmithError, match="file: line 2: a quote is not closed"):
        client.upload_csv(str(table), input_keys=["a"], output_keys=[], name=name + "2")
    with pytest.raises(LangSmithConflictError, match="already exists"):
        table.write_text("a\n1\n")
        client.upload_csv(str(table), input_keys=["a"], output_keys=[], name=name)


def test_lines_to_fine_tune_on(client, dataset):
    client.create_example({"messages": [{"role": "user", "content": "hi"}]}, reference_outputs={"message": {"role": "assistant", "content": "yo"}},
                          dataset_id=dataset.id)
    assert client.read_dataset_openai_finetuning(dataset_id=dataset.id) == [
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]}]


def test_evaluate(server):
    """In a process of its own, as it leaves the client's tracing changed."""
    done = subprocess.run([sys.executable, str(Path(__file__).with_name("evaluate_with_sdk.py")), server.url], capture_output=True,
                          text=True, timeout=120, check=False, env={**os.environ, "LANGSMITH_ENDPOINT": server.url, "LANGSMITH_API_KEY": "none"})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]


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
