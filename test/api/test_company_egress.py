"""Corporate egress: an explicit proxy, a CA bundle, client certificates, OAuth client credentials (delivery.md §1.2;
threat 23 of §4.1: nothing of it comes from the environment)."""

import base64

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.api import Api
from harness.egress import Certificates, Proxy, TlsReceiver, TokenEndpoint
from harness.ports import eventually
from harness.receiver import Answer
from harness.server import Server

QUICK = {"delivery": {"test_schedule_ms": [100, 200, 300]}}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def direct(store, certificates, tmp_path_factory):
    """Without a proxy, though the environment names one; trusts the test authority."""
    env = {name: "http://127.0.0.1:9" for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY")}
    config = {"runbell": {**QUICK, "ca_file": certificates.ca}}
    with Server(tmp_path_factory.mktemp("direct"), store=store(), config=config, env=env) as server, \
            Api(server.url) as api:
        yield api


def run_and_find(api, url):
    run = api.run(None, webhook=url)
    return eventually(lambda: find(api, run), why="no delivery")


def find(api, run):
    page = api.ok("GET", f"/v1/deliveries?object_id={run['run_id']}")
    found = page if isinstance(page, list) else page["deliveries"]
    return found[0] if found else None


def ended(api, url):
    """The delivery of a run to this URL, done or dead, with its attempts."""
    delivery_id = run_and_find(api, url)["delivery_id"]
    delivery = {}

    def is_over():
        delivery.update(api.ok("GET", f"/v1/deliveries/{delivery_id}"))
        return delivery["state"] in ("done", "dead")

    eventually(is_over, 60, why=lambda: str(delivery))
    return delivery


# ---- client certificates --------------------------------------------------------------------------


def handshakes(api):
    return sum(one.value for family in text_string_to_metric_families(api.get("/metrics").text) for one in family.samples
               if one.name == "runbell_attempt_seconds_count" and one.labels["phase"] == "tls")


def test_a_client_certificate_is_shown_to_who_asks(direct, certificates):
    alice, bob = (tuple(open(path).read() for path in certificates.make(name)) for name in ("alice", "bob"))
    with TlsReceiver(certificates, wants_client=False) as receiver:
        url = f"https://127.0.0.1:{receiver.port}/hook"
        before = handshakes(direct)
        endpoint = ended(direct, url)["endpoint_id"]
        assert handshakes(direct) == before + 1, "its time is counted"
        path = f"/v1/endpoints/{endpoint}/client-certificate"
        assert direct.get(path).status_code == 404
        for name, (certificate, key) in (("alice", alice), ("bob", bob)):
            shown = direct.ok("PUT", path, json={"certificate": certificate, "key": key})
            assert name in shown["subject"] and shown["expires"] and shown["key"] == "***"
            assert direct.ok("GET", path) == shown
            assert ended(direct, url)["state"] == "done"
        other = ended(direct, url + "-of-another-endpoint")
        assert other["state"] == "done"
        assert direct.delete(path).status_code == 204
        ended(direct, url)
        # One connection each, though all go to one address: an identity is never lent to another.
        assert receiver.names == [None, "alice", "bob", None, None]
    wrong = [(alice[0], bob[1], "not that of"), (alice[0], "", "PEM"), ("x", alice[1], "no certificate"),
             (alice[0], "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", "no private key")]
    for certificate, key, words in wrong:
        answer = direct.put(path, json={"certificate": certificate, "key": key})
        assert answer.status_code == 422 and words in answer.text, answer.text


# ---- OAuth ----------------------------------------------------------------------------------------


def bearers(hook):
    return [request.header("authorization") for request in hook.requests]


def test_tokens_are_fetched_kept_and_renewed(direct, hostile):
    with TokenEndpoint() as tokens:
        hook = hostile.hook("/oauth")
        path = f"/v1/endpoints/{ended(direct, hook.url)['endpoint_id']}/oauth"
        shown = direct.ok("PUT", path, json={"token_url": tokens.url, "client_id": "me", "client_secret": "s:3 cret",
                                             "scope": "a b", "audience": "https://x/"})
        assert shown["client_secret"] == "***" and direct.ok("GET", path) == shown
        direct.ok("PUT", path.replace("/oauth", "/headers"), json={"headers": {"Authorization": "Basic mine"}})
        for _ in range(3):
            ended(direct, hook.url)
        assert bearers(hook)[1:] == ["Bearer token-1"] * 3
        basic = "Basic " + base64.b64encode(b"me:s%3A3%20cret").decode()
        assert tokens.asked == [("/token", basic, "grant_type=client_credentials&scope=a%20b"
                                 "&audience=https%3A%2F%2Fx%2F")]

        # 401: fetched anew once, within the attempt; a second one is the receiver's answer.
        hook.answer(Answer(status=401), Answer())
        assert ended(direct, hook.url)["state"] == "done" and len(tokens.asked) == 2
        assert bearers(hook)[-2:] == ["Bearer token-1", "Bearer token-2"]
        hook.answer(Answer(status=401))
        assert ended(direct, hook.url)["state"] == "dead"
        assert bearers(hook)[-2:] == ["Bearer token-2", "Bearer token-3"] and len(tokens.asked) == 3

        # Other credentials, another token; these stand in the form.
        hook.answer(Answer())
        direct.ok("PUT", path, json={"token_url": tokens.url, "client_id": "you", "client_secret": "x", "auth": "body"})
        ended(direct, hook.url)
        assert tokens.asked[-1] == ("/token", None,
                                    "grant_type=client_credentials&client_id=you&client_secret=x")
        assert bearers(hook)[-1] == "Bearer token-4"

        # No token: nothing is sent, and it is tried again.
        tokens.status = 500
        direct.ok("PUT", path, json={"token_url": tokens.url, "client_id": "you", "client_secret": "y"})
        count = len(hook.requests)
        delivery = ended(direct, hook.url)
        assert delivery["state"] == "dead" and len(hook.requests) == count
        assert "OAuth token endpoint" in str(delivery)


@pytest.mark.parametrize("change, named", [
    ({"token_url": "ftp://x/"}, "token_url"), ({"token_url": "http://169.254.169.254/"}, "token_url"),
    ({"token_url": None}, "token_url"), ({"client_id": ""}, "client_id"), ({"client_secret": None}, "client_secret"),
    ({"client_secret": "x" * 5000}, "client_secret"), ({"auth": "jwt"}, "auth")])
def test_what_is_no_oauth_client_is_refused(direct, change, named):
    body = {"token_url": "http://127.0.0.1:9/", "client_id": "me", "client_secret": "s", **change}
    answer = direct.put("/v1/endpoints/00000000-0000-0000-0000-000000000000/oauth", json=body)
    assert answer.status_code == 422 and named in answer.json()["detail"], answer.text


# ---- proxy ----------------------------------------------------------------------------------------


def test_webhooks_go_through_the_configured_proxy(start_server, certificates, receiver):
    with Proxy(login="me:s3cret", routes={"receiver.test": "127.0.0.1"}) as proxy, \
            TlsReceiver(certificates, wants_client=False) as tls:
        config = {"runbell": {**QUICK, "ca_file": certificates.ca,
                              "egress": {"proxy": f"http://127.0.0.1:{proxy.port}", "allow": ["receiver.test"]}}}
        server = start_server(config=config, env={"RUNBELL_EGRESS_PROXY_LOGIN": "me:s3cret"})
        with Api(server.url) as api:
            # A name that only the proxy can resolve.
            url = f"https://receiver.test:{tls.port}/hook"
            assert ended(api, url)["state"] == "done" and ended(api, url)["state"] == "done"
            assert len(tls.names) == 2
            login = "Basic " + base64.b64encode(b"me:s3cret").decode()
            assert proxy.asked == [("CONNECT", f"receiver.test:{tls.port}", login)], "one tunnel, used twice"
            # http goes through a tunnel too.
            assert ended(api, receiver.url)["state"] == "done"
            assert receiver.requests[0].path == receiver.path and len(proxy.asked) == 2
            # What the policy refuses never reaches the proxy.
            answer = api.post("/runs", json={"assistant_id": "agent", "input": {}, "webhook": "http://169.254.169.254/"})
            assert answer.status_code == 422 and len(proxy.asked) == 2
            proxy.status = 502
            delivery = ended(api, f"http://127.0.0.1:{tls.port + 1 if tls.port < 65535 else 1024}/")
            assert delivery["state"] == "dead" and "the proxy could not reach" in str(delivery)
            proxy.status, proxy.login = None, "me:other"
            delivery = ended(api, receiver.url.replace("127.0.0.1", "localhost"))
            assert delivery["state"] == "dead" and "(407)" in str(delivery)
        assert "s3cret" not in server.log()
        server.stop()


@pytest.mark.parametrize("egress, named", [
    ({"proxy": "https://127.0.0.1:1"}, "http://host:port"), ({"proxy": "http://me:x@127.0.0.1:1"}, "egress.proxy"),
    ({"proxy": "http://127.0.0.1"}, "http://host:port"), ({"proxy": "http://127.0.0.1:1/x"}, "http://host:port"),
    ({"proxy_login": "me:x"}, "egress.proxy")])
def test_a_proxy_that_is_none_is_refused_at_start(start_server, egress, named, tmp_path):
    server = Server(tmp_path, config={"runbell": {"egress": egress}})
    _, log = server.start_fails()
    assert named in log and "me:x" not in log.replace('"proxy_login"', "")
