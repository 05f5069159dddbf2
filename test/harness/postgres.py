"""postgres -- a fresh, empty database for each server, in the PostgreSQL that tools/postgres-temp started.

Nothing is dropped: that PostgreSQL is thrown away as a whole, and dropping one by one takes minutes.
"""

import os
import subprocess
import uuid
from urllib.parse import urlsplit, urlunsplit


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
