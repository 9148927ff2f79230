"""Draws how well many workers are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("agg")

from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = {8: 0.9, 32: 0.8}
COLOURS = ("#2563eb", "#ea580c")


def draw(films: list[dict[str, Any]], path: Path) -> None:
    """Draw the efficiency of each film by its number of workers, with and without trouble."""
    figure, axes = plt.subplots(figsize=(7.2, 4))
    for film, colour in zip(films, COLOURS, strict=True):
        workers = [row["workers"] for row in film["workers"]]
        for name, style, suffix in (("without_trouble", "--", ", without trouble"), ("efficiency", "-", "")):
            values = [row[name] for row in film["workers"]]
            hours = film["work_s"] / 3600
            label = f"{film['model']}, {hours:.1f} GPU hours{suffix}"
            axes.plot(
                workers, values, style, color=colour, marker="o", markersize=3, linewidth=1, label=label
            )
    axes.plot(list(TARGETS), list(TARGETS.values()), "k_", markersize=14, label="target")
    axes.set_xscale("log", base=2)
    ticks = [row["workers"] for row in films[0]["workers"]]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_ylim(0, 1)
    axes.set_xlabel("workers", fontsize=8)
    axes.set_ylabel("work of the segments over their time on all workers", fontsize=8)
    axes.set_title("A film of 60 minutes", loc="left", fontweight="bold", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=7, frameon=False, loc="lower left")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
