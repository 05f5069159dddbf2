"""rebinding -- inside a network namespace of its own: a DNS server of ours that changes its mind, and a counter of packets.

    unshare --net --mount python rebinding.py FOLDER NAMES    prints one JSON object: what was seen

Every name answers differently from query to query: the public address, forbidden ones, both, a CNAME to a forbidden one,
IPv6 forms that hide one. The public address is an interface of the namespace, so are the forbidden ones, and a receiver
listens on all: whatever the server tries would get through. The machine has a search domain, which no name may be tried in. The counter is a packet socket that sees
every SYN.
"""

import json
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.api import Api  # noqa: E402
from harness.ports import eventually  # noqa: E402
from harness.server import Server  # noqa: E402

PUBLIC, PUBLIC6 = "93.184.216.34", "2606:4700::1111"
FORBIDDEN = ["127.0.0.1", "10.0.0.5", "169.254.169.254", "192.168.7.7", "100.100.100.200", "100.64.9.9"]
FORBIDDEN6 = ["::1", "fd00::5", "::ffff:10.0.0.5", "64:ff9b::a00:5"]
PORT = 8080
A, CNAME, AAAA = 1, 5, 28
PAUSES_MS = [11_000]  # longer than an answer of DNS is kept


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def set_up(folder):
    run("ip", "link", "set", "lo", "up")
    for address in [PUBLIC, *FORBIDDEN[1:]]:
        run("ip", "address", "add", f"{address}/32", "dev", "lo")
    for address in [PUBLIC6, "fd00::5", "64:ff9b::a00:5"]:
        subprocess.run(["ip", "address", "add", f"{address}/128", "dev", "lo", "nodad"], capture_output=True)
    resolv = Path(folder) / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\nsearch corp.search\noptions ndots:5\n")
    run("mount", "--bind", str(resolv), "/etc/resolv.conf")


# ---- the name server -------------------------------------------------------------------------------

def encode(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def record(name, kind, data):
    return encode(name) + struct.pack(">HHIH", kind, 1, 0, len(data)) + data


class Names:
    """Answers each query by a script drawn from the name and from how often it was asked."""

    def __init__(self):
        self.asked = {}
        self.answers = 0
        self.searched = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
                at += 1 + query[at]
            (kind,) = struct.unpack(">H", query[at + 1:at + 3])
            records = self.records(".".join(labels), kind)
            head = query[:2] + struct.pack(">HHHHH", 0x8580, 1, len(records), 0, 0)
            self.socket.sendto(head + query[12:at + 5] + b"".join(records), peer)
            self.answers += 1

    def records(self, name, kind):
        times = self.asked[name, kind] = self.asked.get((name, kind), 0) + 1
        source = random.Random(f"{name} {times}")
        if name.endswith(".search"):
            self.searched.append(name)
        if name.startswith("inner"):
            return [record(name, A, socket.inet_aton("10.0.0.5"))] if kind == A else []
        # The first answer of a "turns" name is good, so that its connection is made; then it turns.
        how = "public" if name.startswith("turns") and times == 1 else source.choice(
            ["public", "forbidden", "mixed", "mixed", "chain", "six"])
        if kind == AAAA:
            if how != "six":
                return []
            return [record(name, AAAA, socket.inet_pton(socket.AF_INET6, source.choice(FORBIDDEN6)))]
        good, bad = (record(name, A, socket.inet_aton(one)) for one in (PUBLIC, source.choice(FORBIDDEN)))
        chain = [record(name, CNAME, encode("inner.test")), record("inner.test", A, socket.inet_aton("10.0.0.5"))]
        return {"public": [good], "forbidden": [bad], "chain": chain, "six": []}.get(
            how, source.choice([[good, bad], [bad, good]]))


# ---- the receiver and the counter ------------------------------------------------------------------

class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    reached = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reached.append(self.connection.getsockname()[0])
        self.send_response(500 if "turns" in self.headers["Host"] else 200)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")  # so that the next attempt has to ask again
        self.end_headers()

    def log_message(self, *_):
        pass


class DualStack(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 1024


def count_packets(seen):
    """Every packet to PORT that opens a connection, by the address it goes to."""
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    sniffer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    while True:
        packet, where = sniffer.recvfrom(2048)
        if where[2] == socket.PACKET_OUTGOING:
            continue  # on the loopback interface each is seen twice
        if packet[0] >> 4 == 4 and packet[9] == 6:
            tcp, to = packet[(packet[0] & 15) * 4:], socket.inet_ntoa(packet[16:20])
        elif packet[0] >> 4 == 6 and packet[6] == 6:
            tcp, to = packet[40:], socket.inet_ntop(socket.AF_INET6, packet[24:40])
        else:
            continue
        if struct.unpack(">H", tcp[2:4])[0] == PORT and tcp[13] & 0x12 == 0x02:
            seen[to] = seen.get(to, 0) + 1


# ---- the play --------------------------------------------------------------------------------------

def outcomes(api, runs):
    found = []
    for run_ in runs:
        (delivery,) = api.ok("GET", "/v1/deliveries", params={"object_id": run_["run_id"]})["deliveries"]
        found.append((delivery["state"], delivery["last_result"]))
    return found


def play(folder, count):
    seen, config = {}, {"runbell": {"delivery": {"test_schedule_ms": PAUSES_MS}}}
    threading.Thread(target=count_packets, args=(seen,), daemon=True).start()
    http = DualStack(("::", PORT), Receiver)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    names = Names()
    with Server(folder, dev=False, config=config) as server, Api(server.url) as api:
        # The check of the check: what goes to the public address is seen and arrives.
        runs = [api.run(None, webhook=f"http://{kind}-{number}.test:{PORT}/hook")
                for number in range(count // 2) for kind in ("flips", "turns")]
        eventually(lambda: all(state in ("done", "dead") for state, _ in outcomes(api, runs)), timeout=200 + count // 2,
                   every=3 + count / 200)
        ends = outcomes(api, runs)
    words = {}
    for state, result in ends:
        words[f"{state} {result}"] = words.get(f"{state} {result}", 0) + 1
    return {"packets": seen, "reached": sorted(set(Receiver.reached)), "ends": words, "answers": names.answers,
            "searched": names.searched[:5]}


if __name__ == "__main__":
    set_up(sys.argv[1])
    print(json.dumps(play(Path(sys.argv[1]), int(sys.argv[2]))))
