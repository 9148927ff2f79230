"""Kinds of keyframes, told from the first bytes of their packets."""

from __future__ import annotations

import pytest

from orchestrator.media.read.keyframe_kind import KeyframeKind, keyframe_kind

AVCC = bytes([1, 100, 0, 31, 0xFF])
HVCC = bytes([1, *[0] * 20, 0xFF])
IDR, SLICE, DELIMITER = bytes([0x65, 0x88]), bytes([0x41, 0x9A]), bytes([0x09, 0x10])
INTRA_SLICES = [bytes([0x41, 0x88]), bytes([0x41, 0xB8])]  # the whole picture has such slices, or this one is
RECOVERY = bytes(
    [0x06, 0x06, 0x01, 0xC4, 0x80]
)  # recovery_frame_cnt 0, exact_match_flag 1, broken_link_flag 0
LATER = bytes([0x06, 0x06, 0x01, 0x44, 0x80])  # recovery_frame_cnt 1
NEARLY = bytes([0x06, 0x06, 0x01, 0x84, 0x80])  # exact_match_flag 0
BROKEN = bytes([0x06, 0x06, 0x01, 0xE4, 0x80])  # broken_link_flag 1
LONG_MESSAGE = bytes([0x06, 0x05, 0xFF, 0x2D, *[7] * 300, 0x06, 0x01, 0xC4, 0x80])


def lengths(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4) + unit for unit in units)


def codes(*units: bytes) -> bytes:
    return b"".join(b"\0\0\0\1" + unit for unit in units)


@pytest.mark.parametrize("extradata", [AVCC, None])
@pytest.mark.parametrize(
    ("units", "kind"),
    [
        ([IDR], KeyframeKind.EXACT),
        ([DELIMITER, RECOVERY, IDR], KeyframeKind.EXACT),
        ([RECOVERY, SLICE], KeyframeKind.RECOVERY),
        ([DELIMITER, RECOVERY, INTRA_SLICES[0]], KeyframeKind.EXACT),
        ([RECOVERY, INTRA_SLICES[1]], KeyframeKind.EXACT),
        ([LATER, INTRA_SLICES[0]], KeyframeKind.RECOVERY),
        ([NEARLY, INTRA_SLICES[0]], KeyframeKind.RECOVERY),
        ([BROKEN, INTRA_SLICES[0]], KeyframeKind.RECOVERY),
        ([bytes([0x06, 0x06, 0x00, 0x80]), INTRA_SLICES[0]], KeyframeKind.RECOVERY),
        ([INTRA_SLICES[0]], KeyframeKind.NONE),
        ([DELIMITER, LONG_MESSAGE, SLICE, IDR], KeyframeKind.RECOVERY),
        ([SLICE], KeyframeKind.NONE),
        ([DELIMITER], KeyframeKind.NONE),
        ([], KeyframeKind.NONE),
    ],
)
def test_of_h264(extradata: bytes | None, units: list[bytes], kind: KeyframeKind) -> None:
    head = (lengths if extradata else codes)(*units)
    assert keyframe_kind("h264", head, extradata) == kind
    for count in range(len(head)):  # a head that is cut off anywhere is no error
        keyframe_kind("h264", head[:count], extradata)


@pytest.mark.parametrize("extradata", [HVCC, None])
@pytest.mark.parametrize(
    ("types", "kind"),
    [
        ([21], KeyframeKind.EXACT),
        ([35, 39, 19], KeyframeKind.EXACT),
        ([32, 33, 34, 16], KeyframeKind.EXACT),
        ([39, 1], KeyframeKind.NONE),
        ([35], KeyframeKind.NONE),
    ],
)
def test_of_hevc(extradata: bytes | None, types: list[int], kind: KeyframeKind) -> None:
    units = [bytes([each << 1, 1, 5]) for each in types]
    assert keyframe_kind("hevc", (lengths if extradata else codes)(*units), extradata) == kind


def test_of_other_codecs() -> None:
    assert keyframe_kind("vp9", b"", None) == KeyframeKind.EXACT
