"""Defines the cost of a finished job."""

from __future__ import annotations

from orchestrator.jobs.validation import Strict


class JobCost(Strict):
    """What a job cost, as if no other job had run on the machine."""

    gpu: str
    """The GPU, as the price table names it; `2 x A40` for two of them."""
    seconds: float
    """How long the job took: its `wall_sec`."""
    dollars: float
    """Seconds times the price of all GPUs of the machine, in US dollars."""
    price_source: str
    """Where the price came from."""
