"""Tests that the assembled film is the ordinary job's file: times, streams, metadata, and clear errors."""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from orchestrator.errors import (
    OutputCheckFailed,
    OutputPathRefused,
    PieceDamaged,
    PlanRefused,
    SourceChanged,
    WorkerError,
)
from orchestrator.film.assemble import assemble
from orchestrator.film.check_film import ExpectedFilm, check_film
from orchestrator.film.piece import MANIFEST_ID, read_manifest, write_manifest
from orchestrator.film.same_source import check_source, local_etag
from orchestrator.frames import SphericalVideo
from orchestrator.jobs import JobCost, Preview
from orchestrator.media.read.probe import probe
from orchestrator.media.write.joined_video import JoinedVideoWriter
from orchestrator.media_containers import MP4
from orchestrator.pipeline.progress import Progress
from orchestrator.transport import slowest
from tests.media.test_hdr_metadata import hdr_clip, said_of
from tests.media.test_probe import MASTERING
from tests.media.test_spherical import sphere_tags, spherical
from tests.support.exports import export_video
from tests.support.film_pieces import NO_TRITON, Film, demuxed, plan_export, reorder_of
from tools.fixtures.clips import make_clip, number_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.jobs.export import ExportResult

VFR = [0, 40, 50, 130, 131, 200, 420, 421, 422, 500, 533, 566, 600, 640, 700, 733, 800, 801, 900, 1000]
CLIPS: dict[str, dict[str, Any]] = {
    "constant": {"pictures": 40},
    "b-frames": {"pictures": 40, "options": {"bf": "3", "g": "12"}},
    "variable": {"pictures": 20, "pts": VFR, "time_base": Fraction(1, 1000), "last_duration": 77},
    "late": {"pictures": 20, "pts": [130 + 4 * n for n in range(20)], "time_base": Fraction(1, 100)},
    "ntsc": {"pictures": 40, "rate": Fraction(30_000, 1001)},
    "odd ticks": {"pictures": 20, "pts": [1001 * n for n in range(20)], "time_base": Fraction(1, 24_000)},
}


def joined(film: Film, output: Path, **changes: Any) -> ExportResult:
    """Assemble a film."""
    context = changes.pop("context", NO_TRITON)
    result = assemble(
        film.source, film.plan, film.pieces, output, context, plan_hash=changes.pop("plan_hash", film.hash)
    )
    assert not changes
    return result  # type: ignore[return-value]


def assert_same_streams(film: Path, ordinary: Path) -> None:
    """Compare all but the bytes of the pictures."""
    ours, theirs = demuxed(film), demuxed(ordinary)
    assert [stream.kind for stream in ours] == [stream.kind for stream in theirs]
    for stream, expected in zip(ours, theirs, strict=True):
        assert sorted(stream.times_s) == sorted(expected.times_s)
        if film.suffix in {".mp4", ".mov"}:  # Matroska stores no durations of streams; FFmpeg may guess one
            assert stream.duration_s == expected.duration_s
        if stream is not ours[0]:
            assert stream.content == expected.content
            assert (stream.times_s, stream.dts_s) == (expected.times_s, expected.dts_s)
    shown, decoded = ours[0].times_s, ours[0].dts_s
    assert len(ours[0].content) == len(theirs[0].content)
    if film.suffix in {".mp4", ".mov"}:  # Matroska stores no decoding times
        assert all(before < after for before, after in pairwise(decoded))
        assert all(dts <= pts for dts, pts in zip(decoded, shown, strict=True))


