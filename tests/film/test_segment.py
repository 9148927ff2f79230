"""Tests that a piece shows exactly the frames of its segment, and that segments that cannot be made fail."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import BadMedia, PlanRefused, SourceChanged, WorkerError
from orchestrator.film.document import FilmModel, FilmPlan, document, hash_of
from orchestrator.film.frame_pts import expand
from orchestrator.film.piece import check_piece, read_manifest
from orchestrator.film.plan import plan_film
from orchestrator.film.segment import make_segment
from orchestrator.jobs.film import ExportFilm, UpscaleFilm
from orchestrator.pipeline.context import JobContext
from tests.media.test_captions import captioned, captions_of, text_608
from tests.support import make_segments
from tests.support.exports import export_video
from tests.support.film_pieces import NO_TRITON
from tools.fixtures.clips import damage, make_clip, number_of, numbered

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from orchestrator.film.document import PieceManifest
    from orchestrator.triton.client import TritonClient

CLOSED = {"g": "12", "bf": "3", "sc_threshold": "0"}
OPEN = {"g": "12", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal:scenecut=0"}
HEVC = {"x265-params": "log-level=none:keyint=12:min-keyint=12:open-gop=1:bframes=4"}


def plan_of(source: Path, *, segments: int = 4, etag: str | None = None, **params: Any) -> FilmPlan:
    film = ExportFilm.model_validate({"task": "export", "segments": segments, "params": params})
    return plan_film(source, film, NO_TRITON, etag=etag)


def make(source: Path, plan: FilmPlan, number: int, output: Path) -> PieceManifest:
    return make_segment(source, plan, number, output, NO_TRITON, plan_hash=hash_of(document(plan)))


def shown(path: Path) -> list[tuple[int, int]]:
    """Return the pts of each picture of a piece, in ticks of its video, and the number that it shows."""
    with av.open(str(path), format="mp4") as container:
        return [
            (frame.pts or 0, number_of(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)))
            for frame in container.decode(video=0)
        ]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(1, 70), min_size=24, max_size=70),
    coding=st.sampled_from([("a.mp4", "libx264", CLOSED), ("b.mp4", "libx264", OPEN)])
    | st.sampled_from([("c.mkv", "libx264", OPEN), ("d.mp4", "libx265", HEVC)]),
    segments=st.integers(2, 6),
)
def test_the_pieces_of_any_video_show_every_frame_once_at_its_time(
    tmp_path: Path, gaps: list[int], coding: tuple[str, str, dict[str, str]], segments: int
) -> None:
    name, codec, options = coding
    pts = [sum(gaps[:number]) for number in range(len(gaps) + 1)]
    source = make_clip(
        tmp_path / name, len(pts), codec=codec, options=options, pts=pts, time_base=Fraction(1, 600)
    )
    plan = plan_of(source, segments=segments)
    times = expand(plan.pts).tolist()
    assert len(times) == len(pts)
    found: list[tuple[int, int]] = []
    for segment in plan.segments:
        path = tmp_path / f"{segment.number}.piece"
        manifest = make(source, plan, segment.number, path)
        check_piece(path, read_manifest(path), plan, hash_of(document(plan)), segment.number)
        with av.open(str(path), format="mp4") as container:
            tick = container.streams.video[0].time_base or Fraction(1)
        pictures = shown(path)
        assert manifest.frames == len(pictures) == segment.frames
        found += [(at + segment.first_pts, number) for at, number in pictures]
        assert tick == plan.source.info.time_base
    assert found == [(at, number) for number, at in enumerate(times)]


def test_compared_pictures_are_counted_and_timed_from_the_start_of_the_film(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 60, rate=10, options=CLOSED)
    plan = plan_of(source, segments=2)
    segment = plan.segments[1]
    manifest = make(source, plan, 1, tmp_path / "1.piece")
    compared = [picture.frame for picture in manifest.fidelity]
    assert (compared[0], compared[-1]) == (segment.first_frame, 59)
    assert [picture.time_sec for picture in manifest.fidelity] == [frame / 10 for frame in compared]
    assert min(picture.psnr_luma_db for picture in manifest.fidelity) > 40


def test_pieces_measure_the_eight_frames_that_the_result_reports(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 60, rate=10, options=CLOSED | {"g": "6"})
    plan = plan_of(source, segments=10)
    assert len(plan.segments) == 10
    manifests = [make(source, plan, number, tmp_path / f"{number}.piece") for number in range(10)]
    measured = [picture.frame for manifest in manifests for picture in manifest.fidelity]
    ends = [(segment.first_frame, segment.first_frame + segment.frames - 1) for segment in plan.segments]
    compared = [frame for first, last in ends for frame in (first, round((first + last) / 2), last)]
    assert len(measured) == 8
    assert (measured[0], measured[-1]) == (0, 59)
    assert set(measured) <= set(compared)
    assert max(np.diff(measured)) - min(np.diff(measured)) <= 6


def decoded(path: Path) -> list[np.ndarray[Any, np.dtype[np.int16]]]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.int16) for frame in container.decode(video=0)]


def test_a_moving_crop_goes_on_in_each_segment(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", [numbered(n, 192, 64) for n in range(48)], options=CLOSED)
    crop = [{"t": 0.0, "x": 0, "y": 0, "w": 96, "h": 64}, {"t": 1.9, "x": 96, "y": 0, "w": 96, "h": 64}]
    plan = plan_of(source, segments=4, crop=crop)
    export_video(source, tmp_path / "whole.mp4", crop=crop)
    whole = decoded(tmp_path / "whole.mp4")
    parts = []
    for segment in plan.segments:
        make(source, plan, segment.number, tmp_path / "piece.mp4")
        parts += decoded(tmp_path / "piece.mp4")
    assert len(plan.segments) == 4
    assert len(parts) == len(whole) == 48
    assert max(abs(one - other).mean() for one, other in zip(parts, whole, strict=True)) < 2
    assert abs(whole[0] - whole[24]).mean() > 20  # the crop moves


def test_the_end_of_an_export_is_that_of_the_ordinary_job(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 75, options=CLOSED)
    plan = plan_of(source, segments=3, start=0.5, end=2.3)
    numbers: list[int] = []
    for segment in plan.segments:
        path = tmp_path / f"{segment.number}.piece"
        make(source, plan, segment.number, path)
        numbers += [number for _, number in shown(path)]
    assert numbers == list(range(12, 58))


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_closed_captions_stay_with_their_pictures(tmp_path: Path, codec: str) -> None:
    lines = [bytes([0xFC, 0x80 | number, number]) for number in range(50)]
    source = captioned(tmp_path / "a.mp4", lines, codec=codec, gop=12)
    plan = plan_of(source, segments=3)
    assert len(plan.segments) > 1
    found: list[bytes] = []
    for segment in plan.segments:
        assert make(source, plan, segment.number, tmp_path / "piece.mp4").notes == ()
        found += captions_of(tmp_path / "piece.mp4")
    assert found == lines


def test_captions_that_the_encoder_cannot_write_are_noted(tmp_path: Path) -> None:
    lines = [line for word in ["HELLO!", "WORLD!"] * 5 for line in text_608(word)]
    source = captioned(tmp_path / "a.mp4", lines, gop=12)
    plan = plan_of(source, segments=2, format="webm")
    assert make(source, plan, 0, tmp_path / "0.piece").notes == (
        "the closed captions of the source were left out",
    )


def test_a_piece_can_be_played_while_it_is_loaded(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mkv", 48, options=CLOSED, audio=[{"seconds": 2}])
    plan = plan_of(source, segments=2, format="mkv")
    make(source, plan, 0, tmp_path / "0.piece")
    data = (tmp_path / "0.piece").read_bytes()
    assert data[4:8] == b"ftyp"
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "0.piece"), format="mp4") as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_a_source_of_another_size_is_refused(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 48, options=CLOSED)
    plan = plan_of(source)
    with source.open("ab") as file:
        file.write(b"more")
    with pytest.raises(SourceChanged, match="bytes"):
        make(source, plan, 1, tmp_path / "1.piece")


@pytest.mark.parametrize(("etag", "error"), [(None, SourceChanged), ('"abc"', BadMedia)])
def test_a_source_with_other_frames_is_refused(
    tmp_path: Path, etag: str | None, error: type[WorkerError]
) -> None:
    source = make_clip(tmp_path / "a.mp4", 48, options=CLOSED)
    plan = plan_of(source, etag=etag)
    segment = plan.segments[1]
    for changes in ({"first_pts": segment.first_pts + 1}, {"last_pts": segment.last_pts - 1}):
        changed = segment.model_copy(update=changes)
        wrong = plan.model_copy(update={"segments": (plan.segments[0], changed, *plan.segments[2:])})
        with pytest.raises(error, match="segment 1 of the source is not the one of the plan"):
            make(source, wrong, 1, tmp_path / "1.piece")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_source_whose_frames_have_other_times_is_refused(tmp_path: Path) -> None:
    pts = [512 * number for number in range(48)]
    source = make_clip(tmp_path / "a.mp4", 48, options=CLOSED, pts=pts, time_base=Fraction(1, 12800))
    plan = plan_of(source)
    pts[30] += 7
    make_clip(source, 48, options=CLOSED, pts=pts, time_base=Fraction(1, 12800))
    whole = plan.model_copy(
        update={"source": plan.source.model_copy(update={"bytes": source.stat().st_size})}
    )
    number = next(s.number for s in plan.segments if s.first_frame <= 30 < s.first_frame + s.frames)
    with pytest.raises(SourceChanged, match="ticks"):
        make(source, whole, number, tmp_path / "piece")
    make(source, whole, 0, tmp_path / "piece")  # segments that did not change can still be made


@pytest.mark.parametrize(
    "changes",
    [
        {"options": {"x264-params": "stats=/tmp/anything:pass=1"}},
        {"options": {"preset": "veryfast", "crf": "14"}},
        {"encoder": "rawvideo"},
        {"encoder": "libx265"},
        {"encoder": "h264_nvenc"},
        {"pixel_format": "yuv444p"},
        {"threads": 64},
    ],
)
def test_an_encoder_that_this_worker_would_not_plan_is_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    source = make_clip(tmp_path / "a.mp4", 48, options=CLOSED)
    plan = plan_of(source)
    assert plan.encoder is not None
    hostile = plan.model_copy(update={"encoder": plan.encoder.model_copy(update=changes)})
    with pytest.raises(PlanRefused, match="plan"):
        make(source, hostile, 0, tmp_path / "0.piece")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("number", [-1, 4, 2**40])
def test_a_segment_that_the_plan_does_not_have_is_refused(tmp_path: Path, number: int) -> None:
    source = make_clip(tmp_path / "a.mp4", 48, options=CLOSED)
    with pytest.raises(PlanRefused, match="no segment"):
        make(source, plan_of(source), number, tmp_path / "x.piece")


@given(numbers=st.lists(st.integers(-(2**63), 2**63), min_size=5, max_size=5))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_impossible_segment_never_becomes_a_piece(tmp_path: Path, numbers: Sequence[int]) -> None:
    source = tmp_path / "a.mp4"
    if not source.exists():
        make_clip(source, 48, options=CLOSED)
    plan = plan_of(source)
    names = ("first_frame", "frames", "first_pts", "last_pts", "decode_pts")
    changed = plan.segments[1].model_copy(update=dict(zip(names, numbers, strict=True)))
    wrong = plan.model_copy(update={"segments": (plan.segments[0], changed, *plan.segments[2:])})
    with pytest.raises(WorkerError):
        make(source, wrong, 1, tmp_path / "1.piece")


def test_a_damaged_picture_is_replaced_and_noted_as_in_the_ordinary_job(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 48, options={**CLOSED, "bf": "0"})
    plan = plan_of(source, segments=2)
    damage(source, [30])
    second = plan.segments[1]
    assert second.first_frame < 30
    manifest = make(source, plan, 1, tmp_path / "1.piece")
    assert any("damaged" in note or "decoded" in note for note in manifest.notes)
    assert [at for at, _ in shown(tmp_path / "1.piece")] == [512 * n for n in range(second.frames)]


def upscale_context(client: TritonClient) -> JobContext:
    return JobContext(connect=lambda: client, default_model="nearest-x4")


def test_a_segment_is_enlarged_by_the_model_of_the_plan(tmp_path: Path, client: TritonClient) -> None:
    source = make_clip(tmp_path / "a.mp4", 36, options=CLOSED)
    context = upscale_context(client)
    film = UpscaleFilm.model_validate({"task": "upscale", "segments": 3})
    plan = plan_film(source, film, context, etag=None)
    plan_hash = hash_of(document(plan))
    pictures: list[tuple[int, int]] = []
    for segment in plan.segments:
        path = tmp_path / f"{segment.number}.piece"
        manifest = make_segment(source, plan, segment.number, path, context, plan_hash=plan_hash)
        assert manifest.transport is not None
        assert manifest.tile is not None
        pictures += [(at + segment.first_pts, number) for at, number in shown(path)]
        with av.open(str(path), format="mp4") as container:
            assert (container.streams.video[0].width, container.streams.video[0].height) == (384, 256)
    assert pictures == [(512 * number, number) for number in range(36)]


def test_a_model_with_other_weights_is_refused(tmp_path: Path, client: TritonClient) -> None:
    source = make_clip(tmp_path / "a.mp4", 36, options=CLOSED)
    context = upscale_context(client)
    plan = plan_film(
        source, UpscaleFilm.model_validate({"task": "upscale", "segments": 3}), context, etag=None
    )
    assert plan.model is not None
    for other in ({"weights_sha256": "0" * 64}, {"precision": "fp16"}, {"tensors": "image"}):
        wrong = plan.model_copy(update={"model": FilmModel(**plan.model.model_dump() | other)})
        with pytest.raises(PlanRefused, match=r"other weights of model 'nearest-x4'.*plan the film again"):
            make_segment(source, wrong, 0, tmp_path / "0.piece", context, plan_hash="0" * 64)


def test_processes_on_any_cpu_make_the_same_pieces(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", 60, options=CLOSED)
    plan = plan_of(source, segments=2)
    (tmp_path / "plan.json").write_bytes(document(plan))
    folders = [tmp_path / "alone", tmp_path / "first", tmp_path / "both"]
    running: list[subprocess.Popen[bytes]] = []
    for folder, cpus in zip(folders, ["0", "0", None], strict=True):
        folder.mkdir()
        running.append(make_segments.start(source, tmp_path / "plan.json", folder, [1, 0], cpus=cpus))
    assert [process.wait() for process in running] == [0, 0, 0]
    for number in (0, 1):
        found = {read_manifest(folder / f"{number}.piece").payload_sha256 for folder in folders}
        make(source, plan, number, tmp_path / "here.piece")
        assert found == {read_manifest(tmp_path / "here.piece").payload_sha256}
