"""Which tritonservers run on this machine, as /proc tells it: for those who did not start them."""

from __future__ import annotations

import contextlib
from pathlib import Path


def running_urls(processes: Path = Path("/proc")) -> list[str]:
    """Return host:port of the gRPC service of each tritonserver that we see.

    Args:
        processes: where Linux lists processes (proc(5)).
    """
    found = []
    for folder in sorted(processes.glob("[0-9]*")):
        arguments: list[str] = []
        with contextlib.suppress(OSError):  # ended meanwhile, or somebody else's
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        options = dict(text.split("=", 1) for text in arguments if "=" in text)
        if Path(arguments[0] if arguments else "").name == "tritonserver":
            found.append(f"{options.get('--grpc-address', '127.0.0.1')}:{options.get('--grpc-port', '8001')}")
    return found
