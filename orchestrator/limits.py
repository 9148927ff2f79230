"""What a job may ask for. A worker is paid by the second: what is too much is refused before work starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import LimitExceeded

if TYPE_CHECKING:
    from orchestrator.frames import VideoInfo

PIXELS_8K = 8192 * 4320
"""A picture of 8K DCI, the largest that common encoders' levels and players take."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one job.

    Attributes:
        duration_s: of the source, or of the part of it that is wanted. Headers can claim more or less than
            there is: what is read counts.
        frames: of the same.
        source_px: width times height of the source's pictures.
        output_px: width times height of the pictures that are delivered.
    """

    duration_s: float = 7200.0
    frames: int = 432_000
    source_px: int = PIXELS_8K
    output_px: int = PIXELS_8K

    def check_source(self, info: VideoInfo, *, duration_s: float | None, frames: int | None) -> None:
        """Refuse a source that is too much.

        Args:
            info: of the source.
            duration_s, frames: of the part of it that is wanted, None where nobody knows.

        Raises:
            LimitExceeded: it is.
        """
        if duration_s is not None and duration_s > self.duration_s:
            raise LimitExceeded(
                f"the video lasts {duration_s:.0f} s, and at most {self.duration_s:g} s are taken; cut it"
            )
        if frames is not None:
            self.check_frames(frames)
        self.check_size(info.width, info.height)

    def check_size(self, width: int, height: int) -> None:
        """Refuse pictures of a source by their size in pixels, claimed or decoded.

        Raises:
            LimitExceeded: they are too large.
        """
        if width * height > self.source_px:
            raise LimitExceeded(
                f"the video's pictures are {width}x{height}, and at most {self.source_px} pixels are taken; "
                "scale it down"
            )

    def is_more(self, *, duration_s: float | None, frames: int | None) -> bool:
        """Return whether a length or a number of frames is too much; None is not known, and is not."""
        return (duration_s or 0) > self.duration_s or (frames or 0) > self.frames

    def check_read(self, *, duration_s: float, frames: int) -> None:
        """Refuse what has been read of a video so far, whatever its header says.

        Args:
            duration_s: from the first picture that was wanted to the last one that was read.
            frames: as many.

        Raises:
            LimitExceeded: it is too much.
        """
        if duration_s > self.duration_s:
            raise LimitExceeded(f"the video lasts more than the {self.duration_s:g} s that are taken; cut it")
        self.check_frames(frames)

    def check_frames(self, frames: int) -> None:
        """Refuse a number of frames, claimed or counted.

        Raises:
            LimitExceeded: it is too large.
        """
        if frames > self.frames:
            raise LimitExceeded(f"the video has more than {self.frames} frames; cut it")

    def check_output(self, width: int, height: int) -> None:
        """Refuse a size that is to be delivered.

        Raises:
            LimitExceeded: it is too large.
        """
        if width * height > self.output_px:
            raise LimitExceeded(
                f"the output would be {width}x{height}, and at most {self.output_px} pixels are made; "
                "ask for a smaller scale or size"
            )
