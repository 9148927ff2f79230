"""Tests that the API and the worker refuse the same jobs, and what the API says of those that it refuses."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestrator.errors import CallerError
from orchestrator.executor.validate_job import DEEPEST, check_job, read_json
from orchestrator.framing.track_file_reader import parse_tracks
from orchestrator.jobs.task_table import TASKS, USER_TASKS
from orchestrator.settings import Settings
from orchestrator.storage.client import StorageClient
from tests.cloud.conftest import Cloud
from tests.support.json_schema import schema_validator
from tests.support.mutated_jobs import mutated
from tests.support.node_functions import UNDEFINED, ApiRefused, NodeFunctions, node_functions
from tests.support.odd_params import BOX, JOBS, TRACKS, URLS, odd_jobs
from tools import reference
from tools.cloud.wrangler_dev import PROJECT, NodeMissing, node

SETTINGS = Settings()
STORAGE = StorageClient.from_settings(SETTINGS)

generated = settings(
    phases=[Phase.generate, Phase.shrink],
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def refusal_of_the_worker(values: Any) -> str | None:
    """Return why the worker refuses a job before it fetches anything, or None."""
    try:
        job = check_job(values, settings=SETTINGS, storage=STORAGE, needed_s=60)
        tracks = getattr(job.params, "tracks", None)  # type: ignore[attr-defined]
        if isinstance(tracks, dict):
            parse_tracks(tracks)
    except CallerError as exc:
        return str(exc)
    return None


def refusal_of_the_workers_text(text: str) -> str | None:
    try:
        values = read_json(text.encode())
    except CallerError as exc:
        return str(exc)
    return refusal_of_the_worker(values)


@pytest.fixture(scope="module")
def functions() -> Iterator[NodeFunctions]:
    with node_functions("api/check_job.ts") as found:
        yield found


class Quotes:
    """Asks the running API for quotes of jobs."""

    def __init__(self, cloud: Cloud) -> None:
        user = cloud.new_user()
        self.upload = user.upload(b"\0" * 1000)
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {user.key}"
        self._session.headers["Content-Type"] = "application/json"
        self._url = f"{cloud.url}/quote"

    def refusal(self, text: str) -> str | None:
        """Return why the API refuses a body, or None."""
        response = self._session.post(self._url, data=text.encode(), timeout=60)
        if response.status_code == 201:
            return None
        assert response.status_code == 400, response.text
        error = response.json()["error"]
        assert error["retryable"] is False
        return str(error["message"])


@pytest.fixture(scope="module")
def quotes(cloud: Cloud) -> Quotes:
    return Quotes(cloud)


def assert_same_verdict(quotes: Quotes, job: Any) -> None:
    """Send a job to the API and to the worker, each with addresses that it accepts."""
    bodies = [job, job]
    if isinstance(job, dict):
        params = {name: value for name, value in job.items() if name not in URLS}
        bodies = [params | {"upload_id": quotes.upload}, params | URLS]
    api = quotes.refusal(json.dumps(bodies[0]))
    worker = refusal_of_the_workers_text(json.dumps(bodies[1]))
    assert (api is None) == (worker is None), f"API: {api}; worker: {worker}"


@settings(parent=generated, max_examples=300)
@given(job=mutated(JOBS))
def test_the_api_and_the_worker_refuse_the_same_jobs(quotes: Quotes, job: Any) -> None:
    assert_same_verdict(quotes, job)


@settings(parent=generated, max_examples=300)
@given(job=odd_jobs())
def test_the_api_and_the_worker_refuse_the_same_params(quotes: Quotes, job: Any) -> None:
    assert_same_verdict(quotes, job)


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "member",
    [
        "1e400",
        "-1e400",
        "1" + "0" * 308,
        "1" + "0" * 309,
        "9" * 5000,
        "17976931348623157e292",
        "17976931348623159e292",
        "NaN",
        "Infinity",
        "1e-400",
        "-0",
        "01",
        r'"\ud83d\ude00"',
        r'"\ud83d"',
        r'"\ude00\ud83d"',
        r'{"\ud83d": 1}',
        r'"\u0000"',
        r'"\\u0000"',
        '"\t"',
        "'a'",
        deep(DEEPEST - 3),
        deep(DEEPEST - 2),
        deep(5000),
        '"]]]]"',
        "[1, 1,]",
    ],
    ids=lambda text: text[:20],
)
def test_the_api_and_the_worker_read_the_same_json(quotes: Quotes, member: str) -> None:
    # A document of tracks may have members of any form.
    params = json.dumps({"follow": {"track": "main"}, "tracks": {"tracks": [], "more": 0}})
    text = '{"task": "export", ADDRESSES, "params": PARAMS}'.replace(
        "PARAMS", params.replace('"more": 0', f'"more": {member}')
    )
    api = quotes.refusal(text.replace("ADDRESSES", f'"upload_id": "{quotes.upload}"'))
    worker = refusal_of_the_workers_text(text.replace("ADDRESSES", json.dumps(URLS)[1:-1]))
    assert (api is None) == (worker is None), f"API: {api}; worker: {worker}"


@pytest.mark.parametrize("raw", [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc3\xa9"', b'"\xf0\x9f\x98\x80"'])
def test_the_api_and_the_worker_read_the_same_bytes(quotes: Quotes, raw: bytes) -> None:
    body = b'{"task": "track", ADDRESSES, "params": {"model": %s}}' % raw
    response = quotes._session.post(
        quotes._url,
        data=body.replace(b"ADDRESSES", b'"upload_id": "%s"' % quotes.upload.encode()),
        timeout=60,
    )
    try:
        worker = refusal_of_the_worker(read_json(body.replace(b"ADDRESSES", json.dumps(URLS)[1:-1].encode())))
    except CallerError as exc:
        worker = str(exc)
    assert (response.status_code == 201) == (worker is None), (response.text, worker)


def refusal_of_the_validator(functions: NodeFunctions, values: dict[str, Any]) -> str | None:
    """Return why the API's `checkJob` refuses a job, or None."""
    try:
        functions.call("checkJob", values.get("task", UNDEFINED), values.get("params", UNDEFINED))
    except ApiRefused as exc:
        return f"{exc.status} {exc.code}: {exc}"
    return None


