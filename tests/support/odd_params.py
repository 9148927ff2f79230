"""Makes jobs whose params are wrong in subtle ways: at a bound, of another type, or in conflict."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from tests.support.mutated_jobs import places, right_jobs

URLS = {"input_url": "https://media.example.com/in.mp4", "output_url": "https://media.example.com/out.mp4"}
"""Addresses that the worker accepts."""

TRACKS: dict[str, Any] = {
    "status": "completed",
    "video": {"width": 320, "height": 180, "frames": 144, "fps": "24/1", "cuts": [10, 20]},
    "tracks": [
        {
            "id": 1,
            "class_name": "person",
            "frames": [
                {"frame": 0, "bbox": [12.5, 40, 30, 71.5], "confidence": 0.9},
                {"frame": 3, "bbox": [0, 0, 1, 1]},
            ],
        },
        {"id": 2, "frames": [{"frame": 143, "bbox": [-1, -1, 322, 182]}]},
    ],
}
BOX = {"x": 0, "y": 0, "w": 32, "h": 32}
JOBS: list[dict[str, Any]] = [
    *right_jobs(**URLS),
    {"task": "export", "params": {"follow": {"track": 1, "aspect": "9:16"}, "tracks": TRACKS}},
    {
        "task": "export",
        "params": {
            "follow": {"track": 1, "aspect": " 2.39/1"},
            "tracks": "https://a.example.com:8443/t.json?x=1#y",
            "size": "640x480",
            "reuse_tolerance": 3,
            "upscale_model": "m",
        },
    },
    {"task": "upscale", "params": {"model": None, "scale": 4.0, "tonemap": True, "reuse_tolerance": 2}},
    {
        "task": "export",
        "params": {
            "crop": BOX,
            "upscale": True,
            "size": "100x200",
            "start": 0.5,
            "end": 1.5,
            "reuse_tolerance": 16,
        },
    },
]
NUMBERS: list[Any] = [
    *(0, 1, -1, 2, 2.0, 1.5, 0.999999, 1.0000001, 16, 17, 30, 31, 64, 65, 4096, 4097, 16_384, 16_385),
    *(1e308, 1.7e308, 2**53, 2**53 - 1, -(2**53), 2**63, 10**308, 10**309, 1e-320, -0.0, 1e8, 1e8 + 1),
]
TEXTS: list[Any] = [
    *("", "1", "true", "main", "high", "mp4", "a\n", "\x7f", "\u2028", "\ud83d", "x" * 200, "x" * 201),
    *("\N{GRINNING FACE}" * 200, "\N{GRINNING FACE}" * 201, "__proto__"),
    *("640x480\n", "16384x1", "16385x1", "8192x4320", "8193x4320", "16384x16384", "01x1", "1x0"),
    *("9:16\n", " 9:16 ", "\t9:16", "0:1", "1:0.0", "00:1", "100000:1", "1.2345:1", "\u0661:1", "1:.5"),
]
ADDRESSES: list[Any] = [
    *("https://x.1/", "https://a_b/", "HTTPS://EXAMPLE.com", "https://a.com:0/", "https://a.com:65536/"),
    *("https://-a.com", "https://a..b", "https://a.com.", "https://user@a.com/", "https://a.com\\b"),
    *("https://\u00e9.com", "http://a.com/", "s3://bucket/key", "https://a.com/\x7f", "https://a.com?x"),
    *("https://a.com#\u00e9", f"https://{'a' * 63}.com", f"https://{'a' * 64}.com", "https://0x/"),
    *("https://0xz", "https://127.0.0.1/", "https://[::1]/", "https://a.com/%zz", "https://a.com:/"),
    *(f"https://{'.'.join(['a' * 60] * 5)}", f"https://a/{'b' * 8182}", f"https://a/{'b' * 8183}"),
]
VALUES = st.sampled_from([*NUMBERS, *TEXTS, *ADDRESSES, None, True, False, [], {}, [[]]]).map(copy.deepcopy)
FIELDS = st.sampled_from(
    [
        *(
            "crop",
            "follow",
            "tracks",
            "upscale",
            "upscale_model",
            "size",
            "format",
            "quality",
            "start",
            "end",
        ),
        *("model", "scale", "tonemap", "reuse_tolerance", "clamp", "constructor", "toString"),
    ]
)


@st.composite
def odd_jobs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a job with one to three changes in its params."""
    job: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(JOBS)))
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(job.get("params"))) or [(job, "params")]
        holder, key = draw(st.sampled_from(found))
        value: Any = holder.get(key) if isinstance(holder, dict) else holder[key]
        match draw(st.sampled_from(["replace", "replace", "remove", "repeat", "shift", "set"])):
            case "remove":
                holder.pop(key, None) if isinstance(holder, dict) else holder.pop(key)
            case "repeat" if isinstance(holder, list):
                holder.append(copy.deepcopy(value))
            case "shift" if type(value) in {int, float} and abs(value) < 1e300:
                holder[key] = value * draw(st.sampled_from([-1, 0.5, 2, 1.0, 100]))
                holder[key] += draw(st.sampled_from([0, 1, -1, 1e-6, 1e-7]))
            case "set" if isinstance(job.get("params"), dict):
                job["params"][draw(FIELDS)] = draw(VALUES)
            case _:
                holder[key] = draw(VALUES)
    return job
