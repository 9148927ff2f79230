"""Serves one file on loopback by ranges, as R2 and S3 do, and counts the bytes that it sends."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Sent:
    """An answer with a part of the file: where it begins, and how many bytes it has."""

    start: int
    length: int


class RangeHandler(BaseHTTPRequestHandler):
    """Answers GET. `server.fault`, if there is one, answers instead and may return False to let it pass."""

    protocol_version = "HTTP/1.1"
    server: RangeServer

    def do_GET(self) -> None:
        with contextlib.suppress(ConnectionError):
            server = self.server
            server.asked.append(dict(self.headers))
            number = len(server.asked) - 1
            if server.fault is None or not server.fault(self, number):
                self.part()

    def part(self) -> None:
        """Answer with the part that is asked for, with 416 beyond the end, 412 if If-Match is another."""
        server = self.server
        size = len(server.content)
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        match = self.headers.get("If-Match")
        if match is not None and match != server.etag:
            self.answer(412)
        elif asked is None:
            self.answer(200, server.content, ETag=server.etag)
        elif int(asked[1]) >= size:
            self.answer(416, Content_Range=f"bytes */{size}")
        else:
            start, stop = int(asked[1]), min(int(asked[2]) + 1, size)
            server.sent.append(Sent(start, stop - start))
            self.answer(
                206,
                server.content[start:stop],
                ETag=server.etag,
                Content_Range=f"bytes {start}-{stop - 1}/{size}",
            )

    def answer(self, status: int, body: bytes | memoryview = b"", /, **headers: str | None) -> None:
        """Send a response; an underscore in the name of a header stands for a hyphen, None leaves it out."""
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class RangeServer(ThreadingHTTPServer):
    """Its file is `content`. `asked` has the headers of all requests, `sent` the parts that were sent."""

    daemon_threads = True

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(("127.0.0.1", 0), RangeHandler)
        self.content = memoryview(content)
        self.etag: str | None = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        self.asked: list[dict[str, str]] = []
        self.sent: list[Sent] = []
        self.fault: Callable[[RangeHandler, int], bool] | None = None
        self.name = name

    def handle_error(self, *_: Any) -> None:
        """Log nothing: tests hang up on purpose."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{self.name}?X-Amz-Signature=secret"

    @property
    def sent_bytes(self) -> int:
        return sum(part.length for part in self.sent)


@contextlib.contextmanager
def serving_ranges(content: bytes, name: str = "film.mp4") -> Iterator[RangeServer]:
    server = RangeServer(content, name)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answering(
    answer: Callable[[RangeHandler], None], *, times: int | None = None
) -> Callable[[RangeHandler, int], bool]:
    """Return a fault that answers the first requests, or all of them."""

    def fault(handler: RangeHandler, number: int) -> bool:
        is_due = times is None or number < times
        if is_due:
            answer(handler)
        return is_due

    return fault
