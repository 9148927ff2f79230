"""Which tritonserver runs on this machine, as /proc tells it: for those who did not start it."""

from __future__ import annotations

import contextlib
from pathlib import Path


def running_url(processes: Path = Path("/proc")) -> str | None:
    """Return host:port of the gRPC service of the first tritonserver that we see; None if there is none.

    Args:
        processes: where Linux lists processes (proc(5)).
    """
    for folder in sorted(processes.glob("[0-9]*")):
        arguments: list[str] = []
        with contextlib.suppress(OSError):  # ended meanwhile, or somebody else's
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        options = dict(text.split("=", 1) for text in arguments if "=" in text)
        if Path(arguments[0] if arguments else "").name == "tritonserver":
            return f"{options.get('--grpc-address', '127.0.0.1')}:{options.get('--grpc-port', '8001')}"
    return None
