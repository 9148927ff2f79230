"""One part of the measurements: what it is given, and what it tells, as JSON."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Cell = str | int | float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a part is measured.

    Attributes:
        cores: that everything is kept to; libraries have as many threads.
        quick: less of everything.
        folder: for what is written on the way.
    """

    cores: int
    quick: bool
    folder: Path


class Told:
    """What a part tells: sentences, tables and charts, in order."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.tables: list[dict[str, Any]] = []
        self.charts: list[dict[str, Any]] = []

    def say(self, sentence: str) -> None:
        """Add what a reader must know."""
        self.words.append(sentence)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Add a table; the first column names the row."""
        self.tables.append({"columns": list(columns), "rows": [[str(cell) for cell in row] for row in rows]})

    def bars(self, unit: str, values: Mapping[str, Sequence[float]]) -> None:
        """Add a chart with a bar for each name: the median of its values, with a dot for each of them."""
        self.charts.append({"kind": "bars", "unit": unit, "values": {k: list(v) for k, v in values.items()}})

    def stack(self, unit: str, bars: Mapping[str, Mapping[str, float]]) -> None:
        """Add a chart with a bar for each name that is made of parts."""
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


def measured(
    name: str, measure: Callable[[Plan, Told], None], *, cores: int, quick: bool, command: str
) -> dict[str, Any]:
    """Measure a part; return all that is known of it."""
    print(f"{name}:", file=sys.stderr, flush=True)
    told = Told()
    begun_s, load = time.monotonic(), machine.load()
    with tempfile.TemporaryDirectory(prefix="framewright-bench-") as folder:
        measure(Plan(cores=cores, quick=quick, folder=Path(folder)), told)
    return {
        "part": name,
        "command": command,
        "date": machine.today(),
        "quick": quick,
        "took_s": round(time.monotonic() - begun_s),
        "load_before": load,
        "machine": machine.described(cores),
        "words": told.words,
        "tables": told.tables,
        "charts": told.charts,
    }
