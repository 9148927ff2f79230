"""Adds the key of a Triton to every call to it; see `launch.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.triton.find_servers import key_of
from orchestrator.triton.launch import HEADER

if TYPE_CHECKING:
    from tritonclient.utils import InferenceServerException


class ServerKeyPlugin:
    """A plugin of tritonclient that adds the key to every call.

    Args:
        port: gRPC port of a server on this machine, whose key is looked up; None for a server elsewhere.
        configured: the key to use if the look-up finds none; None sends no key.
    """

    def __init__(self, port: int | None, configured: str | None) -> None:
        self._port = port
        self._configured = configured
        self._key: str | None = None
        self.look_up()

    def look_up(self) -> None:
        """Look up the key of the server that runs now; the next one on the same port may have another."""
        found = None if self._port is None else key_of(self._port)
        self._key = found or self._configured

    def __call__(self, request: Any) -> None:
        """Add the key to the headers of a call; tritonclient calls this."""
        if self._key is not None:
            request.headers = {**(request.headers or {}), f"triton-grpc-protocol-{HEADER}": self._key}


def is_missing(error: InferenceServerException) -> bool:
    """Whether the server refused a call because it came without its key, or with another one."""
    return "This protocol is restricted" in (error.message() or "")
