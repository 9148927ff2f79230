"""Reads the pieces of a film in order, and checks that each is the one of its segment."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import PieceDamaged, PlanRefused
from orchestrator.film.document import FilmPlan, PieceManifest
from orchestrator.film.frame_pts import expand
from orchestrator.film.piece import Pieces, check_manifest, check_piece

_COUNT = re.compile(r"\b(\d+) pictures?\b")


def film_pts(plan: FilmPlan) -> NDArray[np.int64]:
    """Return the times of the film's frames, int64 [N], rising, in ticks of the source.

    Raises:
        PlanRefused: the segments do not follow one another, or have other frames than the film.
    """
    pts, begin = expand(plan.pts), 0
    for number, segment in enumerate(plan.segments):
        if (segment.number, segment.first_frame) != (number, begin) or segment.frames < 1:
            raise PlanRefused(f"segment {number} of the plan does not follow the one before it; plan again")
        begin += segment.frames
    if begin != len(pts):
        raise PlanRefused(
            f"the segments of the plan have {begin} frames, and the film {len(pts)}; plan again"
        )
    return pts


def read_manifests(plan: FilmPlan, pieces: Pieces, plan_hash: str) -> list[PieceManifest]:
    """Return the manifests of all pieces, in order. The pieces themselves are not read.

    Raises:
        PieceDamaged: a piece is missing or is another one; the message names its number.
    """
    manifests = []
    for segment in plan.segments:
        number = segment.number
        try:
            manifest = pieces.manifest(number)
        except PieceDamaged as exc:
            if "piece" in exc.details:
                raise
            raise PieceDamaged(f"piece {number}: {exc}", piece=number) from exc
        check_manifest(manifest, plan, plan_hash, number)
        manifests.append(manifest)
    return manifests


def checked_pieces(
    plan: FilmPlan, pieces: Pieces, manifests: Sequence[PieceManifest], plan_hash: str
) -> Generator[Path, None, None]:
    """Yield a local file for each piece, in order, once its hash is checked. It exists until the next one.

    Args:
        plan: the plan.
        pieces: the pieces of all its segments.
        manifests: their manifests, from `read_manifests`.
        plan_hash: the hash of the plan.

    Raises:
        PieceDamaged: a piece is missing, or was changed.
    """
    for segment, manifest in zip(plan.segments, manifests, strict=True):
        with pieces.opened(segment.number) as piece:
            check_piece(piece, manifest, plan, plan_hash, segment.number)
            yield piece


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
