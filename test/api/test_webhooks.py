"""Run webhooks: one event on every way a run can end, in the documented form (requirements C1, C8-C11, D1-D3)."""

import json
import re
import socket
import time
from datetime import datetime

import psutil
import pytest

from harness.api import GREETING, HELLO, Api, ask, contents, delay, fail, run_body, say
from harness.ports import free_port
from harness.receiver import Answer

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$")
LONG = [delay(60_000), say("never")]
DOCUMENTED = {"run_id", "thread_id", "assistant_id", "status", "created_at", "updated_at", "run_started_at",
              "run_ended_at", "webhook_sent_at", "metadata", "kwargs", "values", "multitask_strategy", "error"}


def check_form(request, is_stateful=True, is_before_due=False):
    """What every run webhook has; its payload. The created_at of a run that is to wait is when it is due."""
    assert request.method == "POST"
    assert request.header("content-type") == "application/json"
    assert request.header("content-length") == str(len(request.body))
    assert request.header("transfer-encoding") is None
    assert request.header("user-agent").lower().startswith("runbell/")
    assert request.webhook_id
    assert abs(int(request.header("webhook-timestamp")) - time.time()) < 60
    payload = request.json
    # A run that never started has no start, and may have no state yet.
    may_lack = {"run_started_at", "values"} if payload["status"] == "interrupted" else set()
    wanted = DOCUMENTED if is_stateful else DOCUMENTED - {"values"}
    assert wanted - set(payload) <= may_lack
    if not is_stateful:
        assert "values" not in payload
    for key in ("created_at", "updated_at", "run_started_at", "run_ended_at", "webhook_sent_at"):
        if payload.get(key) is not None:
            assert TIME.match(payload[key]), (key, payload[key])
            datetime.fromisoformat(payload[key])
    assert is_before_due == (payload["created_at"] > payload["run_ended_at"])
    assert payload["run_ended_at"] <= payload["webhook_sent_at"]
    return payload


def test_success_has_the_documented_payload(api, receiver):
    """C8, C9: all documented fields, the values of the sample, error null."""
    thread_id = api.thread()
    run = api.run(thread_id, webhook=receiver.url, metadata={"order": 7}, multitask_strategy="reject")
    payload = check_form(receiver.one())
    assert DOCUMENTED <= set(payload)
    assert payload["run_id"] == run["run_id"]
    assert payload["thread_id"] == thread_id
    assert payload["assistant_id"] == run["assistant_id"]
    assert payload["status"] == "success"
    assert payload["metadata"]["order"] == 7
    assert payload["kwargs"]["input"] == HELLO
    assert payload["values"] == {"messages": [{"role": "user", "content": "Hello!"},
                                              {"role": "assistant", "content": GREETING}]}
    assert payload["multitask_strategy"] == "reject"
    assert payload["error"] is None


@pytest.mark.parametrize("path", ["/thread/{id}/runs", "/thread/{id}/runs/stream", "/thread/{id}/runs/wait",
                                  "/threads/{id}/runs", "/threads/{id}/runs/stream", "/threads/{id}/runs/wait",
                                  "/runs/stream", "/runs/wait", "/runs"])
def test_every_documented_endpoint_takes_a_webhook(api, receiver, path):
    """C1, in both spellings."""
    answer = api.post(path.format(id=api.thread()), json=run_body(webhook=receiver.url))
    assert answer.status_code == 200
    payload = check_form(receiver.one(), is_stateful="{id}" in path)
    assert payload["status"] == "success"


def test_batches_send_one_webhook_each(api, receiver):
    runs = api.ok("POST", "/runs/batch", json=[run_body(webhook=receiver.url) for _ in range(3)])
    receiver.wait_for(3)
    assert sorted(request.json["run_id"] for request in receiver.requests) == sorted(run["run_id"] for run in runs)
    assert len({request.webhook_id for request in receiver.requests}) == 3


def test_a_failed_run(api, receiver):
    """C10: error is an object with error and message; the state so far is there."""
    api.run(api.thread(), [say("so far"), fail()], webhook=receiver.url)
    payload = check_form(receiver.one())
    assert payload["status"] == "error"
    assert payload["error"] == {"error": "TimeoutError", "message": "Run exceeded maximum execution time"}
    assert contents(payload["values"])[-1] == "so far"


def test_a_failed_stateless_run(api, receiver):
    api.run(None, [fail("ValueError", "bad luck")], webhook=receiver.url)
    payload = check_form(receiver.one(), is_stateful=False)
    assert payload["error"] == {"error": "ValueError", "message": "bad luck"}


