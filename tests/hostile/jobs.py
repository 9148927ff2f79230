"""Sends invalid jobs to a real worker through the real SDK, as JSON and as raw bytes.

Half of them are valid jobs changed in a few places; half are the JSON of valid jobs with changed bytes,
nested brackets, or far too long numbers and strings. They come in batches beside valid jobs. An invalid job
fails if it gets no result, or a result with a code that does not blame the caller, a traceback or a secret; a
valid one, if it is not completed.
"""

from __future__ import annotations

import json
import logging
import random
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from tests.hostile.tally import Tally
from tests.support.mutated_jobs import mutated, right_jobs
from tools.fixtures import clips, upscalers
from tools.stand_ins import s3_door
from tools.stand_ins.runpod_server import RunPodServer
from tools.stand_ins.worker_process import working

BLAMES_THE_CALLER = {
    "bad_request",
    "address_refused",
    "input_not_found",
    "limit_exceeded",
    "input_forbidden",
    "output_forbidden",
}
GOOD_EVERY = 25
"""One job in this many is valid."""

ANSWERED_S = 300


def attack(count: int, seed: int) -> Tally:
    """Submit `count` invalid jobs, with valid ones among them."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the S3 server's, which names every request
    tally = Tally("jobs")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        for made in ("jobs", "models"):
            (folder / made).mkdir()
        upscalers.write_nearest_x4(folder / "models")
        bucket = stack.enter_context(s3_door.serving())
        runpod = stack.enter_context(RunPodServer().running())
        worker = stack.enter_context(
            working(
                folder / "jobs",
                MODEL_REPOSITORY=folder / "models",
                FRAMEWRIGHT_UPSCALE_MODEL="nearest-x4",
                FRAMEWRIGHT_CONCURRENCY=8,
                **runpod.environment,
            )
        )
        clip = bucket.put("clip.mp4", clips.make_clip(folder / "clip.mp4", 3))
        base = right_jobs(bucket.get_url("nothing.mp4"), bucket.put_url("never.mp4"))
        inputs = [json.dumps(job).encode() for job in _changed(base, count - count // 2, seed)]
        inputs += _damaged(base, count // 2, random.Random(seed))
        offered: dict[str, bool] = {}
        for number, text in enumerate(inputs):
            if number % GOOD_EVERY == 0:
                key = f"good-{number}"
                job = {"task": "upscale", "input_url": clip, "output_url": bucket.put_url(f"{key}.mp4")}
                runpod.submit_raw(json.dumps({"id": key, "input": job}).encode())
                offered[key] = True
            runpod.submit_raw(b'{"id": "odd-%d", "input": %s}' % (number, text))
            offered[f"odd-{number}"] = False
        for job_id, is_good in offered.items():
            outcome, failure = _outcome(runpod, job_id, bucket.signatures, is_good=is_good)
            tally.add(outcome, failure and f"{job_id} of seed {seed}: {failure}")
        log = worker.log
        if (begin := log.find("Traceback")) >= 0:
            tally.failures.append(f"the worker's log has a traceback: {log[begin : begin + 3000]}")
    return tally


def _outcome(
    runpod: RunPodServer, job_id: str, secrets: set[str], *, is_good: bool
) -> tuple[str, str | None]:
    """Return the outcome of a job, and what is wrong with it or None."""
    try:
        answer = runpod.result(job_id, ANSWERED_S)
    except AssertionError:
        return "not answered", "it was not answered"
    text = json.dumps(answer)
    if any(secret in text for secret in secrets) or "Traceback" in text:
        return "leaked", text
    if is_good:
        done = answer.get("output", {}).get("status") == "completed"
        return ("completed", None) if done else ("a good job failed", text)
    code = answer.get("output", {}).get("code", "no code")
    return code, None if code in BLAMES_THE_CALLER else text


def _changed(base: list[dict[str, Any]], count: int, seed: int) -> list[Any]:
    """Return jobs with changes in places that the schema describes."""
    jobs: list[Any] = []

    @seeded(seed)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(job=mutated(base))
    def collect(job: Any) -> None:
        jobs.append(job)

    collect()
    return jobs[:count]


def _damaged(base: list[dict[str, Any]], count: int, rng: random.Random) -> list[bytes]:
    """Return the JSON of jobs with damage that does not spread to the batch around them."""
    return [rng.choice(_DAMAGES)(json.dumps(rng.choice(base)).encode(), rng) for _ in range(count)]


def _bytes_changed(text: bytes, rng: random.Random) -> bytes:
    """Change bytes inside strings only, as a bracket or a quote would end the job elsewhere."""
    changed = bytearray(text)
    places = [place for place, byte in enumerate(text) if chr(byte).isalnum()]
    for place in rng.sample(places, 8):
        changed[place] = rng.choice([0, 1, 0x7F, 0xFF, 0xC0, 0xED, *range(0x30, 0x3A)])
    return bytes(changed)


def _nested(text: bytes, rng: random.Random) -> bytes:
    depth = rng.choice([50, 900, 1_000, 5_000, 100_000])
    begin, end = rng.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return text.replace(b'"params": ', b'"more": ' + begin * depth + b"1" + end * depth + b', "params": ', 1)


def _many_digits(text: bytes, rng: random.Random) -> bytes:
    digits = b"9" * rng.choice([400, 4_300, 4_301, 5_000, 100_000])
    return text.replace(b'"params": {', b'"params": {"scale": ' + rng.choice([b"", b"-"]) + digits + b", ", 1)


def _long_string(text: bytes, rng: random.Random) -> bytes:
    size = rng.choice([10_000, 1_000_000])
    return text.replace(
        b'"task": "', b'"task": "' + rng.choice([b"a", b"\\ud800", b"\\u0000"]) * (size // 8), 1
    )


def _surrogates(text: bytes, rng: random.Random) -> bytes:
    odd = rng.choice([b"\\ud800", b"\\udfff\\ud800", b"\xed\xa0\x80", b"\\u0000"])
    place = rng.choice([b"upscale", b"track", b"export", b"nothing.mp4", b"never.mp4", b"low"])
    return text.replace(place, odd + place)


def _cut(text: bytes, rng: random.Random) -> bytes:
    """Cut a job, and close what is open, so that only the job itself is wrong."""
    return b'{"task": "' + text[10 : rng.randrange(11, 18)].replace(b'"', b"") + b'"}'


def _no_json(_: bytes, rng: random.Random) -> bytes:
    return rng.choice(
        [b"NaN", b"nonsense", b"{]", b"[1 2]", b"1e999999", b"-", b"'a'", b"{'a': 1}", b"\xff", b""]
    )


_DAMAGES: list[Callable[[bytes, random.Random], bytes]] = [
    _bytes_changed,
    _nested,
    _many_digits,
    _long_string,
    _surrogates,
    _cut,
    _no_json,
]
