"""The example receivers (issue 3 row 10): each takes what a real server sends, once, and refuses what is not signed."""

import base64
import json
import os
import shutil
import subprocess

import httpx
import pytest

from harness.api import HELLO, Api
from harness.ports import eventually, free_port
from harness.server import HOME, Server

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
RECEIVERS = HOME / "examples" / "receivers"


@pytest.fixture(scope="module")
def api(store, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("signing"), store=store(), config={"runbell": {"signing_secret": SECRET}}) \
            as server, Api(server.url) as client:
        yield client


def command(language, folder):
    if language == "python":
        return ["python3", str(RECEIVERS / "python" / "receiver.py")]
    if language == "javascript":
        return ["node", str(RECEIVERS / "javascript" / "receiver.mjs")]
    program = folder / "receiver"
    if language == "c":
        build = ["cc", "-std=c99", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", f"-I{HOME / 'include'}",
                 "-o", str(program), str(RECEIVERS / "c" / "receiver.c")]
    else:
        build = ["go", "build", "-o", str(program), str(RECEIVERS / "go" / "receiver.go")]
    subprocess.run(build, check=True, env={**os.environ, "GOCACHE": str(folder / "go"), "GO111MODULE": "off"})
    return [str(program)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", ["python", "javascript", "c", "go"])
def test_it_takes_each_webhook_once(api, language, tmp_path):
    if language == "go" and not shutil.which("go"):
        pytest.skip("there is no go on this machine")
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([*command(language, tmp_path), str(port)], stdout=out, stderr=out,
                                   env={**os.environ, "RUNBELL_SECRET": f"{SECRET[:-4]}AAA= {SECRET}"})
    try:
        url = f"http://127.0.0.1:{port}/hook"

        def unsigned():
            try:
                return httpx.post(url, content=b"{}", trust_env=False, timeout=5).status_code
            except httpx.TransportError:
                return None

        assert eventually(unsigned, 60) == 401
        run = api.ok("POST", "/runs", json={"assistant_id": "agent", "input": HELLO, "webhook": url})
        eventually(lambda: "received" in log.read_text(), 60, why=lambda: log.read_text())
        [delivery] = api.ok("GET", "/v1/deliveries", params={"object_id": run["run_id"]})["deliveries"]
        eventually(lambda: api.ok("GET", f"/v1/deliveries/{delivery['delivery_id']}")["state"] == "done", 30)
        api.ok("POST", f"/v1/deliveries/{delivery['delivery_id']}/resend", json={})
        eventually(lambda: f"duplicate {delivery['webhook_id']}" in log.read_text(), 60, why=lambda: log.read_text())
        assert log.read_text().count("received") == 1
        stale = {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
        assert httpx.post(url, content=b"{}", headers=stale, trust_env=False).status_code == 401
    finally:
        process.kill()
        process.wait()


def test_published_agents_are_commits(api, tmp_path):
    """fleet/gitops.py: a dry run shows the difference and keeps nothing; a run commits; the same again changes nothing."""
    repository, port = tmp_path / "repository", free_port()
    git = lambda *words: subprocess.run(["git", "-C", str(repository), *words], check=True, capture_output=True, text=True).stdout
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    git("-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "--quiet", "--allow-empty", "--message=first")
    process = subprocess.Popen(["python3", str(RECEIVERS / "fleet" / "gitops.py"), str(port), str(repository)],
                               env={**os.environ, "RUNBELL_SECRET": SECRET})
    try:
        url = f"http://127.0.0.1:{port}/"

        def unsigned():
            try:
                return httpx.post(url, content=b"{}", trust_env=False, timeout=5).status_code
            except httpx.TransportError:
                return None

        assert eventually(unsigned, 30) == 401
        agent = api.ok("POST", "/v1/fleet/agents", json={"name": "My Agent", "system_prompt": "You help."})
        webhook = api.ok("POST", "/platform/fleet-webhooks", json={
            "name": "git", "url": url, "form_schema": {"fields": [{"name": "dry_run", "type": "boolean", "default": True}]}})

        def publish(**given):
            told = api.ok("POST", f"/platform/fleet-webhooks/{webhook['id']}/run", json={"agent_id": agent["id"], "input": given})
            assert told["upstream_status_code"] == 200, told
            return json.loads(told["upstream_body"])

        first = publish()
        assert first["status"] == "dry run" and "+You help." in first["diff"]
        assert git("log", "--oneline").count("\n") == 1 and git("status", "--porcelain") == ""
        made = publish(dry_run=False)
        assert made["status"] == "committed" and made["commit"] == git("rev-parse", "HEAD").strip()
        assert (repository / "agents" / "My-Agent" / "AGENTS.md").read_text() == "You help."
        assert publish(dry_run=False)["status"] == "nothing changed" and git("status", "--porcelain") == ""
    finally:
        process.terminate()
        process.wait(30)
