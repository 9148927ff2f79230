"""Makes and removes the folders of jobs, and removes those that a killed worker left."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from orchestrator.errors import DiskFull

_PREFIX = "framewright-jobs-"
_LOCK = "lock"


class JobFolders:
    """The folder of a worker, which contains a folder for each job. A context manager.

    A locked file in it shows that its worker is alive: unlike a process id, a lock means the same in every
    container that shares the disk, and after a restart.

    Args:
        parent: folder in which the worker's folder is made.
    """

    def __init__(self, parent: Path) -> None:
        self._parent = parent

    def __enter__(self) -> Self:
        """Make the worker's folder, and remove those that killed workers left.

        Raises:
            DiskFull: the folder cannot be made.
        """
        try:
            self._parent.mkdir(parents=True, exist_ok=True)
            self._remove_leftovers()
            self._root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._parent))
            self._lock = os.open(self._root / "new", os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # forked children do not share it
            (self._root / "new").rename(self._root / _LOCK)
        except OSError as exc:
            raise DiskFull(
                f"no folder for jobs can be made in {self._parent}: {exc.strerror}; set "
                "FRAMEWRIGHT_JOB_FOLDER to one that can be written to"
            ) from exc
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        os.close(self._lock)

    @contextmanager
    def make_one(self) -> Iterator[Path]:
        """Make a folder for a job; it is removed, with its content, when the block is left.

        Raises:
            DiskFull: the folder cannot be made.
        """
        try:
            folder = Path(tempfile.mkdtemp(dir=self._root))
        except OSError as exc:
            raise DiskFull("no folder for the job can be made; try again on a worker with more disk") from exc
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _remove_leftovers(self) -> None:
        for root in self._parent.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):  # its worker is alive, or it belongs to another user
                lock = os.open(root / _LOCK, os.O_RDWR)
                try:
                    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(root)
                finally:
                    os.close(lock)
