"""Tests that the numbers of docs/billing.md are those that the API computes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from orchestrator.cost.price_table import read_table
from orchestrator.settings import Settings
from tests.support.node_functions import NodeFunctions

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "billing.md").read_text()
RULES, _, EXAMPLE = PAGE.partition("## An example")


def example_values() -> dict[str, int]:
    """Return the right-hand sides of the example's lines, by the name of the line."""
    return {
        name.strip(): int(value)
        for name, value in re.findall(r"^    (\w[\w ]*?) {2,}.* = (\d+)", EXAMPLE, re.MULTILINE)
    }


def test_the_figures_of_the_page_are_those_of_the_table() -> None:
    rules = read_table(Settings().cost_table).quotes
    assert rules is not None
    stated = {
        name: float(value) for name, value in re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", RULES, re.MULTILINE)
    }
    assert len(stated) == 7
    assert stated == {name: getattr(rules, name).value for name in stated}
    assumed = (rules.assumed_width.value, rules.assumed_height.value, rules.assumed_fps.value)
    assert "{:g}x{:g}, {:g} frames and {:g} Mbit a second are assumed".format(
        *assumed, rules.assumed_bits_per_s.value / 1e6
    ) in " ".join(PAGE.split())


def test_the_example_of_the_page_is_what_the_api_computes(api: NodeFunctions) -> None:
    terms = api.call(
        "termsFor",
        {"GPU": "A40"},
        {
            "task": "upscale",
            "params": {"model": "RealESRGAN_x4plus"},
            "source": {"width": 1280, "height": 720, "duration_sec": 10, "fps": 30},
            "bytes": 25_000_000,
        },
    )
    stated = example_values()
    assert stated.pop("price of a second") == terms["price_per_s"]
    assert stated.pop("time of the frames") == 269
    assert sorted(stated) == ["execution_timeout_s", "expected", "expected_s", "hold", "ready_in_s"]
    assert {name: terms[name] for name in stated} == stated
    charge = api.call("chargeFor", terms, 253_417)
    assert f"rounded up: {charge} micro-dollars, or {charge / 1e6:.6f} $." in PAGE


def test_the_entries_of_the_example_sum_to_its_balances() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (-?\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert [kind for kind, _, _ in rows] == ["topup", "hold", "release", "capture"]
    balance = 0
    for _, amount, stated in rows:
        balance += int(amount)
        assert balance == int(stated)
    assert int(rows[1][1]) == -example_values()["hold"] == -int(rows[2][1])
    assert f"= 82360.525, rounded up: {-int(rows[3][1])} micro-dollars" in PAGE


def test_the_page_names_every_code_for_which_nothing_is_charged() -> None:
    api = ROOT / "deploy" / "cloudflare" / "api"
    source = (api / "outcome.ts").read_text()
    ours = re.findall(r'"(\w+)"', source.partition("const PROVIDER_FAULTS")[2].partition("]")[0])
    stated = " ".join(RULES.split()).partition("the failure is ours")[2].partition("The API adds")[0]
    assert sorted(re.findall(r"`(\w+)`", stated)) == sorted(ours) != []
    known = json.loads(
        (ROOT / "deploy" / "cloudflare" / "api" / "generated" / "error_codes.json").read_text()
    )
    assert {known[code]["fault"] for code in ours} == {"caller"}
    films = (api / "film" / "advance.ts").read_text()
    added = re.findall(r'uncharged\(\s*"(\w+)"', source + films)
    assert sorted(
        re.findall(r"^\| `(\w+)` \| [A-Za-z ]", RULES.partition("The API adds")[2], re.MULTILINE)
    ) == sorted(set(added))
