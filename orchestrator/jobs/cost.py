"""What a finished job cost."""

from __future__ import annotations

from orchestrator.jobs.validation import Strict


class Cost(Strict):
    """What the seconds of a job came to, as if it had had the machine to itself.

    Attributes:
        gpu: what it ran on, as the table of prices names it; `2 x A40` for two of them.
        seconds: that the job took: its `wall_sec`.
        dollars: seconds times the price of all GPUs of the machine, in US dollars.
        price_source: where the price came from.
    """

    gpu: str
    seconds: float
    dollars: float
    price_source: str
