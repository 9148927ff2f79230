"""Creates shared memory segments whose names tell which process made them, and removes those of dead ones.

A name is `framewright-<pid namespace>-<pid>-...`. Containers may share /dev/shm but number their processes
separately, so only for names of our own namespace can we check whether the process still runs.

Tritonserver keeps a segment mapped once it is registered, so the name is removed as soon as the server has
it: nothing is left in /dev/shm, however the process ends.
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
    """Return a new prefix for the names of segments, or of a folder, of this process."""
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
    """Remove the segments whose names begin with `prefix`."""
    for path in _FOLDER.glob(f"{prefix}*"):
        path.unlink(missing_ok=True)


def free_bytes() -> int:
    """Return the free space of /dev/shm.

    Raises:
        OSError: there is no such folder.
    """
    status = os.statvfs(_FOLDER)
    return status.f_bavail * status.f_frsize


class Segment:
    """A named segment of shared memory, fully allocated.

    Attributes:
        key: its name for shm_open(3), with the leading slash.
        memory: its bytes.
    """

    def __init__(self, byte_size: int) -> None:
        """Create and map the segment.

        Raises:
            OSError: /dev/shm is missing, or has less space (ENOSPC) than twice the size: Triton's Python
                backend takes as much again for its own copy of the tensors.
        """
        if 2 * byte_size > free_bytes():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(_FOLDER))
        self.key = "/" + unique_prefix() + "tensors"
        self._path = _FOLDER / self.key[1:]
        descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            # With ftruncate, writing to a page that tmpfs cannot supply would later be SIGBUS, not an error.
            os.posix_fallocate(descriptor, 0, byte_size)
            self.memory = mmap.mmap(descriptor, byte_size)
        except BaseException:
            self.remove_name()
            raise
        finally:
            os.close(descriptor)

    def remove_name(self) -> None:
        """Remove the name from /dev/shm; mappings stay until they are closed."""
        self._path.unlink(missing_ok=True)


def _namespace() -> str:
    return "".join(filter(str.isdigit, str(Path("/proc/self/ns/pid").readlink())))
