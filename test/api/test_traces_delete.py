"""Deletion really deletes (contract 2.3, 2.4; B18): traces and projects, with values, attachments, blobs, feedback, rules
and alerts; small ones at once, large ones in pieces that go on after a restart."""

import sqlite3
import uuid
from contextlib import closing

import pytest
from harness.api import Api
from harness.ports import eventually
from harness.server import Server
from harness.spans import body, make_span, new_id, packed, part

CANARY = f"canary-{uuid.uuid4()}"


def send(api, *posts):
    assert api.post("/runs/batch", json={"post": list(posts)}).status_code == 202


def status(api, span):
    return api.get(f"/runs/{span['id']}").status_code


def make_trace(api, project, children=1, **fields):
    root = make_span(name="root", project=project, **fields)
    spans = [root, *(make_span(root, name="child", at_ms=i + 1, project=project, **fields) for i in range(children))]
    for at in range(0, len(spans), 500):
        send(api, *spans[at:at + 500])
    return spans


@pytest.mark.parametrize("path, key", [("/runs/delete", "ids"), ("/runs/delete", "trace_ids"),
                                       ("/runs/delete/traces", "trace_ids")])
def test_a_trace_goes_with_all_that_is_its_own(api, path, key):
    gone, stays = make_trace(api, "delete"), make_trace(api, "delete")
    said = api.ok("POST", "/feedback", json={"run_id": gone[1]["id"], "key": "k", "score": 1})["id"]
    session = api.ok("GET", f"/runs/{gone[0]['id']}")["session_id"]
    reply = api.post(path, json={key: [gone[0]["id"], new_id()], "session_id": session})
    assert reply.status_code == 202, reply.text
    assert [status(api, span) for span in gone] == [404, 404]
    assert [status(api, span) for span in stays] == [200, 200]
    assert api.get(f"/feedback/{said}").status_code == 404


@pytest.mark.parametrize("asked", [{}, {"trace_ids": []}, {"trace_ids": ["x"]}, {"trace_ids": [new_id()] * 1001},
                                   {"trace_ids": [new_id()], "session_id": 5}])
def test_what_names_no_traces_is_refused(api, asked):
    assert api.post("/runs/delete", json=asked).status_code == 422


def test_a_run_within_a_trace_and_one_of_another_project_are_refused(api):
    here, there = make_trace(api, "here"), make_trace(api, "there")
    child = api.post("/runs/delete", json={"trace_ids": [here[0]["id"], here[1]["id"]]})
    assert child.status_code == 422 and here[1]["id"] in child.json()["detail"]
    session = api.ok("GET", f"/runs/{here[0]['id']}")["session_id"]
    other = api.post("/runs/delete", json={"trace_ids": [there[0]["id"]], "session_id": session})
    assert other.status_code == 422 and "another project" in other.json()["detail"]
    assert api.post("/runs/delete", json={"trace_ids": [here[0]["id"]], "session_id": new_id()}).status_code == 404
    assert [status(api, span) for span in (*here, *there)] == [200] * 4


def test_a_project_goes_with_its_rules_and_alerts(api):
    spans = make_trace(api, "whole")
    session = api.ok("GET", f"/runs/{spans[0]['id']}")["session_id"]
    rule = api.ok("POST", "/runs/rules", json={"display_name": "r", "sampling_rate": 1, "session_id": session,
                                               "webhooks": [{"url": "https://example.com/x", "headers": {"a": "b"}}]})["id"]
    api.ok("POST", "/feedback", json={"session_id": session, "key": "whole", "score": 1})
    assert api.delete(f"/sessions/{session}").status_code == 200
    assert api.get(f"/runs/rules/{rule}").status_code == 404 and status(api, spans[0]) == 404
    assert api.get(f"/sessions/{session}").status_code == 404
    again = make_span(name="again", project="whole")
    send(api, again)
    assert api.ok("GET", f"/runs/{again['id']}")["session_id"] != session
    assert api.ok("GET", "/sessions", params={"name": "whole"})[0]["id"] != session


