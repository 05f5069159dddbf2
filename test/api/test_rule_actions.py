"""What rules do besides telling webhooks: datasets, annotation queues, kept traces, backfills (issue 6; contract 4)."""

import uuid

import pytest

from harness.api import Api
from harness.ports import eventually
from test_rules import ROOT, make, send, span, told


@pytest.fixture(scope="module")
def server(store, tmp_path_factory):
    from harness.server import Server

    config = {"runbell": {"rules": {"tick_s": 0.1}, "delivery": {"survey_s": 0.2}}}
    with Server(tmp_path_factory.mktemp("rule-actions"), store=store(), config=config) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    with Api(server.url) as client:
        yield client


@pytest.fixture
def project(api):
    return api.ok("POST", "/sessions", json={"name": f"bot-{uuid.uuid4().hex}"})


@pytest.fixture
def hook(hostile):
    return hostile.hook(f"/hook-{uuid.uuid4().hex}")


@pytest.fixture
def dataset(api):
    return api.ok("POST", "/datasets", json={"name": f"d-{uuid.uuid4().hex}"})


@pytest.fixture
def queue(api):
    return api.ok("POST", "/annotation-queues", json={"name": f"q-{uuid.uuid4().hex}"})


def examples(api, dataset):
    return api.ok("GET", "/examples", params={"dataset": dataset["id"]})


def logs(api, rule, count=1, **params):
    def found():
        rows = api.ok("GET", f"{ROOT}/{rule['id']}/logs", params=params)
        return rows if len(rows) >= count else None
    return eventually(found, 30)


def test_all_actions_of_one_match(api, project, hook, dataset, queue):
    rule = make(api, project, hook, add_to_dataset_id=dataset["id"], add_to_annotation_queue_id=queue["id"],
                extend_only=True, filter='eq(is_root, true)')
    assert rule["add_to_dataset_name"] == dataset["name"] and rule["add_to_annotation_queue_name"] == queue["name"]
    sent = span(project)
    send(api, sent, span(project, parent=sent))
    assert told(hook, 1) == [sent["id"]]
    log, = logs(api, rule)
    for action in ("webhooks", "add_to_dataset", "add_to_annotation_queue", "extend_only"):
        assert log[action]["outcome"] == "success", action
    made, = examples(api, dataset)
    assert made["id"] == log["add_to_dataset"]["payload"]["example_id"]
    assert (made["inputs"], made["outputs"], made["source_run_id"]) == ({"q": 1}, {"a": 2}, sent["id"])
    queued, = api.ok("GET", f"/annotation-queues/{queue['id']}/runs")
    assert queued["id"] == sent["id"]


def test_a_match_is_acted_upon_once_through_kills(api, server, project, dataset):
    """The match, its log and its example are one commit."""
    rule = make(api, project, add_to_dataset_id=dataset["id"])
    spans = [span(project) for _ in range(40)]
    for at in range(0, 40, 10):
        send(api, *spans[at:at + 10])
        server.kill()
        server.start()
    logs(api, rule, 40)
    send(api, patch=[{"id": one["id"], "trace_id": one["id"], "dotted_order": one["dotted_order"], "tags": ["late"]}
                     for one in spans])
    last = span(project)
    send(api, last)
    logs(api, rule, 41)
    assert sorted(e["source_run_id"] for e in examples(api, dataset)) == sorted(s["id"] for s in [*spans, last])


def test_a_correction_is_preferred(api, project, dataset):
    make(api, project, add_to_dataset_id=dataset["id"], add_to_dataset_prefer_correction=True,
         filter='eq(feedback_key, "corrected")')
    sent = span(project)
    send(api, sent)
    api.ok("POST", "/feedback", json={"run_id": sent["id"], "key": "corrected", "correction": {"a": "right"}})
    made, = eventually(lambda: examples(api, dataset), 30)
    assert made["outputs"] == {"a": "right"}


def test_what_cannot_be_done_is_in_the_log(api, project, hook, dataset, queue):
    rule = make(api, project, hook, add_to_dataset_id=dataset["id"], add_to_annotation_queue_id=queue["id"])
    api.ok("DELETE", f"/datasets/{dataset['id']}")
    large = span(project, inputs={"text": "x" * 200_000})
    send(api, large)
    assert told(hook, 1) == [large["id"]]
    log, = logs(api, rule)
    assert log["add_to_dataset"] == {"outcome": "error", "payload": {"error": "the dataset is gone"}}
    assert log["add_to_annotation_queue"]["outcome"] == "success"


@pytest.mark.parametrize("key", ["add_to_dataset_id", "add_to_annotation_queue_id"])
def test_what_is_not_there_is_refused(api, project, key):
    body = {"display_name": "x", "sampling_rate": 1, "session_id": project["id"]}
    for value, why in ((str(uuid.uuid4()), "there is no such"), ("x", "must be a UUID")):
        refused = api.post(ROOT, json={**body, key: value})
        assert refused.status_code == 422 and key in refused.json()["detail"] and why in refused.json()["detail"]


def test_a_backfill(api, server, project, hook, dataset):
    """What was there before the rule is matched once, in pieces, through a kill; the rule tells how far it is."""
    spans = [span(project) for _ in range(600)]
    for at in range(0, 600, 100):
        send(api, *spans[at:at + 100])
    rule = make(api, project, hook, add_to_dataset_id=dataset["id"], backfill_from="2024-01-01T00:00:00Z",
                sampling_rate=0.5)
    assert rule["backfill_status"] == "running" and rule["backfill_id"] and rule["backfill_progress"] < 1
    server.kill()
    server.start()
    done = eventually(lambda: (r := api.ok("GET", f"{ROOT}/{rule['id']}"))["backfill_status"] == "completed" and r, 60)
    assert done["backfill_progress"] == 1 and done["backfill_completed_at"] and done["backfill_looked"] == 600
    rows = logs(api, rule, 600, backfill=True, limit=1440)
    assert sorted(row["run_id"] for row in rows) == sorted(one["id"] for one in spans)
    chosen = {row["run_id"] for row in rows if row["webhooks"]["outcome"] == "success"}
    assert 200 < len(chosen) < 400
    assert sorted(told(hook, len(chosen), may_repeat=True)) == sorted(chosen)
    assert api.ok("GET", f"/datasets/{dataset['id']}")["example_count"] == len(chosen)
    assert api.ok("GET", f"{ROOT}/{rule['id']}/logs") == []
    triggered = api.ok("POST", f"{ROOT}/{rule['id']}/trigger")
    assert triggered["backfill_id"] == rule["backfill_id"]


def test_a_backfill_begins_at_its_time(api, project, hook):
    old = span(project)
    old["start_time"], old["end_time"] = "2025-01-01T00:00:00Z", "2025-01-01T00:00:01Z"
    old["dotted_order"] = "20250101T000000000000Z" + old["id"]
    new = span(project)
    send(api, old, new)
    rule = make(api, project, hook, backfill_from="2026-01-01T00:00:00Z")
    eventually(lambda: api.ok("GET", f"{ROOT}/{rule['id']}")["backfill_status"] == "completed", 30)
    assert told(hook, 1) == [new["id"]]
    assert api.post(ROOT, json={"display_name": "x", "sampling_rate": 1, "session_id": project["id"],
                                "backfill_from": "soon"}).status_code == 422
