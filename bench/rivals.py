"""rivals -- the programs that the benches compare with: the JavaScript dev server of the npm registry."""

import shutil
import subprocess
import time
from pathlib import Path

import httpx
import psutil

from harness.ports import free_port

JS_HOME = Path(__file__).resolve().parent / "js"
START_TIMEOUT_S = 60


class DevServer:
    """@langchain/langgraph-api with the graphs of a project, on a free port, in a folder of its own."""

    def __init__(self, project, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        folder.mkdir(parents=True)
        shutil.copy(project / "langgraph.json", folder)
        shutil.copy(project / "package.json", folder)
        shutil.copytree(project / "graphs", folder / "graphs")
        (folder / "node_modules").symlink_to(JS_HOME / "node_modules")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts it and waits until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["node", JS_HOME / "dev-server.mjs", str(self.port), self.folder],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=JS_HOME)
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
            self.process.kill()
            self.process.wait()
            self.process = None

    def rss_bytes(self):
        main = psutil.Process(self.process.pid)
        return sum(one.memory_info().rss for one in [main, *main.children(recursive=True)])
