"""Tests quotes: Python and TypeScript against recorded numbers, each other, and closed forms in decimals."""

from __future__ import annotations

import itertools
import json
import math
import tomllib
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.cost.estimate import Workload
from orchestrator.cost.price_table import PriceTable, QuoteRules, read_table
from orchestrator.cost.quote import micro_dollars_per_s, quote
from orchestrator.errors import BadRequest, LimitExceeded
from orchestrator.jobs import parse
from orchestrator.jobs.task_table import USER_TASKS
from orchestrator.settings import Settings
from tests.cost.quote_vectors import AMOUNTS, GPUS, MODELS, VECTORS, cases, quoted
from tests.support.mutated_jobs import VALUES
from tests.support.node_functions import UNDEFINED, ApiRefused, NodeFunctions
from tools import api_tables

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "deploy" / "cloudflare" / "api" / "generated"
TABLE = read_table(Settings().cost_table)
DECIMALS = tomllib.loads(Settings().cost_table.read_text(), parse_float=Decimal)
"""The table, read without binary rounding."""

RECORDED = json.loads(VECTORS.read_text())
HD = {"width": 1280, "height": 720}
AMOUNTS_OF_JOB = st.fixed_dictionaries(
    {
        "price_per_s": st.integers(1, 10_000),
        "expected": st.integers(0, 10**9),
        "hold": st.integers(0, 604_800 * 10_000),
    }
)


def rules() -> QuoteRules:
    assert TABLE.quotes is not None
    return TABLE.quotes


def in_micro_dollars(dollars_per_s: Decimal) -> int:
    margin = Decimal(DECIMALS["quotes"]["price_margin"]["value"])
    return int((dollars_per_s * margin * 1_000_000).to_integral_value(ROUND_CEILING))


def quoted_by_api(api: NodeFunctions, case: dict[str, Any]) -> dict[str, Any]:
    """Return what TypeScript quotes for a case, in the form of `quoted`."""
    work = {**case["work"], "enlargement": case["enlargement"]}
    try:
        found = api.call("figuresFor", case["gpu"], work, case["input_bytes"])
    except ApiRefused as refused:
        return {"refused": refused.code}
    return {
        **{name: found["amounts"][name] for name in AMOUNTS},
        "is_speed_known": "known" in found,
        "is_price_known": found["isPriceKnown"],
    }


def test_the_recorded_workloads_cover_every_rule() -> None:
    assert [{name: case[name] for name in case if name != "quote"} for case in RECORDED] == cases()
    found = [case["quote"] for case in RECORDED]
    assert any("refused" in one for one in found)
    made = [one for one in found if "refused" not in one]
    timeouts = {one["execution_timeout_s"] for one in made}
    assert {rules().min_timeout_s.value, rules().max_timeout_s.value} < timeouts
    assert {(one["is_speed_known"], one["is_price_known"]) for one in made} == {
        (True, True), (True, False), (False, True), (False, False),
    }  # fmt: skip


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['gpu']}-{case['work']['model']}")
def test_python_quotes_what_is_recorded(case: dict[str, Any]) -> None:
    assert quoted(TABLE, case) == case["quote"]


def test_typescript_quotes_what_is_recorded(api: NodeFunctions) -> None:
    for case in RECORDED:
        assert quoted_by_api(api, case) == case["quote"], case


@given(
    task_and_model=st.sampled_from([(task, model) for task, models in MODELS.items() for model in models]),
    gpu=st.sampled_from([*GPUS, "rtx_3090", "Abacus"]),
    frames=st.integers(1, 432_000),
    width=st.integers(1, 8192),
    height=st.integers(1, 4320),
    input_bytes=st.integers(1, 10 * 2**30),
    enlargement=st.floats(1, 600),
)
def test_both_languages_quote_the_same(
    api: NodeFunctions,
    task_and_model: tuple[str, str],
    gpu: str,
    frames: int,
    width: int,
    height: int,
    input_bytes: int,
    enlargement: float,
) -> None:
    task, model = task_and_model
    case = {
        "gpu": gpu,
        "work": {"task": task, "model": model, "frames": frames, "width": width, "height": height},
        "input_bytes": input_bytes,
        "enlargement": enlargement,
    }
    found = quoted(TABLE, case)
    assert quoted_by_api(api, case) == found
    if "refused" in found:
        return
    price, longest_s, expected_s = found["price_per_s"], found["execution_timeout_s"], found["expected_s"]
    assert found["hold"] == longest_s * price
    assert found["expected"] == expected_s * price <= found["hold"]
    assert 5 <= rules().min_timeout_s.value <= longest_s <= 7 * 86_400  # what RunPod accepts
    assert longest_s >= min(3 * expected_s, 7 * 86_400)


