"""What a caller is told of attempts: the receivers' text takes the permission `answers`; why there was no answer, and how
soon, is told to keys of all workspaces only, so that a URL and the log are no port scanner (docs/security.md, threats 29, 30)."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from harness.api import Api, read_events
from harness.ports import eventually, free_port
from harness.receiver import Answer
from harness.server import Server

DEADLINE_S = 60
SECRET_ANSWER = b"inner secret of the receiver"
ROLES = ("admin", "editor", "viewer", "operator")


@pytest.fixture(scope="module")
def served(store, tmp_path_factory):
    """A server, a key of all workspaces, and one of each role for the workspace w."""
    config = {"runbell": {"delivery": {"test_schedule_ms": [60000]}, "heartbeat_s": 1}}
    with Server(tmp_path_factory.mktemp("told"), store=store(), config=config) as server:
        with Api(server.url) as first:
            root = first.ok("POST", "/v1/keys", json={"name": "root"})["key"]
        admin = Api(server.url, headers={"x-api-key": root})
        admin.ok("POST", "/v1/workspaces", json={"workspace_id": "w"})
        keys = {role: admin.ok("POST", "/v1/keys", json={"role": role, "workspaces": ["w"]})["key"] for role in ROLES}
        clients = {role: Api(server.url, headers={"x-api-key": key}) for role, key in keys.items()}
        root_in_w = Api(server.url, headers={"x-api-key": root, "x-tenant-id": "w"})
        yield clients, root_in_w
        for client in (admin, root_in_w, *clients.values()):
            client.close()


def ended_delivery(api, **filters):
    found = []

    def has_ended():
        found[:] = [one for one in api.ok("GET", "/v1/deliveries", params=filters)["deliveries"] if one["last_result"]]
        return found

    eventually(has_ended, DEADLINE_S)
    return found[0]


def attempt_of(api, delivery):
    return api.ok("GET", f"/v1/deliveries/{delivery['delivery_id']}")["attempt_log"][0]


def tail_of(api, object_id):
    """The first attempt of an object that the live tail tells of."""
    with api.stream("GET", "/v1/deliveries/stream", params={"object_id": object_id, "after": 0}, timeout=DEADLINE_S) as reply:
        for name, data, _ in read_events(reply):
            if name == "attempt":
                return data


# ---- 29: what receivers answer ----


def test_receivers_answers_are_for_roles_that_may_see_them(served, hostile):
    clients, root = served
    hook = hostile.hook("/hook")
    hook.answer(Answer(status=404, body=SECRET_ANSWER))
    sent = clients["operator"].ok("POST", "/v1/test", json={"url": hook.url})
    assert sent["attempt"]["response_excerpt"] == SECRET_ANSWER.decode()
    delivery = sent["delivery"]
    for client in (root, clients["admin"], clients["editor"], clients["operator"]):
        assert attempt_of(client, delivery)["response_excerpt"] == SECRET_ANSWER.decode()
    seen = attempt_of(clients["viewer"], delivery)
    assert seen["response_excerpt"] is None and seen["response_type"] is None
    assert seen["status"] == 404 and seen["result"] == "rejected", "its class is told all the same"
    # The live tail, and sending once more.
    for role, sees in (("viewer", False), ("operator", True)):
        text = json.dumps(tail_of(clients[role], delivery["object_id"]))
        assert (SECRET_ANSWER.decode() in text) == sees, role
    hook.answer(Answer(status=404, body=SECRET_ANSWER))
    clients["operator"].ok("POST", f"/v1/deliveries/{delivery['delivery_id']}/resend", json={})
    eventually(lambda: len([one for one in clients["viewer"].ok("GET", "/v1/deliveries", params={"object_id": delivery["object_id"]})
                            ["deliveries"] if one["last_result"]]) == 2, DEADLINE_S)
    for one in clients["viewer"].ok("GET", "/v1/deliveries", params={"object_id": delivery["object_id"]})["deliveries"]:
        assert SECRET_ANSWER.decode() not in json.dumps(clients["viewer"].ok("GET", f"/v1/deliveries/{one['delivery_id']}"))
    assert "answers" not in clients["viewer"].ok("GET", "/v1/self").get("permissions", [])


# ---- 30: a blocked address, a closed port, one that is silent, one that speaks something else ----


class Corner:
    """Four places that give no answer, each for its own reason."""

    def __init__(self):
        self.silent = socket.create_server(("127.0.0.1", 0))  # connects, never answers
        self.garbage = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.talk, daemon=True).start()

    def talk(self):
        while True:
            try:
                caller, _ = self.garbage.accept()
            except OSError:
                return
            with caller:
                caller.sendall(b"220 mail.example ESMTP\r\n")

    def urls(self):
        return {"closed": f"http://127.0.0.1:{free_port()}/", "garbage": f"http://127.0.0.1:{self.garbage.getsockname()[1]}/",
                "silent": f"http://127.0.0.1:{self.silent.getsockname()[1]}/"}

    def close(self):
        self.silent.close()
        self.garbage.close()


@pytest.fixture(scope="module")
def corner():
    corner = Corner()
    yield corner
    corner.close()


def told(api, delivery):
    """Everything this caller is told of a delivery, but what differs for every delivery."""
    whole = api.ok("GET", f"/v1/deliveries/{delivery['delivery_id']}")
    attempt = whole["attempt_log"][0]
    return {key: value for key, value in {**whole, **attempt}.items()
            if key not in ("delivery_id", "webhook_id", "object_id", "endpoint_id", "url", "origin", "attempt_log", "attempt_id",
                           "created_at", "started_at", "body_bytes", "ended_at", "updated_at", "next_attempt_at")}


def test_no_answer_is_one_word_to_a_workspace(served, corner):
    clients, root = served
    urls = corner.urls()
    began = time.monotonic()
    with ThreadPoolExecutor(len(urls)) as pool:
        took = {}

        def send(name):
            at = time.monotonic()
            reply = clients["operator"].ok("POST", "/v1/test", json={"url": urls[name]}, timeout=60)
            took[name] = time.monotonic() - at
            return reply

        sent = dict(zip(urls, pool.map(send, urls)))
    assert time.monotonic() - began < 50
    # The words and the times are the same ...
    for name, reply in sent.items():
        assert not reply["delivered"] and not reply["pending"], name
        assert reply["attempt"]["result"] == "unreachable" and reply["attempt"]["message"] == "there was no answer from the receiver"
        assert reply["attempt"]["detail"] is None and reply["attempt"]["address"] is None
        assert set(reply["attempt"]["phases_us"].values()) == {None}
        for at in (reply["attempt"]["started_at"], reply["attempt"]["ended_at"], reply["delivery"]["ended_at"],
                   reply["delivery"]["updated_at"]):
            assert at is None or at[17:26] == "00.000000", "a time to the minute"
    assert min(took.values()) > 18, f"a quick no says that the port is closed: {took}"
    for client in (clients["operator"], clients["admin"], clients["viewer"]):
        assert len({json.dumps(told(client, one["delivery"]), sort_keys=True) for one in sent.values()}) == 1
    # ... and whoever runs the server is told why.
    why = {name: attempt_of(root, one["delivery"])["result"] for name, one in sent.items()}
    assert why == {"closed": "unreachable", "garbage": "server_error", "silent": "timeout"}
    assert all(attempt_of(root, one["delivery"])["detail"] for one in sent.values())
    # The live tail and the search tell no more.
    for one in sent.values():
        event = tail_of(clients["operator"], one["delivery"]["object_id"])
        assert event["attempt"]["result"] == "unreachable" and event["attempt"]["detail"] is None
        assert event["at"][17:26] == "00.000000"
    for asks in ({"result": "timeout"}, {"result": "refused"}, {"result": "unreachable"}, {"text": "refused"}):
        refused = clients["operator"].get("/v1/deliveries", params=asks)
        assert refused.status_code == 422 and next(iter(asks)) in refused.json()["detail"]
        refused = clients["operator"].post("/v1/replays", json={**asks, "dry_run": True})
        assert refused.status_code == 422, refused.text
        assert root.get("/v1/deliveries", params=asks).status_code == 200
    assert clients["operator"].get("/v1/deliveries", params={"status": "404", "result": "rejected"}).status_code == 200


def test_a_run_whose_webhook_gets_no_answer_tells_no_more(served, corner):
    clients, root = served
    reasons = {}
    for name, url in corner.urls().items():
        run = clients["editor"].run(None, webhook=url)
        delivery = ended_delivery(clients["viewer"], object_id=run["run_id"])
        reasons[name] = (delivery["state_reason"], delivery["last_result"], delivery["last_message"],
                         delivery["next_attempt_at"] is None or delivery["next_attempt_at"][17:26] == "00.000000")
        path = f"/v1/endpoints/{delivery['endpoint_id']}"
        seen = clients["viewer"].ok("GET", path)
        assert seen["failing_since"][17:26] == seen["backlog"]["next_attempt_at"][17:26] == "00.000000", "how soon it failed"
        assert seen["sender"] is None, "what others send there"
        assert clients["viewer"].ok("GET", "/v1/endpoints", params={"origin": seen["origin"]})["endpoints"][0]["sender"] is None
        assert root.ok("GET", path)["backlog"]["next_attempt_at"] < seen["backlog"]["next_attempt_at"]
    assert set(reasons.values()) == {("unreachable", "unreachable", "there was no answer from the receiver", True)}


# ---- where a policy gives up at once, the result is the reason; notices say it in their bodies ----


@pytest.fixture(scope="module")
def once(store, tmp_path_factory, hostile_ops):
    """Runs are tried once; somebody is told of what is dead. A key of all workspaces, and an admin's of w."""
    config = {"runbell": {"delivery": {"policy": {"run": "once"}, "notify_url": hostile_ops.url}, "heartbeat_s": 1}}
    with Server(tmp_path_factory.mktemp("once"), store=store(), config=config) as server:
        with Api(server.url) as first:
            root = first.ok("POST", "/v1/keys", json={"name": "root"})["key"]
        headers = {"x-api-key": root, "x-tenant-id": "w"}
        with Api(server.url, headers=headers) as admin:
            admin.ok("POST", "/v1/workspaces", headers={"x-tenant-id": "default"}, json={"workspace_id": "w"})
            key = admin.ok("POST", "/v1/keys", headers={"x-tenant-id": "default"}, json={"role": "admin", "workspaces": ["w"]})["key"]
            with Api(server.url, headers={"x-api-key": key}) as own:
                yield own, admin


