"""kill -9 of the server in a loop while traces come in: every acknowledged span is there, whole."""

import contextlib
import json
import os
import random
import shutil
import sqlite3
import threading
import time

import httpx
import pytest
import zstandard
from harness.postgres import Databases
from harness.spans import body, make_span, noise, packed, part


ROUND = 500  # kills of one server, after which what it holds is checked and forgotten


def text_of(seed, size):
    return noise(size, seed).hex()


class Sender(threading.Thread):
    """Sends small traces over and over, in halves, and remembers what was acknowledged."""

    def __init__(self, url, seed):
        super().__init__(daemon=True)
        self.url, self.chance, self.stopped = url, random.Random(seed), threading.Event()
        self.acknowledged = {}  # span id → what it must be

    def post(self, client, parts):
        data, headers = packed(body(parts), self.chance.choice([None, "gzip", "zstd"]))
        try:
            return client.post("/runs/multipart", content=data, headers=headers).status_code == 202
        except httpx.HTTPError:
            return False

    def run(self):
        with httpx.Client(base_url=self.url, trust_env=False, timeout=10) as client:
            while not self.stopped.is_set():
                self.send_one(client)

    def send_one(self, client):
        root = make_span(project="crash")
        child = make_span(root, "child", 3, "crash", run_type="llm")
        large = self.chance.random() < 0.2
        inputs = {"text": text_of(root["id"], 150_000 if large else 50)}
        posts = [part(f"post.{root['id']}", root), part(f"post.{root['id']}.inputs", inputs),
                 part(f"post.{child['id']}", child),
                 part(f"attachment.{child['id']}.a", text_of(child["id"], 200_000 if large else 20).encode())]
        patches = [part(f"patch.{child['id']}", {"id": child["id"], "end_time": 1795237958000}),
                   part(f"patch.{child['id']}.outputs", {"of": child["id"]})]
        if self.post(client, posts):
            self.acknowledged[root["id"]] = {"inputs": inputs}
            self.acknowledged[child["id"]] = {"parent_run_id": root["id"]}
            if self.post(client, patches):
                self.acknowledged[child["id"]] |= {"outputs": {"of": child["id"]}, "status": "success"}


def check(client, acknowledged):
    for span_id, wanted in acknowledged.items():
        answer = client.get(f"/runs/{span_id}")
        assert answer.status_code == 200, f"{span_id} is lost: {answer.text}"
        found = answer.json()
        assert {key: found[key] for key in wanted} == wanted
        for link in (found["s3_urls"] or {}).values():
            assert client.get(link["presigned_url"]).text == text_of(span_id, 200_000) or \
                client.get(link["presigned_url"]).text == text_of(span_id, 20)


def plain(pack):
    """Of a value that was squeezed (store/span_pack.h)."""
    return zstandard.ZstdDecompressor().decompress(pack[1:]) if pack[0] == 1 else pack


def stray_blobs(server):
    """Files that no row refers to and no reservation knows of."""
    with sqlite3.connect(f"file:{server.data / 'runbell.db'}?mode=ro", uri=True) as db:
        known = {key for (key,) in db.execute("SELECT blob_key FROM unclaimed_blobs")}
        known |= {key for (key,) in db.execute(
            "SELECT blob_key FROM span_attachments WHERE blob_key IS NOT NULL")}
        packs = b"".join(plain(pack) for (pack,) in db.execute("SELECT pack FROM span_values"))
    files = {name.removesuffix(".part") for _, _, names in os.walk(server.data / "blobs") for name in names}
    return {name for name in files - known if name.encode() not in packs}


def killed_under_load(server, kills, chance):
    """Kills of one server while traces come in; how many acknowledged spans there were, and none was lost."""
    senders = [Sender(server.url, chance.random()) for _ in range(4)]
    for sender in senders:
        sender.start()
    for _ in range(kills):
        time.sleep(chance.uniform(0.05, 0.6))
        server.kill()
        server.start()
    for sender in senders:
        sender.stopped.set()
    for sender in senders:
        sender.join(timeout=30)
        assert not sender.is_alive()
    acknowledged = {key: value for sender in senders for key, value in sender.acknowledged.items()}
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        check(client, acknowledged)
    if (server.data / "runbell.db").exists():  # with PostgreSQL there is no folder of blobs
        assert not stray_blobs(server)
    assert len(acknowledged) > kills
    return len(acknowledged)


def erase(server):
    """Thousands of kills leave gigabytes."""
    shutil.rmtree(server.data)
    if server.store != "sqlite":
        Databases(os.environ["RUNBELL_TEST_POSTGRES"]).drop(server.store)


def test_what_was_acknowledged_is_there_after_every_kill(start_server, cycles):
    chance = random.Random(cycles)
    kills = spans = 0
    while kills < cycles:
        now = min(ROUND, cycles - kills)
        server = start_server()
        spans += killed_under_load(server, now, chance)
        server.stop()
        erase(server)
        kills += now
        print(f"{kills} kills, {spans} spans acknowledged, none lost", flush=True)


def blob_files(server):
    return [name for _, _, names in os.walk(server.data / "blobs") for name in names]


def test_a_large_value_waits_in_memory_until_its_key_is_reserved(start_server):
    """A kill before that leaves no file, not even a part of one: nobody would know of it."""
    server = start_server()
    if not (server.data / "runbell.db").exists():
        pytest.skip("with PostgreSQL there is no folder of blobs")
    span = make_span(project="early")
    data, headers = packed(body([part(f"post.{span['id']}", span),
                                 part(f"post.{span['id']}.inputs", {"text": text_of(1, 600_000)})]), None)
    with contextlib.closing(sqlite3.connect(server.data / "runbell.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")  # nothing can be reserved
        sending = threading.Thread(target=send_quietly, args=(server.url, data, "/runs/multipart", headers),
                                   daemon=True)
        sending.start()
        time.sleep(1)
        assert not blob_files(server)
        server.kill()
    sending.join()
    server.start()
    assert not blob_files(server)
    assert httpx.post(server.url + "/runs/multipart", content=data, headers=headers,
                      trust_env=False).status_code == 202
    assert len(blob_files(server)) == 1 and not stray_blobs(server)


def test_a_batch_of_spans_is_there_as_a_whole_or_not_at_all(start_server, cycles):
    """One request, one transaction, as long as it is not too large for one."""
    server = start_server()
    for _ in range(max(3, cycles // 5)):
        spans = [make_span(project="whole") for _ in range(200)]
        data = json.dumps({"post": spans}).encode()
        sending = threading.Thread(target=send_quietly, args=(server.url, data), daemon=True)
        sending.start()
        time.sleep(random.uniform(0, 0.05))
        server.kill()
        sending.join()
        server.start()
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            found = [client.get(f"/runs/{span['id']}").status_code for span in spans]
        assert set(found) in ({200}, {404})


def send_quietly(url, data, path="/runs/batch", headers=None):
    try:
        httpx.post(url + path, content=data, headers=headers, trust_env=False, timeout=10)
    except httpx.HTTPError:
        pass
