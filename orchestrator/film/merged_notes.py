"""Merges the notes of pieces into those of the film."""

from __future__ import annotations

import re
from collections.abc import Iterable

_COUNT = re.compile(r"\b(\d+) pictures?\b")


def merged_notes(notes: Iterable[str]) -> tuple[str, ...]:
    """Merge sentences for the user: equal ones are kept once, and those that count pictures are added up.

    Args:
        notes: the sentences of all pieces, in order; `1 picture` or `3 pictures` counts pictures.

    Returns:
        The sentences, each at the place of its first occurrence.
    """
    counts: dict[str, int | None] = {}
    for note in notes:
        found = _COUNT.search(note)
        text = note if found is None else f"{note[: found.start()]}\0{note[found.end() :]}"
        counts[text] = None if found is None else (counts.get(text) or 0) + int(found[1])
    return tuple(
        text if count is None else text.replace("\0", "1 picture" if count == 1 else f"{count} pictures")
        for text, count in counts.items()
    )
