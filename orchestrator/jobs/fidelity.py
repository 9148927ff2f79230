"""The report on how true an output is to its source."""

from __future__ import annotations

from orchestrator.jobs.validation import Strict


class ComparedPicture(Strict):
    """A picture of the output, scaled down to the size of the source's or less, against the source's.

    Attributes:
        frame: number of the frame in the output, from 0.
        time_sec: when it is shown, in seconds since the first picture.
        size: [width, height] at which it is compared, in pixels.
        psnr_luma_db: PSNR of luma (BT.709), in dB; 100 where there is no difference.
        psnr_rgb_db: PSNR of red, green and blue.
        ssim: structural similarity of luma (Wang et al. 2004); 1 where there is no difference.
        colour_error: mean of output minus source, in levels of 255, of red, green and blue.
        colour_distance: mean difference in colour between blocks of the pictures, dE*ab (CIE 1976); some 2.3
            are just seen.
        displacement_px: how far it lies to the right and down, in pixels, by phase correlation; None where
            that does not tell.
        pictures_late: by how many pictures later it fits far better; None where it fits so well at its own
            time that no other was tried.
    """

    frame: int
    time_sec: float
    size: tuple[int, int]
    psnr_luma_db: float
    psnr_rgb_db: float
    ssim: float
    colour_error: tuple[float, float, float]
    colour_distance: float
    displacement_px: tuple[float, float] | None
    pictures_late: int | None


class Spread(Strict):
    """A measure over all compared pictures.

    Attributes:
        worst: of one picture.
        mean: of all.
    """

    worst: float
    mean: float


class FidelityReport(Strict):
    """How true an output is to its source, by some of its pictures.

    Attributes:
        source: name of the source file.
        output: name of the output file.
        width, height: of the output, in pixels.
        frames_read: frames of the source, or of the part of it that was wanted.
        frames_written: frames that were encoded.
        frames_in_output: frames that the file shows when it is played back.
        source_duration_sec: from the first picture that was wanted to the end of the last.
        duration_sec: the same, of the output.
        av_offset_ms: how much later than in the source the sound begins, seen from the first picture, by the
            times in both files, in milliseconds; None without sound.
        psnr_luma_db, psnr_rgb_db, ssim, colour_distance: over all compared pictures; see there.
        colour_error: the mean over all compared pictures.
        pictures: that were compared, in order of time, evenly spread.
    """

    source: str
    output: str
    width: int
    height: int
    frames_read: int
    frames_written: int
    frames_in_output: int
    source_duration_sec: float
    duration_sec: float
    av_offset_ms: float | None
    psnr_luma_db: Spread
    psnr_rgb_db: Spread
    ssim: Spread
    colour_distance: Spread
    colour_error: tuple[float, float, float]
    pictures: tuple[ComparedPicture, ...]
