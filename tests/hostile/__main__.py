"""Attacks the worker with bad addresses, media, jobs and kills, and prints what failed.

python -m tests.hostile addresses --count 1000
python -m tests.hostile media --count 1000
python -m tests.hostile jobs --count 2000
python -m tests.hostile kills --count 60
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time

COUNTS = {"addresses": 1000, "media": 1000, "jobs": 2000, "kills": 60}


def main() -> int:
    """Run one attack; return 1 if the worker failed any try."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.hostile",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("attack", choices=COUNTS)
    parser.add_argument("--count", type=int, help=f"number of tries (default: {COUNTS})")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random choices (default: 1)")
    chosen = parser.parse_args()
    started_s = time.monotonic()
    attack = importlib.import_module(f"tests.hostile.{chosen.attack}")
    tally = attack.attack(chosen.count or COUNTS[chosen.attack], chosen.seed)
    print(tally.text())
    print(f"seed {chosen.seed}, {time.monotonic() - started_s:.0f} s")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
