"""Parses aspect ratios such as 16:9."""

from __future__ import annotations

import re
from fractions import Fraction

from orchestrator.errors import BadRequest
from orchestrator.jobs.crop import ASPECT


def parse_aspect(text: str) -> Fraction:
    """Return width : height of a text such as `9:16`, `4:5`, `2.39:1`, `16/9` or `1080x1920`.

    Raises:
        BadRequest: the text is not two numbers over 0.
    """
    found = re.fullmatch(ASPECT, text.strip())
    if found:
        across, down = (Fraction(number) for number in found.groups())
        if across and down:
            return across / down
    raise BadRequest(f"aspect {text[:40]!r} is refused: give width and height, as in 9:16, 1:1 or 2.39:1")
