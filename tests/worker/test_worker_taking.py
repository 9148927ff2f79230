"""Tests how jobs are fetched: a malformed job in a batch does not affect the others."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadRequest
from orchestrator.executor.raw_json import RawJson
from orchestrator.executor.validate_job import read_json
from orchestrator.runpod_handler.fetch_jobs import without_repeated
from orchestrator.runpod_handler.handle_job import time_limit_s
from orchestrator.runpod_handler.split_job_batch import split_jobs
from tests.support.mutated_jobs import TEXTS

GOOD = {"id": "good", "input": {"task": "track"}}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def read(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [job | {"input": json.loads(job["input"].data)} for job in jobs]


@given(
    inputs=st.lists(VALUES, min_size=1, max_size=5),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 0, 2]),
)
def test_a_batch_is_split_as_a_parser_would(inputs: list[Any], ascii_only: bool, indent: int | None) -> None:
    batch = [
        {"webhook": value, "id": f"job-{number}", "input": value, "policy": {"executionTimeout": number}}
        for number, value in enumerate(inputs)
    ]
    for body in (batch, batch[0]):
        text = json.dumps(body, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
        expected = json.loads(text)
        for job in expected if isinstance(expected, list) else [expected]:
            del job["webhook"]
        assert read(split_jobs(text)) == (expected if isinstance(expected, list) else [expected])


@pytest.mark.parametrize(
    "odd",
    [
        b'{"id": "odd", "input": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id": "odd", "input": ' + b"9" * 5_000 + b"}",
        b'{"id": "odd", "input": {"a": NaN, "b": Infinity}}',
        b'{"id": "odd", "input": {"a": nonsense}}',
        b'{"id": "odd", "input": "\xff\xfe"}',
        b'{"id": "odd", "input": {"a": "b" "c"}}',
        b'{"id": "odd", "input": }',
    ],
    ids=["deep", "digits", "nan", "nonsense", "bytes", "no comma", "nothing"],
)
def test_a_job_that_cannot_be_parsed_is_named_and_takes_no_neighbour_along(odd: bytes) -> None:
    good = json.dumps(GOOD).encode()
    first, second, third = split_jobs(b"[" + b", ".join([good, odd, good]) + b"]")
    assert read([first, third]) == [GOOD, GOOD]
    assert second["id"] == "odd"
    with pytest.raises(BadRequest):
        read_json(second["input"].data)


@pytest.mark.parametrize(
    "odd",
    [
        {"input": {}},
        {"id": None, "input": {}},
        {"id": ["a"], "input": {}},
        {"id": "", "input": {}},
        {"id": "..", "input": {}},
        {"id": True, "input": {}},
        {"id": "\ud800", "input": {}},
        {"id": "x" * 1001, "input": {}},
        "text",
        7,
        None,
        [],
    ],
)
def test_what_cannot_be_named_is_left_out_alone(odd: object) -> None:
    assert read(split_jobs(json.dumps([GOOD, odd, GOOD]).encode())) == [GOOD, GOOD]
    assert split_jobs(json.dumps(odd).encode()) == []


@pytest.mark.parametrize("body", [b"", b" ", b"[]", b"[ ]", b"null", b"<html>", b"[,]", b'"', b"{", b"["])
def test_a_response_without_jobs_has_none(body: bytes) -> None:
    assert split_jobs(body) == []


def test_a_batch_that_is_cut_off_gives_what_came() -> None:
    text = json.dumps([GOOD, GOOD | {"id": "cut"}]).encode()[:-8]
    first, cut = split_jobs(text)
    assert read([first]) == [GOOD]
    assert cut["id"] == "cut"


def test_odd_ids_that_can_be_named_are_kept_and_the_rest_of_a_job_cannot_disturb() -> None:
    ids = ["../../x", "a b?c#d&e", "é猫", 'quote"', 7]
    jobs = [{"self": 1, "job_id": "x", "id": name, "input": {}, "policy": "none"} for name in ids]
    assert read(split_jobs(json.dumps(jobs).encode())) == [{"id": str(name), "input": {}} for name in ids]


def test_a_job_without_an_input_is_named() -> None:
    assert read(split_jobs(b'{"id": "a"}')) == [{"id": "a", "input": None}]


def test_the_last_of_two_members_of_one_name_counts_as_in_json() -> None:
    text = b'{"id": "a", "input": 1, "input": 2, "id": "b"}'
    assert read(split_jobs(text)) == [json.loads(text)]


def test_a_job_that_comes_twice_is_started_once() -> None:
    jobs = [{"id": name} for name in ("a", "b", "a", "c")]
    assert without_repeated(jobs, {"c"}) == [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[" * 2_000 + b"]" * 2_000, "nested too deeply"),
        (b"1" * (sys.get_int_max_str_digits() + 1), "too many digits"),
        (b"NaN", "NaN is no number"),
        (b"{", "not JSON"),
    ],
)
def test_json_that_cannot_be_read_is_refused_with_a_reason(data: bytes, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        read_json(data)


def test_what_was_not_parsed_is_printed_as_its_size() -> None:
    assert str(RawJson(b'{"input_url": "https://example.com/?signature"}')) == "RawJson(size_bytes=47)"


@pytest.mark.parametrize(
    ("policy", "limit_s"),
    [
        ({"executionTimeout": 1500}, 1.5),
        ({"executionTimeout": 10**400}, 3600),
        ({"executionTimeout": float("inf")}, 3600),
        ({"executionTimeout": float("nan")}, 3600),
        ({"executionTimeout": True}, 3600),
        ({"executionTimeout": -1}, 3600),
        ({"executionTimeout": "1500"}, 3600),
        ({}, 3600),
        (None, 3600),
    ],
)
def test_a_time_limit_that_is_no_time_is_that_of_the_operator(policy: object, limit_s: float) -> None:
    """An int that is too large for a float once failed the job as `internal`, and true was read as 1 ms."""
    assert time_limit_s({"id": "a", "policy": policy}, 3600) == limit_s
