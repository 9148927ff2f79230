"""Holds the frames that are read against what a job may have, whatever the header of their file said."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    from orchestrator.frames import AnyPicture, Frame, VideoInfo
    from orchestrator.limits import Limits


def within_limits(
    frames: Generator[Frame[AnyPicture], None, None], info: VideoInfo, limits: Limits | None
) -> Generator[Frame[AnyPicture], None, None]:
    """Yield the frames of the video that `info` describes, as long as they are not too many or too late.

    Raises:
        LimitExceeded: they are.
    """
    first: int | None = None
    for number, frame in enumerate(frames, 1):
        if limits is not None:
            first = frame.pts if first is None else first
            limits.check_read(duration_s=float((frame.pts - first) * info.time_base), frames=number)
        yield frame
