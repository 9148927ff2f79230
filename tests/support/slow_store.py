"""Serves files over HTTP and pauses half-way until a test lets it continue."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHUNK_BYTES = 4096


class SlowStore:
    """Serves `content` for every GET, and keeps uploads; both stop half-way.

    Attributes:
        reached: set when a transfer hangs.
        stored: by path, the complete uploads.
        broken: by path, how many bytes of an incomplete upload arrived.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.stored: dict[str, bytes] = {}
        self.broken: dict[str, int] = {}
        self.url = ""

    @contextmanager
    def running(self) -> Iterator[SlowStore]:
        store = self

        class Handler(_Handler):
            slow = store

        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{http.server_address[1]}"
        try:
            yield self
        finally:
            self.go_on.set()
            http.shutdown()
            http.server_close()
            thread.join()

    def hang(self) -> None:
        self.reached.set()
        self.go_on.wait()


class _Handler(BaseHTTPRequestHandler):
    slow: SlowStore

    def do_GET(self) -> None:
        content = self.slow.content
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content[: len(content) // 2])
            self.slow.hang()
            self.wfile.write(content[len(content) // 2 :])

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length // 2)
        self.slow.hang()
        with contextlib.suppress(ConnectionError):
            body += self.rfile.read(length - len(body))
            if len(body) == length:
                self.slow.stored[self.path] = body
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        self.slow.broken[self.path] = len(body)

    def log_message(self, *_: object) -> None:
        pass
