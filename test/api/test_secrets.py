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
from harness.receiver import Answer
from harness.server import Server

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
    return delivery_of(api, run)["endpoint_id"]


def delivery_of(api, run):
    page = api.ok("GET", f"/v1/deliveries?object_id={run['run_id']}")
    return (page if isinstance(page, list) else page["deliveries"])[0]


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
