"""runbell listen (issue 3 row 8): webhooks come to a local port through the server, as they were sent, and go on after a break."""

import base64
import json
import subprocess

from standardwebhooks import Webhook

from harness.api import HELLO, Api
from harness.egress import Certificates, TlsReceiver
from harness.ports import eventually, free_port
from harness.receiver import Answer
from harness.server import Server, binary

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


class Listener:
    """One `runbell listen`, its lines, and its end."""

    def __init__(self, server, to, state, *words):
        self.process = subprocess.Popen(
            [str(binary()), "listen", *(["--forward-to", to] if to else []), "--server", server.url, "--state", str(state), *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/")

    def ended(self):
        try:
            out, err = self.process.communicate(timeout=60)
        finally:
            self.process.kill()
        assert self.process.returncode == 0, err.decode()
        return out.decode(), err.decode()

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=30)


def test_what_is_sent_arrives_as_it_was_sent_and_a_break_loses_nothing(store, tmp_path, receiver):
    config = {"runbell": {"signing_secret": SECRET, "delivery": {"test_schedule_ms": [50]}}}
    state = tmp_path / "state"
    with Server(tmp_path, store=store(), config=config) as server, Api(server.url) as api:
        def run(path=""):
            url = f"{server.url}/in/{slug}{path}"
            return api.ok("POST", "/runs", json={"assistant_id": "agent", "input": HELLO, "webhook": url})

        below = receiver.receiver.hook(receiver.path + "/below", Answer())
        first = Listener(server, receiver.url, state, "--count", "2")
        slug = eventually(lambda: state.exists() and state.read_text().split()[0])
        runs = [run(), run("/below?a=b")]
        out, err = first.ended()
        assert f"{server.url}/in/{slug}" in err and out.count(" run ") == 2 and out.count("200") >= 2
        assert below.requests[0].query == "a=b"
        for request in [*receiver.wait_for(1), *below.wait_for(1)]:
            Webhook(SECRET).verify(request.body, {name.lower(): value for name, value in request.headers})
            assert request.json["run_id"] in [one["run_id"] for one in runs]
        missed = run("/below?c=d")  # nobody listens now
        eventually(lambda: api.ok("GET", f"/v1/inspectors/{slug}")["received"] == 3)
        out, _ = Listener(server, receiver.url, state, "--count", "1", "--json").ended()
        line = json.loads(out)
        assert line["request_id"] == 3 and line["kind"] == "run" and line["status"] == 200
        assert below.wait_for(2)[1].json["run_id"] == missed["run_id"] and below.requests[1].query == "c=d"
        receiver.answer(Answer(status=500))
        filtered = Listener(server, receiver.url, state, "--kind", "alert", "--count", "1")
        run()
        eventually(lambda: state.read_text().split()[1] == "4")
        filtered.stop()
        seen = len(receiver.requests)
        out, _ = Listener(server, f"http://127.0.0.1:{free_port()}", state, "--after", "3", "--count", "1").ended()
        assert "connection refused" in out and len(receiver.requests) == seen


def test_the_query_of_the_target_and_that_of_the_address_both_arrive(server, api, tmp_path, receiver):
    below = receiver.receiver.hook(receiver.path + "/below", Answer())
    listener = Listener(server, receiver.url + "/?token=mine", tmp_path / "state", "--count", "2", "--slug", "both")
    eventually(lambda: api.get("/v1/inspectors/both").status_code == 200)
    for path in ("/below?a=b", ""):
        api.post(f"/in/both{path}", content="x")
    listener.ended()
    assert [request.query for request in (*below.wait_for(1), *receiver.wait_for(1))] == ["token=mine&a=b", "token=mine"]


def test_where_to_must_be_said():
    done = subprocess.run([str(binary()), "listen"], capture_output=True, check=False, cwd="/")
    assert done.returncode == 2 and b"--forward-to must be a URL" in done.stderr


def test_a_secret_of_the_address_verifies_what_comes(server, api, tmp_path, receiver):
    """Printed, kept, and the same at the next start; it signs all that goes to the address, beside the server's keys."""
    state = tmp_path / "state"

    def printed():
        return Listener(server, "", state, "--print-secret", "--slug", "secretly").ended()[0].strip()

    secret = printed()
    assert secret.startswith("whsec_") and printed() == secret
    assert state.stat().st_mode & 0o077 == 0
    for endpoint in api.ok("GET", "/v1/endpoints", params={"limit": 1000})["endpoints"]:
        if endpoint["url"].endswith("/in/secretly"):
            assert len(api.ok("GET", f"/v1/endpoints/{endpoint['endpoint_id']}/signing-keys")) == 1, "it is added once"
    listener = Listener(server, receiver.url, state, "--count", "1")
    api.ok("POST", "/runs", json={"assistant_id": "agent", "input": HELLO, "webhook": f"{server.url}/in/secretly"})
    listener.ended()
    request, = receiver.wait_for(1)
    Webhook(secret).verify(request.body, {name.lower(): value for name, value in request.headers})


def test_what_an_endpoint_gets_comes_to_the_local_port_too(server, api, tmp_path, receiver, hostile):
    theirs = hostile.hook("/theirs")
    run = lambda: api.ok("POST", "/runs", json={"assistant_id": "agent", "input": HELLO, "webhook": theirs.url})
    before = run()
    theirs.wait_for(1)
    endpoint = next(one for one in api.ok("GET", "/v1/endpoints", params={"limit": 1000})["endpoints"] if one["url"] == theirs.url)
    words = ["--load-from", endpoint["endpoint_id"]]
    state = tmp_path / "state"
    first = Listener(server, receiver.url, state, *words, "--count", "1", "--headers", "X-Dev: 1, Authorization: Bearer x")
    eventually(state.exists)
    wanted = run()
    out, err = first.ended()
    assert "gets goes to" in err and out.count(" run ") == 1
    request, = receiver.wait_for(1)
    assert request.json["run_id"] == wanted["run_id"] and request.body == theirs.wait_for(2)[1].body
    assert (request.header("x-dev"), request.header("authorization")) == ("1", "Bearer x")
    assert request.webhook_id == theirs.requests[1].webhook_id
    missed = run()  # nobody listens now
    theirs.wait_for(3)
    Listener(server, receiver.url, state, *words, "--count", "1").ended()
    assert receiver.wait_for(2)[1].json["run_id"] == missed["run_id"]
    Listener(server, receiver.url, state, *words, "--after", "0", "--count", "1").ended()
    assert receiver.wait_for(3)[2].json["run_id"] == before["run_id"]


def test_what_an_endpoint_gets_comes_after_a_restart_of_the_server_too(store, tmp_path, receiver, hostile):
    theirs = hostile.hook("/theirs")
    with Server(tmp_path, store=store()) as server:
        with Api(server.url) as api:
            endpoint = api.ok("POST", "/v1/endpoints", json={"url": theirs.url})["endpoint_id"]
        state = tmp_path / "state"
        listener = Listener(server, receiver.url, state, "--load-from", endpoint, "--count", "2")
        eventually(state.exists)
        for number in (1, 2):
            with Api(server.url) as api:
                api.run(None, webhook=theirs.url)
            receiver.wait_for(number)
            if number == 1:
                server.restart()
        assert "asking again" in listener.ended()[1]
        assert [one.body for one in receiver.requests] == [one.body for one in theirs.requests]


def test_a_project_and_a_certificate_of_ones_own(server, api, tmp_path):
    project = api.ok("POST", "/sessions", json={"name": "mine"})
    with TlsReceiver(Certificates(tmp_path), wants_client=False) as tls:
        to, state = f"https://127.0.0.1:{tls.port}/", tmp_path / "state"
        strict = Listener(server, to, state, "--slug", "project", "--count", "1")
        eventually(lambda: api.get("/v1/inspectors/project").status_code == 200)
        api.post("/in/project", json={})
        assert "certificate" in strict.ended()[0].lower() and not tls.names
        listener = Listener(server, to, state, "--project", "mine", "--skip-verify", "--count", "2", "--json")
        for body in ({"project_name": "other"}, {"runs": [{"session_id": "of-another"}]}, {"runs": [{"session_id": project["id"]}]},
                     {"project_name": "mine"}):
            api.post("/in/project", json=body)
        told = [json.loads(line) for line in listener.ended()[0].splitlines()]
        assert [(one["request_id"], one["status"]) for one in told] == [(4, 200), (5, 200)]
    refused = subprocess.run([str(binary()), "listen", "--forward-to", "http://localhost:1", "--headers", "Host: x", "--server", server.url],
                             capture_output=True, check=False, cwd="/")
    assert refused.returncode == 2 and b"--headers must be" in refused.stderr
