"""Reads the packets of a finished output back: their times, and a hash of their bytes."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av.error
import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import OutputCheckFailed, WorkerError
from orchestrator.media.read.demux import main_video, packets
from orchestrator.media.write.readback import open_written


@dataclass(frozen=True, kw_only=True)
class WrittenPackets:
    """The packets of the video of a file.

    Attributes:
        pts: int64 [N], when the pictures are shown, rising, in ticks.
        tick_s: unit of these times, in seconds.
        digest: the SHA-256 of all packets, one after the other, in order of decoding.
    """

    pts: NDArray[np.int64]
    tick_s: Fraction
    digest: str


def read_written_packets(path: Path) -> WrittenPackets:
    """Return the packets of the video of a file that was just written. It is read once, and not decoded.

    Raises:
        OutputCheckFailed: it cannot be read.
    """
    pts, digest = array("q"), hashlib.sha256()
    try:
        with open_written(path) as container:
            stream = main_video(container, path)
            for packet in packets(container, stream):
                if packet.size and packet.pts is not None and not packet.is_discard:
                    pts.append(packet.pts)
                    digest.update(memoryview(packet))
            tick_s = cast("Fraction", stream.time_base)
    except (av.error.FFmpegError, OSError, ValueError, WorkerError) as exc:
        raise OutputCheckFailed(
            f"the output cannot be played back ({exc}); nothing was kept, run it again"
        ) from exc
    return WrittenPackets(pts=np.sort(np.array(pts, np.int64)), tick_s=tick_s, digest=digest.hexdigest())
