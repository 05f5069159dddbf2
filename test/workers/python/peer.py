"""The server's end of a worker: starts it as a real process on a real socketpair, answers its
requests from a Backend, collects events and run.done."""

import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import wire
from backend import Backend, Refusal

ROOT = Path(__file__).resolve().parents[3]
WORKER = ROOT / "workers" / "python" / "main.py"
PROJECT = Path(__file__).resolve().parent / "project"
WAIT_S = 30


class Refused(Exception):
    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code, self.type = error["code"], error["type"]


class RunLog:
    """What came of one attempt."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.event_bytes = 0
        self.done: dict[str, Any] | None = None
        self.blobs: list[bytes] = []
        self.changed = threading.Condition()

    def blob(self, name: str) -> Any:
        """A JSON result of run.done by its field's name; None if it is not there."""
        index = self.done.get(name)
        return None if index is None else json.loads(self.blobs[index])

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    def data(self, name: str) -> list[Any]:
        return [data for event, data in self.events if event == name]

    def wait_for(self, test: Any, timeout_s: float = WAIT_S) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: test(self), timeout_s), (
                f"not seen in time; events so far: {self.names[-5:]}, done: {self.done}"
            )

    def wait(self, timeout_s: float = WAIT_S) -> "RunLog":
        self.wait_for(lambda log: log.done is not None, timeout_s)
        return self


