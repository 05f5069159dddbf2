"""Crons: made, changed, found, and fired with their webhooks (requirement C1; agent-server.md 1.7)."""

import time
import uuid
from datetime import datetime

import pytest

from harness.api import Api, HELLO, run_body
from harness.ports import eventually

FIELDS = {"cron_id", "assistant_id", "thread_id", "on_run_completed", "end_time", "schedule", "timezone",
          "created_at", "updated_at", "payload", "user_id", "next_run_date", "metadata", "enabled"}
NEVER = "0 0 29 2 *"


def cron_body(schedule=NEVER, **body):
    return {"schedule": schedule, **run_body(), **body}


def make(api, thread_id=None, **body):
    path = f"/threads/{thread_id}/runs/crons" if thread_id else "/runs/crons"
    return api.ok("POST", path, json=cron_body(**body))


def test_a_cron_has_the_documented_form(api):
    cron = make(api, metadata={"m": 1}, webhook="http://127.0.0.1:9/hook", timezone="Europe/Berlin",
                schedule="0 9 * * 1-5", end_time="2099-01-01T00:00:00Z")
    assert set(cron) == FIELDS
    assert cron["thread_id"] is None and cron["on_run_completed"] == "delete" and cron["enabled"] is True
    assert uuid.UUID(cron["assistant_id"])
    assert cron["payload"]["webhook"] == "http://127.0.0.1:9/hook"
    assert cron["payload"]["input"] == HELLO
    assert not {"schedule", "timezone", "metadata", "end_time"} & set(cron["payload"])
    assert cron["metadata"] == {"m": 1}
    fires = datetime.fromisoformat(cron["next_run_date"])
    assert fires.weekday() < 5 and fires.hour in (7, 8) and fires.minute == 0
    assert cron["end_time"] == "2099-01-01T00:00:00.000000+00:00"
    assert api.ok("GET", f"/runs/crons/{cron['cron_id']}") == cron


def test_clients_are_told_that_there_are_crons(api):
    assert api.ok("GET", "/info")["flags"]["crons"] is True


def test_both_spellings_of_the_thread_path(api):
    """C1."""
    thread_id = api.thread()
    for path in (f"/thread/{thread_id}/runs/crons", f"/threads/{thread_id}/runs/crons"):
        cron = api.ok("POST", path, json=cron_body())
        assert cron["thread_id"] == thread_id and cron["on_run_completed"] is None
    api.ok("DELETE", f"/threads/{thread_id}")
    assert api.get(f"/runs/crons/{cron['cron_id']}").status_code == 404, "crons go with their thread"


def test_a_patch_changes_what_it_names(api):
    cron = make(api, metadata={"a": 1}, webhook="http://127.0.0.1:9/1", timezone="Asia/Tokyo",
                end_time="2099-01-01T00:00:00Z")
    path = f"/runs/crons/{cron['cron_id']}"
    patched = api.ok("PATCH", path, json={"metadata": {"b": 2}, "webhook": "http://127.0.0.1:9/2", "end_time": None})
    assert patched["metadata"] == {"a": 1, "b": 2}
    assert patched["payload"]["webhook"] == "http://127.0.0.1:9/2"
    assert patched["payload"]["input"] == HELLO
    assert patched["end_time"] is None and patched["timezone"] == "Asia/Tokyo"
    assert patched["next_run_date"] == cron["next_run_date"]
    assert patched["updated_at"] > cron["updated_at"] and patched["created_at"] == cron["created_at"]
    off = api.ok("PATCH", path, json={"enabled": False})
    assert off["enabled"] is False and off["next_run_date"] is None
    on = api.ok("PATCH", path, json={"enabled": True, "schedule": "*/5 * * * *", "timezone": None})
    assert on["next_run_date"] is not None and on["next_run_date"] != cron["next_run_date"]
    assert on["timezone"] is None
    assert api.ok("DELETE", path) == {}
    assert api.delete(path).status_code == 404
    assert api.patch(path, json={}).status_code == 404


