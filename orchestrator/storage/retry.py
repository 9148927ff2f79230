"""What may go well later, and when the server wants to be asked again."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class TryAgain(Exception):
    """This try failed, another may not.

    Attributes:
        wait_s: what the server asked to wait, in seconds, if it did.
    """

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class AnswerLost(TryAgain):
    """All of a request with a body was sent, and no answer came: it may have been done all the same."""


def retry_after_s(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks to wait: a number or a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
        return max(0.0, (when.astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
