"""docs/benchmarks.md, made of the results."""

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

Made by `make bench` of benchmarks/results/, do not edit. `make bench PARTS="track upscale"` measures parts
alone, `make bench QUICK=1` less of everything.

Contenders take turns, figures are medians of the rounds, and a ratio is made round by round, of runs that
stood next to each other. Everything is kept to the same cores, with as many threads. *Frames a CPU second*
counts the CPU time of all processes that took part: on a machine that others use too it moves less than
frames a second do. What was tried: [decisions/0006-speed.md](decisions/0006-speed.md).

![All parts](../benchmarks/results/benchmarks.png)
"""

TITLES = {
    "track": "Tracking",
    "upscale": "Upscaling",
    "memory": "Memory",
    "start": "Start",
    "transport": "Transport, and where the time goes",
    "scale": "Scale",
}


def results(parts: list[str]) -> list[dict[str, Any]]:
    """Read the results that are there, in this order."""
    paths = [RESULTS / f"{part}.json" for part in parts]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def write(told: list[dict[str, Any]]) -> None:
    """Write the document."""
    lines = [HEAD]
    for result in told:
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
