"""Moves the chapters of a source onto the clock of the output, and drops those outside of it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from orchestrator.media.read.tag_filter import chapter_title, writable
from orchestrator.media.write.trim import TrimWindow

if TYPE_CHECKING:
    from av.container.core import Chapter


def fit_chapters(
    chapters: Sequence[Chapter],
    *,
    origin_s: Fraction,
    window: TrimWindow,
    file_s: Fraction | None,
    has_track: bool,
) -> tuple[list[Chapter], list[str]]:
    """Return the chapters of the output, and the titles that it should have.

    No chapter ends after the file: MP4 stores titles in a track, and a file is as long as its longest track.

    Args:
        chapters: chapters of the source; they are changed.
        origin_s: time of the source that becomes zero, in seconds.
        window: the part that is written.
        file_s: duration of the source, in seconds; None if it is unknown.
        has_track: whether the container stores titles in a track.
    """
    kept: list[Chapter] = []
    titles: list[str] = []
    ends_s = [end_s for end_s in (window.captions_end_s, file_s) if end_s is not None]
    for chapter in chapters:
        tick = chapter["time_base"] or Fraction(1)
        start_s, end_s = (chapter[edge] * tick - origin_s for edge in ("start", "end"))
        if (start_s < 0 and end_s <= 0) or (
            window.captions_end_s is not None and start_s >= window.captions_end_s
        ):
            continue
        chapter["metadata"] = writable(chapter["metadata"])
        titles.append(chapter_title(chapter["metadata"]))
        start_s = max(start_s, Fraction(0))
        if file_s is None or start_s < file_s:
            chapter["start"], chapter["end"] = round(start_s / tick), round(min([end_s, *ends_s]) / tick)
            kept.append(chapter)
    if kept and has_track:
        # The track has no gaps: the first chapter would begin at zero, and one without a title would be left
        # out, so that the others move.
        for chapter in kept:
            if not chapter_title(chapter["metadata"]):
                chapter["metadata"] = {**chapter["metadata"], "title": ""}
        if (first := kept[0])["start"] > 0:
            kept.insert(0, {**first, "id": 0, "start": 0, "end": first["start"], "metadata": {"title": ""}})
            titles.insert(0, "")
    return kept, titles
