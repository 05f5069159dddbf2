"""server -- one `runbell serve` under test: started on a free port, stopped, killed, restarted, read.

    with Server(tmp_path) as server:
        httpx.get(server.url + "/ok")

The program is RUNBELL_BIN (a build with sanitizers in the suites), or build/runbell. Stopping it proves that
it ends with 0 and left no report of a sanitizer in its log.
"""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import httpx
import psutil

from harness.ports import free_port

HOME = Path(__file__).resolve().parents[2]
SANITIZER = re.compile(
    r"(ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:|AddressSanitizer:)")
START_TIMEOUT_S = 60


def binary():
    path = Path(os.environ.get("RUNBELL_BIN", HOME / "build" / "runbell"))
    if not path.is_file():
        raise RuntimeError(f"{path} does not exist: run `make build`, or set RUNBELL_BIN")
    return path


class Server:
    def __init__(self, folder, store="sqlite", project=None, config=None, env=None, dev=True, args=(),
                 port=None):
        """Files go to `folder`. The server runs in `project`, or in a folder of its own in which `config`,
        if given, becomes langgraph.json. `env` adds to the environment."""
        self.folder = Path(folder)
        self.store = store
        self.data = self.folder / "data"
        self.project = Path(project) if project else self.folder / "project"
        self.project.mkdir(parents=True, exist_ok=True)
        if config is not None:
            (self.project / "langgraph.json").write_text(json.dumps(config))
        self.env = env or {}
        self.dev = dev
        self.args = list(args)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = self.folder / "server.log"
        self.process = None
        self.starts = 0
        self.kills = 0

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        self.close()

    # ---- life ------------------------------------------------------------------------------------

    def command(self):
        store = [] if self.store == "sqlite" else ["--store", self.store]
        dev = ["--dev"] if self.dev else []
        return [str(binary()), "serve", "--listen", f"127.0.0.1:{self.port}", "--data", str(self.data),
                *store, *dev, *self.args]

    def environment(self):
        clean = {key: value for key, value in os.environ.items()
                 if not key.startswith(("RUNBELL_", "LANGGRAPH_", "LANGSMITH_", "LG_"))}
        # LeakSanitizer reports at the end of a normal stop; a killed server says nothing.
        clean["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0:exitcode=99"
        clean["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1:exitcode=99"
        clean["TSAN_OPTIONS"] = "exitcode=99"
        clean["LSAN_OPTIONS"] = "exitcode=99"
        return {**clean, **self.env}

    def launch(self):
        """Starts the process without waiting until it serves."""
        self.starts += 1
        log = self.log_path.open("ab")
        self.process = subprocess.Popen(self.command(), cwd=self.project, env=self.environment(),
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        start_new_session=True)
        log.close()
        return self

    def start(self):
        self.launch()
        end = time.monotonic() + START_TIMEOUT_S
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log()[-4000:]}")
            if self.is_ok():
                return self
            if time.monotonic() > end:
                raise RuntimeError(f"the server was not ready in {START_TIMEOUT_S} s:\n{self.log()[-4000:]}")
            time.sleep(0.01)

    def is_ok(self):
        try:
            return httpx.get(self.url + "/ok", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def start_fails(self, timeout=30):
        """Starts a server that must refuse: its exit code (not 0) and what it said."""
        self.launch()
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.close()
            raise AssertionError("the server started, but should have refused") from None
        assert code not in (0, 99) and code > 0, f"exit code {code}\n{self.log()}"
        self.assert_clean()
        return code, self.log()

    def stop(self, timeout=30):
        """SIGTERM; it must end with 0 in time and leave no report of a sanitizer."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end within {timeout} s of SIGTERM:\n{self.log()[-3000:]}") from None
        self.assert_clean()
        assert code == 0, f"the server ended with {code}:\n{self.log()[-3000:]}"
        self.process = None

    def kill(self):
        """kill -9, as a power cut for the process."""
        assert self.process.poll() is None, f"it had already ended with {self.process.returncode}:\n{self.log()[-3000:]}"
        self.kills += 1
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """Ends whatever still runs, without judging."""
        if self.process is not None and self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        self.process = None

    # ---- looking at it ---------------------------------------------------------------------------

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def assert_clean(self):
        found = SANITIZER.search(self.log())
        assert not found, f"a sanitizer spoke:\n{self.log()[found.start():found.start() + 6000]}"

    def workers(self):
        """Its worker processes."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def rss_bytes(self):
        return psutil.Process(self.process.pid).memory_info().rss
