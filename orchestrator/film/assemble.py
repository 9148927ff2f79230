"""Assembles the pieces of a film into the file that the ordinary job would have delivered.

Pictures are copied packet by packet with the times of the plan. Sound, subtitles, chapters and metadata are
copied from the source, once, by the code of the ordinary job.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import OutputPathRefused, PieceDamaged
from orchestrator.fidelity.check import CHECKED_FRAMES, FrameCountAndSize
from orchestrator.fidelity.report import report_of, sound_offset_s
from orchestrator.film.assembled_output import AssembledOutput, assembled_output
from orchestrator.film.check_film import CheckedFilm, ExpectedFilm, check_film
from orchestrator.film.document import FilmPlan, PieceManifest
from orchestrator.film.piece import Pieces
from orchestrator.film.read_pieces import checked_pieces, film_pts, merged_notes, read_manifests
from orchestrator.film.same_source import check_source
from orchestrator.film.segment_output import planned_request
from orchestrator.framing.keyframes import CropPath
from orchestrator.jobs import ExportResult, ExportStats, Keyframe, UpscaleResult, UpscaleStats
from orchestrator.jobs.film import UpscaleFilm
from orchestrator.media.write.joined_video import JoinedVideoWriter, read_format
from orchestrator.media_containers import container_for
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.deliver import OutputSummary
from orchestrator.pipeline.preview import Moment, evenly, write_preview
from orchestrator.pipeline.progress import FrameRateMeter, Progress
from orchestrator.storage.staged import check_outputs, staged
from orchestrator.transport import slowest
from orchestrator.video_source import VideoSource


def assemble(
    source: VideoSource,
    plan: FilmPlan,
    pieces: Pieces,
    output: Path,
    context: JobContext,
    *,
    plan_hash: str,
    overwrite: bool = False,
) -> UpscaleResult | ExportResult:
    """Assemble a film. No model is needed, and one piece at a time is on the disk beside the output.

    Args:
        source: the video that the plan was made from.
        plan: the plan of an upscale or an export.
        pieces: the pieces of all its segments.
        output: the film; it appears only when it is complete. Its suffix is that of the plan's format.
        context: see `JobContext`; it is not asked for Triton.
        plan_hash: the hash of the plan.
        overwrite: whether to replace the output if it exists.

    Returns:
        What the ordinary job returns. `wall_sec` and the cost are those of all segments and of the assembly.

    Raises:
        PlanRefused: the plan makes no video, or contradicts itself.
        SourceChanged: the source is not the one that the plan was made from.
        PieceDamaged: a piece is missing, is another one, or was changed; the message names its number.
        OutputPathRefused: see `staged`; or the name has another suffix than the plan's format.
        OutputCheckFailed: the finished file does not hold what it should.
        BadMedia: the source cannot be read.
        EncodeFailed: the muxer failed.
        DiskFull: the disk is full.
    """
    started_s = time.monotonic()
    container = planned_request(plan, context).container
    if container_for(output) != container:
        raise OutputPathRefused(
            f"output {output} is not named as {container.name}, the format of the plan: end its name in "
            f".{container.name}"
        )
    check_outputs(source, [output], overwrite=overwrite)
    check_source(source, plan)
    pts = film_pts(plan)
    manifests = read_manifests(plan, pieces, plan_hash)
    _check_all(plan, manifests)
    meter = FrameRateMeter(len(pts), "assembling")
    context.on_progress(Progress(stage="assembling", total=len(pts)))
    with staged(output, overwrite=overwrite) as temporary:
        with closing(checked_pieces(plan, pieces, manifests, plan_hash)) as paths:
            first = next(paths)
            piece_format = read_format(first, 0)
            out = assembled_output(plan, (piece_format.width, piece_format.height), context)
            with JoinedVideoWriter(
                temporary,
                first_piece=first,
                source=source,
                info=out.planned.output_info,
                container=out.planned.container,
                sample_aspect_ratio=out.sample_aspect_ratio,
                tag=out.encoder.tag,
                pts=pts,
                last_duration=plan.last_duration,
                reorder=max(manifest.reorder for manifest in manifests),
                start_s=out.planned.start_s,
                end_s=out.planned.end_s,
            ) as writer:
                for segment, piece in zip(plan.segments, chain([first], paths), strict=True):
                    writer.append(piece, segment.number, segment.frames)
                    context.on_progress(meter.tick(writer.frames))
                context.on_progress(Progress(stage="finishing", frames=len(pts), total=len(pts)))
                writer.finish()
        expected = ExpectedFilm(
            pts=writer.first + (pts - pts[0]),
            tick_s=plan.source.info.time_base,
            duration_s=writer.duration_s if out.planned.container.has_dts_durations else None,
            width=piece_format.width,
            height=piece_format.height,
            digest=writer.digest,
            begins=[segment.first_frame for segment in plan.segments],
        )
        checked = check_film(temporary, expected)
        summary = _summary(source, plan, manifests, out, checked, pts=pts, writer=writer)
    missing = write_preview(
        context.preview, source=source, info=plan.source.info, moments=summary.moments, output=output
    )
    # The work of the segments was done before; it counts as if this job had done it.
    before_s = sum(manifest.wall_sec for manifest in manifests)
    stats = summary.stats(context, started_s=started_s - before_s)
    notes = (*summary.notes, *missing)
    url, request = output.resolve().as_uri(), out.request
    if isinstance(plan.film, UpscaleFilm):
        return UpscaleResult(
            output_url=url,
            stats=UpscaleStats(model=request.model or "", **stats),
            fidelity=summary.fidelity,
            notes=notes,
        )
    crop = request.crop
    shown = crop.at(float(request.start_s or 0)) if isinstance(crop, CropPath) else crop
    keyframes = crop.keyframes() if isinstance(crop, CropPath) else None
    return ExportResult(
        output_url=url,
        stats=ExportStats(
            model=request.model,
            crop=(shown.x, shown.y, shown.w, shown.h),
            pixel_format=summary.pixel_format,
            **stats,
        ),
        fidelity=summary.fidelity,
        keyframes=None if keyframes is None else tuple(Keyframe(**keyframe) for keyframe in keyframes),
        followed=plan.followed,
        notes=notes,
    )


def _check_all(plan: FilmPlan, manifests: Sequence[PieceManifest]) -> None:
    """Check that all pieces fit together.

    Raises:
        PieceDamaged: one does not.
    """
    headers = manifests[0].headers_sha256
    for segment, manifest in zip(plan.segments, manifests, strict=True):
        number = segment.number
        if headers is None or manifest.headers_sha256 != headers:
            raise PieceDamaged(
                f"piece {number} was encoded with other headers than the first one, as by another version of "
                "the encoder: make all segments again on one kind of worker",
                piece=number,
            )
        if plan.model is not None and None in (manifest.transport, manifest.tile, manifest.reused):
            message = f"piece {number} was made without the model: make that segment again"
            raise PieceDamaged(message, piece=number)
        last = segment.first_frame + segment.frames
        if not all(segment.first_frame <= picture.frame < last for picture in manifest.fidelity):
            message = f"piece {number} was compared at frames of another segment: make it again"
            raise PieceDamaged(message, piece=number)
    if not any(manifest.fidelity for manifest in manifests):
        message = "piece 0 and the other pieces were not compared with the source: make them again"
        raise PieceDamaged(message, piece=0)


def _summary(
    source: VideoSource,
    plan: FilmPlan,
    manifests: Sequence[PieceManifest],
    out: AssembledOutput,
    checked: CheckedFilm,
    *,
    pts: NDArray[np.int64],
    writer: JoinedVideoWriter,
) -> OutputSummary:
    """Describe the finished film as `deliver` describes its outputs."""
    info, window = plan.source.info, out.planned.window
    tick_s, first_s = info.time_base, int(pts[0]) * info.time_base
    compared = [picture for manifest in manifests for picture in manifest.fidelity]
    shown = [compared[place] for place in evenly(len(compared), CHECKED_FRAMES)]
    start_s = None if out.planned.start_s is None else info.start_s + out.planned.start_s
    rate = info.average_rate
    last_s = plan.last_duration * tick_s or (1 / rate if rate else Fraction(0))
    written = FrameCountAndSize(
        frames=len(pts),
        width=writer.format.width,
        height=writer.format.height,
        picture=(writer.format.width, writer.format.height),
    )
    fidelity = report_of(
        shown,
        written=written,
        source_duration_s=int(pts[-1] - pts[0]) * tick_s + last_s,
        duration_s=checked.duration_s,
        sound_offset_s=sound_offset_s(
            source, first_s=first_s, start_s=start_s, sound_after_s=checked.sound_after_s
        ),
    )
    times_s = [int(pts[picture.frame] - pts[0]) * tick_s for picture in shown]
    tiles = [manifest.tile for manifest in manifests if manifest.tile is not None]
    reused = [(manifest.reused, manifest.frames) for manifest in manifests if manifest.reused is not None]
    of_pieces = merged_notes(note for manifest in manifests for note in manifest.notes)
    return OutputSummary(
        frames=len(pts),
        left_out=0,
        duration_s=float(writer.duration_s),
        width=writer.format.width,
        height=writer.format.height,
        scale=window.size[0] / window.crop_size[0],
        encoder=out.encoder.encoder,
        pixel_format=out.encoder.pixel_format,
        # Of workers that differ, the slower way and the smaller tiles count.
        transport=slowest(manifest.transport for manifest in manifests),
        tile=min(tiles, key=lambda tile: tile[0] * tile[1], default=None),
        reused=round(sum(share * frames for share, frames in reused) / len(pts), 4) if reused else None,
        fidelity=fidelity,
        moments=tuple(
            Moment(source_s=first_s - info.start_s + at_s, output_s=checked.first_s + at_s)
            for at_s in times_s
        ),
        notes=tuple(dict.fromkeys((*plan.notes, *of_pieces, *writer.notes))),
    )
