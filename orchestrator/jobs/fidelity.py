"""Defines the report that compares an output with its source."""

from __future__ import annotations

from pydantic import ConfigDict

from orchestrator.jobs.validation import Strict


class ComparedPicture(Strict):
    """A frame of the output, scaled down to the size of the source or less, compared with the source's."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    frame: int
    """The index of the frame in the output, from 0."""
    time_sec: float
    """When the frame is shown, in seconds since the first one."""
    size: tuple[int, int]
    """[width, height] at which the frames are compared, in pixels."""
    psnr_luma_db: float
    """PSNR of luma (BT.709), in dB; 100 where there is no difference."""
    psnr_rgb_db: float
    """PSNR of red, green and blue, in dB."""
    ssim: float
    """Structural similarity of luma (Wang et al. 2004); 1 where there is no difference."""
    colour_error: tuple[float, float, float]
    """The mean of output minus source for red, green and blue, in levels of 255."""
    colour_distance: float
    """The mean colour difference between blocks of the frames, dE*ab (CIE 1976); 2.3 is just visible."""
    displacement_px: tuple[float, float] | None
    """How far the output is displaced to the right and down, in pixels, by phase correlation; None if that
    gives no clear result."""
    pictures_late: int | None
    """By how many frames the output is late, if it fits the source far better at another time; None if it
    fits so well at its own time that no other was tried."""


class WorstAndMean(Strict):
    """A metric over all compared frames."""

    worst: float
    """The worst value of one frame."""
    mean: float
    """The mean over all frames."""


class FidelityReport(Strict):
    """Measures how close an output is to its source, on some of its frames."""

    width: int
    """The width of the output, in pixels."""
    height: int
    """The height of the output, in pixels."""
    frames_read: int
    """Frames of the source, or of the requested part of it."""
    frames_written: int
    """Frames that were encoded."""
    frames_in_output: int
    """Frames that the file shows when it is played back."""
    source_duration_sec: float
    """From the first requested frame of the source to the end of the last, in seconds."""
    duration_sec: float
    """From the first frame of the output to the end of the last, in seconds."""
    av_offset_ms: float | None
    """The delay of the sound relative to the first frame, compared with the source, in milliseconds, by the
    timestamps of both files; None without sound."""
    psnr_luma_db: WorstAndMean
    """See `ComparedPicture.psnr_luma_db`."""
    psnr_rgb_db: WorstAndMean
    """See `ComparedPicture.psnr_rgb_db`."""
    ssim: WorstAndMean
    """See `ComparedPicture.ssim`."""
    colour_distance: WorstAndMean
    """See `ComparedPicture.colour_distance`."""
    colour_error: tuple[float, float, float]
    """The mean of `ComparedPicture.colour_error` over all compared frames."""
    pictures: tuple[ComparedPicture, ...]
    """The compared frames in order of time, evenly spread."""


class FlickerNumbers(Strict):
    """How much a video changes from one frame to the next: the mean absolute difference of luma, in levels.

    The numbers that end in `_bicubic` are those of a bicubic enlargement of the source to the same size.
    """

    still_share: float
    """The share of the pixels where the source stands still, 0..1."""
    still_levels: float | None
    """The change of the output where the source stands still; None if hardly any of it does."""
    still_levels_bicubic: float | None
    """The same of the bicubic enlargement."""
    moving_share: float
    """The share of the pixels where the source moves and its motion is known, 0..1."""
    moving_levels: float | None
    """The change of the output along the motion of the source; None if there is hardly any that is known."""
    moving_levels_bicubic: float | None
    """The same of the bicubic enlargement."""


class FlickerOfPair(FlickerNumbers):
    """The flicker between one frame and the next."""

    frame: int
    """The index of the first of the two frames in the output, from 0."""
    time_sec: float
    """When that frame is shown, in seconds since the first frame."""


class FlickerReport(FlickerNumbers):
    """The flicker over all pairs of frames that were compared; the means are over all of their pixels."""

    area_share: float
    """The share of the picture that was compared, 0..1: all of a small one, and the middle of a large one."""
    pairs: tuple[FlickerOfPair, ...]
    """The pairs in order of time, evenly spread."""


class FidelityReportFile(FidelityReport):
    """A report in a file of its own, which names the files that were compared and measures flicker."""

    source: str
    """The name of the source file."""
    output: str
    """The name of the output file."""
    flicker: FlickerReport | None = None
    """How much the output changes from frame to frame where the source does not; None with fewer than two
    frames."""
