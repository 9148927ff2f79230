"""Runs one part of the benchmark and collects its tables, charts and notes as JSON."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Cell = str | int | float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to measure a part.

    Attributes:
        cores: how many cores and threads to use.
        quick: whether to measure less of everything.
        folder: a temporary folder.
    """

    cores: int
    quick: bool
    folder: Path


class ReportWriter:
    """Collects the notes, tables and charts of a part, in order."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.tables: list[dict[str, Any]] = []
        self.charts: list[dict[str, Any]] = []

    def note(self, sentence: str) -> None:
        """Add a paragraph that explains the figures."""
        self.words.append(sentence)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Add a table; the first column names the row."""
        self.tables.append({"columns": list(columns), "rows": [[str(cell) for cell in row] for row in rows]})

    def bars(self, unit: str, values: Mapping[str, Sequence[float]]) -> None:
        """Add a chart with a bar for each name: the median of its values, with a dot for each of them."""
        self.charts.append({"kind": "bars", "unit": unit, "values": {k: list(v) for k, v in values.items()}})

    def stack(self, unit: str, bars: Mapping[str, Mapping[str, float]]) -> None:
        """Add a chart of stacked bars: for each name, the value of each of its parts."""
        self.charts.append({"kind": "stack", "unit": unit, "values": {k: dict(v) for k, v in bars.items()}})

    def lines(
        self,
        unit: str,
        lines: Mapping[str, Sequence[tuple[float, float]]],
        *,
        across: str,
        logarithmic: bool = False,
    ) -> None:
        """Add a chart with a line through the points of each name."""
        self.charts.append(
            {
                "kind": "lines",
                "unit": unit,
                "across": across,
                "logarithmic": logarithmic,
                "values": {k: [list(point) for point in v] for k, v in lines.items()},
            }
        )


def run_part(
    name: str, measure: Callable[[Plan, ReportWriter], None], *, cores: int, quick: bool, command: str
) -> dict[str, Any]:
    """Measure a part; return its report, with the machine and the date, as JSON."""
    print(f"{name}:", file=sys.stderr, flush=True)
    report = ReportWriter()
    started_s, load = time.monotonic(), machine.load()
    with tempfile.TemporaryDirectory(prefix="framewright-bench-") as folder:
        measure(Plan(cores=cores, quick=quick, folder=Path(folder)), report)
    return {
        "part": name,
        "command": command,
        "date": machine.today(),
        "quick": quick,
        "took_s": round(time.monotonic() - started_s),
        "load_before": load,
        "machine": machine.describe(cores),
        "words": report.words,
        "tables": report.tables,
        "charts": report.charts,
    }
