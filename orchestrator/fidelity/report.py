"""Measures an output that passed the check, frame by frame and in total, and writes the report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.drawing.picture_files import write_picture
from orchestrator.errors import BadRequest, DiskFull
from orchestrator.fidelity.check import Fidelity, FrameCountAndSize
from orchestrator.fidelity.fault_rules import FramePair
from orchestrator.fidelity.metrics import colour_distance, mean_square, psnr_db, ssim
from orchestrator.fidelity.report_image import draw_fidelity
from orchestrator.fidelity.sampler import FrameSampler
from orchestrator.jobs import ComparedPicture, FidelityReport, FidelityReportFile, FlickerReport, WorstAndMean
from orchestrator.media.read.demux import open_source
from orchestrator.media.write.readback import first_heard_s
from orchestrator.storage.staged import staged
from orchestrator.video_source import VideoSource


def report_files(path: Path) -> tuple[Path, Path]:
    """Return the paths of a report: its JSON at `path`, and the picture beside it.

    Raises:
        BadRequest: the name does not end in .json.
    """
    if path.suffix.lower() != ".json":
        raise BadRequest(f"a report cannot be written as {path.name!r}; end its name in .json")
    return path, path.with_suffix(".png")


def write_report(
    path: Path,
    report: FidelityReport,
    pairs: Sequence[FramePair],
    *,
    source: VideoSource,
    output: Path,
    overwrite: bool,
    flicker: FlickerReport | None = None,
) -> None:
    """Write a report and its picture; see `report_files`.

    Args:
        path: path of the JSON.
        report: the report to write.
        pairs: the compared frames of the report.
        source, output: the files that were compared; the report names them.
        overwrite: replace files that exist.
        flicker: how much the output flickers; None if that was not measured.

    Raises:
        OutputPathRefused: see `staged`.
        DiskFull: a file could not be written; neither is kept.
    """
    json_path, picture_path = report_files(path)
    named = FidelityReportFile(source=source.name, output=output.name, flicker=flicker, **dict(report))
    with staged(json_path, overwrite=overwrite) as temporary:
        try:
            temporary.write_text(named.model_dump_json(indent=2) + "\n", encoding="utf-8")
        except OSError as exc:
            raise DiskFull(f"{json_path} cannot be written: {exc.strerror}; free some space") from exc
        write_picture(picture_path, draw_fidelity(named, pairs), overwrite=overwrite)


def report_on(
    fidelity: Fidelity,
    *,
    sampler: FrameSampler,
    source: VideoSource,
    start_s: Fraction | None = None,
) -> FidelityReport:
    """Measure an output that passed the check.

    Args:
        fidelity: the result of the check.
        sampler: the samples of the source.
        source: the source file.
        start_s: start of the exported part, on the source's own clock; None for its beginning.
    """
    return report_of(
        measured_pictures(fidelity),
        written=fidelity.written,
        source_duration_s=sampler.duration_s,
        duration_s=fidelity.duration_s,
        sound_offset_s=sound_offset_s(
            source, first_s=sampler.first_s, start_s=start_s, sound_after_s=fidelity.sound_after_s
        ),
    )


def sound_offset_s(
    source: VideoSource, *, first_s: Fraction, start_s: Fraction | None, sound_after_s: Fraction | None
) -> Fraction | None:
    """Return how much later the sound of an output is than that of its source, in seconds.

    Args:
        source: the source file.
        first_s: when the source shows the first frame of the output, on its own clock.
        start_s: start of the exported part, on the source's own clock; None for its beginning.
        sound_after_s: time from the first picture of the output to its first audio sample; None without
            audio.

    Returns:
        The delay; None if one of the files has no audio.
    """
    heard_s = first_heard_s(source, open_source)
    if heard_s is None or sound_after_s is None:
        return None
    # Audio before the first picture is cut off, or before the start if the video begins later.
    expected_s = heard_s if start_s is None else max(heard_s, min(start_s, first_s))
    return sound_after_s - (expected_s - first_s)


def report_of(
    pictures: Sequence[ComparedPicture],
    *,
    written: FrameCountAndSize,
    source_duration_s: Fraction,
    duration_s: Fraction,
    sound_offset_s: Fraction | None,
) -> FidelityReport:
    """Summarize compared frames.

    Args:
        pictures: at least one compared frame, in order of time.
        written: what the output contains.
        source_duration_s, duration_s: from the first frame to the end of the last, in seconds, in the source
            and in the output.
        sound_offset_s: see the function of this name.
    """
    errors = np.array([picture.colour_error for picture in pictures])
    return FidelityReport(
        width=written.width,
        height=written.height,
        frames_read=written.frames + written.left_out,
        frames_written=written.frames,
        frames_in_output=written.frames,
        source_duration_sec=_rounded(source_duration_s, 6),
        duration_sec=_rounded(duration_s, 6),
        av_offset_ms=None if sound_offset_s is None else _rounded(1000 * sound_offset_s, 3),
        psnr_luma_db=_spread([picture.psnr_luma_db for picture in pictures]),
        psnr_rgb_db=_spread([picture.psnr_rgb_db for picture in pictures]),
        ssim=_spread([picture.ssim for picture in pictures]),
        colour_distance=_spread([picture.colour_distance for picture in pictures], max),
        colour_error=_levels(errors),
        pictures=tuple(pictures),
    )


def measured_pictures(
    fidelity: Fidelity, frames: Collection[int] | None = None
) -> tuple[ComparedPicture, ...]:
    """Measure compared frames of an output that passed the check, in order of time.

    Args:
        fidelity: the check.
        frames: the indexes of those to measure; None measures all.
    """
    pairs = (pair for pair in fidelity.pairs if frames is None or pair.sample.index in frames)
    return tuple(_measure(pair, fidelity.late_by) for pair in pairs)


def _measure(pair: FramePair, late_by: dict[int, int]) -> ComparedPicture:
    source = pair.sample.pixels
    height, width = source.shape[:2]
    errors = np.subtract(pair.output, source, dtype=np.float64).reshape(-1, 3)
    moved = pair.displacement
    return ComparedPicture(
        frame=pair.sample.index,
        time_sec=_rounded(pair.sample.time_s, 6),
        size=(width, height),
        psnr_luma_db=_rounded(psnr_db(pair.mean_square), 3),
        psnr_rgb_db=_rounded(psnr_db(mean_square(source, pair.output)), 3),
        ssim=_rounded(ssim(*pair.lumas), 5),
        colour_error=_levels(errors),
        colour_distance=_rounded(colour_distance(*pair.coarse), 3),
        displacement_px=None if moved is None else (_rounded(moved[0], 2), _rounded(moved[1], 2)),
        pictures_late=late_by.get(pair.sample.index),
    )


def _spread(values: list[float], worst: Callable[[list[float]], float] = min) -> WorstAndMean:
    return WorstAndMean(worst=worst(values), mean=_rounded(sum(values) / len(values), 5))


def _levels(errors: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean of errors, float64 [N, 3]."""
    red, green, blue = (_rounded(float(errors[:, channel].mean()), 3) for channel in range(3))
    return red, green, blue


def _rounded(value: float | Fraction, places: int) -> float:
    return round(float(value), places) + 0.0  # no minus before a zero
