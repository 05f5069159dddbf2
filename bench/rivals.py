"""rivals -- the programs that the benches compare with: LangGraph's dev servers of the npm and Python registries."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import httpx
import psutil

from harness.ports import free_port

BENCH = Path(__file__).resolve().parent
START_TIMEOUT_S = 60


class DevServer:
    """A dev server with the graphs of a project, on a free port, in a folder of its own."""

    def __init__(self, project, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        folder.mkdir(parents=True)
        shutil.copy(project / "langgraph.json", folder)
        shutil.copytree(project / "graphs", folder / "graphs")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def command(self):
        raise NotImplementedError

    def start(self):
        """Starts it and waits until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder, env={**os.environ, "LOG_LEVEL": "ERROR"})
        end = time.monotonic() + START_TIMEOUT_S
        while not self.is_ok():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the dev server did not start:\n" + (self.folder / "server.log").read_text()[-3000:])
            time.sleep(0.01)
        return self

    def is_ok(self):
        try:
            return httpx.get(self.url + "/ok", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self):
        if self.process is not None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
            self.process.wait()
            self.process = None

    def rss_bytes(self):
        main = psutil.Process(self.process.pid)
        return sum(one.memory_info().rss for one in [main, *main.children(recursive=True)])


class JsDevServer(DevServer):
    """@langchain/langgraph-api."""

    def __init__(self, project, folder):
        super().__init__(project, folder)
        shutil.copy(project / "package.json", folder)
        (folder / "node_modules").symlink_to(BENCH / "js" / "node_modules")

    def command(self):
        return ["node", BENCH / "js" / "dev-server.mjs", str(self.port), self.folder]


class PythonDevServer(DevServer):
    """langgraph-api, in memory."""

    def command(self):
        return [BENCH / ".venv" / "bin" / "langgraph", "dev", "--no-browser", "--no-reload", "--host", "127.0.0.1",
                "--port", str(self.port)]
