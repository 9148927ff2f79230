"""Geometry of the letterbox: the smallest picture with sides of a multiple that holds the whole one, scaled.

A rectangle, not a square: what a square would add is gray, and costs as much as picture. It knows nothing of
pixels.
"""

from __future__ import annotations

from fractions import Fraction

from orchestrator.errors import BadRequest
from orchestrator.frames import Letterbox


def letterbox(*, width: int, height: int, side: int, multiple: int) -> Letterbox:
    """Fit a picture into the smallest letterbox whose longer side is at most `side`.

    A picture that is smaller is made larger: detectors know objects by their size in pixels. Gray is split
    evenly between both ends, as in the training of the YOLO family.

    Args:
        width, height: of the picture as displayed, in square pixels: things get the shape they have on a
            screen.
        side: most pixels of the longer side; rounded down to `multiple`.
        multiple: both sides of the letterbox are multiples of it.

    Raises:
        BadRequest: side is less than multiple.
    """
    if side < multiple:
        raise BadRequest(f"a side of {side} pixels is too small, the detector takes {multiple} or more")
    side -= side % multiple
    scale = Fraction(side, max(width, height))
    inner_width = max(1, round(width * scale))
    inner_height = max(1, round(height * scale))
    outer_width = -(-inner_width // multiple) * multiple
    outer_height = -(-inner_height // multiple) * multiple
    return Letterbox(
        source_width=width,
        source_height=height,
        width=outer_width,
        height=outer_height,
        left=(outer_width - inner_width) // 2,
        top=(outer_height - inner_height) // 2,
        inner_width=inner_width,
        inner_height=inner_height,
    )
