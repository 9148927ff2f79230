"""Draws tracks on the frames of their video: boxes, labels, and trails of their past positions."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.drawing.label_places import Rectangle
from orchestrator.drawing.pen import DARK, Ink, Pen, colour_of, to_ascii
from orchestrator.frames import Pixels
from orchestrator.track_output.reported_tracks import ReportedTrack, ReportedTracks

TRAIL_S = 1.5
"""Length of a trail in time: long enough to show a direction, short enough not to clutter the picture."""

_CORNERS = 19
"""Most points of a trail; more would be invisible and take time to draw."""

_STRAIGHT = 3
"""Number of lines of a trail that are drawn with one opacity."""

_RIM_OPACITY = 0.6

SMOOTH_S = 0.4
"""Time before and after a point of a trail over which it is smoothed."""

_NO_SPREAD = 1e-9
"""Least variance of times, in SMOOTH_S squared, from which a slope is computed."""

_HEAD_OF_HEIGHT = 0.2
"""A head is about a fifth of a standing figure."""


class Overlay:
    """Draws the tracks of one video.

    Args:
        tracks: tracks of the video.
        classes: class names by class number.
        width, height: size of the pictures to draw on, in their pixels.
        shown_width: width of the picture as displayed, in square pixels, as in the tracks.
        time_base: unit of the tracks' pts, in seconds.
    """

    def __init__(
        self,
        tracks: ReportedTracks,
        *,
        classes: tuple[str, ...],
        width: int,
        height: int,
        shown_width: int,
        time_base: Fraction,
    ) -> None:
        self._tracks = tracks
        self._names = [to_ascii(name) for name in classes]
        self._trail_pts = TRAIL_S / float(time_base)
        self._smooth_pts = SMOOTH_S / float(time_base)
        self._ages = np.linspace(self._trail_pts, 0, _CORNERS)
        self._scale = np.array([width / shown_width, 1, width / shown_width, 1], np.float32)
        self._pen = Pen(width=width, height=height)
        self._line_px = max(1, self._pen.line_px - 1)
        self._rim_px = self._line_px + 2 * ((self._line_px + 2) // 3)

    def draw(self, pixels: Pixels, frame: int) -> None:
        """Draw the trails of a frame, boxes over them, and labels over those; the nearest objects last.

        An interpolated box is thin and dashed, and its label has no score. In a tiny picture a label has only
        the id, or is left out.

        Args:
            pixels: uint8 [H, W, 3] RGB, the whole frame, C-contiguous; it is modified.
            frame: index of the frame.
        """
        here = self._tracks.by_frame(frame)
        here.sort(key=lambda item: float(item[0].boxes[item[1], 3]))  # lower objects are nearer
        for track, row in here:
            self._trail(pixels, track, row)
        for track, row in here:
            dashed = bool(track.interpolated[row])
            self._pen.box(pixels, self._scale * track.boxes[row], colour_of(track.id), dashed=dashed)
        boxes = [self._scale * track.boxes[row] for track, row in here]
        taken = [_head(box, margin_px=self._pen.edge_px + 1) for box in boxes]
        for (track, row), box in zip(here, boxes, strict=True):
            score = "" if track.interpolated[row] else f"{track.scores[row]:.2f}"
            text, colour = f"{self._names[track.class_number]} {track.id}", colour_of(track.id)
            place = self._pen.label(pixels, box, text, colour, small=score, short=str(track.id), avoid=taken)
            taken.append(place)

    def _trail(self, pixels: Pixels, track: ReportedTrack, row: int) -> None:
        """Draw the path of the middle of the box's lower edge, fading with age.

        The path is smoothed, so that it does not zigzag when the box changes its shape.
        """
        now = int(track.pts[row])
        rows = np.unique(np.searchsorted(track.pts[: row + 1], now - self._ages))
        if len(rows) < 2:
            return
        ages = ((now - track.pts[rows]) / self._trail_pts).tolist()
        path = np.rint(self._smooth_path(track, rows)).astype(np.int32)
        margin = self._rim_px
        height, width = pixels.shape[:2]
        left, top = np.maximum(path.min(0) - margin, 0).tolist()
        right, bottom = np.minimum(path.max(0) + margin, [width, height]).tolist()
        region = pixels[top:bottom, left:right]
        rim, line = np.zeros((2, *region.shape[:2]), np.uint8)
        for first in range(0, len(rows) - 1, _STRAIGHT):
            piece, strength = path[first : first + _STRAIGHT + 1] - [left, top], 255 * (1 - 0.9 * ages[first])
            cv2.polylines(rim, [piece], False, _RIM_OPACITY * strength, self._rim_px)  # noqa: FBT003
            cv2.polylines(line, [piece], False, strength, self._line_px, cv2.LINE_AA)  # noqa: FBT003
        where = np.divmod(np.flatnonzero(rim.astype(np.bool_)), rim.shape[1])  # a tenth of `nonzero`'s time
        mixed = _mixed(region[where], DARK, rim[where])
        region[where] = np.rint(_mixed(mixed, colour_of(track.id), line[where]))

    def _smooth_path(self, track: ReportedTrack, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return points of the trail, float32 [N, 2], at N rising rows of a track; the last row is now.

        Each point lies on the straight line that fits best, by least squares, the lower edges within SMOOTH_S
        of it, or within 2 SMOOTH_S of the end of the path that is nearer: unlike a mean, a line does not lag
        there. The last SMOOTH_S are shifted, the later the more, so that the trail ends at the box.
        """
        first = int(np.searchsorted(track.pts, track.pts[rows[0]] - self._smooth_pts))
        boxes, pts = self._scale * track.boxes[first : rows[-1] + 1], track.pts[first : rows[-1] + 1]
        points = np.column_stack(((boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3])).astype(np.float64)
        at = pts[rows - first]
        middles = np.clip(
            at, pts[0] + self._smooth_pts, max(pts[0], pts[-1] - 2 * self._smooth_pts) + self._smooth_pts
        )
        begins = np.searchsorted(pts, middles - self._smooth_pts)
        ends = np.searchsorted(pts, middles + self._smooth_pts, side="right")
        times = (pts - pts[-1])[:, None] / self._smooth_pts
        columns = np.hstack((np.ones_like(times), times, times**2, points, times * points))
        sums = np.vstack((np.zeros((1, columns.shape[1])), columns.cumsum(axis=0)))
        means = (sums[ends] - sums[begins]) / (ends - begins)[:, None]
        middle, spread = means[:, 1:2], means[:, 2:3] - means[:, 1:2] ** 2
        slope = (means[:, 5:7] - middle * means[:, 3:5]) / np.maximum(spread, _NO_SPREAD)
        line = means[:, 3:5] + slope * (times[rows - first] - middle)
        return np.asarray(line + np.maximum(1 + times[rows - first], 0) * (points[-1] - line[-1]), np.float32)


def _head(box: NDArray[np.float32], *, margin_px: int) -> Rectangle:
    """Return the part of a box that labels should not cover: the middle of its upper end, within its line."""
    x1, y1, x2, y2 = box.tolist()
    high = max(_HEAD_OF_HEIGHT * (y2 - y1), min(y2 - y1, (x2 - x1) / 2))
    half = min(x2 - x1, high) / 2
    middle = (x1 + x2) / 2
    return round(middle - half), round(y1) + margin_px, round(middle + half), round(y1 + high)


def _mixed(under: NDArray[np.generic], ink: Ink, share: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Blend a colour into pixels [n, 3] by a share [n], 0..255."""
    base = under.astype(np.float32)
    return base + (share.astype(np.float32) / 255)[:, None] * (np.array(ink, np.float32) - base)
