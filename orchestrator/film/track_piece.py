"""Writes and reads the payload of a piece of a tracked film: detections and small gray pictures, as a `.npz`.

`numpy.load` opens it. Its arrays hold blocks of at most `BLOCK_FRAMES` frames each, so that neither writing
nor reading holds more than one block in memory:

    about             uint8 [n], `TrackPieceFacts` as JSON
    counts_00000      int32 [F], detections in each frame; 0 in frames that the detector did not see
    detections_00000  float32 [M, 6], those of all frames of the block, in order; see `Detections`
    grays_00000       uint8 [F, h, w], each picture minus the one before it in the block, modulo 256

The differences compress better than the pictures.

`read_track_piece` reads it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from orchestrator.errors import DiskFull, PlanRefused
from orchestrator.frames import Detections
from orchestrator.inference.detector import GRAY_LONGEST_PX
from orchestrator.jobs.validation import Strict

BLOCK_FRAMES = 128
"""Frames of a block: 8 MB of pictures of 320 x 180 px."""

MOST_DETECTIONS = 10_000
"""Most detections in a frame. Detectors give 300, unless they are built for more."""

MOST_BYTES = zipfile.ZIP64_LIMIT
"""Largest payload: up to here a zip file needs no extensions. It holds about a day of ByteTrack at 25 fps."""

_Side = Annotated[int, Field(ge=1, le=GRAY_LONGEST_PX)]


class TrackPieceFacts(Strict):
    """Describes the detections of a piece. The first four fields are the same in all pieces of a film."""

    classes: tuple[str, ...]
    """The names of the detector's classes, by number."""
    input_size: tuple[int, int]
    """[height, width] of the pictures that the detector saw, in pixels."""
    max_detections: int = Field(ge=0, le=MOST_DETECTIONS)
    """The most detections that the detector gives in a frame."""
    gray_size: tuple[_Side, _Side]
    """[height, width] of the gray pictures, in pixels."""
    reused_frames: int = Field(ge=0)
    """Frames that were not inferred because they equal the last one that was."""


class TrackPieceWriter:
    """Writes the payload of a piece; a context manager, whose exit closes the file.

    Args:
        path: the file to write.

    Attributes:
        frames: number of frames so far.
        seen: number of these that the detector saw.

    Raises:
        DiskFull: the file could not be written.
        PlanRefused: it would be larger than MOST_BYTES.
    """

    def __init__(self, path: Path) -> None:
        self.frames = self.seen = 0
        self._path = path
        with self._reported():
            self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=False)
        self._gray_size = (1, 1)
        self._block: list[tuple[Detections | None, NDArray[np.uint8]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            with self._reported():
                self._archive.close()
        else:  # closing writes to the file, and may fail as what ended the block did
            with suppress(OSError, zipfile.LargeZipFile):
                self._archive.close()

    def add(self, detections: Detections | None, gray: NDArray[np.uint8]) -> None:
        """Add a frame.

        Args:
            detections: float32 [N, 6]; None if the detector did not see the frame.
            gray: uint8 [h, w], always of one size.
        """
        self._block.append((detections, gray))
        self._gray_size = gray.shape[0], gray.shape[1]
        self.frames += 1
        self.seen += detections is not None
        if len(self._block) == BLOCK_FRAMES:
            self._write_block()

    def finish(
        self,
        *,
        classes: tuple[str, ...],
        input_size: tuple[int, int],
        max_detections: int,
        reused_frames: int,
    ) -> None:
        """Write what is left, after at least one frame; for the arguments see `TrackPieceFacts`."""
        if self._block:
            self._write_block()
        facts = TrackPieceFacts(
            classes=classes,
            input_size=input_size,
            max_detections=max_detections,
            gray_size=self._gray_size,
            reused_frames=reused_frames,
        )
        self._write("about", np.frombuffer(facts.model_dump_json().encode(), np.uint8))

    def _write_block(self) -> None:
        number = (self.frames - 1) // BLOCK_FRAMES
        found = [np.empty((0, 6), np.float32) if rows is None else rows for rows, _ in self._block]
        grays = np.stack([gray for _, gray in self._block])
        grays[1:] -= grays[:-1].copy()
        self._block.clear()
        self._write(f"counts_{number:05d}", np.array([len(rows) for rows in found], np.int32))
        self._write(f"detections_{number:05d}", np.concatenate(found).astype(np.float32))
        self._write(f"grays_{number:05d}", grays)

    def _write(self, name: str, array: NDArray[Any]) -> None:
        member = zipfile.ZipInfo(f"{name}.npy")  # without the time, so that equal pieces are equal files
        member.compress_type = zipfile.ZIP_DEFLATED
        with self._reported():
            self._archive.writestr(member, npy_header(array.shape, array.dtype) + array.tobytes())

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Translate the errors of writing."""
        try:
            yield
        except zipfile.LargeZipFile as exc:
            raise PlanRefused(
                f"a segment takes more than {MOST_BYTES} bytes; plan the film in more segments"
            ) from exc
        except OSError as exc:
            raise DiskFull(f"{self._path} cannot be written: {exc.strerror}; free some space") from exc


def npy_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return the bytes before the values of an array in a `.npy` file, version 1.0."""
    header = io.BytesIO()
    facts = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, facts)
    return header.getvalue()
