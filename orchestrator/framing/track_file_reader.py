"""Reads the tracks of a video from the JSON that the track job writes, for crops that follow a subject.

The JSON is a document or one track a line, and may be compressed with gzip. This module reads `id`,
`class_name` and `frames` of a track, `frame`, `bbox` (left, top, width, height) and `confidence` of a box,
and `video.width`, `video.height`, `video.frames` and `video.cuts` of the document; it ignores the rest. The
text may come from a stranger: every number is checked, and the text is never in memory as a whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import BadRequest
from orchestrator.framing.json_stream_reader import JsonStreamReader
from orchestrator.framing.subject_track_builder import SubjectTrackBuilder, as_integer, brief

MOST_VALUES = 3_000_000
"""Most boxes and other values in the text. Twenty people in every frame of an hour at 30 fps are 2,160,000
boxes, and 3,000,000 take 120 MB."""
MOST_BYTES = 512 << 20
"""Longest text, uncompressed: enough for that many boxes with much white space between them."""
OUTSIDE_PX = 1.0
"""A box may leave the picture by this much: not every tracker clips boxes at the edge."""

_LISTED_IDS = 20
_NO_DOCUMENT = "the tracks are refused: give the document that the track job writes"


@dataclass(frozen=True, kw_only=True, eq=False)
class SubjectTrack:
    """One track.

    Attributes:
        id: its id in the JSON.
        class_name: its class.
        frames: int64 [N], indices of the frames with a box, rising; N >= 1.
        boxes: float64 [N, 4], x1, y1, x2, y2 in pixels of the picture as displayed; finite, not empty.
        confidence: the mean confidence of its boxes, 0..1; 1 if the JSON does not state it.
    """

    id: int
    class_name: str
    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    confidence: float = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class SubjectTracks:
    """The tracks of a video.

    Attributes:
        by_id: the tracks by their ids.
        width, height: size of the picture, or None if the JSON does not state it.
        frames: number of frames of the video, or None.
        cuts: int64 [C], the first frame of each shot but the first, rising from 1; empty if the JSON does not
            state them.
    """

    by_id: Mapping[int, SubjectTrack]
    width: int | None
    height: int | None
    frames: int | None
    cuts: NDArray[np.int64]

    def get(self, number: int) -> SubjectTrack:
        """Return the track with an id.

        Raises:
            BadRequest: there is none; the message lists the first ids.
        """
        if number in self.by_id:
            return self.by_id[number]
        there = [
            f"{subject.id} ({subject.class_name})" for subject in list(self.by_id.values())[:_LISTED_IDS]
        ]
        more = len(self.by_id) - len(there)
        listed = ", ".join(there) + (f" and {more} more" if more else "")
        raise BadRequest(f"no track has id {number}; there are {listed or 'none'}")

    def of_class(self, class_name: str) -> SubjectTracks:
        """Return the tracks of one class.

        Raises:
            BadRequest: there is none; the message lists the first classes.
        """
        chosen = {
            number: subject for number, subject in self.by_id.items() if subject.class_name == class_name
        }
        if not chosen:
            classes = list(dict.fromkeys(subject.class_name for subject in self.by_id.values()))
            listed = ", ".join(brief(name) for name in classes[:_LISTED_IDS]) or "no tracks"
            raise BadRequest(f"no track is of the class {brief(class_name)}; there are {listed}")
        return replace(self, by_id=chosen)

    def check_video(self, *, width: int, height: int, frames: int | None) -> None:
        """Check that the tracks belong to a video.

        Args:
            width, height: size of its picture as displayed, in pixels.
            frames: its number of frames, or None if it is not known.

        Raises:
            BadRequest: size or number of frames differ, or a box is outside the picture, or a box or a cut
                after the last frame.
        """
        stated = (self.width, self.height)
        if None not in stated and stated != (width, height):
            raise _other_video(f"theirs is {self.width}x{self.height}, this one {width}x{height}")
        if frames is not None and self.frames not in (None, frames):
            raise _other_video(f"theirs has {self.frames} frames, this one {frames}")
        for subject in self.by_id.values():
            _check_place(subject, width, height, frames)
        if frames is not None and self.cuts.size and self.cuts[-1] >= frames:
            raise _other_video(f"theirs has a cut at frame {self.cuts[-1]}, this one {frames} frames")


def read_tracks(source: bytes | io.BufferedReader) -> SubjectTracks:
    """Read the tracks of a `.json`, `.json.gz` or `.ndjson` file; its content decides the format.

    Args:
        source: the file, open for reading at its beginning; or its content.

    Raises:
        BadRequest: it has none of these formats, a number is wrong, or it has more than MOST_BYTES or
            MOST_VALUES.
    """
    if isinstance(source, bytes):
        source = io.BufferedReader(io.BytesIO(source))
    stream = JsonStreamReader(source, what="tracks", most_bytes=MOST_BYTES, most_values=MOST_VALUES)
    builder = SubjectTrackBuilder()
    document: dict[str, object] | None = None
    while stream.peek():
        if document is not None:
            raise BadRequest("the tracks are refused: something follows the document; give it alone")
        document = _read_object(stream, builder)
    return _subjects(builder, {} if document is None else document.get("video", {}))


def _read_object(
    stream: JsonStreamReader, builder: SubjectTrackBuilder, *, is_listed: bool = False
) -> dict[str, object] | None:
    """Read a track, or a document with all of its tracks, into the builder.

    Args:
        stream: the JSON, before the object.
        builder: receives the tracks.
        is_listed: whether the object is one of the tracks of a document.

    Returns:
        The known members of the document; None if the object was a track.
    """
    if stream.peek() != "{":
        raise BadRequest(
            f"the tracks are refused: one is {brief(stream.value())}; each needs `id` and `frames`"
        )
    values: dict[str, object] = {}
    for key in stream.members():
        if key == "tracks" and not is_listed:
            if not builder.is_empty:
                raise BadRequest(_NO_DOCUMENT)
            for _ in _only_list(key, stream, values):
                _read_object(stream, builder, is_listed=True)
        elif key == "frames" and "tracks" not in values:
            for _ in _only_list(key, stream, values):
                builder.add(stream.value())
        elif key in {"id", "class_name", "video"}:
            values[key] = stream.value()
        else:
            stream.skip()
    if "tracks" in values:
        return values
    builder.end(values.get("id"), values.get("class_name"))
    return None


def _only_list(key: str, stream: JsonStreamReader, values: dict[str, object]) -> Iterator[None]:
    """Iterate over a list that an object must have exactly once."""
    if key in values or stream.peek() != "[":
        raise BadRequest(f"the tracks are refused: `{key}` must be one list, as the track job writes it")
    values[key] = None
    return stream.elements()


def parse_tracks(document: object) -> SubjectTracks:
    """Convert a parsed JSON document of tracks.

    Raises:
        BadRequest: it is not such a document, or a number is wrong.
    """
    if not isinstance(document, dict) or not isinstance(document.get("tracks"), list):
        raise BadRequest(_NO_DOCUMENT)
    builder = SubjectTrackBuilder()
    for track in document["tracks"]:
        if not isinstance(track, dict) or not isinstance(track.get("frames"), list):
            raise BadRequest(f"the tracks are refused: one is {brief(track)}; each needs `id` and `frames`")
        for entry in track["frames"]:
            builder.add(entry)
        builder.end(track.get("id"), track.get("class_name"))
    return _subjects(builder, document.get("video", {}))


def _subjects(builder: SubjectTrackBuilder, video: object) -> SubjectTracks:
    """Return the collected tracks, with the size, frames and cuts of the document's `video`."""
    if not isinstance(video, dict):
        raise BadRequest("the tracks are refused: `video` is not an object")
    counts: dict[str, int | None] = {}
    for name in ("width", "height", "frames"):
        value = video.get(name)
        counts[name] = as_integer(value)
        if value is not None and (counts[name] or 0) <= 0:
            raise BadRequest(f"the tracks are refused: video.{name} is {brief(value)}, not a number above 0")
    tracks = SubjectTracks(
        by_id={
            number: SubjectTrack(
                id=number, class_name=class_name, frames=frames, boxes=boxes, confidence=confidence
            )
            for number, class_name, confidence, frames, boxes in builder.tracks()
        },
        width=counts["width"],
        height=counts["height"],
        frames=counts["frames"],
        cuts=_cuts(video.get("cuts", [])),
    )
    if tracks.width is not None and tracks.height is not None:
        tracks.check_video(width=tracks.width, height=tracks.height, frames=tracks.frames)
    return tracks


def _cuts(values: object) -> NDArray[np.int64]:
    if isinstance(values, list):
        cuts = [as_integer(value) for value in values]
        if None not in cuts and (np.diff(np.array(cuts, np.int64), prepend=0) > 0).all():
            return np.array(cuts, np.int64)
    raise BadRequest("the tracks are refused: video.cuts must be frames that rise, from 1")


def _check_place(subject: SubjectTrack, width: int, height: int, frames: int | None) -> None:
    most = np.array([width, height, width, height]) + OUTSIDE_PX
    outside = np.flatnonzero(((subject.boxes < -OUTSIDE_PX) | (subject.boxes > most)).any(axis=1))
    if outside.size:
        box = ", ".join(f"{value:g}" for value in subject.boxes[outside[0]])
        raise _other_video(f"track {subject.id} has a box from and to ({box}), outside {width}x{height}")
    last = int(subject.frames[-1])
    if frames is not None and last >= frames:
        raise _other_video(f"track {subject.id} has a box in frame {last}, but there are {frames} frames")


def _other_video(difference: str) -> BadRequest:
    return BadRequest(f"the tracks are of another video: {difference}; track this one")
