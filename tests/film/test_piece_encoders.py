"""Tests that pieces fit together: with every encoder, headers do not depend on what the pictures show."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
import pytest

from orchestrator.errors import EncodeFailed
from orchestrator.film.document import document
from orchestrator.film.piece import payload_of, read_manifest
from orchestrator.film.plan import plan_film
from orchestrator.frames import Colour, Frame, HdrMetadata, Planes, VideoInfo
from orchestrator.jobs.film import ExportFilm
from orchestrator.media.write import piece_writer
from orchestrator.media.write.encoder_selection import choose_for_source
from orchestrator.media.write.film_encoder import for_pieces
from orchestrator.media.write.picture_encoder import PictureEncoder
from orchestrator.media.write.piece_writer import PieceWriter, headers_sha256
from orchestrator.media_containers import MP4, by_suffix
from orchestrator.pipeline.context import JobContext
from tests.support import make_segments
from tests.support.track_film import no_triton
from tools.fixtures.clips import make_clip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orchestrator.frames import Form
    from orchestrator.jobs import Quality

TICK = Fraction(1, 12800)
SDR = Colour(matrix=1, primaries=1, transfer=1, full_range=False)
PQ = Colour(matrix=9, primaries=9, transfer=16, full_range=False)
HDR = HdrMetadata(
    primaries=(
        (Fraction(708, 1000), Fraction(292, 1000)),
        (Fraction(170, 1000), Fraction(797, 1000)),
        (Fraction(131, 1000), Fraction(46, 1000)),
    ),
    white=(Fraction(3127, 10000), Fraction(3290, 10000)),
    luminance=(Fraction(1, 10000), Fraction(1000)),
    max_cll=1000,
    max_fall=400,
)


@dataclass(frozen=True)
class Case:
    """What is encoded: the container, the pixel format of the source, the form of the pictures."""

    encoder: str
    suffix: str
    pixel_format: str = "yuv420p"
    bits: int = 8
    quality: Quality = "high"
    form: Form = "rgb"
    size: tuple[int, int] = (192, 128)

    @property
    def info(self) -> VideoInfo:
        is_hdr = self.bits > 8
        return VideoInfo(
            width=self.size[0],
            height=self.size[1],
            rotation=0,
            mirrored=False,
            sample_aspect_ratio=Fraction(1),
            time_base=TICK,
            average_rate=Fraction(25),
            frames=100,
            duration_s=4.0,
            codec="h264",
            pixel_format=self.pixel_format,
            bit_depth=self.bits,
            colour=PQ if is_hdr else SDR,
            hdr=HDR if is_hdr else None,
            chroma_location="left",
        )


CASES = {
    "x264": Case("libx264", ".mp4"),
    "x264 lossless": Case("libx264", ".mov", quality="lossless"),
    "x264 lossless 4:4:4": Case("libx264", ".mkv", "yuv444p", quality="lossless", form="planes"),
    "x265": Case("libx265", ".mp4", size=(4224, 64)),
    "x265 HDR": Case("libx265", ".mp4", "yuv420p10le", 10, form="deep_rgb"),
    "x265 HDR lossless 4:4:4": Case("libx265", ".mkv", "yuv444p10le", 10, "lossless", "deep_rgb"),
    "VP9": Case("libvpx-vp9", ".webm"),
    "VP9 in four columns": Case("libvpx-vp9", ".webm", quality="low", size=(1088, 64)),
    "VP9 lossless": Case("libvpx-vp9", ".webm", quality="lossless"),
    "AV1 HDR": Case("libsvtav1", ".webm", "yuv420p10le", 10, form="deep_rgb"),
    "AV1 HDR lossless": Case("libsvtav1", ".webm", "yuv420p10le", 10, "lossless", "deep_rgb"),
}
SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"
CRA = "log-level=none:keyint=10:min-keyint=10:open-gop=1:bframes=4"
CONTENTS = ("motion", "black", "white", "noise", "still", "one picture")


def pictures(case: Case, content: str) -> Iterator[Frame[Any]]:
    width, height = case.size
    random = np.random.default_rng(7)
    ground = random.integers(0, 120, (height, width + 64, 3), np.uint8)
    for number in range(1 if content == "one picture" else 14):
        shade = {"black": 0, "white": 255}.get(content)
        left = number * 4 if content == "motion" else 0
        picture = ground[:, left : left + width]
        if content == "noise":
            picture = random.integers(0, 256, (height, width, 3), np.uint8)
        elif shade is not None:
            picture = np.full((height, width, 3), shade, np.uint8)
        yield Frame(index=number, pts=1000 + 512 * number, pixels=_formed(picture, case.form), duration=512)


def _formed(picture: NDArray[np.uint8], form: str) -> Any:
    if form == "deep_rgb":
        return picture.astype(np.uint16) * 257
    if form == "planes":
        return Planes(**{name: np.ascontiguousarray(picture[..., at]) for at, name in enumerate("yuv")})
    return np.ascontiguousarray(picture)


def encoder_of(case: Case, **options: str) -> PictureEncoder:
    container = by_suffix(case.suffix)
    assert container is not None
    width, height = case.size
    pieces = for_pieces(
        choose_for_source(
            container,
            case.info,
            width=width,
            height=height,
            form=case.form,
            quality=case.quality,
            alpha=False,
        )
    )
    assert pieces.choice.encoder == case.encoder
    return PictureEncoder(
        info=case.info,
        width=width,
        height=height,
        form=case.form,
        quality=case.quality,
        container=container,
        choice=replace(
            pieces.choice,
            options=pieces.choice.options | options,
            tag=MP4.codec_tags.get(pieces.choice.encoder),
        ),
        threads=pieces.threads,
    )


def write(path: Path, case: Case, content: str) -> PieceWriter:
    frames = list(pictures(case, content))
    encoder = encoder_of(case)
    with PieceWriter(path, encoder=encoder, info=case.info, planned_frames=len(frames)) as writer:
        for frame in frames:
            writer.write(frame)
        writer.finish()
    return writer


@pytest.mark.parametrize("name", CASES)
def test_headers_are_the_same_whatever_is_shown(tmp_path: Path, name: str) -> None:
    headers, hashes = set(), set()
    for content in CONTENTS:
        path = tmp_path / f"{content}.mp4"
        write(path, CASES[name], content)
        with av.open(str(path), format="mp4") as container:
            headers.add(container.streams.video[0].codec_context.extradata or b"")
        hashes.add(headers_sha256(path))
    assert hashes == {hashlib.sha256(header).hexdigest() for header in headers}
    assert len(headers) == 1


@pytest.mark.parametrize("name", CASES)
def test_times_order_and_keyframes_are_those_of_a_piece_that_stands_alone(tmp_path: Path, name: str) -> None:
    writer = write(tmp_path / "a.mp4", CASES[name], "motion")
    with av.open(str(tmp_path / "a.mp4"), format="mp4") as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert stream.time_base == TICK
        assert stream.duration == 14 * 512
    pts = [packet.pts or 0 for packet in packets]
    assert sorted(pts) == [512 * number for number in range(14)]
    assert packets[0].is_keyframe
    assert pts[0] == 0
    # Decoding this many pictures ahead is enough, and one less is not.
    waits = [place - sorted(pts).index(at) for place, at in enumerate(pts)]
    assert writer.reorder == max(waits)


def make_one(path: Path, name: str, content: str, cpu: int | None) -> str:
    """Write a piece in a process of its own, on one CPU or all; return the hash of its bytes."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    write(path, CASES[name], content)
    return payload_of(path)[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_bits_do_not_depend_on_the_process_the_load_or_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # Large blocks, too, come from the heap, whose bytes glibc sets to a value (mallopt, M_PERTURB).
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", str(2**25))
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", str(2**40))
    hashes: dict[str, list[Future[str]]] = {"motion": [], "noise": []}
    with ExitStack() as stack:
        for value, cpu in [("0", min(os.sched_getaffinity(0))), ("85", None), ("255", None)]:
            monkeypatch.setenv("MALLOC_PERTURB_", value)
            pool = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
            for content, found in hashes.items():
                found.append(pool.submit(make_one, tmp_path / f"{content}{value}.mp4", name, content, cpu))
        assert [len({each.result() for each in found}) for found in hashes.values()] == [1, 1]


def test_pictures_in_which_x264_once_depended_on_the_heap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_clip(tmp_path / "a.mkv", 80, codec="libx265", options={"x265-params": CRA})
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", str(2**25))
    films: list[set[str]] = [set() for _ in range(4)]
    plan = plan_film(
        source,
        ExportFilm.model_validate({"task": "export", "segments": 4}),
        JobContext(connect=no_triton),
        etag=None,
    )
    (tmp_path / "plan.json").write_bytes(document(plan))
    for value in ("0", "85", "255"):
        monkeypatch.setenv("MALLOC_PERTURB_", value)
        folder = tmp_path / value
        folder.mkdir()
        assert make_segments.start(source, tmp_path / "plan.json", folder, range(4)).wait() == 0
        for number, found in enumerate(films):
            found.add(read_manifest(folder / f"{number}.piece").payload_sha256)
    assert [len(found) for found in films] == [1, 1, 1, 1]


@pytest.mark.parametrize("name", ["x265 HDR", "AV1 HDR"])
def test_hdr_is_in_every_piece(tmp_path: Path, name: str) -> None:
    for content in ("motion", "black"):
        write(tmp_path / "a.mp4", CASES[name], content)
        with av.open(str(tmp_path / "a.mp4"), format="mp4") as container:
            frame = next(container.decode(video=0))
            kinds = {cast("Any", data).type.name for data in frame.side_data}
            assert {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"} <= kinds
            context = container.streams.video[0].codec_context
            assert (context.color_primaries, context.color_trc, context.colorspace) == (9, 16, 9)


def test_a_lossless_piece_gives_the_planes_back(tmp_path: Path) -> None:
    case = CASES["x264 lossless 4:4:4"]
    write(tmp_path / "a.mp4", case, "motion")
    with av.open(str(tmp_path / "a.mp4"), format="mp4") as container:
        for frame, source in zip(container.decode(video=0), pictures(case, "motion"), strict=True):
            found = np.asarray(frame.to_ndarray(format="yuv444p"))
            like = np.stack([source.pixels.y, source.pixels.u, source.pixels.v])
            np.testing.assert_array_equal(found.reshape(3, *found.shape[-2:]), like)


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    case = CASES["x264"]
    encoder = encoder_of(case)
    with PieceWriter(tmp_path / "a.mp4", encoder=encoder, info=case.info, planned_frames=1) as writer:
        frame = next(pictures(replace(case, size=(96, 64)), "motion"))
        with pytest.raises(EncodeFailed, match="96x64, not 192x128"):
            writer.write(frame)


def test_options_that_no_encoder_has_are_an_error(tmp_path: Path) -> None:
    case = CASES["x264"]
    encoder = encoder_of(case, crf="many")
    with (
        pytest.raises(EncodeFailed),
        PieceWriter(tmp_path / "a.mp4", encoder=encoder, info=case.info, planned_frames=1) as writer,
    ):
        writer.write(next(pictures(case, "motion")))


def test_the_last_pictures_of_a_piece_are_as_good_as_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = replace(CASES["x264"], quality="low", size=(320, 180))
    with av.open(str(SAMPLE)) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][:60]
    longer = errors_of(tmp_path / "longer.mp4", case, shown)
    shorter = errors_of(tmp_path / "shorter.mp4", case, shown[:40])
    monkeypatch.setattr(piece_writer, "REPEATED_AT_END", {})
    alone = errors_of(tmp_path / "alone.mp4", case, shown[:40])
    middle = longer[36:40].mean()
    assert shorter[36:].mean() < 1.08 * middle < alone[36:].mean(), (shorter[36:], longer[36:40], alone[36:])


def errors_of(path: Path, case: Case, shown: list[NDArray[Any]]) -> NDArray[np.float64]:
    """Write pictures as a piece, and return the mean square error of each."""
    encoder = encoder_of(case)
    with PieceWriter(path, encoder=encoder, info=case.info, planned_frames=len(shown)) as writer:
        for number, pixels in enumerate(shown):
            writer.write(Frame(index=number, pts=512 * number, pixels=pixels, duration=512))
        writer.finish()
    with av.open(str(path)) as container:
        written = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    pairs = zip(written, shown, strict=True)
    return np.array([np.square(np.subtract(*pair, dtype=float)).mean() for pair in pairs])
