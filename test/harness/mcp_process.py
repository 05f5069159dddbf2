"""mcp_process -- runs mcp_server.py: with mcp_process("events", "token") as url: …"""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from harness.ports import eventually, free_port, listens

MCP_SERVER = Path(__file__).with_name("mcp_server.py")


@contextmanager
def mcp_process(*words):
    port = free_port()
    process = subprocess.Popen([sys.executable, str(MCP_SERVER), str(port), *words])
    try:
        eventually(lambda: listens(port) or process.poll() is not None, 30, why="the MCP server does not listen")
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(30)
