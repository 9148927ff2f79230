"""Writes docs/benchmarks.md from the results in benchmarks/results/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PLOT = RESULTS / "benchmarks.png"
DOCUMENT = ROOT / "docs" / "benchmarks.md"

HEAD = """\
# Benchmarks

`make bench` writes this page from benchmarks/results/; do not edit it. `make bench PARTS="track upscale"`
measures these parts only, `make bench QUICK=1` measures less of everything.

Contenders take turns. Figures are medians over the rounds; a ratio is taken within each round, from runs
next to each other, and then its median. All contenders use the same cores and as many threads. *Frames a CPU
second* counts the CPU time of all processes of a contender: on a busy machine it varies less than frames a
second. What was tried: [decisions/0006-speed.md](decisions/0006-speed.md).

![All parts](../benchmarks/results/benchmarks.png)
"""

TITLES = {
    "track": "Tracking",
    "upscale": "Upscaling",
    "host": "What the host costs",
    "memory": "Memory",
    "start": "Start",
    "transport": "Transport, and where the time goes",
    "scale": "Scale",
    "cloud": "The API under load",
}


def read_results(parts: list[str]) -> list[dict[str, Any]]:
    """Read the results of these parts, in this order; a part without results is left out."""
    paths = [RESULTS / f"{part}.json" for part in parts]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def write(results: list[dict[str, Any]]) -> None:
    """Write the document."""
    lines = [HEAD]
    for result in results:
        machine = result["machine"]
        packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
        lines += [f"## {TITLES[result['part']]}", ""]
        for table in result["tables"]:
            columns = table["columns"]
            lines += [_row(columns), "|" + "---|" * len(columns), *map(_row, table["rows"]), ""]
        lines += [f"{sentence}\n" for sentence in result["words"]]
        lines += [
            (
                f"`{result['command']}`, {result['date']}, {result['took_s']} s; {machine['processor']}, "
                f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; load before "
                f"{result['load_before']}; {packages}."
            ),
            "",
        ]
    DOCUMENT.write_text("\n".join(lines).rstrip() + "\n")


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
