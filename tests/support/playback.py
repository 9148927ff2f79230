"""Decodes a file and returns when a player would show its flashes and play its beeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

IN_SYNC_S = 0.02


def flashes(path: Path) -> list[float]:
    """Return the times at which the picture turns white, in seconds."""
    with av.open(str(path)) as container:
        frames = [
            (frame.time, frame.to_ndarray(format="gray").mean() > 127) for frame in container.decode(video=0)
        ]
    return [
        time
        for (_, before), (time, white) in zip([(0, False), *frames[:-1]], frames, strict=True)
        if white and not before
    ]


def sound(path: Path) -> tuple[float, NDArray[np.float32], int]:
    """Return when the sound starts in seconds, its samples placed in time (mono float32), and their rate."""
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        resampler = av.AudioResampler("flt", "mono", rate)
        parts: list[tuple[float, Any]] = []
        for frame in container.decode(audio=0):
            assert frame.time is not None
            parts += [(frame.time, part.to_ndarray()[0]) for part in resampler.resample(frame)]
    first = parts[0][0]
    samples = np.zeros(round((parts[-1][0] - first) * rate) + len(parts[-1][1]) + 1, np.float32)
    for time, part in parts:
        place = round((time - first) * rate)
        samples[place : place + len(part)] = part[: len(samples) - place]
    return first, samples, rate


def beeps(path: Path) -> list[float]:
    """Return the times at which a beep starts, in seconds."""
    first, samples, rate = sound(path)
    loud = np.flatnonzero(np.abs(samples) > 0.15)
    starts = loud[np.diff(loud, prepend=-rate) > rate // 4]
    return [float(first + start / rate) for start in starts]
