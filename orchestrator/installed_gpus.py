"""Finds the names of this machine's GPUs."""

from __future__ import annotations

import re
import subprocess

_TIMEOUT_S = 10.0


def installed_gpus() -> tuple[str, ...]:
    """Return the names of this machine's NVIDIA GPUs, from `nvidia-smi -L`; none without a driver."""
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"],  # noqa: S607  the driver's, wherever the container has it
            capture_output=True,
            text=True,
            check=True,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(re.findall(r"^GPU \d+: (.+?) \(UUID:", listed.stdout, flags=re.MULTILINE))
