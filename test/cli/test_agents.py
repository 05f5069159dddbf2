"""runbell agents: Fleet agents listed, pulled, pushed, exported, imported, compared, run (issue 7)."""

import json
import subprocess

import pytest

from harness.api import Api
from harness.model import ModelServer, calls, status, text
from harness.server import Server, binary

AGENT = {"name": "My Agent", "description": "d", "system_prompt": "You help.", "model": {"id": "script:m"}}


def runbell(server, *words, code=0, binary_output=False):
    done = subprocess.run([str(binary()), "agents", *map(str, words), "--server", server.url], capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done.stdout if binary_output else (done.stdout.decode() + done.stderr.decode())


@pytest.fixture(scope="module")
def server(store, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("agents"), store=store()) as running:
        yield running


def test_files_go_back_and_forth(server, tmp_path):
    with Api(server.url) as api:
        agent = api.ok("POST", "/v1/fleet/agents", json=AGENT)
        assert agent["id"] in runbell(server, "list") and "My Agent" in runbell(server, "list")
        assert json.loads(runbell(server, "list", "--json"))["items"][0]["id"] == agent["id"]
        folder = tmp_path / "a" / "b"
        runbell(server, "pull", "My Agent", folder)
        assert (folder / "AGENTS.md").read_text() == "You help."
        assert runbell(server, "diff", "My Agent", folder) == ""
        (folder / "AGENTS.md").write_text("You help more.")
        (folder / "skills" / "x").mkdir(parents=True)
        (folder / "skills" / "x" / "SKILL.md").write_text("---\nname: x\ndescription: d\n---\nDo.")
        (folder / ".hidden").write_text("not mine")
        shown = runbell(server, "diff", agent["id"], folder, code=1)
        assert "changed: AGENTS.md" in shown and "+You help more." in shown and "added: skills/x/SKILL.md" in shown
        assert "version 2 of My Agent" in runbell(server, "push", folder)
        files = api.ok("GET", f"/v1/fleet/agents/{agent['id']}?include=files")["files"]
        assert files["AGENTS.md"]["content"] == "You help more." and ".hidden" not in files
        runbell(server, "pull", "My Agent", tmp_path / "first", "--version", 1)
        assert (tmp_path / "first" / "AGENTS.md").read_text() == "You help."


def test_an_agent_is_promoted_to_another_server_byte_for_byte(server, start_server, tmp_path):
    with Api(server.url) as api:
        agent = api.ok("POST", "/v1/fleet/agents", json={**AGENT, "name": "Promoted"})
    other = start_server()
    runbell(server, "export", agent["id"], tmp_path / "one.zip")
    runbell(other, "import", tmp_path / "one.zip")
    assert runbell(other, "export", "Promoted", "-", binary_output=True) == (tmp_path / "one.zip").read_bytes()


def test_what_was_written_is_said_for_programs(server, tmp_path):
    with Api(server.url) as api:
        agent = api.ok("POST", "/v1/fleet/agents", json={**AGENT, "name": "Told"})
        for prompt in ("2", "3"):
            api.ok("PATCH", f"/v1/fleet/agents/{agent['id']}", json={"system_prompt": prompt})
    folder, archive = tmp_path / "folder", tmp_path / "one.zip"

    def files():
        return [path for path in folder.rglob("*") if path.is_file()]

    for words, version, prompt in (((), 3, "3"), (("--version", 1), 1, "You help.")):
        told = json.loads(runbell(server, "pull", "Told", folder, "--json", *words))
        assert told == {"id": agent["id"], "name": "Told", "version": version, "folder": str(folder), "files": len(files()),
                        "bytes": sum(path.stat().st_size for path in files())}
        assert (folder / "AGENTS.md").read_text() == prompt and len(files()) > 1
        told = json.loads(runbell(server, "export", agent["id"], archive, "--json", *words))
        assert told == {"id": agent["id"], "name": "Told", "version": version, "file": str(archive), "files": len(files()),
                        "bytes": archive.stat().st_size}
        assert runbell(server, "export", "Told", "-", *words, binary_output=True) == archive.read_bytes()
    assert "--json needs a FILE" in runbell(server, "export", "Told", "-", "--json", code=2)
    assert "99" in runbell(server, "pull", "Told", tmp_path / "none", "--json", "--version", 99, code=1)
    assert not (tmp_path / "none").exists()


def test_what_cannot_be_done_is_said(server, tmp_path):
    assert "there is no agent nobody" in runbell(server, "export", "nobody", "-", code=1)
    assert "no-such-folder" in runbell(server, "push", tmp_path / "no-such-folder", code=1)
    (tmp_path / "empty").mkdir()
    assert "AGENTS.md" in runbell(server, "push", tmp_path / "empty", "--name", "x", code=1)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "AGENTS.md").symlink_to("/etc/passwd")
    assert "neither a file nor a folder" in runbell(server, "push", tmp_path / "link", code=1)


def test_an_agent_is_run(server):
    with ModelServer() as model, Api(server.url) as api:
        api.ok("POST", "/v1/fleet/secrets", json={"name": "SCRIPT_BASE_URL", "value": model.url})
        tools = {"tools": [], "interrupt_config": {"ls": True}}
        agent = api.ok("POST", "/v1/fleet/agents", json={**AGENT, "name": "Speaker", "tools": tools})
        model.say("m", text("Hello there\nyou"))
        assert runbell(server, "run", "Speaker", "Hi") == "Hello there\nyou\n"
        model.say("m", status(400))
        assert "ModelError: the model answered 400" in runbell(server, "run", agent["id"], "Hi", code=1)
        model.say("m", calls(("ls", {})))
        assert "a person must approve" in runbell(server, "run", "Speaker", "Hi", code=1)
