"""Headers and signing keys of endpoints: sealed, never shown, changed while deliveries go on.

Requirements B9-B11, E2, C12; delivery.md §1.2, §4.2, §4.3; defects 17, 18, 19 and 25 of its §8.3.
"""

import base64
import json
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from harness.api import Api
from harness.ports import eventually
from harness.receiver import Answer
from harness.server import Server, binary

OWN = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
WHSK = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
VERIFY_JS = Path(__file__).resolve().parents[1] / "js" / "verify.mjs"


@pytest.fixture(scope="module")
def quick(store, tmp_path_factory):
    """A server that tries again after a moment; its own key is Ed25519."""
    config = {"runbell": {"signing_secret": WHSK, "delivery": {"test_schedule_ms": [100, 200, 300]}}}
    with Server(tmp_path_factory.mktemp("secrets"), store=store(), config=config) as server, \
            Api(server.url) as api:
        api.server = server
        yield api


def endpoint_of(api, hook):
    """Makes the endpoint of a hook by a first delivery; its id."""
    run = api.run(None, webhook=hook.url)
    hook.wait_for(1)
    return api.delivery_of(run)["endpoint_id"]


def next_request(api, hook):
    count = len(hook.requests)
    api.run(None, webhook=hook.url)
    return hook.wait_for(count + 1)[count]


def headers_of(request):
    return {name.lower(): value for name, value in request.headers}


def verifies(secret, request):
    try:
        Webhook(secret).verify(request.body, headers_of(request))
    except Exception:  # noqa: BLE001 -- the library's own
        return False
    return True


@pytest.fixture
def hook(hostile):
    return hostile.hook(f"/{uuid.uuid4().hex}")


# ---- headers --------------------------------------------------------------------------------------


def test_headers_are_sent_and_never_shown(quick, hook):
    path = f"/v1/endpoints/{endpoint_of(quick, hook)}/headers"
    assert quick.ok("GET", path) == {"headers": {}}
    shown = quick.ok("PUT", path, json={"headers": {"Authorization": "Bearer abc", "X-Empty": "", "X-b": "1"}})
    assert shown == {"headers": {"Authorization": "***", "X-Empty": "***", "X-b": "***"}}
    assert quick.ok("GET", path) == shown
    got = headers_of(next_request(quick, hook))
    assert (got["authorization"], got["x-empty"], got["x-b"]) == ("Bearer abc", "", "1")
    # *** keeps a value, what is left out goes, and names have no letter case.
    quick.ok("PUT", path, json={"headers": {"authorization": "***", "X-c": "2"}})
    got = headers_of(next_request(quick, hook))
    assert got["authorization"] == "Bearer abc" and got["x-c"] == "2" and "x-b" not in got
    assert quick.delete(f"{path}/AUTHORIZATION").status_code == 204
    assert quick.delete(f"{path}/authorization").status_code == 404
    assert "authorization" not in headers_of(next_request(quick, hook))
    assert quick.delete(path).status_code == 204
    assert quick.ok("GET", path) == {"headers": {}}


@pytest.mark.parametrize("headers, named", [
    ({"Host": "x"}, "Host"), ({"content-length": "1"}, "content-length"), ({"Webhook-Id": "x"}, "Webhook-Id"),
    ({"webhook-anything": "x"}, "webhook-anything"), ({"Transfer-Encoding": "chunked"}, "Transfer-Encoding"),
    ({"traceparent": "x"}, "traceparent"), ({"X y": "1"}, "X y"), ({"": "1"}, "name"),
    ({"X-a": "1\r\nX-b: 2"}, "X-a"), ({"X-a": "1\n"}, "X-a"), ({"X-a": "ä"}, "X-a"), ({"X-a": " 1"}, "X-a"),
    ({"X-a": 1}, "X-a"), ({"X-a": None}, "X-a"), ({"X-a": "1", "x-A": "2"}, "x-A"), ({"X-a": "***"}, "X-a"),
    ({"X-a": "v" * 9000}, "X-a"), ({f"X-{i}": "1" for i in range(65)}, "64"),
    ({f"X-{i}": "v" * 8000 for i in range(5)}, "32 KiB"), ([], "object"), (None, "object")])
