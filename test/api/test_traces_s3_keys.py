"""A bucket that stands in the host's name; and credentials that an instance or a container has, which change while the server runs."""

import json
import os
import subprocess
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from harness.metadata import Metadata
from harness.ports import eventually
from harness.s3 import S3
from harness.server import binary
from harness.spans import make_span, part, read, send

SIZE = 300_000


@pytest.fixture
def s3(tmp_path):
    with S3(tmp_path / "s3") as service:
        yield service


@pytest.fixture
def in_host(tmp_path):
    with S3(tmp_path / "s3", style="host") as service:
        yield service


@pytest.fixture
def connect(start_server):
    clients = []

    def start(s3, **settings):
        server = start_server(env=s3.settings(**settings))
        clients.append(httpx.Client(base_url=server.url, trust_env=False, timeout=60))
        return server, clients[-1]
    yield start
    for client in clients:
        client.close()


def large(client, fill="x"):
    span = make_span()
    inputs = {"text": fill * SIZE}
    answer = send(client, [part(f"post.{span['id']}", span), part(f"post.{span['id']}.inputs", inputs)])
    return span, inputs, answer


def link_of(client, span):
    return read(client, span["id"])["inputs_s3_urls"]["ROOT"]["presigned_url"]


def open_link(link):
    """Without a name server: BUCKET.localhost is this machine. Signed is the name, which goes into the header."""
    parts = urlsplit(link)
    return httpx.get(f"{parts.scheme}://127.0.0.1:{parts.port}{parts.path}?{parts.query}", headers={"host": parts.netloc}, trust_env=False)


# ---- the bucket in the host's name ---------------------------------------------------------------------


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    """The server sees an /etc/hosts of its own, in a mount namespace, where the bucket's host is this machine."""
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("a mount namespace needs root")
    (tmp_path / "hosts").write_text("127.0.0.1 localhost traces.localhost\n")
    inside = tmp_path / "inside"
    inside.write_text(f'#!/bin/sh\nexec unshare --mount sh -c \'mount --bind {tmp_path}/hosts /etc/hosts && exec "$@"\' sh {binary()} "$@"\n')
    inside.chmod(0o755)
    monkeypatch.setenv("RUNBELL_BIN", str(inside))


@pytest.mark.usefixtures("hosts")
def test_a_bucket_in_the_hosts_name(in_host, connect):
    """B4: put, got, linked and removed; the service checks signatures over that host and a path without the bucket."""
    _, client = connect(in_host, prefix="some/")
    span, inputs, answer = large(client)
    assert answer.status_code == 202, answer.text
    assert list(in_host.objects().values()) == [len('{"text": ""}') + SIZE]
    assert all(request.headers["host"] == f"traces.localhost:{in_host.port}" for request in in_host.requests)
    assert not any(request.path.startswith("/traces") for request in in_host.requests)
    assert read(client, span["id"])["inputs"] == inputs
    link = link_of(client, span)
    assert urlsplit(link).netloc == f"traces.localhost:{in_host.port}" and urlsplit(link).path.startswith("/some/")
    assert open_link(link).json() == inputs
    assert open_link(link.replace("/some/", "/other/")).status_code == 403
    assert open_link(link.replace("traces.localhost", "localhost")).status_code == 403
    assert client.post("/runs/delete", json={"trace_ids": [span["id"]]}).status_code == 202
    eventually(lambda: not in_host.objects(), timeout=40)


def test_an_address_has_no_room_for_a_bucket(s3, start_server):
    env = s3.settings(style="host")
    with pytest.raises(RuntimeError, match="blobs.endpoint must have a host name with style"):
        start_server(env=env)


