"""Draws a fidelity report: some frames of source and output, their difference, and the metrics over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from orchestrator.drawing.canvas import FAINT, GRID, Canvas
from orchestrator.drawing.pen import Ink, to_ascii
from orchestrator.drawing.time_axis import TimeAxis, format_time
from orchestrator.fidelity.fault_rules import FramePair
from orchestrator.frames import Pixels
from orchestrator.jobs import ComparedPicture, FidelityReport, FidelityReportFile

MOST_ROWS = 4
"""Most frames shown: the one with the lowest PSNR, and others evenly spread."""

WIDTH_PX = 1400
_MARGIN_PX = 36
_HEADER_PX = 130
_CAPTION_PX = 34
_GAP_PX = 16
_MOST_HIGH_PX = 300
_LEAST_APART_PX = 160
_CHART_PX = 130
_ABOVE_CHART_PX = 58
_AXIS_PX = 44
_SCALE_PX = 64
"""Width of the numbers beside a chart."""

_LUMA_INK: Ink = (32, 92, 168)
_RGB_INK: Ink = (200, 96, 32)

_MOST_FACTOR = 32
_WITHIN = 99.5
"""Percentage of the differences that the factor must not clip."""

_MOST_TICKS = 4


def draw_fidelity(report: FidelityReportFile, pairs: Sequence[FramePair]) -> Pixels:
    """Draw a report.

    Args:
        report: the report on `pairs`.
        pairs: the compared frames, in order of time.

    Returns:
        uint8 [H, WIDTH_PX, 3] RGB.
    """
    rows = _rows(report.pictures)
    column_px = (WIDTH_PX - 2 * _MARGIN_PX - 2 * _GAP_PX) // 3
    sizes = [_fitted(report.pictures[row].size, column_px) for row in rows]
    rows_px = sum(_CAPTION_PX + high for _, high in sizes)
    height = _HEADER_PX + rows_px + 2 * (_ABOVE_CHART_PX + _CHART_PX) + _AXIS_PX + _MARGIN_PX // 2
    canvas = Canvas(WIDTH_PX, height)
    apart = max(_LEAST_APART_PX, *(wide for wide, _ in sizes)) + _GAP_PX
    columns = [_MARGIN_PX + number * apart for number in range(3)]
    differences = [_difference(pairs[row]) for row in rows]
    factor = _factor(differences)
    _header(canvas, report)
    for column, name in zip(columns, ("source", "output", f"difference x {factor}"), strict=True):
        canvas.text(name, (column, _HEADER_PX), 11, bold=True)
    top = _HEADER_PX
    for row, (wide, high), difference in zip(rows, sizes, differences, strict=True):
        picture, pair = report.pictures[row], pairs[row]
        canvas.text(_caption(picture, report), (_MARGIN_PX, top + 24), 9, ink=FAINT)
        top += _CAPTION_PX
        amplified = np.asarray(np.minimum(difference * factor, 255), np.uint8)
        for column, pixels in zip(columns, (pair.sample.pixels, pair.output, amplified), strict=True):
            canvas.picture(pixels, (column, top), (wide, high))
        top += high
    _charts(canvas, report, top)
    return canvas.finished()


def _rows(pictures: Sequence[ComparedPicture]) -> list[int]:
    worst = min(range(len(pictures)), key=lambda number: pictures[number].psnr_luma_db)
    others = [number for number in range(len(pictures)) if number != worst]
    spread = np.linspace(0, len(others) - 1, min(len(others), MOST_ROWS - 1)).round().astype(int)
    return sorted([worst, *(others[place] for place in spread)])


def _fitted(size: tuple[int, int], column_px: int) -> tuple[int, int]:
    """Return width and height of a picture in its column."""
    scale = min(column_px / size[0], _MOST_HIGH_PX / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _difference(pair: FramePair) -> Pixels:
    output, source = pair.output, pair.sample.pixels
    return np.asarray(np.maximum(output, source) - np.minimum(output, source), np.uint8)


def _factor(differences: Sequence[Pixels]) -> int:
    """Return the factor for the differences: a power of two that clips hardly any."""
    largest = max(float(np.percentile(difference, _WITHIN)) for difference in differences)
    return 1 << int(math.log2(min(max(255 / max(largest, 1), 1), _MOST_FACTOR)))


def _header(canvas: Canvas, report: FidelityReportFile) -> None:
    psnr, similarity = report.psnr_luma_db, report.ssim
    title = f"PSNR {psnr.mean:.1f} dB, SSIM {similarity.mean:.3f}"
    wide = canvas.text(title, (_MARGIN_PX, 44), 15, bold=True)
    worst = f"at worst {psnr.worst:.1f} dB, {similarity.worst:.3f}"
    canvas.text(worst, (_MARGIN_PX + wide + 18, 44), 11, ink=FAINT)
    red, green, blue = (round(error, 1) + 0.0 for error in report.colour_error)  # no minus before a zero
    facts = [
        f"{to_ascii(report.output)} against {to_ascii(report.source)}",
        f"{report.frames_in_output} of {report.frames_read} frames",
        f"{report.width}x{report.height}",
        f"colours {red:+.1f} {green:+.1f} {blue:+.1f} levels, dE {report.colour_distance.mean:.1f}",
    ]
    if report.av_offset_ms is not None:
        facts.append(f"sound {round(report.av_offset_ms, 1) + 0.0:+.1f} ms")
    canvas.text("    ".join(facts), (_MARGIN_PX, 76), 9.5, most_px=WIDTH_PX - 2 * _MARGIN_PX)


def _caption(picture: ComparedPicture, report: FidelityReport) -> str:
    wide, high = picture.size
    at = format_time(picture.time_sec, 0.01, report.duration_sec)
    measures = (
        f"PSNR {picture.psnr_luma_db:.1f} dB    SSIM {picture.ssim:.3f}    dE {picture.colour_distance:.1f}"
    )
    return f"frame {picture.frame} at {at}    {measures}    compared at {wide}x{high}"


def _charts(canvas: Canvas, report: FidelityReport, top: float) -> None:
    pictures = report.pictures
    axis = TimeAxis(
        left=_MARGIN_PX + _SCALE_PX,
        right=WIDTH_PX - _MARGIN_PX,
        start_s=0.0,
        end_s=max(report.duration_sec, pictures[-1].time_sec) or 1.0,
    )
    times = [axis.across(picture.time_sec) for picture in pictures]
    luma, rgb = ([getattr(picture, name) for picture in pictures] for name in ("psnr_luma_db", "psnr_rgb_db"))
    similarity = [picture.ssim for picture in pictures]
    first, second = top + _ABOVE_CHART_PX, top + 2 * _ABOVE_CHART_PX + _CHART_PX
    wide = canvas.text("PSNR, dB", (_MARGIN_PX, first - 18), 11, bold=True)
    x = _MARGIN_PX + wide + 24
    x += canvas.text("luma", (x, first - 18), 9.5, ink=_LUMA_INK) + 16
    canvas.text("RGB", (x, first - 18), 9.5, ink=_RGB_INK)
    canvas.text("SSIM", (_MARGIN_PX, second - 18), 11, bold=True)
    axis.draw(canvas, second, second + _CHART_PX)
    _chart(
        canvas,
        axis,
        first,
        {_RGB_INK: list(zip(times, rgb, strict=True)), _LUMA_INK: list(zip(times, luma, strict=True))},
        finest=1,
    )
    _chart(canvas, axis, second, {_LUMA_INK: list(zip(times, similarity, strict=True))}, finest=0.01)


def _chart(
    canvas: Canvas, axis: TimeAxis, top: float, curves: dict[Ink, list[tuple[float, float]]], *, finest: float
) -> None:
    """Draw curves, points (pixels from the left, value) by ink, in one chart.

    The vertical axis has round numbers; `finest`, a power of ten, is their smallest step.
    """
    values = [value for curve in curves.values() for _, value in curve]
    step = _step(max(values) - min(values), finest)
    high = math.ceil(max(values) / step - 1e-9)
    low = min(math.floor(min(values) / step + 1e-9), high - 1)

    def down(value: float) -> float:
        return top + (1 - (value / step - low) / (high - low)) * _CHART_PX

    places = max(0, -math.floor(math.log10(step) + 1e-9))
    for tick in range(low, high + 1):
        y = down(tick * step)
        canvas.bar((axis.left, y - 0.5), (axis.right, y + 0.5), GRID)
        canvas.text(f"{tick * step:.{places}f}", (axis.left - 10, y + 4), 9, ink=FAINT, align=1)
    for ink, curve in curves.items():
        canvas.line([(x, down(value)) for x, value in curve], ink)


def _step(span: float, finest: float) -> float:
    """Return the step between ticks: a round number that gives at most _MOST_TICKS."""
    unit = max(finest, 10.0 ** math.floor(math.log10(max(span / _MOST_TICKS, finest))))
    return next(unit * factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= _MOST_TICKS)
