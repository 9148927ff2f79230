"""Plans a crop that follows a subject: decides who is followed when, and moves the crop along with them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.crop_geometry import crop_of_aspect
from orchestrator.framing.keyframes import CropPath
from orchestrator.framing.safe_zones import NO_SAFE_ZONES, SafeZones
from orchestrator.framing.subject_choice import Choice, SubjectChooser
from orchestrator.framing.target import Target
from orchestrator.framing.target_path import plan_crop_path
from orchestrator.framing.track_file_reader import SubjectTracks
from orchestrator.framing.widening import with_whole_shots
from orchestrator.jobs.crop import FollowedStretch

ROOM_TO_MOVE = 2.0
"""Default zoom of a crop that has the picture's shape: at a zoom of 1 it could not move."""
_WIDER = (1.0, 0.875, 0.75, 0.625)
"""Factors of that zoom, the first that works, which make the crop large enough for the heads of those who are
close to the camera."""
_HEAD_OF_CROP = 2 / 3
"""Largest share of the crop's height that a head should have."""
_HEADS_FIT = 0.9
"""Share of the frames in which it should have no more."""
_CLOSE_UPS = 0.5
"""A shot is shown whole if a person is that close in more than this share of its frames (`target.py`)."""
_CLOSER = (1.0, 1.25, 1.5, 1.75, 2.0)
"""Factors by which a crop is made smaller, the least that works, to keep heads clear of captions."""
_HEADS_CLEAR = 0.98
"""Share of the frames in which that should work."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Following:
    """A crop that follows, and whom.

    Attributes:
        path: the path of the crop.
        stretches: whom it follows when, in order of time.
    """

    path: CropPath
    stretches: tuple[FollowedStretch, ...]


def follow_subject(
    subjects: SubjectTracks,
    *,
    track: int | Literal["main"],
    class_name: str | None = None,
    aspect: Fraction | None,
    zoom: float | None,
    safe: SafeZones = NO_SAFE_ZONES,
    times_s: NDArray[np.float64],
    width: int,
    height: int,
) -> Following:
    """Return a crop that follows one subject of a video, or whoever matters most at each moment.

    Args:
        subjects: the tracks of the video.
        track: the id of a track, or `main`; see `SubjectChooser`.
        class_name: the class of the tracks that may be followed; None allows all classes.
        aspect: width : height of the crop; None is that of the picture.
        zoom: 1 for the largest crop of that aspect, 2 for one of half its width and height. None is 1; if the
            largest crop is the whole picture, ROOM_TO_MOVE, or less where heads are large; and up to twice
            that where `safe` needs it.
        safe: edges of the crop that captions cover.
        times_s: float64 [F], presentation time of each frame of the video, in seconds from the start of the
            file, rising. The keyframes' times are on the same clock.
        width, height: size of the picture as displayed, in pixels.

    Raises:
        BadRequest: there is no such track or none of that class, the tracks are of another video, or there is
            no such crop; see `SubjectTracks` and `crop_of_aspect`.
        ServiceError: the solver found no path.
    """
    subjects.check_video(width=width, height=height, frames=len(times_s))
    shape = aspect or Fraction(width, height)
    close_ups: set[int] = set()
    chooser = SubjectChooser(
        subjects, track, class_name=class_name, times_s=times_s, width=width, height=height
    )
    if zoom is None:
        w, h = crop_of_aspect(shape, width=width, height=height)
        is_whole = w >= width - 1 and h >= height - 1
        least = 1.0
        if is_whole:
            close_ups = _close_ups(chooser.choose((w, h)).target, subjects.cuts)
            least = _room_to_move(chooser, close_ups, subjects.cuts, shape, width=width, height=height)
        zooms = [least * closer for closer in (_CLOSER if safe != NO_SAFE_ZONES else _CLOSER[:1])]
    else:
        zooms = [zoom]
    sizes = [crop_of_aspect(shape, width=width, height=height, zoom=factor) for factor in zooms]
    choices: list[tuple[float, Choice]] = []
    for size in sizes:
        choice = chooser.choose(size)
        choices.append((_clear_share(choice.target, size, safe, height), choice))
        if choices[-1][0] >= _HEADS_CLEAR:
            break
    best = max(range(len(choices)), key=lambda number: choices[number][0])
    choice = choices[best][1]
    path = plan_crop_path(
        choice.target,
        cuts=subjects.cuts,
        times_s=times_s,
        size=sizes[best],
        width=width,
        height=height,
        hold_after_s=choice.hold_after_s,
        safe=safe,
        whole=track == "main",
        wide=with_whole_shots(choice.wide, sorted(close_ups), cuts=subjects.cuts, times_s=times_s),
    )
    return Following(path=path, stretches=choice.stretches)


def _close_ups(target: Target, cuts: NDArray[np.int64]) -> set[int]:
    """Return the numbers of the shots, from 0, that are to be shown whole."""
    shots = np.searchsorted(cuts, target.frames, side="right")[~target.is_wish]
    frames = np.bincount(shots)
    close = np.bincount(shots, weights=target.is_close_up[~target.is_wish])
    return set(np.flatnonzero(close > _CLOSE_UPS * frames).tolist())


def _room_to_move(
    chooser: SubjectChooser,
    close_ups: set[int],
    cuts: NDArray[np.int64],
    shape: Fraction,
    *,
    width: int,
    height: int,
) -> float:
    """Return the zoom of a crop that can move and has room for heads; 1 if all shots are close-ups."""
    for factor in _WIDER:
        zoom = factor * ROOM_TO_MOVE
        size = crop_of_aspect(shape, width=width, height=height, zoom=zoom)
        target = chooser.choose(size).target
        shots = np.searchsorted(cuts, target.frames, side="right")
        counted = ~target.is_wish & ~np.isin(shots, list(close_ups))
        heads = target.heads[counted]
        wide, high = (heads[:, 2:] - heads[:, :2]).T
        fits = (high <= _HEAD_OF_CROP * size[1]) & (wide <= size[0])
        if close_ups and not len(heads):
            return 1.0
        if not len(heads) or fits.mean() >= _HEADS_FIT:
            break
    return zoom


def _clear_share(target: Target, size: tuple[int, int], safe: SafeZones, height: int) -> float:
    """Return the share of the frames in which a crop in the picture can keep the head clear of captions.

    Only captions at the top and the bottom count: a crop that follows can nearly always move sideways.
    """
    heads = target.heads[~target.is_wish]
    if not len(heads):
        return 1.0
    highest = np.maximum(heads[:, 3] - (1 - safe.bottom) * size[1], 0)
    lowest = np.minimum(heads[:, 1] - safe.top * size[1], height - size[1])
    return float((highest <= lowest + 0.5).mean())
