"""Limits the size and length of jobs, because a worker is paid by the second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from orchestrator.environment import Variable
from orchestrator.errors import LimitExceeded

if TYPE_CHECKING:
    from orchestrator.frames import VideoInfo

PIXELS_8K = 8192 * 4320
"""Pixels of an 8K DCI picture, the largest that the levels of common encoders and players allow."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one job. Every `check_` method raises LimitExceeded."""

    duration_s: Annotated[float, Variable("FRAMEWRIGHT_MAX_DURATION_S", "seconds")] = 7200.0
    """The longest source, or requested part of it. Headers can claim more or less than the file holds, so the
    frames that are read count too."""
    frames: Annotated[int, Variable("FRAMEWRIGHT_MAX_FRAMES", "frames", least=1)] = 432_000
    """The maximum number of frames of the source, or of its requested part. Default: 432000, which is two
    hours at 60 fps."""
    source_px: Annotated[int, Variable("FRAMEWRIGHT_MAX_SOURCE_PIXELS", "pixels", least=1)] = PIXELS_8K
    """The largest width times height of the source's pictures. Default: 35389440, which is 8192x4320."""
    output_px: Annotated[int, Variable("FRAMEWRIGHT_MAX_OUTPUT_PIXELS", "pixels", least=1)] = PIXELS_8K
    """The largest width times height of the output's pictures."""

    def check_source(self, info: VideoInfo, *, duration_s: float | None, frames: int | None) -> None:
        """Refuse a source that is too long or too large.

        Args:
            info: describes the source.
            duration_s, frames: length of the requested part; None if it is not known.
        """
        if duration_s is not None and duration_s > self.duration_s:
            raise LimitExceeded(
                f"the video lasts {duration_s:.0f} s, and at most {self.duration_s:g} s are taken; cut it"
            )
        if frames is not None:
            self.check_frames(frames)
        self.check_size(info.width, info.height)

    def check_size(self, width: int, height: int) -> None:
        """Refuse source pictures of a width and height in pixels, claimed by a header or decoded."""
        if width * height > self.source_px:
            raise LimitExceeded(
                f"the video's pictures are {width}x{height}, and at most {self.source_px} pixels are taken; "
                "scale it down"
            )

    def exceeds(self, *, duration_s: float | None, frames: int | None) -> bool:
        """Return whether a length or a number of frames is over its limit; False if it is unknown (None)."""
        return (duration_s or 0) > self.duration_s or (frames or 0) > self.frames

    def check_read(self, *, duration_s: float, frames: int) -> None:
        """Refuse a video once too much of it has been read, whatever its header says.

        Args:
            duration_s: time from the first requested frame to the last one that was read.
            frames: number of frames that were read.
        """
        if duration_s > self.duration_s:
            raise LimitExceeded(f"the video lasts more than the {self.duration_s:g} s that are taken; cut it")
        self.check_frames(frames)

    def check_frames(self, frames: int) -> None:
        """Refuse a number of frames, claimed by a header or counted."""
        if frames > self.frames:
            raise LimitExceeded(f"the video has more than {self.frames} frames; cut it")

    def check_output(self, width: int, height: int) -> None:
        """Refuse an output of a width and height in pixels."""
        if width * height > self.output_px:
            raise LimitExceeded(
                f"the output would be {width}x{height}, and at most {self.output_px} pixels are made; "
                "ask for a smaller scale or size"
            )