def numbers(path: Path) -> list[int]:
    """Return the numbers of all pictures as they are shown."""
    with av.open(str(path)) as container:
        return [
            number_of(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            for frame in container.decode(video=0)
        ]


def boxes(data: bytes, inside: tuple[bytes, ...] = ()) -> Iterator[tuple[tuple[bytes, ...], bytes]]:
    """Yield the path and the content of each box of an mp4 that has no boxes in it."""
    nested = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"dinf", b"meta", b"ilst"}
    while len(data) >= 8:
        size, kind = int.from_bytes(data[:4], "big"), data[4:8]
        size = int.from_bytes(data[8:16], "big") if size == 1 else size
        content = data[8:size]
        if kind == b"meta":
            content = content[4:]
        if kind in nested:
            yield from boxes(content, (*inside, kind))
        elif kind == b"stsd":
            entry = content[8:]
            yield (*inside, kind, entry[4:8]), entry[8:86] if entry[12:16] == bytes(4) else b""
            if entry[4:8] in {b"avc1", b"hvc1", b"hev1", b"av01", b"vp09"}:
                yield from boxes(entry[86 : int.from_bytes(entry[:4], "big")], (*inside, kind, entry[4:8]))
        else:
            yield (*inside, kind), content
        data = data[size:]


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("kind", CLIPS)
def test_it_has_the_times_of_the_ordinary_job(tmp_path: Path, kind: str, container: str) -> None:
    options = CLIPS[kind] | {"audio": [{"seconds": 1.4, "hz": 300.0}]}
    source = make_clip(tmp_path / "in.mkv", options.pop("pictures"), **options)
    count = len(numbers(source))
    film = plan_export(source, tmp_path / "pieces", [7, 8, 15], container=container).make_all()
    joined(film, tmp_path / f"film.{container}")
    export_video(source, tmp_path / f"one.{container}", format=container)
    assert_same_streams(tmp_path / f"film.{container}", tmp_path / f"one.{container}")
    assert numbers(tmp_path / f"film.{container}") == list(range(count))


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize(("start", "end"), [(0.5, None), (None, 1.01), (0.31, 1.2), (1.0 / 3, 0.99)])
def test_a_part_has_the_times_of_the_ordinary_job(
    tmp_path: Path, start: float | None, end: float | None, container: str
) -> None:
    source = make_clip(tmp_path / "in.mp4", 40, rate=Fraction(30_000, 1001), audio=[{"seconds": 1.3}])
    part: dict[str, Any] = {
        name: value for name, value in (("start", start), ("end", end)) if value is not None
    }
    film = plan_export(source, tmp_path / "pieces", [3, 9], container=container, **part).make_all()
    joined(film, tmp_path / f"film.{container}")
    export_video(source, tmp_path / f"one.{container}", format=container, **part)
    assert_same_streams(tmp_path / f"film.{container}", tmp_path / f"one.{container}")


def test_a_still_that_is_cut_by_the_start_has_the_times_of_the_ordinary_job(tmp_path: Path) -> None:
    pts = [0, 2000, 2040, 2080, 4000, 4040]
    source = make_clip(tmp_path / "in.mkv", 6, pts=pts, time_base=Fraction(1, 1000), last_duration=3000)
    film = plan_export(source, tmp_path / "pieces", [1, 4], start=0.7, end=5.5).make_all()
    joined(film, tmp_path / "film.mp4")
    export_video(source, tmp_path / "one.mp4", start=0.7, end=5.5)
    assert_same_streams(tmp_path / "film.mp4", tmp_path / "one.mp4")


