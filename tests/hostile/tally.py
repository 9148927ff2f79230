"""Counts what an attack tried, how each try ended, and which tries got through."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

SHOWN = 20
"""Failures that are printed one by one; the rest are counted."""

SHOWN_CHARS = 3000


@dataclass
class Tally:
    """The result of one attack.

    Attributes:
        attack: its name.
        outcomes: how often each outcome occurred, by the code of the error or a word.
        failures: one line for each try that the worker did not withstand.
    """

    attack: str
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """How many tries there were."""
        return sum(self.outcomes.values())

    def add(self, outcome: str, failure: str | None = None) -> None:
        """Count one try.

        Args:
            outcome: how it ended.
            failure: what was wrong with that, if anything was.
        """
        self.outcomes[outcome] += 1
        if failure is not None:
            self.failures.append(failure)

    def text(self) -> str:
        """Return the tally as it is printed: failures, outcomes, and the line with tried and failed."""
        lines = [f"  failed: {failure[:SHOWN_CHARS]}" for failure in self.failures[:SHOWN]]
        lines += [f"  {count:6d}  {outcome}" for outcome, count in self.outcomes.most_common()]
        return "\n".join([*lines, f"{self.attack}: tried {self.tried}, failed {len(self.failures)}"])
