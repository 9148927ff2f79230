"""Plans the letterbox that holds a scaled picture for a detector.

It is the smallest rectangle with sides of the size multiple, not a square: the gray that a square would add
costs as much to infer as the picture.
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