@pytest.mark.slow
@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_cuts_of_any_times_give_the_times_of_the_ordinary_job(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cuts")
    steps = data.draw(st.lists(st.integers(1, 90), min_size=2, max_size=30))
    pts = np.cumsum([data.draw(st.sampled_from([0, 0, 7, 2500])), *steps]).tolist()
    tick = data.draw(st.sampled_from([Fraction(1, 1000), Fraction(1, 90_000), Fraction(1001, 30_000)]))
    bframes = data.draw(st.sampled_from(["0", "2", "3"]))
    source = make_clip(
        folder / "in.mkv" if tick.denominator == 1000 else folder / "in.mp4",
        len(pts),
        pts=pts,
        time_base=tick,
        last_duration=data.draw(st.integers(1, 60)),
        options={"bf": bframes, "g": "9"},
        audio=[{"seconds": float(pts[-1] * tick) + 0.2, "start": data.draw(st.sampled_from([0.0, 0.37]))}],
    )
    cuts = sorted(data.draw(st.sets(st.integers(1, len(pts) - 1), min_size=1, max_size=4)))
    container = data.draw(st.sampled_from(["mp4", "mov", "mkv"]))
    try:
        export_video(source, folder / f"one.{container}", format=container)
    except OutputCheckFailed:  # FFmpeg writes no such mp4 where the sound begins when the video is over
        assume(condition=False)
    film = plan_export(source, folder / "pieces", cuts, container=container).make_all()
    joined(film, folder / f"film.{container}")
    assert_same_streams(folder / f"film.{container}", folder / f"one.{container}")
    assert numbers(folder / f"film.{container}") == list(range(len(pts)))


def test_all_but_the_pictures_is_kept_once(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mkv",
        60,
        audio=[
            {"seconds": 2.4, "language": "deu", "title": "Ton"},
            {"seconds": 2.4, "hz": 880.0, "language": "eng", "codec": "ac3"},
        ],
        subtitles=[{"codec": "subrip", "lines": [(0.2, 0.9, "eins"), (1.1, 2.0, "zwei")], "language": "deu"}],
        chapters=[
            {"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000), "metadata": {"title": "A"}},
            {"id": 2, "start": 1000, "end": 2400, "time_base": Fraction(1, 1000), "metadata": {"title": "B"}},
        ],
        metadata={"title": "a film", "artist": "somebody"},
        cover=True,
    )
    for container in ("mp4", "mkv"):
        film = plan_export(source, tmp_path / container, [20, 41], container=container).make_all()
        result = joined(film, tmp_path / f"film.{container}")
        ordinary = export_video(source, tmp_path / f"one.{container}", format=container)
        assert_same_streams(tmp_path / f"film.{container}", tmp_path / f"one.{container}")
        assert result.notes[-len(ordinary.notes) :] == ordinary.notes or not ordinary.notes
        with (
            av.open(str(tmp_path / f"film.{container}")) as ours,
            av.open(str(tmp_path / f"one.{container}")) as theirs,
        ):
            assert ours.metadata == theirs.metadata
            assert ours.chapters() == theirs.chapters()
            assert len(ours.chapters()) == 2
            assert [stream.metadata for stream in ours.streams] == [
                stream.metadata for stream in theirs.streams
            ]
            assert [stream.disposition for stream in ours.streams] == [
                stream.disposition for stream in theirs.streams
            ]
            assert ours.streams.video[0].average_rate == theirs.streams.video[0].average_rate


@pytest.mark.parametrize(
    "look",
    [
        {"matrix": 1, "primaries": 1, "transfer": 1, "range_": 1},
        {"matrix": 5, "primaries": 5, "transfer": 6, "range_": 2},
        {"aspect": Fraction(16, 11)},
        {"rotation": 90.0},
    ],
    ids=["bt709", "full range", "wide pixels", "upright phone"],
)
def test_the_description_of_the_pictures_is_that_of_the_ordinary_job(
    tmp_path: Path, look: dict[str, Any]
) -> None:
    source = make_clip(tmp_path / "in.mp4", 20, **look)
    film = plan_export(source, tmp_path / "pieces", [11]).make_all()
    joined(film, tmp_path / "film.mp4")
    export_video(source, tmp_path / "one.mp4")
    # The headers of x264 differ, as those of pieces must not depend on their pictures.
    ours, theirs = (
        [(path, content) for path, content in boxes((tmp_path / name).read_bytes()) if path[-1] != b"avcC"]
        for name in ("film.mp4", "one.mp4")
    )
    assert [path for path, _ in ours] == [path for path, _ in theirs]
    described = {b"colr", b"pasp", b"tkhd", b"hdlr", b"mdhd", b"elst", b"stts", b"mvhd", b"avc1"}
    for (path, content), (_, expected) in zip(ours, theirs, strict=True):
        if path[-1] in described:
            assert content == expected, path
    assert ours[0][0] == (b"ftyp",)
    assert next(n for n, (path, _) in enumerate(ours) if path[0] == b"moov") < next(
        n for n, (path, _) in enumerate(ours) if path == (b"mdat",)
    )


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "webm"])
def test_hdr_keeps_its_bits_tags_and_metadata(tmp_path: Path, container: str) -> None:
    source = hdr_clip(tmp_path / "in.mp4", 16, f":master-display={MASTERING}:max-cll=1000,400:keyint=2")
    film = plan_export(source, tmp_path / "pieces", [2], container=container).make_all()
    joined(film, tmp_path / f"film.{container}")
    export_video(source, tmp_path / f"one.{container}", format=container)
    ours, theirs = probe(tmp_path / f"film.{container}"), probe(tmp_path / f"one.{container}")
    assert ours == theirs
    assert (ours.bit_depth, ours.colour.transfer) == (10, 16)
    assert ours.hdr is not None
    assert said_of(tmp_path / f"film.{container}") == {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"}
    if container in {"mp4", "mov"}:
        entries = [
            [(path, b"" if path[-1] == b"hvcC" else content) for path, content in boxes(file.read_bytes())]
            for file in (tmp_path / f"film.{container}", tmp_path / f"one.{container}")
        ]
        # FFmpeg asks an encoder for the bit rate if there is one, and at constant quality that says 0.
        entry = [
            [item for item in found if b"hvc1" in item[0] and item[0][-1] != b"btrt"] for found in entries
        ]
        assert entry[0] == entry[1]
        assert len(entry[0]) > 1


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_a_sphere_stays_one(tmp_path: Path, container: str) -> None:
    source = spherical(tmp_path / "in.mp4", SphericalVideo(stereo="top-bottom"), title="all around")
    film = plan_export(source, tmp_path / "pieces", [2], container=container).make_all()
    joined(film, tmp_path / f"film.{container}")
    assert sphere_tags(tmp_path / f"film.{container}") == ((0, 0, 0, 0), 2)
    assert probe(tmp_path / f"film.{container}").sphere == SphericalVideo(stereo="top-bottom")


def test_the_order_in_which_pieces_are_made_does_not_matter(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 40, audio=[{"seconds": 1.6}])
    found = set()
    for name, order in (("a", [0, 1, 2]), ("b", [2, 0, 1, 0])):
        film = plan_export(source, tmp_path / name, [9, 30])
        for number in order:
            film.make(number)
        joined(film, tmp_path / f"{name}.mp4")
        found.add(hashlib.sha256((tmp_path / f"{name}.mp4").read_bytes()).hexdigest())
    assert len(found) == 1


def test_one_piece_at_a_time_is_opened_and_each_once(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 20)
    film = plan_export(source, tmp_path / "pieces", [5, 10, 15]).make_all()
    opened: list[int] = []
    held: set[int] = set()

    class Counted:
        def manifest(self, number: int) -> Any:
            assert not opened, "a piece was read before all manifests"
            return film.pieces.manifest(number)

        @contextmanager
        def opened(self, number: int) -> Iterator[Path]:
            opened.append(number)
            held.add(number)
            assert held == {number}
            copy = tmp_path / "local.mp4"
            copy.write_bytes(film.pieces.path(number).read_bytes())
            yield copy
            copy.unlink()
            held.clear()

    assemble(source, film.plan, Counted(), tmp_path / "film.mp4", NO_TRITON, plan_hash=film.hash)
    assert opened == [0, 1, 2, 3]
    assert not held


def test_the_result_describes_the_film(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 40, rate=20, audio=[{"seconds": 2.0}])
    film = plan_export(source, tmp_path / "pieces", [10])
    film.make(0, reused=0.5, tile=(64, 64), transport="shared_memory", wall_sec=100.0)
    film.make(1, reused=0.1, tile=(32, 64), transport="grpc", wall_sec=200.0)
    seen: list[Progress] = []
    asked: list[float] = []

    def cost_of(seconds: float) -> JobCost:
        asked.append(seconds)
        return JobCost(gpu="none", seconds=seconds, dollars=1.0, price_source="a test")

    context = replace(NO_TRITON, on_progress=seen.append, cost_of=cost_of, preview=tmp_path / "preview.json")
    result = joined(film, tmp_path / "film.mp4", context=context)
    stats = result.stats
    assert (stats.frames, stats.duration_sec, stats.width, stats.height) == (40, 2.0, 96, 64)
    assert (stats.encoder, stats.pixel_format, stats.scale, stats.model) == ("libx264", "yuv420p", 1.0, None)
    assert stats.reused == pytest.approx((0.5 * 10 + 0.1 * 30) / 40)
    assert (stats.transport, stats.tile) == ("grpc", (32, 64))
    assert slowest(["cuda_shared_memory", None, "shared_memory"]) == "shared_memory"
    assert slowest(["cuda_shared_memory"]) == "cuda_shared_memory"
    assert slowest([None]) is None
    assert 300 < stats.wall_sec < 400
    assert asked == [pytest.approx(stats.wall_sec, abs=0.01)]
    assert result.notes == (
        "the plan says this",
        "every piece says this",
        "2 pictures of a piece was counted",
    )
    fidelity = result.fidelity
    assert fidelity is not None
    assert (fidelity.frames_read, fidelity.frames_in_output, fidelity.duration_sec) == (40, 40, 2.0)
    assert [picture.frame for picture in fidelity.pictures] == [0, 10]
    assert (fidelity.psnr_luma_db.worst, fidelity.psnr_luma_db.mean) == (40.0, 40.5)
    assert (fidelity.colour_distance.worst, fidelity.av_offset_ms) == (2.0, 0.0)
    assert [seen[0].stage, seen[-1].stage, seen[-1].frames] == ["assembling", "finishing", 40]
    assert [step.frames for step in seen[1:-1]] == [10, 40]
    preview = Preview.model_validate_json((tmp_path / "preview.json").read_text())
    assert [still.time_sec for still in preview.stills] == [0.0, 0.5]
    assert all(still.output for still in preview.stills)


def test_it_compares_at_most_eight_pictures_evenly_chosen(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 30)
    film = plan_export(source, tmp_path / "pieces", range(2, 30, 2)).make_all()
    fidelity = joined(film, tmp_path / "film.mp4").fidelity
    assert fidelity is not None
    assert [picture.frame for picture in fidelity.pictures] == [0, 4, 8, 12, 16, 20, 24, 28]


# --- refusals: each names the piece, and nothing is left behind


def refused(film: Film, error: type[WorkerError], words: str, **changes: Any) -> None:
    folder = film.source.parent
    before = sorted(folder.iterdir())
    with pytest.raises(error, match=words) as caught:
        joined(film, folder / "film.mp4", **changes)
    named = re.match(r"piece (\d+)", words) if error is PieceDamaged else None
    if named is not None:
        assert caught.value.details == {"piece": int(named[1])}
    assert sorted(folder.iterdir()) == before


@pytest.fixture
def film(tmp_path: Path) -> Film:
    source = make_clip(tmp_path / "in.mp4", 24, audio=[{"seconds": 1.0}])
    return plan_export(source, tmp_path / "pieces", [8, 16]).make_all()


def test_a_missing_piece_is_named(film: Film) -> None:
    film.pieces.path(1).unlink()
    refused(film, PieceDamaged, "piece 1")


def test_a_piece_that_is_another_one_is_named(film: Film) -> None:
    film.pieces.path(2).write_bytes(film.pieces.path(0).read_bytes())
    refused(film, PieceDamaged, "piece 2 holds segment 0")


def test_a_piece_of_another_plan_is_named(film: Film) -> None:
    film.make(1, plan_hash="0" * 64)
    refused(film, PieceDamaged, "piece 1 belongs to another plan")
    film.make(1)
    refused(film, PieceDamaged, "piece 0 belongs to another plan", plan_hash="1" * 64)


def test_a_piece_of_another_version_is_named(film: Film) -> None:
    path = film.pieces.path(1)
    data = path.read_bytes()
    assert data.count(b'"version":4') == 1
    path.write_bytes(data.replace(b'"version":4', b'"version":9'))
    refused(film, PieceDamaged, "piece 1: .*version")


def test_a_changed_piece_is_named(film: Film) -> None:
    path = film.pieces.path(1)
    data = bytearray(path.read_bytes())
    data[data.index(b"mdat") + 40] ^= 1
    path.write_bytes(data)
    refused(film, PieceDamaged, "piece 1 was changed")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.999])
