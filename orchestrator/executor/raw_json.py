"""JSON that is passed on without being parsed: jobs on their way in, results on their way out.

Parsing 10 MB takes a second in which no other job is heard (Python's `json` holds the interpreter's lock).
The process of the job parses.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RawJson:
    """A value as JSON. It is printed as its size only: a job holds signatures.

    Attributes:
        data: the text; it may prove to be no JSON when it is parsed.
        size_bytes: of it.
    """

    data: bytes = field(repr=False)
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size_bytes", len(self.data))

    @classmethod
    def of(cls, value: Any) -> RawJson:
        """Make it of a value that was parsed already.

        Raises:
            ValueError, RecursionError: it cannot be written as JSON.
        """
        return cls(json.dumps(value).encode())


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The result of a job.

    Attributes:
        whole: all of it.
        short: what matters most of it, for a receiver that does not take all; None where nothing less helps.
    """

    whole: RawJson
    short: RawJson | None
