"""Assembles the pieces of a folder, which several drivers may try to do at once: one does, for all."""

from __future__ import annotations

from pathlib import Path

from orchestrator.film.assemble import assemble
from orchestrator.film.associate import associate
from orchestrator.film.piece_folder import PieceFolder
from orchestrator.jobs import ExportResult, TrackResult, UpscaleResult
from orchestrator.pipeline.context import JobContext
from orchestrator.track_output.document import write_tracks

FilmResult = UpscaleResult | ExportResult | TrackResult

_RESULTS: dict[str, type[FilmResult]] = {
    "upscale": UpscaleResult,
    "export": ExportResult,
    "track": TrackResult,
}


def assemble_folder(
    source: Path, pieces: PieceFolder, output: Path, context: JobContext, *, overwrite: bool
) -> FilmResult:
    """Write the file of a film, unless another driver that still runs has done so; return the result.

    Args:
        source: the video.
        pieces: the pieces, which must all be there.
        output: the file to write: a video, or tracks.
        context: see `JobContext`.
        overwrite: whether to replace the output if it exists.

    Raises:
        PieceDamaged: a piece is missing or damaged.
        WorkerError: see `assemble` and `associate`.
    """
    done = pieces.result_of(output)
    with pieces.one_at_a_time():
        if done.exists():
            return _RESULTS[pieces.plan.film.task].model_validate_json(done.read_bytes())
        result: FilmResult
        if pieces.plan.film.task == "track":
            tracked = associate(pieces.plan, pieces, context, plan_hash=pieces.plan_hash)
            write_tracks(output, tracked.document(), overwrite=overwrite)
            result = tracked.result
        else:
            result = assemble(
                *(source, pieces.plan, pieces, output, context),
                plan_hash=pieces.plan_hash,
                overwrite=overwrite,
            )
        done.write_text(result.model_dump_json())
    return result
