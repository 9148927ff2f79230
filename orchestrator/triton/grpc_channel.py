"""Reads the address of a Triton and opens a gRPC channel to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import tritonclient.grpc as triton

from orchestrator.errors import BadRequest

_INT32_MAX = 2**31 - 1
_LOOPBACK = re.compile(r"(localhost|127(\.\d+){3}|\[::1\]|0\.0\.0\.0)$")


@dataclass(frozen=True, kw_only=True)
class TritonAddress:
    """Where the gRPC service of a Triton is.

    Attributes:
        url: host:port.
        port: the port, 1 to 65535.
        local: whether it is on this machine.
    """

    url: str
    port: int
    local: bool

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read an address.

        Raises:
            BadRequest: `url` is not host:port.
        """
        host, _, port = url.rpartition(":")
        if not re.fullmatch(r"[\w.-]+|\[[0-9a-fA-F:.]+\]", host) or not (
            port.isascii() and port.isdigit() and 0 < int(port) < 65536
        ):
            raise BadRequest(f"{url!r} is not the address of a Triton: give HOST:PORT of its gRPC service")
        return cls(url=url, port=int(port), local=_LOOPBACK.match(host) is not None)

    def connect(self) -> triton.InferenceServerClient:
        """Return a client, which connects with its first call, whether the server runs yet or not."""
        options: list[tuple[str, int]] = [
            # Passing any option replaces these defaults of tritonclient.
            ("grpc.max_send_message_length", _INT32_MAX),
            ("grpc.max_receive_message_length", _INT32_MAX),
            # Reconnects quickly; gRPC's default waits up to two minutes between attempts.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]
        if self.local:
            options.append(("grpc.enable_http_proxy", 0))
        return triton.InferenceServerClient(self.url, channel_args=options)
