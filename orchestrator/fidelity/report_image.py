"""Draws a fidelity report: some frames of source and output, their difference, and the metrics over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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

BICUBIC_INK: Ink = (186, 190, 198)
_FLICKER_CHARTS = (
    ("flicker where the source stands still, levels", "still_levels"),
    ("change along the motion of the source, levels", "moving_levels"),
)
"""Title and field of each chart of flicker."""

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
    charts = _all_curves(report)
    height = _HEADER_PX + rows_px + len(charts) * (_ABOVE_CHART_PX + _CHART_PX) + _AXIS_PX + _MARGIN_PX // 2
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
    _charts(canvas, report, charts, top)
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
    if report.flicker is not None and report.flicker.still_levels is not None:
        ours, bicubic = report.flicker.still_levels, report.flicker.still_levels_bicubic
        facts.append(f"flicker {ours:.2f} levels, bicubic {bicubic:.2f}")
    canvas.text("    ".join(facts), (_MARGIN_PX, 76), 9.5, most_px=WIDTH_PX - 2 * _MARGIN_PX)


def _caption(picture: ComparedPicture, report: FidelityReport) -> str:
    wide, high = picture.size
    at = format_time(picture.time_sec, 0.01, report.duration_sec)
    measures = (
        f"PSNR {picture.psnr_luma_db:.1f} dB    SSIM {picture.ssim:.3f}    dE {picture.colour_distance:.1f}"
    )
    return f"frame {picture.frame} at {at}    {measures}    compared at {wide}x{high}"


@dataclass(frozen=True, kw_only=True)
class _Curves:
    """The content of one chart.

    Attributes:
        title: what the chart shows.
        finest: the smallest step of the vertical axis, a power of ten.
        curves: name, ink, and points (time in seconds, value) of each curve.
    """

    title: str
    finest: float
    curves: Sequence[tuple[str, Ink, Sequence[tuple[float, float]]]]


def _all_curves(report: FidelityReportFile) -> list[_Curves]:
    """Return the charts of a report; those of flicker only if there is any to show."""

    def over_time(name: str) -> list[tuple[float, float]]:
        return [(picture.time_sec, getattr(picture, name)) for picture in report.pictures]

    pairs = report.flicker.pairs if report.flicker else ()
    flicker = []
    for title, name in _FLICKER_CHARTS:
        measured = [pair for pair in pairs if getattr(pair, name) is not None]
        curves = [
            (label, ink, [(pair.time_sec, getattr(pair, field)) for pair in measured])
            for label, ink, field in (
                ("output", _LUMA_INK, name),
                ("bicubic enlargement of the source", BICUBIC_INK, f"{name}_bicubic"),
            )
        ]
        if measured:
            flicker.append(_Curves(title=title, finest=0.1, curves=curves))
    return [
        _Curves(
            title="PSNR, dB",
            finest=1,
            curves=[
                ("luma", _LUMA_INK, over_time("psnr_luma_db")),
                ("RGB", _RGB_INK, over_time("psnr_rgb_db")),
            ],
        ),
        _Curves(title="SSIM", finest=0.01, curves=[("", _LUMA_INK, over_time("ssim"))]),
        *flicker,
    ]


def _charts(canvas: Canvas, report: FidelityReportFile, charts: Sequence[_Curves], top: float) -> None:
    axis = TimeAxis(
        left=_MARGIN_PX + _SCALE_PX,
        right=WIDTH_PX - _MARGIN_PX,
        start_s=0.0,
        end_s=max(report.duration_sec, report.pictures[-1].time_sec) or 1.0,
    )
    tops = [top + _ABOVE_CHART_PX + number * (_ABOVE_CHART_PX + _CHART_PX) for number in range(len(charts))]
    axis.draw(canvas, tops[-1], tops[-1] + _CHART_PX)
    for chart, place in zip(charts, tops, strict=True):
        x = _MARGIN_PX + canvas.text(chart.title, (_MARGIN_PX, place - 18), 11, bold=True) + 24
        curves = []
        for label, ink, points in chart.curves:
            x += canvas.text(label, (x, place - 18), 9.5, ink=ink) + 16
            curves.append((ink, [(axis.across(time_s), value) for time_s, value in points]))
        _chart(canvas, axis, place, curves[::-1], finest=chart.finest)  # the first curve on top


def _chart(
    canvas: Canvas,
    axis: TimeAxis,
    top: float,
    curves: Sequence[tuple[Ink, list[tuple[float, float]]]],
    *,
    finest: float,
) -> None:
    """Draw curves in one chart: ink and points (pixels from the left, value) of each.

    The vertical axis has round numbers; `finest`, a power of ten, is their smallest step.
    """
    values = [value for _, curve in curves for _, value in curve]
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
    for number, (ink, curve) in enumerate(curves):
        # Curves often coincide: those below are wider than the last one, and stay visible.
        canvas.line([(x, down(value)) for x, value in curve], ink, wide=number + 1 < len(curves))


def _step(span: float, finest: float) -> float:
    """Return the step between ticks: a round number that gives at most _MOST_TICKS."""
    unit = max(finest, 10.0 ** math.floor(math.log10(max(span / _MOST_TICKS, finest))))
    return next(unit * factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= _MOST_TICKS)
