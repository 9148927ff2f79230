"""The tracks of a video, read back from JSON to be followed.

Takes what the track job writes, as it is or packed with gzip: the document, or its tracks one a line. Of a
track it reads `id`, `class_name` and `frames`, of a box `frame` and `bbox` (left, top, width, height), of the
document `video.width`, `video.height`, `video.frames` and `video.cuts`; the rest may be anything. It is text
of a stranger: every number is checked, and the text is never whole in memory.

It does not know the video, nor who is followed.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.errors import BadRequest
from orchestrator.framing.box_collector import BoxCollector, is_whole, short
from orchestrator.framing.json_stream import JsonStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

MOST_VALUES = 3_000_000
"""Most boxes, with what else is in the text. Twenty people in every frame of an hour at 30 fps are 2,160,000
boxes, and 3,000,000 take 120 MB."""
MOST_BYTES = 512 << 20
"""Longest text, unpacked: as many boxes as that, with much space between them."""
OUTSIDE_PX = 1.0
"""By so much a box may leave the picture: not every tracker cuts boxes off at the edge."""

_TOLD_IDS = 20
_NO_DOCUMENT = "the tracks are refused: give the document that the track job writes"


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


def read_subjects(source: bytes | io.BufferedReader) -> Subjects:
    """Read the tracks of a file: `.json`, `.json.gz` or `.ndjson`, told apart by what is in it.

    Args:
        source: the file, open for reading at its beginning; or what is in it.

    Raises:
        BadRequest: it is none of them, a number is wrong, or it has more than MOST_BYTES or MOST_VALUES.
    """
    if isinstance(source, bytes):
        source = io.BufferedReader(io.BytesIO(source))
    stream = JsonStream(source, what="tracks", most_bytes=MOST_BYTES, most_values=MOST_VALUES)
    collector = BoxCollector()
    document: dict[str, object] | None = None
    while stream.peek():
        if document is not None:
            raise BadRequest("the tracks are refused: something follows the document; give it alone")
        document = _read_object(stream, collector)
    return _subjects(collector, {} if document is None else document.get("video", {}))


def _read_object(
    stream: JsonStream, collector: BoxCollector, *, is_listed: bool = False
) -> dict[str, object] | None:
    """Read a track, or a document with all of its tracks, into the collector.

    Args:
        stream: before the object.
        collector: of tracks.
        is_listed: it is one of the tracks of a document.

    Returns:
        The values of the document that are of use; None if it was a track.
    """
    if stream.peek() != "{":
        raise BadRequest(
            f"the tracks are refused: one is {short(stream.value())}; each needs `id` and `frames`"
        )
    values: dict[str, object] = {}
    for key in stream.members():
        if key == "tracks" and not is_listed:
            if not collector.is_empty:
                raise BadRequest(_NO_DOCUMENT)
            for _ in _only_list(key, stream, values):
                _read_object(stream, collector, is_listed=True)
        elif key == "frames" and "tracks" not in values:
            for _ in _only_list(key, stream, values):
                collector.add(stream.value())
        elif key in {"id", "class_name", "video"}:
            values[key] = stream.value()
        else:
            stream.skip()
    if "tracks" in values:
        return values
    collector.end(values.get("id"), values.get("class_name", "thing"))
    return None


def _only_list(key: str, stream: JsonStream, values: dict[str, object]) -> Iterator[None]:
    """Stop before each element of a list that an object must have once."""
    if key in values or stream.peek() != "[":
        raise BadRequest(f"the tracks are refused: `{key}` must be one list, as the track job writes it")
    values[key] = None
    return stream.elements()


def parse_subjects(document: object) -> Subjects:
    """Make subjects of a document that is JSON already.

    Raises:
        BadRequest: it is not such a document, or a number is wrong.
    """
    if not isinstance(document, dict) or not isinstance(document.get("tracks"), list):
        raise BadRequest(_NO_DOCUMENT)
    collector = BoxCollector()
    for track in document["tracks"]:
        if not isinstance(track, dict) or not isinstance(track.get("frames"), list):
            raise BadRequest(f"the tracks are refused: one is {short(track)}; each needs `id` and `frames`")
        for entry in track["frames"]:
            collector.add(entry)
        collector.end(track.get("id"), track.get("class_name", "thing"))
    return _subjects(collector, document.get("video", {}))


def _subjects(collector: BoxCollector, video: object) -> Subjects:
    """Make subjects of what was collected, and of the `video` of the document."""
    if not isinstance(video, dict):
        raise BadRequest("the tracks are refused: `video` is no object")
    for name in ("width", "height", "frames"):
        value = video.get(name)
        if value is not None and not (is_whole(value) and value > 0):
            raise BadRequest(f"the tracks are refused: video.{name} is {short(value)}, not a number over 0")
    made = Subjects(
        by_id={
            number: Subject(id=number, class_name=class_name, frames=frames, boxes=boxes)
            for number, class_name, frames, boxes in collector.tracks()
        },
        width=video.get("width"),
        height=video.get("height"),
        frames=video.get("frames"),
        cuts=_cuts(video.get("cuts", [])),
    )
    if made.width is not None and made.height is not None:
        made.check_video(width=made.width, height=made.height, frames=made.frames)
    return made


def _cuts(values: object) -> NDArray[np.int64]:
    try:
        if isinstance(values, list) and all(map(is_whole, values)):
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
