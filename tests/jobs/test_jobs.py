"""Tests the validation of jobs, its error messages, and that the reference pages match the models."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadRequest, CallerError, ServiceError, WorkerError
from orchestrator.jobs import ExportParams, parse, parse_job
from orchestrator.jobs.task_table import TASKS
from tools import reference

DOCS = Path(__file__).resolve().parents[2] / "docs"
URLS = {"input_url": "https://media.example.com/in.mp4", "output_url": "https://media.example.com/out.mp4"}


def refusal(values: Any) -> str:
    with pytest.raises(BadRequest) as caught:
        parse(ExportParams, values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"crop": {"x": 1, "y": 2, "w": "a", "h": 3}}, "crop.w 'a' is refused"),
        ({"crop": {"x": 1, "y": 2, "w": "100", "h": 3}}, "crop.w '100' is refused"),
        ({"crop": {"x": True, "y": 2, "w": 5, "h": 3}}, "crop.x True is refused"),
        ({"crop": {"x": 1, "y": 2, "w": float("nan"), "h": 3}}, "crop.w nan is refused"),
        ({"crop": {"x": 1, "y": 2, "w": float("inf"), "h": 3}}, "crop.w inf is refused"),
        ({"crop": {"x": 1, "y": 2, "w": 5}}, "crop.h is missing"),
        ({"crop": [{"t": 0, "x": 1, "y": 2, "w": 3}]}, "crop.0.h is missing"),
        ({"crop": 5}, "crop 5 is refused: give an object"),
        ({"size": "10"}, "as in 1080x1920"),
        ({"size": "0x10"}, "as in 1080x1920"),
        ({"size": {"w": 0, "h": 3}}, "size.w 0 is refused"),
        ({"quality": "best"}, "'high', 'medium', 'low' or 'lossless'"),
        ({"format": "wmv"}, "'mp4', 'mov', 'webm', 'mkv' or 'gif'"),
        ({"follow": {"track": 1}}, "following needs tracks"),
        ({"tracks": {}}, "tracks without follow"),
        ({"crop": {"x": 0, "y": 0, "w": 1, "h": 1}, "follow": {"track": 1}, "tracks": {}}, "not both"),
        ({"start": "x"}, "start 'x' is refused"),
        ({"crops": 1}, "crops is not known here"),
        ({"upscale_model": "x" * 201}, "at most 200 characters"),
        ({"upscale_model": "\ud800"}, "upscale_model '\\ud800' is refused"),
        (3, "give an object"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(values: Any, words: str) -> None:
    assert words in refusal(values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (None, "the job None is refused: give an object"),
        ({}, "task is missing"),
        ({"task": "dance"}, "there are 'upscale', 'track', 'export', 'plan', 'segment', 'assemble'"),
        ({"task": "upscale", "input_url": "https://a/b"}, "output_url is missing"),
        ({"task": "export", **URLS, "params": {"crop": {}}}, "params.crop.x is missing"),
    ],
)
def test_a_job_says_what_it_lacks(values: Any, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        parse_job(values)


@pytest.mark.parametrize("place", ["input_url", "output_url", "params"])
def test_no_signature_of_a_url_is_reported(place: str) -> None:
    for value in (["https://h/k?X-Amz-Signature=secret"], {"https://h/k?X-Amz-Signature=secret": 1}):
        with pytest.raises(BadRequest) as caught:
            parse_job({"task": "upscale", **URLS} | {place: value})
        assert "secret" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "task": st.sampled_from(["upscale", "track", "export"]) | JSON,
            "input_url": st.text(max_size=20) | JSON,
            "output_url": JSON,
            "params": st.dictionaries(st.sampled_from(sorted(ExportParams.model_fields)), JSON) | JSON,
        },
    )
    | JSON
)
def test_whatever_comes_is_a_job_or_one_clear_line(values: Any) -> None:
    error = None
    try:
        parse_job(values)
    except WorkerError as exc:
        error = exc
    assert error is None or isinstance(error, BadRequest)
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 400


def test_a_model_is_needed_where_it_is_named_unless_refused() -> None:
    wanted = {
        (True, None): True,
        (None, "m"): True,
        (None, None): False,
        (False, "m"): False,
    }
    for (upscale, model), expected in wanted.items():
        assert ExportParams(upscale=upscale, upscale_model=model).wants_model is expected


@pytest.mark.parametrize("size", ["640x480", {"w": 640, "h": 480}])
def test_a_size_may_be_written_in_two_ways(size: Any) -> None:
    assert parse(ExportParams, {"size": size}).delivered_px == (640, 480)


def test_the_reference_is_made_of_the_models() -> None:
    assert (DOCS / "jobs.md").read_text() == reference.page(), "run `make docs`"
    assert json.loads((DOCS / "jobs.schema.json").read_text()) == reference.schema(), "run `make docs`"
    assert (DOCS / "errors.md").read_text() == reference.errors_page(), "run `make docs`"


def test_every_field_is_explained() -> None:
    for task in TASKS.values():
        for model in chain.from_iterable(map(reference.models, (task.job, *task.results))):
            assert set(model.model_fields) == set(reference.descriptions(model)), model


def every_error(kind: type[WorkerError] = WorkerError) -> set[type[WorkerError]]:
    return {kind}.union(*map(every_error, kind.__subclasses__()))


def test_the_page_of_errors_has_a_row_for_every_code_that_a_user_can_meet() -> None:
    rows = [line.split(" | ") for line in (DOCS / "errors.md").read_text().splitlines() if "| `" in line]
    rows_by_code = {code.strip("| `"): (fault, retryable) for code, fault, retryable, _ in rows}
    assert len(rows_by_code) == len(rows)
    kinds = every_error()
    assert rows_by_code.keys() == {kind.code for kind in kinds}
    assert "inference_failed" in rows_by_code
    for kind in kinds - {CallerError, ServiceError}:
        fault = "caller" if issubclass(kind, CallerError) else "worker"
        assert rows_by_code[kind.code] == (fault, "yes" if kind.retryable else "no"), kind


@pytest.mark.parametrize("task", TASKS)
def test_the_examples_are_jobs(task: str) -> None:
    assert parse_job(reference.example(task)).task == task


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\u2028", "\ud800"], ids=ascii)
@pytest.mark.parametrize(
    ("task", "params"),
    [
        ("upscale", {"model": "lite{}-x4"}),
        ("track", {"model": "{}yolov8"}),
        ("track", {"classes": ["person", "car{}"]}),
        ("export", {"upscale_model": "{}"}),
    ],
)
def test_a_name_with_a_character_that_no_name_has_is_refused(
    task: str, params: dict[str, Any], character: str
) -> None:
    named = json.loads(json.dumps(params).replace("{}", json.dumps(character)[1:-1]))
    with pytest.raises(BadRequest) as caught:
        parse_job({**URLS, "task": task, "params": named})
    assert caught.value.code == "bad_request"
    assert next(iter(params)) in str(caught.value)
    assert str(caught.value).isprintable()


def test_names_in_any_script_are_taken() -> None:
    names = ["voiture à gaz", "自動車", "🚗", "می\u200cرود", "no\u00a0break", "ideographic\u3000space"]
    job = parse_job({**URLS, "task": "track", "params": {"classes": names}})
    assert job.params.classes == tuple(names)  # type: ignore[attr-defined]
