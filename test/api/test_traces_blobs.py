"""Large values and attachments: they come in as a stream, lie in the blob store, and are had by links (B4)."""

import json
import os
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from harness.ports import eventually
from harness.spans import body, make_span, noise, packed, part, read, send

LARGE = 3_000_000


def fetch(url):
    """Without a key, as clients do."""
    return httpx.get(url, trust_env=False)


@pytest.mark.parametrize("encoding", [None, "zstd"])
@pytest.mark.parametrize("length", ["header", "parameter", "nowhere"])
@pytest.mark.parametrize("size", [0, 14, LARGE])
def test_an_attachment_comes_back_byte_for_byte(api, encoding, length, size):
    data = noise(size)
    if length != "nowhere":
        data += b"\r\n--b0undary--\r\n"
    span = make_span()
    answer = send(api, [part(f"post.{span['id']}", span),
                        part(f"attachment.{span['id']}.a picture", data, "image/png", length)], encoding)
    assert answer.status_code == 202, answer.text
    found = read(api, span["id"])["s3_urls"]["attachment.a picture"]
    assert found["mime_type"] == "image/png"
    got = fetch(found["presigned_url"])
    assert got.status_code == 200 and got.content == data
    if size:
        assert got.headers["content-type"] == "image/png"
    assert got.headers["x-content-type-options"] == "nosniff" and "sandbox" in got.headers["content-security-policy"]


