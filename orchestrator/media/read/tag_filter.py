"""Separates tags that describe a film (title, artist, place...) from tags that describe a file's own coding.

A tag that names the encoder, the container's brand or the number of bytes would be wrong in another file, so
it is neither copied nor compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_OF_THE_FILE = frozenset(
    {
        # mp4 and mov
        *("major_brand", "minor_version", "compatible_brands", "encoder"),
        # flv: what its writers state about their own file
        *("metadatacreator", "hasvideo", "hasaudio", "hasmetadata", "haskeyframes", "hascuepoints"),
        *("canseektoend", "datasize", "videosize", "audiosize", "lasttimestamp", "lastkeyframetimestamp"),
        *("lastkeyframelocation", "totalduration", "totaldatarate", "bytelength", "stereo"),
        # wmv
        *("wmfsdkversion", "wmfsdkneeded", "isvbr", "deviceconformancetemplate"),
    }
)

_MUXER = "Lavf"
"""FFmpeg's name, which AVI files have as the software that wrote them."""

_OF_THE_CODING = frozenset({"encoder", "encoder_options", "rotate", "vendor_id", "alpha_mode"})
_STATISTICS = ("bps", "number_of", "_statistics", "duration", "source_id")
"""Beginnings of mkvmerge's statistics tags, such as `BPS-eng` and `NUMBER_OF_FRAMES`."""

_USUAL_HANDLERS = frozenset(
    {"videohandler", "soundhandler", "subtitlehandler", "datahandler", "timecodehandler"}
)
"""FFmpeg's default handler names of tracks."""

# fmt: off
_TERMINOLOGIC = {
    "alb": "sqi", "arm": "hye", "baq": "eus", "bur": "mya", "chi": "zho", "cze": "ces", "dut": "nld",
    "fre": "fra", "geo": "kat", "ger": "deu", "gre": "ell", "ice": "isl", "mac": "mkd", "mao": "mri",
    "may": "msa", "per": "fas", "rum": "ron", "slo": "slk", "tib": "bod", "wel": "cym",
}
# fmt: on
"""Languages with two codes in ISO 639-2: Matroska uses the first, MP4 the second."""

_BIBLIOGRAPHIC = {second: first for first, second in _TERMINOLOGIC.items()}

_SECOND_IN_MOV = frozenset({"ces", "fra", "ron", "slk"})
"""The languages among them that FFmpeg's QuickTime table lists by the second code (found by trying)."""

MOST_SHOWN = 60
"""Longest text in a message: names of tags may come from a stranger."""


_LOCATION = re.compile(r"([+-][\d.]+)([+-][\d.]+)([+-][\d.]+)?(?:CRS\w+)?/?$")
"""Latitude, longitude and height by ISO 6709."""


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return a file's tags without those that describe its container and its muxer."""
    return {
        key: value
        for key, value in tags.items()
        if key.lower() not in _OF_THE_FILE and not (key == "software" and value.startswith(_MUXER))
    }


def same_language(code: str | None) -> str | None:
    """Return the same ISO 639-2 code for both codes of a language; None for None."""
    return None if code is None else _TERMINOLOGIC.get(code, code)


def same_value(before: str, after: str) -> bool:
    """Return whether two values of a tag are equal; locations are compared as numbers, since muxers round."""
    if before.strip() == after.strip():
        return True
    was, became = _LOCATION.match(before), _LOCATION.match(after)
    if was is None or became is None:
        return False
    pairs = zip(was.groups(), became.groups(), strict=True)
    return all(abs(float(one or 0) - float(other or 0)) < 1e-4 for one, other in pairs)


def mov_language(code: str) -> str:
    """Return the code of a language that FFmpeg's mov muxer knows, if the language has two."""
    second = _TERMINOLOGIC.get(code, code)
    return second if second in _SECOND_IN_MOV else _BIBLIOGRAPHIC.get(second, code)


def is_of_camera(key: str) -> bool:
    """Return whether phones and cameras write a tag: `com.apple.quicktime.make`, `com.android.version`."""
    return key.lower().startswith("com.") or key.lower() in {"make", "model"}


def track_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return a stream's tags without those that describe its coding; its title is named `title`.

    FFmpeg's MP4 demuxer names it `name`, but all muxers expect `title`.
    """
    kept = {
        key: value
        for key, value in tags.items()
        if key.lower() not in _OF_THE_CODING and not key.lower().startswith(_STATISTICS)
    }
    if "name" in kept:
        name = kept.pop("name")
        kept.setdefault("title", name)
    return {
        key: value
        for key, value in kept.items()
        if key.lower() != "handler_name" or value.lower() not in _USUAL_HANDLERS
    }


def writable(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags as valid UTF-8, which every container requires; readers refuse files without it.

    Args:
        tags: tags from PyAV with `surrogateescape`.

    Returns:
        The tags whose names are UTF-8; invalid bytes in values are replaced by U+FFFD.
    """
    return {key: valid(value) for key, value in tags.items() if valid(key) == key}


def valid(text: str) -> str:
    """Return a text from a file with invalid UTF-8 bytes replaced by U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def chapter_title(tags: Mapping[str, str]) -> str:
    """Return the title of a chapter; empty if it has none."""
    return next((value for key, value in tags.items() if key.lower() == "title"), "")


def printable(text: str) -> str:
    r"""Return a text from a file for a message: one short line, with invalid UTF-8 bytes as `\xff`.

    Args:
        text: a text from PyAV with `surrogateescape`.
    """
    whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    plain = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in whole)
    return plain if len(plain) <= MOST_SHOWN else plain[: MOST_SHOWN - 3] + "..."
