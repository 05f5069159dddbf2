"""The built-in policies at their real pace, counted at the receiver (B12 to B16; delivery.md sections 1.1 and 8.3 rows 7, 8)."""

import socket
import time

import pytest

from harness.api import Api
from harness.ports import eventually, free_port
from harness.receiver import Answer
from harness.server import Server

def busy(retry_after):
    return Answer(status=503, headers={"Retry-After": retry_after})


def in_an_hour():
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))


# name: (policy, answers, state, reason, how many requests, the least and the most seconds before each further one)
FAST, SLOW = (0.85, 1.9), (1.75, 3.2)
CASES = {
    "5xx": ("documented", [Answer(status=500)], "dead", "exhausted", 3, [FAST, SLOW]),
    "5xx-then-well": ("documented", [Answer(status=502), Answer()], "done", None, 2, [FAST]),
    "503-retry-after": ("documented", [busy("3600")], "dead", "exhausted", 3, [FAST, SLOW]),
    "reset": ("documented", [Answer(how="reset")], "dead", "exhausted", 3, [FAST, SLOW]),
    "closed": ("documented", [Answer(how="close")], "dead", "exhausted", 3, [FAST, SLOW]),
    "both": ("documented", [Answer(how="close"), Answer(status=500), Answer(how="close")], "dead", "exhausted", 3, [FAST, SLOW]),
    "timeout": ("documented", [Answer(how="hang")], "dead", "timeout", 1, []),
    "late-head": ("documented", [Answer(delay_s=8)], "dead", "timeout", 1, []),
    "404": ("documented", [Answer(status=404)], "dead", "rejected", 1, []),
    "429": ("documented", [Answer(status=429)], "dead", "busy", 1, []),
    "redirect": ("documented", [Answer(status=302, headers={"Location": "/elsewhere"})], "dead", "rejected", 1, []),
    "durable-5xx": ("durable", [Answer(status=500), Answer()], "done", None, 2, [(3.9, 7)]),
    "durable-retry-after": ("durable", [busy("9"), Answer()], "done", None, 2, [(8.9, 11)]),
    "durable-short-retry-after": ("durable", [busy("1"), Answer()], "done", None, 2, [(3.9, 7)]),
    "durable-retry-after-nonsense": ("durable", [busy("-5"), Answer()], "done", None, 2, [(3.9, 7)]),
    "durable-gone": ("durable", [Answer(status=410)], "dead", "gone", 1, []),
    "once": ("once", [Answer(status=500)], "dead", "server_error", 1, []),
}
NEXT = {  # what is asked for in hours; at most a day is waited
    "durable-retry-after-date": (in_an_hour, 3500, 3700),
    "durable-retry-after-absurd": (lambda: "9" * 40, 86300, 86500),
}


@pytest.fixture(scope="module")
def api(store, tmp_path_factory):
    """A server with the built-in policies as they are."""
    with Server(tmp_path_factory.mktemp("policies"), store=store()) as server, Api(server.url) as client:
        yield client


def send(api, url, policy):
    api.ok("POST", "/v1/endpoints", json={"url": url, "policy": policy})
    return api.run(None, webhook=url)


def test_each_policy_tries_as_often_as_it_says(api, hostile):
    runs = {}
    for name, (policy, answers, *_) in CASES.items():
        runs[name] = hostile.hook(f"/{name}", *answers), send(api, f"{hostile.url}/{name}", policy)
    for name, (asked, *_) in NEXT.items():
        runs[name] = hostile.hook(f"/{name}", busy(asked())), send(api, f"{hostile.url}/{name}", "durable")
    refused = send(api, f"http://127.0.0.1:{free_port()}/", "documented")
    for name, (policy, _, state, reason, count, gaps) in CASES.items():
        hook, run = runs[name]
        eventually(lambda run=run, state=state: api.delivery_of(run)["state"] == state, 30, why=f"{name}: {api.delivery_of(run)}")
        ended = api.delivery_of(run)
        assert (ended["policy"], ended["state_reason"], ended["attempts"], len(hook.requests)) == (policy, reason, count, count), name
        at = [request.at for request in hook.requests]
        for (least, most), gap in zip(gaps, [after - before for before, after in zip(at, at[1:])], strict=True):
            assert least <= gap <= most, f"{name}: {gap}"
    ended = api.delivery_of(refused)
    assert (ended["state"], ended["attempts"], ended["last_result"]) == ("dead", 3, "unreachable")
    for name, (_, least, most) in NEXT.items():
        waiting = api.ok("GET", f"/v1/deliveries/{api.delivery_of(runs[name][1])['delivery_id']}")
        due = waiting["next_attempt_at"]
        wait_s = _seconds(due) - _seconds(waiting["attempt_log"][0]["ended_at"])
        assert waiting["state"] == "due" and least <= wait_s <= most, (name, wait_s)


def _seconds(iso):
    from datetime import datetime
    return datetime.fromisoformat(iso).timestamp()


def test_a_kept_connection_that_ends_is_one_failed_attempt(api, hostile):
    """B12: two more tries, not three, whoever has used the connection before."""
    well = hostile.hook("/well", Answer())
    bad = hostile.hook("/bad", Answer(how="close"))
    api.ok("POST", "/v1/endpoints", json={"url": bad.url, "policy": "documented"})
    for _ in range(3):
        api.run(None, webhook=well.url)
    well.wait_for(3)
    run = api.run(None, webhook=bad.url)
    eventually(lambda: api.delivery_of(run)["state"] == "dead", 30)
    assert len(bad.requests) == api.delivery_of(run)["attempts"] == 3


def test_what_is_still_connecting_at_the_end_of_the_clock_is_a_connection_that_failed(api):
    """B12, B13: the 5 s clock ends before there is a connection, so it is tried again; row 19 of the contradictions."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        crowd = [socket.socket() for _ in range(3)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        run = send(api, f"http://127.0.0.1:{full.getsockname()[1]}/", "documented")
        eventually(lambda: api.delivery_of(run)["attempts"] >= 2, 30, why=lambda: api.delivery_of(run))
        first = api.ok("GET", f"/v1/deliveries/{api.delivery_of(run)['delivery_id']}")["attempt_log"][0]
        assert first["result"] == "unreachable" and 4_900_000 <= first["phases_us"]["total"] <= 5_600_000, first
        for one in crowd:
            one.close()


def test_a_test_send_is_tried_once_whatever_its_endpoint_is_told(api, hostile):
    hook = hostile.hook("/tested", Answer(status=500), Answer())
    endpoint = api.ok("POST", "/v1/endpoints", json={"url": hook.url, "policy": "durable"})["endpoint_id"]
    said = api.ok("POST", f"/v1/endpoints/{endpoint}/test")
    assert said["delivery"]["state"] == "dead" and said["delivery"]["attempts"] == 1 and not said["pending"]
    hook.one()


def test_a_deleted_endpoint_cannot_be_tested(api, hostile):
    endpoint = api.ok("POST", "/v1/endpoints", json={"url": hostile.url + "/gone"})["endpoint_id"]
    assert api.delete(f"/v1/endpoints/{endpoint}").status_code == 204
    assert api.post(f"/v1/endpoints/{endpoint}/test").status_code == 404
    assert api.ok("GET", "/v1/deliveries", params={"endpoint_id": endpoint})["deliveries"] == []
