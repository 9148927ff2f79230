"""Runs the jobs of a film: plan, segment and assemble. They read the video by ranges, and never store it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cost.price_table import CPU, read_table
from orchestrator.errors import BadRequest, InputNotFound, PieceDamaged
from orchestrator.executor.job_runner import JobRunner, fetch_subjects
from orchestrator.executor.raw_json import EncodedResult, RawJson
from orchestrator.film.assemble import assemble
from orchestrator.film.associate import associate
from orchestrator.film.document import FilmPlan, PieceManifest, document, hash_of, read_plan
from orchestrator.film.frame_pts import expand
from orchestrator.film.piece import check_manifest, read_manifest
from orchestrator.film.plan import plan_film
from orchestrator.film.request import film_container
from orchestrator.film.segment import make_segment
from orchestrator.film.segments import fewer_segments
from orchestrator.film.source_frames import Unsplit
from orchestrator.installed_gpus import installed_gpus
from orchestrator.jobs import AssembleJob, PlanJob, SegmentJob, Strict
from orchestrator.jobs.film import ExportFilm, PlannedSegment, PlanResult, SegmentResult, TrackFilm
from orchestrator.pipeline.progress import Progress
from orchestrator.redaction import without_query
from orchestrator.utf8_json import json_text

MOST_PLAN_BYTES = 64 * 2**20
"""Largest plan that is fetched. That of a film of two hours, each frame at an odd time, has about 10 MB."""


def run_plan(runner: JobRunner, job: PlanJob) -> EncodedResult:
    """Plan a film, and publish the plan unless the video should be processed as one ordinary job."""
    film, settings = job.params, runner.settings
    subjects = fetch_subjects(runner, film.params) if isinstance(film, ExportFilm) else None
    source = runner.storage.ranged(job.input_url, stop=runner.stop)
    runner.progress.report(Progress(stage="planning"))
    with runner.context() as context:
        try:
            plan = plan_film(
                source,
                film,
                context,
                etag=source.etag,
                subjects=subjects,
                table=read_table(settings.cost_table),
                gpu=settings.gpu or next(iter(installed_gpus()), CPU),
            )
        except Unsplit as exc:
            return _answer(runner, _unsplit(exc.reason))
    data = document(plan)
    answer = _answer(runner, _planned(plan, hash_of(data), without_query(job.output_url)))
    file = runner.folder / "plan.json"
    file.write_bytes(data)
    on_progress = runner.progress.transfer("publishing")
    runner.storage.publish(file, job.output_url, stop=runner.stop, on_progress=on_progress)
    return answer


def run_segment(runner: JobRunner, job: SegmentJob) -> EncodedResult:
    """Make a segment of a film and store its piece, unless a piece of it is there already."""
    started_s = time.monotonic()
    plan, plan_hash, number = _fetch_plan(runner, job), job.params.plan_hash, job.params.number
    if number >= len(plan.segments):
        raise BadRequest(
            f"params.number {number} is refused: the segments of the plan are 0 to {len(plan.segments) - 1}"
        )
    pieces = StoredPieces(runner, plan, plan_hash, {number: job.piece_url} if job.piece_url else {})
    manifest = pieces.manifest_if_stored(number)
    already = manifest is not None
    with runner.context() as context:
        if manifest is None:
            file = runner.folder / ("piece.bin" if isinstance(plan.film, TrackFilm) else "piece.mp4")
            source = runner.storage.ranged(
                job.input_url,
                stop=runner.stop,
                expected_bytes=plan.source.bytes,
                expected_etag=plan.source.etag,
            )
            manifest = make_segment(source, plan, number, file, context, plan_hash=plan_hash)
            already = not runner.storage.publish(
                file,
                job.output_url,
                stop=runner.stop,
                on_progress=runner.progress.transfer("publishing"),
                keep_existing=True,
            )
        wall_s = time.monotonic() - started_s
        result = SegmentResult(
            output_url=without_query(job.output_url),
            number=number,
            frames=manifest.frames,
            already=already,
            wall_sec=round(wall_s, 3),
            cost=context.cost_of(wall_s),
            notes=manifest.notes,
        )
    return _answer(runner, result)


def run_assemble(runner: JobRunner, job: AssembleJob) -> EncodedResult:
    """Assemble the pieces of a film, and publish what the ordinary job would have."""
    plan, plan_hash = _fetch_plan(runner, job), job.params.plan_hash
    if len(job.piece_urls) != len(plan.segments):
        raise BadRequest(
            f"piece_urls is refused: it has {len(job.piece_urls)} addresses, and the plan has "
            f"{len(plan.segments)} segments; give one for each, in order"
        )
    pieces = StoredPieces(runner, plan, plan_hash, dict(enumerate(job.piece_urls)))
    source = runner.storage.ranged(
        job.input_url, stop=runner.stop, expected_bytes=plan.source.bytes, expected_etag=plan.source.etag
    )
    runner.progress.report(Progress(stage="assembling"))
    container = film_container(plan.film)
    if container is None:
        with runner.context(job) as context:
            tracked = associate(plan, pieces, context, plan_hash=plan_hash, source=source)
        return runner.publish_tracks(tracked, job)
    if job.destination is None:
        raise BadRequest("output_url is missing: give it, or output_parts, and not both")
    output = runner.folder / f"output{container.suffixes[0]}"
    with runner.context(job) as context:
        result = assemble(source, plan, pieces, output, context, plan_hash=plan_hash)
    return runner.publish(result, output, job, job.destination)


@dataclass(frozen=True)
class StoredPieces:
    """The pieces of a film in a store; see `film.assemble.Pieces`.

    Attributes:
        runner: the job that reads them.
        plan: the plan.
        plan_hash: its hash.
        urls: where the pieces are, by number.
    """

    runner: JobRunner
    plan: FilmPlan
    plan_hash: str
    urls: dict[int, str]

    def manifest_if_stored(self, number: int) -> PieceManifest | None:
        """Return the manifest of a piece; None if there is no piece, or no address of one.

        Raises:
            PieceDamaged: there is another object in its place.
        """
        if number not in self.urls:
            return None
        piece = self.runner.storage.ranged(self.urls[number], stop=self.runner.stop)
        try:
            piece.stat()
        except InputNotFound:
            return None
        try:
            manifest = read_manifest(piece)
        except PieceDamaged as exc:
            raise PieceDamaged(f"piece {number} cannot be used: {exc}", piece=number) from exc
        check_manifest(manifest, self.plan, self.plan_hash, number)
        return manifest

    def manifest(self, number: int) -> PieceManifest:
        """Return the manifest of a piece. Only the end of the piece is read.

        Raises:
            PieceDamaged: the piece is missing, or another object is in its place.
        """
        manifest = self.manifest_if_stored(number)
        if manifest is None:
            raise _missing(number)
        return manifest

    @contextmanager
    def opened(self, number: int) -> Iterator[Path]:
        """Fetch a piece to a file that exists within the block.

        Raises:
            PieceDamaged: the piece is missing.
        """
        file = self.runner.folder / "fetched.piece"
        try:
            self.runner.storage.fetch(
                self.urls[number], file, stop=self.runner.stop, on_progress=lambda *_: None
            )
        except InputNotFound as exc:
            raise _missing(number) from exc
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)


def _fetch_plan(runner: JobRunner, job: SegmentJob | AssembleJob) -> FilmPlan:
    """Fetch the plan of a job, and refuse one that is too much for this worker.

    Raises:
        PlanRefused: it is not the plan with that hash, or one of another version.
        LimitExceeded: the film has too many frames, or too large ones.
    """
    file = runner.folder / "plan.json"
    runner.storage.fetch(
        job.plan_url, file, stop=runner.stop, on_progress=lambda *_: None, most_bytes=MOST_PLAN_BYTES
    )
    data = file.read_bytes()
    file.unlink()
    plan = read_plan(data, expected_hash=job.params.plan_hash)
    frames = sum(segment.frames for segment in plan.segments)
    runner.settings.limits.check_source(plan.source.info, duration_s=None, frames=frames)
    return plan


def _planned(plan: FilmPlan, plan_hash: str, output_url: str) -> PlanResult:
    pts = expand(plan.pts)
    begins = [int(pts[segment.first_frame] - pts[0]) for segment in plan.segments]
    ends = [*begins[1:], int(pts[-1] - pts[0]) + plan.last_duration]
    tick_s = plan.source.info.time_base
    return PlanResult(
        output_url=output_url,
        plan_hash=plan_hash,
        unsplit=None,
        frames=len(pts),
        duration_sec=round(float(ends[-1] * tick_s), 6),
        segments=tuple(
            PlannedSegment(
                number=segment.number,
                frames=segment.frames,
                start_sec=round(float(begin * tick_s), 6),
                end_sec=round(float(end * tick_s), 6),
                work_sec=segment.work_sec,
            )
            for segment, begin, end in zip(plan.segments, begins, ends, strict=True)
        ),
        hardest=plan.hardest,
        notes=(*plan.notes, *fewer_segments(plan)),
    )


def _unsplit(reason: str) -> PlanResult:
    return PlanResult(
        output_url=None,
        plan_hash=None,
        unsplit=reason,
        frames=None,
        duration_sec=None,
        segments=(),
        hardest=None,
    )


def _missing(number: int) -> PieceDamaged:
    return PieceDamaged(f"piece {number} is missing: make it", piece=number)


def _answer(runner: JobRunner, result: Strict) -> EncodedResult:
    text = runner.encode([json_text(result.model_dump(mode="json"))])
    return EncodedResult(whole=RawJson(text), short=None)
