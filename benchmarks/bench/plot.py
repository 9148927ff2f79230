"""Draws the charts of all parts into one PNG."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("agg")

from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

COLUMNS = 3
OURS, THEIRS = "#2563eb", "#9ca3af"


def draw(results: list[dict[str, Any]], path: Path) -> None:
    """Draw every chart of every part; `results` are as `run_part` returns them."""
    charts = [(result["part"], chart) for result in results for chart in result["charts"]]
    if not charts:
        return
    rows = -(-len(charts) // COLUMNS)
    figure, grid = plt.subplots(rows, COLUMNS, figsize=(5.4 * COLUMNS, 3.3 * rows), squeeze=False)
    places = list(grid.flat)
    for axes, (part, chart) in zip(places, charts, strict=False):
        KINDS[chart["kind"]](axes, chart)
        axes.set_title(part, loc="left", fontweight="bold", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    for axes in places[len(charts) :]:
        axes.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _bars(axes: Axes, chart: dict[str, Any]) -> None:
    names = list(chart["values"])[::-1]
    for at, name in enumerate(names):
        values = chart["values"][name]
        ours = name.startswith("framewright")
        axes.barh(at, median(values), color=OURS if ours else THEIRS, height=0.6)
        axes.plot(values, [at] * len(values), "k.", markersize=3)
        axes.text(median(values), at + 0.3, f" {median(values):.3g}", va="bottom", fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(chart["unit"], fontsize=8)


def _stack(axes: Axes, chart: dict[str, Any]) -> None:
    names = list(chart["values"])[::-1]
    parts = list(dict.fromkeys(part for name in names for part in chart["values"][name]))
    left = [0.0] * len(names)
    for number, part in enumerate(parts):
        widths = [chart["values"][name].get(part, 0.0) for name in names]
        axes.barh(names, widths, left=left, height=0.6, label=part, color=plt.get_cmap("tab20")(number))
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_xlabel(chart["unit"], fontsize=8)
    axes.legend(fontsize=6, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)


def _lines(axes: Axes, chart: dict[str, Any]) -> None:
    for name, points in chart["values"].items():
        axes.plot(*zip(*points, strict=True), "o-", markersize=3, linewidth=1, label=name)
    if chart["logarithmic"]:
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlabel(chart["across"], fontsize=8)
    axes.set_ylabel(chart["unit"], fontsize=8)
    axes.legend(fontsize=7, frameon=False)


KINDS = {"bars": _bars, "stack": _stack, "lines": _lines}
