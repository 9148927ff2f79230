"""Tests the requests of the three jobs of a film: what is refused, and which addresses are checked."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from orchestrator.errors import AddressRefused, BadRequest, CallerError, LimitExceeded, OutputForbidden
from orchestrator.executor.run_job import RUNNERS
from orchestrator.executor.validate_job import check_job
from orchestrator.framing.track_file_reader import parse_tracks
from orchestrator.jobs import OutputParts, parse_job
from orchestrator.jobs.task_table import TASKS, USER_TASKS
from orchestrator.settings import PROJECT_ROOT, Settings
from orchestrator.storage.client import StorageClient
from tests.support.json_schema import schema_validator
from tests.support.mutated_jobs import mutated, places
from tools import reference

BASE = "https://media.example.com/"
TRACKS = "https://tracks.example.com/tracks.json"
PARTS = {
    "part_bytes": 5 * 2**20,
    "urls": [BASE + "part1", BASE + "part2"],
    "complete_url": BASE + "complete",
    "abort_url": BASE + "abort",
}
PLAN: dict[str, Any] = {
    "task": "plan",
    "input_url": BASE + "in.mp4",
    "output_url": BASE + "plan.json",
    "params": {"task": "upscale", "params": {"scale": 2}, "segments": 3, "work_sec": 30.5, "format": "mkv"},
}
PLAN_EXPORT: dict[str, Any] = PLAN | {
    "params": {
        "task": "export",
        "params": {"follow": {"track": "main"}, "tracks": TRACKS, "size": "640x480", "format": "mov"},
    }
}
PLAN_TRACK: dict[str, Any] = PLAN | {"params": {"task": "track"}}
SEGMENT: dict[str, Any] = {
    "task": "segment",
    "input_url": BASE + "in.mp4",
    "plan_url": BASE + "plan.json",
    "piece_url": BASE + "3.piece",
    "output_url": BASE + "3.piece",
    "params": {"plan_hash": "0" * 64, "number": 3},
}
ASSEMBLE: dict[str, Any] = {
    "task": "assemble",
    "input_url": BASE + "in.mp4",
    "plan_url": BASE + "plan.json",
    "piece_urls": [BASE + "0.piece", BASE + "1.piece"],
    "output_url": BASE + "out.mp4",
    "preview_url": BASE + "preview.json",
    "params": {"plan_hash": "f" * 64},
}
ASSEMBLE_PARTS: dict[str, Any] = {**ASSEMBLE, "output_url": None, "output_parts": PARTS}
JOBS = [PLAN, PLAN_EXPORT, PLAN_TRACK, SEGMENT, ASSEMBLE, ASSEMBLE_PARTS]

SETTINGS = Settings()
STORAGE = StorageClient.from_settings(SETTINGS)


def check(values: Any) -> None:
    check_job(values, settings=SETTINGS, storage=STORAGE, needed_s=60)


@pytest.mark.parametrize("job", JOBS)
def test_the_jobs_are_accepted(job: dict[str, Any]) -> None:
    check(job)


def params(**changed: Any) -> dict[str, Any]:
    return {"params": {**SEGMENT["params"], **changed}}


@pytest.mark.parametrize(
    ("job", "changed", "words"),
    [
        (PLAN, {"output_url": None}, "output_url None is refused"),
        (PLAN, {"preview_url": BASE}, "preview_url is not known here"),
        (PLAN, {"params": {}}, "params.task is missing"),
        (PLAN, {"params": {"task": "plan"}}, "there are 'upscale', 'export', 'track'"),
        (PLAN, {"params": {"task": "upscale", "segments": 0}}, "segments 0 is refused"),
        (PLAN, {"params": {"task": "upscale", "segments": 2001}}, "segments 2001 is refused"),
        (PLAN, {"params": {"task": "upscale", "work_sec": 0.5}}, "work_sec 0.5 is refused"),
        (PLAN, {"params": {"task": "upscale", "params": {"scale": 17}}}, "params.scale 17 is refused"),
        (PLAN, {"params": {"task": "upscale", "format": "wmv"}}, "format 'wmv' is refused"),
        (PLAN, {"params": {"task": "track", "format": "mp4"}}, "format is not known here"),
        (PLAN, {"params": {"task": "export", "params": {"start": 2, "end": 1}}}, "choose a later end"),
        (SEGMENT, {"output_url": None}, "output_url None is refused"),
        (SEGMENT, {"plan_url": None}, "plan_url None is refused"),
        (SEGMENT, {"preview_url": BASE}, "preview_url is not known here"),
        (SEGMENT, params(number=-1), "number -1 is refused"),
        (SEGMENT, params(number=2000), "number 2000 is refused"),
        (SEGMENT, params(number=1.5), "number 1.5 is refused"),
        (SEGMENT, params(number="3"), "number '3' is refused"),
        (SEGMENT, params(plan_hash="A" * 64), "plan_hash"),
        (SEGMENT, params(plan_hash="a" * 63), "plan_hash"),
        (SEGMENT, params(plan_hash="a" * 64 + "\n"), "plan_hash"),
        (ASSEMBLE, {"piece_urls": []}, "piece_urls [] is refused"),
        (ASSEMBLE, {"piece_urls": [BASE] * 2001}, "piece_urls is refused"),
        (ASSEMBLE, {"output_parts": PARTS}, "give one of them"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(job: dict[str, Any], changed: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check({**job, **changed})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def addresses() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every place in the jobs that has an address, with the job in which that address is hostile."""
    for number, job in enumerate(JOBS):
        count = sum(_is_address(holder[key]) for holder, key in places(job))
        for place in range(count):
            changed = copy.deepcopy(job)
            holder, key = [found for found in places(changed) if _is_address(found[0][found[1]])][place]
            holder[key] = "https://169.254.169.254/latest"
            yield f"{number} {job['task']} {key}", changed


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("https://")


