"""Measures and simulates films in pieces; writes its results, a plot, and a section of docs/film.md.

python -m benchmarks.film               # ../shared/real; takes a minute, or ten where others use the cores
python -m benchmarks.film --simulate    # with the segments that were measured last
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks import machine
from benchmarks.film.measure import measure
from benchmarks.film.page import section
from benchmarks.film.plot import draw
from orchestrator.cost.estimate import Workload, find_speed, work_seconds
from orchestrator.cost.price_table import PriceTable, read_table
from tools.film_simulation import NO_TROUBLE, Trouble, film_of, overhead_of, simulate

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT.parent / "shared" / "real" / "media" / "one-by-one-person-detection.mp4"
RESULTS = ROOT / "benchmarks" / "results" / "film.json"
PLOT = ROOT / "docs" / "images" / "film" / "efficiency.png"
PAGE = ROOT / "docs" / "film.md"
HEADING = "## Efficiency and cost\n"
BEGIN, END = "<!-- written by python -m benchmarks.film -->\n", "<!-- end -->\n"

FRAMES, WIDTH, HEIGHT = 60 * 60 * 24, 1920, 1080
GPU = "RTX 4090"
MODELS = ("RealESRGAN_x4plus", "realesr-animevideov3")
WORKERS = (1, 2, 4, 8, 16, 32, 64, 120)
SEGMENT_S = 40.0
"""The default of `work_sec`."""
TRANSFER_S = 1.0
"""Our assumption: a segment of 40 s fetches 2 MB and stores 20 MB, at the 25 MB/s of the price table."""
SEEDS = 4


def main() -> None:
    """Measure, simulate, and write everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulate", action="store_true", help="use the segments that were measured last")
    if parser.parse_args().simulate:
        results = json.loads(RESULTS.read_text())
    else:
        results = {"machine": machine.one_line(), "date": machine.today(), "measured": measure(SOURCE)}
    table = read_table(ROOT / "orchestrator" / "cost" / "table.toml")
    results["films"] = [_film(model, results["measured"], table) for model in MODELS]
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    PLOT.parent.mkdir(exist_ok=True)
    draw(results["films"], PLOT)
    text = PAGE.read_text()
    written = f"{HEADING}\n{BEGIN}{section(results, table, gpu=GPU, segment_s=SEGMENT_S)}{END}"
    if BEGIN in text:
        text = text[: text.index(HEADING)] + written + text[text.index(END) + len(END) :]
    else:
        text = f"{text.rstrip()}\n\n{written}"
    PAGE.write_text(text)
    print(written)


def _film(model: str, measured: dict[str, Any], table: PriceTable) -> dict[str, Any]:
    """Simulate a film of an hour with a model."""
    work = Workload(task="upscale", model=model, frames=FRAMES, width=WIDTH, height=HEIGHT)
    speed, relations = find_speed(table, work, GPU)
    if speed is None:
        raise LookupError(f"the table has no speed of {model} on {GPU}")
    work_s = work_seconds(work, speed, relations)
    unsplit_s = measured["cpu_s"]["unsplit"]
    overhead_s = overhead_of(measured["segments"], whole_s=unsplit_s) + TRANSFER_S
    films = [
        film_of(measured["segments"], work_s=work_s, segment_s=SEGMENT_S, seed=seed) for seed in range(SEEDS)
    ]
    rows = []
    for workers in WORKERS:
        smooth, rough = (
            [
                simulate(film, workers=workers, overhead_s=overhead_s, trouble=trouble, seed=seed)
                for seed, film in enumerate(films)
            ]
            for trouble in (NO_TROUBLE, Trouble())
        )
        rows.append(
            {
                "workers": workers,
                "efficiency": round(mean(each.efficiency for each in rough), 3),
                "without_trouble": round(mean(each.efficiency for each in smooth), 3),
                "seconds": round(mean(each.seconds for each in rough)),
                "worker_s": round(mean(each.worker_s for each in rough)),
                "repeated": round(max(each.repeated for each in rough), 4),
                "deaths": round(mean(each.deaths for each in rough), 1),
            }
        )
    return {
        "model": model,
        "work_s": work_s,
        "speed": f"{speed.fps:g} frames a second ({speed.source}, {speed.date})",
        "segments": round(work_s / SEGMENT_S),
        "overhead_s": round(overhead_s, 2),
        "workers": rows,
    }


if __name__ == "__main__":
    main()
