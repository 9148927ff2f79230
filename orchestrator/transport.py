"""Names the ways on which tensors reach Triton."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Transport = Literal["cuda_shared_memory", "shared_memory", "grpc"]
"""CUDA shared memory, system shared memory, or bytes in gRPC messages; tried in this order."""

_SLOWEST_FIRST: tuple[Transport, ...] = ("grpc", "shared_memory", "cuda_shared_memory")


def slowest(transports: Iterable[Transport | None]) -> Transport | None:
    """Return the slowest of the ways that parts of one job took; None if no part needed any."""
    taken = set(transports)
    return next((transport for transport in _SLOWEST_FIRST if transport in taken), None)
