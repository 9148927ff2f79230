"""Chooses where the segments of a film begin: at keyframes, with near-equal work, at cuts where one is near.

At the end of a long film they are shorter, so that its workers end at about the same time. All positions are
indexes of frames in presentation order. Nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

CUT_REACH = 0.25
"""A boundary moves to a cut that is at most this share of a segment away from its even place."""

SHORTEST = 0.25
"""A segment shorter than this share of the intended length is merged with its neighbour."""

PREVIEW_S = 10.0
"""The hardest part of a film is about this long, in seconds."""

PREVIEW_RANGE_S = (5.0, 20.0)
"""The shortest and the longest hardest part that keyframes may make of it."""

PREVIEW_SHARE = 0.25
"""The hardest part gets a segment of its own if it is at most this share of the film."""

TAPERED_SHARE = 0.1
TAPERED_LENGTH = 0.25
"""In this last share of a long film, segments have this share of the intended length. The film ends with its
last segment, and its other workers wait for that. Both were chosen by simulation (tools/film_simulation.py):
shorter segments everywhere lose more by what each takes beyond its frames."""

TAPERED_FROM = 20
"""A film that has fewer segments of the intended length than this is not tapered."""

MOST_EXTRA = 0.2
"""What a segment needs from before its first keyframe has at most this share of the bytes of its own frames,
as a worker reads that, too."""

REGULAR = 0.9
"""A keyframe that comes after at least this share of the longest distance is on the encoder's own grid."""


@dataclass(frozen=True, kw_only=True)
class Division:
    """A film divided into segments.

    Attributes:
        begins: the index of the first frame of each segment; the first is 0.
        hardest: the number of the segment with the most bytes a second, or of the hardest ten seconds.
    """

    begins: tuple[int, ...]
    hardest: int


def divide(
    *,
    times_s: NDArray[np.float64],
    sizes: NDArray[np.int64],
    keys: NDArray[np.int64],
    length: float,
    tapered: bool = False,
    extra: NDArray[np.int64] | None = None,
) -> Division:
    """Divide a film.

    A segment that would need more than MOST_EXTRA from before its first keyframe is merged with others.

    Args:
        times_s: float64 [N + 1], when each frame is shown, rising, and when the last one ends.
        sizes: int64 [N], the size of each frame in the source, in bytes.
        keys: int64 [K], the frames at which segments may begin, rising; the first is 0.
        length: the intended length of a segment, in frames.
        tapered: whether segments are shorter at the end, if the film is long: see TAPERED_SHARE.
        extra: int64 [K], for each of `keys` how many bytes before it a segment that begins there needs; None
            if none needs any.
    """
    frames, total = len(sizes), np.append(0, np.cumsum(sizes))
    extra = np.zeros(len(keys), np.int64) if extra is None else extra
    cuts = keys[begin_shots(keys)]
    taper = None
    if tapered and frames >= TAPERED_FROM * length:
        taper = _nearest(keys, (1 - TAPERED_SHARE) * frames)

    def split(first: int, end: int) -> list[int]:
        if first == end:
            return []
        if taper is None or end - taper < SHORTEST * TAPERED_LENGTH * length:
            return _split(first, end, keys=keys, cuts=cuts, length=length)
        if taper - first < SHORTEST * length:
            return _split(first, end, keys=keys, cuts=cuts, length=TAPERED_LENGTH * length)
        before = _split(first, taper, keys=keys, cuts=cuts, length=length)
        return before + _split(taper, end, keys=keys, cuts=cuts, length=TAPERED_LENGTH * length)

    def is_long_enough(begin: int, end: int) -> bool:
        return int(extra[np.searchsorted(keys, begin)]) <= MOST_EXTRA * int(total[end] - total[begin])

    stretch = hardest_stretch(times_s=times_s, sizes=sizes, keys=keys, length=length, extra=extra)
    if stretch is None:
        begins = _merge([*split(0, frames), frames], is_long_enough)
        ends = np.array([*begins[1:], frames])
        rates = (total[ends] - total[begins]) / (times_s[ends] - times_s[begins])
        return Division(begins=tuple(begins), hardest=int(np.argmax(rates)))
    first, end = stretch
    before = _merge([*split(0, first), first], is_long_enough)
    after = _merge([*split(end, frames), frames], is_long_enough)
    if after and not is_long_enough(after[0], after[1] if len(after) > 1 else frames):
        after = []  # all of the film after the hardest part becomes part of it
    return Division(begins=(*before, first, *after), hardest=len(before))


