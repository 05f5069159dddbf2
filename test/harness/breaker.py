"""breaker -- a TCP proxy that breaks connections on purpose: the client must notice and come back."""

import socket
import threading


class Breaker:
    """Forwards to `port`. The first `times` connections whose request holds `mark` are reset as soon as the
    answer holds `after`."""

    def __init__(self, port, mark, after, times=1):
        self.port, self.mark, self.after, self.left = port, mark.encode(), after.encode(), times
        self.broken = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads = []

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.create_connection(("127.0.0.1", self.port))
        state = {"marked": False, "seen": b""}
        threading.Thread(target=self.up, args=(client, server, state), daemon=True).start()
        try:
            while data := server.recv(65536):
                if state["marked"] and self.is_the_place(state, data):
                    break
                client.sendall(data)
        except OSError:
            pass
        for one in (client, server):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def up(self, client, server, state):
        try:
            while data := client.recv(65536):
                state["marked"] = state["marked"] or self.mark in data
                server.sendall(data)
        except OSError:
            pass

    def is_the_place(self, state, data):
        """Has what must have come before the break come? The piece that follows it is lost."""
        had = self.after in state["seen"]
        state["seen"] += data
        with self.lock:
            if not had or self.left == 0:
                return False
            self.left -= 1
            self.broken += 1
            return True
