"""Builds the command line of tritonserver."""

from __future__ import annotations

import shlex
from pathlib import Path

from orchestrator.triton import posix_shared_memory as shared_memory
from orchestrator.triton.installation import Installation

_POOL_BYTES = 32 * 1024**2
"""Initial size, and growth, of the memory pool that a model's process shares with Triton's Python backend."""

_MANY_POOLS = 16
"""The shared memory must have room for this many pools of that size: a container may have only 64 MB."""


def server_command(
    installation: Installation,
    repository: Path,
    *,
    server_id: str,
    host: str,
    ports: tuple[int, int, int],
    segments: str,
    stub_timeout_s: float,
) -> list[str]:
    """Return the program and its options.

    `ports` are those of gRPC, HTTP and metrics, `segments` is the prefix of the names of its shared memory,
    and `stub_timeout_s` is the longest wait for a model's process to start, at least 30.
    """
    grpc, http, metrics = ports
    return [
        str(installation.binary),
        f"--id={server_id}",
        f"--model-repository={repository}",
        f"--backend-directory={installation.backends}",
        f"--backend-config=python,shm-region-prefix-name={segments}",
        # The default of 30 s is short on a busy machine, and a model's process that is late ends the server.
        f"--backend-config=python,stub-timeout-seconds={max(30, round(stub_timeout_s))}",
        *_pool_options(),
        "--model-control-mode=explicit",
        # Our configs are complete. Otherwise each load starts another process to complete it, for 1.4 s.
        "--disable-auto-complete-config",
        f"--grpc-address={host}",
        f"--grpc-port={grpc}",
        f"--http-address={host}",
        f"--http-port={http}",
        f"--metrics-address={host}",
        f"--metrics-port={metrics}",
        *installation.options,
    ]


def is_one_shell_word(path: Path) -> bool:
    """Whether a shell reads the path as one word: the Python backend does not quote it in a command."""
    return shlex.quote(str(path)) == str(path)


def _pool_options() -> list[str]:
    """Let the pools of the Python backend grow in large pieces if /dev/shm has room.

    By default they grow by 1 MiB at a time. Tensors then do not fit into freed gaps, and each growth maps the
    whole pool again, so that the same job takes more and more memory for a while.
    """
    try:
        if shared_memory.free_bytes() < _MANY_POOLS * _POOL_BYTES:
            return []
    except OSError:  # the server's own message is more precise
        return []
    return [f"--backend-config=python,shm-{what}-byte-size={_POOL_BYTES}" for what in ("default", "growth")]
