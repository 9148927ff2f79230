"""Links the detections in the pieces of a film to tracks, as the ordinary job does for a whole video."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import PieceDamaged, PlanRefused
from orchestrator.film.document import FilmPlan, FilmSegment, PieceManifest
from orchestrator.film.piece import Pieces
from orchestrator.film.read_pieces import checked_pieces, film_pts, merged_notes, read_manifests
from orchestrator.film.read_track_piece import TrackPieceReader, TrackPieceShape, open_track_piece
from orchestrator.film.track_piece import TrackPieceFacts
from orchestrator.film.track_segment import tracking
from orchestrator.inference.detector import DetectedFrame
from orchestrator.jobs import TrackParams
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.detect import DetectionStats
from orchestrator.pipeline.link_detections import DetectionLinker, Tracked
from orchestrator.pipeline.preview import Moment, write_preview
from orchestrator.pipeline.progress import FrameRateMeter
from orchestrator.tracking import shot_cuts
from orchestrator.transport import slowest
from orchestrator.video_source import VideoSource


def associate(
    plan: FilmPlan,
    pieces: Pieces,
    context: JobContext,
    *,
    plan_hash: str,
    source: VideoSource | None = None,
) -> Tracked:
    """Track the objects of a film. The tracks are those of the ordinary job on the whole video, to the bit.

    No model is needed. One piece is read at a time, and memory grows with the tracks alone.

    Args:
        plan: the plan of a tracked film.
        pieces: the pieces of all its segments.
        context: see `JobContext`.
        plan_hash: the hash of the plan.
        source: the video, for the preview that `context` may ask for; None makes no preview.

    Raises:
        PlanRefused: the plan is not one of a tracked film, or contradicts itself.
        BadRequest: the model has no class of a name in the parameters.
        PieceDamaged: a piece is missing, is another one, or does not hold what it should.
    """
    started_s = time.monotonic()
    (params, model), info = tracking(plan), plan.source.info
    pts = film_pts(plan)
    manifests = read_manifests(plan, pieces, plan_hash)
    meter = FrameRateMeter(len(pts), "tracking")
    first: TrackPieceFacts | None = None
    linker: DetectionLinker | None = None
    reused_frames = 0
    with closing(checked_pieces(plan, pieces, manifests, plan_hash)) as paths:
        for path, segment, manifest in zip(paths, plan.segments, manifests, strict=True):
            with open_track_piece(path, _shape(segment, manifest, params)) as piece:
                if first is None or linker is None:
                    first = piece.facts
                    linker = DetectionLinker(info, params, model=model.name, classes=first.classes)
                _check_same_detector(first, piece.facts, segment.number)
                reused_frames += piece.facts.reused_frames
                for item in _detected(piece, plan, segment, pts):
                    linker.add(item)
                    context.on_progress(meter.tick(item.index + 1))
    if first is None or linker is None:
        raise PlanRefused("the plan has no segments; plan the film again")
    tracks, frames = linker.finish(), linker.times.frames
    of_pieces = merged_notes(note for manifest in manifests for note in manifest.notes)
    notes = tuple(dict.fromkeys((*plan.notes, *of_pieces)))
    if source is not None:
        moments = [Moment(source_s=time_s) for time_s in linker.times.evenly_s(info)]
        notes += write_preview(context.preview, source=source, info=info, moments=moments)
    detection = DetectionStats(
        model=model.name,
        classes=first.classes,
        input_size=first.input_size,
        transport=slowest(one.transport for one in manifests) or "shared_memory",
        reused=reused_frames / -(-frames // params.stride),
    )
    wall_s = time.monotonic() - started_s + sum(manifest.wall_sec for manifest in manifests)
    return linker.report(tracks, detection, wall_s=wall_s, cost=context.cost_of(wall_s), notes=notes)


def _shape(segment: FilmSegment, manifest: PieceManifest, params: TrackParams) -> TrackPieceShape:
    return TrackPieceShape(
        number=segment.number,
        payload_bytes=manifest.payload_bytes,
        first_frame=segment.first_frame,
        frames=segment.frames,
        stride=params.stride,
        gray_size=None if params.tracker == "botsort" else (shot_cuts.HEIGHT, shot_cuts.WIDTH),
    )


def _check_same_detector(first: TrackPieceFacts, facts: TrackPieceFacts, number: int) -> None:
    fields = {"classes", "input_size", "max_detections", "gray_size"}
    if first.model_dump(include=fields) != facts.model_dump(include=fields):
        message = f"piece {number} was made by another detector than the first piece: make it again"
        raise PieceDamaged(message, piece=number)


def _detected(
    piece: TrackPieceReader, plan: FilmPlan, segment: FilmSegment, pts: NDArray[np.int64]
) -> Generator[DetectedFrame, None, None]:
    for index, (detections, gray) in enumerate(piece.frames(), segment.first_frame):
        yield DetectedFrame(
            index=index,
            pts=int(pts[index]),
            duration=plan.last_duration if index == len(pts) - 1 else 0,
            gray=gray,
            detections=detections,
        )