@settings(parent=generated, max_examples=500)
@given(job=odd_jobs() | mutated(JOBS).filter(lambda job: isinstance(job, dict)))
def test_the_validator_and_the_worker_agree(functions: NodeFunctions, job: dict[str, Any]) -> None:
    text = json.dumps({name: job[name] for name in ("task", "params") if name in job})
    try:
        values = read_json(text.encode())
    except CallerError:
        return  # the API reads no such body either: see above
    api = refusal_of_the_validator(functions, values)
    worker = refusal_of_the_worker(values | URLS)
    assert (api is None) == (worker is None), f"API: {api}; worker: {worker}"
    assert api is None or api.startswith("400 bad_request: "), api


@settings(parent=generated, max_examples=500)
@given(job=odd_jobs() | mutated(JOBS).filter(lambda job: isinstance(job, dict)))
def test_the_schema_accepts_whatever_the_worker_accepts(job: dict[str, Any]) -> None:
    """The schema is for others too: jsonschema judges here, without Node."""
    try:
        values = read_json(json.dumps(job | URLS).encode())
    except CallerError:
        return
    worker, schema = refusal_of_the_worker(values), SCHEMA.is_valid(values)
    assert schema or worker is not None, worker
    assert not schema or worker is None or re.search(BEYOND_THE_SCHEMA, worker), worker


SCHEMA = schema_validator(reference.schema())
BEYOND_THE_SCHEMA = (
    "not after start|times that rise|pixels are made|must rise|two of id|outside|but there are|has a cut|"
    "cuts must be|finite numbers|is not https|host|names port|own store"
)
"""What the worker says of rules that JSON Schema cannot state."""


def said(functions: NodeFunctions, task: object, params: object) -> str:
    with pytest.raises(ApiRefused) as refused:
        functions.call("checkJob", task, params)
    assert (refused.value.status, refused.value.code) == (400, "bad_request")
    return str(refused.value)


FOLLOW = {"track": 1}