def test_a_piece_that_is_cut_short_is_named(film: Film, keep: float) -> None:
    data = film.pieces.path(2).read_bytes()
    film.pieces.path(2).write_bytes(data[: int(len(data) * keep)])
    refused(film, PieceDamaged, "piece 2")


def test_a_piece_with_other_headers_is_named(film: Film) -> None:
    film.make(1, {"bf": "0", "refs": "1"})
    refused(film, PieceDamaged, "piece 1 was encoded with other headers")


def test_a_piece_whose_headers_are_not_what_its_manifest_says_is_named(film: Film) -> None:
    film.make(1, {"bf": "0", "refs": "1"}, headers_sha256=film.pieces.manifest(0).headers_sha256)
    refused(film, PieceDamaged, "piece 1 has other headers")


def test_a_piece_with_too_few_frames_is_named(film: Film) -> None:
    middle = film.plan.segments[1]
    shorter = (*film.plan.segments[:1], middle.model_copy(update={"frames": 7}))
    part = replace(film, plan=film.plan.model_copy(update={"segments": shorter}))
    part.make(1, plan_hash=film.hash, frames=8)
    refused(film, PieceDamaged, "piece 1 has 7 pictures, not 8")
    part.make(1, plan_hash=film.hash)
    refused(film, PieceDamaged, "piece 1 has 7 frames, not 8")


