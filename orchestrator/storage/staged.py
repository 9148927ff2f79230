"""Writes outputs under a temporary name and renames them when complete: an output that exists is complete."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import DiskFull, OutputPathRefused
from orchestrator.video_source import VideoSource


def check_writable(out: Path, *, overwrite: bool) -> None:
    """Refuse an output path that cannot be written, before any work is done for it.

    Raises:
        OutputPathRefused: it exists (and `overwrite` is False), is a folder, or has a NUL in its name; or its
            folder does not exist or cannot be written to.
    """
    folder = out.parent
    if "\0" in str(out):
        raise OutputPathRefused(f"output {str(out)!r} has a NUL in its name, which no file has; leave it out")
    try:
        if out.is_dir():
            raise OutputPathRefused(f"output {out} is a folder; name a file in it")
        if os.path.lexists(out) and not overwrite:
            raise OutputPathRefused(
                f"output {out} exists already; choose another name or pass --force to replace it"
            )
        if not folder.is_dir():
            raise OutputPathRefused(f"output folder {folder} does not exist; create it first")
    except OSError as exc:  # a folder that may not be entered, a name that is too long
        raise OutputPathRefused(
            f"output {out} cannot be written: {exc.strerror}; choose another name"
        ) from exc
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputPathRefused(
            f"output folder {folder} cannot be written to; choose another or change its permissions"
        )


def check_outputs(
    source: VideoSource, outputs: Iterable[Path], *, overwrite: bool, kind: str = "outputs"
) -> None:
    """Refuse the outputs of a job before any work is done for them.

    Args:
        source: the job's input.
        outputs: all files that the job will write.
        overwrite: whether files that exist are replaced.
        kind: what to call the outputs where two of them are the same file.

    Raises:
        OutputPathRefused: see `check_writable`; also if an output is the source, or two are the same file.
    """
    seen: set[Path] = set()
    for path in outputs:
        check_writable(path, overwrite=overwrite)
        if isinstance(source, Path) and path.exists() and source.exists() and path.samefile(source):
            raise OutputPathRefused(f"output {path} is the input itself; choose another name")
        if path.resolve() in seen:
            raise OutputPathRefused(f"output {path} is named for two {kind}; choose another name for one")
        seen.add(path.resolve())


@contextmanager
def staged(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary path beside the final one; rename it if the block succeeds.

    Args:
        out: the final path.
        overwrite: replace a file that exists.

    Yields:
        A path in the same folder with the same suffix. The file there is removed if the block raises.

    Raises:
        OutputPathRefused: see `check_writable`; also if the name was taken while the file was being written.
        DiskFull: the finished file could not be flushed to disk.
    """
    check_writable(out, overwrite=overwrite)
    temporary = out.with_name(f".framewright-{secrets.token_hex(4)}.part{out.suffix}")
    try:
        yield temporary
        _flush(temporary)
        if overwrite:
            temporary.replace(out)
        else:
            _rename_exclusively(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"no space is left in {path.parent}; free some and try again") from exc
        raise
    finally:
        os.close(fd)


def _rename_exclusively(temporary: Path, out: Path) -> None:
    try:
        os.link(temporary, out)  # unlike rename, fails if the name is taken
    except FileExistsError as exc:
        raise OutputPathRefused(
            f"output {out} appeared while it was being written; nothing was replaced"
        ) from exc
    except OSError:  # a file system without hard links
        temporary.replace(out)
