"""Detects the objects in one segment of a film, and stores them as a piece.

Tracks span segments, so `associate` makes them once all pieces are there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import PlanRefused, SourceChanged
from orchestrator.film.document import FilmModel, FilmPlan, FilmSegment, PieceManifest
from orchestrator.film.frame_pts import segment_pts
from orchestrator.film.piece import payload_of, write_manifest
from orchestrator.film.track_piece import MOST_DETECTIONS, TrackPieceFacts, TrackPieceWriter
from orchestrator.inference.detector import DetectedFrame
from orchestrator.jobs import TrackParams
from orchestrator.jobs.film import TrackFilm
from orchestrator.media.read.frame_selection import FrameSelection
from orchestrator.media.read.reader import VideoReader
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.detect import LoadedDetector, detected_frames, load_detector
from orchestrator.pipeline.progress import FrameRateMeter, OnProgress, Progress
from orchestrator.tracking.shot_cuts import reduced_picture
from orchestrator.triton.contract import DetectContract
from orchestrator.video_source import VideoSource


def detect_segment(
    source: VideoSource, plan: FilmPlan, number: int, output: Path, context: JobContext, *, plan_hash: str
) -> PieceManifest:
    """Detect the objects in a segment and write the piece; see `track_piece` for its payload.

    The frames have their indexes in the film, so `stride` counts from the start of the film.

    Args:
        source: the video that the plan was made from.
        plan: the plan of a tracked film.
        number: the number of the segment.
        output: the file to write. It is removed if the segment fails.
        context: see `JobContext`.
        plan_hash: the hash of the plan.

    Returns:
        The manifest, which is at the end of the piece.

    Raises:
        PlanRefused: the plan is not one of a tracked film, or this worker has another model.
        SourceChanged: the source does not have the frames of the plan.
        CallerError: the source cannot be read.
        ServiceError: Triton or the disk failed.
    """
    started_s = time.monotonic()
    params, model = tracking(plan)
    pts = segment_pts(plan, number)
    segment, info = plan.segments[number], plan.source.info
    context.on_progress(Progress(stage="starting", total=segment.frames))
    loaded = load_detector(info, params.model_copy(update={"model": model.name}), context)
    _check_model(loaded.contract, model)
    try:
        selection = FrameSelection(
            decode_pts=segment.decode_pts,
            first_pts=segment.first_pts,
            last_pts=segment.last_pts,
            first_frame=segment.first_frame,
            frames=segment.frames,
        )
        with (
            VideoReader(
                cast("Path", source), info, letterbox=loaded.box, tonemap=True, selection=selection
            ) as reader,
            detected_frames(reader.frames(), loaded, info, context) as detected,
        ):
            _write_payload(
                output,
                detected,
                loaded,
                segment=segment,
                pts=pts,
                whole_pictures=params.tracker == "botsort",  # cuts alone need less
                on_progress=context.on_progress,
            )
        payload_bytes, payload_sha256 = payload_of(output)
        wall_s = time.monotonic() - started_s
        cost = context.cost_of(wall_s)
        manifest = PieceManifest(
            plan_hash=plan_hash,
            number=number,
            frames=segment.frames,
            payload_bytes=payload_bytes,
            payload_sha256=payload_sha256,
            headers_sha256=None,
            reorder=0,
            transport=loaded.detector.transport,
            tile=None,
            reused=round(loaded.detector.reused, 4),
            fidelity=(),
            wall_sec=round(wall_s, 3),
            gpu=None if cost is None else cost.gpu,
            notes=(*reader.notes, *loaded.detector.notes),
        )
        write_manifest(output, manifest)
    except BaseException:
        output.unlink(missing_ok=True)
        raise
    return manifest


def _write_payload(
    output: Path,
    detected: Iterator[DetectedFrame],
    loaded: LoadedDetector,
    *,
    segment: FilmSegment,
    pts: NDArray[np.int64],
    whole_pictures: bool,
    on_progress: OnProgress,
) -> None:
    """Write the detections of a segment, and the gray pictures: whole, or as far as cuts need them."""
    meter = FrameRateMeter(segment.frames, "tracking")
    gray = np.empty((0, 0), np.uint8)
    with TrackPieceWriter(output) as piece:
        for item in detected:
            if piece.frames >= len(pts) or item.pts != pts[piece.frames]:
                raise _changed(segment, f"its frame {piece.frames} is shown at {item.pts} ticks")
            gray = item.gray if whole_pictures else reduced_picture(item.gray)
            piece.add(item.detections, gray)
            on_progress(meter.tick(piece.frames))
        if piece.frames != segment.frames:
            raise _changed(segment, f"it has {piece.frames} frames, not {segment.frames}")
        piece.finish(_facts(loaded, gray, seen=piece.seen))


def tracking(plan: FilmPlan) -> tuple[TrackParams, FilmModel]:
    """Return the parameters and the model of a tracked film.

    Raises:
        PlanRefused: the plan is that of another film.
    """
    if not isinstance(plan.film, TrackFilm) or plan.model is None:
        raise PlanRefused(f"the plan is for {plan.film.task}, not for tracking")
    return plan.film.params, plan.model


def _check_model(contract: DetectContract, model: FilmModel) -> None:
    if contract.max_detections > MOST_DETECTIONS:
        raise PlanRefused(
            f"model {contract.name!r} gives up to {contract.max_detections} boxes in a picture, and a piece "
            f"holds {MOST_DETECTIONS}; build it again with a smaller --max-detections"
        )
    if (contract.weights_sha256, contract.precision) != (model.weights_sha256, model.precision):
        raise PlanRefused(
            f"model {contract.name!r} of this worker is not the one that the plan was made for; "
            "give all workers the same model, or plan the film again"
        )


def _changed(segment: FilmSegment, what: str) -> SourceChanged:
    return SourceChanged(
        f"segment {segment.number} of the source is not the one of the plan: {what}; plan the film again"
    )


def _facts(loaded: LoadedDetector, gray: NDArray[np.uint8], *, seen: int) -> TrackPieceFacts:
    height, width = gray.shape
    stats = loaded.stats
    return TrackPieceFacts(
        classes=stats.classes,
        input_size=stats.input_size,
        max_detections=loaded.contract.max_detections,
        gray_size=(height, width),
        reused_frames=round(stats.reused * seen),
    )
