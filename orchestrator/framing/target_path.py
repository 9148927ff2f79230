"""Plans the path of a crop that shows a target smoothly: turns the target's boxes into keyframes.

Cuts, and long gaps, divide the frames with the target into runs. The camera's path through a run is planned
at knots, by steady_camera.py. Between runs, before the first and after the last, the camera rests. So it
starts a run from rest and ends it at rest, unless the run starts or ends with its shot. After a gap it starts
where it is; after a cut it starts at the best place. It jumps only at cuts that begin a shot with the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.crop_path_builder import JUMP_S, CropPathBuilder
from orchestrator.framing.keyframes import CropPath
from orchestrator.framing.safe_zones import NO_SAFE_ZONES, SafeZones, Zones, find_zones
from orchestrator.framing.steady_camera import KNOT_S, AxisPositions, plan_camera_path
from orchestrator.framing.target import Target
from orchestrator.framing.widening import WideTime

HOLD_AFTER_S = 0.5
"""Shorter gaps in a track are failures of the detector and do not stop the camera."""
_KNOTS_A_BOX = 10
"""Most knots for each box; this bounds the number of knots for stills that last for hours."""


def plan_crop_path(
    target: Target,
    *,
    cuts: NDArray[np.int64],
    times_s: NDArray[np.float64],
    size: tuple[float, float],
    width: int,
    height: int,
    hold_after_s: float = HOLD_AFTER_S,
    safe: SafeZones = NO_SAFE_ZONES,
    whole: bool = False,
    wide: Sequence[WideTime] = (),
) -> CropPath:
    """Return the path of a crop that keeps a target near its middle and moves little.

    Args:
        target: what to show.
        cuts: int64 [C], the first frame of each shot but the first, rising.
        times_s: float64 [F], presentation time of each frame of the video, in seconds, rising.
        size: width and height of the crop, in pixels of the picture as displayed; not larger than it.
        width, height: size of the picture.
        hold_after_s: the camera rests in longer gaps of the target, and moves on in shorter ones.
        safe: edges of the crop that captions cover.
        whole: whether the target's whole box should be in the crop; see `find_zones`.
        wide: when the crop is as large as its shape allows; at all other times it has its `size`.

    Raises:
        BadRequest: the path has more than MOST_KEYFRAMES.
        ServiceError: the solver found no path.
    """
    sides, room = np.array(size, np.float64), np.array([width, height], np.float64)
    frames, seen_s = target.frames, times_s[target.frames]
    zones = find_zones(target.boxes, target.heads, target.is_wish, sides=sides, safe=safe, whole=whole)
    shots = np.searchsorted(cuts, frames, side="right")
    gaps = (np.diff(frames) > 1) & (np.diff(seen_s) > hold_after_s)
    begins = np.flatnonzero(np.append(True, gaps | (np.diff(shots) > 0)))

    builder = CropPathBuilder()
    for begin, end in pairwise([*begins.tolist(), len(frames)]):
        shot, new_shot = shots[begin], begin == 0 or shots[begin] != shots[begin - 1]
        shot_s = times_s[cuts[shot - 1] if shot else 0]
        shot_end_s = times_s[cuts[shot]] - JUMP_S if shot < len(cuts) else times_s[-1]
        with_shot = new_shot and seen_s[begin] - shot_s <= HOLD_AFTER_S
        to_shot_end = shot_end_s - seen_s[end - 1] <= HOLD_AFTER_S
        run_s = _knots(
            shot_s if with_shot else seen_s[begin],
            max(shot_end_s, seen_s[end - 1]) if to_shot_end else seen_s[end - 1],
            boxes=end - begin,
        )
        places = _corners(
            run_s,
            seen_s[begin:end],
            zones,
            slice(begin, end),
            room=room / sides,
            start=None if new_shot else builder.last / sides,
            rests=(not with_shot, not to_shot_end),
        )
        places *= sides
        if new_shot and begin:
            builder.add(shot_s - JUMP_S, builder.last)
            builder.add(shot_s, places[0])
        builder.add_run(run_s, places, edges=(with_shot, to_shot_end))
    return builder.path(sides, width=width, height=height, wide=wide)


def _knots(begin_s: float, end_s: float, *, boxes: int) -> NDArray[np.float64]:
    """Return evenly spaced times from one to the other, at most KNOT_S apart."""
    steps = min(int(np.ceil((end_s - begin_s) / KNOT_S)), _KNOTS_A_BOX * boxes)
    return np.linspace(begin_s, end_s, steps + 1)


def _corners(
    knots_s: NDArray[np.float64],
    times_s: NDArray[np.float64],
    zones: Zones,
    rows: slice,
    *,
    room: NDArray[np.float64],
    start: NDArray[np.float64] | None,
    rests: tuple[bool, bool],
) -> NDArray[np.float64]:
    """Return the crop's top-left corner at each knot, float64 [K, 2]. All positions are in crop sizes.

    Args:
        knots_s: float64 [K].
        times_s: float64 [N], times of the boxes.
        zones: where the crop's middle should be for each box of the target.
        rows: the N boxes.
        room: float64 [2], size of the picture.
        start: float64 [2], the first corner; None for the best one.
        rests: whether the crop starts from rest, and whether it ends at rest.
    """
    length = max(knots_s[-1] - knots_s[0], KNOT_S)
    near = np.rint((times_s - knots_s[0]) / length * (len(knots_s) - 1)).astype(np.intp)
    begins = np.flatnonzero(np.diff(near, prepend=-1))  # the first box near each knot
    seen = np.zeros(len(knots_s), np.bool_)
    seen[near[begins]] = True
    corners = np.empty((len(knots_s), 2))
    for axis in range(2):
        path = plan_camera_path(
            _axis_positions(zones, rows, axis, begins=begins, seen=seen, spans_s=np.diff(knots_s)),
            first=0.5,
            last=float(room[axis]) - 0.5,
            start=None if start is None else float(start[axis]) + 0.5,
            rests=rests,
        )
        corners[:, axis] = np.clip(path - 0.5, 0, room[axis] - 1)
    return corners


def _axis_positions(
    zones: Zones,
    rows: slice,
    axis: int,
    *,
    begins: NDArray[np.intp],
    seen: NDArray[np.bool_],
    spans_s: NDArray[np.float64],
) -> AxisPositions:
    """Return where the crop's middle should be at each knot, for all boxes near the knot.

    Where the boxes near a knot need different places, the place between them counts.
    """
    target = zones.target[rows, axis]
    mean = np.add.reduceat(target, begins) / np.diff(begins, append=len(target))
    keep_low = np.maximum.reduceat(zones.keep_low[rows, axis], begins)
    keep_high = np.minimum.reduceat(zones.keep_high[rows, axis], begins)
    crossed = keep_low > keep_high
    keep_low[crossed] = keep_high[crossed] = (keep_low[crossed] + keep_high[crossed]) / 2
    mean = np.clip(mean, keep_low, keep_high)
    dead_low = np.maximum.reduceat(zones.dead_low[rows, axis], begins)
    dead_high = np.minimum.reduceat(zones.dead_high[rows, axis], begins)
    values = {
        "target": mean,
        "dead_low": np.clip(dead_low, keep_low, mean),
        "dead_high": np.clip(dead_high, mean, keep_high),
        "keep_low": keep_low,
        "keep_high": keep_high,
    }
    at_knots = {name: np.zeros(len(seen)) for name in values}
    for name, row in values.items():
        at_knots[name][seen] = row
    return AxisPositions(spans_s=spans_s, seen=seen, **at_knots)
