"""SIGHUP: what can change at run time changes, what cannot is named, and a bad file changes nothing."""

import json
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
        assert "nothing has changed" in hup(json.dumps(config))


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
