"""Draws small digits from whole pixels, so that none can be taken for another.

OpenCV's fonts are lines with smoothed edges: at a height of 7 pixels the openings of 3, 6, 8, 9 and 0 become
gray, and 0.86 reads as 0.88.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DIGIT_HIGH_PX, DIGIT_WIDE_PX = 7, 5

_DRAWN = """
.###. ..#.. .###. .###. ...#. ##### .###. ##### .###. .###.
#...# .##.. #...# #...# ..##. #.... #...# ....# #...# #...#
#...# ..#.. ....# ....# .#.#. ####. #.... ...#. #...# #...#
#...# ..#.. ..##. ..##. #..#. ....# ####. ...#. .###. .####
#...# ..#.. .#... ....# ##### ....# #...# ..#.. #...# ....#
#...# ..#.. #.... #...# ...#. #...# #...# ..#.. #...# #...#
.###. .###. ##### .###. ...#. .###. .###. ..#.. .###. .###.
"""

_ROWS = np.array([list(row.replace(" ", "")) for row in _DRAWN.split("\n") if row]) == "#"

SMALL_DIGITS: tuple[NDArray[np.bool_], ...] = tuple(np.split(_ROWS, 10, axis=1))
"""The digits from 0 to 9: bool [7, 5] each, True where a pixel is dark."""
