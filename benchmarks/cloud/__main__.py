"""Drives the API under `wrangler dev` with a mix of requests at a fixed rate, and prints what became of them.

    python -m benchmarks.cloud                          50 requests a second for 60 s
    python -m benchmarks.cloud --rate 100 --seconds 20
    python -m benchmarks.cloud --find-limit             also the highest rate without an error
    python -m benchmarks.cloud --routes                 also the CPU time of each route alone
    python -m benchmarks.cloud --json load.json         write the report there

Without --json it writes benchmarks/results/cloud.json and docs/benchmarks.md. The API, D1, a bucket, RunPod's
API and the generator share this machine, and nothing leaves it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import machine
from benchmarks.bench import document, terminal
from benchmarks.bench.part import run_part
from benchmarks.cloud import local_cloud
from benchmarks.cloud.generator import MIX

if TYPE_CHECKING:
    from benchmarks.bench.part import Plan, ReportWriter
    from benchmarks.cloud.local_cloud import LocalCloud, Run, Sample

STEP = 1.25
"""How much faster each next rate is, in the search for the highest."""
STEP_SECONDS = 15.0
ROUTE_RATE = 20.0
SLOW_MS = 5000.0
"""A run where one request of a hundred takes longer counts as too fast."""


def main() -> None:
    """Run the benchmark that the command line describes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=50, help="requests a second (default: 50)")
    parser.add_argument("--seconds", type=float, default=60, help="for so long (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of requests (default: 1)")
    parser.add_argument("--cores", type=int, default=2, help="how many cores to use (default: 2)")
    parser.add_argument("--find-limit", action="store_true", help="then search for the highest rate")
    parser.add_argument("--routes", action="store_true", help="then measure each route alone")
    parser.add_argument("--json", type=Path, help="where the report is written")
    options = parser.parse_args()
    cores = machine.pin_to_cores(options.cores)

    def measure(_plan: Plan, report: ReportWriter) -> None:
        with local_cloud.running() as cloud:
            run = cloud.run(options.rate, options.seconds, options.seed)
            describe(run, report)
            if options.routes:
                compare_routes(cloud, options.seed, report)
            if options.find_limit:
                find_limit(cloud, options.rate, options.seed, report)
            check(cloud, report)

    command = f"python -m benchmarks.cloud {' '.join(sys.argv[1:])}".rstrip()
    result = run_part("cloud", measure, cores=cores, quick=False, command=command)
    terminal.show(result)
    path = options.json or document.RESULTS / "cloud.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    if options.json is None:
        document.write(document.read_results(list(document.TITLES)))


def describe(run: Run, report: ReportWriter) -> None:
    """Report a run: the times of each route, errors, CPU seconds, calls to RunPod."""
    errors = "none" if not run.errors else ", ".join(f"{n} {what}" for what, n in run.errors.items())
    report.note(
        f"{run.requests} requests in {run.took_s:.1f} s: {run.requests / run.took_s:.1f} a second, where "
        f"{run.rate:g} were asked for. Errors: {errors}. Load average at the end: {machine.load()}. "
        f"The generator started no request more than {run.late_s * 1000:.0f} ms late."
    )
    by_route: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in run.samples:
        by_route[sample.route].append(sample)
    rows: list[list[str | int]] = []
    for route, samples in sorted(by_route.items(), key=lambda item: -len(item[1])):
        times = np.percentile([sample.ms for sample in samples], [50, 95, 99])
        trips = [sample.round_trips for sample in samples if sample.round_trips is not None]
        rows.append(
            [
                *(route, len(samples), sum(not sample.is_success for sample in samples)),
                *(f"{ms:.0f}" for ms in times),
                f"{mean(trips):.1f} ({max(trips)})" if trips else "",
            ]
        )
    report.table(
        ["", "requests", "errors", "p50, ms", "p95, ms", "p99, ms", "round trips to D1: mean (most)"], rows
    )
    report.table(
        ["", "CPU s", "of one core", "CPU ms a request"],
        [
            [name, f"{used:.1f}", f"{used / run.took_s:.0%}", f"{used / run.requests * 1000:.2f}"]
            for name, used in sorted(run.cpu_s.items(), key=lambda item: -item[1])
        ],
    )
    asked = ", ".join(f"{count} /{route}" for route, count in run.runpod.items())
    report.note(f"RunPod was asked: {asked}; its webhooks came on top of the requests above.")


def compare_routes(cloud: LocalCloud, seed: int, report: ReportWriter) -> None:
    """Report the CPU time of a request, for each kind of action alone."""
    rows: list[list[str | int]] = []
    for name in MIX:
        run = cloud.run(ROUTE_RATE, STEP_SECONDS, seed, {name: 1})
        rows.append([name, run.requests, f"{run.cpu_s[local_cloud.API] / run.requests * 1000:.1f}"])
    report.table(["alone", "requests", "CPU ms a request, of workerd with the API and D1"], rows)
    report.note(
        f"Each alone, {ROUTE_RATE:g} requests a second for {STEP_SECONDS:g} s. The local D1 and the webhooks "
        "count too, so this is more than Cloudflare counts. It allows 10 ms a request with Workers Free, "
        "and 30 s by default with Workers Paid."
    )


def find_limit(cloud: LocalCloud, rate: float, seed: int, report: ReportWriter) -> None:
    """Report the highest rate at which all requests succeed in time, and what was busy at the next."""
    best: Run | None = None
    while True:
        run = cloud.run(rate, STEP_SECONDS, seed)
        slowest_ms = float(np.percentile([sample.ms for sample in run.samples], 99))
        print(f"{rate:.0f}/s: p99 {slowest_ms:.0f} ms, {dict(run.errors)}", file=sys.stderr, flush=True)
        if run.errors or slowest_ms > SLOW_MS:
            break
        best, rate = run, rate * STEP
    good = f"less than {rate:.0f}" if best is None else f"{best.rate:.0f}"
    busy = ", ".join(f"{name} {used / run.took_s:.0%}" for name, used in run.cpu_s.items())
    report.note(
        f"The highest rate, for {STEP_SECONDS:g} s each, at which all succeed, and 99 of 100 within "
        f"{SLOW_MS / 1000:g} s: {good} a second. At {rate:.0f} a second there were {run.errors.total()} "
        f"errors, and 99 of 100 were answered within {slowest_ms / 1000:.1f} s, at a load average of "
        f"{machine.load()}; CPU, of one core: {busy}. A load above the number of cores means that other "
        "programs took the rest."
    )


def check(cloud: LocalCloud, report: ReportWriter) -> None:
    """Report whether every job is settled, and whether the money adds up."""
    left = cloud.settle()
    facts = ", ".join(f"{what}: {count}" for what, count in cloud.ledger().items())
    report.note(f"Afterwards: {facts}. Webhooks had settled all jobs but {left}, which the sweep settled.")


if __name__ == "__main__":
    main()
