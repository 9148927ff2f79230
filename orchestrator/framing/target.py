"""Collects what a crop should show at each frame: one subject, some side by side, or the picture's middle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.appearances import Appearance
from orchestrator.framing.class_order import is_figure, is_head
from orchestrator.framing.subject_schedule import Turn
from orchestrator.jobs.crop import MOST_BESIDE

TOGETHER_S = 1.5
"""Subjects that fit into the crop together for a shorter time are not both kept."""
_FITS, _NO_LONGER_FITS = 0.85, 0.97
"""Share of the crop's width that subjects may need together to be both kept from now on, and no longer."""
_TOO_HIGH = 1.02
"""Subjects that need no more than the crop's height are both kept, until they need this share of it."""
_HEADS_FIT, _HEADS_NO_LONGER_FIT = 0.6, 0.7
"""The same for their heads alone, where the one that is followed is higher than the crop."""
_ABOUT_AS_HIGH = 0.97
"""A subject that was higher than the crop counts so until it is no higher than this share of it."""
_LIKE = 0.5
"""A subject of less than this share of the other's height or weight is a bystander."""
_HEAD_OF_HEIGHT, _HEAD_OF_WIDTH = 0.2, 0.5
"""A head is a fifth of a standing figure, and half as high as a figure close to the camera is wide."""
_CLOSE_UP_HIGH, _CLOSE_UP_WIDE, _CUT_OFF = 0.9, 0.8, 0.97
"""A person who fills this share of the picture's height, is at least this wide for that height, and is cut
off by the lower edge, at this share of the height or below, is close: all of the box may be the head."""
_CLOSE_HEAD = 0.7
"""A face of this share of the picture's height is close."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """What a crop should show, at N frames.

    Attributes:
        frames: int64 [N], indices of the frames, rising; N >= 1.
        boxes: float64 [N, 4], x1, y1, x2, y2 of the subjects in pixels.
        heads: float64 [N, 4], the part of each box that captions must not cover.
        is_wish: bool [N], whether there is nobody, so that the crop may also be anywhere else.
        is_close_up: bool [N], whether a person is so close that only the whole picture surely shows the head.
    """

    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    heads: NDArray[np.float64]
    is_wish: NDArray[np.bool_]
    is_close_up: NDArray[np.bool_]


def target_of(
    frames: NDArray[np.int64], boxes: NDArray[np.float64], class_name: str, *, height: int
) -> Target:
    """Return the target that shows the boxes, float64 [N, 4], of one subject at N frames.

    `height` is that of the picture, in pixels.
    """
    return Target(
        frames=frames,
        boxes=boxes,
        heads=heads_of(boxes, class_name),
        is_wish=np.zeros(len(frames), np.bool_),
        is_close_up=_is_close_up(boxes, class_name, height),
    )


def target_of_nobody(frames: NDArray[np.int64], *, width: int, height: int) -> Target:
    """Return the target that shows the middle of the picture."""
    middle = np.array([width, height, width, height], np.float64) / 2
    boxes = np.broadcast_to(middle, (len(frames), 4))
    return Target(
        frames=frames,
        boxes=boxes,
        heads=boxes,
        is_wish=np.ones(len(frames), np.bool_),
        is_close_up=np.zeros(len(frames), np.bool_),
    )


def target_of_turn(
    turn: Turn,
    appearances: Iterable[Appearance],
    *,
    sides: tuple[float, float],
    times_s: NDArray[np.float64],
    height: int,
) -> tuple[Target, list[int]]:
    """Return the target of a turn, and the ids of those that are kept in the crop beside its subject.

    Args:
        turn: who is followed.
        appearances: all that might be kept beside it: those of the same shot and the same group of classes,
            of similar height and weight, wherever they fit into the crop together for TOGETHER_S; at most
            MOST_BESIDE, those of the largest weight first.
        sides: width and height of the crop, in pixels.
        times_s: float64 [F], presentation time of each frame of the video, in seconds, rising.
        height: height of the picture, in pixels.
    """
    main = turn.appearance
    rows = (main.frames >= turn.first) & (main.frames <= turn.last)
    frames, boxes = main.frames[rows], main.boxes[rows].copy()
    heads = heads_of(boxes, main.class_name)
    is_close_up = _is_close_up(boxes, main.class_name, height)
    beside: list[int] = []
    if times_s[turn.last] - times_s[turn.first] < TOGETHER_S:
        appearances = ()
    for other in sorted(appearances, key=lambda appearance: (-appearance.weight, appearance.track)):
        if len(set(beside)) == MOST_BESIDE:
            break
        if not _is_like(main, other):
            continue
        there = (frames >= other.first) & (frames <= other.last)
        if not there.any():
            continue
        their_boxes = np.column_stack(
            [np.interp(frames, other.frames, other.boxes[:, side]) for side in range(4)]
        )
        both = _union(boxes, their_boxes)
        both_heads = _union(heads, heads_of(their_boxes, other.class_name))
        own_high = main.boxes[rows, 3] - main.boxes[rows, 1]
        kept = _together(
            boxes=both,
            heads=both_heads,
            own_high=own_high,
            there=there,
            sides=sides,
            seen_s=times_s[frames],
        )
        if kept.any():
            boxes[kept], heads[kept] = both[kept], both_heads[kept]
            beside.append(other.track)
    is_wish = np.zeros(len(frames), np.bool_)
    target = Target(frames=frames, boxes=boxes, heads=heads, is_wish=is_wish, is_close_up=is_close_up)
    return target, sorted(set(beside))


def joined(targets: Sequence[Target]) -> Target:
    """Return targets that follow each other in time as one."""
    return Target(
        frames=np.concatenate([target.frames for target in targets]),
        boxes=np.concatenate([target.boxes for target in targets]),
        heads=np.concatenate([target.heads for target in targets]),
        is_wish=np.concatenate([target.is_wish for target in targets]),
        is_close_up=np.concatenate([target.is_close_up for target in targets]),
    )


def heads_of(boxes: NDArray[np.float64], class_name: str) -> NDArray[np.float64]:
    """Return the part of each box, float64 [N, 4], that is the head of a person; of others the whole box."""
    heads = boxes.copy()
    if is_figure(class_name):
        wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        head_px = np.minimum(high, np.maximum(_HEAD_OF_HEIGHT * high, _HEAD_OF_WIDTH * wide))
        half_px = np.minimum(wide, head_px) / 2
        middle = (boxes[:, 0] + boxes[:, 2]) / 2
        heads[:, 0], heads[:, 2] = middle - half_px, middle + half_px
        heads[:, 3] = boxes[:, 1] + head_px
    return heads


def _is_close_up(boxes: NDArray[np.float64], class_name: str, height: int) -> NDArray[np.bool_]:
    """Return for each box, float64 [N, 4], whether a person is close, in a picture of this height."""
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    if is_head(class_name):
        return np.asarray(high >= _CLOSE_HEAD * height, np.bool_)
    fills = (high >= _CLOSE_UP_HIGH * height) & (wide >= _CLOSE_UP_WIDE * high)
    return np.asarray(is_figure(class_name) & fills & (boxes[:, 3] >= _CUT_OFF * height), np.bool_)


def _is_like(main: Appearance, other: Appearance) -> bool:
    """Return whether another appearance may be kept beside the one that is followed."""
    if other is main or other.track == main.track or other.shot != main.shot:
        return False
    if other.group != main.group or not other.is_somebody:
        return False
    if is_head(other.class_name) != is_head(main.class_name) or other.weight < _LIKE * main.weight:
        return False
    heights = main.height_px, other.height_px
    return _LIKE * max(heights) <= min(heights)


def _union(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack((np.minimum(one[:, :2], other[:, :2]), np.maximum(one[:, 2:], other[:, 2:])))


def _together(
    *,
    boxes: NDArray[np.float64],
    heads: NDArray[np.float64],
    own_high: NDArray[np.float64],
    there: NDArray[np.bool_],
    sides: tuple[float, float],
    seen_s: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return where subjects fit into a crop together for at least TOGETHER_S, bool [N].

    Args:
        boxes, heads: float64 [N, 4], what all of them and their heads cover. Where the one that is followed
            is itself higher than the crop, only the heads must fit into its height.
        own_high: float64 [N], the height of the one that is followed.
        there: bool [N], whether the others are in view.
        sides: width and height of the crop.
        seen_s: float64 [N], the times of the frames.
    """
    wide, high = (boxes[:, 2:] - boxes[:, :2]).T
    heads_high = heads[:, 3] - heads[:, 1]
    fit = (high <= sides[1]) | ((own_high > sides[1]) & (heads_high <= _HEADS_FIT * sides[1]))
    still_fit = (high <= _TOO_HIGH * sides[1]) | (
        (own_high > _ABOUT_AS_HIGH * sides[1]) & (heads_high <= _HEADS_NO_LONGER_FIT * sides[1])
    )
    starts = there & (wide <= _FITS * sides[0]) & fit
    ends = ~there | (wide > _NO_LONGER_FITS * sides[0]) | ~still_fit
    # The state at each frame is that of the last frame at which it began or ended.
    changes = np.maximum.accumulate(np.where(starts | ends, np.arange(len(boxes)), -1))
    fits = (changes >= 0) & starts[changes]
    edges = np.flatnonzero(np.diff(fits, prepend=False, append=False))
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if seen_s[end - 1] - seen_s[begin] < TOGETHER_S:
            fits[begin:end] = False
    return np.asarray(fits, np.bool_)
