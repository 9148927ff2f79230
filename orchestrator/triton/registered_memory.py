"""Registers a shared memory segment with a Triton, so that tensors need not travel as gRPC bytes."""

from __future__ import annotations

import contextlib
import logging
import mmap
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tritonclient.utils import InferenceServerException

from orchestrator.errors import TritonUnavailable
from orchestrator.triton import error_translation as failure
from orchestrator.triton.posix_shared_memory import Segment, is_leftover, unique_prefix

if TYPE_CHECKING:
    import tritonclient.grpc as triton

    from orchestrator.triton.model_control import ModelControl

CLOSE_TIMEOUT_S = 2.0
CONTROL_TIMEOUT_S = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RegisteredMemory:
    """A segment that the server has mapped and knows as `region`; `bytes` is our mapping of it."""

    region: str
    bytes: mmap.mmap
    client: triton.InferenceServerClient

    @classmethod
    def share(
        cls, byte_size: int, *, client: triton.InferenceServerClient, control: ModelControl
    ) -> Self | None:
        """Allocate memory and register it; return None if the system or the server does not allow that.

        Raises:
            TritonUnavailable: the server does not answer.
        """
        try:
            segment = Segment(byte_size)
        except OSError as exc:
            _log.debug("tensors go as gRPC bytes: %s", exc)
            return None
        try:
            unregister_leftovers(
                client.get_system_shared_memory_status, client.unregister_system_shared_memory
            )
            region = region_name()
            client.register_system_shared_memory(
                region, segment.key, byte_size, client_timeout=CONTROL_TIMEOUT_S
            )
        except InferenceServerException as exc:
            segment.memory.close()
            error = control.translate(exc, "cannot share memory")
            if isinstance(error, TritonUnavailable):
                raise error from exc
            _log.debug("tensors go as gRPC bytes: %s", failure.one_line(exc))
            return None
        finally:
            segment.remove_name()
        _log.debug("tensors go over %d bytes of shared memory", byte_size)
        return cls(region=region, bytes=segment.memory, client=client)

    def unregister(self) -> None:
        """Let the server unmap the memory; see `unregister`."""
        unregister(self.region, self.client.unregister_system_shared_memory)


def region_name() -> str:
    """Return a new name for memory that is registered.

    It must not be guessable: every client that may send requests could use it to read or overwrite our
    tensors, and the names of segments are listed in the file system.
    """
    return f"{unique_prefix()}tensors-{secrets.token_hex(16)}"


def unregister(region: str, call: Callable[..., Any]) -> bool:
    """Let the server unmap memory. It refuses while a request uses it, and shortly afterwards.

    Args:
        region: the memory's name.
        call: the client's method for its kind of memory.

    Returns:
        Whether the server has let go of it, or is gone.
    """
    deadline = time.monotonic() + CLOSE_TIMEOUT_S
    while True:
        try:
            call(region, client_timeout=CLOSE_TIMEOUT_S)
        except InferenceServerException as exc:
            if exc.status() == failure.UNAVAILABLE or time.monotonic() > deadline:
                _log.debug("the server keeps the memory of closed requests: %s", failure.one_line(exc))
                return bool(exc.status() == failure.UNAVAILABLE)
            time.sleep(0.02)
        else:
            return True


def unregister_leftovers(status: Callable[..., Any], call: Callable[..., Any]) -> None:
    """Let the server unmap the memory of clients that were killed in the middle of a request.

    Args:
        status, call: the client's methods that list and unregister one kind of memory.
    """
    for name in filter(is_leftover, status(client_timeout=CONTROL_TIMEOUT_S).regions):
        with contextlib.suppress(InferenceServerException):  # another client was quicker, or it is in use
            call(name, client_timeout=CONTROL_TIMEOUT_S)