def test_a_kept_stateless_run_has_values(api, receiver):
    api.run(None, webhook=receiver.url, on_completion="keep")
    assert contents(check_form(receiver.one())["values"])[-1] == GREETING


def test_a_run_cancelled_while_it_runs(api, receiver):
    run = api.run(api.thread(), [say("a"), *LONG], webhook=receiver.url)
    api.status_becomes(run, "running")
    api.post(f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel", params={"wait": 1})
    payload = check_form(receiver.one())
    assert (payload["run_id"], payload["status"]) == (run["run_id"], "interrupted")


def test_a_run_cancelled_before_it_started(api, receiver):
    run = api.run(api.thread(), webhook=receiver.url, after_seconds=60)
    api.post(f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel")
    payload = check_form(receiver.one(), is_before_due=True)
    assert (payload["run_id"], payload["status"]) == (run["run_id"], "interrupted")


@pytest.mark.parametrize("state", ["pending", "running"])
def test_a_run_that_was_rolled_back(api, receiver, state):
    run = api.run(api.thread(), LONG, webhook=receiver.url, after_seconds=60 if state == "pending" else 0)
    if state == "running":
        api.status_becomes(run, "running")
    api.post(f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel", params={"wait": 1, "action": "rollback"})
    payload = check_form(receiver.one(), is_before_due=state == "pending")
    assert (payload["run_id"], payload["status"]) == (run["run_id"], "interrupted")
    assert payload["error"]["error"] == "UserRollback"


def test_a_run_that_another_one_interrupted(api, receiver):
    thread_id = api.thread()
    first = api.run(thread_id, LONG, webhook=receiver.url)
    api.status_becomes(first, "running")
    second = api.run(thread_id, [say("x")], webhook=receiver.url, multitask_strategy="interrupt")
    receiver.wait_for(2)
    assert receiver.of_run(first["run_id"])[0].json["status"] == "interrupted"
    assert receiver.wait_for_run(second["run_id"]).json["status"] == "success"


def test_a_run_that_stops_for_a_person_tells_so(api, receiver):
    thread_id = api.thread()
    run = api.run(thread_id, [say("a"), ask({"question": "continue?"}), say("b")], webhook=receiver.url)
    payload = check_form(receiver.one())
    assert payload["status"] == "success"
    assert payload["thread_status"] == "interrupted"
    assert payload["next"]
    (interrupts,) = payload["interrupts"].values()
    assert interrupts[0]["value"] == {"question": "continue?"}
    resumed = api.ok("POST", f"/threads/{thread_id}/runs",
                     json={"assistant_id": "script", "command": {"resume": "yes"}, "webhook": receiver.url})
    payload = check_form(receiver.wait_for_run(resumed["run_id"]))
    assert payload["run_id"] != run["run_id"]
    assert contents(payload["values"])[-1] == "b"
    assert payload.get("interrupts") in (None, {})


def test_a_refused_run_sends_nothing(api, receiver):
    thread_id = api.thread()
    busy = api.run(thread_id, LONG)
    answer = api.post(f"/threads/{thread_id}/runs", json=run_body(webhook=receiver.url, multitask_strategy="reject"))
    assert answer.status_code in (409, 422)
    api.post(f"/threads/{thread_id}/runs/{busy['run_id']}/cancel", params={"wait": 1})
    receiver.none()


def test_deleting_a_live_run_still_tells(api, receiver):
    run = api.run(api.thread(), LONG, webhook=receiver.url)
    api.status_becomes(run, "running")
    assert api.delete(f"/threads/{run['thread_id']}/runs/{run['run_id']}").status_code == 204
    assert receiver.one().json["status"] == "interrupted"


def test_the_query_of_the_address_arrives_byte_for_byte(api, receiver):
    """C11, D3, B18: the token in the query is the receiver's to check."""
    query = "token=YOUR_SECRET%20TOKEN&a=%2F+b&empty=&c"
    api.run(api.thread(), webhook=f"{receiver.url}?{query}")
    assert receiver.one().query == query


def test_the_end_of_the_run_is_committed_when_the_webhook_comes(api, receiver):
    for _ in range(10):
        api.run(api.thread(), webhook=receiver.url)
    for request in receiver.wait_for(10):
        assert api.get_run(request.json)["status"] == "success"


def test_a_webhook_comes_quickly(api, receiver):
    run = api.run(api.thread(), webhook=receiver.url)
    request = receiver.wait_for(1)[0]
    ended = datetime.fromisoformat(request.json["run_ended_at"])
    arrived = time.time() - (time.monotonic() - request.at)
    assert arrived - ended.timestamp() < 2, f"run {run['run_id']}"


def test_large_payloads_arrive_whole(api, receiver):
    api.run(api.thread(), [{"large_bytes": 3_000_000}, say("ü🚨\u2028")], webhook=receiver.url)
    payload = check_form(receiver.one(timeout=60))
    texts = contents(payload["values"])
    assert max(map(len, texts)) >= 3_000_000 and texts[-1] == "ü🚨\u2028"


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_rejected_webhook_is_not_repeated(api, hostile, status):
    hook = hostile.hook(f"/rejected-{status}", Answer(status=status))
    api.run(api.thread(), webhook=hook.url)
    hook.one(quiet_s=3)


def test_redirects_are_not_followed(api, shared_receiver, receiver):
    hook = shared_receiver.hook("/redirect", Answer(status=302, headers={"Location": receiver.url}))
    api.run(api.thread(), webhook=hook.url)
    hook.wait_for(1)
    receiver.none(quiet_s=2)


@pytest.mark.parametrize("how", ["hang", "reset", "garbage", "close", "drip"])
def test_a_bad_receiver_delays_no_run(api, hostile, receiver, how):
    """A webhook's failure never delays, breaks or blocks a run: twenty bad ones, then a good one."""
    hook = hostile.hook(f"/bad-{how}", Answer(how=how))
    runs = [api.run(api.thread(), webhook=hook.url) for _ in range(20)]
    for run in runs:
        assert api.ended(run, timeout=20)["status"] == "success"
    hook.wait_for(1)
    api.run(api.thread(), webhook=receiver.url)
    assert receiver.one(timeout=20).json["status"] == "success"


def test_a_receiver_that_is_down_delays_no_run(api, receiver):
    from harness.ports import free_port

    for _ in range(20):
        run = api.run(api.thread(), webhook=f"http://127.0.0.1:{free_port()}/nobody")
        assert api.ended(run)["status"] == "success"
    api.run(api.thread(), webhook=receiver.url)
    receiver.one()


def test_secrets_of_the_address_are_not_in_the_log(api, server, receiver):
    api.run(api.thread(), webhook=f"{receiver.url}?token=canary-5f1d")
    receiver.one()
    assert "canary-5f1d" not in server.log()


def test_kwargs_are_as_stored(api, receiver):
    body = run_body(webhook=receiver.url, config={"configurable": {"lang": "de"}, "tags": ["x"], "recursion_limit": 7})
    run = api.ok("POST", f"/threads/{api.thread()}/runs", json=body)
    kwargs = receiver.one().json["kwargs"]
    assert kwargs["config"]["configurable"]["lang"] == "de"
    assert kwargs["config"]["recursion_limit"] == 7
    assert kwargs["config"]["configurable"]["run_id"] == run["run_id"]
    assert json.dumps(HELLO) == json.dumps(kwargs["input"])


def test_a_server_on_all_addresses_knows_its_own(start_server):
    """delivery.md section 4.1 row 21: each address of an interface is ours, whatever opens it; but for inspectors."""
    own = {one.address for of in psutil.net_if_addrs().values() for one in of if one.family == socket.AF_INET}
    assert "127.0.0.1" in own
    server = start_server(config={"runbell": {"egress": {"allow": sorted(own)}}})
    with Api(server.url) as api:
        key = api.ok("POST", "/v1/keys", json={"name": "root"})["key"]
    server.stop()
    server.args = ["--listen", f"0.0.0.0:{server.port}"]
    server.start()
    with Api(server.url, headers={"x-api-key": key}) as api:
        inspector = api.ok("POST", "/v1/inspectors", json={})
        for address in own:
            at = f"http://{address}:{server.port}"
            for answer in (api.post("/runs", json={**run_body(), "webhook": at + "/v1/keys"}), api.post("/v1/test", json={"url": at})):
                assert answer.status_code == 422 and "our own address" in answer.json()["detail"], (address, answer.text)
            assert api.ok("POST", "/v1/test", json={"url": f"{at}/in/{inspector['slug']}"})["attempt"]["status"] == 200
            other = api.ok("POST", "/v1/test", json={"url": f"http://{address}:{free_port()}/"})
            assert other["attempt"]["result"] == "unreachable", "another port of ours is not this server"
