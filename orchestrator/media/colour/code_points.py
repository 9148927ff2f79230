"""Names the code points of ITU-T H.273 that tag the matrix, the primaries and the transfer of a video."""

from __future__ import annotations

# Matrix coefficients; the same code points name the primaries and the transfer that go with each.
RGB, BT709, UNSPECIFIED, RESERVED, FCC, BT470BG, SMPTE170M, SMPTE240M, BT2020 = 0, 1, 2, 3, 4, 5, 6, 7, 9
DCI_P3, DISPLAY_P3 = 11, 12  # primaries
BT2020_10BIT_TRANSFER, PQ, HLG = 14, 16, 18  # transfer characteristics
