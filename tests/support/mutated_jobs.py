"""Makes jobs that are almost valid: a valid job of each task, changed in a few places of its schema."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

TEXTS = st.one_of(
    st.text(st.characters(), max_size=20),  # lone surrogates too
    st.sampled_from(
        ["", "0", "null", "main", "9:16", "1080x1920", "../../etc/passwd", "x" * 10_000, "\x00", "{}"]
    ),
    st.sampled_from(
        [
            "http://",
            "https://[::1]/a",
            "https://a b/",
            "file:///etc/passwd",
            "s3://bucket/key",
            "https://x?" + "a" * 9000,
        ]
    ),
)
NUMBERS = st.one_of(
    st.integers(-3, 70),
    st.sampled_from([0.5, -0.0, 1e-300, 1e300, 10**400, 2**63, float("inf"), float("-inf"), float("nan")]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


def right_jobs(input_url: str, output_url: str) -> list[dict[str, Any]]:
    """Return a job of each task, with all their parameters."""
    where = {"input_url": input_url, "output_url": output_url}
    keyframes = [{"x": 0, "y": 0, "w": 32, "h": 32, "t": t} for t in (0, 0.5)]
    return [
        {"task": "upscale", **where, "params": {"model": "nearest-x4", "scale": 2, "quality": "low"}},
        {
            "task": "track",
            **where,
            "params": {
                "model": "yolov8",
                "classes": ["red"],
                "confidence": 0.5,
                "tracker": "botsort",
                "stride": 2,
                "fill_gaps_sec": 1,
                "side": 64,
                "batch": 2,
            },
        },
        {
            "task": "export",
            **where,
            "params": {
                "crop": keyframes,
                "clamp": True,
                "upscale": False,
                "size": {"w": 64, "h": 64},
                "format": "mp4",
                "quality": "low",
                "start": 0,
                "end": 0.5,
            },
        },
        {
            "task": "export",
            **where,
            "params": {"follow": {"track": "main", "aspect": "1:1", "zoom": 1.5}, "tracks": {"tracks": []}},
        },
    ]


@st.composite
def mutated(draw: st.DrawFn, jobs: list[dict[str, Any]]) -> Any:
    """Draw a job that was changed in one to three places, or a value that is not a job."""
    if draw(st.integers(0, 19)) == 0:
        return draw(VALUES)
    job = copy.deepcopy(draw(st.sampled_from(jobs)))
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(job))
        if not found:
            break
        holder, key = draw(st.sampled_from(found))
        match draw(st.sampled_from(["replace", "replace", "remove", "add", "wrap"])):
            case "replace":
                holder[key] = draw(VALUES)
            case "remove":
                del holder[key]
            case "add" if isinstance(holder, dict):
                holder[draw(TEXTS)] = draw(VALUES)
            case _:
                holder[key] = [holder[key]]
    return job


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each object or list inside a value, with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])
