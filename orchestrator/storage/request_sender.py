"""Sends HTTP/1.1 requests, each over a new connection to an IP address that the guard has checked.

The name is resolved once, every IP address is checked, and the socket connects to one of them: no second
look-up can return another address. TLS is verified against the name. Proxies of the environment are ignored.
http.client is used because urllib3 logs the query of a URL, and with it the signature.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from orchestrator.errors import AddressRefused
from orchestrator.redaction import redacted
from orchestrator.storage.address_guard import AddressGuard
from orchestrator.storage.deadline import CHECK_EVERY_S, TransferDeadline
from orchestrator.storage.retryable_errors import ResponseLost, TryAgain
from orchestrator.storage.url import IP, ParsedUrl

if TYPE_CHECKING:
    from _typeshed import SupportsRead

    from orchestrator.storage.retrying_transfer import TransferLimits

BLOCK_BYTES = 1 << 17
"""How much of a body is passed to the socket at once."""


class RequestSender:
    """Sends the requests of one transfer.

    Args:
        guard: checks each address before the connection is made.
        limits: gives the time limits of connecting, reading and waiting for a response.
        deadline: ends blocked reads and writes.
    """

    def __init__(self, *, guard: AddressGuard, limits: TransferLimits, deadline: TransferDeadline) -> None:
        self._guard = guard
        self._limits = limits
        self._deadline = deadline
        self._tls: ssl.SSLContext | None = None

    @contextlib.contextmanager
    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: SupportsRead[bytes] | bytes | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a request and yield the response. Redirects are not followed.

        Args:
            method: GET, PUT, POST or DELETE.
            url: an http(s) address.
            headers: further headers; they include Content-Length if the body is not bytes.
            body: body of the request.

        Yields:
            The response, whose body has not been read. Errors of reading it in the block are translated too.

        Raises:
            AddressRefused: the address is forbidden, or the certificate of its server is not valid.
            ResponseLost: the whole body was sent, and the server did not respond in time or hung up.
            TryAgain: the network failed in another way.
            Cancelled, OutOfTime: from the deadline.
        """
        address = self._guard.check(url)
        own = {"Host": address.authority, "User-Agent": "framewright", "Connection": "close"}
        try:
            with (
                self._connected(address) as opened,
                contextlib.closing(_OpenSocketConnection(opened, address)) as connection,
                contextlib.closing(
                    self._send(connection, method, address.target, {**own, **headers}, body)
                ) as response,
            ):
                yield response
            self._deadline.check()  # a connection that the deadline shut down looks like the end of the body
        except TryAgain:
            self._deadline.check()
            raise
        except ssl.SSLCertVerificationError as exc:
            raise AddressRefused(
                f"the server of {redacted(url)} cannot prove who it is: {exc.verify_message}; give an "
                "address whose certificate is valid"
            ) from exc
        except OSError as exc:
            self._deadline.check()
            silent = isinstance(exc, TimeoutError)
            raise TryAgain("the server fell silent" if silent else "the connection broke") from exc
        except http.client.HTTPException as exc:
            self._deadline.check()
            cut = isinstance(exc, http.client.IncompleteRead)
            reason = "the connection broke" if cut else "the server's answer is not HTTP"
            raise TryAgain(reason) from None  # its text quotes the server, which may quote the URL

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: SupportsRead[bytes] | bytes | None,
    ) -> http.client.HTTPResponse:
        """Send a request and return the response, whose body has not been read."""
        opened, cut_off = connection.sock, False
        try:
            connection.request(method, target, body=body, headers=headers)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            cut_off = True  # a server may refuse a body without reading it: its response says why
        if body is None or cut_off:
            response = connection.getresponse()
            if cut_off and response.status < 300:
                response.close()
                raise TryAgain("the server closed the connection before it had everything")
            return response
        opened.settimeout(self._limits.answer_s)
        try:
            response = connection.getresponse()
        except TimeoutError as exc:
            raise ResponseLost(
                f"the server got everything and did not answer within {self._limits.answer_s:g} s"
            ) from exc
        except (ConnectionError, ssl.SSLEOFError) as exc:
            raise ResponseLost(
                "the server got everything and closed the connection without an answer"
            ) from exc
        opened.settimeout(self._limits.read_s)
        return response

    @contextlib.contextmanager
    def _connected(self, address: ParsedUrl) -> Iterator[socket.socket]:
        """Connect to the first IP address of a host that accepts a connection."""
        end_s = time.monotonic() + self._limits.connect_s
        ips = self._ip_addresses(address, end_s)
        for left, ip in zip(range(len(ips), 0, -1), ips, strict=True):
            family = socket.AF_INET if isinstance(ip, ipaddress.IPv4Address) else socket.AF_INET6
            with socket.socket(family, socket.SOCK_STREAM) as plain, self._deadline.applied_to(plain):
                plain.settimeout(max(CHECK_EVERY_S, (end_s - time.monotonic()) / left))
                try:
                    plain.connect((str(ip), address.port))
                except OSError as exc:
                    self._deadline.check()
                    if left == 1:
                        raise TryAgain("the server cannot be reached") from exc
                    continue
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                plain.settimeout(max(CHECK_EVERY_S, end_s - time.monotonic()))
                with self._secured(plain, address) as opened:
                    opened.settimeout(self._limits.read_s)
                    yield opened
                return

    def _ip_addresses(self, address: ParsedUrl, end_s: float) -> list[IP]:
        """Resolve a host in a thread, which is left running at a timeout: a resolver cannot be stopped."""
        answers: queue.SimpleQueue[list[IP] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._guard.ip_addresses(address))
            except Exception as exc:  # noqa: BLE001  raised again below
                answers.put(exc)

        threading.Thread(target=ask, name="resolver", daemon=True).start()
        while time.monotonic() < end_s:
            self._deadline.check()
            with contextlib.suppress(queue.Empty):
                response = answers.get(timeout=CHECK_EVERY_S)
                if isinstance(response, OSError):
                    break
                if isinstance(response, Exception):
                    raise response
                return response
        raise TryAgain("the server's name cannot be resolved")

    def _secured(self, plain: socket.socket, address: ParsedUrl) -> socket.socket:
        if address.scheme != "https":
            return plain
        if self._tls is None:
            self._tls = ssl.create_default_context()  # reads the system's certificates: some 20 ms
        return self._tls.wrap_socket(plain, server_hostname=address.host)


class _OpenSocketConnection(http.client.HTTPConnection):
    """Sends over an open socket, and never opens one."""

    def __init__(self, opened: socket.socket, address: ParsedUrl) -> None:
        super().__init__(address.host, address.port, blocksize=BLOCK_BYTES)
        self.sock = opened

    def connect(self) -> None:
        raise http.client.NotConnected
