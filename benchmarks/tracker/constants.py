"""Chooses the tracker's constants by leaving one data set out, and says what the choice does on that one.

    python -m benchmarks.tracker.constants
    python -m benchmarks.tracker.constants --only LOST_SIZE_POWER --seeds 0

For each constant (or pair of constants that belong together), each value is scored on all data sets of
benchmarks/tracker/quality.py, with the other constants as they are. For each data set, the value with the
highest mean of MOTA, IDF1 and HOTA over all other data sets is chosen. So a data set has no part in the
choice that it judges. If such choices are no better than the values in use, these are not tuned to one of the
data sets.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from benchmarks.tracker import peers, quality, real
from orchestrator.tracking import bytetrack, likeness, score_scale

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from benchmarks.tracker.score import Scores

Values = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Constants of one module that are chosen together, and the values that are tried."""

    module: ModuleType
    names: tuple[str, ...]
    values: tuple[Values, ...]

    @property
    def in_use(self) -> Values:
        """The values in the code."""
        return tuple(getattr(self.module, name) for name in self.names)

    @contextlib.contextmanager
    def applied(self, values: Values) -> Iterator[None]:
        """Track with other values."""
        before = self.in_use
        self._set(values)
        try:
            yield
        finally:
            self._set(before)

    def _set(self, values: Values) -> None:
        for name, value in zip(self.names, values, strict=True):
            setattr(self.module, name, value)


def _single(module: ModuleType, name: str, *values: float) -> Choice:
    return Choice(module=module, names=(name,), values=tuple((value,) for value in values))


CHOICES = (
    _single(likeness, "LOST_SIZE_POWER", 0, 0.125, 0.25, 0.375, 0.5, 1),
    _single(likeness, "LOST_SHARE", 0.75, 0.8, 0.83, 0.86, 0.9, 1),
    _single(likeness, "LEAST_AREA_SHARE", 0, 0.15, 0.25, 0.35, 0.5),
    _single(bytetrack, "LOW_IOU", 0.3, 0.35, 0.4, 0.45, 0.5),
    _single(bytetrack, "DOUBTFUL_S", 0.5, 1, 1.5, 2, 3),
    Choice(
        module=score_scale,
        names=("RISE_FROM_LOG_ODDS", "RISE"),
        values=tuple((start, rise) for start in (2.15, 2.3, 2.45, 2.6) for rise in (2.0, 4.0, 6.0)),
    ),
)


def scores_by_value(choice: Choice, groups: quality.Groups) -> dict[Values, dict[str, Scores]]:
    """Return for each value the scores on each data set."""
    found = {}
    for values in dict.fromkeys((*choice.values, choice.in_use)):
        with choice.applied(values):
            found[values] = {
                data_set: next(iter(quality.score({"ours": peers.Ours}, group)))[1]
                for data_set, group in groups.items()
            }
    return found


def chosen_without(scores: dict[Values, dict[str, Scores]], left_out: str) -> Values:
    """Return the values that are best on all data sets but one."""
    return max(
        scores,
        key=lambda values: fmean(_mean(one) for name, one in scores[values].items() if name != left_out),
    )


def _mean(scores: Scores) -> float:
    return fmean((scores.mota, scores.idf1, scores.hota))


def main() -> None:
    """Print a table for each constant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real.add_arguments(parser)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each made scene; 0 for none")
    parser.add_argument("--only", metavar="NAMES", help="constants, separated by commas (default: all)")
    arguments = parser.parse_args()
    peers.require("trackeval", *(["motmetrics"] if arguments.seeds else []))
    groups: quality.Groups = {
        data_set: {one.scene.name: [one] for one in sequences}
        for data_set, sequences in real.chosen(parser, arguments, optional=True).items()
    }
    groups |= quality.made_scenes(arguments.seeds) if arguments.seeds else {}
    print(f"python -m benchmarks.tracker.constants --seeds {arguments.seeds}; {dt.date.today()}")  # noqa: DTZ011
    print("Each cell: MOTA, IDF1, HOTA, id switches.")
    for choice in CHOICES:
        if arguments.only and not set(arguments.only.split(",")) & set(choice.names):
            continue
        scores = scores_by_value(choice, groups)
        print(f"\n### {', '.join(choice.names)}\n")
        print(
            "| left out | chosen on the others | it on the one left out | in use:",
            _text(choice.in_use),
            "| best |",
        )
        print("|---|---|---|---|---|")
        for data_set in groups:
            chosen = chosen_without(scores, data_set)
            best = max(scores, key=lambda values, name=data_set: _mean(scores[values][name]))  # type: ignore[misc]
            cells = [f"{scores[values][data_set]}" for values in (chosen, choice.in_use, best)]
            print(f"| {data_set} | {_text(chosen)} |", " | ".join(cells), f"({_text(best)}) |", flush=True)
        means = {values: fmean(map(_mean, of_value.values())) for values, of_value in scores.items()}
        print(
            "\nMean of all:",
            "; ".join(f"{_text(values)}: {mean:.2f}" for values, mean in means.items()),
            flush=True,
        )


def _text(values: Values) -> str:
    return " and ".join(f"{value:g}" for value in values)


if __name__ == "__main__":
    main()
