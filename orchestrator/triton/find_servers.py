"""Finds the running tritonservers of this machine, and their keys, in /proc."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from orchestrator.triton.launch import KEY_VARIABLE

_PROCESSES = Path("/proc")


def running_urls(processes: Path = _PROCESSES) -> list[str]:
    """Return host:port of the gRPC service of each visible tritonserver.

    Args:
        processes: where Linux lists processes (proc(5)).
    """
    return [
        f"{options.get('--grpc-address', '127.0.0.1')}:{options.get('--grpc-port', '8001')}"
        for _, options in _tritonservers(processes)
    ]


def key_of(port: int, processes: Path = _PROCESSES) -> str | None:
    """Return the key of the tritonserver with this gRPC port on this machine; see `launch.py`.

    Only the server's user and root may read it. Servers in containers with a separate network are skipped,
    because their ports are separate too.

    Args:
        port: port of the gRPC service.
        processes: where Linux lists processes (proc(5)).
    """
    for folder, options in _tritonservers(processes):
        with contextlib.suppress(OSError):
            same_network = (folder / "ns" / "net").readlink() == (
                processes / "self" / "ns" / "net"
            ).readlink()
            if same_network and options.get("--grpc-port", "8001") == str(port):
                for entry in (folder / "environ").read_bytes().decode(errors="replace").split("\0"):
                    name, _, value = entry.partition("=")
                    if name == KEY_VARIABLE:
                        return value
    return None


def _tritonservers(processes: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield the folder in /proc and the options of each tritonserver."""
    for folder in sorted(processes.glob("[0-9]*")):
        arguments: list[str] = []
        with contextlib.suppress(OSError):  # it has ended, or belongs to another user
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        if Path(arguments[0] if arguments else "").name == "tritonserver":
            yield folder, dict(text.split("=", 1) for text in arguments if "=" in text)
