"""Writes and reads the payload of a piece of a tracked film: detections and small gray pictures, as a `.npz`.

`numpy.load` opens it. Its arrays hold blocks of `BLOCK_FRAMES` frames each, so neither writing nor reading
holds more than one block in memory:

    about            uint8 [n], `TrackPieceFacts` as JSON
    counts_00000     int32 [F], detections of each frame; 0 for frames that the detector did not see
    detections_00000 float32 [M, 6], those of all frames of the block, in order; see `Detections`
    grays_00000      uint8 [F, h, w], each picture minus the one before it in the block, modulo 256

The differences compress better than the pictures.

A piece comes from a store that others may write to, so nothing in it is trusted: the shape and type of every
array follow from the plan, and are compared before anything is decompressed or allocated.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import batched
from pathlib import Path
from typing import IO, Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from orchestrator.errors import PieceDamaged, disk_full_error
from orchestrator.frames import Detections
from orchestrator.inference.detector import GRAY_LONGEST_PX, DetectedFrame
from orchestrator.jobs.validation import Strict
