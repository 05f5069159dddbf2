"""runbell replay, runbell replays and runbell erase (cli-ops.md section 5.1): the count first, a job that outlives the command, an exit code that tells."""

import json
import os
import pty
import subprocess

import pytest

from harness.api import Api
from harness.ports import eventually
from harness.receiver import Answer
from harness.server import Server, binary

CONFIG = {"runbell": {"delivery": {"test_schedule_ms": [50]}}}


@pytest.fixture(scope="module")
def server(store, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("replay"), store=store(), config=CONFIG) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    with Api(server.url) as client:
        yield client


@pytest.fixture
def hook(hostile):
    return hostile.hook("/hook")


def runbell(server, *words, code=0):
    """(standard output, standard error) of a command whose exit code must be `code`."""
    done = subprocess.run([str(binary()), *words], capture_output=True, cwd="/", timeout=60, text=True,
                          env={**os.environ, "RUNBELL_URL": server.url}, check=False)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout, done.stderr


def dead(api, hook, count):
    hook.answer(Answer(status=404))
    for _ in range(count):
        api.run(None, webhook=hook.url)
    found = lambda: api.ok("GET", "/v1/deliveries", params={"url": hook.url, "state": "dead"})["deliveries"]
    eventually(lambda: len(found()) == count, 30)
    hook.answer(Answer())
    return found()


def test_a_dry_run_counts_and_a_replay_is_watched_to_its_end(server, api, hook):
    first = dead(api, hook, 3)
    which = ["--endpoint", first[0]["endpoint_id"], "--since", "1h", "--status", "4xx"]
    assert runbell(server, "replay", *which, "--dry-run")[0].startswith("3 would be looked at")
    assert json.loads(runbell(server, "replay", *which, "--dry-run", "--json")[0]) == {
        "dry_run": True, "matched": 3, "matched_is_exact": True}
    assert len(hook.requests) == 3, "a dry run sends nothing"
    out, said = runbell(server, "replay", *which, "--rate", "40", "--json")
    one = json.loads(out)
    assert ": 3 deliveries, 40 a second" in said and one["rate"] == 40
    assert one["state"] == "done" and one["outcomes"] == {"waiting": 0, "done": 3, "dead": 0, "is_exact": True}
    assert sorted(r.webhook_id for r in hook.requests[3:]) == sorted(d["webhook_id"] for d in first)
    made = json.loads(runbell(server, "deliveries", "list", "--replay", one["replay_id"], "--json")[0])["deliveries"]
    assert {d["resend_of"] for d in made} == {d["delivery_id"] for d in first}


def test_what_was_given_up_again_is_an_exit_code_and_a_way_on(server, api, hook):
    first = dead(api, hook, 2)
    hook.answer(Answer(status=404))
    out, said = runbell(server, "replay", "--endpoint", first[0]["endpoint_id"], code=1)
    assert "0 arrived, 0 wait, 2 given up" in out
    assert "2 were given up" in said and "runbell deliveries list --replay" in said


def test_all_go_elsewhere(server, api, hook, hostile):
    first = dead(api, hook, 2)
    other = hostile.hook("/other")
    out, _ = runbell(server, "replay", "--endpoint", first[0]["endpoint_id"], "--to", other.url + "?token=canary-7a")
    assert sorted(r.webhook_id for r in other.requests) == sorted(d["webhook_id"] for d in first)
    assert "canary-7a" not in out and "token=***" in out


def test_a_job_goes_on_without_the_command_and_is_cancelled_by_hand(server, api, hook):
    first = dead(api, hook, 3)
    out, _ = runbell(server, "replay", "--endpoint", first[0]["endpoint_id"], "--rate", "0.02", "--detach", "--json")
    job = json.loads(out)["replay_id"]
    assert json.loads(out)["state"] == "running"
    assert job in runbell(server, "replays", "list", "--limit", "1")[0]
    assert json.loads(runbell(server, "replays", "list", "--json")[0])["replays"][0]["replay_id"] == job
    eventually(lambda: api.ok("GET", f"/v1/replays/{job}")["outcomes"]["done"] == 1, 30)
    assert "paused" in runbell(server, "replays", "pause", job)[0]
    assert "running" in runbell(server, "replays", "resume", job)[0]
    assert "cancelled" in runbell(server, "replays", "cancel", job)[0]
    shown = runbell(server, "replays", "show", job)[0]
    assert " queued, 0 passed over, 0 failed" in shown and first[0]["endpoint_id"] in shown
    assert "cancelled" in runbell(server, "replays", "show", job, "--follow", code=1)[1]
    assert "ended already" in runbell(server, "replays", "cancel", job, code=1)[1]
    assert "there is no replay nothing" in runbell(server, "replays", "show", "nothing", code=1)[1]


def test_a_terminal_has_one_line_of_progress(server, api, hook):
    first = dead(api, hook, 3)
    master, slave = pty.openpty()
    words = [str(binary()), "replay", "--endpoint", first[0]["endpoint_id"], "--rate", "2", "--server", server.url]
    done = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=slave, cwd="/")
    os.close(slave)
    seen = b""
    try:
        while chunk := os.read(master, 4096):
            seen += chunk
    except OSError:  # the other end is closed
        pass
    os.close(master)
    assert done.wait(60) == 0
    text = seen.decode()
    assert "\r\x1b[Krunning: " in text and "of 3 looked at" in text and text.endswith("\r\n")


def test_what_is_wrong_is_named(server):
    assert "which ones?" in runbell(server, "replay", "--state", "dead", code=2)[1]
    assert "--all stands for no filter" in runbell(server, "replay", "--all", "--since", "1h", code=2)[1]
    assert "would be looked at" in runbell(server, "replay", "--all", "--dry-run")[0]
    assert "--rate must be" in runbell(server, "replay", "--since", "1h", "--rate", "fast", code=2)[1]
    assert "rate: must be" in runbell(server, "replay", "--since", "1h", "--rate", "0", code=1)[1]
    assert "state: must be" in runbell(server, "replay", "--since", "1h", "--state", "held", code=1)[1]


def test_erasing_takes_one_subject_and_a_yes(server, api, hook):
    first, = dead(api, hook, 1)
    assert "one of" in runbell(server, "erase", "--yes", code=2)[1]
    assert "--yes" in runbell(server, "erase", "--object", first["object_id"], code=2)[1]
    assert api.ok("GET", f"/v1/deliveries/{first['delivery_id']}")
    one = json.loads(runbell(server, "erase", "--object", first["object_id"], "--yes", "--json")[0])
    assert one["state"] == "done" and one["rows"] == 3
    assert api.get(f"/v1/deliveries/{first['delivery_id']}").status_code == 404
