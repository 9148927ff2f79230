"""Describes the planes that the pictures of a video have, or are given."""

from __future__ import annotations

import numpy as np

from orchestrator.frames import VideoInfo
from orchestrator.media.colour.chroma_location import POSITIONS, Position
from orchestrator.media.colour.pixel_format import Chroma, upright_chroma
from orchestrator.plane_format import PlaneFormat


def coded_format(info: VideoInfo) -> PlaneFormat:
    """Return the format of the planes of a video's upright pictures, if `can_read_planes`."""
    chroma = upright_chroma(info)
    x, y = POSITIONS[info.chroma_location or "center"]
    mirrored_across, mirrored_down = _mirrored_axes(info)
    # The first sample of an odd side that is mirrored has one column or row, not two.
    x -= mirrored_across and info.width % 2
    y -= mirrored_down and info.height % 2
    return PlaneFormat(
        matrix=info.colour.matrix,
        full_range=info.colour.full_range,
        bits=info.bit_depth,
        chroma=chroma,
        siting=siting_along(chroma, (x, y)),
    )


def _mirrored_axes(info: VideoInfo) -> tuple[bool, bool]:
    """Return whether the first column and the first row of upright pictures are the last ones as coded."""
    corners = np.array([[0, 1], [2, 3]])
    upright = np.rot90(corners[:, ::-1] if info.mirrored else corners, info.rotation // 90)
    across, down = bool(upright[0, 0] & 1), bool(upright[0, 0] & 2)
    return (down, across) if info.rotation % 180 else (across, down)


def siting_along(chroma: Chroma, position: Position) -> Position:
    """Return a position of chroma samples, with 0 along axes that are not subsampled."""
    (across, down), (x, y) = chroma, position
    return (x if across == 2 else 0.0, y if down == 2 else 0.0)
