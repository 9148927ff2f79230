"""Draws a timeline picture: each track is a row with a thumbnail, its name and the times it was visible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.drawing.canvas import FAINT, FINER, STRIPE, Canvas
from orchestrator.drawing.pen import Ink, colour_of, to_ascii
from orchestrator.drawing.time_axis import TimeAxis, format_time
from orchestrator.frames import Pixels
from orchestrator.track_output.reported_tracks import ReportedTrack

MOST_ROWS = 60
"""Most tracks shown: the longest."""

WIDTH_PX = 1400
_MARGIN_PX = 36
_HEADER_PX = 96
_AXIS_PX = 44
_MORE_PX = 30
_NAME_PX = 190
_ROW_PX, _MANY_ROW_PX, _MANY = 48, 32, 24  # height of a row; its height if there are more rows than _MANY

_THUMBNAIL_PX = 40 * FINER

_BRIEF_S = 0.3
"""Shorter gaps in a track are not shown: they come from noise, or from a stride."""

_MOST_CLASSES = 8


def longest(tracks: Iterable[ReportedTrack]) -> list[ReportedTrack]:
    """Return the tracks to show, at most MOST_ROWS, in order of id."""
    by_duration = sorted(tracks, key=lambda track: (int(track.pts[0] - track.pts[-1]), track.id))
    return sorted(by_duration[:MOST_ROWS], key=lambda track: track.id)


class Thumbnails:
    """Cuts a thumbnail of each track in a timeline from the frame of its best detection.

    Memory is limited to MOST_ROWS thumbnails.

    Args:
        tracks: tracks of the video.

    Attributes:
        frames: indices of the frames that `take` needs.
    """

    def __init__(self, tracks: Iterable[ReportedTrack]) -> None:
        self._boxes: dict[int, list[tuple[int, NDArray[np.float32]]]] = {}
        for track in longest(tracks):
            row = track.best
            self._boxes.setdefault(int(track.frames[row]), []).append((track.id, track.boxes[row]))
        self._pictures: dict[int, Pixels] = {}
        self.frames = frozenset(self._boxes)

    def take(self, frame: int, pixels: Pixels) -> None:
        """Cut the thumbnails whose best detection is in this frame.

        Args:
            frame: index of the frame.
            pixels: uint8 [H, W, 3] RGB, the whole frame as displayed; it is not kept.
        """
        height, width = pixels.shape[:2]
        for number, (x1, y1, x2, y2) in (
            (number, box.tolist()) for number, box in self._boxes.get(frame, ())
        ):
            side = max(1, min(round(1.1 * max(x2 - x1, y2 - y1)), width, height))
            left = min(max(0, round((x1 + x2 - side) / 2)), width - side)
            top = min(max(0, round((y1 + y2 - side) / 2)), height - side)
            square = pixels[top : top + side, left : left + side]
            size = (_THUMBNAIL_PX, _THUMBNAIL_PX)
            self._pictures[number] = np.asarray(
                cv2.resize(square, size, interpolation=cv2.INTER_AREA), np.uint8
            )

    def of(self, track: ReportedTrack) -> Pixels | None:
        """Return the thumbnail of a track, uint8 [h, h, 3] RGB; None if `take` did not get its frame."""
        return self._pictures.get(track.id)


def draw_timeline(
    tracks: Sequence[ReportedTrack],
    *,
    thumbnails: Thumbnails,
    classes: tuple[str, ...],
    time_base: Fraction,
    start_s: float,
    duration_s: float,
) -> Pixels:
    """Draw the timeline.

    A bar is thick where the object was detected, thin where its boxes were interpolated, and a line where it
    was absent. Its colour is that of the class. Names are written in ASCII.

    Args:
        tracks: tracks of the video, in order of id.
        thumbnails: thumbnails of the tracks; missing ones are left blank.
        classes: class names by class number.
        time_base: unit of the tracks' pts, in seconds.
        start_s: time of the video's first frame, in seconds.
        duration_s: duration of the video.

    Returns:
        uint8 [H, WIDTH_PX, 3] RGB.
    """
    shown = longest(tracks)
    left_out = len(tracks) - len(shown)
    row_px = _ROW_PX if len(shown) <= _MANY else _MANY_ROW_PX
    rows_px = max(2 * _ROW_PX, row_px * len(shown))
    canvas = Canvas(
        WIDTH_PX, _HEADER_PX + rows_px + (_MORE_PX if left_out else 0) + _AXIS_PX + _MARGIN_PX // 2
    )
    left, right = _MARGIN_PX + row_px + _NAME_PX, WIDTH_PX - _MARGIN_PX
    axis = TimeAxis(left=left, right=right, start_s=start_s, end_s=start_s + (duration_s or 1))

    what = "1 track" if len(tracks) == 1 else f"{len(tracks) or 'No'} tracks"
    canvas.text(f"{what} in {format_time(duration_s, 0.1, duration_s)}", (_MARGIN_PX, 44), 15, bold=True)
    _legend(canvas, sorted({track.class_number for track in shown}), classes)
    bottom = _HEADER_PX + rows_px
    for number in range(1, len(shown), 2):
        top = _HEADER_PX + number * row_px
        canvas.bar((_MARGIN_PX, top), (right, top + row_px), STRIPE)
    axis.draw(canvas, _HEADER_PX, bottom)
    if not shown:
        centre = ((left + right) / 2, _HEADER_PX + rows_px / 2 + 5)
        canvas.text("No objects were tracked", centre, 12, ink=FAINT, align=0.5)
    for number, track in enumerate(shown):
        top, ink = _HEADER_PX + number * row_px, _on_paper(track.class_number)
        canvas.picture(thumbnails.of(track), (_MARGIN_PX + 4, top + 3), (row_px - 6, row_px - 6))
        middle = top + row_px / 2
        name = f"{to_ascii(classes[track.class_number])} {track.id}"
        canvas.text(name, (_MARGIN_PX + row_px + 8, middle + 5), 9.5, most_px=_NAME_PX - 20)
        for height, spans in zip((1.5, 0.14 * row_px, 0.46 * row_px), _spans(track, time_base), strict=True):
            for begin_s, stop_s in spans:
                x1, x2 = axis.across(begin_s), axis.across(stop_s)
                wider = max(0, 3 - (x2 - x1)) / 2
                corners = (x1 - wider, middle - height / 2), (x2 + wider, middle + height / 2)
                canvas.bar(*corners, ink, rounded=height > 2)
    if left_out:
        more = f"and {left_out} shorter {'one' if left_out == 1 else 'ones'}"
        canvas.text(more, (_MARGIN_PX + row_px + 8, bottom + _AXIS_PX), 9.5, ink=FAINT)
    return canvas.finished()


def _spans(track: ReportedTrack, time_base: Fraction) -> list[list[tuple[float, float]]]:
    """Return the spans in seconds in which a track existed, had boxes, and was detected."""
    everything = np.ones(len(track), np.bool_)
    spans = [[(0, len(track) - 1)], _runs(track, everything, time_base)]
    spans.append(_runs(track, ~track.interpolated, time_base))
    times = (track.pts * float(time_base)).tolist()
    return [[(times[first], times[last]) for first, last in part] for part in spans]


def _runs(track: ReportedTrack, mask: NDArray[np.bool_], time_base: Fraction) -> list[tuple[int, int]]:
    """Return the first and last row of each run of rows in the mask with only brief gaps between them."""
    rows = np.flatnonzero(mask)
    away = (np.diff(track.frames[rows]) > 1) & (np.diff(track.pts[rows]) * float(time_base) > _BRIEF_S)
    breaks = np.flatnonzero(away)
    firsts, lasts = np.append(0, breaks + 1), np.append(breaks, len(rows) - 1)
    return list(zip(rows[firsts].tolist(), rows[lasts].tolist(), strict=True))


def _legend(canvas: Canvas, numbers: list[int], classes: tuple[str, ...]) -> None:
    x: float = _MARGIN_PX
    for number in numbers[:_MOST_CLASSES]:
        canvas.bar((x, 63), (x + 16, 75), _on_paper(number), rounded=True)
        x += 24 + canvas.text(to_ascii(classes[number]), (x + 22, 73), 9, most_px=130) + 20
    if len(numbers) > _MOST_CLASSES:
        canvas.text(f"and {len(numbers) - _MOST_CLASSES} more classes", (x, 73), 9, ink=FAINT)


def _on_paper(class_number: int) -> Ink:
    """Return a class's colour, darkened for a light background."""
    red, green, blue = (round(0.8 * part) for part in colour_of(class_number))
    return red, green, blue
