"""Makes the piece of one segment of a film: reads its frames, makes the pictures, encodes and checks them.

A segment follows from its plan and its source alone. Nothing crosses from one segment to the next: a model
that keeps unchanged tiles (`reuse_tolerance`) starts anew in each.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import EncodeFailed
from orchestrator.fidelity.check import FrameCountAndSize, examine
from orchestrator.fidelity.report import measured_pictures
from orchestrator.film.compared_frames import compared_frames, reported_frames
from orchestrator.film.document import FilmPlan, PieceManifest
from orchestrator.film.frame_pts import expand
from orchestrator.film.piece import payload_of, write_manifest
from orchestrator.film.same_source import check_source
from orchestrator.film.segment_frames import planned_frames, selection_of
from orchestrator.film.segment_output import piece_encoder, prepare_output
from orchestrator.film.track_segment import detect_segment
from orchestrator.frames import Picture
from orchestrator.jobs.fidelity import ComparedPicture
from orchestrator.jobs.film import TrackFilm
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.read.short_index import ShortIndex
from orchestrator.media.write.picture_encoder import PictureEncoder
from orchestrator.media.write.piece_writer import PieceWriter, headers_sha256
from orchestrator.media_containers import MP4
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.picture_chain import PictureChain, picture_chain
from orchestrator.pipeline.plan import Plan
from orchestrator.pipeline.progress import FrameRateMeter, Progress
from orchestrator.storage.staged import staged
from orchestrator.triton.client import TritonClient
from orchestrator.video_source import RemoteSource, VideoSource, expect


def make_segment(
    source: VideoSource, plan: FilmPlan, number: int, output: Path, context: JobContext, *, plan_hash: str
) -> PieceManifest:
    """Make the piece of a segment. It gets its name only when it is complete and checked.

    Args:
        source: the video that the plan was made from. Only what the segment needs is read.
        plan: the plan.
        number: the number of the segment.
        output: the file to write; an existing one is replaced.
        context: see `JobContext`.
        plan_hash: the hash of the plan.

    Returns:
        The manifest, which is at the end of the piece.

    Raises:
        PlanRefused: the plan has no such segment, or this worker has another model or no such encoder.
        SourceChanged: the source is not the one that the plan was made from.
        BadMedia: the source cannot be read, or it is damaged.
        CallerError: the request of the plan is refused.
        ServiceError: Triton, the encoder or the disk failed, or the piece did not pass the check.
    """
    check_source(source, plan)
    selection = selection_of(plan, number)
    expect(source, plan.segments[number].first_byte, plan.segments[number].end_byte)
    entries = plan.segments[number].entries
    if isinstance(source, RemoteSource) and plan.index is not None and entries is not None:
        source = ShortIndex(source, plan.index, entries)
    if isinstance(plan.film, TrackFilm):
        return detect_segment(source, plan, number, output, context, plan_hash=plan_hash)
    started_s = time.monotonic()
    context.on_progress(Progress(stage="starting", total=selection.frames))
    planned, client = prepare_output(plan, context)
    encoder = _encoder(plan, planned)
    with staged(output, overwrite=True) as temporary:
        segment = _Segment(source=source, plan=plan, number=number, output=planned, encoder=encoder)
        manifest = segment.make(temporary, client, context, plan_hash=plan_hash, started_s=started_s)
        write_manifest(temporary, manifest)
    return manifest


def _encoder(plan: FilmPlan, output: Plan) -> PictureEncoder:
    """Return the encoder of the pictures; see `piece_encoder` for what it raises."""
    choice = piece_encoder(plan.encoder, output)
    width, height = output.window.size
    return PictureEncoder(
        info=output.output_info,
        width=width,
        height=height,
        form=output.form,
        planes=output.output_planes,
        sample_aspect_ratio=output.window.sample_aspect_ratio,
        quality=output.quality,
        container=output.container,
        # The codec's tag is that of an mp4, whatever container the film has.
        choice=replace(choice, tag=MP4.codec_tags.get(choice.encoder)),
        threads=plan.encoder.threads if plan.encoder else 0,
    )


@dataclass(frozen=True, kw_only=True)
class _Segment:
    """Makes the payload of one piece and describes it."""

    source: VideoSource
    plan: FilmPlan
    number: int
    output: Plan
    encoder: PictureEncoder

    def make(
        self,
        path: Path,
        client: TritonClient | None,
        context: JobContext,
        *,
        plan_hash: str,
        started_s: float,
    ) -> PieceManifest:
        """Write and check the payload, and return the manifest.

        Args:
            path: the file to write.
            client: the client of the Triton that has the model loaded; None without a model.
            context: of the job.
            plan_hash: the hash of the plan.
            started_s: when the job started, by `time.monotonic`.
        """
        with ExitStack() as stack:
            reader: VideoReader[Picture] = stack.enter_context(self._reader())
            frames = planned_frames(reader.frames(), self.plan, self.number)
            writer = stack.enter_context(
                PieceWriter(
                    path,
                    encoder=self.encoder,
                    info=self.output.output_info,
                    planned_frames=self.plan.segments[self.number].frames,
                )
            )
            count = self.plan.segments[self.number].frames
            compared = frozenset(compared_frames(self.plan, self.number))
            chain = stack.enter_context(picture_chain(self.output, frames, client=client, sampled=compared))
            meter = FrameRateMeter(count, self.output.stage)
            for frame, pixels in chain.pictures:
                writer.write(replace(frame, pixels=pixels))
                context.on_progress(meter.tick(writer.frames))
            context.on_progress(Progress(stage="finishing", frames=writer.frames, total=writer.frames))
            writer.finish()
        if writer.frames != reader.frames_read:
            raise EncodeFailed(
                f"{reader.frames_read} frames were read, but {writer.frames} written: please report it"
            )
        measured = self._check(path, chain, frames=writer.frames)
        payload_bytes, payload_sha256 = payload_of(path)
        wall_s = time.monotonic() - started_s
        cost = context.cost_of(wall_s)
        lost = ["the closed captions of the source were left out"] if self.encoder.captions_are_lost else []
        return PieceManifest(
            plan_hash=plan_hash,
            number=self.number,
            frames=writer.frames,
            payload_bytes=payload_bytes,
            payload_sha256=payload_sha256,
            headers_sha256=headers_sha256(path),
            reorder=writer.reorder,
            transport=chain.transport,
            tile=chain.tile,
            reused=chain.reused,
            fidelity=measured,
            wall_sec=round(wall_s, 3),
            gpu=None if cost is None else cost.gpu,
            notes=(*reader.notes, *chain.notes, *self.encoder.notes, *lost),
        )

    def _reader(self) -> VideoReader[Picture]:
        output = self.output
        return VideoReader(
            self.source,
            output.source_info,
            form=output.form,
            tonemap=output.tonemap,
            start_s=output.start_s,
            end_s=output.end_s,
            selection=selection_of(self.plan, self.number),
        )

    def _check(self, path: Path, chain: PictureChain, *, frames: int) -> tuple[ComparedPicture, ...]:
        """Compare the payload with the source; return the reported pictures, timed from the film's start.

        Raises:
            OutputCheckFailed: it does not show what it should.
        """
        written = FrameCountAndSize(
            frames=frames,
            width=self.encoder.width,
            height=self.encoder.height,
            picture=self.encoder.picture_size,
        )
        fidelity = examine(path, sampler=chain.sampler, written=written)
        tick = self.output.output_info.time_base
        start_s = float(chain.sampler.first_s - int(expand(self.plan.pts)[0]) * tick)
        return tuple(
            picture.model_copy(update={"time_sec": round(picture.time_sec + start_s, 6)})
            for picture in measured_pictures(fidelity, reported_frames(self.plan))
        )
