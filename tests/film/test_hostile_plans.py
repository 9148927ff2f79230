"""Tests that a plan which was changed anywhere is followed, or refused with a typed error."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestrator.errors import PlanRefused, WorkerError
from orchestrator.film.assemble import assemble
from orchestrator.film.document import FilmPlan, PieceManifest, document, hash_of, read_plan
from orchestrator.film.piece import read_manifest, write_manifest
from orchestrator.film.plan import plan_film
from orchestrator.film.segment import make_segment
from orchestrator.jobs.film import MOST_SEGMENTS, ExportFilm
from orchestrator.limits import Limits
from orchestrator.pipeline.context import JobContext
from tests.support.mutated_jobs import mutated, places
from tools.fixtures.clips import make_clip

EXAMPLES = 60


def no_triton() -> Any:
    raise WorkerError("no Triton in this test")


CONTEXT = JobContext(connect=no_triton, limits=Limits())


@dataclass(frozen=True)
class Pieces:
    """Pieces in a folder, with manifests that name another plan than the one they were made for."""

    folder: Path
    plan_hash: str

    def manifest(self, number: int) -> PieceManifest:
        found = read_manifest(self.folder / f"{number}.piece")
        return found.model_copy(update={"plan_hash": self.plan_hash})

    @contextmanager
    def opened(self, number: int) -> Iterator[Path]:
        manifest = self.manifest(number)
        path = self.folder / "opened.piece"
        path.write_bytes((self.folder / f"{number}.piece").read_bytes()[: manifest.payload_bytes])
        write_manifest(path, manifest)
        yield path
        path.unlink()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "clip.mp4"
    return make_clip(path, 20, options={"g": "5", "sc_threshold": "0"}, audio=[{"seconds": 0.8}])


@pytest.fixture(scope="module")
def plan(clip: Path) -> FilmPlan:
    params = {"quality": "low", "crop": {"x": 8, "y": 8, "w": 64, "h": 48}}
    film = ExportFilm.model_validate({"task": "export", "segments": 3, "params": params})
    return plan_film(clip, film, CONTEXT, etag='"abc"')


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory, clip: Path, plan: FilmPlan) -> Path:
    folder = tmp_path_factory.mktemp("pieces")
    for segment in plan.segments:
        make_segment(
            clip,
            plan,
            segment.number,
            folder / f"{segment.number}.piece",
            CONTEXT,
            plan_hash=hash_of(document(plan)),
        )
    return folder


def test_the_right_plan_is_followed(clip: Path, plan: FilmPlan, pieces: Path, tmp_path: Path) -> None:
    plan_hash = hash_of(document(plan))
    result = assemble(
        clip, plan, Pieces(pieces, plan_hash), tmp_path / "out.mp4", CONTEXT, plan_hash=plan_hash
    )
    assert result.stats.frames == 20


def test_a_plan_of_too_many_segments_is_refused(plan: FilmPlan) -> None:
    many = json.loads(document(plan))
    many["segments"] = many["segments"][:1] * (MOST_SEGMENTS + 1)
    data = json.dumps(many).encode()
    with pytest.raises(PlanRefused):
        read_plan(data, expected_hash=hash_of(data))


def test_a_plan_of_the_version_before_is_refused(plan: FilmPlan) -> None:
    old = json.loads(document(plan))
    old["version"] = 3
    del old["index"]
    for segment in old["segments"]:
        del segment["entries"]
    data = json.dumps(old).encode()
    with pytest.raises(PlanRefused, match=r"made by another version .* this one reads version 4"):
        read_plan(data, expected_hash=hash_of(data))


@st.composite
def miscounted(draw: st.DrawFn, plan: dict[str, Any]) -> dict[str, Any]:
    """Draw a plan with one to three other whole numbers: counts, times, places and sizes."""
    changed = copy.deepcopy(plan)
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(
            st.sampled_from([found for found in places(changed) if type(found[0][found[1]]) is int])
        )
        step = st.sampled_from([-1000, -512, -1, 1, 2, 512, 1000, 2**31, 2**62, -(2**40)])
        holder[key] = draw(st.integers(-2, 30) | step.map(holder[key].__add__))
    return changed


@pytest.mark.parametrize("change", [lambda plan: mutated([plan]), miscounted], ids=["mutated", "miscounted"])
def test_a_changed_plan_is_followed_or_refused_with_a_typed_error(
    clip: Path, plan: FilmPlan, pieces: Path, tmp_path: Path, change: Callable[[Any], st.SearchStrategy[Any]]
) -> None:
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate, Phase.shrink],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(changed=change(json.loads(document(plan))))
    def follow(changed: Any) -> None:
        folder = tmp_path / "work"
        folder.mkdir()
        try:
            data = json.dumps(changed).encode()
            found = read_plan(data, expected_hash=hash_of(data))
            for number in {0, len(found.segments) - 1}:
                make_segment(clip, found, number, folder / "piece.mp4", CONTEXT, plan_hash=hash_of(data))
            stored = Pieces(pieces, hash_of(data))
            assemble(clip, found, stored, folder / "out.mp4", CONTEXT, plan_hash=hash_of(data))
        except WorkerError:
            assert not (folder / "out.mp4").exists()
        finally:
            shutil.rmtree(folder)

    follow()
