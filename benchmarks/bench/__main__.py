"""`make bench`: measure, show, and write down.

    python -m benchmarks.bench                       all parts
    python -m benchmarks.bench track upscale         these
    python -m benchmarks.bench --quick               less of everything: minutes
    python -m benchmarks.bench --only-document       make docs/benchmarks.md and the plot again

Each part leaves benchmarks/results/PART.json; the plot and docs/benchmarks.md are made of all that are there.
Needs the development environment. Real models and clips are taken from ../shared/real where that is.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys

from benchmarks.bench import (
    document,
    machine,
    memory,
    plot,
    scale,
    start,
    terminal,
    track,
    transport,
    upscale,
)
from benchmarks.bench.part import measured

PARTS = {
    "track": track.measure,
    "upscale": upscale.measure,
    "memory": memory.measure,
    "start": start.measure,
    "transport": transport.measure,
    "scale": scale.measure,
}


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--cores", type=int, default=2, help="cores that are used (default: 2)")
    parser.add_argument("--only-document", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    for name in arguments.parts:
        if name not in PARTS:
            parser.error(f"there is no part {name!r}: choose of {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers and peers end with us
    document.RESULTS.mkdir(exist_ok=True)
    if not arguments.only_document:
        cores = machine.pin(arguments.cores)
        command = f"python -m benchmarks.bench {' '.join(sys.argv[1:])}".rstrip()
        for name in arguments.parts or PARTS:
            result = measured(name, PARTS[name], cores=cores, quick=arguments.quick, command=command)
            (document.RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
            terminal.show(result)
    results = document.results(list(PARTS))
    plot.draw(results, document.PLOT)
    document.write(results)
    print(f"{document.RESULTS}, {document.DOCUMENT}", file=sys.stderr)


if __name__ == "__main__":
    main()
