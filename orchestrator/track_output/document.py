"""Writes the tracks of a video as JSON, piece by piece, so that the whole text is never in memory.

The format of `.json` and `.json.gz` (`.ndjson` has only the objects in `tracks`, one per line):

    {"status": "completed",
     "tracks": [
       {"id": 1, "class_name": "person", "first_sec": 0.0, "last_sec": 3.96, "frames": [
         {"frame": 0, "bbox": [x, y, w, h], "confidence": 0.92},
         {"frame": 1, "bbox": [x, y, w, h], "confidence": 0.91, "interpolated": true}, ...]}, ...],
     "video": {...}, "stats": {...}, "notes": [...]}

A job with a preview adds its `preview_url`.

`bbox` is the top-left corner, width and height in pixels as displayed, with two decimals. It lies inside the
picture: x >= 0, w > 0, x + w <= width, for the numbers as written. `interpolated` is present only if true.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import BadRequest, DiskFull
from orchestrator.frames import Boxes
from orchestrator.storage.staged import staged
from orchestrator.track_output.reported_tracks import ReportedTrack
from orchestrator.utf8_json import safe_text

FORMATS = (".json", ".json.gz", ".ndjson")
"""Suffixes of the files that can be written."""

_ROWS = 4096
"""Boxes in one piece of the text, about 300 kB."""

_GZIP_LEVEL = 4
"""Takes half the time of the usual 6, for 6 % more bytes, measured on random boxes."""

_ENDS = {False: "}", True: ',"interpolated":true}'}


@dataclass(frozen=True, kw_only=True)
class TrackDocument:
    """The result of a track job.

    Attributes:
        tracks: the tracks, in the order of the document.
        classes: class names by class number.
        time_base: unit of the tracks' pts, in seconds.
        video: the block of that name, finite numbers and text; boxes are clipped to its `width` and `height`.
        stats: the block of that name, finite numbers and text.
        notes: one sentence each.
        preview_url: where the preview of the job is; None leaves the member out.
    """

    tracks: Sequence[ReportedTrack]
    classes: tuple[str, ...]
    time_base: Fraction
    video: Mapping[str, Any]
    stats: Mapping[str, Any]
    notes: Sequence[str]
    preview_url: str | None = None

    def json(self) -> Iterator[str]:
        """Yield the text of the whole document: one object on one line, ASCII only, no line end."""
        yield '{"status":"completed","tracks":['
        for number, track in enumerate(self.tracks):
            if number:
                yield ","
            yield from self._track(track)
        yield "]"
        for name, block in (
            ("video", self.video),
            ("stats", self.stats),
            ("notes", list(map(safe_text, self.notes))),
        ):
            yield f',"{name}":{_text(block)}'
        if self.preview_url is not None:
            yield f',"preview_url":{_text(safe_text(self.preview_url))}'
        yield "}"

    def ndjson(self) -> Iterator[str]:
        """Yield the text of the tracks, one object per line."""
        for track in self.tracks:
            yield from self._track(track)
            yield "\n"

    def _track(self, track: ReportedTrack) -> Iterator[str]:
        first, last = (round(float(int(pts) * self.time_base), 6) for pts in (track.pts[0], track.pts[-1]))
        name = _text(safe_text(self.classes[track.class_number]))
        yield f'{{"id":{track.id},"class_name":{name},"first_sec":{first},"last_sec":{last},"frames":['
        for begin in range(0, len(track), _ROWS):
            rows = slice(begin, begin + _ROWS)
            bbox = bboxes(track.boxes[rows], width=self.video["width"], height=self.video["height"])
            confidence = np.clip(np.rint(track.scores[rows].astype(np.float64) * 1e4), 0, 1e4) / 1e4
            values = zip(
                track.frames[rows].tolist(),
                *bbox.T.tolist(),
                confidence.tolist(),
                track.interpolated[rows].tolist(),
                strict=True,
            )
            yield "," * (begin > 0) + ",".join(
                [
                    f'{{"frame":{frame},"bbox":[{x},{y},{w},{h}],"confidence":{score}{_ENDS[interpolated]}'
                    for frame, x, y, w, h, score, interpolated in values
                ]
            )
        yield "]}"


def check_track_format(path: Path) -> None:
    """Raise BadRequest if the name does not end in one of FORMATS."""
    if not path.name.lower().endswith(FORMATS):
        raise BadRequest(f"tracks cannot be written as {path.name!r}; end the name in {', '.join(FORMATS)}")


def write_tracks(path: Path, document: TrackDocument, *, overwrite: bool) -> None:
    """Write the document, or only its tracks for `.ndjson`. The same document always gives the same bytes.

    Args:
        path: path of the file, which appears only when it is complete.
        document: the document to write.
        overwrite: replace an existing file.

    Raises:
        BadRequest: see `check_track_format`.
        OutputPathRefused: see `staged`.
        DiskFull: the file could not be written.
    """
    check_track_format(path)
    name = path.name.lower()
    pieces = document.ndjson() if name.endswith(".ndjson") else chain(document.json(), ["\n"])
    with staged(path, overwrite=overwrite) as temporary:
        try:
            with temporary.open("wb") as file, _gzipped(file) if name.endswith(".gz") else file as written:
                for piece in pieces:
                    written.write(piece.encode("ascii"))
        except OSError as exc:
            raise DiskFull(f"{path} cannot be written: {exc.strerror}; free some space") from exc


def bboxes(boxes: Boxes, *, width: int, height: int) -> NDArray[np.float64]:
    """Clip boxes to the picture and round them to two decimals, so that none is empty.

    The computation uses whole hundredths of a pixel, so that x + w <= width holds for the numbers as written.

    Args:
        boxes: float32 [N, 4], x1, y1, x2, y2 in pixels as displayed; they may extend beyond the picture.
        width, height: size of the picture, in pixels.

    Returns:
        float64 [N, 4]: x, y, width, height.
    """
    hundredths = np.rint(boxes.astype(np.float64) * 100)
    most = np.array([width, height]) * 100
    near = np.clip(hundredths[:, :2], 0, most - 1) + 0.0  # turns -0.0 into 0.0
    far = np.clip(hundredths[:, 2:], near + 1, most)
    return np.hstack((near, far - near)) / 100


def _gzipped(file: IO[bytes]) -> gzip.GzipFile:
    """Return a gzip stream whose header contains neither a name nor a time."""
    return gzip.GzipFile("", "wb", compresslevel=_GZIP_LEVEL, fileobj=file, mtime=0)


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
