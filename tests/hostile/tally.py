"""Counts the tries of an attack, their outcomes, and the failures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

SHOWN = 20
"""How many failures are printed in full."""

SHOWN_CHARS = 3000


@dataclass
class Tally:
    """The result of one attack.

    Attributes:
        attack: its name.
        outcomes: how often each outcome occurred, by error code or by a word.
        failures: a line for each try that the worker failed.
    """

    attack: str
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return sum(self.outcomes.values())

    def add(self, outcome: str, failure: str | None = None) -> None:
        """Count one try.

        Args:
            outcome: its outcome.
            failure: what was wrong with it; None if nothing was.
        """
        self.outcomes[outcome] += 1
        if failure is not None:
            self.failures.append(failure)

    def text(self) -> str:
        """Return the failures, the outcomes and the totals as lines of text."""
        lines = [f"  failed: {failure[:SHOWN_CHARS]}" for failure in self.failures[:SHOWN]]
        lines += [f"  {count:6d}  {outcome}" for outcome, count in self.outcomes.most_common()]
        return "\n".join([*lines, f"{self.attack}: tried {self.tried}, failed {len(self.failures)}"])
