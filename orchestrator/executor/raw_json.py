"""Holds JSON that the worker passes on without parsing it: jobs and results.

Parsing 10 MB takes a second in which no other job is served, because Python's `json` holds the interpreter's
lock. So only the process of the job parses.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import BadRequest


@dataclass(frozen=True)
class RawJson:
    """JSON text. Its `repr` shows the size only: a job contains signed URLs.

    Attributes:
        data: the text in UTF-8, which may not be valid JSON.
        size_bytes: length of the text.
    """

    data: bytes = field(repr=False)
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size_bytes", len(self.data))

    @classmethod
    def of(cls, value: Any) -> RawJson:
        """Encode a value.

        Raises:
            BadRequest: the value is nested too deeply.
        """
        try:
            return cls(json.dumps(value).encode())
        except (ValueError, RecursionError) as exc:
            raise BadRequest("the job cannot be written as JSON; nest it less deeply") from exc


@dataclass(frozen=True, kw_only=True)
class EncodedResult:
    """The result of a job.

    Attributes:
        whole: the complete result.
        short: its most important fields, for a receiver that refuses the complete result; None if a part of
            the result would be useless.
    """

    whole: RawJson
    short: RawJson | None
