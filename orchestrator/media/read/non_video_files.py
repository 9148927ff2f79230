"""Recognises files that are not videos by their first bytes, and explains what to do with them."""

from __future__ import annotations

from orchestrator.video_source import VideoSource

HEIF_BRANDS = {"avif", "avis", "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}
"""Major brands of AVIF and HEIC pictures (ISO/IEC 23008-12), which FFmpeg opens as MP4."""

_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
_SOUND = (b"ID3", b"fLaC", b"FORM", b"\x0b\x77", *(bytes([0xFF, second]) for second in range(0xF0, 0xFC)))
"""First bytes of MP3, FLAC, AIFF and AC-3; the last ones are the sync words of MP3 and ADTS."""

_H264_UNITS = {6, 7, 9}
"""NAL units at the start of an H.264 stream: SEI, SPS and delimiter (ITU-T H.264, table 7-1)."""

_HEVC_UNITS = {32, 33, 34, 35, 39}
"""NAL units at the start of an HEVC stream: VPS, SPS, PPS, delimiter and SEI (ITU-T H.265, table 7-1)."""

_WEBP_IS_ANIMATED = 0x02
"""Flag of the VP8X chunk (RFC 9649, 2.7)."""


def explain_non_video(path: VideoSource) -> str | None:
    """Return what the file at `path` is and what to do with it; None if its kind is unknown.

    Only the first bytes are read.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(32)
    picture = next((name for magic, name in _PICTURES.items() if head.startswith(magic)), None)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        if head[12:16] == b"VP8X" and head[20] & _WEBP_IS_ANIMATED:
            return "is an animated WebP, which cannot be decoded: convert it to gif, png (APNG) or mp4 first"
        picture = "WebP"
    if picture:
        return explain_picture(picture)
    if head.startswith(_SOUND) or (head[:4] == b"RIFF" and head[8:12] == b"WAVE"):
        return "holds sound but no video: name a video file"
    if raw := _raw_stream(head):
        return (
            f"is a raw {raw} stream, which does not tell when its pictures are shown: put it into a "
            f"container with its frame rate first, for example with `MP4Box -add {path.name}:fps=25 out.mp4`"
        )
    return None


def explain_picture(kind: str) -> str:
    """Return what to do with a still picture of a kind, such as PNG."""
    return f"is a single picture ({kind}), not a video: use `framewright infer` for pictures"


def _raw_stream(head: bytes) -> str | None:
    """Return the codec of a raw H.264, HEVC or MPEG video stream, which begins with a start code."""
    prefix = next((code for code in (b"\0\0\0\1", b"\0\0\1") if head.startswith(code)), None)
    if prefix is None or len(head) < len(prefix) + 2:
        return None
    first, second = head[len(prefix) :][:2]
    if first >> 1 in _HEVC_UNITS and second == 1:
        return "HEVC"
    if first & 0x9F in _H264_UNITS:
        return "H.264"
    return "MPEG video" if first in {0x00, 0xB0, 0xB3} else None