def test_a_piece_with_pictures_at_other_times_is_named(film: Film) -> None:
    film.frames[12] = replace(film.frames[12], pts=film.frames[12].pts + 1)
    film.make(1)
    refused(film, PieceDamaged, "piece 1 has a picture at a time at which the film has none")


def test_a_piece_that_reorders_more_than_it_says_is_named(film: Film) -> None:
    assert max(film.pieces.manifest(number).reorder for number in range(3)) > 0
    for number in range(3):
        film.make(number, reorder=0)
    refused(film, PieceDamaged, "piece 0 reorders its pictures by more than 0 places")


def test_a_piece_that_is_no_video_is_named(film: Film) -> None:
    manifest = film.pieces.manifest(1)
    path = film.pieces.path(1)
    path.write_bytes(b"not a video")
    changed = manifest.model_copy(
        update={"payload_bytes": 11, "payload_sha256": hashlib.sha256(b"not a video").hexdigest()}
    )
    write_manifest(path, changed)
    refused(film, PieceDamaged, "piece 1 cannot be opened")


def test_a_piece_that_was_compared_at_frames_of_another_is_named(film: Film) -> None:
    film.make(1, fidelity=film.pieces.manifest(2).fidelity)
    refused(film, PieceDamaged, "piece 1 was compared at frames of another")


