"""sender_measures -- the delivery engine beside wrk, and how late it is; programs of src/delivery/bench, no server.

Both sides POST the same bytes to the same receiver in the same run. What is compared is CPU per request, each
side's own without the receiver's: that is what a core can do.
"""

import json
import os
import re
import resource
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

from harness.ports import free_port
from harness.postgres import Cluster, Databases

HOME = Path(__file__).resolve().parent.parent
PROGRAMS = HOME / "build" / "bench" / "src"
CERTIFICATES = HOME / "src" / "http" / "test_certificates"


def build():
    subprocess.run([HOME / "tools" / "build", "bench"], check=True)


@contextmanager
def receiver(is_tls):
    """The URL of a server of its own process that answers 200 to everything."""
    port = free_port()
    command = [PROGRAMS / "http" / "bench_http_server", str(port)]
    if is_tls:
        command += [CERTIFICATES / "good.pem", CERTIFICATES / "good.key"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        yield f"https://localhost:{port}" if is_tls else f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGINT)


def wrk_cpu_us(stage, url, body_bytes):
    """CPU per request of wrk alone, and its rate."""
    script = stage["folder"] / "sender.lua"
    script.write_text('wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n'
                      f'wrk.body = string.rep("x", {body_bytes})\n')
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["wrk", "-t1", "-c64", f"-d{max(1, round(stage['seconds']))}s", "-s", script, f"{url}/0"],
                          capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    count = int(re.search(r"(\d+) requests in", done.stdout).group(1))
    return cpu_s * 1e6 / count, float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))


def program(name, *arguments, **env):
    done = subprocess.run([PROGRAMS / "delivery" / name, *map(str, arguments)], capture_output=True, text=True,
                          check=True, env={**os.environ, **env})
    return json.loads(done.stdout.splitlines()[-1])


# ---- PostgreSQL ------------------------------------------------------------------------------------

# The least that a delivery writes: taken, then ended, with its attempt; two transactions.
YARDSTICK = """
\\set id random(1, 100000)
BEGIN;
UPDATE queue SET at_us = at_us + 1 WHERE delivery_id = :id;
COMMIT;
BEGIN;
UPDATE deliveries SET state = 'done' WHERE delivery_id = :id;
INSERT INTO attempts (delivery_id, result) VALUES (:id, 'delivered');
COMMIT;
"""
YARDSTICK_TABLES = """
CREATE TABLE queue (delivery_id bigint PRIMARY KEY, at_us bigint);
CREATE TABLE deliveries (delivery_id bigint PRIMARY KEY, state text, pad text) WITH (fillfactor = 45);
CREATE TABLE attempts (delivery_id bigint, result text);
INSERT INTO queue SELECT n, 0 FROM generate_series(1, 100000) n;
INSERT INTO deliveries SELECT n, 'due', repeat('x', 250) FROM generate_series(1, 100000) n;
"""


def server_cpu_s(cluster):
    """CPU seconds of the server's processes: those that live, and, in the parent's count, those that have ended."""
    parent = (cluster.folder / "data" / "postmaster.pid").read_text().splitlines()[0]
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[1] == parent:
            ticks += int(fields[11]) + int(fields[12])
        elif stat.parent.name == parent:
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def wal_bytes(databases):
    return int(float(databases.run("select pg_current_wal_lsn() - '0/0'")))


def timed_on_postgres(cluster, databases, url, *arguments):
    """What the program prints, with CPU of the server and bytes of its log per delivery from when the store is full."""
    command = [PROGRAMS / "delivery" / "bench_delivery", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          env={**os.environ, "RUNBELL_TEST_POSTGRES": url}) as process:
        process.stdout.readline()
        cpu_s, wal = server_cpu_s(cluster), wal_bytes(databases)
        figures = json.loads(process.stdout.readline())
        count = figures["deliveries"]
        return {**figures, "server_cpu_us": (server_cpu_s(cluster) - cpu_s) * 1e6 / count,
                "wal_bytes": (wal_bytes(databases) - wal) / count}


def yardstick(stage, databases):
    url = databases.create()
    databases.run(YARDSTICK_TABLES, url)
    script = stage["folder"] / "yardstick.sql"
    script.write_text(YARDSTICK)
    done = subprocess.run(["pgbench", "-n", "-c", "16", "-M", "prepared", "-T", str(max(1, round(stage["seconds"]))),
                           "-f", script, url], capture_output=True, text=True, check=True)
    return float(re.search(r"tps = ([\d.]+)", done.stdout).group(1))


