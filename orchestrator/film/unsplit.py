"""Says that a video is not split into segments."""

from __future__ import annotations


class Unsplit(Exception):
    """The video cannot or need not be split, and is processed as one ordinary job.

    Attributes:
        reason: says why, in a sentence for the user.
    """

    def __init__(self, why: str) -> None:
        self.reason = f"{why}: it is processed as one job"
        super().__init__(self.reason)
