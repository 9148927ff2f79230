"""Runs a real HTTP server on loopback that misbehaves on request, and records its requests."""

from __future__ import annotations

import contextlib
import hashlib
import random
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTENT = random.Random(0).randbytes(3_000_000)
ETAG = f'"{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"'


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """Headers by their names in lower case."""


class Handler(BaseHTTPRequestHandler):
    """Answers each request with the next behaviour of its server's script, and without a fault after that."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._note_and(whole)

    def do_PUT(self) -> None:
        self._note_and(stored)

    def do_POST(self) -> None:
        self._note_and(stored)

    def do_DELETE(self) -> None:
        self._note_and(stored)

    def _note_and(self, well: Callable[[Handler], None]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Request(self.command, self.path, headers))
        behaviour = self.server.script.pop(0) if self.server.script else well
        with contextlib.suppress(ConnectionError):
            behaviour(self)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def answer(self, status: int, body: bytes = b"", /, **headers: str) -> None:
        """Send a response; an underscore in the name of a header stands for a hyphen."""
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    @property
    def offset(self) -> int:
        """The first byte of the requested range."""
        asked = self.headers.get("Range")
        return int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    """Its file is `content`. `script` says how the next requests are answered, `requests` what was asked,
    `objects` what was put.
    """

    daemon_threads = True

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        content: bytes = CONTENT,
    ) -> None:
        super().__init__((host, port), Handler)
        self.content = content
        self.script: list[Callable[[Handler], None]] = []
        self.requests: list[Request] = []
        self.objects: dict[str, bytes] = {}
        self.scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: Any) -> None:
        """Log nothing: tests hang up on purpose."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.server_address[0]!s}:{self.server_port}/model.pth"

    @property
    def ranges(self) -> list[str | None]:
        return [request.headers.get("range") for request in self.requests]


@contextlib.contextmanager
def serving(
    host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None, content: bytes = CONTENT
) -> Iterator[Server]:
    server = Server(host, port, tls, content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def serving_both() -> Iterator[tuple[Server, Server]]:
    """Run two servers with the same port, at 127.0.0.2 and at 127.0.0.1."""
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            first = stack.enter_context(serving("127.0.0.2"))
            with contextlib.suppress(OSError):
                second = stack.enter_context(serving("127.0.0.1", first.server_port))
                break
        yield first, second


def whole(handler: Handler) -> None:
    """Serve without a fault: ranges, and 416 beyond the end."""
    offset = handler.offset
    if offset >= len(handler.server.content):
        handler.answer(416, Content_Range=f"bytes */{len(handler.server.content)}")
    elif offset:
        end = f"bytes {offset}-{len(handler.server.content) - 1}/{len(handler.server.content)}"
        handler.answer(206, handler.server.content[offset:], Content_Range=end)
    else:
        handler.answer(200, handler.server.content)


def with_headers(**headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.answer(200, handler.server.content, **headers)


def broken_after(count: int, **headers: str) -> Callable[[Handler], None]:
    """Announce the whole rest, send `count` bytes of it and hang up."""

    def behaviour(handler: Handler) -> None:
        offset = handler.offset
        handler.send_response(206 if offset else 200)
        handler.send_header("Content-Length", str(len(handler.server.content) - offset))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if offset:
            handler.send_header(
                "Content-Range",
                f"bytes {offset}-{len(handler.server.content) - 1}/{len(handler.server.content)}",
            )
        handler.end_headers()
        handler.wfile.write(handler.server.content[offset : offset + count])
        handler.close_connection = True

    return behaviour


def cut_after(count: int) -> Callable[[Handler], None]:
    """Announce the whole rest, send `count` bytes of it and reset the connection (RST)."""

    def behaviour(handler: Handler) -> None:
        broken_after(count)(handler)
        handler.wfile.flush()
        time.sleep(0.2)  # a reset may overtake what was sent
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    return behaviour


def silent_after(count: int, seconds: float) -> Callable[[Handler], None]:
    """Send `count` bytes, then nothing."""

    def behaviour(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(handler.server.content)))
        handler.end_headers()
        handler.wfile.write(handler.server.content[:count])
        handler.wfile.flush()
        time.sleep(seconds)
        handler.close_connection = True

    return behaviour


def dripping(pause_s: float) -> Callable[[Handler], None]:
    """Send a byte at a time, without a long pause and without an end."""

    def behaviour(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(handler.server.content)))
        handler.end_headers()
        for position in range(len(handler.server.content)):
            handler.wfile.write(handler.server.content[position : position + 1])
            time.sleep(pause_s)

    return behaviour


def chunked(*, end: bool = True, size: int = len(CONTENT)) -> Callable[[Handler], None]:
    """Serve in chunks, without a length; without `end`, hang up instead of sending the last chunk."""

    def behaviour(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, size, 1 << 16):
            part = handler.server.content[start : min(start + (1 << 16), size)]
            handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        if end:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return behaviour


def status(code: int, body: bytes = b"", **headers: str) -> Callable[[Handler], None]:
    """Answer with a status and no file. Do not read the body of the request, and close the connection."""

    def behaviour(handler: Handler) -> None:
        handler.answer(code, body, Connection="close", **headers)
        handler.close_connection = True

    return behaviour


def ignoring_ranges(handler: Handler) -> None:
    """Serve the whole file, whatever range was requested."""
    handler.answer(200, handler.server.content)


def other_file(handler: Handler) -> None:
    """Serve a file of the right length and wrong content."""
    handler.answer(200, bytes(len(handler.server.content)))


def shorter_file(handler: Handler) -> None:
    handler.answer(200, handler.server.content[:1000])


def wrong_range(handler: Handler) -> None:
    handler.answer(
        206,
        handler.server.content,
        Content_Range=f"bytes 0-{len(handler.server.content) - 1}/{len(handler.server.content)}",
    )


def stored(handler: Handler) -> None:
    body = handler.body()
    handler.server.objects[handler.path.partition("?")[0]] = body
    handler.answer(200, ETag=f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"')


def reset_after(count: int) -> Callable[[Handler], None]:
    """Read `count` bytes of the upload, and reset the connection."""

    def behaviour(handler: Handler) -> None:
        handler.rfile.read(count)
        handler.close_connection = True

    return behaviour


def drained(code: int, body: bytes = b"", **headers: str) -> Callable[[Handler], None]:
    """Read the whole upload, then answer with a status."""

    def behaviour(handler: Handler) -> None:
        handler.body()
        handler.answer(code, body, **headers)

    return behaviour


def slow_to_answer(seconds: float) -> Callable[[Handler], None]:
    """Keep the upload, and respond only after a while."""

    def behaviour(handler: Handler) -> None:
        body = handler.body()
        handler.server.objects[handler.path.partition("?")[0]] = body
        time.sleep(seconds)
        handler.answer(200, ETag=f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"')

    return behaviour


def kept_without_answer(handler: Handler) -> None:
    """Keep the upload, and hang up."""
    handler.server.objects[handler.path.partition("?")[0]] = handler.body()
    handler.close_connection = True


def mute(handler: Handler) -> None:
    """Send and read nothing until the client hangs up or a minute is over."""
    time.sleep(60)
    handler.close_connection = True