def deliveries_on_postgres(stage):
    """The same with the store on PostgreSQL, beside pgbench that writes the least a delivery needs, on the same server."""
    build()
    count = 5000 if stage["quick"] else 30000
    with Cluster() as cluster, receiver(False) as url:
        databases = Databases(cluster.url)
        rival = yardstick(stage, databases)
        for body_bytes, endpoints in ((1024, 1), (1024, 1000), (20480, 1)):
            ours = timed_on_postgres(cluster, databases, databases.create(), url, count, body_bytes, endpoints)
            yield {"what": f"delivery on PostgreSQL, {body_bytes // 1024} KB, {endpoints} endpoint{'s' * (endpoints > 1)}: rate",
                   "unit": "per s", "runbell": ours["per_s"], "rival": rival, "more_is_better": True,
                   "note": f"rival: pgbench, 16 clients; CPU {ours['cpu_us']:.0f} us here, {ours['server_cpu_us']:.0f} us there; "
                           f"WAL {ours['wal_bytes']:.0f} bytes"}


def beside_wrk(stage, url, body_bytes, endpoints):
    """wrk and ours in turns, since the machine's speed changes within seconds: the round whose ratio is the median.

    Its ratio, wrk's CPU per request and rate, what ours prints; and the least and the largest ratio."""
    tls = {"RUNBELL_BENCH_CA": str(CERTIFICATES / "ca.pem")} if url.startswith("https") else {}
    rounds = []
    for _ in range(1 if stage["quick"] else 5):
        wrk_us, wrk_rate = wrk_cpu_us(stage, url, body_bytes)
        ours = program("bench_delivery", url, 5000 if stage["quick"] else 50000, body_bytes, endpoints, **tls)
        rounds.append((wrk_us / ours["cpu_us"], wrk_us, wrk_rate, ours))
    rounds.sort(key=lambda one: one[0])
    return rounds[len(rounds) // 2], rounds[0][0], rounds[-1][0]


def deliveries(stage):
    """Durable signed deliveries: CPU of each beside wrk's, 1 KB and 20 KB, http and https, 1 and 1,000 endpoints."""
    build()
    stage = {**stage, "seconds": 1}  # of wrk, in each round
    for is_tls in (False, True):
        for body_bytes in (1024, 20480):
            with receiver(is_tls) as url:
                for endpoints in (1, 1000):
                    (_, wrk_us, wrk_rate, ours), least, most = beside_wrk(stage, url, body_bytes, endpoints)
                    what = f"{url.split(':')[0]}, {body_bytes // 1024} KB, {endpoints} endpoint{'s' * (endpoints > 1)}"
                    yield {"what": f"delivery, {what}: CPU", "unit": "us", "runbell": ours["cpu_us"], "rival": wrk_us,
                           "more_is_better": False,
                           "note": f"rival: wrk; {least:.2f} to {most:.2f} in the rounds, aim >= 0.4 x"}
                    yield {"what": f"delivery, {what}: rate", "unit": "per s", "runbell": ours["per_s"],
                           "rival": wrk_rate, "more_is_better": True,
                           "note": f"to accept one: {ours['fill_cpu_us']:.0f} us; {ours['rss_bytes'] / 2**20:.0f} MB"}

    yield from deliveries_on_postgres(stage)


def lateness(stage):
    """How late a due delivery is with 1 M and 10 M scheduled, and a healthy endpoint's beside 10,000 hostile ones."""
    build()
    scheduled = (10_000, 100_000) if stage["quick"] else (1_000_000, 10_000_000)
    hostile = 1000 if stage["quick"] else 10_000
    for number, count in enumerate(scheduled):
        yield from lateness_told(program("bench_lateness", count, 0 if number else hostile), "")
    with Cluster() as cluster:
        url = Databases(cluster.url).create()
        yield from lateness_told(program("bench_lateness", scheduled[0], hostile, RUNBELL_TEST_POSTGRES=url), "on PostgreSQL ")


def lateness_told(figures, where):
    count, hostile = figures["scheduled"], figures["hostile"]
    for name in ("p50", "p99"):
        yield {"what": f"late {where}with {count:,} scheduled, {name}", "unit": "ms", "runbell": figures[f"late_{name}_ms"],
               "rival": None, "more_is_better": False, "note": f"{figures['rss_bytes'] / 2**20:.0f} MB"}
    yield {"what": f"start {where}with {count:,} scheduled to the first delivery", "unit": "s",
           "runbell": figures["start_s"], "rival": None, "more_is_better": False, "note": "aim <= 1 s"}
    if hostile:
        yield {"what": f"healthy p99 {where}beside {hostile:,} hostile endpoints", "unit": "ms",
               "runbell": figures["beside_p99_ms"], "rival": figures["idle_p99_ms"], "more_is_better": False,
               "note": "rival: the same, idle; aim >= 0.5 x"}
