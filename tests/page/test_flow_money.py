"""Tests that the page writes amounts as decimal arithmetic does, against Python's Decimal."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.node_functions import NodeFunctions, node_functions

MODES = {"nearest": ROUND_HALF_UP, "up": ROUND_CEILING, "down": ROUND_FLOOR}
AMOUNTS = st.one_of(st.integers(-20_000, 20_000), st.integers(-(10**14), 10**14))
"""Micro-dollars: small ones, and up to a hundred million dollars."""


@pytest.fixture(scope="module")
def money() -> Iterator[NodeFunctions]:
    with node_functions("page/src/text/money.ts") as functions:
        yield functions


def value_of(text: str) -> Decimal:
    assert text.endswith(" $")
    return Decimal(text.removesuffix(" $").replace("−", "-"))


def rounded(micro: int, mode: str) -> Decimal:
    """Return dollars rounded to cents, or to two significant digits below a cent."""
    amount = Decimal(micro) / 1_000_000
    places = 2 if abs(micro) >= 10_000 else min(6, 1 - amount.adjusted()) if micro else 2
    return amount.quantize(Decimal(1).scaleb(-places), rounding=MODES[mode])


@given(micro=AMOUNTS, mode=st.sampled_from(sorted(MODES)))
def test_an_amount_is_rounded_as_decimals_are(money: NodeFunctions, micro: int, mode: str) -> None:
    text = money.call("dollars", micro, mode)
    assert value_of(text) == rounded(micro, mode)
    assert (value_of(text) == 0) == (micro == 0), "an amount that is not zero is never shown as zero"
    assert len(text.removesuffix(" $").partition(".")[2]) >= 2


@given(micro=AMOUNTS)
def test_an_exact_amount_loses_nothing(money: NodeFunctions, micro: int) -> None:
    text = money.call("exactDollars", micro)
    assert value_of(text) * 1_000_000 == micro
    assert 2 <= len(text.removesuffix(" $").partition(".")[2]) <= 6


@given(balance=st.integers(0, 10**9), missing=st.integers(1, 10**9))
def test_a_balance_that_is_too_small_also_looks_so(money: NodeFunctions, balance: int, missing: int) -> None:
    has, needs = money.call("dollars", balance, "down"), money.call("dollars", balance + missing, "up")
    assert value_of(has) < value_of(needs)
