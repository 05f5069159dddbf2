"""egress -- what stands between a server and its receivers in a company: a CONNECT proxy, and receivers that want a
client certificate; with certificates of our own making."""

import base64
import http.server
import json
import select
import socket
import ssl
import subprocess
import threading
import time

from harness.ports import free_port


class Proxy:
    """Answers CONNECT, and nothing else. `login` is what it wants, `status` what it answers instead of a tunnel.
    `routes` maps host names to addresses, as a company's own name server would."""

    def __init__(self, login=None, routes=None):
        self.port = free_port()
        self.login, self.routes, self.status = login, routes or {}, None
        self.asked, self.stopped = [], False
        self.listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.listening.close()

    def accept(self):
        while not self.stopped:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(4096)
                if not more:
                    return
                head += more
            lines = head.decode().split("\r\n")
            method, authority, _ = lines[0].split(" ")
            given = [line.split(": ", 1)[1] for line in lines if line.lower().startswith("proxy-authorization: ")]
            self.asked.append((method, authority, given[0] if given else None))
            wanted = "Basic " + base64.b64encode(self.login.encode()).decode() if self.login else None
            if wanted and given != [wanted]:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            if self.status:
                client.sendall(f"HTTP/1.1 {self.status} No\r\nContent-Length: 2\r\n\r\nno".encode())
                return
            host, _, port = authority.rpartition(":")
            with socket.create_connection((self.routes.get(host, host), int(port))) as target:
                client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
                self.pump(client, target)

    @staticmethod
    def pump(one, other):
        while True:
            for ready in select.select([one, other], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    return
                (other if ready is one else one).sendall(data)


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


class Certificates:
    """An authority, a server's certificate for loopback and receiver.test, and as many clients' as are asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = str(folder / "ca.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=test authority", "-keyout", str(folder / "ca.key"), "-out", self.ca)
        self.server = self.make("server", "subjectAltName=IP:127.0.0.1,DNS:receiver.test")

    def make(self, name, extension="extendedKeyUsage=clientAuth", days="2"):
        key, request, certificate = (str(self.folder / f"{name}.{end}") for end in ("key", "csr", "pem"))
        (self.folder / "extension").write_text(extension)
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        run("openssl", "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", str(self.folder / "ca.key"),
            "-CAcreateserial", "-days", days, "-extfile", str(self.folder / "extension"), "-out", certificate)
        return certificate, key


class TlsReceiver:
    """HTTPS; keeps of each request the name in the client's certificate (None: there was none)."""

    def __init__(self, certificates, wants_client):
        self.names, self.connections = [], 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                receiver.connections += 1

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                subject = (self.connection.getpeercert() or {}).get("subject", ())
                receiver.names.append(next((value for part in subject for _, value in part), None))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificates.server)
        context.load_verify_locations(certificates.ca)
        context.verify_mode = ssl.CERT_REQUIRED if wants_client else ssl.CERT_OPTIONAL
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.http.handle_error = lambda *_: None
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_port
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


class TokenEndpoint:
    """OAuth client credentials: gives token-1, token-2, … that live for life_s; keeps what it was asked."""

    def __init__(self, life_s=3600):
        self.asked, self.life_s, self.status = [], life_s, 200
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                endpoint.asked.append((self.path, self.headers.get("Authorization"), form))
                time.sleep(0.1)
                body = json.dumps({"access_token": f"token-{len(endpoint.asked)}", "token_type": "Bearer",
                                   "expires_in": endpoint.life_s}).encode()
                self.send_response(endpoint.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/token"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