@pytest.mark.parametrize(
    ("gpu", "task", "model", "frames", "frames_s"),
    [
        # Each time in seconds from the rows of the table that a person would choose.
        ("A40", "upscale", "RealESRGAN_x4plus", 300, Decimal(300) / Decimal("1.5") * Decimal("1.345")),
        ("RTX 4090", "upscale", "realesr-animevideov3", 7, Decimal(7) / 56),
        (
            "RTX 4090",
            "upscale",
            "realesr-general-x4v3",
            100_000,
            Decimal(100_000) / 56 * Decimal("1.953"),
        ),
        ("A40", "export", "RealESRGAN_x4plus_anime_6B", 999, 999 / Decimal("4.8") * Decimal("1.345")),
        ("cpu", "track", "yolov8n", 1000, 1000 / Decimal("10.8")),
        ("H100", "upscale", "mine", 20, 20 / Decimal("0.1") * 1280 * 720 / (1920 * 1080)),
        ("A40", "track", "mine", 1500, Decimal(1500) / 15),
        ("A40", "export", "", 1500, Decimal(1500) / 10 * 1280 * 720 / (1920 * 1080)),
    ],
)
def test_a_quote_is_what_a_person_computes_with_decimals(
    api: NodeFunctions, gpu: str, task: str, model: str, frames: int, frames_s: Decimal
) -> None:
    case = {
        "gpu": gpu,
        "work": {"task": task, "model": model, "frames": frames, **HD},
        "input_bytes": 60_000_000,
        "enlargement": 1.0,
    }
    seconds = 10 + Decimal(60_000_000) / 25_000_000 + frames_s
    expected_s = int(seconds.to_integral_value(ROUND_CEILING))
    price = {"A40": 325, "RTX 4090": 572}.get(gpu, 572)  # 0.00025 x 1.3, 0.00044 x 1.3; the highest
    longest_s = max(300, 3 * expected_s)
    for found in (quoted(TABLE, case), quoted_by_api(api, case)):
        assert [found[name] for name in AMOUNTS] == [
            price, expected_s, expected_s * price, longest_s, longest_s * price, expected_s + 60,
        ]  # fmt: skip


def test_the_price_of_a_second_is_rounded_up_from_decimals() -> None:
    generated = json.loads((GENERATED / "price_table.json").read_text())
    stated = {row["gpu"]: Decimal(row["dollars_per_s"]) for row in DECIMALS["prices"]}
    assert {row["gpu"]: row["price_per_s"] for row in generated["prices"]} == {
        gpu: in_micro_dollars(dollars) for gpu, dollars in stated.items()
    }
    assert in_micro_dollars(stated["A40"]) == 325
    assert micro_dollars_per_s(TABLE.prices[2], rules()) == in_micro_dollars(stated["A40"]) == 325
    assert math.ceil(0.00025 * 1.3 * 1e6) == 326  # what binary numbers would make of it


@example(amounts={"price_per_s": 1, "expected": 0, "hold": 0}, time=10**400)
@given(
    amounts=AMOUNTS_OF_JOB,
    time=st.one_of(VALUES, st.floats(), st.integers(0, 10**9), st.floats(0, 1e7), st.just(UNDEFINED)),
)
def test_whatever_runpod_says_a_charge_is_between_zero_and_the_hold(
    api: NodeFunctions, amounts: dict[str, int], time: Any
) -> None:
    charge = api.call("chargeFor", amounts, time)
    assert isinstance(charge, int)
    assert 0 <= charge <= amounts["hold"]
    is_time = isinstance(time, (int, float)) and not isinstance(time, bool) and time >= 0
    if not is_time:
        assert charge == min(amounts["expected"], amounts["hold"])
    elif time > 1e300:
        assert charge == amounts["hold"]
    else:
        ran = math.ceil(Fraction(math.ceil(time) * amounts["price_per_s"], 1000))
        assert charge == min(amounts["hold"], ran)


def test_a_run_of_the_longest_time_costs_the_whole_hold(api: NodeFunctions) -> None:
    job = {"task": "upscale", "params": {}, "source": {**HD, "frames": 100}, "bytes": 1}
    found = api.call("termsFor", {"GPU": "A40"}, job)
    longest_ms = found["execution_timeout_s"] * 1000
    assert api.call("chargeFor", found, longest_ms) == found["hold"]
    assert api.call("chargeFor", found, longest_ms - 4) == found["hold"] - 1
    assert api.call("chargeFor", found, longest_ms + 60_000) == found["hold"]
    assert api.call("chargeFor", found, 1) == 1
    assert api.call("chargeFor", found, 0) == 0
    assert api.call("chargeFor", found, UNDEFINED) == found["expected"]


def test_the_tables_of_the_api_are_those_that_make_docs_makes(tmp_path: Path) -> None:
    api_tables.write(tmp_path)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {"error_codes.json", "models.json", "price_table.json", "worker_defaults.json"} == set(made)
    assert {name: (GENERATED / name).read_text() for name in made} == made, "run `make docs`"


def test_a_table_for_estimates_alone_quotes_nothing() -> None:
    with pytest.raises(BadRequest, match="quotes"):
        quote(PriceTable(), parse(Workload, {"task": "track", "model": "m", "frames": 1, **HD}), "cpu")


def test_a_job_of_more_than_a_week_is_refused() -> None:
    work = parse(
        Workload, {"task": "upscale", "model": "mine", "frames": 432_000, "width": 8000, "height": 4000}
    )
    with pytest.raises(LimitExceeded, match="604800"):
        quote(TABLE, work, "A40")


def test_every_task_has_a_fallback_speed_with_and_without_a_gpu() -> None:
    found = [(row.task, row.on_cpu) for row in rules().fallback_speeds]
    assert sorted(found) == sorted(itertools.product(USER_TASKS, (False, True)))
    none = TABLE.model_copy(update={"quotes": rules().model_copy(update={"fallback_speeds": ()})})
    work = parse(Workload, {"task": "track", "model": "m", "frames": 1, **HD})
    with pytest.raises(BadRequest, match="no fallback speed for track on L40S"):
        quote(none, work, "L40S")


def test_fallback_speeds_are_no_faster_than_what_is_known() -> None:
    """A fallback is on the safe side: no model of the table is slower on a machine of its kind."""
    for row in TABLE.speeds:
        fallback = rules().fallback_speed(row.task, row.gpu)
        pixels = row.width * row.height / (fallback.width * fallback.height) if row.task != "track" else 1
        assert fallback.fps <= row.fps * pixels, row