HOSTILE = dict(addresses())


def test_every_kind_of_address_is_among_the_hostile_ones() -> None:
    names = {name.split()[2] for name in HOSTILE}
    fields = {"input_url", "output_url", "plan_url", "piece_url", "preview_url", "tracks"}
    assert fields | {"complete_url", "abort_url", "0", "1"} == names


@pytest.mark.parametrize("name", HOSTILE)
def test_every_address_of_a_job_is_checked(name: str) -> None:
    with pytest.raises(AddressRefused):
        check(HOSTILE[name])


def test_a_url_for_the_piece_may_be_signed_for_the_header_that_is_sent_with_it() -> None:
    signed = "?X-Amz-SignedHeaders=content-type%3Bhost%3Bif-none-match"
    check({**SEGMENT, "output_url": BASE + "3.piece" + signed})
    with pytest.raises(OutputForbidden, match="if-none-match"):
        check({**PLAN, "output_url": BASE + "plan.json" + signed})


def test_the_size_of_an_export_is_checked_before_it_is_planned() -> None:
    film = {"task": "export", "params": {"size": "16384x16384"}}
    with pytest.raises(LimitExceeded):
        check({**PLAN, "params": film})


def test_the_destination_of_an_assembly_is_either_of_two() -> None:
    assert parse_job(ASSEMBLE).destinations == (BASE + "out.mp4", BASE + "preview.json")
    first, preview = parse_job(ASSEMBLE_PARTS).destinations
    assert isinstance(first, OutputParts)
    assert preview == BASE + "preview.json"
    assert parse_job({**ASSEMBLE, "output_url": None, "preview_url": None}).destinations == ()


VALIDATOR = schema_validator(reference.schema())


@settings(max_examples=300, database=None)
@given(job=mutated(JOBS))
def test_the_schema_accepts_whatever_the_worker_accepts(job: Any) -> None:
    try:
        check(job)
        export = job["params"].get("params", {}) if job["task"] == "plan" else {}
        if isinstance(export.get("tracks"), dict):  # they are read when the job runs
            parse_tracks(export["tracks"])
    except CallerError:
        return
    VALIDATOR.validate(job)


@pytest.mark.parametrize(
    "job",
    [
        {**ASSEMBLE, "output_parts": PARTS},
        {**SEGMENT, **params(number=2000)},
        {**SEGMENT, **params(plan_hash="x")},
        {**PLAN, "preview_url": BASE},
        {**PLAN, "params": {"task": "upscale", "segments": 0}},
        {**ASSEMBLE, "piece_urls": []},
    ],
)
def test_the_schema_refuses_what_the_worker_refuses(job: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(job)


def test_the_page_about_films_shows_jobs() -> None:
    page = (PROJECT_ROOT / "docs" / "film.md").read_text()
    blocks = [
        json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    ]
    jobs = [block for block in blocks if block.get("task") in TASKS]
    assert [job["task"] for job in jobs] == ["plan", "segment", "assemble"]
    for job in jobs:
        check(job)


def test_users_are_offered_the_other_tasks_alone() -> None:
    assert list(USER_TASKS) == ["upscale", "track", "export"]
    steps = TASKS.keys() - USER_TASKS.keys()
    assert steps == {"plan", "segment", "assemble"}
    assert steps <= RUNNERS.keys()
