"""Makes a film from its plan, whoever makes the pieces: the missing ones first, then the assembled file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import PieceDamaged
from orchestrator.film.assemble_folder import FilmResult, assemble_folder
from orchestrator.film.piece_folder import PieceFolder
from orchestrator.pipeline.context import JobContext

MakePieces = Callable[[Sequence[int]], None]
"""Makes the pieces of the segments with these numbers: that is what drivers differ in."""


@dataclass(frozen=True, kw_only=True)
class FilmJob:
    """A film to make.

    Attributes:
        source: the video.
        output: the file to write; it appears only when it is complete.
        pieces: the folder of its pieces, with its plan.
        overwrite: whether to replace the output if it exists.
        keep_pieces: whether to keep the pieces of a finished film.
    """

    source: Path
    output: Path
    pieces: PieceFolder
    overwrite: bool = False
    keep_pieces: bool = False


def make_film(film: FilmJob, make_pieces: MakePieces, context: JobContext) -> FilmResult:
    """Make the pieces that are missing, and assemble all.

    A driver that is stopped leaves the finished pieces, and the next one continues with them. Another driver
    that makes the same film at the same time shares the pieces; the first to be done writes the output.

    Args:
        film: the film.
        make_pieces: makes the pieces that are missing.
        context: of the assembly; see `JobContext`.

    Raises:
        WorkerError: `make_pieces` failed, or the film cannot be assembled. Finished pieces are kept.
    """
    pieces = film.pieces
    numbers = range(len(pieces.plan.segments))

    def assembled() -> FilmResult:
        return assemble_folder(film.source, pieces, film.output, context, overwrite=film.overwrite)

    with pieces.shared() as folder:
        # A second driver begins at the end, so that both make different pieces until they meet.
        _make_missing(pieces, numbers if folder.first else numbers[::-1], make_pieces)
        try:
            result = assembled()
        except PieceDamaged:
            damaged = [number for number in numbers if not pieces.has_whole(number)]
            if not damaged:
                raise
            _make_missing(pieces, damaged, make_pieces)
            result = assembled()
        if not film.keep_pieces:
            folder.remove()
    return result


def make_preview(film: FilmJob, make_pieces: MakePieces) -> Path:
    """Make the film's hardest piece, which the whole film uses again; return a video that can be watched."""
    number = film.pieces.plan.hardest
    with film.pieces.shared():
        _make_missing(film.pieces, [number], make_pieces)
        return film.pieces.preview_file(number)


def _make_missing(pieces: PieceFolder, numbers: Sequence[int], make_pieces: MakePieces) -> None:
    missing = [number for number in numbers if not pieces.has(number)]
    if missing:
        make_pieces(missing)
