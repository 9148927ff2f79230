"""Measures and simulates films in pieces; writes its results, a plot, and a section of docs/film.md.

python -m benchmarks.film               # ../shared/real; takes 15 CPU minutes
python -m benchmarks.film --simulate    # with the CPU seconds that were measured last
python -m benchmarks.film --only export # measures one of the jobs; the others keep what was measured last
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks import machine
from benchmarks.film.measure import Subject, measure
from benchmarks.film.page import section
from benchmarks.film.plot import draw
from benchmarks.film.simulated_film import GPU, MODELS, simulated
from orchestrator.cost.price_table import read_table

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "sample.mp4"
PEOPLE = ROOT.parent / "shared" / "real" / "media" / "one-by-one-person-detection.mp4"
# The short segments have 1 to 11 s of work, the others 14 to 22 s; a plan chooses about 30 s by itself.
SUBJECTS = {
    "upscale, short segments": Subject(source=SAMPLE, times=2, segments=4, model="lite-x4", turns=2),
    "upscale": Subject(source=SAMPLE, times=2, segments=2, model="lite-x4", turns=1),
    "export, short segments": Subject(source=PEOPLE, times=2, segments=2, many=32, model=None, turns=3),
    "export": Subject(source=PEOPLE, times=5, segments=2, model=None, turns=2),
}
RESULTS = ROOT / "benchmarks" / "results" / "film.json"
PLOT = ROOT / "docs" / "images" / "film" / "efficiency.png"
PAGE = ROOT / "docs" / "film.md"
HEADING = "## Efficiency and cost\n"
BEGIN, END = "<!-- written by python -m benchmarks.film -->\n", "<!-- end -->\n"


def main() -> None:
    """Measure, simulate, and write everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulate", action="store_true", help="use the CPU seconds that were measured last")
    parser.add_argument("--only", nargs="+", choices=list(SUBJECTS), help="the jobs to measure")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if options.simulate or options.only else {"measured": {}}
    results["measured"] |= {
        name: measure(subject) | {"machine": machine.one_line(), "date": machine.today()}
        for name, subject in SUBJECTS.items()
        if not options.simulate and name in (options.only or SUBJECTS)
    }
    table = read_table(ROOT / "orchestrator" / "cost" / "table.toml")
    results["films"] = [simulated(model, results["measured"], table) for model in MODELS]
    results["api_films"] = [simulated(model, results["measured"], table, by_api=True) for model in MODELS]
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    PLOT.parent.mkdir(exist_ok=True)
    draw(results["films"], PLOT)
    written = f"{HEADING}\n{BEGIN}{section(results, table, gpu=GPU)}{END}"
    text = PAGE.read_text()
    if BEGIN in text:
        text = text[: text.index(HEADING)] + written + text[text.index(END) + len(END) :]
    else:
        text = f"{text.rstrip()}\n\n{written}"
    PAGE.write_text(text)
    print(written)


if __name__ == "__main__":
    main()