# ---- credentials that change ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["instance", "named role", "container", "container with a token"])
def test_credentials_are_had_and_had_anew(s3, connect, tmp_path, kind):
    """Each lives four seconds, and the service takes only the newest: what is put and got goes on all the time."""
    secret = "Bearer s3cr3t" if "token" in kind else None
    token_file = tmp_path / "token"
    token_file.write_text((secret or "") + "\n")
    with Metadata(s3.keys, life_s=4, secret=secret) as metadata:
        settings = metadata.container(credentials_token_file=secret and token_file) if "container" in kind \
            else metadata.instance(credentials_role="runbell-role" if "named" in kind else None)
        server, client = connect(s3, **settings)
        ends, rounds = time.monotonic() + 9, 0
        while time.monotonic() < ends:
            span, inputs, answer = large(client, fill=chr(97 + rounds % 26))
            assert answer.status_code == 202, answer.text
            assert read(client, span["id"])["inputs"] == inputs
            link = link_of(client, span)
            assert parse_qs(urlsplit(link).query)["X-Amz-Security-Token"][0] in [token for _, _, token in metadata.given]
            rounds += 1
            time.sleep(0.5)
        assert len(metadata.given) >= 3 and rounds > 3
        assert ("GET", "/latest/meta-data/iam/security-credentials/") not in metadata.asked or kind == "instance"
        log = server.log()
        assert not any(secret_key in log or token in log for _, secret_key, token in metadata.given) and "s3cr3t" not in log


def test_while_there_are_none_nothing_is_acknowledged(s3, connect):
    """503 with Retry-After as for a service that is away; what has come serves to its end; then all goes on by itself."""
    with Metadata(s3.keys, life_s=3) as metadata:
        metadata.fault = 404
        server, client = connect(s3, **metadata.instance())
        refused = large(client)[2]
        assert refused.status_code == 503 and refused.headers["retry-after"]
        assert "no credentials for the bucket: the metadata service's token: it answers 404" in server.log()
        assert client.post("/runs", json=make_span()).status_code == 202
        metadata.fault = None
        eventually(lambda: large(client)[2].status_code == 202, timeout=60)
        assert "there are credentials for the bucket again" in server.log()
        metadata.fault = 500
        time.sleep(4)  # those there were have ended
        assert large(client)[2].status_code == 503
        assert "there are no credentials to ask it with" in server.log()


def test_what_the_service_calls_expired_is_had_anew(s3, connect):
    """Somebody has taken the keys back long before their end."""
    with Metadata(s3.keys) as metadata:
        _, client = connect(s3, **metadata.instance())
        assert large(client)[2].status_code == 202
        metadata.keys.known = {}
        assert large(client)[2].status_code == 202
        assert len(metadata.given) == 2


def test_nothing_is_looked_for_by_itself(s3, start_server, tmp_path):
    """What clouds put into the environment says nothing: no request leaves, and the start tells what is missing."""
    with Metadata(s3.keys) as metadata:
        env = {**s3.settings(access_key_id=None, secret_access_key=None),
               "AWS_CONTAINER_CREDENTIALS_FULL_URI": metadata.url + "/container/7", "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url,
               "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
        with pytest.raises(RuntimeError, match="blobs.access_key_id and blobs.secret_access_key must be set"):
            start_server(env=env)
        assert not metadata.asked


@pytest.mark.parametrize("settings, words", [
    ({"credentials": "guess"}, "blobs.credentials must be static, container or instance"),
    ({"credentials": "container"}, "blobs.credentials_endpoint must say where"),
    ({"credentials": "container", "credentials_endpoint": "http://10.1.2.3/keys"}, "loopback or link-local"),
    ({"credentials": "container", "credentials_endpoint": "http://keys.internal/k"}, "loopback or link-local"),
    ({"credentials": "instance", "credentials_endpoint": "http://93.184.216.34"}, "loopback or link-local"),
    ({"credentials": "instance", "credentials_endpoint": "http://127.0.0.1:1/latest"}, "alone"),
    ({"credentials": "instance", "credentials_token_file": "/t"}, "credentials_token_file is for containers"),
    ({"credentials": "instance", "access_key_id": "AKID"}, "must not be set"),
], ids=str)
def test_what_is_set_wrongly_is_told_at_the_start(s3, start_server, settings, words):
    env = s3.settings(**{"access_key_id": None, "secret_access_key": None, **settings})
    with pytest.raises(RuntimeError, match=words):
        start_server(env=env)


def test_doctor_uses_them(s3, tmp_path):
    with Metadata(s3.keys) as metadata:
        done = subprocess.run([str(binary()), "doctor", "--data", str(tmp_path / "data"), "--json"], cwd=tmp_path,
                              env={**os.environ, **s3.settings(**metadata.instance())}, capture_output=True, text=True, timeout=60, check=False)
        said = {check["check"]: check for check in json.loads(done.stdout)["checks"]}["blobs"]
        assert said["verdict"] == "ok", said
        assert metadata.given
