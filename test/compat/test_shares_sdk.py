"""Share links through the published langsmith clients (contract 2.3)."""

import uuid
import warnings
from datetime import datetime, timedelta, timezone

import httpx
import pytest
from langsmith import Client
from langsmith._client import Langsmith
from langsmith.utils import LangSmithNotFoundError

from harness.ports import eventually


@pytest.fixture(params=["sqlite", "postgres"])
def server(request, servers):
    return servers("builtin", request.param)


@pytest.fixture
def client(server):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client = Client(api_url=server.url, api_key="none", info=None)
        yield client
        client.cleanup()


def tree(client):
    """A root, a child of it with a child of its own, and a second child of the root."""
    made, now = [], datetime.now(timezone.utc)
    for at, parent in enumerate((None, 0, 1, 0)):
        start = now + timedelta(milliseconds=at)
        run_id = uuid.uuid4()
        order = start.strftime("%Y%m%dT%H%M%S%fZ") + str(run_id)
        above = made[parent] if parent is not None else None
        made.append({"id": run_id, "trace_id": above["trace_id"] if above else run_id,
                     "dotted_order": f"{above['dotted_order']}.{order}" if above else order})
        client.create_run(f"n{at}", {"at": at}, "chain", project_name="shares", parent_run_id=above["id"] if above else None,
                          start_time=start, end_time=start, outputs={"at": at}, **made[-1])
    client.flush()
    eventually(lambda: client.read_run(made[-1]["id"]))
    return [one["id"] for one in made]


def token_of(url):
    return url.rstrip("/r").rsplit("/", 1)[1]


def test_a_span_and_what_is_below_it(server, client):
    root, child, grandchild, other = tree(client)
    client.create_feedback(grandchild, "liked", score=1)
    client.create_feedback(other, "hidden", score=1)
    client.flush()
    assert not client.run_is_shared(child)
    url = client.share_run(child)
    assert client.run_is_shared(child) and client.read_run_shared_link(child) == url
    token = token_of(url)
    assert client.read_shared_run(token).id == child and client.read_shared_run(token).inputs == {"at": 1}
    assert client.read_shared_run(token, run_id=grandchild).id == grandchild
    assert [run.id for run in client.list_shared_runs(token)] == [child, grandchild]
    assert [run.id for run in client.list_shared_runs(token, run_ids=[str(grandchild)])] == [grandchild]
    for hidden in (root, other):
        with pytest.raises(LangSmithNotFoundError):
            client.read_shared_run(token, run_id=hidden)
    with httpx.Client(base_url=server.url) as anyone:
        assert [one["key"] for one in eventually(lambda: anyone.get(f"/public/{token}/feedbacks").json())] == ["liked"]
        assert [one["id"] for one in anyone.get(f"/public/{token}/runs").json()] == [str(child), str(grandchild)]
        pages = []
        cursor = None
        while not pages or cursor:
            page = anyone.post(f"/api/v1/public/{token}/runs/query", json={"limit": 1, "cursor": cursor}).json()
            pages += [run["id"] for run in page["runs"]]
            cursor = page["cursors"]["next"]
        assert pages == [str(child), str(grandchild)]
    assert httpx.get(f"{server.url}/runs/{child}").json()["share_token"] == token
    client.unshare_run(child)
    assert not client.run_is_shared(child)
    with pytest.raises(LangSmithNotFoundError):
        client.read_shared_run(token)


def test_a_token_is_one_spans(server, client):
    one, two, *_ = tree(client)
    token = str(uuid.uuid4())
    client.share_run(one, share_id=token)
    taken = httpx.put(f"{server.url}/runs/{two}/share", json={"run_id": str(two), "share_token": token})
    assert taken.status_code == 409
    again = client.share_run(one)
    assert token_of(again) != token
    assert httpx.get(f"{server.url}/public/{token}/run").status_code == 404
    assert httpx.get(f"{server.url}/public/x/run").status_code == 404
    with pytest.raises(LangSmithNotFoundError):
        client.share_run(uuid.uuid4())


@pytest.fixture
def v2(server):
    return Langsmith(api_key="none", base_url=server.url)


def test_a_trace_is_shared_by_the_v2_client(server, client, v2):
    root, child, grandchild, other = map(str, tree(client))
    project = str(client.read_project(project_name="shares").id)
    named = {"session_id": project, "trace_id": root}
    token = v2.runs.share.create(child, **named).share_token
    assert v2.runs.share.create(root, **named).share_token == token  # a child shares its trace's root, and again is the same
    with httpx.Client(base_url=server.url, trust_env=False) as anyone:
        run = v2.public.runs.retrieve(grandchild, share_token=token, start_time=datetime.now(timezone.utc),
                                      selects=["ID", "NAME", "INPUTS", "PROJECT_ID"])
        assert (run.id, run.name, run.inputs, run.project_id) == (grandchild, "n2", {"at": 2}, project)
        shown = v2.public.runs.query(token, selects=["ID", "NAME"]).items
        assert [(one.id, one.name) for one in shown] == [(root, "n0"), (child, "n1"), (grandchild, "n2"), (other, "n3")]
        assert anyone.post(f"/api/v2/public/{token}/runs/query", json={}).json() == {
            "items": [{"id": one} for one in (root, child, grandchild, other)]}
        urls = {run.id: run.share_url for run in v2.runs.query_v2(trace_id=root, project_ids=[project],
                                                                  selects=["ID", "SHARE_URL"])}
        assert urls == {root: f"{server.url}/public/{token}/r", child: None, grandchild: None, other: None}
        assert anyone.get(urls[root]).json()["id"] == root
        wrong = anyone.get(f"/api/v2/public/{token}/run/{root}", params={"selects": "NOTHING"})
        assert wrong.status_code == 422 and "NOTHING" in wrong.json()["detail"]
        v2.runs.share.delete(root, session_id=project)
        v2.runs.share.delete(root, session_id=project)
        assert v2.runs.retrieve_v2(root, project_id=project, start_time=datetime.now(timezone.utc),
                                   selects=["SHARE_URL"]).share_url is None
        for gone in (anyone.get(f"/api/v2/public/{token}/run/{root}"), anyone.post(f"/api/v2/public/{token}/runs/query", json={}),
                     anyone.get(f"/public/{token}/r")):
            assert gone.status_code == 404


def test_what_is_shared_by_v2_must_be_there(server, client):
    root, child, grandchild, _ = map(str, tree(client))
    stranger, *_ = map(str, tree(client))
    with httpx.Client(base_url=f"{server.url}/api/v2", trust_env=False) as api:
        for path, body in ((uuid.uuid4(), {}), (child, {"trace_id": stranger}), (child, {"session_id": str(uuid.uuid4())})):
            missing = api.post(f"/runs/{path}/share", json=body)
            assert missing.status_code == 404 and missing.json()["status"] == 404
        assert api.post(f"/runs/{child}/share", json={"trace_id": "x"}).status_code == 422
        # Under the token of a child, shared by v1, the rest of the trace is hidden here too.
        token = token_of(client.share_run(child))
        assert api.get(f"/public/{token}/run/{root}").status_code == 404
        assert api.get(f"/public/{token}/run/{child}").json() == {"id": child}
        assert api.post(f"/public/{token}/runs/query", json={}).json() == {"items": [{"id": child}, {"id": grandchild}]}
