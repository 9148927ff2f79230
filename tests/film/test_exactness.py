"""Tests that a film of many processes is, bit for bit, that of one, and shows what the ordinary job shows."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.film.assemble import assemble
from orchestrator.film.document import FilmPlan, document, hash_of
from orchestrator.film.plan import plan_film
from orchestrator.film.segment import make_segment
from orchestrator.jobs.film import ExportFilm, UpscaleFilm
from orchestrator.pipeline.context import JobContext
from tests.support import make_segments
from tests.support.exports import export_video
from tests.support.film_pieces import NO_TRITON, demuxed
from tests.support.track_film import LocalPieces
from tools.fixtures.clips import make_clip, number_of, numbered

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.triton.client import TritonClient

OPEN = {"g": "10", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal:scenecut=0"}
CLOSED = {"g": "10", "bf": "2", "sc_threshold": "0"}
CRA = {"x265-params": "log-level=none:keyint=10:min-keyint=10:open-gop=1:bframes=4"}
VARIED = [3 * number + (number * number) % 3 for number in range(80)]
SOURCES: dict[str, dict[str, Any]] = {
    "open.mp4": {"options": OPEN, "audio": [{"seconds": 3.2, "start": 0.35}]},
    "closed.mov": {"options": CLOSED, "audio": [{"seconds": 2.5, "codec": "pcm_s16le"}, {"seconds": 3.0}]},
    "cra.mkv": {
        "options": CRA,
        "codec": "libx265",
        "audio": [{"seconds": 3.2, "codec": "libopus"}],
        "subtitles": [{"codec": "ass", "lines": [(0.9, 1.7, "across a seam"), (2.0, 2.4, "later")]}],
    },
    "open.ts": {"options": OPEN, "audio": [{"seconds": 3.2}]},
    "varied.mp4": {"options": OPEN, "pts": VARIED, "time_base": Fraction(1, 75), "audio": [{"seconds": 3}]},
    "varied.mkv": {"options": CLOSED, "pts": VARIED, "time_base": Fraction(1, 75)},
}


def planned(source: Path, *, segments: int, **params: Any) -> FilmPlan:
    film = ExportFilm.model_validate({"task": "export", "segments": segments, "params": params})
    return plan_film(source, film, NO_TRITON, etag=None)


def joined(source: Path, plan: FilmPlan, pieces: Path, output: Path) -> bytes:
    """Assemble pieces and return the bytes of the film."""
    assemble(source, plan, LocalPieces(pieces), output, NO_TRITON, plan_hash=hash_of(document(plan)))
    return output.read_bytes()


def shown(path: Path) -> list[tuple[Fraction, int]]:
    """Return the time of each picture of a file in seconds, and the number that it shows."""
    with av.open(str(path)) as container:
        tick = container.streams.video[0].time_base or Fraction(1)
        return [
            ((frame.pts or 0) * tick, number_of(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)))
            for frame in container.decode(video=0)
        ]


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "webm"])
def test_a_film_of_many_processes_is_that_of_one(tmp_path: Path, container: str) -> None:
    source = make_clip(
        tmp_path / "source.mkv",
        80,
        metadata={"title": "A film"},
        chapters=[
            {"id": 1, "start": 0, "end": 1500, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}},
            {"id": 2, "start": 1500, "end": 3200, "time_base": Fraction(1, 1000), "metadata": {"title": "2"}},
        ],
        **SOURCES["cra.mkv"],
    )
    plan = planned(source, segments=4, format=container)
    assert len(plan.segments) == 4
    (tmp_path / "plan.json").write_bytes(document(plan))
    one, many = tmp_path / "one", tmp_path / "many"
    one.mkdir()
    many.mkdir()
    running = [make_segments.start(source, tmp_path / "plan.json", one, [2, 0, 3, 1])]
    running += [make_segments.start(source, tmp_path / "plan.json", many, [number]) for number in range(4)]
    assert [process.wait() for process in running] == [0] * 5
    films = [joined(source, plan, folder, tmp_path / f"{folder.name}.{container}") for folder in (one, many)]
    assert hashlib.sha256(films[0]).hexdigest() == hashlib.sha256(films[1]).hexdigest()


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize("name", SOURCES)
def test_a_film_has_the_frames_and_the_sound_of_the_ordinary_job(
    tmp_path: Path, name: str, container: str
) -> None:
    source = make_clip(tmp_path / name, 80, **SOURCES[name])
    plan = planned(source, segments=5, format=container)
    assert len(plan.segments) > 2
    folder = tmp_path / "pieces"
    folder.mkdir()
    for segment in plan.segments:
        make_segment(
            source,
            plan,
            segment.number,
            folder / f"{segment.number}.piece",
            NO_TRITON,
            plan_hash=hash_of(document(plan)),
        )
    film, whole = tmp_path / f"film.{container}", tmp_path / f"whole.{container}"
    joined(source, plan, folder, film)
    export_video(source, whole)
    assert shown(film) == shown(whole)
    assert [number for _, number in shown(film)] == list(range(80))
    ours, theirs = demuxed(film), demuxed(whole)
    assert [stream.kind for stream in ours] == [stream.kind for stream in theirs]
    assert [stream.duration_s for stream in ours] == [stream.duration_s for stream in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert sorted(mine.times_s) == sorted(other.times_s)
        if mine.kind != "video":
            assert mine.content == other.content


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(1, 40), min_size=30, max_size=70),
    name=st.sampled_from(["a.mp4", "b.mkv", "c.mov"]),
    options=st.sampled_from([OPEN, CLOSED]),
    segments=st.integers(2, 7),
    sound=st.floats(0, 1),
    order=st.randoms(use_true_random=False),
)
def test_any_cuts_of_any_clip_give_all_frames_at_their_times(
    tmp_path: Path,
    gaps: list[int],
    name: str,
    options: dict[str, str],
    segments: int,
    sound: float,
    order: Any,
) -> None:
    pts = [sum(gaps[:number]) for number in range(len(gaps) + 1)]
    source = make_clip(
        tmp_path / name,
        len(pts),
        options=options,
        pts=pts,
        time_base=Fraction(1, 500),
        audio=[{"seconds": 0.5 + sound, "start": sound}],
    )
    plan = planned(source, segments=segments, format=name[-3:])
    folder = tmp_path / "pieces"
    folder.mkdir(exist_ok=True)
    numbers = [segment.number for segment in plan.segments]
    order.shuffle(numbers)
    plan_hash = hash_of(document(plan))
    for number in numbers:
        make_segment(source, plan, number, folder / f"{number}.piece", NO_TRITON, plan_hash=plan_hash)
    film, whole = tmp_path / f"film{source.suffix}", tmp_path / f"whole{source.suffix}"
    for path in (film, whole):
        path.unlink(missing_ok=True)
    joined(source, plan, folder, film)
    export_video(source, whole)
    assert shown(film) == shown(whole)
    assert [number for _, number in shown(film)] == list(range(len(pts)))
    assert demuxed(film)[1:] == demuxed(whole)[1:]


def test_an_enlarged_film_is_the_same_in_one_piece_or_in_many(tmp_path: Path, client: TritonClient) -> None:
    source = make_clip(
        tmp_path / "a.mp4", [numbered(n) for n in range(50)], options=CLOSED, audio=[{"seconds": 2}]
    )
    context = JobContext(connect=lambda: client, default_model="nearest-x4")
    film = UpscaleFilm.model_validate({"task": "upscale", "segments": 5})
    plan = plan_film(source, film, context, etag=None)
    plan_hash = hash_of(document(plan))
    films = []
    for name, numbers in (("first", range(5)), ("second", [3, 1, 4, 0, 2])):
        folder = tmp_path / name
        folder.mkdir()
        for number in numbers:
            make_segment(source, plan, number, folder / f"{number}.piece", context, plan_hash=plan_hash)
        films.append(joined(source, plan, folder, tmp_path / f"{name}.mp4"))
    assert films[0] == films[1]
    assert [number for _, number in shown(tmp_path / "first.mp4")] == list(range(50))
