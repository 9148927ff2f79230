"""Plans how a picture is scaled to the input of a detector: into a letterbox, or stretched to a square.

A letterbox is the smallest rectangle with sides of the size multiple, not a square: the gray that a square
would add costs as much to infer as the picture.
"""

from __future__ import annotations

from fractions import Fraction

from orchestrator.errors import BadRequest
from orchestrator.frames import Letterbox


def letterbox(*, width: int, height: int, side: int, multiple: int) -> Letterbox:
    """Fit a picture into the smallest letterbox whose longer side is at most `side`.

    Smaller pictures are enlarged: detectors recognise objects by their size in pixels. Gray is split evenly
    between both ends, as in the training of the YOLO family.

    Args:
        width, height: size of the picture as displayed, in square pixels, so that objects keep their shape.
        side: longest side in pixels; rounded down to `multiple`.
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


def stretched(*, width: int, height: int, square: int) -> Letterbox:
    """Fit a picture into a square without a border, which changes the shape of objects.

    Args:
        width, height: size of the picture as displayed, in square pixels.
        square: the side of the square in pixels.
    """
    return Letterbox(
        source_width=width,
        source_height=height,
        width=square,
        height=square,
        left=0,
        top=0,
        inner_width=square,
        inner_height=square,
    )
