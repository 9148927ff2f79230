"""Describes the planes that the pictures of a video have, or are given."""

from __future__ import annotations

from orchestrator.frames import VideoInfo
from orchestrator.media.colour.chroma_location import POSITIONS, Position
from orchestrator.media.colour.pixel_format import Chroma, upright_chroma
from orchestrator.plane_format import PlaneFormat


def coded_format(info: VideoInfo) -> PlaneFormat:
    """Return the format of the planes of a video's upright pictures, if `can_read_planes`."""
    chroma = upright_chroma(info)
    return PlaneFormat(
        matrix=info.colour.matrix,
        full_range=info.colour.full_range,
        bits=info.bit_depth,
        chroma=chroma,
        siting=siting_along(chroma, POSITIONS[info.chroma_location or "center"]),
    )


def siting_along(chroma: Chroma, position: Position) -> Position:
    """Return a position of chroma samples, with 0 along axes that are not subsampled."""
    (across, down), (x, y) = chroma, position
    return (x if across == 2 else 0.0, y if down == 2 else 0.0)
