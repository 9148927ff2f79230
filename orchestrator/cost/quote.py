"""Computes what the API quotes for a job, in the same way as deploy/cloudflare/api/quote.ts.

tests/cost/quote_vectors.json holds both to the same numbers. Operations on floating-point numbers therefore
have the same order in both.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, Decimal

from orchestrator.cost.estimate import Workload, find_speed, speed_task, work_seconds
from orchestrator.cost.price_table import FallbackSpeed, Price, PriceTable, QuoteRules, Speed
from orchestrator.errors import BadRequest, LimitExceeded
from orchestrator.jobs import Strict

MICRO = 1_000_000
"""Micro-dollars in a dollar."""


class Quote(Strict):
    """What the API quotes for a job. Money is in micro-dollars."""

    price_per_s: int
    """The price of a second."""
    expected_s: int
    """How long the run is expected to take, in seconds, with its download and without a cold start."""
    expected: int
    """What the job is expected to cost: `expected_s` times `price_per_s`."""
    execution_timeout_s: int
    """When RunPod ends the run, in seconds after its start."""
    hold: int
    """The most that the job can cost: `execution_timeout_s` times `price_per_s`."""
    ready_in_s: int
    """When the result is expected, in seconds, if no worker runs yet and no job waits."""
    speed: Speed | FallbackSpeed
    """The row that `expected_s` came from."""
    price: Price
    """The row that `price_per_s` came from; the highest price of the table if that of the GPU is unknown."""


def quote(
    table: PriceTable, work: Workload, gpu: str, *, input_bytes: int = 0, enlargement: float = 1.0
) -> Quote:
    """Quote a job.

    Args:
        table: the prices, speeds and rules.
        work: the amount of work in the job.
        gpu: the name of a GPU, or `cpu`; one that the table does not have gets the fallbacks.
        input_bytes: the size of the input file.
        enlargement: how many times as much work a frame is as its size tells, at least 1: the output is
            larger than the model's own, or the detector sees larger pictures than its own.

    Raises:
        BadRequest: the table has no rules for quotes, no prices, or no fallback speed for the task.
        LimitExceeded: the job would take longer than a run may take.
    """
    rules = table.quotes
    if rules is None or not table.prices:
        raise BadRequest("the table of costs has no [quotes] or no prices: add them to quote a job")
    gpu = table.known_gpu(gpu) or gpu
    speed, relations = find_speed(table, work, gpu)
    basis = speed or rules.fallback_speed(speed_task(work), gpu)
    price = table.price(gpu) or max(table.prices, key=lambda row: row.dollars_per_s)
    frames_s = work_seconds(work, basis, relations) * enlargement
    download_s = input_bytes / rules.download_bytes_per_s.value
    expected_s = math.ceil(rules.overhead_s.value + download_s + frames_s)
    if expected_s > rules.max_timeout_s.value:
        raise LimitExceeded(
            f"the job would take about {expected_s} s, and at most {rules.max_timeout_s.value:g} s are "
            "allowed: send a shorter or smaller part"
        )
    price_per_s = micro_dollars_per_s(price, rules)
    execution_timeout_s = _timeout_s(rules, expected_s)
    return Quote(
        price_per_s=price_per_s,
        expected_s=expected_s,
        expected=expected_s * price_per_s,
        execution_timeout_s=execution_timeout_s,
        hold=execution_timeout_s * price_per_s,
        ready_in_s=expected_s + math.ceil(rules.cold_start_s.value),
        speed=basis,
        price=price,
    )


def micro_dollars_per_s(price: Price, rules: QuoteRules) -> int:
    """Return what users pay for a second, in whole micro-dollars, rounded up.

    Both numbers are taken as the decimals that the table states, so that no binary rounding adds a
    micro-dollar: 0.00025 x 1.3 is 325, never 326.
    """
    dollars = Decimal(repr(price.dollars_per_s)) * Decimal(repr(rules.price_margin.value))
    return int((dollars * MICRO).to_integral_value(ROUND_CEILING))


def _timeout_s(rules: QuoteRules, expected_s: int) -> int:
    wanted_s = math.ceil(expected_s * rules.timeout_factor.value)
    return math.floor(min(max(wanted_s, rules.min_timeout_s.value), rules.max_timeout_s.value))
