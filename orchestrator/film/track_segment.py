"""Detects the objects in one segment of a film, and stores them as a piece.

Tracks span segments, so `associate` makes them once all pieces are there.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from orchestrator.errors import PlanRefused
from orchestrator.film.document import FilmModel, FilmPlan, PieceManifest
from orchestrator.film.piece import payload_of, write_manifest
from orchestrator.film.segment_frames import planned_frames, selection_of
from orchestrator.film.segment_output import film_model
from orchestrator.film.track_piece import MOST_DETECTIONS, TrackPieceWriter
from orchestrator.jobs import TrackParams
from orchestrator.jobs.film import TrackFilm
from orchestrator.media.read.reader import VideoReader
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.detect import detected_frames, load_detector
from orchestrator.pipeline.progress import FrameRateMeter, Progress
from orchestrator.storage.staged import staged
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
        output: the file to write, which appears when it is complete; an existing one is replaced.
        context: see `JobContext`.
        plan_hash: the hash of the plan.

    Returns:
        The manifest, which is at the end of the piece.

    Raises:
        PlanRefused: the plan is not one of a tracked film, or this worker has another model.
        SourceChanged, BadMedia: the source cannot be read, or has other frames than the plan: see
            `planned_frames`.
        ServiceError: Triton or the disk failed.
    """
    started_s = time.monotonic()
    params, model = tracking(plan)
    selection, info = selection_of(plan, number), plan.source.info
    context.on_progress(Progress(stage="starting", total=selection.frames))
    loaded = load_detector(info, params.model_copy(update={"model": model.name}), context)
    _check_model(loaded.contract, model)
    meter = FrameRateMeter(selection.frames, "tracking")
    with staged(output, overwrite=True) as temporary:
        with ExitStack() as stack:
            reader = stack.enter_context(
                VideoReader(source, info, letterbox=loaded.box, tonemap=True, selection=selection)
            )
            piece = stack.enter_context(TrackPieceWriter(temporary))
            frames = planned_frames(reader.frames(), plan, number)
            for item in stack.enter_context(detected_frames(frames, loaded, info, context)):
                # Cuts alone need less of the pictures than the camera's motion.
                gray = item.gray if params.tracker == "botsort" else reduced_picture(item.gray)
                piece.add(item.detections, gray)
                context.on_progress(meter.tick(piece.frames))
            piece.finish(
                classes=loaded.contract.classes,
                input_size=loaded.stats.input_size,
                max_detections=loaded.contract.max_detections,
                reused_frames=round(loaded.detector.reused * piece.seen),
            )
        payload_bytes, payload_sha256 = payload_of(temporary)
        wall_s = time.monotonic() - started_s
        cost = context.cost_of(wall_s)
        manifest = PieceManifest(
            plan_hash=plan_hash,
            number=number,
            frames=piece.frames,
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
        write_manifest(temporary, manifest)
    return manifest


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
    if film_model(contract) != model:
        raise PlanRefused(
            f"model {contract.name!r} of this worker is not the one that the plan was made for; "
            "give all workers the same model, or plan the film again"
        )
