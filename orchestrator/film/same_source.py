"""Refuses a source that is no longer the file that the film was planned from."""

from __future__ import annotations

from pathlib import Path

from orchestrator.errors import SourceChanged
from orchestrator.film.document import FilmPlan
from orchestrator.video_source import VideoSource

_LOCAL = '"file-'


def local_etag(path: Path) -> str:
    """Return what a plan holds in place of the ETag of a local file: when it was written, and its size."""
    found = path.stat()
    return f'{_LOCAL}{found.st_mtime_ns:x}-{found.st_size:x}"'


def check_source(source: VideoSource, plan: FilmPlan) -> None:
    """Refuse a source of another size, or a local file that was written since the plan was made.

    The ETag of a file that is read over HTTP is checked by `RangedFile`.

    Raises:
        SourceChanged: see above.
    """
    found, planned = source.stat().st_size, plan.source.bytes
    if found != planned:
        raise SourceChanged(
            f"{source} has {found} bytes, and had {planned} when the film was planned: plan the film again"
        )
    etag = plan.source.etag or ""
    if isinstance(source, Path) and etag.startswith(_LOCAL) and local_etag(source) != etag:
        raise SourceChanged(f"{source} was written after the film was planned: plan the film again")
