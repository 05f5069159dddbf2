"""postgres -- a fresh, empty database for each server, in the PostgreSQL that tools/postgres-temp started.

Little is dropped: that PostgreSQL is thrown away as a whole, and dropping one by one takes minutes. Cluster is one
that a test may stop, crash and start on its own.
"""

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

TOOL = Path(__file__).resolve().parents[2] / "tools" / "postgres-temp"


class Databases:
    def __init__(self, url):
        self.url = url

    def run(self, sql, url=None):
        """Runs one statement with psql; what it printed."""
        parts = urlsplit(url or self.url)
        done = subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", parts.hostname, "-p", str(parts.port),
             "-U", parts.username, "-d", parts.path.lstrip("/"), "-c", sql],
            env={**os.environ, "PGPASSWORD": parts.password}, capture_output=True, text=True,
            check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def create(self):
        """Makes a database and returns its address."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.run(f"create database {name}")
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def drop(self, url):
        """For databases of a gigabyte: they lie in memory."""
        self.run(f"drop database {urlsplit(url).path.lstrip('/')} with (force)")


class Cluster:
    """A PostgreSQL server of its own.

        with Cluster() as cluster: … Databases(cluster.url) … cluster.restart("immediate") …
    """

    def __init__(self):
        self.home = self.url = None

    def __enter__(self):
        # Not in a folder of the tests: its server runs as a user who may not enter those.
        self.home = Path(tempfile.mkdtemp(prefix="runbell-cluster."))
        self.home.chmod(0o755)
        self.folder = self.home / "postgres"
        self.url = self.tool("start", self.folder).strip()
        return self

    def __exit__(self, *_):
        self.tool("stop", self.folder)
        shutil.rmtree(self.home, ignore_errors=True)

    def restart(self, mode):
        """`fast` ends its sessions in order, `immediate` leaves it to recover as after a crash."""
        self.tool("restart", self.folder, mode)

    def tool(self, *words):
        # Its children keep the pipe open: into a file.
        with (self.home / "out").open("w+") as said:
            subprocess.run([str(TOOL), *map(str, words)], stdout=said, stderr=subprocess.STDOUT, check=True)
            said.seek(0)
            return said.read()
