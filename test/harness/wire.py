"""wire -- a client on a plain socket, for what no HTTP library would do: half a body, two requests at once, nonsense.

    with Client(server) as client:
        client.post("/path", "Content-Length: 3", body=b"abc")
        status, headers, body = client.answer()
"""

import json
import random
import socket
import time

TIMEOUT_S = 20


class Client:
    """A client on a plain socket."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)
        self.left = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def post(self, path, *headers, body=b""):
        self.send("\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode() + body)

    def until(self, mark):
        while mark not in self.left:
            read = self.socket.recv(1 << 16)
            assert read, f"closed after {self.left[-500:]}"
            self.left += read
        text, _, self.left = self.left.partition(mark)
        return text + mark

    def answer(self):
        """Status, headers (small letters) and body of the next answer."""
        head = self.until(b"\r\n\r\n").decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.until(b"\r\n"), 16):
                body += self.exactly(size + 2)[:-2]
            self.until(b"\r\n")
        else:
            body = self.exactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers, body

    def exactly(self, count):
        while len(self.left) < count:
            read = self.socket.recv(1 << 16)
            assert read, f"closed after {len(self.left)} of {count} bytes"
            self.left += read
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def is_closed(self):
        """Drops what still comes."""
        try:
            while self.socket.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
        return True

    def post_until_answered(self, path, total, *headers, piece=bytes(1 << 20)):
        """Sends as long as the other side takes it; its answer."""
        self.post(path, f"Content-Length: {total}", *headers)
        try:
            for _ in range(total // len(piece)):
                self.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self.answer()

    def send_until_stuck(self, bytes_, quiet_s=1.0):
        """How much of it was taken until nothing more was for so long."""
        self.socket.setblocking(False)
        sent, since = 0, time.monotonic()
        while time.monotonic() - since < quiet_s and sent < len(bytes_):
            try:
                sent += self.socket.send(bytes_[sent:sent + (1 << 20)])
                since = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
        self.socket.settimeout(TIMEOUT_S)
        return sent

    def upload(self, path, body, kind):
        """Posts it with its length, or in chunks of a size that depends on it; status and the JSON of the answer."""
        if kind == "length":
            self.post(path, f"Content-Length: {len(body)}", body=body)
        else:
            self.post(path, "Transfer-Encoding: chunked")
            for chunk in chunked(body, random.Random(len(body)).randint(1000, 200_000)):
                self.send(chunk)
        status, _, said = self.answer()
        return status, json.loads(said)

    def in_step(self, path="/ok"):
        """The connection goes on with a request of its own, and gets its own answer."""
        self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        status, _, body = self.answer()
        assert status == 200 and json.loads(body).get("target", path) == path, body


def chunked(body, size=5000):
    for at in range(0, len(body), size):
        piece = body[at:at + size]
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\n\r\n"
