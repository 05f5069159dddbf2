"""upstream -- a server for the gateway to stand in front of, on plain sockets: it says and reads exactly what a test tells it.

    with Upstream() as upstream:
        upstream.on("/slow", slow)      # slow(exchange) reads and answers as it likes
        … send requests to a gateway in front of upstream.url …
        seen = upstream.heads[0]

A path without a function of its own is a sink: the body is read to its end, and the answer says what came.
"""

import hashlib
import json
import socket
import struct
import threading

RESET = struct.pack("ii", 1, 0)


class Ended(Exception):
    """The other side has closed."""


class Exchange:
    """One request: its head is read, the rest is up to whoever answers."""

    def __init__(self, connection, head, left):
        self.connection, self.left, self.ended, self.must_close = connection, left, False, False
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.method, self.target, _ = lines[0].split(" ")
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
        self.length = self.header("content-length")
        self.is_chunked = (self.header("transfer-encoding") or "").lower() == "chunked"

    def header(self, name):
        found = [value for key, value in self.headers if key.lower() == name]
        assert len(found) < 2, f"{name} came {len(found)} times"
        return found[0] if found else None

    # ---- reading ----

    def more(self):
        bytes_ = self.left or self.connection.recv(1 << 16)
        self.left = b""
        if not bytes_:
            raise Ended
        return bytes_

    def take(self, count):
        while len(self.left) < count:
            read = self.connection.recv(1 << 16)
            if not read:
                raise Ended
            self.left += read
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def line_of_chunk(self):
        while b"\r\n" not in self.left:
            self.left += self.connection.recv(1 << 16) or self.end()
        line, _, self.left = self.left.partition(b"\r\n")
        return line

    def end(self):
        raise Ended

    def pieces(self):
        """The body, piece by piece, as it comes."""
        if self.is_chunked:
            while size := int(self.line_of_chunk(), 16):
                yield self.take(size)
                assert self.take(2) == b"\r\n"
            assert self.take(2) == b"\r\n", "no trailers are passed on"
        else:
            left = int(self.length or 0)
            while left:
                piece = self.more()
                piece, self.left = piece[:left], piece[left:]
                left -= len(piece)
                yield piece
        self.ended = True

    def body(self):
        return b"".join(self.pieces())

    # ---- answering ----

    def write(self, bytes_):
        self.connection.sendall(bytes_)

    def answer(self, status=200, body=b"", headers=()):
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers]
        self.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def answer_json(self, value, status=200):
        self.answer(status, json.dumps(value).encode(), ["Content-Type: application/json"])

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()
        raise Ended


def sink(exchange):
    digest, count, pieces = hashlib.sha256(), 0, 0
    for piece in exchange.pieces():
        digest.update(piece)
        count += len(piece)
        pieces += 1
    exchange.answer_json({"method": exchange.method, "target": exchange.target, "headers": exchange.headers, "bytes": count,
                          "pieces": pieces, "sha256": digest.hexdigest()})


class Upstream:
    def __init__(self, context=None):
        """`context`: an ssl.SSLContext, for https."""
        self.answers, self.heads, self.connections = {}, [], 0
        self.context = context
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listening.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self.stopped = threading.Event()
        self.failures = []

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, kind, *_):
        self.stopped.set()
        self.listening.close()
        assert kind is not None or not self.failures, self.failures[0]

    def on(self, path, answer):
        self.answers[path] = answer

    def accept(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.connections += 1
            left = b""
            while True:
                while b"\r\n\r\n" not in left:
                    left += connection.recv(1 << 16) or self.end()
                head, _, left = left.partition(b"\r\n\r\n")
                exchange = Exchange(connection, head, left)
                if exchange.target != "/ok":
                    self.heads.append(exchange)
                self.answers.get(exchange.target.partition("?")[0], sink)(exchange)
                if not exchange.ended and (exchange.length not in (None, "0") or exchange.is_chunked):
                    return
                left = exchange.left
        except (Ended, OSError):
            pass
        except Exception as error:  # noqa: BLE001: told at the end of the test
            self.failures.append(error)
        finally:
            connection.close()

    def end(self):
        raise Ended