def test_what_is_no_header_is_refused_by_name(quick, hook, headers, named):
    """delivery.md §4.1 row 22."""
    path = f"/v1/endpoints/{endpoint_of(quick, hook)}/headers"
    answer = quick.put(path, json={"headers": headers})
    assert answer.status_code == 422, answer.text
    assert named in answer.json()["detail"]
    assert quick.ok("GET", path) == {"headers": {}}


def test_an_endpoint_that_is_not_there(quick):
    missing = f"/v1/endpoints/{uuid.uuid4()}"
    for method, path, body in [("GET", "/headers", None), ("PUT", "/headers", {"headers": {"X-a": "1"}}),
                               ("DELETE", "/headers", None), ("GET", "/signing-keys", None),
                               ("POST", "/signing-keys", {}), ("POST", "/signing-keys/rotate", {}),
                               ("DELETE", "/signing-keys/key_1", None)]:
        answer = quick.request(method, missing + path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
        assert "endpoint" in answer.json()["detail"]


# ---- signatures -----------------------------------------------------------------------------------


def test_keys_are_made_rotated_and_revoked(quick, hook):
    path = f"/v1/endpoints/{endpoint_of(quick, hook)}/signing-keys"
    assert quick.ok("GET", path) == []
    made = quick.ok("POST", path, json={})
    assert made["type"] == "hmac" and made["secret"].startswith("whsec_") and made["expires_at"] is None
    assert verifies(made["secret"], next_request(quick, hook))

    first, second = quick.ok("POST", path + "/rotate", json={})
    assert first["key_id"] != made["key_id"] and "secret" not in second and second["expires_at"]
    request = next_request(quick, hook)
    assert verifies(first["secret"], request) and verifies(made["secret"], request), "both, for a day"

    imported, *others = quick.ok("POST", path + "/rotate", json={"secret": OWN, "overlap_s": 0})
    assert "secret" not in imported and others == []
    request = next_request(quick, hook)
    assert verifies(OWN, request)
    assert not verifies(first["secret"], request) and not verifies(made["secret"], request)
    assert quick.delete(f"{path}/{imported['key_id']}").status_code == 204
    assert quick.delete(f"{path}/{imported['key_id']}").status_code == 404
    assert not verifies(OWN, next_request(quick, hook))


def test_an_endpoint_has_at_most_ten_keys(quick, hook):
    path = f"/v1/endpoints/{endpoint_of(quick, hook)}/signing-keys"
    secrets = [quick.ok("POST", path, json={})["secret"] for _ in range(10)]
    answer = quick.post(path, json={})
    assert answer.status_code == 409 and "10" in answer.json()["detail"]
    assert len(quick.ok("GET", path)) == 10
    request = next_request(quick, hook)
    assert all(verifies(secret, request) for secret in secrets)


@pytest.mark.parametrize("body, named", [
    ({"type": "rsa"}, "type"), ({"secret": "whsec_short"}, "secret"), ({"secret": "abc"}, "secret"),
    ({"secret": WHSK[:-8]}, "secret"), ({"secret": 1}, "secret"), ({"overlap_s": -1}, "overlap_s")])
def test_what_is_no_key_is_refused(quick, hook, body, named):
    path = f"/v1/endpoints/{endpoint_of(quick, hook)}/signing-keys"
    answer = quick.post(path + "/rotate", json=body)
    assert answer.status_code == 422, answer.text
    assert named in answer.json()["detail"] and str(body.get("secret")) not in answer.text


def test_a_rotated_key_counts_from_the_next_attempt(quick, hook):
    """Defect 17: the retry of a delivery that was made before the change has the new signature."""
    endpoint = endpoint_of(quick, hook)
    path = f"/v1/endpoints/{endpoint}"
    old = quick.ok("POST", path + "/signing-keys", json={})["secret"]
    quick.ok("PUT", path + "/headers", json={"headers": {"X-Secret": "old"}})
    hook.answer(Answer(status=500, delay_s=0.3), Answer())
    quick.run(None, webhook=hook.url)
    before = hook.wait_for(2)[1]
    new = quick.ok("POST", path + "/signing-keys/rotate", json={"overlap_s": 0})[0]["secret"]
    quick.ok("PUT", path + "/headers", json={"headers": {"X-Secret": "new"}})
    after = hook.wait_for(3)[2]
    assert before.webhook_id == after.webhook_id and before.body == after.body
    assert verifies(old, before) and not verifies(new, before)
    assert verifies(new, after) and not verifies(old, after)
    assert headers_of(after)["x-secret"] == "new"
    assert int(headers_of(before)["webhook-attempt"]) + 1 == int(headers_of(after)["webhook-attempt"])


def test_attempts_carry_number_sequence_and_trace(quick, hook):
    hook.answer(Answer(status=500), Answer())
    quick.run(None, webhook=hook.url)
    one, two = (headers_of(request) for request in hook.wait_for(2))
    three = headers_of(next_request(quick, hook))
    assert (one["webhook-attempt"], two["webhook-attempt"]) == ("1", "2")
    assert one["webhook-sequence"] == two["webhook-sequence"] == "1"
    assert three["webhook-sequence"] == "2"
    trace = one["traceparent"].split("-")
    assert [len(part) for part in trace] == [2, 32, 16, 2] and trace[0] == "00"
    assert two["traceparent"].split("-")[1] == trace[1], "a delivery is one trace"
    assert two["traceparent"].split("-")[2] != trace[2], "an attempt is one span"
    assert three["traceparent"].split("-")[1] != trace[1]


def test_public_keys_verify_what_was_sent(quick, hook):
    """v1a, with the key of the page; the published JavaScript library judges the v1 beside it."""
    endpoint = endpoint_of(quick, hook)
    path = f"/v1/endpoints/{endpoint}/signing-keys"
    quick.ok("POST", path, json={"secret": OWN})
    made = quick.ok("POST", path, json={"type": "ed25519"})
    assert made["secret"].startswith("whsk_") and made["public_key"].startswith("whpk_")
    with Api(quick.base_url) as anybody:
        server_keys = anybody.ok("GET", "/v1/webhook-keys")["keys"]
        keys = anybody.ok("GET", f"/v1/webhook-keys?endpoint_id={endpoint}")["keys"]
    assert [key["kty"] for key in server_keys] == ["OKP"] and server_keys[0] in keys
    assert [key["public_key"] for key in keys][0] == made["public_key"]
    assert made["secret"] not in json.dumps(keys)
    request = next_request(quick, hook)
    assert len(headers_of(request)["webhook-signature"].split(" ")) == 3
    for jwk in keys:
        job = {"body": request.body.decode(), "headers": headers_of(request), "secret": OWN, "jwk": jwk}
        done = subprocess.run(["node", VERIFY_JS], input=json.dumps(job), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


# ---- at rest --------------------------------------------------------------------------------------


def secrets_command(server, *args):
    store = [] if server.store == "sqlite" else ["--store", server.store]
    return subprocess.run([binary(), "secrets", *args, "--data", server.data, *store], capture_output=True, text=True,
                          check=False, cwd=server.project, env=server.environment())


def secrets_ok(server, *args):
    done = secrets_command(server, *args)
    assert done.returncode == 0, done.stderr
    return done.stdout


def key_states(server):
    return {key["key_id"]: (key["state"], key["secrets"])
            for key in json.loads(secrets_ok(server, "status", "--json"))}


def traces_of(server, canary):
    """Files of the server, its log among them, in which the canary stands."""
    return [str(path) for path in server.folder.rglob("*") if path.is_file() and canary.encode() in path.read_bytes()]


def everything_shown(api, endpoint):
    paths = ["/v1/deliveries?limit=100", f"/v1/endpoints/{endpoint}/headers", f"/v1/endpoints/{endpoint}/signing-keys",
             f"/v1/webhook-keys?endpoint_id={endpoint}", "/openapi.json"]
    page = api.ok("GET", paths[0])
    paths += [f"/v1/deliveries/{one['delivery_id']}"
              for one in (page if isinstance(page, list) else page["deliveries"])[:20]]
    return "\n".join(api.get(path).text for path in paths)


def test_secrets_stand_nowhere_in_plain_text(start_server, hook):
    """Defect 25: after runs, failures, kill -9 and restarts no file, log line or answer has one of them."""
    fixed, header, userinfo = (f"canary-{uuid.uuid4().hex}" for _ in range(3))
    signing = "whsec_" + base64.b64encode(uuid.uuid4().bytes * 2).decode()
    config = {"webhooks": {"headers": {"X-Fixed": "${{ env.LG_WEBHOOK_CANARY }}"}},
              "runbell": {"delivery": {"test_schedule_ms": [100, 200, 300]}}}
    env = {"LG_WEBHOOK_CANARY": fixed, "RUNBELL_SIGNING_SECRET": OWN}
    server = start_server(config=config, env=env)
    with Api(server.url) as api:
        endpoint = endpoint_of(api, hook)
        path = f"/v1/endpoints/{endpoint}"
        api.ok("PUT", path + "/headers", json={"headers": {"Authorization": f"Bearer {header}"}})
        api.ok("POST", path + "/signing-keys", json={"secret": signing}, headers={"Idempotency-Key": "one"})
        made = api.ok("POST", path + "/signing-keys", json={"type": "ed25519"})["secret"]
        refused = api.post("/runs", json={"assistant_id": "agent", "input": {},
                                          "webhook": f"http://me:{userinfo}@127.0.0.1:1/"})
        assert refused.status_code == 422
        hook.answer(Answer(status=500), Answer(how="reset"), Answer())
        api.run(None, webhook=hook.url)
        sent = headers_of(hook.wait_for(4)[3])
        assert sent["authorization"] == f"Bearer {header}" and sent["x-fixed"] == fixed
        shown = everything_shown(api, endpoint) + refused.text
        secrets_ok(server, "rotate")
        server.kill()
        server.start()
        assert headers_of(next_request(api, hook))["authorization"] == f"Bearer {header}"
        shown += everything_shown(api, endpoint)
    server.stop()
    for canary in (fixed, header, userinfo, signing, made, OWN):
        assert canary not in shown
        assert traces_of(server, canary) == []
    key = (server.data / "secret.key").read_text().splitlines()[-1].split(":")[1]
    assert traces_of(server, key) == [str(server.data / "secret.key")]


def test_the_key_changes_while_webhooks_go_out(start_server, hostile):
    """kill -9 in the middle leaves all readable; the old key can be dropped when nothing stands under it."""
    server = start_server(config={"runbell": {"delivery": {"test_schedule_ms": [100, 200, 300]}}})
    hooks = [hostile.hook(f"/{uuid.uuid4().hex}") for _ in range(6)]
    with Api(server.url) as api:
        for number, one in enumerate(hooks):
            headers = {f"X-{i}": f"{number}-{i}" for i in range(60)}
            api.ok("PUT", f"/v1/endpoints/{endpoint_of(api, one)}/headers", json={"headers": headers})
        (old, _), = key_states(server).items()
        assert secrets_command(server, "drop", str(old)).returncode == 1
        secrets_ok(server, "rotate")
        for _ in range(2):  # wherever in the sweep it is hit
            eventually(lambda: key_states(server).get(old, ("", 0))[1] < 360, why="nothing is sealed again")
            server.kill()
            server.start()
            for number, one in enumerate(hooks):
                assert headers_of(next_request(api, one))["x-59"] == f"{number}-59"
        eventually(lambda: key_states(server)[old] == ("opens", 0), why=lambda: str(key_states(server)))
        secrets_ok(server, "drop", str(old))
        server.restart()
        assert list(key_states(server).values()) == [("seals", 360)]
        assert headers_of(next_request(api, hooks[0]))["x-0"] == "0-0"


def test_a_lost_key_holds_deliveries_and_loses_none(start_server, hook):
    server = start_server(config={"runbell": {"delivery": {"test_schedule_ms": [100, 200, 300]}}})
    with Api(server.url) as api:
        endpoint = endpoint_of(api, hook)
        api.ok("PUT", f"/v1/endpoints/{endpoint}/headers", json={"headers": {"X-Secret": "here"}})
        server.stop()
        key = server.data / "secret.key"
        kept = key.read_bytes()
        key.unlink()
        server.start()
        lost = next(name for name, (state, _) in key_states(server).items() if state == "missing")
        eventually(lambda: f"sealed under the key {lost}" in server.log(), why="the start does not tell")
        run = api.run(None, webhook=hook.url)
        eventually(lambda: api.ok("GET", f"/v1/deliveries?object_id={run['run_id']}")["deliveries"])
        held = lambda: [(one["state"], one["state_reason"], one["attempts"]) for one in
                        [api.delivery_of(run), api.delivery_of(other)]]
        other = api.run(None, webhook=hook.url)
        eventually(lambda: held() == [("held", "secret_unreadable", 0)] * 2, why=lambda: str(held()))
        locked = api.ok("GET", f"/v1/endpoints/{endpoint}")
        assert locked["state"] == "secret_unreadable" and f"under the key {lost}" in locked["state_reason"]
        assert api.ok("GET", "/v1/endpoints?state=secret_unreadable")["endpoints"][0]["endpoint_id"] == endpoint
        assert locked["backlog"] == {"due": 0, "sending": 0, "held": 2, "next_attempt_at": None}
        api.ok("POST", f"/v1/endpoints/{endpoint}/resume")  # only tries
        eventually(lambda: held() == [("held", "secret_unreadable", 0)] * 2
                   and api.ok("GET", f"/v1/endpoints/{endpoint}")["state"] == "secret_unreadable")
        assert len(hook.requests) == 1
        assert "the header X-Secret is sealed under the key" in server.log()
        # Put back beside the new one: both are read.
        key.write_bytes(key.read_bytes() + kept)
        assert {headers_of(one)["x-secret"] for one in hook.wait_for(3, timeout=60)[1:]} == {"here"}
        assert api.ok("GET", f"/v1/endpoints/{endpoint}")["state"] == "active"
        eventually(lambda: [one[0] for one in held()] == ["done", "done"])
    server.stop()


def test_what_cannot_be_opened_can_be_put_anew(start_server, hook):
    server = start_server()
    with Api(server.url) as api:
        endpoint = endpoint_of(api, hook)
        api.ok("PUT", f"/v1/endpoints/{endpoint}/headers", json={"headers": {"X-Secret": "old"}})
        server.stop()
        (server.data / "secret.key").unlink()
        server.start()
        run = api.run(None, webhook=hook.url)
        eventually(lambda: api.ok("GET", f"/v1/endpoints/{endpoint}")["state"] == "secret_unreadable")
        eventually(lambda: api.delivery_of(run)["state"] == "held")
        api.ok("PUT", f"/v1/endpoints/{endpoint}/headers", json={"headers": {"X-Secret": "new"}})
        assert headers_of(hook.wait_for(2)[1])["x-secret"] == "new"
        assert api.ok("GET", f"/v1/endpoints/{endpoint}")["state"] == "active"
    server.stop()


def test_the_secrets_of_an_endpoint_go_with_it(start_server, hook):
    server = start_server()
    with Api(server.url) as api:
        endpoint = endpoint_of(api, hook)
        path = f"/v1/endpoints/{endpoint}"
        api.ok("PUT", path + "/headers", json={"headers": {"X-Secret": "sealed"}})
        key = api.ok("POST", path + "/signing-keys", json={"type": "ed25519"})
        assert sum(count for _, count in key_states(server).values()) == 2
        api.ok("DELETE", path + "?force=true")
        assert sum(count for _, count in key_states(server).values()) == 0
        assert api.get(f"/v1/webhook-keys?endpoint_id={endpoint}").json() != key
        assert endpoint_of(api, hook) == endpoint, "the same URL is the same endpoint"
        assert api.ok("GET", path + "/headers")["headers"] == {}
        request = next_request(api, hook)
        assert "x-secret" not in headers_of(request) and "webhook-signature" not in headers_of(request)
    server.stop()


def test_a_key_that_others_can_read_is_not_used(start_server):
    server = start_server()
    server.stop()
    key = server.data / "secret.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o640)
    _, log = server.start_fails()
    assert "secret.key" in log and "chmod 600" in log
    key.chmod(0o600)
    server.env = {"RUNBELL_SECRET_KEY_FILE": str(server.folder / "missing")}
    _, log = server.start_fails()
    assert "does not exist" in log
    credentials = server.folder / "credentials"
    credentials.mkdir()
    key.rename(credentials / "runbell-secret-key")
    server.env = {"CREDENTIALS_DIRECTORY": str(credentials)}
    server.start()
    assert not key.exists()
    server.stop()