@pytest.mark.parametrize(
    ("task", "params", "message"),
    [
        (UNDEFINED, {}, "task is missing"),
        ("dance", {}, "task is refused: there are upscale, track, export"),
        ("constructor", {}, "task is refused: there are upscale, track, export"),
        ("upscale", None, "params null is refused: give an object"),
        ("upscale", {"scale": "2"}, 'params.scale "2" is refused: give a number'),
        ("upscale", {"scale": 17}, "params.scale 17 is refused: give 16 or less"),
        ("upscale", {"scal": 2}, "params.scal is not known here: check its spelling, or leave it out"),
        ("upscale", {"a b": 2}, "params.(a name) is not known here: check its spelling, or leave it out"),
        ("upscale", {"tonemap": 1}, "params.tonemap 1 is refused: give true or false"),
        (
            "upscale",
            {"model": "a\n"},
            r'params.model "a\n" is refused: it has a character that no name has; leave it out',
        ),
        ("track", {"classes": []}, "params.classes [] is refused: it must have at least 1 entries"),
        ("track", {"classes": ["a", 5]}, "params.classes.1 5 is refused: give a text"),
        ("track", {"stride": 1.5}, "params.stride 1.5 is refused: give a whole number"),
        ("export", {"crop": 5}, "params.crop 5 is refused: give an object or a list"),
        ("export", {"crop": {"x": 1}}, "params.crop.y is missing"),
        ("export", {"crop": [BOX, BOX]}, "params.crop.0.t is missing"),
        (
            "export",
            {"size": "big"},
            'params.size "big" is refused: give width and height in pixels, at most 16384, as in 1080x1920',
        ),
        (
            "export",
            {"follow": {"track": 1, "aspect": "0:1"}, "tracks": TRACKS},
            'params.follow.aspect "0:1" is refused: give width and height, as in 9:16, 1:1 or 2.39:1',
        ),
        (
            "export",
            {"follow": {"track": "x"}, "tracks": TRACKS},
            'params.follow.track "x" is refused: give a whole number or "main"',
        ),
        (
            "export",
            {"follow": FOLLOW},
            "params is refused: following needs tracks: the result of a track job on the same video",
        ),
        (
            "export",
            {"follow": FOLLOW, "tracks": "https://10.0.0.1/a?X-Amz-Signature=secret"},
            "params.tracks is refused: give an https address with the name of a host, or the document itself",
        ),
        (
            "export",
            {"follow": FOLLOW, "tracks": "https://a b/?X-Amz-Signature=secret"},
            "params.tracks is refused: give an https address, or s3://bucket/key",
        ),
        (
            "export",
            {"start": 2, "end": 1},
            "params.end is 1 s, not after params.start, 2 s: choose a later end",
        ),
    ],
)
def test_a_refusal_names_the_field(functions: NodeFunctions, task: Any, params: Any, message: str) -> None:
    assert said(functions, task, params) == message


@pytest.mark.parametrize("task", USER_TASKS)
def test_the_examples_are_accepted_unchanged(functions: NodeFunctions, task: str) -> None:
    params = USER_TASKS[task].example
    assert functions.call("checkJob", task, params) == {"task": task, "params": params}
    assert functions.call("checkJob", task, UNDEFINED) == {"task": task, "params": {}}


@pytest.mark.parametrize("task", sorted(TASKS.keys() - USER_TASKS.keys()))
def test_the_steps_of_a_film_are_refused_from_users(
    functions: NodeFunctions, quotes: Quotes, task: str
) -> None:
    assert said(functions, task, TASKS[task].example) == "task is refused: there are upscale, track, export"
    job = reference.example(task)
    refusal = quotes.refusal(json.dumps({"task": task, "params": job["params"], "upload_id": quotes.upload}))
    assert refusal is not None
    assert "task" in refusal


def test_the_generated_files_are_made_of_the_schemas(tmp_path: Path) -> None:
    try:
        command = [str(node()), str(PROJECT / "scripts" / "job_validator.ts"), str(tmp_path)]
    except NodeMissing as missing:
        pytest.skip(str(missing))
    subprocess.run(command, check=True, timeout=120)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["components.json", "job_validator.d.ts", "job_validator.js"]
    for name in made:
        generated_file = PROJECT / "api" / "generated" / name
        assert generated_file.read_text() == (tmp_path / name).read_text(), "run `make docs`"


@settings(max_examples=50)
@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_both_sides_compare_times_alike(functions: NodeFunctions, number: float) -> None:
    job = {"task": "export", "params": {"crop": [{**BOX, "t": 0}, {**BOX, "t": number}], "clamp": True}}
    api = refusal_of_the_validator(functions, job)
    assert (api is None) == (refusal_of_the_worker(job | URLS) is None)
