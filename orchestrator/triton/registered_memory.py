"""Registers a shared memory segment with a Triton, so that tensors need not travel as gRPC bytes."""

from __future__ import annotations

import contextlib
import logging
import mmap
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tritonclient.utils import InferenceServerException

from orchestrator.errors import TritonUnavailable
from orchestrator.triton import error_translation as failure
from orchestrator.triton.posix_shared_memory import Segment, is_leftover

if TYPE_CHECKING:
    import tritonclient.grpc as triton

    from orchestrator.triton.model_control import ModelControl

CLOSE_TIMEOUT_S = 2.0
_CONTROL_TIMEOUT_S = 10.0
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
            _unregister_leftovers(client)
            # The name must not be guessable: every client that may send requests could use it to read or
            # overwrite our tensors, and the segment's own name is listed in the file system.
            region = f"{segment.key[1:]}-{secrets.token_hex(16)}"
            client.register_system_shared_memory(
                region, segment.key, byte_size, client_timeout=_CONTROL_TIMEOUT_S
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
        """Let the server unmap the memory. It refuses while a request uses it, and shortly afterwards."""
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        while True:
            try:
                self.client.unregister_system_shared_memory(self.region, client_timeout=CLOSE_TIMEOUT_S)
            except InferenceServerException as exc:
                if exc.status() == failure.UNAVAILABLE or time.monotonic() > deadline:
                    _log.debug("the server keeps the memory of closed requests: %s", failure.one_line(exc))
                    return
                time.sleep(0.02)
            else:
                return


def _unregister_leftovers(client: triton.InferenceServerClient) -> None:
    """Let the server unmap the memory of clients that were killed in the middle of a request."""
    status = client.get_system_shared_memory_status(client_timeout=_CONTROL_TIMEOUT_S)
    for name in filter(is_leftover, status.regions):
        with contextlib.suppress(InferenceServerException):  # another client was quicker, or it is in use
            client.unregister_system_shared_memory(name, client_timeout=_CONTROL_TIMEOUT_S)