@pytest.fixture(scope="module")
def hostile_ops(shared_receiver):
    return shared_receiver.hook("/ops-of-attempts")


def test_the_reason_of_its_end_tells_no_more_than_the_attempt(once, corner):
    own, root = once
    urls = corner.urls()
    urls["tls"] = urls["closed"].replace("http:", "https:").replace(urls["closed"].split(":")[2], urls["garbage"].split(":")[2])
    seen, why = set(), {}
    for name, url in urls.items():
        run = own.run(None, webhook=url)
        delivery = ended_delivery(own, object_id=run["run_id"])
        attempts = own.ok("GET", f"/v1/deliveries/{delivery['delivery_id']}/attempts")["attempts"]
        event = tail_of(own, run["run_id"])
        seen.add((delivery["state"], delivery["state_reason"], delivery["last_result"], attempts[0]["result"],
                  event["delivery"]["state_reason"]))
        why[name] = root.ok("GET", f"/v1/deliveries/{delivery['delivery_id']}")["state_reason"]
    assert seen == {("dead",) + 4 * ("unreachable",)}, seen
    assert why == {"closed": "unreachable", "garbage": "server_error", "silent": "timeout", "tls": "tls"}


def test_a_notice_is_for_whoever_runs_the_server(once, hostile_ops):
    """Its body says why there was no answer, and its URL is the server's: for a key of one workspace neither is there."""
    own, root = once
    run = own.run(None, webhook=f"http://127.0.0.1:{free_port()}/")
    dead = ended_delivery(own, object_id=run["run_id"])
    notice = eventually(lambda: [one for one in root.ok("GET", "/v1/deliveries", params={"kind": "system"})["deliveries"]
                                 if one["object_id"] == dead["object_id"]], DEADLINE_S,
                        why=lambda: root.get("/v1/deliveries", params={"kind": "system"}).text)[0]
    path, endpoint = f"/v1/deliveries/{notice['delivery_id']}", f"/v1/endpoints/{notice['endpoint_id']}"
    assert root.ok("GET", path + "/body")["data"]["last_result"] == "unreachable"
    assert root.get(endpoint).status_code == 200 and root.get(endpoint + "/headers").status_code == 200
    for method, there, body in (("GET", path, None), ("GET", path + "/body", None), ("GET", path + "/attempts", None),
                                ("POST", path + "/resend", {}), ("POST", path + "/resend", {"url": hostile_ops.url}),
                                ("POST", path + "/cancel", None), ("GET", endpoint, None), ("PATCH", endpoint, {"name": "mine"}),
                                ("GET", endpoint + "/events", None), ("GET", endpoint + "/headers", None),
                                ("PUT", endpoint + "/headers", {"headers": {"X-A": "b"}}), ("GET", endpoint + "/signing-keys", None),
                                ("POST", endpoint + "/signing-keys", {}), ("GET", endpoint + "/oauth", None),
                                ("POST", endpoint + "/pause", {}), ("POST", endpoint + "/test", {}), ("DELETE", endpoint, None),
                                ("POST", endpoint + "/recover", {"since": "1h"})):
        answer = own.request(method, there, json=body)
        assert answer.status_code == 404, f"{method} {there}: {answer.status_code} {answer.text}"
    assert own.ok("GET", "/v1/deliveries", params={"kind": "system"})["deliveries"] == []
    assert {one["kind"] for one in own.ok("GET", "/v1/deliveries")["deliveries"]} == {"run"}
    assert {one["kind"] for one in own.ok("GET", "/v1/endpoints")["endpoints"]} == {"run"}
    counted = lambda api: api.ok("POST", "/v1/replays", json={"state": "any", "since": "1h", "dry_run": True})["matched"]
    assert counted(own) < counted(root)
    replay = own.ok("POST", "/v1/replays", json={"state": "any", "webhook_id": notice["webhook_id"], "to_url": hostile_ops.url})
    ended = eventually(lambda: (now := own.ok("GET", f"/v1/replays/{replay['replay_id']}"))["state"] == "done" and now, DEADLINE_S)
    assert ended["matched"] == 0 and "not_kind" not in ended["filter"]
    assert own.post("/v1/endpoints", json={"url": hostile_ops.url, "kind": "system"}).status_code == 422
    with own.stream("GET", "/v1/deliveries/stream", params={"after": 0}, timeout=DEADLINE_S) as reply:
        for _, event, _ in read_events(reply):
            assert event["delivery"]["kind"] == "run"
            if event["delivery"]["delivery_id"] == dead["delivery_id"] and event["state"] == "dead":
                break


