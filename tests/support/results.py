"""Checks the results that a worker sends for a job."""

from __future__ import annotations

import io
import re
from typing import Any

import av
import numpy as np

from tools.fixtures import clips


def frames(video: bytes) -> list[int]:
    """Decode a video and read the number that each picture carries."""
    with av.open(io.BytesIO(video), "r") as container:
        decoded = container.decode(container.streams.video[0])
        return [clips.number_of(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)) for frame in decoded]


def assert_failed(
    result: dict[str, Any], code: str, *words: str, retryable: bool = False, **details: int
) -> None:
    """Check that a failure has its code and details, one line of text with these words, and no internals."""
    assert set(result) == {"error", "output"}, result
    assert result["output"] == {"status": "failed", "code": code, "retryable": retryable} | details, result
    assert result["error"].startswith(f"{code}: ")
    for word in words:
        assert word in result["error"]
    assert_discreet(result["error"])


def assert_discreet(text: str) -> None:
    assert "\n" not in text
    assert "Traceback" not in text
    assert "X-Amz" not in text.replace("X-Amz-Signature=...", "")
    assert not re.search(r"(?<![\w:/])/(tmp|work|root|home|usr|opt|dev|proc)\b", text), text