def test_pieces_that_were_not_compared_are_refused(film: Film) -> None:
    for number in range(3):
        film.make(number, fidelity=())
    refused(film, PieceDamaged, "were not compared with the source")


def test_a_changed_source_is_refused(film: Film) -> None:
    with film.source.open("ab") as file:
        file.write(b"more")
    refused(film, SourceChanged, "when the film was planned")


def test_a_local_source_that_was_written_again_is_refused(film: Film) -> None:
    source = film.plan.source.model_copy(update={"etag": local_etag(film.source)})
    plan = film.plan.model_copy(update={"source": source})
    check_source(film.source, plan)
    data = bytearray(film.source.read_bytes())
    data[-1] ^= 1
    film.source.write_bytes(data)
    with pytest.raises(SourceChanged, match="was written after the film was planned"):
        check_source(film.source, plan)


def test_a_plan_that_contradicts_itself_is_refused(film: Film) -> None:
    first, second, third = film.plan.segments
    for segments in (
        (first, second),
        (first, third, second),
        (first, second, third.model_copy(update={"first_frame": 15, "frames": 9})),
        (first, second, third.model_copy(update={"frames": 9})),
        (first, second.model_copy(update={"frames": 0}), third),
    ):
        wrong = film.plan.model_copy(update={"segments": segments})
        refused(replace(film, plan=wrong), PlanRefused, "plan", plan_hash=film.hash)
    for update in ({"encoder": None}, {"pts": ((0, 1), (512, 2**40))}):
        wrong = film.plan.model_copy(update=update)
        refused(replace(film, plan=wrong), PlanRefused, "plan", plan_hash=film.hash)


