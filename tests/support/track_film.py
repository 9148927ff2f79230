"""Plans tracked films with any boundaries, makes their pieces, and compares their tracks with a job's."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from orchestrator.film.associate import associate
from orchestrator.film.document import FilmModel, FilmPlan, FilmSegment, FilmSource, document, hash_of
from orchestrator.film.frame_pts import compress
from orchestrator.film.piece import read_manifest
from orchestrator.film.track_segment import detect_segment
from orchestrator.jobs import TrackParams, parse
from orchestrator.jobs.film import TrackFilm
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.triton.contract import DetectContract

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orchestrator.film.document import PieceManifest
    from orchestrator.pipeline.link_detections import Tracked
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
    """Plan a film whose segments begin at frame 0 and at the frames of some indexes."""
    info = probe(source)
    shown, keys = keyframes(source)
    client.load(params.model)
    contract = client.contract(params.model, DetectContract)
    with VideoReader(source, info) as reader:
        *_, last = reader.frames()
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
                work_sec=None,
            )
        )
    return FilmPlan(
        film=TrackFilm(task="track", params=params),
        source=FilmSource(bytes=source.stat().st_size, etag=None, info=info),
        model=FilmModel(
            name=params.model, weights_sha256=contract.weights_sha256, precision=contract.precision
        ),
        encoder=None,
        pts=compress(np.array(shown, np.int64)),
        last_duration=last.duration,
        segments=tuple(segments),
        hardest=0,
        notes=(),
    )


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
    assert len(film.tracks) == len(ordinary.tracks)
    for made, expected in zip(film.tracks, ordinary.tracks, strict=True):
        assert (made.id, made.class_number) == (expected.id, expected.class_number)
        for name in ("frames", "pts", "boxes", "scores", "interpolated"):
            one, other = getattr(made, name), getattr(expected, name)
            assert one.dtype == other.dtype
            assert one.tobytes() == other.tobytes(), name
    documents = [json.loads("".join(tracked.document().json())) for tracked in (film, ordinary)]
    for text in documents:
        for figure in ("wall_sec", "fps", "reused"):
            del text["stats"][figure]
    assert documents[0] == documents[1]