@pytest.mark.parametrize("size", [100_000, 200_000, LARGE])
def test_large_values_are_read_whole_and_have_links(api, size, request):
    """B4: the data is also at …_s3_urls.ROOT.presigned_url, which needs no key. With PostgreSQL, without a
    service for blobs, large values stand in their rows. Outputs that are no object are put into one, whatever their size (B5)."""
    has_blobs = request.config.getoption("--store-url") == "sqlite"
    inputs = {"text": "é" * size, "n": 1}
    texts = [noise(size // 4, 3).hex()]
    outputs = {"output": texts}
    span = make_span(tags=["large"])
    answer = send(api, [part(f"post.{span['id']}", span), part(f"post.{span['id']}.inputs", inputs),
                        part(f"patch.{span['id']}", {"id": span["id"], "end_time": 1795237958000}),
                        part(f"patch.{span['id']}.outputs", b" \n" + json.dumps(texts).encode(), length="nowhere")], "gzip")
    assert answer.status_code == 202, answer.text
    found = read(api, span["id"])
    assert found["inputs"] == inputs and found["outputs"] == outputs and found["tags"] == ["large"]
    for name, value in (("inputs", inputs), ("outputs", outputs)):
        if not has_blobs or len(json.dumps(value).encode()) < 128 * 1024:
            assert found[f"{name}_s3_urls"] is None
        else:
            got = fetch(found[f"{name}_s3_urls"]["ROOT"]["presigned_url"])
            assert got.json() == value and got.headers["content-type"] == "application/json"
    listed = api.ok("POST", "/runs/query", json={"id": [span["id"]]})["runs"][0]
    assert listed["inputs"] == inputs


@pytest.mark.parametrize("size", [200_000, 300_000, LARGE])
def test_large_values_inside_a_body_have_links_too(api, size, request):
    """Above what a rule's body holds."""
    value = {"text": noise(size, 5).hex()[:size]}
    span = make_span(inputs=value, outputs=value)
    assert api.post("/runs", json=span).status_code == 202
    found = read(api, span["id"])
    assert found["inputs"] == value and found["outputs"] == value
    if size > 256 * 1024 and request.config.getoption("--store-url") == "sqlite":
        assert fetch(found["outputs_s3_urls"]["ROOT"]["presigned_url"]).json() == value
    else:
        assert found["outputs_s3_urls"] is None


def test_links_open_nothing_else(api):
    span = make_span()
    send(api, [part(f"post.{span['id']}", span), part(f"attachment.{span['id']}.a", b"secret", "text/plain")])
    url = read(api, span["id"])["s3_urls"]["attachment.a"]["presigned_url"]
    token = urlsplit(url).path.rsplit("/", 1)[1]
    assert fetch(url).content == b"secret"
    for wrong in (token[:-1], token[::-1], "x" + token[1:], "x"):
        assert fetch(url.replace(token, wrong)).status_code == 403


@pytest.mark.parametrize("wrong", [b"{nope", b'{"a": 1} {"b": 2}', b'["\xff"]'])
def test_a_large_value_that_is_no_json_is_named(api, wrong):
    good, bad = make_span(), make_span()
    value = wrong + b" " * LARGE
    answer = send(api, [part(f"post.{bad['id']}", bad), part(f"post.{bad['id']}.inputs", value),
                        part(f"post.{good['id']}", good)])
    assert answer.status_code == 422 and f"post.{bad['id']}.inputs: not JSON" in answer.json()["error"]
    assert read(api, good["id"]) and read(api, bad["id"])["inputs"] == {}


def test_a_later_attachment_of_the_name_takes_its_place(api):
    span = make_span()
    send(api, [part(f"post.{span['id']}", span), part(f"attachment.{span['id']}.a", b"old", "text/plain"),
               part(f"attachment.{span['id']}.b", b"other", "text/plain")])
    send(api, [part(f"attachment.{span['id']}.a", noise(LARGE), "image/gif")])
    links = read(api, span["id"])["s3_urls"]
    assert fetch(links["attachment.a"]["presigned_url"]).content == noise(LARGE)
    assert links["attachment.a"]["mime_type"] == "image/gif"
    assert fetch(links["attachment.b"]["presigned_url"]).content == b"other"


def blobs_of(server):
    folder = server.data / "blobs"
    return {name for _, _, names in os.walk(folder) for name in names}


@pytest.fixture
def own(start_server):
    server = start_server()
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        yield server, client


def test_a_client_that_leaves_in_the_middle_leaves_nothing(own, request):
    if request.config.getoption("--store-url") != "sqlite":
        pytest.skip("blobs are in a folder with SQLite only")
    server, client = own
    span = make_span()
    whole = body([part(f"post.{span['id']}", span), part(f"attachment.{span['id']}.a", noise(LARGE))])

    def half():
        yield whole[:LARGE // 2]
        eventually(lambda: blobs_of(server), why="no blob came to be")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        client.post("/runs/multipart", content=half(), headers=packed(b"", None)[1])
    eventually(lambda: not blobs_of(server), why="the half blob stayed")
    assert client.get("/ok").status_code == 200


def test_memory_stays_small_while_100_mb_stream_in(own, request):
    """A hundred megabytes of large and of small values, of which hardly any is held."""
    server, client = own
    if request.config.getoption("--store-url") != "sqlite":
        pytest.skip("blobs are in a folder with SQLite only")
    spans = [make_span() for _ in range(40)]
    value = json.dumps({"text": noise(1_000_000).hex()}).encode()
    small = json.dumps({"text": "x" * 20_000}).encode()

    def pieces():
        for span in spans:
            yield part(f"post.{span['id']}", span)
            yield part(f"post.{span['id']}.inputs", value)
            for _ in range(25):
                other = make_span(span)
                yield part(f"post.{other['id']}", other)
                yield part(f"post.{other['id']}.inputs", small)

    def stream():
        for one in pieces():
            yield b"--b0undary\r\n" + one + b"\r\n"
        yield b"--b0undary--\r\n"

    process = psutil.Process(server.process.pid)
    before, peak, sent = process.memory_info().rss, 0, 0

    def watched():
        nonlocal peak, sent
        for piece in stream():
            sent += len(piece)
            peak = max(peak, process.memory_info().rss)
            yield piece

    assert client.post("/runs/multipart", content=watched(), headers=packed(b"", None)[1]).status_code == 202
    assert sent > 100_000_000
    # The address sanitizer keeps freed memory for a while (its quarantine), hence the allowance.
    assert peak - before < (400 if "asan" in str(os.environ.get("RUNBELL_BIN")) else 48) * 1024 * 1024
    assert client.get(f"/runs/{spans[-1]['id']}").json()["inputs"] == json.loads(value)