def test_a_name_of_another_format_and_a_name_that_is_taken_are_refused(film: Film, tmp_path: Path) -> None:
    with pytest.raises(OutputPathRefused, match="not named as mp4"):
        joined(film, tmp_path / "film.mkv")
    (tmp_path / "taken.mp4").write_bytes(b"precious")
    with pytest.raises(OutputPathRefused, match="exists already"):
        joined(film, tmp_path / "taken.mp4")
    assert (tmp_path / "taken.mp4").read_bytes() == b"precious"


def test_a_stop_in_the_middle_leaves_nothing(film: Film) -> None:
    class Stopped(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.frames == 16:
            raise Stopped

    before = sorted(film.source.parent.iterdir())
    with pytest.raises(Stopped):
        joined(film, film.source.parent / "film.mp4", context=replace(NO_TRITON, on_progress=stop))
    assert sorted(film.source.parent.iterdir()) == before


# --- the check of the finished file


def expected_of(film: Film, path: Path) -> ExpectedFilm:
    """Describe a finished film by PyAV alone."""
    video = demuxed(path)[0]
    pts = sorted(int(at / film.plan.source.info.time_base) for at in video.times_s)
    return ExpectedFilm(
        pts=np.array(pts, np.int64),
        tick_s=film.plan.source.info.time_base,
        duration_s=video.duration_s,
        width=96,
        height=64,
        digest=hashlib.sha256(b"".join(video.content)).hexdigest(),
        begins=[0, 8, 16],
    )


def test_the_check_finds_each_fault(film: Film, tmp_path: Path) -> None:
    joined(film, tmp_path / "film.mp4")
    right = expected_of(film, tmp_path / "film.mp4")
    checked = check_film(tmp_path / "film.mp4", right)
    assert checked.first_s == 0
    assert checked.duration_s == right.duration_s
    late = right.pts.copy()
    late[5] += 1
    faults: list[tuple[dict[str, Any], str]] = [
        ({"pts": right.pts[:-1]}, "it shows 24 pictures, not 23"),
        ({"pts": late}, "picture 5 is shown at another time"),
        ({"duration_s": Fraction(1)}, "it takes 0.96"),
        ({"height": 66}, "its picture is 96x64, not 96x66"),
        ({"digest": "0" * 64}, "not those of the pieces"),
    ]
    for change, words in faults:
        with pytest.raises(OutputCheckFailed, match=words):
            check_film(tmp_path / "film.mp4", replace(right, **change))


def test_the_check_finds_a_piece_that_cannot_be_decoded(film: Film, tmp_path: Path) -> None:
    joined(film, tmp_path / "film.mp4")
    video = demuxed(tmp_path / "film.mp4")[0]
    data = bytearray((tmp_path / "film.mp4").read_bytes())
    key = data.index(video.content[8])
    data[key : key + len(video.content[8])] = b"\xff" * len(video.content[8])
    (tmp_path / "film.mp4").write_bytes(data)
    with pytest.raises(OutputCheckFailed):
        check_film(tmp_path / "film.mp4", expected_of(film, tmp_path / "film.mp4"))


def test_pieces_differ_from_their_manifests_by_one_box(film: Film) -> None:
    path = film.pieces.path(0)
    assert MANIFEST_ID in path.read_bytes()[read_manifest(path).payload_bytes :]
    assert reorder_of([0, 3, 1, 2]) == 1


def test_unfinished_videos_are_not_finished(film: Film, tmp_path: Path) -> None:
    with JoinedVideoWriter(
        tmp_path / "out.mp4",
        first_piece=film.pieces.path(0),
        source=film.source,
        info=film.planned.output_info,
        container=MP4,
        sample_aspect_ratio=Fraction(1),
        tag=None,
        pts=np.array([frame.pts for frame in film.frames], np.int64),
        last_duration=512,
        reorder=2,
    ) as writer:
        writer.append(film.pieces.path(0), 0, 8)
        with pytest.raises(WorkerError, match="8 pictures of 24"):
            writer.finish()
