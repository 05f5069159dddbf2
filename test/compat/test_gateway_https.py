"""Gateway mode before an https upstream (docs/gateway.md): its certificate is checked against runbell.ca_file, and a wrong one is 502 in
clear words; all else is as over plain HTTP."""

import hashlib
import os
import ssl

import httpx
import pytest

from harness.api import HELLO, Api
from harness.egress import Certificates
from harness.ports import eventually
from harness.receiver import Receiver
from harness.server import Server
from harness.upstream import Upstream
from harness.wire import Client

THREAD = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


def context_of(pair):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context


def gateway_before(folder, url, **runbell):
    return Server(folder, config={"runbell": {"upstream": url, **runbell}})


def test_requests_and_bodies_pass(certificates, tmp_path):
    with Upstream(context_of(certificates.server)) as upstream:
        with gateway_before(tmp_path, upstream.url, ca_file=certificates.ca) as gateway, Client(gateway) as client:
            body = os.urandom(20_000_000)
            for _ in range(2):
                client.post("/sink", f"Content-Length: {len(body)}", body=body)
                assert hashlib.sha256(body).hexdigest().encode() in client.answer()[2]
                client.in_step("/in-step")
            eventually(lambda: Api(gateway.url).ok("GET", "/ok")["upstream"]["reachable"] is True)


@pytest.mark.parametrize("wrong", ["name", "authority", "self-signed", "expired", "plain"])
def test_a_wrong_certificate_is_refused_in_clear_words(certificates, tmp_path, wrong):
    (tmp_path / "other").mkdir()
    other = Certificates(tmp_path / "other")
    pair = {"name": lambda: certificates.make("elsewhere", "subjectAltName=DNS:elsewhere.test"),
            "expired": lambda: certificates.make("late", "subjectAltName=IP:127.0.0.1", days="0"),
            "self-signed": lambda: (other.ca, str(tmp_path / "other" / "ca.key"))}.get(wrong, lambda: other.server)()
    words = {"name": "for another name", "authority": "certificate", "self-signed": "self-signed", "expired": "expired", "plain": "TLS"}
    with Upstream(None if wrong == "plain" else context_of(pair)) as upstream:
        url = f"https://127.0.0.1:{upstream.port}"
        with gateway_before(tmp_path, url, ca_file=certificates.ca) as gateway:
            for ask in (lambda: httpx.get(f"{gateway.url}/threads/{THREAD}", timeout=30),
                        lambda: httpx.post(f"{gateway.url}/threads", content=b"{}", timeout=30)):
                answer = ask()
                detail = answer.json()["detail"]
                assert answer.status_code == 502 and url in detail and "cannot be reached" in detail, detail
                assert wrong == "plain" or words[wrong] in detail, detail
            assert not upstream.heads, "nothing was said to it"
            assert Api(gateway.url).ok("GET", "/v1/deliveries")["deliveries"] == []


def test_without_the_authority_it_is_refused(certificates, tmp_path):
    with Upstream(context_of(certificates.server)) as upstream, gateway_before(tmp_path, upstream.url) as gateway:
        answer = httpx.get(f"{gateway.url}/threads/{THREAD}")
        assert answer.status_code == 502 and "certificate" in answer.json()["detail"]


def test_webhooks_are_taken_over(certificates, tmp_path):
    """The upstream is another Runbell; it is followed over TLS too."""
    for name in ("up", "gw"):
        (tmp_path / name).mkdir()
    cert, key = certificates.server
    up = Server(tmp_path / "up", config={"runbell": {"tls": {"cert": cert, "key": key}}})
    up.url = f"https://127.0.0.1:{up.port}"
    up.is_ok = lambda: is_ok(up, certificates.ca)
    with Receiver() as receiver, up, gateway_before(tmp_path / "gw", up.url, ca_file=certificates.ca) as gateway:
        hook, api = receiver.hook("/https"), Api(gateway.url)
        thread = api.thread()
        run = api.ok("POST", f"/threads/{thread}/runs", json={"assistant_id": "agent", "input": HELLO, "webhook": hook.url})
        assert hook.wait_for_run(run["run_id"]).json["status"] == "success"
        with httpx.stream("POST", f"{gateway.url}/threads/{thread}/runs/stream", json={"assistant_id": "agent", "input": HELLO}) as answer:
            assert "event: metadata" in "".join(answer.iter_text())


def is_ok(server, ca):
    try:
        return httpx.get(server.url + "/ok", verify=ca, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
