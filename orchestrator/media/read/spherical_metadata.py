"""Reads the metadata of 360 degree videos from decoded pictures."""

from __future__ import annotations

import struct
from typing import Literal

import av

from orchestrator.frames import SphericalVideo
from orchestrator.media.colour.hdr_metadata import side_data

_EQUIRECTANGULAR = 0
_STEREO: dict[int, Literal["left-right", "top-bottom"]] = {1: "left-right", 2: "top-bottom"}
"""FFmpeg's AVStereo3DType of the two layouts in Google's Spherical Video RFC, version 1."""


def read_spherical(picture: av.VideoFrame) -> SphericalVideo | None:
    """Return the metadata of a picture that is a whole equirectangular sphere; None for any other picture.

    The side data are FFmpeg's AVSphericalMapping (projection, three angles in 1/65536 degrees, four bounds,
    padding) and AVStereo3D.
    """
    data = side_data(picture, "SPHERICAL")
    if data is None:
        return None
    projection, *angles, left, top, right, bottom = struct.unpack_from("=8i", data)
    if projection != _EQUIRECTANGULAR or any((left, top, right, bottom)):
        return None
    yaw, pitch, roll = (round(angle / 65536) for angle in angles)
    stereo = side_data(picture, "STEREO3D")
    kind = None if stereo is None else _STEREO.get(struct.unpack_from("=i", stereo)[0])
    return SphericalVideo(yaw=yaw, pitch=pitch, roll=roll, stereo=kind)