class Peer:
    def __init__(
        self,
        project: Path = PROJECT,
        graphs: dict[str, Any] | None = None,
        config: dict[str, Any] | None = None,
        backend: Backend | None = None,
        python: str = sys.executable,
    ) -> None:
        self.backend = backend or Backend()
        self.gives_credit = True
        self.sock, theirs = socket.socketpair()
        self.process = self._start(python, project, theirs)
        theirs.close()
        self._output: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._drains = [self._drain(name) for name in self._output]
        self._ids = itertools.count(1)
        self._answers: dict[int, Any] = {}
        self._changed = threading.Condition()
        self._write_lock = threading.Lock()
        self.runs: dict[tuple[str, int], RunLog] = {}
        self.hello: dict[str, Any] | None = None
        self.ready: dict[str, Any] | None = None
        self.load_errors: dict[str, dict[str, Any]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if graphs is not None:
            self.init(project, graphs, config)

    def _start(self, python: str, project: Path, theirs: socket.socket) -> subprocess.Popen:
        return subprocess.Popen(
            [python, str(WORKER)],
            cwd=project,
            env={**os.environ, "LGW_FD": str(theirs.fileno())},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def init(self, project: Path, graphs: dict[str, Any], config: Any = None) -> None:
        self.send(
            {
                "t": "init",
                "project_dir": str(project),
                "graphs": {k: v if isinstance(v, dict) else {"path": v} for k, v in graphs.items()},
                "config": config or {"dependencies": ["."]},
                "server": {"version": "0", "url": "http://127.0.0.1:8123"},
            }
        )
        with self._changed:
            assert self._changed.wait_for(lambda: self.ready is not None, WAIT_S)

    def send(self, header: dict[str, Any], *blobs: bytes) -> None:
        with self._write_lock:
            self.sock.sendall(wire.pack(header, *blobs))

    def ask(self, kind: str, *blobs: bytes, **fields: Any) -> list[Any]:
        """The JSON of the answer's blobs. Raises Refused."""
        header, answer = self.ask_raw(kind, *blobs, **fields)
        if not header["ok"]:
            raise Refused(header["error"])
        return [json.loads(blob) for blob in answer]

    def ask_raw(self, kind: str, *blobs: bytes, timeout_s: float = WAIT_S, **fields: Any) -> Any:
        request_id = next(self._ids)
        self.send({"t": kind, "id": request_id, **fields}, *blobs)
        with self._changed:
            assert self._changed.wait_for(lambda: request_id in self._answers, timeout_s)
            return self._answers.pop(request_id)

    def state(self, graph_id: str, thread_id: str, subgraphs: bool = False, **where: Any) -> Any:
        config = {"configurable": {"thread_id": thread_id, **where}}
        return self.ask("state.get", graph_id=graph_id, config=config, subgraphs=subgraphs)[0]

    def start(
        self,
        graph_id: str,
        given: Any = None,
        *,
        command: Any = None,
        thread_id: str | None = None,
        run_id: str | None = None,
        attempt: int = 1,
        modes: tuple[str, ...] = ("values",),
        configurable: dict[str, Any] | None = None,
        config: dict[str, Any] | None = None,
        **fields: Any,
    ) -> RunLog:
        run_id = run_id or str(uuid.uuid4())
        thread_id = thread_id or str(uuid.uuid4())
        ids = {"thread_id": thread_id, "run_id": run_id, "graph_id": graph_id, "assistant_id": "a1"}
        header = {
            "t": "run.start",
            **ids,
            "attempt": attempt,
            "config": {
                "metadata": {"from": "test"},
                **(config or {}),
                "configurable": {**ids, **(configurable or {})},
            },
            "stream_modes": list(modes),
            "subgraphs": False,
            "durability": "async",
            "checkpointing": True,
            "want_values": True,
            **fields,
        }
        blobs = []
        for name, value in (("input", given), ("command", command)):
            if value is not None:
                header[name] = len(blobs)
                blobs.append(json.dumps(value).encode())
        log = self.runs[(run_id, attempt)] = RunLog()
        log.run_id, log.thread_id, log.attempt = run_id, thread_id, attempt
        self.send(header, *blobs)
        return log

    def run(self, graph_id: str, given: Any = None, **fields: Any) -> RunLog:
        return self.start(graph_id, given, **fields).wait()

    def cancel(self, log: RunLog, reason: str = "interrupt") -> None:
        self.send(
            {"t": "run.cancel", "run_id": log.run_id, "attempt": log.attempt, "reason": reason}
        )

    def credit(self, log: RunLog, event_bytes: int) -> None:
        self.send({"t": "run.credit", "run_id": log.run_id, "bytes": event_bytes})

    def exit_code(self, timeout_s: float = 10) -> int:
        return self.process.wait(timeout_s)

    def close(self) -> str:
        """Ends the connection; returns what the worker wrote to standard error."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in (*self._drains, self._reader):
            thread.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
        self.sock.close()
        return self.stderr

    @property
    def stderr(self) -> str:
        return "".join(self._output["stderr"])

    @property
    def stdout(self) -> str:
        return "".join(self._output["stdout"])

    def _drain(self, name: str) -> threading.Thread:
        """Log lines must be taken: a worker whose pipe is full stands still."""
        pipe, lines = getattr(self.process, name), self._output[name]
        thread = threading.Thread(target=lambda: lines.extend(iter(pipe.readline, "")), daemon=True)
        thread.start()
        return thread

    def _read(self) -> None:
        try:
            while (frame := wire.receive(self.sock)) is not None:
                self._on_frame(*frame)
        except OSError:
            pass

    def _on_frame(self, header: dict[str, Any], blobs: list[bytes]) -> None:
        kind = header["t"]
        if kind == "reply":
            with self._changed:
                self._answers[header["re"]] = (header, blobs)
                self._changed.notify_all()
        elif kind.startswith("run."):
            self._on_run(kind, header, blobs)
        elif kind in ("hello", "ready"):
            with self._changed:
                setattr(self, kind, header)
                self._changed.notify_all()
        elif kind == "load_error":
            self.load_errors[header["graph_id"]] = header["error"]
        else:
            self._answer(header, blobs)

    def _on_run(self, kind: str, header: dict[str, Any], blobs: list[bytes]) -> None:
        log = self.runs[(header["run_id"], header["attempt"])]
        with log.changed:
            if kind == "run.event":
                assert log.done is None, "an event after run.done"
                assert b"\n" not in blobs[0] and b"\r" not in blobs[0]
                log.events.append((header["event"], json.loads(blobs[0])))
                log.event_bytes += len(blobs[0])
            else:
                assert log.done is None, "a second run.done"
                log.done, log.blobs = header, blobs
            log.changed.notify_all()
        if kind == "run.event" and self.gives_credit:
            self.credit(log, len(blobs[0]))

    def _answer(self, header: dict[str, Any], blobs: list[bytes]) -> None:
        reply: dict[str, Any] = {"t": "reply", "re": header["id"]}
        try:
            fields, answer = self.backend.handle(header, blobs)
        except Refusal as refusal:
            self.send({**reply, "ok": False, "error": refusal.error})
        else:
            self.send({**reply, "ok": True, **fields}, *answer)


def now_ms() -> float:
    return time.monotonic() * 1000
