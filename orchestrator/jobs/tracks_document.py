"""Defines the JSON Schema of the document of tracks that an export can follow; `framing` reads the document.

It is what the track job returns. Members that are not named here are ignored.
"""

from __future__ import annotations

from typing import Any

from orchestrator.jobs.validation import LARGEST_INTEGER

MOST_TRACKS = 100_000
"""A busy street has some 10,000 in a few hours. A track takes about 1 kB in addition to its boxes."""

_FRAME = {
    "type": "integer",
    "minimum": 0,
    "maximum": LARGEST_INTEGER,
    "description": "The index of the frame, from 0; frames of a track rise.",
}
_NUMBER = {"type": "number"}
_SIDE = {"type": "number", "exclusiveMinimum": 0}
_BOX = {
    "type": "object",
    "required": ["frame", "bbox"],
    "properties": {
        "frame": _FRAME,
        "bbox": {
            "description": "Left, top, width and height, in pixels of the picture as displayed.",
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
        "id": {
            "type": "integer",
            "minimum": -LARGEST_INTEGER,
            "maximum": LARGEST_INTEGER,
            "description": "The id of the track, which no other has.",
        },
        "frames": {
            "type": "array",
            "minItems": 1,
            "items": _BOX,
            "description": "The boxes of the track, in order.",
        },
    },
}


def _count(description: str) -> dict[str, Any]:
    count = {"type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER}
    return {"anyOf": [count, {"type": "null"}], "description": description}


TRACKS_DOCUMENT: dict[str, Any] = {
    "required": ["tracks"],
    "properties": {
        "tracks": {
            "type": "array",
            "maxItems": MOST_TRACKS,
            "items": _TRACK,
            "description": "The tracks of the video.",
        },
        "video": {
            "type": "object",
            "description": "The video that was tracked. If it is given, the boxes must lie in it.",
            "properties": {
                "width": _count("The width of the picture as displayed, in pixels."),
                "height": _count("The height of the picture as displayed, in pixels."),
                "frames": _count("The number of frames of the video."),
                "cuts": {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER},
                    "description": "The first frame of every shot but the first, rising.",
                },
            },
        },
    },
}
"""The document, an object."""
