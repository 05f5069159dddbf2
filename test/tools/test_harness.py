"""Proves that the harness itself can see what the suites rely on: bad receivers, broken laws, sanitizers' reports."""

import json
import sys
from pathlib import Path

import httpx
import psutil
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness.api import read_events  # noqa: E402
from harness.ledger import Ledger  # noqa: E402
from harness.ports import eventually  # noqa: E402
from harness.program import run_program  # noqa: E402
from harness.receiver import Answer, Receiver, Request  # noqa: E402
from harness.server import Server  # noqa: E402


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as one:
        yield one


def post(url, **options):
    return httpx.post(url, content=b'{"a":1}', trust_env=False, **options)


def test_answers_come_in_turn_and_requests_are_kept(receiver):
    hook = receiver.hook("/turn", Answer(status=500), Answer(status=201, body=b"x"))
    assert [post(hook.url + "?a=%20b").status_code for _ in range(3)] == [500, 201, 201]
    first = hook.requests[0]
    assert (first.method, first.path, first.query, first.json) == ("POST", "/turn", "a=%20b", {"a": 1})
    hook.answer(Answer(status=202))
    assert post(hook.url).status_code == 202


@pytest.mark.parametrize("how, error", [("reset", httpx.ReadError), ("garbage", httpx.RemoteProtocolError),
                                        ("close", httpx.RemoteProtocolError), ("hang", httpx.ReadTimeout),
                                        ("drip", httpx.ReadTimeout)])
def test_bad_receivers_are_bad(receiver, how, error):
    hook = receiver.hook(f"/{how}", Answer(how=how))
    with pytest.raises(error):
        post(hook.url, timeout=0.5)
    assert len(hook.requests) == 1


def test_a_stopped_receiver_refuses_and_comes_back():
    with Receiver() as one:
        hook = one.hook("/x")
        one.stop()
        with pytest.raises(httpx.ConnectError):
            post(hook.url)
        one.start()
        assert post(hook.url).status_code == 200


def webhook(run_id, webhook_id, status="success"):
    body = json.dumps({"run_id": run_id, "status": status}).encode()
    return Request("POST", "/", "", [("webhook-id", webhook_id)], body, 0.0, ("", 0))


def ledger(*run_ids):
    one = Ledger()
    for run_id in run_ids:
        one.acknowledge(f"key-{run_id}", {"run_id": run_id})
    return one


def test_the_ledger_accepts_what_is_right_and_counts_repetitions():
    assert ledger("a", "b").check([webhook("a", "1"), webhook("b", "2"), webhook("a", "1")]) == 1


@pytest.mark.parametrize("requests, law", [
    ([webhook("a", "1")], "never came"),
    ([webhook("a", "1"), webhook("b", "2"), webhook("c", "3")], "nobody was told"),
    ([webhook("a", "1"), webhook("a", "9"), webhook("b", "2")], "several events"),
    ([webhook("a", None), webhook("b", "2")], "several events"),
    ([webhook("a", "1"), webhook("b", "1")], "share a webhook-id"),
    ([webhook("a", "1"), webhook("a", "1", "error"), webhook("b", "2")], "body changed"),
])
def test_the_ledger_sees_every_broken_law(requests, law):
    with pytest.raises(AssertionError, match=law):
        ledger("a", "b").check(requests)


def test_the_ledger_sees_a_key_that_made_two_runs():
    one = ledger("a")
    with pytest.raises(AssertionError, match="two runs"):
        one.acknowledge("key-a", {"run_id": "other"})


@pytest.mark.parametrize("said", [
    "==1==ERROR: AddressSanitizer: heap-use-after-free", "==1==ERROR: LeakSanitizer: detected memory leaks",
    "WARNING: ThreadSanitizer: data race", "a.c:1:2: runtime error: signed integer overflow"])
def test_a_sanitizer_is_heard(tmp_path, said):
    server = Server(tmp_path)
    server.log_path.write_text(f"ts=1 level=info\n{said}\n")
    with pytest.raises(AssertionError, match="sanitizer"):
        server.assert_clean()


def fake_program(tmp_path, monkeypatch, script):
    program = tmp_path / "runbell"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("RUNBELL_BIN", str(program))
    return Server(tmp_path / "server")


def test_a_server_that_ends_at_once_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "server").mkdir()
    server = fake_program(tmp_path, monkeypatch, "echo no good; exit 3")
    with pytest.raises(RuntimeError, match="no good"):
        server.start()
    code, said = server.start_fails()
    assert code == 3 and "no good" in said


def test_a_server_that_ends_badly_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "server").mkdir()
    server = fake_program(tmp_path, monkeypatch, 'sleep 60 & trap "kill $!; exit 7" TERM; wait')
    server.launch()
    import time
    time.sleep(0.3)
    with pytest.raises(AssertionError, match="ended with 7"):
        server.stop()


class Response:
    def __init__(self, *chunks):
        self.chunks = chunks

    def iter_text(self):
        yield from self.chunks


def test_streams_are_split_as_clients_split_them():
    comments = []
    response = Response("event: a\ndata: {\"x\":\"\\u2028", "\u2028\"}\nid: 1\n", "\n: heartbeat\n\nevent: b\r\ndata: 2\r\n\r\n")
    assert list(read_events(response, comments)) == [("a", {"x": "\u2028\u2028"}, "1"), ("b", 2, None)]
    assert comments == [": heartbeat"]


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path):
    script = f"sleep 60 & echo $! > {tmp_path}/child; echo so far; wait"
    with pytest.raises(AssertionError, match="no end within 0.5 s(.|\n)*so far"):
        run_program(["bash", "-c", script], timeout=0.5)
    child = int((tmp_path / "child").read_text())
    assert eventually(lambda: is_gone(child))


def test_what_a_program_leaves_behind_is_ended(tmp_path):
    done = run_program(["bash", "-c", f"sleep 60 >/dev/null 2>&1 & echo $! > {tmp_path}/child; echo out; exit 3"], timeout=10)
    assert (done.returncode, done.stdout) == (3, "out\n")
    child = int((tmp_path / "child").read_text())
    assert eventually(lambda: is_gone(child))
