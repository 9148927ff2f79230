"""Tells tags that describe a film (title, artist, place...) from tags that describe one file's own coding.

A tag that names the encoder, the container's brand or the number of bytes would be false in another file, so
it is neither carried over nor missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_THE_FILE = frozenset(
    {
        # mp4 and mov
        *("major_brand", "minor_version", "compatible_brands", "encoder"),
        # flv: what its writers say of their own file
        *("metadatacreator", "hasvideo", "hasaudio", "hasmetadata", "haskeyframes", "hascuepoints"),
        *("canseektoend", "datasize", "videosize", "audiosize", "lasttimestamp", "lastkeyframetimestamp"),
        *("lastkeyframelocation", "totalduration", "totaldatarate", "bytelength", "stereo"),
        # wmv
        *("wmfsdkversion", "wmfsdkneeded", "isvbr", "deviceconformancetemplate"),
    }
)

_MUXER = "Lavf"
"""How FFmpeg names itself; in AVI as the software that wrote the file."""

_OF_THE_CODING = frozenset({"encoder", "encoder_options", "rotate", "vendor_id", "alpha_mode"})
_STATISTICS = ("bps", "number_of", "_statistics", "duration", "source_id")
"""What mkvmerge counts in each track, such as `BPS-eng` and `NUMBER_OF_FRAMES`."""

_USUAL_HANDLERS = frozenset(
    {"videohandler", "soundhandler", "subtitlehandler", "datahandler", "timecodehandler"}
)
"""What FFmpeg writes as a track's handler name where there is none."""

# fmt: off
_TERMINOLOGIC = {
    "alb": "sqi", "arm": "hye", "baq": "eus", "bur": "mya", "chi": "zho", "cze": "ces", "dut": "nld",
    "fre": "fra", "geo": "kat", "ger": "deu", "gre": "ell", "ice": "isl", "mac": "mkd", "mao": "mri",
    "may": "msa", "per": "fas", "rum": "ron", "slo": "slk", "tib": "bod", "wel": "cym",
}
# fmt: on
"""The languages that have two codes in ISO 639-2: Matroska writes the first, MP4 the second."""

_BIBLIOGRAPHIC = {second: first for first, second in _TERMINOLOGIC.items()}

_SECOND_IN_MOV = frozenset({"ces", "fra", "ron", "slk"})
"""Of the languages that have two codes, those that FFmpeg's table of QuickTime has by the second (tried)."""

MOST_SHOWN = 60
"""A longer name is cut: names of tags are data that somebody else wrote."""


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return a file's tags without those that describe its container and its muxer."""
    return {
        key: value
        for key, value in tags.items()
        if key.lower() not in _OF_THE_FILE and not (key == "software" and value.startswith(_MUXER))
    }


def same_language(code: str | None) -> str | None:
    """Return one code of ISO 639-2 for each language; None for none."""
    return None if code is None else _TERMINOLOGIC.get(code, code)


def mov_language(code: str) -> str:
    """Return the code of a language by which FFmpeg finds it for mov, where it has two."""
    second = _TERMINOLOGIC.get(code, code)
    return second if second in _SECOND_IN_MOV else _BIBLIOGRAPHIC.get(second, code)


def is_of_camera(key: str) -> bool:
    """Whether phones and cameras write such a tag: `com.apple.quicktime.make`, `com.android.version`."""
    return key.lower().startswith("com.") or key.lower() in {"make", "model"}


def track_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return a stream's tags without those that describe its coding; the title is called `title`.

    FFmpeg's reader of MP4 calls a track's title its name; every writer takes it as the title.
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
    """Return tags as they are written: every container asks for UTF-8, and readers refuse files without it.

    Args:
        tags: as PyAV gives them with `surrogateescape`.

    Returns:
        The tags whose names are UTF-8; bytes of a value that are not stand as U+FFFD.
    """
    return {key: valid(value) for key, value in tags.items() if valid(key) == key}


def valid(text: str) -> str:
    """Return a text of a file with U+FFFD in the place of bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def chapter_title(tags: Mapping[str, str]) -> str:
    """Return the title of a chapter; empty where it has none."""
    return next((value for key, value in tags.items() if key.lower() == "title"), "")


def printable(text: str) -> str:
    r"""Return a text of a file for a message: on one line, bytes that are not UTF-8 as `\xff`, not too long.

    Args:
        text: as PyAV gives it with `surrogateescape`.
    """
    whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    plain = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in whole)
    return plain if len(plain) <= MOST_SHOWN else plain[: MOST_SHOWN - 3] + "..."
