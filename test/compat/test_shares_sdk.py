"""Share links through the published langsmith clients (contract 2.3)."""

import uuid
import warnings
from datetime import datetime, timedelta, timezone

import httpx
import pytest
from langsmith import Client
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
