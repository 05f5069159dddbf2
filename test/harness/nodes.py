"""nodes -- several servers on one PostgreSQL, as one installation on several machines.

    nodes = Nodes(folder, address, [{...}, {...}])   # the configuration of each under "runbell"
    nodes.plug(0)                                    # node 0 is busy: what is created runs on node 1

Each node has a data folder of its own, and with it its name; the file with the keys that seal secrets is one. What a
node sends has the header X-Node: its number.
"""

import base64
import os

from harness.api import Api, delay
from harness.ports import eventually
from harness.postgres import Databases
from harness.server import Server

LONG = [delay(3_600_000)]


class Nodes:
    def __init__(self, folder, store, configs, env=({}, {})):
        keys = folder / "secret.key"
        keys.write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}\n")
        keys.chmod(0o600)
        self.store = store
        self.database = Databases(store)
        self.servers, self.plugs = [], {}
        for number, config in enumerate(configs):
            home = folder / f"node-{number}"
            home.mkdir()
            self.servers.append(Server(home, store=store, env=env[number], config={
                "webhooks": {"headers": {"X-Node": str(number)}},
                "runbell": {"secret_key_file": str(keys), **config}}))

    def __enter__(self):
        for server in self.servers:
            server.start()
        return self

    def __exit__(self, kind, *_):
        for server in self.servers:
            if kind is None and server.process is not None:
                server.stop()
            server.close()

    def __getitem__(self, number):
        return self.servers[number]

    def name(self, number):
        return (self.servers[number].data / "node").read_text().strip()

    def sql(self, text):
        return self.database.run(text).strip()

    def executor(self, run):
        """The number of the node that executes this run now; None: none does."""
        lease = self.sql(f"select lease_node from runs where run_id = '{run['run_id']}' and status = 'running'")
        return next((number for number in range(len(self.servers)) if self.name(number) == lease), None)

    def plug(self, number):
        """Keeps this node, which has `runs_max` 1, busy with a run that does not end."""
        with Api(self.servers[number].url) as api:
            while number not in self.plugs:
                run = api.run(None, LONG)
                eventually(lambda: self.executor(run) is not None, why="nobody executes the plug")
                if self.executor(run) == number:
                    self.plugs[number] = run
                else:
                    api.ok("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true")

    def unplug(self, number, through=0):
        run = self.plugs.pop(number)
        with Api(self.servers[through].url) as api:
            api.ok("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true")