def _merge(borders: list[int], is_long_enough: Callable[[int, int], bool]) -> list[int]:
    """Return where segments begin, of some that follow each other, when none is too short.

    Args:
        borders: where they begin, and where the last one ends.
        is_long_enough: says so of a segment, given its first frame and its end. A longer one is so, too.
    """
    begins, stop = borders[:-1][:1], borders[-1]
    for begin in borders[1:-1]:
        if is_long_enough(begins[-1], begin) and is_long_enough(begin, stop):
            begins.append(begin)
    return begins


def begin_shots(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which keyframes were probably placed at a cut between shots, bool [K].

    Encoders place keyframes at regular distances, and another one where the picture changes altogether. The
    regular distance is the longest one; an encoder counts it from the last keyframe, or from the last regular
    one. So a keyframe is at a cut if its distance from both is neither REGULAR of that nor a multiple of it.

    Args:
        keys: int64 [K], indexes of keyframes, rising.
    """
    shots = np.zeros(len(keys), np.bool_)
    longest = int(np.diff(keys).max(initial=0))
    grid = int(keys[0]) if len(keys) else 0
    for number, (before, key) in enumerate(pairwise(keys.tolist()), start=1):
        off = (key - grid) % longest
        if key - before >= REGULAR * longest or min(off, longest - off) <= longest // 100:
            grid = key
        else:
            shots[number] = True
    return shots


def hardest_stretch(
    *,
    times_s: NDArray[np.float64],
    sizes: NDArray[np.int64],
    keys: NDArray[np.int64],
    length: float,
    extra: NDArray[np.int64] | None = None,
) -> tuple[int, int] | None:
    """Return the first frame and the end of the hardest part of about ten seconds, or None if there is none.

    Change and detail both cost bits, so it is the part with the most bytes a second. For each keyframe k, the
    part from k to the keyframe m(k) nearest to ten seconds later counts if its duration is in
    PREVIEW_RANGE_S and at most PREVIEW_SHARE of the film's, if the rest of the film on either side is
    nothing or at least SHORTEST of a segment, and if it needs at most MOST_EXTRA from before it. The result
    is the one with the largest

        sum of sizes[k:m(k)] / (times_s[m(k)] - times_s[k]),

    the earliest of equals. The end of the film counts as a keyframe.

    Args:
        times_s, sizes, keys, length, extra: as for `divide`.
    """
    frames = len(sizes)
    stops = np.append(keys, frames)
    after = np.clip(np.searchsorted(times_s[stops], times_s[keys] + PREVIEW_S), 1, len(keys))
    later, earlier = times_s[stops[after]], times_s[stops[after - 1]]
    wanted = times_s[keys] + PREVIEW_S
    ends = stops[np.where(np.abs(earlier - wanted) <= np.abs(later - wanted), after - 1, after)]
    seconds = times_s[ends] - times_s[keys]
    shortest_s, longest_s = PREVIEW_RANGE_S
    film_s = times_s[-1] - times_s[0]
    fits = (seconds >= shortest_s) & (seconds <= min(longest_s, PREVIEW_SHARE * film_s))
    for rest in (keys, frames - ends):
        fits &= (rest == 0) | (rest >= SHORTEST * length)
    total = np.append(0, np.cumsum(sizes))
    if extra is not None:
        fits &= extra <= MOST_EXTRA * (total[ends] - total[keys])
    if not fits.any():
        return None
    rates = np.where(fits, (total[ends] - total[keys]) / np.maximum(seconds, shortest_s), -1)
    best = int(np.argmax(rates))
    return int(keys[best]), int(ends[best])


def _split(
    first: int, end: int, *, keys: NDArray[np.int64], cuts: NDArray[np.int64], length: float
) -> list[int]:
    """Return where the segments of the frames from `first` to `end` begin; `first` is a keyframe."""
    count = max(1, round((end - first) / length))
    even = (end - first) / count
    begins = [first]
    for number in range(1, count):
        wanted = first + number * even
        begin = _nearest(cuts, wanted)
        if begin is None or abs(begin - wanted) > CUT_REACH * even:
            begin = _nearest(keys, wanted)
        if begin is not None and begin - begins[-1] >= SHORTEST * even and end - begin >= SHORTEST * even:
            begins.append(begin)
    return begins


def _nearest(places: NDArray[np.int64], wanted: float) -> int | None:
    """Return the place nearest to the wanted one, the earlier of two; None if there are none."""
    after = int(np.searchsorted(places, wanted))
    near = places[max(after - 1, 0) : after + 1].tolist()
    return min(near, key=lambda place: (abs(place - wanted), place), default=None)
