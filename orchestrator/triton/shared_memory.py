"""System shared memory segments, named so that those of a dead process are known and removed.

A name is `framewright-<pid namespace>-<pid>-...`. Containers may share /dev/shm and count processes apart:
only names of our own namespace tell whether their process lives.

Tritonserver keeps its mapping of a segment once it is registered, so a segment's name is removed as soon as
the server has it: nothing is left in /dev/shm, however the process ends.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import logging
import mmap
import os
import re
from pathlib import Path

_FOLDER = Path("/dev/shm")  # noqa: S108  where Linux keeps POSIX shared memory, not a temporary file
_log = logging.getLogger(__name__)
_serial = itertools.count(1)


def unique_prefix() -> str:
    """Begin the names of a new group of segments, or of a folder, of this process."""
    return f"framewright-{_namespace()}-{os.getpid()}-{next(_serial)}-"


def is_leftover(name: str) -> bool:
    """Whether a segment, region or folder of this name belongs to a process that is gone."""
    owner = re.match(rf"framewright-{_namespace()}-(\d+)-", name)
    return owner is not None and not Path("/proc", owner[1]).exists()


def remove_leftovers() -> None:
    """Remove the segments of processes that are gone."""
    for path in _FOLDER.glob("framewright-*"):
        if is_leftover(path.name):
            with contextlib.suppress(OSError):
                path.unlink()
                _log.debug("removed the leftover segment %s", path.name)


def remove(prefix: str) -> None:
    """Remove the segments whose names begin so."""
    for path in _FOLDER.glob(f"{prefix}*"):
        path.unlink(missing_ok=True)


def free_bytes() -> int:
    """Return how much more fits into /dev/shm.

    Raises:
        OSError: there is no such folder.
    """
    found = os.statvfs(_FOLDER)
    return found.f_bavail * found.f_frsize


class Segment:
    """A named piece of shared memory, all of it allocated.

    Attributes:
        key: its name as shm_open(3) takes it, with the leading slash.
        memory: its bytes.
    """

    def __init__(self, byte_size: int) -> None:
        """Make it.

        Raises:
            OSError: /dev/shm is missing, or has no room (ENOSPC) for it and as much again, which Triton's
                Python backend takes there for its own copy of the tensors.
        """
        if 2 * byte_size > free_bytes():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(_FOLDER))
        self.key = "/" + unique_prefix() + "tensors"
        self._path = _FOLDER / self.key[1:]
        descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            # Not ftruncate: writing to a page that tmpfs cannot supply later is SIGBUS, not an error.
            os.posix_fallocate(descriptor, 0, byte_size)
            self.memory = mmap.mmap(descriptor, byte_size)
        except BaseException:
            self.remove_name()
            raise
        finally:
            os.close(descriptor)

    def remove_name(self) -> None:
        """Take the name out of /dev/shm; mappings stay until they are closed."""
        self._path.unlink(missing_ok=True)


def _namespace() -> str:
    return "".join(filter(str.isdigit, str(Path("/proc/self/ns/pid").readlink())))
