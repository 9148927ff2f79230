"""Makes text that can be encoded as UTF-8, and JSON that every parser accepts.

File names and tags are bytes. Where these are not UTF-8, Python holds them as lone surrogates, which cannot
be encoded; a job's JSON may contain lone surrogates too. NaN and Infinity are not JSON.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def safe_text(text: str) -> str:
    r"""Return the text with lone surrogates escaped: as `\xff` for an undecoded byte, else as `\ud800`."""
    return _LONE_SURROGATE.sub(_escaped, text)


def safe_value(value: Any) -> Any:
    """Return a JSON value with its strings made safe, and None in place of numbers that are not finite."""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {safe_text(str(name)): safe_value(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [safe_value(member) for member in value]
    return value


def json_text(value: Any) -> str:
    """Return a value as JSON on one line that can be encoded as UTF-8."""
    return json.dumps(safe_value(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    # PEP 383: bytes 80 to ff that cannot be decoded become U+DC80 to U+DCFF.
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
