"""Our signatures against botocore's, which AWS's own tools sign with: the same requests, signed by both."""

import datetime
import json
import subprocess
from pathlib import Path
from urllib.parse import quote, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from harness.server import binary
from hypothesis import given, settings
from hypothesis import strategies as st

UNRESERVED = "-._~"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
WORD = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789", min_size=1, max_size=20)
TOKEN = st.one_of(st.none(), st.text("abcABC019+/=", min_size=1, max_size=200))
KEYS = st.fixed_dictionaries({"id": WORD, "secret": st.text("abcABC019+/=", min_size=1, max_size=60), "token": TOKEN,
                              "region": st.sampled_from(["us-east-1", "eu-central-1", "auto"]), "service": st.just("s3")})
# A path without "//" and dot segments, which URL libraries change before botocore sees them.
PATHS = st.lists(TEXT.filter(lambda text: text not in ("", ".", "..") and "/" not in text), min_size=1, max_size=4)
QUERY = st.dictionaries(TEXT.filter(bool), TEXT, max_size=5)
TIMES = st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(2090, 1, 1))
HEADERS = st.dictionaries(st.sampled_from(["range", "content-md5", "x-amz-meta-a", "x-amz-checksum-sha256"]),
                          st.text("abc ABC=-/", min_size=1, max_size=30).filter(str.strip), max_size=3)


class Signer:
    """The program sigv4_say, which signs as the server does."""

    def __init__(self):
        program = binary().parent.parent / "blob" / "sigv4_say"
        if not program.is_file():
            pytest.skip("this build has no tests")
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def sign(self, key, moment, **request):
        wall_us = int(moment.replace(tzinfo=datetime.timezone.utc).timestamp()) * 1_000_000
        key = {name: value for name, value in key.items() if value is not None}
        self.process.stdin.write(json.dumps(request | {"key": key, "wall_us": wall_us}) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")


@pytest.fixture(scope="module")
def signer():
    made = Signer()
    yield made
    made.process.stdin.close()
    assert made.process.wait(10) == 0


def url_of(path, query):
    def one(text):
        return quote(text, safe=UNRESERVED)
    target = "/" + "/".join(one(segment) for segment in path)
    pairs = "&".join(f"{one(name)}={one(value)}" for name, value in sorted(query.items(), key=lambda p: (one(p[0]), one(p[1]))))
    return "https://bucket.example.com" + target + ("?" + pairs if pairs else "")


def theirs(kind, key, moment, *rest):
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: moment
    return kind(Credentials(key["id"], key["secret"], key["token"]), "s3", key["region"], *rest)


@settings(max_examples=400, deadline=None)
@given(key=KEYS, moment=TIMES, method=st.sampled_from(["GET", "PUT", "POST", "DELETE"]), path=PATHS, query=QUERY,
       headers=HEADERS, body=st.binary(max_size=50))
def test_the_header_is_botocores(signer, key, moment, method, path, query, headers, body):
    request = AWSRequest(method=method, url=url_of(path, query), data=body, headers=headers)
    theirs(botocore.auth.S3SigV4Auth, key, moment).add_auth(request)
    signed = {name.lower(): value for name, value in request.headers.items()}
    given_headers = [["host", "bucket.example.com"]] + [
        [name, signed[name]] for name in ("x-amz-content-sha256", "x-amz-date", "x-amz-security-token") if name in signed]
    given_headers += [[name, value] for name, value in headers.items()]
    ours = signer.sign(key, moment, method=method, path="/" + "/".join(path), query=list(query.items()),
                       headers=given_headers, payload_hash=signed["x-amz-content-sha256"])
    assert ours == signed["authorization"].replace(", ", ",")


@settings(max_examples=400, deadline=None)
@given(key=KEYS, moment=TIMES, path=PATHS, query=QUERY, expires=st.integers(1, 604800))
def test_the_link_is_botocores(signer, key, moment, path, query, expires):
    request = AWSRequest(method="GET", url=url_of(path, query))
    theirs(botocore.auth.S3SigV4QueryAuth, key, moment, expires).add_auth(request)
    ours = signer.sign(key, moment, method="GET", path="/" + "/".join(path), query=list(query.items()),
                       headers=[["host", "bucket.example.com"]], expires_s=expires)
    there = urlsplit(request.url)
    assert urlsplit(ours).path == there.path
    assert sorted(urlsplit(ours).query.split("&")) == sorted(there.query.split("&"))
