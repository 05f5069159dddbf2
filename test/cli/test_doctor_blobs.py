"""`runbell doctor` tries the bucket for blobs, and says what to mend."""

import json
import os
import subprocess

import pytest
from harness.clock import Clock
from harness.s3 import SECRET, S3
from harness.server import binary


@pytest.fixture
def s3(tmp_path):
    with S3(tmp_path / "s3") as service:
        yield service


def doctor(folder, env):
    done = subprocess.run([str(binary()), "doctor", "--data", str(folder / "data"), "--json"], cwd=folder,
                          env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False)
    assert SECRET not in done.stdout + done.stderr
    return {check["check"]: check for check in json.loads(done.stdout)["checks"]}.get("blobs"), done.returncode


def test_a_good_bucket(s3, tmp_path):
    said, code = doctor(tmp_path, s3.settings(prefix="p/"))
    assert said["verdict"] == "ok" and "put, read and removed" in said["detail"] and code == 0
    assert not s3.objects() and [request.method for request in s3.requests] == ["PUT", "GET", "DELETE"]
    assert all(request.path.startswith("/traces/p/") for request in s3.requests)


def test_no_bucket_no_check(tmp_path):
    assert doctor(tmp_path, {})[0] is None


@pytest.mark.parametrize("settings, words", [
    ({"secret_access_key": "x"}, "secret_access_key"),
    ({"access_key_id": "x"}, "access_key_id"),
    ({"bucket": "nowhere"}, 'no bucket "nowhere"'),
    ({"endpoint": "http://127.0.0.1:1"}, "connection refused"),
    ({"endpoint": "http://no.such.name.invalid"}, "name does not resolve"),
    ({"ca_file": "/nowhere.pem", "endpoint": "https://127.0.0.1:1"}, "nowhere"),
], ids=lambda value: value if isinstance(value, str) else next(iter(value)))
def test_what_is_wrong_is_said(s3, tmp_path, settings, words):
    said, code = doctor(tmp_path, s3.settings(**settings))
    assert said["verdict"] == "failed" and words in said["detail"] and said["mend"] and code == 1, said


def test_a_key_that_may_not_delete(s3, tmp_path):
    s3.fault = lambda request: 403 if request.method == "DELETE" else None
    said, _ = doctor(tmp_path, s3.settings())
    assert "could not be removed" in said["detail"] and "s3:DeleteObject" in said["detail"]


def test_a_wrong_clock(s3, tmp_path):
    said, _ = doctor(tmp_path, s3.settings() | Clock(tmp_path, -3600).env())
    assert "60 minutes behind" in said["detail"] or "59 minutes behind" in said["detail"], said
