"""Download a catalog model's weight file: resumed, retried, and verified before it gets its name.

Until the hash is proved the bytes stand in `<file>.part`, which an interrupted download leaves behind for the
next one to go on from. Does NOT open the file, nor show progress itself.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import urllib3

from export_onnx.transfer import Source, TryAgain, length, receive
from export_onnx.weights import how_to_get, mismatch, sha256_of
from orchestrator.errors import DiskFull, DownloadFailed, OutputRefused, WeightsRefused, WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from export_onnx.catalog import CatalogModel

PROGRESS_BYTES = 1 << 20
"""A try that brought this much shows that the network works: the count of failures starts over."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to try.

    Attributes:
        tries: in a row, without progress.
        backoff_s: wait after the first failure; doubled after each further one.
        longest_wait_s: no wait is longer; a server that asks for more is given up on.
        connect_s: longest wait for a connection.
        read_s: longest silence of a connection.
    """

    tries: int = 6
    backoff_s: float = 1.0
    longest_wait_s: float = 60.0
    connect_s: float = 10.0
    read_s: float = 30.0


DEFAULT_PATIENCE = Patience()


def fetch(
    model: CatalogModel,
    weights_dir: Path,
    *,
    report: Callable[[str], None],
    advance: Callable[[int, int | None], None],
    patience: Patience = DEFAULT_PATIENCE,
    schemes: tuple[str, ...] = ("https",),
) -> bool:
    """Have the model's weight file in its place, whole and verified.

    Args:
        model: of the catalog.
        weights_dir: where downloaded files land; made if it does not exist.
        report: is told what goes wrong on the way, one line each.
        advance: is told the bytes that are there and, once known, the bytes of the whole file.
        patience: how long to try.
        schemes: of the addresses that may be asked, also after a redirect.

    Returns:
        Whether anything was downloaded: False when the right file was there.

    Raises:
        WeightsRefused: what is there, or what the server gives, is not the file the catalog names; or the
            server has no such file.
        DownloadFailed: the network failed after all tries.
        DiskFull, OutputRefused: the file cannot be written.
    """
    path = model.path(weights_dir)
    try:
        if path.exists():
            if (actual := sha256_of(path)) != model.sha256:
                raise WeightsRefused(mismatch(model, path, actual))
            return False
        if model.url is None:
            raise WeightsRefused(f"there is no weight file {path}; {how_to_get(model)}")
        weights_dir.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        with _opened(part) as file:
            source = Source(url=model.url, file=model.file, bytes=model.bytes, schemes=schemes)
            _receive_all(source, file, report, advance, patience)
            os.fsync(file)
            if (actual := sha256_of(part)) != model.sha256:
                part.unlink()
                raise WeightsRefused(
                    f"{model.url} gave another {model.file} than the catalog names: SHA-256 should be "
                    f"{model.sha256} but is {actual}; it was removed: fetch again, or get the file elsewhere"
                )
            part.replace(path)
    except OSError as exc:
        raise _translated(exc, weights_dir) from exc
    return True


@contextlib.contextmanager
def _opened(part: Path) -> Iterator[int]:
    """The partial file, to append to, for this process alone. Raises DownloadFailed when another has it."""
    file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between the opening and the lock another fetch may have finished and renamed it.
            busy = not part.exists() or not os.path.samestat(os.fstat(file), part.stat())
        except BlockingIOError:
            busy = True
        if busy:
            raise DownloadFailed(f"{part} is being written by another fetch; wait until that one is done")
        try:
            yield file
        finally:
            if not length(file):
                part.unlink(missing_ok=True)
    finally:
        os.close(file)


def _receive_all(
    source: Source,
    file: int,
    report: Callable[[str], None],
    advance: Callable[[int, int | None], None],
    patience: Patience,
) -> None:
    """Bring the open file to its full length, over as many requests as that takes."""
    deadlines = urllib3.Timeout(connect=patience.connect_s, read=patience.read_s)
    failures = 0
    with urllib3.PoolManager(timeout=deadlines, retries=False) as pool:
        while True:
            before = length(file)
            try:
                receive(pool, source, file, advance)
            except TryAgain as exc:
                failures = 1 if length(file) - before >= PROGRESS_BYTES else failures + 1
                wait_s = _wait_s(exc, failures, source, patience)
                report(f"{source.file}: {exc}; trying again in {wait_s:.0f} s")
                time.sleep(wait_s)
            else:
                return


def _wait_s(failure: TryAgain, failures: int, source: Source, patience: Patience) -> float:
    """Seconds to wait before the next try. Raises DownloadFailed when there should be none."""
    if failures >= patience.tries:
        raise DownloadFailed(
            f"cannot download {source.file} from {source.url}: {failure}, {failures} times in a row; "
            "check the network and fetch again, it goes on where it stopped"
        ) from failure
    if failure.wait_s is None:
        return min(patience.backoff_s * 2.0 ** (failures - 1), patience.longest_wait_s)
    if failure.wait_s > patience.longest_wait_s:
        raise DownloadFailed(
            f"cannot download {source.file} now: {failure} and asks to wait {failure.wait_s:.0f} s; "
            "fetch again after that"
        ) from failure
    return failure.wait_s


def _translated(exc: OSError, weights_dir: Path) -> WorkerError:
    if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(f"no space is left in {weights_dir}; free some, or set WEIGHTS_DIR to another disk")
    return OutputRefused(
        f"cannot write to {weights_dir}: {exc.strerror}; set WEIGHTS_DIR to a folder that can"
    )
