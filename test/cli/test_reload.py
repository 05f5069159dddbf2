"""SIGHUP: what can change at run time changes, what cannot is named, and a bad file changes nothing."""

import base64
import json
import re
import signal
import subprocess

import httpx

from harness.api import HELLO, Api
from harness.ports import eventually
from harness.server import Server


def test_sighup_reads_limits_rules_and_level_again_and_keeps_the_old_when_it_is_wrong(start_server, receiver):
    config = {"runbell": {"inspector": {"body_bytes_max": 1024}, "log_level": "info"}}
    server = start_server(config=config)
    file = server.project / "langgraph.json"

    def hup(text):
        at = len(server.log())
        file.write_text(text)
        server.process.send_signal(signal.SIGHUP)
        return eventually(lambda: "SIGHUP" in (log := server.log()[at:]) and log, 30)

    with Api(server.url) as api:
        slug = api.ok("POST", "/v1/inspectors", json={})["slug"]
        assert httpx.post(f"{server.url}/in/{slug}", content=b"x" * 2000).status_code == 413
        assert "not known" in hup('{"runbell": {"inspectro": {}}}') and server.is_ok()
        config = {"runbell": {"inspector": {"body_bytes_max": 4096}, "runs_max": 7},
                  "webhooks": {"headers": {"X-New": "1"}, "url": {"require_https": False, "allowed_ports": [1]}}}
        said = hup(json.dumps(config))
        assert "inspector.body_bytes_max" in said and "webhooks" in said
        assert "runs_max" in said and "restart" in said
        eventually(lambda: httpx.post(f"{server.url}/in/{slug}", content=b"x" * 2000).status_code == 200)
        refused = api.post("/runs", json={"assistant_id": "agent", "input": HELLO, "webhook": receiver.url})
        assert refused.status_code == 422 and "allowed_ports" in refused.text
        config["webhooks"]["url"]["allowed_ports"].append(int(receiver.url.split(":")[2].split("/")[0]))
        hup(json.dumps(config))
        eventually(lambda: api.post("/runs", json={"assistant_id": "agent", "input": HELLO,
                                                   "webhook": receiver.url}).status_code == 200)
        assert receiver.wait_for(1)[0].header("X-New") == "1"
        assert "SIGHUP: needs a restart: runs_max" in hup(json.dumps(config)), "it still does"
        del config["runbell"]["runs_max"]
        assert "nothing has changed" in hup(json.dumps(config)), "it is as it was at the start"


def test_sighup_changes_which_pages_may_call(start_server):
    server = start_server(config={"http": {"cors": {"allow_origins": ["http://old.example"]}}})

    def allowed(origin):
        return httpx.get(server.url + "/ok", headers={"origin": origin}).headers.get("access-control-allow-origin") == origin

    assert allowed("http://old.example") and not allowed("http://new.example")
    at = len(server.log())
    (server.project / "langgraph.json").write_text(json.dumps(
        {"http": {"cors": {"allow_origins": ["http://new.example"]}, "disable_store": True}}))
    server.process.send_signal(signal.SIGHUP)
    said = eventually(lambda: "SIGHUP" in (log := server.log()[at:]) and log, 30)
    assert "in force now: http.cors" in said and "needs a restart: http.disable_store" in said
    eventually(lambda: allowed("http://new.example") and not allowed("http://old.example"), 10)


def test_sighup_sees_secrets_change_too_and_never_shows_them(start_server, tmp_path):
    """What `config print` masks is compared by its value, wherever it stands: in the file, in a file that a
    variable names, in a .env file. The log has names only."""
    token, proxy_login = tmp_path / "token", tmp_path / "proxy_login"
    said_values = []

    def value(text):
        said_values.append(text)
        return text

    def config(part):
        return {"env": ".env", "webhooks": {"headers": {"X-Token": "${{ env.LG_WEBHOOK_TOKEN }}"}},
                "runbell": {"upstream": "http://127.0.0.1:9", "egress": {"proxy": "http://127.0.0.1:9"},
                            "signing_secret": "whsec_" + value(base64.b64encode(f"key-{part}".encode() * 5).decode()),
                            "upstream_headers": {"x-api-key": value(f"header-{part}"), "x-more": "same"},
                            "blobs": {"bucket": "large", "endpoint": "http://127.0.0.1:9", "access_key_id": "somebody",
                                      "secret_access_key": value(f"access-{part}")}}}

    def env_file(part):
        return f"LG_WEBHOOK_TOKEN={value(f'webhook-{part}')}\n"

    project = tmp_path / "project"
    project.mkdir()
    (project / ".env").write_text(env_file("old"))
    token.write_text(value("session-old"))
    proxy_login.write_text(value("user:login-old"))
    server = start_server(project=project, config=config("old"),
                          env={"RUNBELL_BLOBS_SESSION_TOKEN_FILE": str(token),
                               "RUNBELL_EGRESS_PROXY_LOGIN_FILE": str(proxy_login)})

    def hup():
        at = len(server.log())
        server.process.send_signal(signal.SIGHUP)
        said = eventually(lambda: (line := re.search(r'SIGHUP: [^"\n]*', server.log()[at:])) and line.group(), 30)
        return said.removeprefix("SIGHUP: ")

    nothing = "nothing has changed; certificates were read again"
    assert hup() == nothing
    proxy_login.write_text(value("user:login-new"))
    assert hup() == "needs a restart: egress.proxy_login"
    token.write_text(value("session-new"))
    assert hup() == "needs a restart: egress.proxy_login, blobs.session_token"
    proxy_login.write_text("user:login-old")
    token.write_text("session-old")
    assert hup() == nothing
    (project / ".env").write_text(env_file("new"))
    assert hup() == "in force now: webhooks; needs a restart: env"
    (project / "langgraph.json").write_text(json.dumps(config("new")))
    assert hup() == "needs a restart: upstream_headers, signing_secret, blobs.secret_access_key, env"
    more = config("new")
    more["runbell"]["upstream_headers"]["x-other"] = value("header-other")
    (project / "langgraph.json").write_text(json.dumps(more))
    assert hup() == "needs a restart: upstream_headers, signing_secret, blobs.secret_access_key, env"
    shown = [text for text in said_values if text in server.log()]
    assert not shown, shown


def certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    str(folder / "key.pem"), "-out", str(folder / "cert.pem")], check=True, capture_output=True)
    return (folder / "cert.pem").read_text()


def test_sighup_takes_a_new_certificate(store, tmp_path):
    import ssl

    project = tmp_path / "project"
    project.mkdir()
    first = certificate(project, "first")
    config = {"runbell": {"tls": {"cert": "cert.pem", "key": "key.pem"}}}
    server = Server(tmp_path, store=store(), config=config)
    server.is_ok = lambda: "listens on https" in server.log()
    try:
        server.start()

        def shown():
            return ssl.get_server_certificate(("127.0.0.1", server.port))

        assert shown() == first
        second = certificate(project, "second")
        assert shown() == first, "not before it is told"
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: shown() == second, 30)
        (project / "cert.pem").write_text("rubbish")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "the old one stays" in server.log(), 30)
        assert shown() == second
        server.stop()
    finally:
        server.close()
