"""A plan has the frames of the ordinary job, and segments that begin at keyframes."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.film.document import FilmPlan, document, hash_of, read_plan
from orchestrator.film.frame_pts import expand
from orchestrator.film.plan import Unsplit, plan_film
from orchestrator.jobs.film import ExportFilm
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.pipeline.context import JobContext
from tools.fixtures.clips import make_clip


def no_triton() -> None:
    raise AssertionError("a plan without a model connects to no Triton")


CONTEXT = JobContext(connect=no_triton)  # type: ignore[arg-type]


def planned(path: Path, *, segments: int = 4, **params: object) -> FilmPlan:
    film = ExportFilm.model_validate({"task": "export", "segments": segments, "params": params})
    return plan_film(path, film, CONTEXT, etag=None)


def test_a_plan_has_the_times_that_the_reader_yields(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 60, options={"g": "5", "bf": "2"})
    plan = planned(clip)
    with VideoReader(clip, probe(clip)) as reader:
        frames = [(frame.pts, frame.duration) for frame in reader.frames()]
    assert expand(plan.pts).tolist() == [pts for pts, _ in frames]
    assert plan.last_duration == frames[-1][1]
    assert [segment.first_frame for segment in plan.segments] == [0, 15, 30, 45]


def test_a_short_video_stays_one_job(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 60)
    film = ExportFilm.model_validate({"task": "export"})
    with pytest.raises(Unsplit, match=r"too short .*: it is processed as one job"):
        plan_film(clip, film, CONTEXT, etag=None)


def test_a_stored_plan_is_read_back_as_it_was(tmp_path: Path) -> None:
    plan = planned(make_clip(tmp_path / "a.mp4", 60, options={"g": "5"}))
    assert read_plan(document(plan), expected_hash=hash_of(document(plan))) == plan