# ---- the limit ----


def test_tests_without_an_answer_are_limited(served):
    """In a workspace of its own, by whoever runs the server: that one is told at once."""
    _, root = served
    key = root.headers["x-api-key"]
    root.ok("POST", "/v1/workspaces", json={"workspace_id": "scanner"})
    with Api(str(root.base_url), headers={"x-api-key": key, "x-tenant-id": "scanner"}) as api:
        for _ in range(30):
            api.ok("POST", "/v1/test", json={"url": f"http://127.0.0.1:{free_port()}/"})
        refused = api.post("/v1/test", json={"url": f"http://127.0.0.1:{free_port()}/"})
        assert refused.status_code == 429 and "30 test sends without an answer" in refused.json()["detail"]
        assert int(refused.headers["retry-after"]) > 0
        endpoint = api.ok("GET", "/v1/endpoints")["endpoints"][0]["endpoint_id"]
        assert api.post(f"/v1/endpoints/{endpoint}/test", json={}).status_code == 429
    # Another workspace is not held up.
    assert root.post("/v1/test", json={"url": f"http://127.0.0.1:{free_port()}/"}).status_code == 200


# ---- 32: one call, many requests ----


def test_a_workspace_cannot_turn_its_log_on_somebody(served, hostile):
    clients, root = served
    elsewhere = hostile.hook("/victim").url
    for asks in ({"rate": 5.5}, {"rate": 10000}):
        refused = clients["operator"].post("/v1/replays", json={"state": "any", "to_url": elsewhere, "dry_run": True, **asks})
        assert refused.status_code == 422 and "at most 5 deliveries a second" in refused.json()["detail"]
        assert root.post("/v1/replays", json={"state": "any", "to_url": elsewhere, "dry_run": True, **asks}).status_code == 200
        assert clients["operator"].post("/v1/replays", json={"state": "any", "dry_run": True, **asks}).status_code == 200
    replay = clients["operator"].ok("POST", "/v1/replays", json={"object_id": "nothing", "to_url": elsewhere})
    assert replay["rate"] == 5
