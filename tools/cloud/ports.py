"""Finds free ports of 127.0.0.1."""

from __future__ import annotations

import random
import socket

_PORTS = range(20_000, 32_000)
"""Below Linux's ephemeral ports (from 32768), which the kernel may give to any connection."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    for port in random.SystemRandom().sample(_PORTS, 100):
        if is_free(port):
            return port
    raise OSError("no free port was found")


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port of 127.0.0.1."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
