"""The frame codec, and what a worker does when the server breaks the protocol."""

import json
import struct
import sys

import pytest

import wire
from conftest import PATHS
from peer import WORKER

sys.path.insert(0, str(WORKER.parent))

from runbell_worker import frames  # noqa: E402


def decode(data: bytes) -> list[frames.Frame]:
    return list(frames.Decoder().feed(data))


def raw(header: bytes, blobs: bytes = b"", header_bytes: int | None = None) -> bytes:
    size = len(header) if header_bytes is None else header_bytes
    return struct.pack("<II", 4 + len(header) + len(blobs), size) + header + blobs


def test_what_is_encoded_is_decoded():
    header = json.dumps({"t": "x", "blobs": [2, 0, 1]}).encode()
    (frame,) = decode(frames.encode(header, [b"ab", b"", b"c"]))
    assert frame.header["t"] == "x" and frame.blobs == [b"ab", b"", b"c"]


def test_both_codecs_agree():
    (frame,) = decode(wire.pack({"t": "é\u2028"}, b"\x00\xff"))
    assert frame.header["t"] == "é\u2028" and frame.blobs == [b"\x00\xff"]


def test_frames_come_in_any_pieces():
    data = wire.pack({"t": "a"}, b"12") + wire.pack({"t": "b"})
    for step in (1, 3, 7):
        decoder, seen = frames.Decoder(), []
        for at in range(0, len(data), step):
            seen += [frame.header["t"] for frame in decoder.feed(data[at : at + step])]
        assert seen == ["a", "b"]
        decoder.check_end()


def test_too_large_is_refused_before_sending():
    with pytest.raises(frames.FrameTooLarge):
        frames.encode(b"{}", [bytes(frames.FRAME_BYTES_MAX)])


MALFORMED = {
    "too short": struct.pack("<I", 3),
    "too long": struct.pack("<I", 64 * 1024 * 1024 + 1),
    "header longer than frame": raw(b'{"t":"x"}', header_bytes=99),
    "not JSON": raw(b'{"t":'),
    "not UTF-8": raw(b'{"t":"\xff"}'),
    "not an object": raw(b"[1]"),
    "no type": raw(b"{}"),
    "type is no string": raw(b'{"t":1}'),
    "blob missing": raw(b'{"t":"x","blobs":[1]}'),
    "blob not announced": raw(b'{"t":"x"}', b"1"),
    "negative length": raw(b'{"t":"x","blobs":[-1,2]}', b"1"),
    "length is a bool": raw(b'{"t":"x","blobs":[true]}', b"1"),
    "lengths are no list": raw(b'{"t":"x","blobs":{}}'),
    "deep nesting": raw(b"[" * 100_000),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_malformed_frames_are_refused(data):
    with pytest.raises(frames.FrameError):
        decode(data)


def test_an_end_inside_a_frame_is_an_error():
    decoder = frames.Decoder()
    assert list(decoder.feed(b"\x10\x00")) == []
    with pytest.raises(frames.FrameError):
        decoder.check_end()


@pytest.mark.parametrize(
    "data",
    [
        MALFORMED["too long"],
        MALFORMED["not JSON"],
        wire.pack({"t": "reply", "re": 99, "ok": True}),
        wire.pack({"t": "run.start"}),
    ],
    ids=["too long", "not JSON", "answer to no request", "run.start without fields"],
)
def test_a_worker_ends_with_one_clear_line(make_peer, data):
    peer = make_peer(graphs={"steps": PATHS["steps"]})
    peer.sock.sendall(data)
    assert peer.exit_code() == 2
    peer.close()
    lines = [line for line in peer.stderr.splitlines() if line.startswith("CRITICAL")]
    assert len(lines) == 1 and "the connection to the server broke" in lines[0]
