"""Which GPUs this machine has. It does not know what they cost, nor whether anything uses them."""

from __future__ import annotations

import re
import subprocess

_PATIENCE_S = 10.0


def gpus_here() -> tuple[str, ...]:
    """Return the names of this machine's NVIDIA GPUs, as `nvidia-smi -L` says them; none without a driver."""
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"],  # noqa: S607  the driver's, wherever the container has it
            capture_output=True,
            text=True,
            check=True,
            timeout=_PATIENCE_S,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(re.findall(r"^GPU \d+: (.+?) \(UUID:", listed.stdout, flags=re.MULTILINE))
