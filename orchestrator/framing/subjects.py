"""The tracks of a video, read back from JSON to be followed.

Takes what the track job writes, as it is or packed with gzip: the document, or its tracks one a line. Of a
track it reads `id`, `class_name` and `frames`, of a box `frame` and `bbox` (left, top, width, height), of the
document `video.width`, `video.height`, `video.frames` and `video.cuts`; the rest may be anything. It is text
of a stranger: every number is checked, and boxes become rows of 40 bytes while the text is read.

It does not know the video, nor who is followed.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeGuard

import numpy as np

from orchestrator.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

MOST_BYTES = 64 << 20
"""Longest text, unpacked: 900,000 boxes, such as ten people in every frame of an hour. Text that is made to
take memory takes 25 times its length."""
OUTSIDE_PX = 1.0
"""By so much a box may leave the picture: not every tracker cuts boxes off at the edge."""

_ROW = struct.Struct("<q4d")
_ROW_TYPE = np.dtype([("frame", "<i8"), ("bbox", "<f8", (4,))])
_SPACE = re.compile(r"[ \t\r\n]*")
_TOLD_IDS = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """One track.

    Attributes:
        id: as the tracks give it.
        class_name: what it is.
        frames: int64 [N], indices of the frames that it has a box in, rising; N >= 1.
        boxes: float64 [N, 4], x1, y1, x2, y2 in pixels of the picture as displayed; finite, not empty.
    """

    id: int
    class_name: str
    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Subjects:
    """The tracks of a video.

    Attributes:
        by_id: the tracks.
        width, height: of the picture, or None where the tracks do not tell.
        frames: of the video, or None.
        cuts: int64 [C], the first frame of each shot but the first, rising from 1; none where the tracks do
            not tell.
    """

    by_id: Mapping[int, Subject]
    width: int | None
    height: int | None
    frames: int | None
    cuts: NDArray[np.int64]

    def named(self, number: int) -> Subject:
        """Return the track of an id.

        Raises:
            BadRequest: there is none; it lists those that there are.
        """
        if number in self.by_id:
            return self.by_id[number]
        there = [f"{subject.id} ({subject.class_name})" for subject in list(self.by_id.values())[:_TOLD_IDS]]
        more = len(self.by_id) - len(there)
        listed = ", ".join(there) + (f" and {more} more" if more else "")
        raise BadRequest(f"no track has id {number}; there are {listed or 'none'}")

    def check_video(self, *, width: int, height: int, frames: int | None) -> None:
        """Make sure that the tracks are of a video.

        Args:
            width, height: of its picture as displayed, in pixels.
            frames: how many it has, or None where that is not known.

        Raises:
            BadRequest: size or number of frames differ, or a box is outside the picture, or a box or a cut
                after the last frame.
        """
        told, real = (self.width, self.height), (width, height)
        if None not in told and told != real:
            raise BadRequest(
                f"the tracks are of another video: theirs is {told[0]}x{told[1]}, this one {width}x{height}; "
                "track this one"
            )
        if frames is not None and self.frames not in (None, frames):
            raise BadRequest(
                f"the tracks are of another video: theirs has {self.frames} frames, this one {frames}; "
                "track this one"
            )
        for subject in self.by_id.values():
            _check_place(subject, width, height, frames)
        if frames is not None and self.cuts.size and self.cuts[-1] >= frames:
            raise BadRequest(
                f"the tracks are of another video: theirs has a cut at frame {self.cuts[-1]}, this one "
                f"{frames} frames; track this one"
            )


def read_subjects(data: bytes) -> Subjects:
    """Read the tracks of a file: `.json`, `.json.gz` or `.ndjson`, told apart by what is in it.

    Raises:
        BadRequest: it is none of them, a number is wrong, or it is longer than MOST_BYTES.
    """
    try:
        if data[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = packed.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as exc:
        raise BadRequest(f"the tracks cannot be unpacked: {exc}; make them again") from exc
    if len(data) > MOST_BYTES:
        raise BadRequest(f"the tracks are longer than {MOST_BYTES >> 20} MiB; give only the one to follow")
    try:
        values = _values(data.decode())
    except RecursionError as exc:
        raise BadRequest("the tracks are no tracks: nested too deeply") from exc
    except ValueError as exc:
        raise BadRequest(f"the tracks are no JSON: {str(exc)[:100]}") from exc
    if len(values) == 1 and isinstance(values[0], dict) and "tracks" in values[0]:
        return parse_subjects(values[0])
    return Subjects(by_id=_tracks(values), width=None, height=None, frames=None, cuts=_cuts([]))


def parse_subjects(document: object) -> Subjects:
    """Make subjects of a document that is JSON already.

    Raises:
        BadRequest: it is not such a document, or a number is wrong.
    """
    if not isinstance(document, dict) or not isinstance(document.get("tracks"), list):
        raise BadRequest("the tracks are refused: give the document that the track job writes")
    video = document.get("video", {})
    if not isinstance(video, dict):
        raise BadRequest("the tracks are refused: `video` is no object")
    for name in ("width", "height", "frames"):
        value = video.get(name)
        if value is not None and not (_is_whole(value) and value > 0):
            raise BadRequest(f"the tracks are refused: video.{name} is {_short(value)}, not a number over 0")
    made = Subjects(
        by_id=_tracks(document["tracks"]),
        width=video.get("width"),
        height=video.get("height"),
        frames=video.get("frames"),
        cuts=_cuts(video.get("cuts", [])),
    )
    if made.width is not None and made.height is not None:
        made.check_video(width=made.width, height=made.height, frames=made.frames)
    return made


def _values(text: str) -> list[object]:
    """Return the JSON values that follow each other in a text; objects with a `bbox` come as packed rows."""
    decoder = json.JSONDecoder(object_hook=_packed, parse_constant=_no_number)
    values = []
    place = _end_of_space(text, 0)
    while place < len(text):
        value, place = decoder.raw_decode(text, place)
        values.append(value)
        place = _end_of_space(text, place)
    return values


def _end_of_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _packed(entry: dict[str, object]) -> object:
    return _row(entry) if "bbox" in entry else entry


def _row(entry: object) -> bytes:
    """Return a box as bytes of _ROW."""
    if isinstance(entry, bytes):
        return entry
    if isinstance(entry, dict):
        frame, bbox = entry.get("frame"), entry.get("bbox")
        if _is_whole(frame) and isinstance(bbox, list) and len(bbox) == 4:
            try:
                return _ROW.pack(frame, *bbox)
            except (struct.error, OverflowError):
                pass
    raise BadRequest(
        f"the tracks are refused: a box is {_short(entry)}; it needs `frame` and a `bbox` of four numbers"
    )


def _tracks(values: Iterable[object]) -> dict[int, Subject]:
    found: dict[int, Subject] = {}
    for value in values:
        number = value.get("id") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not _is_whole(number) or not isinstance(value.get("frames"), list):
            raise BadRequest(f"the tracks are refused: one is {_short(value)}; each needs `id` and `frames`")
        if number in found:
            raise BadRequest(f"the tracks are refused: there are two of id {number}")
        found[number] = _subject(number, str(value.get("class_name", "thing"))[:100], value["frames"])
    return found


def _subject(number: int, class_name: str, entries: list[object]) -> Subject:
    rows = np.frombuffer(b"".join(map(_row, entries)), _ROW_TYPE)
    frames, bbox = rows["frame"].astype(np.int64), rows["bbox"]
    if not len(rows) or (np.diff(frames, prepend=-1) <= 0).any():
        raise BadRequest(f"track {number} is refused: frames must rise from 0, and there must be one")
    with np.errstate(over="ignore"):
        boxes = np.hstack((bbox[:, :2], bbox[:, :2] + bbox[:, 2:]))
    if not np.isfinite(boxes).all() or (bbox[:, 2:] <= 0).any():
        raise BadRequest(f"track {number} is refused: its boxes must have finite numbers and sizes over 0")
    return Subject(id=number, class_name=class_name, frames=frames, boxes=boxes)


def _cuts(values: object) -> NDArray[np.int64]:
    try:
        if isinstance(values, list) and all(map(_is_whole, values)):
            cuts = np.array(values, np.int64)
            if (np.diff(cuts, prepend=0) > 0).all():
                return cuts
    except OverflowError:
        pass
    raise BadRequest("the tracks are refused: video.cuts must be frames that rise, from 1")


def _check_place(subject: Subject, width: int, height: int, frames: int | None) -> None:
    most = np.array([width, height, width, height]) + OUTSIDE_PX
    outside = np.flatnonzero(((subject.boxes < -OUTSIDE_PX) | (subject.boxes > most)).any(axis=1))
    if outside.size:
        box = ", ".join(f"{value:g}" for value in subject.boxes[outside[0]])
        raise BadRequest(
            f"the tracks are of another video: track {subject.id} has a box from and to ({box}), outside "
            f"{width}x{height}; track this one"
        )
    last = int(subject.frames[-1])
    if frames is not None and last >= frames:
        raise BadRequest(
            f"the tracks are of another video: track {subject.id} has a box in frame {last}, but there are "
            f"{frames} frames; track this one"
        )


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _short(value: object) -> str:
    text = "a box" if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
