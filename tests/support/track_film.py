"""Plans tracked films with any boundaries, makes their pieces, and compares their tracks with a job's."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from orchestrator.film.associate import associate
from orchestrator.film.document import (
    FilmModel,
    FilmPlan,
    FilmSegment,
    FilmSource,
    PieceManifest,
    document,
    hash_of,
)
from orchestrator.film.frame_pts import compress, expand
from orchestrator.film.piece import payload_of, read_manifest, write_manifest
from orchestrator.film.plan import plan_film
from orchestrator.film.track_piece import TrackPieceWriter
from orchestrator.film.track_segment import detect_segment
from orchestrator.frames import Colour, VideoInfo
from orchestrator.jobs import TrackParams, parse
from orchestrator.jobs.film import TrackFilm
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.track import TrackOutputs, track

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from orchestrator.frames import Detections
    from orchestrator.pipeline.link_detections import Tracked
    from orchestrator.track_output.reported_tracks import ReportedTracks
    from orchestrator.triton.client import TritonClient


@dataclass(frozen=True)
class LocalPieces:
    """The pieces of a film in a folder."""

    folder: Path

    def path(self, number: int) -> Path:
        return self.folder / f"{number}.piece"

    def manifest(self, number: int) -> PieceManifest:
        return read_manifest(self.path(number))

    @contextmanager
    def opened(self, number: int) -> Iterator[Path]:
        yield self.path(number)


def keyframes(source: Path) -> tuple[list[int], list[int]]:
    """Return the pts of all frames, and those of the keyframes, as PyAV demuxes them."""
    with av.open(str(source)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size and not packet.is_discard]
    shown = sorted(packet.pts or 0 for packet in packets)
    return shown, sorted(packet.pts or 0 for packet in packets if packet.is_keyframe)


def cuttings(source: Path) -> list[int]:
    """Return the indexes of frames at which a segment may begin, but the first."""
    shown, keys = keyframes(source)
    return [shown.index(key) for key in keys if key > shown[0]]


def planned(source: Path, params: TrackParams, client: TritonClient, boundaries: Sequence[int]) -> FilmPlan:
    """Plan a film, and let its segments begin at frame 0 and at the frames of some indexes."""
    shown, keys = keyframes(source)
    film = TrackFilm(task="track", params=params, segments=2)
    plan = plan_film(source, film, JobContext(connect=lambda: client), etag=None)
    assert expand(plan.pts).tolist() == shown
    segments = []
    for number, (first, end) in enumerate(pairwise([0, *boundaries, len(shown)])):
        before = [key for key in keys if key <= shown[first]]
        segments.append(
            FilmSegment(
                number=number,
                first_frame=first,
                frames=end - first,
                first_pts=shown[first],
                last_pts=shown[end - 1],
                decode_pts=before[-2:][0],
                begins_shot=False,
                first_byte=0,
                end_byte=source.stat().st_size,
                entries=None,
                work_sec=None,
            )
        )
    return plan.model_copy(update={"segments": tuple(segments), "hardest": 0})


def made_up_film(
    params: TrackParams, pts: Sequence[int], boundaries: Sequence[int], *, last_duration: int = 0
) -> FilmPlan:
    """Plan a film of 160x90 pixels that is no file, with the frames at these times."""
    starts = [0, *boundaries]
    info = VideoInfo(
        width=160,
        height=90,
        rotation=0,
        mirrored=False,
        sample_aspect_ratio=Fraction(1),
        time_base=Fraction(1, 1000),
        average_rate=Fraction(25),
        frames=len(pts),
        duration_s=None,
        codec="h264",
        pixel_format="yuv420p",
        bit_depth=8,
        colour=Colour(matrix=1, primaries=1, transfer=1, full_range=False),
    )
    segments = [
        FilmSegment(
            number=number,
            first_frame=first,
            frames=end - first,
            first_pts=pts[first],
            last_pts=pts[end - 1],
            decode_pts=pts[first],
            begins_shot=False,
            first_byte=0,
            end_byte=1,
            entries=None,
            work_sec=None,
        )
        for number, (first, end) in enumerate(pairwise([*starts, len(pts)]))
    ]
    return FilmPlan(
        film=TrackFilm(task="track", params=params),
        source=FilmSource(bytes=1, etag=None, info=info),
        model=FilmModel(
            name=params.model or "yolov8n", weights_sha256="0" * 64, precision="fp32", tensors="image"
        ),
        encoder=None,
        pts=compress(np.array(pts, np.int64)),
        last_duration=last_duration,
        index=None,
        segments=tuple(segments),
        hardest=0,
        notes=(),
    )


def write_piece(
    plan: FilmPlan,
    number: int,
    path: Path,
    frames: Iterable[tuple[Detections | None, NDArray[np.uint8]]],
    **changes: Any,
) -> PieceManifest:
    """Write the piece of a segment from the detections and gray pictures of its frames."""
    with TrackPieceWriter(path) as piece:
        for detections, gray in frames:
            piece.add(detections, gray)
        piece.finish(classes=("person", "ball"), input_size=(96, 160), max_detections=300, reused_frames=0)
    return add_manifest(plan, number, path, **changes)


def add_manifest(plan: FilmPlan, number: int, path: Path, **changes: Any) -> PieceManifest:
    """Make a piece of a payload, with a manifest that fits the plan but for `changes`."""
    payload_bytes, payload_sha256 = payload_of(path)
    manifest = PieceManifest(
        plan_hash=hash_of(document(plan)),
        number=number,
        frames=plan.segments[number].frames,
        payload_bytes=payload_bytes,
        payload_sha256=payload_sha256,
        headers_sha256=None,
        reorder=0,
        transport="grpc",
        tile=None,
        reused=0,
        fidelity=(),
        wall_sec=1,
        gpu=None,
        notes=(),
    ).model_copy(update=changes)
    write_manifest(path, manifest)
    return manifest


def track_in_pieces(
    source: Path, plan: FilmPlan, folder: Path, client: TritonClient, order: Sequence[int] | None = None
) -> Tracked:
    """Make the pieces of a film in some order, and track their objects."""
    folder.mkdir(exist_ok=True)
    pieces, plan_hash = LocalPieces(folder), hash_of(document(plan))
    context = JobContext(connect=lambda: client)
    for number in order or range(len(plan.segments)):
        made = detect_segment(source, plan, number, pieces.path(number), context, plan_hash=plan_hash)
        assert made == read_manifest(pieces.path(number))
    return associate(plan, pieces, JobContext(connect=no_triton), plan_hash=plan_hash)


def no_triton() -> TritonClient:
    """Fail: no model is needed to associate."""
    raise AssertionError("a Triton was asked for")


def track_at_once(source: Path, params: TrackParams, client: TritonClient) -> Tracked:
    """Track by the ordinary job."""
    return track(source, params, TrackOutputs(), JobContext(connect=lambda: client))


def track_params(**params: Any) -> TrackParams:
    return parse(TrackParams, {"model": "lite-detector", "confidence": 0.2} | params)


def assert_same_tracks(film: Tracked, ordinary: Tracked) -> None:
    """Compare every bit of the tracks, and the document but for its times."""
    assert_same_boxes(film.tracks, ordinary.tracks)
    documents = [json.loads("".join(tracked.document().json())) for tracked in (film, ordinary)]
    for text in documents:
        for figure in ("wall_sec", "fps", "reused"):
            del text["stats"][figure]
    assert documents[0] == documents[1]


def assert_same_boxes(found: ReportedTracks, ordinary: ReportedTracks) -> None:
    """Compare every bit of tracks."""
    assert len(found) == len(ordinary)
    for made, expected in zip(found, ordinary, strict=True):
        assert (made.id, made.class_number) == (expected.id, expected.class_number)
        for name in ("frames", "pts", "boxes", "scores", "interpolated"):
            one, other = getattr(made, name), getattr(expected, name)
            assert one.dtype == other.dtype
            assert one.tobytes() == other.tobytes(), name
