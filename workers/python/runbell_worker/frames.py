"""Frames of LGW/1: a JSON header and raw blobs with their lengths in front.

    u32le frame_bytes | u32le header_bytes | header | blob 0 | blob 1 | ...

`encode` refuses what is too large; `Decoder` refuses everything that does not
add up exactly. Neither knows what a message means.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

FRAME_BYTES_MAX = 64 * 1024 * 1024
_U32 = struct.Struct("<I")
_PREFIX = struct.Struct("<II")


class FrameError(Exception):
    """The peer broke the protocol; the connection cannot go on."""


class FrameTooLarge(Exception):
    """A value does not fit into one frame; nothing was sent."""


class Frame(NamedTuple):
    header: dict[str, Any]
    blobs: list[bytes]

    def blob(self, index: Any) -> bytes:
        if not isinstance(index, int) or not 0 <= index < len(self.blobs):
            raise FrameError(f"{self.header.get('t')}: there is no blob {index!r}")
        return self.blobs[index]


def encode(header: bytes, blobs: Sequence[bytes] = ()) -> bytes:
    """The bytes of one frame. `header` is JSON text that already lists the blobs' lengths."""
    frame_bytes = 4 + len(header) + sum(map(len, blobs))
    if frame_bytes > FRAME_BYTES_MAX:
        raise FrameTooLarge(
            f"a value of {frame_bytes / 2**20:.1f} MiB is larger than the "
            f"{FRAME_BYTES_MAX >> 20} MiB that fit into one message"
        )
    return b"".join((_PREFIX.pack(frame_bytes, len(header)), header, *blobs))


class Decoder:
    """Turns received bytes into frames; keeps what is not complete yet."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._pending += data
        while len(self._pending) >= 4:
            (frame_bytes,) = _U32.unpack_from(self._pending)
            if not 4 <= frame_bytes <= FRAME_BYTES_MAX:
                raise FrameError(f"a frame of {frame_bytes} bytes is not allowed")
            if len(self._pending) < 4 + frame_bytes:
                return
            body = bytes(memoryview(self._pending)[4 : 4 + frame_bytes])
            del self._pending[: 4 + frame_bytes]
            yield _parse(body)

    def check_end(self) -> None:
        if self._pending:
            raise FrameError("the connection ended inside a frame")


def _parse(body: bytes) -> Frame:
    (header_bytes,) = _U32.unpack_from(body)
    if header_bytes > len(body) - 4:
        raise FrameError("the header is longer than its frame")
    header = _parse_header(body[4 : 4 + header_bytes])
    lengths = header.get("blobs", [])
    if not isinstance(lengths, list) or not all(type(n) is int and n >= 0 for n in lengths):
        raise FrameError("'blobs' is not a list of lengths")
    if 4 + header_bytes + sum(lengths) != len(body):
        raise FrameError("the lengths of header and blobs do not add up to the frame")
    blobs, at = [], 4 + header_bytes
    for length in lengths:
        blobs.append(body[at : at + length])
        at += length
    return Frame(header, blobs)


def _parse_header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FrameError(f"the header is not JSON: {error}") from None
    if not isinstance(header, dict) or not isinstance(header.get("t"), str):
        raise FrameError("the header is not an object with a type 't'")
    return header
