"""Defines the JSON Schema of the document of tracks that an export can follow; `framing` reads the document.

It is what the track job returns. Members that are not named here are ignored.
"""

from __future__ import annotations

from typing import Any

from orchestrator.jobs.validation import LARGEST_INTEGER

MOST_TRACKS = 100_000
"""A busy street has some 10,000 in a few hours. A track takes about 1 kB in addition to its boxes."""

_FRAME = {"type": "integer", "minimum": 0, "maximum": LARGEST_INTEGER}
_NUMBER = {"type": "number"}
_SIDE = {"type": "number", "exclusiveMinimum": 0}
_BOX = {
    "type": "object",
    "required": ["frame", "bbox"],
    "properties": {
        "frame": _FRAME,
        "bbox": {
            "type": "array",
            "prefixItems": [_NUMBER, _NUMBER, _SIDE, _SIDE],
            "items": False,
            "minItems": 4,
        },
    },
}
_TRACK = {
    "type": "object",
    "required": ["id", "frames"],
    "properties": {
        "id": {"type": "integer", "minimum": -LARGEST_INTEGER, "maximum": LARGEST_INTEGER},
        "frames": {"type": "array", "minItems": 1, "items": _BOX},
    },
}
_COUNT = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER}, {"type": "null"}]}

TRACKS_DOCUMENT: dict[str, Any] = {
    "required": ["tracks"],
    "properties": {
        "tracks": {"type": "array", "maxItems": MOST_TRACKS, "items": _TRACK},
        "video": {
            "type": "object",
            "properties": {
                "width": _COUNT,
                "height": _COUNT,
                "frames": _COUNT,
                "cuts": {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER},
                },
            },
        },
    },
}
"""The document, an object."""
