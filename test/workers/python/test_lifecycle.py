"""The worker as a process: hello, loading and its errors, ping, end of file, shutdown."""

import os
import signal
import socket
import subprocess
import sys
import time
import venv

import pytest

from conftest import PATHS
from peer import PROJECT, WORKER, Peer, Refused, now_ms


def test_hello(peer):
    assert peer.hello["proto"] == 1 and peer.hello["lang"] == "python"
    assert peer.hello["pid"] == peer.process.pid
    assert peer.hello["lang_version"].startswith("3.") and peer.hello["lib_version"]


def test_ready_lists_graphs_with_their_descriptions(make_peer):
    peer = make_peer(graphs={"a": {"path": PATHS["steps"], "description": "two steps"},
                             "b": PATHS["chat"]})  # fmt: skip
    assert peer.ready["graphs"] == [{"id": "a", "description": "two steps"}, {"id": "b"}]


def test_load_errors_say_file_line_and_reason(make_peer):
    peer = make_peer(
        graphs={
            "good": PATHS["steps"],
            "no_file": "./missing.py:graph",
            "no_export": "./graphs.py:stepz",
            "no_package": "./broken_import.py:graph",
            "syntax": "./broken_syntax.py:graph",
            "no_module": "nowhere.at_all:graph",
            "not_a_graph": "./graphs.py:not_a_graph",
            "no_colon": "./graphs.py",
        }
    )
    assert peer.ready["graphs"] == [{"id": "good"}]
    said = {graph_id: error["message"] for graph_id, error in peer.load_errors.items()}
    assert "the file ./missing.py does not exist" in said["no_file"]
    assert said["no_export"] == "./graphs.py defines no 'stepz'; did you mean 'steps'?"
    assert said["no_package"].startswith(
        "broken_import.py, line 4: ModuleNotFoundError: No module named 'a_package_nobody_has'"
    )
    assert sys.executable in said["no_package"]
    assert said["syntax"].startswith("broken_syntax.py, line 3: SyntaxError")
    assert "nowhere" in said["no_module"]
    assert "is a int; a graph" in said["not_a_graph"]
    assert "is not of the form" in said["no_colon"]
    assert peer.load_errors["no_package"]["type"] == "ModuleNotFoundError"


def test_local_dependencies_are_importable(make_peer, tmp_path):
    (tmp_path / "lib" / "src" / "deep").mkdir(parents=True)
    (tmp_path / "lib" / "near.py").write_text("from graphs import steps\n")
    (tmp_path / "lib" / "src" / "deep" / "flow.py").write_text("from near import steps as graph\n")
    peer = make_peer(
        project=tmp_path,
        graphs={"g": "deep.flow:graph"},
        config={"dependencies": ["./lib", str(PROJECT), "a-package-from-an-index"]},
    )
    assert peer.ready["graphs"] == [{"id": "g"}], peer.load_errors


def test_a_project_module_may_be_called_like_one_of_ours(make_peer, tmp_path):
    for name in ("main", "render", "frames", "runs"):
        (tmp_path / f"{name}.py").write_text("MINE = True\n")
    (tmp_path / "flow.py").write_text(
        "import main, render, frames, runs\n"
        "assert main.MINE and render.MINE and frames.MINE and runs.MINE\n"
        "from graphs import steps as graph\n"
    )
    config = {"dependencies": [".", str(PROJECT)]}
    peer = make_peer(project=tmp_path, graphs={"g": "./flow.py:graph"}, config=config)
    assert peer.ready["graphs"] == [{"id": "g"}], peer.load_errors


def test_ping_is_answered_while_a_graph_holds_the_loop(peer):
    log = peer.start("hogging", {"value": 3.0})
    time.sleep(0.2)
    started = now_ms()
    header, _ = peer.ask_raw("ping")
    assert header["ok"] and now_ms() - started < 1500
    assert log.done is None
    log.wait()


def test_an_unknown_request_is_invalid(peer):
    with pytest.raises(Refused) as refused:
        peer.ask("no.such.thing")
    assert refused.value.code == "invalid"


def test_end_of_file_ends_the_worker_at_once(make_peer):
    peer = make_peer(graphs=PATHS)
    peer.start("hogging", {"value": 20})
    time.sleep(0.2)
    started = now_ms()
    peer.sock.shutdown(socket.SHUT_RDWR)
    assert peer.exit_code(3) == 0 and now_ms() - started < 1000


def test_shutdown_waits_for_runs_and_answers(make_peer):
    peer = make_peer(graphs=PATHS)
    log = peer.start("slow", {"log": [], "value": 0.4})
    header, _ = peer.ask_raw("shutdown")
    assert header["ok"] and log.done["outcome"] == "success"
    assert peer.exit_code() == 0


def test_shutdown_after_cancel(make_peer):
    peer = make_peer(graphs=PATHS)
    log = peer.start("slow", {"log": []})
    log.wait_for(lambda log: len(log.events) == 2)
    peer.cancel(log, "shutdown")
    assert peer.ask_raw("shutdown")[0]["ok"] and log.done["outcome"] == "cancelled"
    assert peer.exit_code() == 0


def test_a_server_that_stops_reading_does_not_stop_the_worker(make_peer):
    """Frames that the socket does not take wait in the worker; other work goes on."""
    peer = make_peer(graphs=PATHS)
    with peer.backend.lock:  # the peer's reader waits here at the first checkpoint
        logs = [peer.start("steps", {"log": ["x" * 300_000]}) for _ in range(5)]
        time.sleep(0.5)
        assert peer.process.poll() is None
    for log in logs:
        assert log.wait().done["outcome"] == "success"


def test_without_a_socket_it_says_who_starts_it():
    env = {key: value for key, value in os.environ.items() if key != "LGW_FD"}
    ended = subprocess.run(
        [sys.executable, str(WORKER)], env=env, capture_output=True, text=True, timeout=20
    )
    assert ended.returncode == 1 and "LGW_FD is not set" in ended.stderr


def test_a_python_without_langgraph_says_what_to_install(tmp_path):
    venv.create(tmp_path / "bare", symlinks=True)
    peer = Peer(graphs={"g": PATHS["steps"]}, python=str(tmp_path / "bare" / "bin" / "python"))
    try:
        assert peer.hello["lib_version"] is None
        assert "pip install 'langgraph>=1.0'" in peer.load_errors["g"]["message"]
        assert peer.ready["graphs"] == []
        error = peer.run("g", {"log": []}).done["error"]
        assert error["type"] == "UnknownGraph" and "no graph 'g' is loaded" in error["message"]
        with pytest.raises(Refused) as refused:
            peer.state("g", "t")
        assert refused.value.code == "not_found"
    finally:
        peer.close()


def test_log_records_are_one_line_each(make_peer):
    peer = make_peer(graphs=PATHS)
    peer.run("failing", {"log": []})
    peer.close()
    for line in peer.stderr.splitlines():
        assert line.split(" ")[0] in ("INFO", "WARNING", "ERROR"), line
    assert "KeyError" in peer.stderr


def test_a_killed_worker_leaves_no_answer(make_peer):
    peer = make_peer(graphs=PATHS)
    log = peer.start("slow", {"log": []})
    log.wait_for(lambda log: len(log.events) == 2)
    peer.process.send_signal(signal.SIGKILL)
    assert peer.exit_code() == -signal.SIGKILL and log.done is None
