"""Send a Triton the key that it was started with, see `launch.py`.

It does not know which calls a server asks the key for: it goes with all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.triton.find_servers import key_of
from orchestrator.triton.launch import HEADER

if TYPE_CHECKING:
    from tritonclient.utils import InferenceServerException


class Key:
    """A plugin of tritonclient that adds the key to every call.

    Args:
        port: of a server on this machine, whose key is looked up; None for one elsewhere.
        given: the key of a server where it is not found; None sends none.
    """

    def __init__(self, port: int | None, given: str | None) -> None:
        self._port = port
        self._given = given
        self._key: str | None = None
        self.look_up()

    def look_up(self) -> None:
        """Find the key of the server that runs now; the next one at the same port may have another."""
        found = None if self._port is None else key_of(self._port)
        self._key = found or self._given

    def __call__(self, request: Any) -> None:
        """Add the key to a call of tritonclient."""
        if self._key is not None:
            request.headers = {**(request.headers or {}), f"triton-grpc-protocol-{HEADER}": self._key}


def is_wanted(error: InferenceServerException) -> bool:
    """Whether the server refused a call because it came without its key, or with another."""
    return "This protocol is restricted" in (error.message() or "")
