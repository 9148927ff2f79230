"""Stops reading a source at a job's limits, whatever the header of the file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from fractions import Fraction

    from orchestrator.frames import AnyPicture, Frame
    from orchestrator.limits import Limits


def within_limits(
    frames: Generator[Frame[AnyPicture], None, None], time_base: Fraction, limits: Limits | None
) -> Generator[Frame[AnyPicture], None, None]:
    """Yield frames as long as they are not too many, and not too long after the first.

    Args:
        frames: of a source, in order.
        time_base: unit of their pts, in seconds.
        limits: what a job may ask for; None sets no limits.

    Raises:
        LimitExceeded: there is more.
    """
    first: int | None = None
    for number, frame in enumerate(frames, 1):
        if limits is not None:
            first = frame.pts if first is None else first
            limits.check_read(duration_s=float((frame.pts - first) * time_base), frames=number)
        yield frame
