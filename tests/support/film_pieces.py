"""Plans films with any boundaries and encodes their pieces, without the code that plans and makes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from orchestrator.film.document import (
    FilmEncoder,
    FilmPlan,
    FilmSegment,
    FilmSource,
    PieceManifest,
    document,
    hash_of,
)
from orchestrator.film.frame_pts import compress
from orchestrator.film.piece import payload_of, write_manifest
from orchestrator.jobs import ComparedPicture, ExportParams, parse
from orchestrator.jobs.film import ExportFilm
from orchestrator.media.read.frame_times import frame_times
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.encoder_selection import EncoderChoice, choose_for_source
from orchestrator.media.write.film_encoder import for_pieces
from orchestrator.media.write.picture_encoder import PictureEncoder
from orchestrator.media.write.piece_writer import PieceWriter
from orchestrator.media_containers import by_suffix
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export_request
from orchestrator.pipeline.picture_chain import picture_chain
from orchestrator.pipeline.plan import plan as plan_output
from tests.support.track_film import LocalPieces, no_triton

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestrator.frames import Frame
    from orchestrator.pipeline.plan import Plan

NO_TRITON = JobContext(connect=no_triton)


@dataclass
class Film:
    """A film whose pieces a test makes.

    Attributes:
        source: the video.
        plan: the plan of its export.
        planned: the output as the ordinary job plans it.
        frames: all frames of the film, decoded at once.
        folder: where the pieces are.
    """

    source: Path
    plan: FilmPlan
    planned: Plan
    frames: list[Frame[Any]]
    folder: Path
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        self.hash = hash_of(document(self.plan))

    @property
    def pieces(self) -> LocalPieces:
        return LocalPieces(self.folder)

    def make_all(self) -> Film:
        for number in range(len(self.plan.segments)):
            self.make(number)
        return self

    def make(self, number: int, options: dict[str, str] | None = None, **changes: Any) -> PieceManifest:
        """Encode a piece, with more options for the encoder and changes of the manifest."""
        segment, encoder = self.plan.segments[number], self.plan.encoder
        assert encoder is not None
        path = self.pieces.path(number)
        path.unlink(missing_ok=True)
        part = self.frames[segment.first_frame : segment.first_frame + segment.frames]
        encode_piece(path, self.planned, encoder, part, options or {})
        headers, reorder = describe(path)
        size, sha256 = payload_of(path)
        manifest = PieceManifest(
            plan_hash=self.hash,
            number=number,
            frames=segment.frames,
            payload_bytes=size,
            payload_sha256=sha256,
            headers_sha256=hashlib.sha256(headers).hexdigest(),
            reorder=reorder,
            transport=None,
            tile=None,
            reused=None,
            fidelity=(compared(segment.first_frame, number),),
            wall_sec=2.0,
            gpu=None,
            notes=("every piece says this", "1 picture of a piece was counted"),
        ).model_copy(update=changes)
        write_manifest(path, manifest)
        return manifest


def plan_export(
    source: Path, folder: Path, cuts: Sequence[int] = (), *, container: str = "mp4", **params: Any
) -> Film:
    """Plan an export whose segments begin at frame 0 and at the frames of `cuts`."""
    info, row = probe(source), by_suffix(f".{container}")
    assert row is not None
    wanted = parse(ExportParams, {"format": container} | params)
    request = export_request(
        info, wanted, NO_TRITON, container=row, subjects=None, times_s=lambda: frame_times(source, info)
    )
    planned = plan_output(info, request)
    with VideoReader(
        source,
        info,
        form=planned.form,
        tonemap=planned.tonemap,
        start_s=planned.start_s,
        end_s=planned.end_s,
    ) as reader:
        frames: list[Frame[Any]] = list(reader.frames())
    stored, _ = row.displayed(planned.window.size[0], planned.window.sample_aspect_ratio)
    pieces = for_pieces(
        choose_for_source(
            row,
            planned.output_info,
            width=stored,
            height=planned.window.size[1],
            form=planned.form,
            quality=planned.quality,
            alpha=False,
        )
    )
    segments = [
        FilmSegment(
            number=number,
            first_frame=first,
            frames=end - first,
            first_pts=frames[first].pts,
            last_pts=frames[end - 1].pts,
            decode_pts=frames[first].pts,
            begins_shot=False,
            first_byte=0,
            end_byte=source.stat().st_size,
            entries=None,
            work_sec=None,
        )
        for number, (first, end) in enumerate(pairwise([0, *cuts, len(frames)]))
    ]
    plan = FilmPlan(
        film=ExportFilm(task="export", params=wanted),
        source=FilmSource(bytes=source.stat().st_size, etag=None, info=info),
        model=None,
        encoder=FilmEncoder(
            encoder=pieces.choice.encoder,
            pixel_format=pieces.choice.pixel_format,
            options=pieces.choice.options,
            tag=pieces.choice.tag,
            threads=pieces.threads,
        ),
        pts=compress(np.array([frame.pts for frame in frames], np.int64)),
        last_duration=frames[-1].duration,
        index=None,
        segments=tuple(segments),
        hardest=0,
        notes=("the plan says this",),
    )
    folder.mkdir(exist_ok=True)
    return Film(source, plan, planned, frames, folder)


def encode_piece(
    path: Path, planned: Plan, encoder: FilmEncoder, frames: Sequence[Frame[Any]], options: dict[str, str]
) -> None:
    """Encode consecutive frames as a piece."""
    width, height = planned.window.size
    pictures = PictureEncoder(
        info=planned.output_info,
        width=width,
        height=height,
        form=planned.form,
        sample_aspect_ratio=planned.window.sample_aspect_ratio,
        quality=planned.quality,
        container=planned.container,
        choice=EncoderChoice(
            encoder=encoder.encoder,
            pixel_format=encoder.pixel_format,
            options=encoder.options | options,
            tag=encoder.tag,
        ),
        threads=encoder.threads,
    )
    with (
        PieceWriter(path, encoder=pictures, info=planned.output_info, planned_frames=len(frames)) as writer,
        picture_chain(planned, (frame for frame in frames)) as chain,
    ):
        for frame, pixels in chain.pictures:
            writer.write(replace(frame, pixels=pixels))
        writer.finish()


def describe(piece: Path) -> tuple[bytes, int]:
    """Return the headers of a piece, and by how many places its order of decoding differs."""
    with av.open(str(piece), format="mp4") as container:
        stream = container.streams.video[0]
        pts = [packet.pts for packet in container.demux(stream) if packet.size]
        return stream.codec_context.extradata or b"", reorder_of([at or 0 for at in pts])


def reorder_of(pts: list[int]) -> int:
    """Return for times in order of decoding how many pictures a picture waits for at most."""
    return max(place - sorted(pts).index(at) for place, at in enumerate(pts))


def compared(frame: int, number: int) -> ComparedPicture:
    """Return a compared picture with made-up measurements that differ by the number of its piece."""
    return ComparedPicture(
        frame=frame,
        time_sec=0.0,
        size=(96, 64),
        psnr_luma_db=40.0 + number,
        psnr_rgb_db=38.0 + number,
        ssim=0.99,
        colour_error=(0.5, 0.25, -0.25),
        colour_distance=1.0 + number,
        displacement_px=None,
        pictures_late=None,
    )


@dataclass(frozen=True)
class Packets:
    """The packets of one stream as PyAV demuxes them.

    Attributes:
        kind: the type of the stream.
        times_s: pts of each packet in seconds, in order of decoding.
        content: bytes of each packet.
        dts_s: dts of each packet in seconds.
        duration_s: duration of the stream, None if the container does not say.
    """

    kind: str
    times_s: list[Fraction]
    content: list[bytes]
    dts_s: list[Fraction]
    duration_s: Fraction | None


def demuxed(path: Path) -> list[Packets]:
    """Return all packets of a file, stream by stream."""
    with av.open(str(path)) as container:
        found = {stream.index: Packets(stream.type, [], [], [], None) for stream in container.streams}
        for stream in container.streams:
            if stream.duration is not None and stream.time_base is not None:
                found[stream.index] = replace(
                    found[stream.index], duration_s=stream.duration * stream.time_base
                )
        for packet in container.demux():
            if packet.size and packet.pts is not None:
                entry = found[packet.stream.index]
                entry.times_s.append(packet.pts * packet.time_base)
                entry.dts_s.append((packet.dts or 0) * packet.time_base)
                entry.content.append(bytes(packet))
    return list(found.values())
