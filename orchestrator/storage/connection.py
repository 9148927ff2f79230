"""One HTTP/1.1 request over a connection of its own, to an address that the guard has judged.

The name is resolved once, every address it has is judged, and the socket is opened to one of those: there is
no second look-up that could answer something else. TLS is verified against the name. No proxy is used,
whatever the environment says. http.client does the talking, because urllib3 logs the query of a URL, and
with it the signature.
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
from typing import TYPE_CHECKING

from orchestrator.errors import AddressRefused
from orchestrator.redaction import redacted
from orchestrator.storage.deadline import LOOK_S
from orchestrator.storage.retry import AnswerLost, TryAgain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from _typeshed import SupportsRead

    from orchestrator.storage.address_guard import AddressGuard
    from orchestrator.storage.deadline import TransferDeadline
    from orchestrator.storage.limits import TransferLimits
    from orchestrator.storage.url import IP, Address

BLOCK_BYTES = 1 << 17
"""Of a body, handed to the socket at once."""


class Connections:
    """Makes the connections of one transfer.

    Args:
        guard: judges each address before it is connected to.
        limits: of which the deadlines of connecting, reading and answering are used.
        watch: ends what is blocked.
    """

    def __init__(self, *, guard: AddressGuard, limits: TransferLimits, watch: TransferDeadline) -> None:
        self._guard = guard
        self._limits = limits
        self._watch = watch
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
        """Send a request and give its answer. Redirects are not followed: they are answers.

        Args:
            method: GET, PUT, POST or DELETE.
            url: an http(s) address.
            headers: Content-Length among them where the body is not bytes.
            body: of the request.

        Yields:
            The answer, its body not yet read. What fails while the block reads it is raised as said below.

        Raises:
            AddressRefused: the address may not be touched, or its server cannot prove who it is.
            AnswerLost: all of a body was sent, and the server did not answer in time or hung up.
            TryAgain: the network failed otherwise.
            Cancelled, OutOfTime: from the watch.
        """
        address = self._guard.address(url)
        own = {"Host": address.authority, "User-Agent": "framewright", "Connection": "close"}
        try:
            with (
                self._connected(address) as opened,
                contextlib.closing(_Connection(opened, address)) as connection,
                contextlib.closing(
                    self._answer(connection, method, address.target, {**own, **headers}, body)
                ) as answer,
            ):
                yield answer
            self._watch.check()  # a connection that the watch shut looks like one that has come to its end
        except TryAgain:
            self._watch.check()
            raise
        except ssl.SSLCertVerificationError as exc:
            raise AddressRefused(
                f"the server of {redacted(url)} cannot prove who it is: {exc.verify_message}; give an "
                "address whose certificate is valid"
            ) from exc
        except OSError as exc:
            self._watch.check()
            silent = isinstance(exc, TimeoutError)
            raise TryAgain("the server fell silent" if silent else "the connection broke") from exc
        except http.client.HTTPException as exc:
            self._watch.check()
            cut = isinstance(exc, http.client.IncompleteRead)
            reason = "the connection broke" if cut else "the server's answer is not HTTP"
            raise TryAgain(reason) from None  # its text quotes the server, which may quote the URL

    def _answer(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: SupportsRead[bytes] | bytes | None,
    ) -> http.client.HTTPResponse:
        """Send a request and return the head of its answer."""
        opened, cut_off = connection.sock, False
        try:
            connection.request(method, target, body=body, headers=headers)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            cut_off = True  # a server that refuses a body need not read it: what it answered says why
        if body is None or cut_off:
            answer = connection.getresponse()
            if cut_off and answer.status < 300:
                answer.close()
                raise TryAgain("the server closed the connection before it had everything")
            return answer
        opened.settimeout(self._limits.answer_s)
        try:
            answer = connection.getresponse()
        except TimeoutError as exc:
            raise AnswerLost(
                f"the server got everything and did not answer within {self._limits.answer_s:g} s"
            ) from exc
        except (ConnectionError, ssl.SSLEOFError) as exc:
            raise AnswerLost("the server got everything and closed the connection without an answer") from exc
        opened.settimeout(self._limits.read_s)
        return answer

    @contextlib.contextmanager
    def _connected(self, address: Address) -> Iterator[socket.socket]:
        """A connection to the first IP address of a host that takes one, under the watch."""
        deadline = time.monotonic() + self._limits.connect_s
        ips = self._endpoints(address, deadline)
        for left, ip in zip(range(len(ips), 0, -1), ips, strict=True):
            family = socket.AF_INET if isinstance(ip, ipaddress.IPv4Address) else socket.AF_INET6
            with socket.socket(family, socket.SOCK_STREAM) as plain, self._watch.over(plain):
                plain.settimeout(max(LOOK_S, (deadline - time.monotonic()) / left))
                try:
                    plain.connect((str(ip), address.port))
                except OSError as exc:
                    self._watch.check()
                    if left == 1:
                        raise TryAgain("the server cannot be reached") from exc
                    continue
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                plain.settimeout(max(LOOK_S, deadline - time.monotonic()))
                with self._secured(plain, address) as opened:
                    opened.settimeout(self._limits.read_s)
                    yield opened
                return

    def _endpoints(self, address: Address, deadline: float) -> list[IP]:
        """The judged IP addresses of a host. A resolver cannot be stopped: it is left behind if need be."""
        answers: queue.SimpleQueue[list[IP] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._guard.endpoints(address))
            except Exception as exc:  # noqa: BLE001  raised again below
                answers.put(exc)

        threading.Thread(target=ask, name="resolver", daemon=True).start()
        while time.monotonic() < deadline:
            self._watch.check()
            with contextlib.suppress(queue.Empty):
                answer = answers.get(timeout=LOOK_S)
                if isinstance(answer, OSError):
                    break
                if isinstance(answer, Exception):
                    raise answer
                return answer
        raise TryAgain("the server's name cannot be resolved")

    def _secured(self, plain: socket.socket, address: Address) -> socket.socket:
        if address.scheme != "https":
            return plain
        if self._tls is None:
            self._tls = ssl.create_default_context()  # reads the system's certificates: some 20 ms
        return self._tls.wrap_socket(plain, server_hostname=address.host)


class _Connection(http.client.HTTPConnection):
    """Speaks over a socket that is open, and never opens one."""

    def __init__(self, opened: socket.socket, address: Address) -> None:
        super().__init__(address.host, address.port, blocksize=BLOCK_BYTES)
        self.sock = opened

    def connect(self) -> None:
        raise http.client.NotConnected
