"""Describes where the pieces of a film are read from: a folder, or a store behind URLs."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from orchestrator.film.document import PieceManifest


class Pieces(Protocol):
    """The pieces of a film, by the numbers of their segments."""

    def manifest(self, number: int) -> PieceManifest:
        """Return the manifest of a piece, without reading the rest of it.

        Raises:
            PieceDamaged: the piece is missing, or has no manifest.
        """
        ...

    def opened(self, number: int) -> AbstractContextManager[Path]:
        """Return a context manager of a local file, the whole piece, that exists inside its block.

        Raises:
            PieceDamaged: the piece is missing.
        """
        ...