def test_search_and_count(api):
    mark = {"mark": uuid.uuid4().hex}
    thread_id = api.thread()
    first = make(api, metadata=mark, enabled=False)
    second = make(api, thread_id=thread_id, metadata={**mark, "deep": {"x": [1, 2]}})

    def found(**body):
        response = api.post("/runs/crons/search", json={"metadata": mark, **body})
        assert response.status_code == 200, response.text
        total = api.ok("POST", "/runs/crons/count", json={"metadata": mark, **body})
        assert int(response.headers["x-pagination-total"]) == total
        return [cron["cron_id"] for cron in response.json()]

    assert found() == [second["cron_id"], first["cron_id"]], "the newest first"
    assert found(sort_order="asc") == [first["cron_id"], second["cron_id"]]
    assert found(thread_id=thread_id) == [second["cron_id"]]
    assert found(enabled=False) == [first["cron_id"]]
    assert found(enabled=True) == [second["cron_id"]]
    assert found(assistant_id="agent") == found(assistant_id=first["assistant_id"])
    assert len(found(assistant_id="agent")) == 2
    assert found(assistant_id=str(uuid.uuid4())) == []
    assert found(metadata={**mark, "deep": {"x": [2]}}) == [second["cron_id"]]
    assert found(limit=1) == [second["cron_id"]]
    assert found(limit=1, offset=1) == [first["cron_id"]]
    names = api.ok("POST", "/runs/crons/search", json={"metadata": mark, "select": ["cron_id", "schedule"]})
    assert names[0] == {"cron_id": second["cron_id"], "schedule": NEVER}


@pytest.mark.parametrize("change, names", [
    ({"schedule": None}, "schedule"), ({"schedule": "61 * * * *"}, "schedule: minute"),
    ({"schedule": "0 0 30 2 *"}, "schedule: no day"), ({"schedule": ["* * * * *"]}, "schedule"),
    ({"timezone": "Mars/Olympus"}, "timezone"), ({"timezone": "../../etc/passwd"}, "timezone"),
    ({"end_time": "tomorrow"}, "end_time"), ({"enabled": "yes"}, "enabled"), ({"metadata": []}, "metadata"),
    ({"on_run_completed": "explode"}, "on_run_completed"), ({"webhook": "ftp://example.com"}, "webhook"),
    ({"webhook": "http://169.254.169.254/"}, "webhook"), ({"multitask_strategy": "x"}, "multitask_strategy"),
    ({"stream_mode": "x"}, "stream_mode"), ({"assistant_id": None}, "assistant_id"),
])
def test_a_wrong_field_is_named(api, change, names):
    response = api.post("/runs/crons", json=cron_body(**change))
    assert response.status_code == 422, response.text
    assert names in response.json()["detail"]


def test_what_is_not_there(api):
    assert api.post("/runs/crons", json=cron_body(assistant_id="nobody")).status_code == 404
    assert api.post(f"/threads/{uuid.uuid4()}/runs/crons", json=cron_body()).status_code == 404
    assert api.get(f"/runs/crons/{uuid.uuid4()}").status_code == 404
    assert api.get("/runs/crons/x").status_code == 422
    assert api.post("/runs/crons/search", json={"sort_by": "color"}).status_code == 422


def test_crons_fire_and_their_webhooks_arrive(start_server, shared_receiver, passing):
    """C1: each firing's webhook; a minute that passes while the server is down is made up for at its start."""
    hooks = {name: shared_receiver.hook(f"/{name}-{uuid.uuid4().hex}") for name in ("own", "thread", "off", "kept")}
    server = start_server(env=passing.env())
    with Api(server.url) as api:
        thread_id = api.thread()
        every = {"schedule": "* * * * *"}
        own = make(api, webhook=hooks["own"].url, metadata={"from": "cron"}, **every)
        make(api, thread_id=thread_id, webhook=hooks["thread"].url, **every)
        make(api, webhook=hooks["off"].url, enabled=False, **every)
        make(api, webhook=hooks["kept"].url, on_run_completed="keep", **every)
    server.stop()
    due = datetime.fromisoformat(own["next_run_date"]).timestamp()
    passing.wait(due - time.time() + 0.2)
    server.start()
    payload = hooks["own"].wait_for(1, timeout=90)[0].json
    assert payload["status"] == "success" and payload["metadata"]["from"] == "cron"
    assert "values" not in payload
    payload = hooks["thread"].wait_for(1, timeout=30)[0].json
    assert payload["thread_id"] == thread_id and payload["values"]["messages"]
    kept = hooks["kept"].wait_for(1, timeout=30)[0].json
    with Api(server.url) as api:
        assert api.ok("GET", f"/threads/{kept['thread_id']}")["status"] == "idle"
        eventually(lambda: api.ok("GET", f"/runs/crons/{own['cron_id']}")["next_run_date"] > own["next_run_date"])
    assert not hooks["off"].requests
    server.stop()
