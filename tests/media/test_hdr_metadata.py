"""Tests that HDR videos keep their bit depth, colour tags and mastering metadata."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from orchestrator.frames import Colour, Form, HdrMetadata
from orchestrator.media.colour.hdr_metadata import hdr_metadata, side_data
from orchestrator.media.read.probe import probe
from orchestrator.media.write.encoder_selection import choose
from orchestrator.media.write.hdr_encoder_options import hdr_options
from orchestrator.media_containers import MP4, WEBM
from tests.media.test_formats import through
from tests.media.test_probe import MASTERED, MASTERING
from tools.fixtures.clips import make_clip, numbered

WHOLE = replace(MASTERED, max_fall=400)


def hdr_clip(path: Path, transfer: int, said: str = "", width: int = 96, height: int = 64) -> Path:
    return make_clip(
        path,
        [numbered(number, width, height) for number in range(4)],
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"x265-params": f"log-level=none:lossless=1{said}"},
        matrix=9,
        primaries=9,
        transfer=transfer,
        range_=1,
    )


def said_of(path: Path) -> set[str]:
    """Return the kinds of HDR side data that a decoder finds, by PyAV alone."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        kinds = {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"}
        return {kind for kind in kinds if side_data(frame, kind) is not None}


def assert_same(got: HdrMetadata | None, expected: HdrMetadata | None) -> None:
    """Compare within AV1's units: 1/65536, and 1/256 and 1/16384 cd/m2."""
    if got is None or expected is None:
        assert got == expected
        return
    assert (got.max_cll, got.max_fall) == (expected.max_cll, expected.max_fall)
    for ours, theirs in zip(points(got), points(expected), strict=True):
        assert abs(ours - theirs) <= Fraction(1, 65_536)
    assert got.luminance is not None
    assert expected.luminance is not None
    assert abs(got.luminance[0] - expected.luminance[0]) <= Fraction(1, 16_384)
    assert abs(got.luminance[1] - expected.luminance[1]) <= Fraction(1, 256)


def points(hdr: HdrMetadata) -> list[Fraction]:
    assert hdr.primaries is not None
    assert hdr.white is not None
    return [value for point in (*hdr.primaries, hdr.white) for value in point]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("form", ["planes", "deep_rgb"])
@pytest.mark.parametrize(
    ("transfer", "said", "expected"),
    [(16, f":master-display={MASTERING}:max-cll=1000,400", WHOLE), (18, "", None), (16, "", None)],
)
def test_hdr_keeps_its_bits_tags_and_metadata(
    tmp_path: Path, suffix: str, form: Form, transfer: int, said: str, expected: HdrMetadata | None
) -> None:
    source = hdr_clip(tmp_path / "in.mp4", transfer, said)
    writer = through(source, tmp_path / f"out.{suffix}", form)
    info = probe(tmp_path / f"out.{suffix}")
    assert info.colour == Colour(matrix=9, primaries=9, transfer=transfer, full_range=False)
    assert info.bit_depth == 10
    assert probe(source).hdr == expected
    assert_same(info.hdr, expected)
    both = {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"}
    assert said_of(tmp_path / f"out.{suffix}") == (both if expected else set())
    assert writer.notes == []


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_a_display_without_light_levels_is_kept(tmp_path: Path, suffix: str) -> None:
    source = hdr_clip(tmp_path / "in.mp4", 16, f":master-display={MASTERING}")
    through(source, tmp_path / f"out.{suffix}", "planes")
    assert_same(probe(tmp_path / f"out.{suffix}").hdr, replace(WHOLE, max_cll=None, max_fall=None))


def test_a_tiny_picture_keeps_its_metadata_in_h264_and_notes_it_in_vp9(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mp4",
        [numbered(0, 48, 32)],
        pix_fmt="yuv420p10le",
        options={"x264-params": f"mastering-display={MASTERING}:cll=1000,400"},
        matrix=9,
        primaries=9,
        transfer=16,
    )
    through(source, tmp_path / "out.mkv", "planes")
    assert probe(tmp_path / "out.mkv").hdr == WHOLE
    notes = through(source, tmp_path / "out.webm", "planes").notes
    assert notes == [
        "the source has 10 bits per component; the output has 8 bits",
        "the HDR metadata of the source (mastering display, light levels) was left out",
    ]
    assert probe(tmp_path / "out.webm").colour.hdr_name == "PQ"


@pytest.mark.parametrize(
    "wrong",
    [
        {"white": (Fraction(10**6), Fraction(3))},
        {"white": (Fraction(-1, 2), Fraction(1, 3))},
        {"white": None},
        {"primaries": None},
        {"luminance": None},
        {"luminance": (Fraction(1000), Fraction(1, 200))},
        {"luminance": (Fraction(0), Fraction(0))},
        {"luminance": (Fraction(0), Fraction(10**9))},
        {"luminance": (Fraction(-5), Fraction(10))},
    ],
)
@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libsvtav1"])
def test_a_display_that_cannot_be_is_left_out(encoder: str, wrong: dict[str, Any]) -> None:
    options = hdr_options(encoder, replace(WHOLE, **wrong))
    assert "1000,400" in str(options)
    assert "display" not in str(options)


def test_light_that_cannot_be_is_left_out() -> None:
    options = hdr_options("libx265", replace(WHOLE, max_cll=10**6))
    assert "max-cll" not in str(options)
    assert hdr_options("libx265", HdrMetadata()) == {}


def test_all_that_an_encoder_is_given_it_takes() -> None:
    """Numbers of any length, such as thirds, are written as each encoder reads them."""
    third = Fraction(1, 3)
    thirds = HdrMetadata(
        primaries=((third, third),) * 3,
        white=(third, third),
        luminance=(third, Fraction(2000, 3)),
        max_fall=7,
    )
    for container, size in ((MP4, 64), (MP4, 32), (WEBM, 64)):
        encoding = choose(container, width=size, height=size, quality="high", bits=10, hdr=thirds)
        context = av.CodecContext.create(encoding.encoder, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width = context.height = size
        context.pix_fmt = encoding.pixel_format
        context.time_base = Fraction(1, 25)
        context.options = dict(encoding.options)
        frame = av.VideoFrame(size, size, encoding.pixel_format)
        frame.pts = 0
        packets = [*context.encode(frame), *context.encode(None)]
        reader = {"libx264": "h264", "libx265": "hevc", "libsvtav1": "libdav1d"}[encoding.encoder]
        decoder = av.CodecContext.create(reader, "r")
        assert isinstance(decoder, av.VideoCodecContext)
        [shown] = [f for packet in [*packets, None] for f in decoder.decode(packet)]
        found = hdr_metadata(shown)
        assert found is not None
        assert max(abs(value - third) for value in points(found)) < Fraction(1, 49_000)
        assert found.luminance is not None
        assert [float(light) for light in found.luminance] == pytest.approx([1 / 3, 2000 / 3], rel=3e-4)
