"""The drivers of films are short, because all that is hard is in the three jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLOUDFLARE = ROOT / "deploy" / "cloudflare" / "api" / "film"
DRIVERS = {
    "dask": sorted((ROOT / "orchestrator" / "film_driver").glob("*.py")),
    "cloudflare": [CLOUDFLARE / "workflow.ts", CLOUDFLARE / "advance.ts"],
}


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_has_less_than_400_lines(driver: str) -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in DRIVERS[driver]}
    assert len(lines) > 1
    assert sum(lines.values()) < 400, lines