def test_how_long_a_project_keeps_its_traces_is_its_own(api):
    made = api.ok("POST", "/sessions", json={"name": "aged", "retention_days": 7, "trace_tier": "shortlived"})
    assert (made["retention_days"], made["trace_tier"]) == (7, "shortlived")
    assert api.ok("PATCH", f"/sessions/{made['id']}", json={"retention_days": 30})["retention_days"] == 30
    for wrong in ({"retention_days": -1}, {"retention_days": "x"}, {"trace_tier": "x"}):
        assert api.patch(f"/sessions/{made['id']}", json=wrong).status_code == 422


def in_files(folder):
    return [str(path) for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


def test_nothing_is_left_in_the_data_folder(pytestconfig, tmp_path):
    """A project of more spans than go at once, with large values and attachments; killed in between."""
    if pytestconfig.getoption("--store-url") != "sqlite":
        pytest.skip("PostgreSQL keeps deleted rows until VACUUM")
    with Server(tmp_path) as server:
        with Api(server.url) as api:
            spans = make_trace(api, "canary", children=1500, inputs={"x": CANARY}, extra={"metadata": {"m": CANARY}})
            data, headers = packed(body([
                part(f"post.{(big := make_span(name='big', project='canary'))['id']}", big),
                part(f"post.{big['id']}.outputs", {"y": CANARY * 10000}),
                part(f"attachment.{big['id']}.a", CANARY.encode() * 10000, mime="text/plain")]), None)
            assert api.post("/runs/multipart", content=data, headers=headers).status_code == 202
            api.ok("POST", "/feedback", json={"run_id": spans[5]["id"], "key": "k", "comment": CANARY})
            assert in_files(server.data)
            session = api.ok("GET", f"/runs/{big['id']}")["session_id"]
            assert api.delete(f"/sessions/{session}").status_code == 200
            assert status(api, spans[-1]) == 404
        server.kill()
        server.start()
        with Api(server.url) as api:
            eventually(lambda: not api.ok("GET", "/feedback", params={"run": spans[5]["id"]}), timeout=60)
            eventually(lambda: not [p for p in (server.data / "blobs").rglob("*") if p.is_file()], timeout=60)
            eventually(lambda: rows_left(server) == 0, timeout=60)
        server.stop()
        assert in_files(server.data) == []


def rows_left(server):
    with closing(sqlite3.connect(f"file:{server.data / 'runbell.db'}?mode=ro", uri=True)) as db:
        return sum(db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
                   for table in ("spans", "span_values", "span_attachments", "gone_projects", "gone_traces"))


def late_total(api):
    return sum(float(line.split()[-1]) for line in api.get("/metrics").text.splitlines() if line.startswith("runbell_spans_late_total"))


def test_what_was_on_its_way_does_not_bring_a_deleted_trace_back(api):
    root, child = make_trace(api, "on its way")
    assert api.post("/runs/delete", json={"trace_ids": [root["id"]]}).status_code == 202
    before = late_total(api)
    end = {"end_time": "2026-11-21T05:20:00Z", "outputs": {"a": 1}}
    sent = [api.patch(f"/runs/{child['id']}", json={**child, **end, "inputs": None}), api.patch(f"/runs/{root['id']}", json=end),
            api.post("/runs/batch", json={"post": [make_span(root, project="on its way")], "patch": [{**root, **end}]})]
    data, headers = packed(body([part(f"patch.{child['id']}", {**child, **end}), part(f"patch.{child['id']}.outputs", {"a": 1})]), "gzip")
    sent.append(api.post("/runs/multipart", content=data, headers=headers))
    assert [answer.status_code for answer in sent] == [202] * 4
    session = api.ok("GET", "/sessions", params={"name": "on its way"})[0]["id"]
    assert api.ok("POST", "/runs/query", json={"session": [session]})["runs"] == []
    assert late_total(api) == before + 5
    send(api, root, make_span(root, project="on its way"))
    assert api.patch(f"/runs/{root['id']}", json=end).status_code == 202
    assert len(api.ok("POST", "/runs/query", json={"session": [session]})["runs"]) == 2
    assert api.ok("GET", f"/runs/{root['id']}")["outputs"] == {"a": 1}


def test_ids_and_trace_ids_are_one_list(api):
    one, other = make_trace(api, "both"), make_trace(api, "both")
    assert api.post("/runs/delete", json={"ids": [one[0]["id"]], "trace_ids": [other[0]["id"]]}).status_code == 202
    assert [status(api, span) for span in (*one, *other)] == [404] * 4
