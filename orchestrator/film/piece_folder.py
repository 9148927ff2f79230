"""Keeps a film's pieces in a folder, which several drivers and workers may use at once.

The folder of a film is `<folder>/<plan_hash>`. It holds `plan.json`, a `<number>.piece` for each segment that
is done, `<number>.lock`, which a process holds while it makes that piece, and `journal.ndjson`, a line for
each start and end of work on a segment. A piece appears by a rename, so one that exists is complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import OutputPathRefused, PieceDamaged, PlanRefused, disk_full_error
from orchestrator.film.document import FilmPlan, PieceManifest, document, hash_of, read_plan
from orchestrator.film.piece import check_manifest, check_piece, read_manifest
from orchestrator.storage.staged import staged

_LOCK_CHECK_S = 0.1


class PieceFolder:
    """The folder of one film's pieces; it provides them to `film.assemble`.

    Args:
        parent: the folder that the user chose; it may hold pieces of other plans.
        plan: the plan of the film.
        plan_hash: its hash.
    """

    def __init__(self, parent: Path, plan: FilmPlan, plan_hash: str) -> None:
        self.parent = parent
        self.folder = parent / plan_hash
        self.plan = plan
        self.plan_hash = plan_hash

    @classmethod
    def create(cls, parent: Path, plan: FilmPlan) -> PieceFolder:
        """Create the folder of a plan, if it does not exist, and write the plan into it.

        Raises:
            OutputPathRefused: the folder cannot be created or written to.
            DiskFull: no space is left.
        """
        data = document(plan)
        pieces = cls(parent, plan, hash_of(data))
        try:
            pieces.folder.mkdir(parents=True, exist_ok=True)
            with staged(pieces.folder / "plan.json", overwrite=True) as temporary:
                temporary.write_bytes(data)
        except OSError as exc:
            raise disk_full_error(exc) or OutputPathRefused(
                f"the folder of pieces {parent} cannot be written: {exc.strerror}; choose another"
            ) from exc
        return pieces

    @classmethod
    def open(cls, parent: Path, plan_hash: str) -> PieceFolder:
        """Open the folder of a plan that a driver has created.

        Raises:
            PlanRefused: it is not there, or its plan is not the one with this hash.
        """
        try:
            data = (parent / plan_hash / "plan.json").read_bytes()
        except OSError as exc:
            raise PlanRefused(
                f"{parent / plan_hash} cannot be read on {os.uname().nodename}: {exc.strerror}; workers "
                "need the video and the pieces under the same paths as the driver: share a file system"
            ) from exc
        return cls(parent, read_plan(data, expected_hash=plan_hash), plan_hash)

    def path(self, number: int) -> Path:
        """Return the path of a piece, whether it exists or not."""
        return self.folder / f"{number}.piece"

    def manifest(self, number: int) -> PieceManifest:
        """Read and check the manifest of a piece.

        Raises:
            PieceDamaged: the piece is missing, damaged, or not that of this segment.
        """
        manifest = read_manifest(self.path(number))
        check_manifest(manifest, self.plan, self.plan_hash, number)
        return manifest

    @contextmanager
    def opened(self, number: int) -> Iterator[Path]:
        """Yield the path of a piece."""
        yield self.path(number)

    def has(self, number: int) -> bool:
        """Return whether a piece is there and right, by its manifest; one that is not is removed."""
        try:
            self.manifest(number)
        except PieceDamaged:
            self.discard(number)
            return False
        return True

    def has_whole(self, number: int) -> bool:
        """Return whether a piece is right when all of it is read; one that is not is removed."""
        try:
            check_piece(self.path(number), self.manifest(number), self.plan, self.plan_hash, number)
        except PieceDamaged:
            self.discard(number)
            return False
        return True

    def discard(self, number: int) -> None:
        """Remove a piece, so that it is made again.

        Raises:
            OutputPathRefused: it cannot be removed, as a folder of that name.
        """
        path = self.path(number)
        try:
            path.unlink(missing_ok=True)
        except OSError as exc:
            raise OutputPathRefused(f"{path} is no piece and cannot be removed: {exc.strerror}") from exc

    def preview_file(self, number: int) -> Path:
        """Return a copy of a piece of a video, named so that players open it."""
        path = self.folder / f"preview-{number}.mp4"
        path.unlink(missing_ok=True)
        try:
            path.hardlink_to(self.path(number))
        except OSError:  # a file system without hard links
            shutil.copyfile(self.path(number), path)
        return path

    @contextmanager
    def claimed(self, number: int, *, while_waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the lock of a segment for the duration of the block. A process that dies releases it.

        Args:
            number: the number of the segment.
            while_waiting: is called again and again while another process holds the lock; it may raise.

        Raises:
            OutputPathRefused: the folder cannot be written to.
        """
        path = self.folder / f"{number}.lock"
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as exc:
            raise OutputPathRefused(f"{path} cannot be written: {exc.strerror}") from exc
        try:
            while not _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
                while_waiting()
                time.sleep(_LOCK_CHECK_S)
            yield
        finally:
            os.close(file)

    def write_journal(self, event: str, number: int) -> None:
        """Append an event to the journal, for people who want to know which worker did what."""
        line = {"event": event, "segment": number, "host": os.uname().nodename, "pid": os.getpid()}
        with contextlib.suppress(OSError), self._journal.open("a") as file:
            file.write(json.dumps(line) + "\n")

    @property
    def _journal(self) -> Path:
        return self.folder / "journal.ndjson"

    def result_of(self, output: Path) -> Path:
        """Return the path of the result of a driver that has finished an output while others still run."""
        name = hashlib.sha256(os.fsencode(output.resolve())).hexdigest()
        return self.folder / f"result-{name}.json"

    @contextmanager
    def shared(self) -> Iterator[SharedFolder]:
        """Hold the lock that all drivers of this film share, for the duration of the block.

        A block that fails before any work has begun leaves no folder.
        """
        path = self.folder / "drivers.lock"
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            first = _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _lock(file, fcntl.LOCK_SH)
            with contextlib.suppress(OSError):
                if path.stat().st_ino == os.fstat(file).st_ino and (self.folder / "plan.json").exists():
                    break
            os.close(file)  # another driver has finished the film and removed the folder
            self.create(self.parent, self.plan)
        try:
            if first:
                for earlier in self.folder.glob("result-*.json"):
                    earlier.unlink(missing_ok=True)
            yield SharedFolder(self, file, first=first)
        except BaseException:
            if not (self._journal.exists() or any(self.folder.glob("*.piece"))):
                SharedFolder(
                    self, file, first=first
                ).remove()  # no work has begun, so there is nothing to keep
            raise
        finally:
            os.close(file)

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Run the block while no other driver of this film runs it."""
        with (self.folder / "assembly.lock").open("w") as file:
            _lock(file.fileno(), fcntl.LOCK_EX)
            yield


class SharedFolder:
    """A folder of pieces that a driver uses, perhaps beside others.

    Attributes:
        first: whether no other driver used the folder when this one came.
    """

    def __init__(self, pieces: PieceFolder, file: int, *, first: bool) -> None:
        self._pieces = pieces
        self._file = file
        self.first = first

    def remove(self) -> None:
        """Remove the folder, unless another driver still uses it: the last one removes it."""
        if not _lock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return
        shutil.rmtree(self._pieces.folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # it holds pieces of other plans
            self._pieces.parent.rmdir()


def _lock(file: int, kind: int) -> bool:
    """Lock a file; return False if another process holds it. File systems without locks count as free."""
    try:
        fcntl.flock(file, kind)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
