"""Tests tone mapping from HDR to SDR with PQ and HLG samples of known brightness and colour."""

from __future__ import annotations

import colorsys
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.frames import Colour, HdrMetadata
from orchestrator.media.colour.tonemap_curve import WHITE_NITS, peak_nits, tone, tone_mapped_info
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.writer import VideoWriter
from orchestrator.tiles.letterbox import letterbox
from tests.media.test_frame_to_rgb import mean_colours, to_yuv
from tools.fixtures.clips import coded, make_clip, number_of, numbered, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from orchestrator.frames import Pixels

    Array = NDArray[np.float64]

PQ, HLG = 16, 18
BT2020 = np.array([0.2627, 0.6780, 0.0593])
FROM_BT709 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
"""Linear BT.709 to BT.2020 (ITU-R BT.2087, 2)."""


def signal(light: Array, transfer: int) -> Array:
    """Return R'G'B', 0..1, of display light in cd/m2, [..., 3], BT.2020 (ITU-R BT.2100, tables 4 and 5)."""
    if transfer == PQ:
        y: Array = (light / 10_000) ** (2610 / 16384)
        return ((3424 / 4096 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375
    luminance = (light @ BT2020)[..., None] / 1000
    scene = light / 1000 * np.maximum(luminance, 1e-9) ** ((1 - 1.2) / 1.2)
    with np.errstate(invalid="ignore"):
        logarithm = 0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073
    coded: Array = np.where(scene <= 1 / 12, np.sqrt(3 * scene), logarithm)
    return coded


def hdr_clip(path: Path, signals: Sequence[Array], transfer: int, **options: Any) -> Path:
    """Write a picture of 10 bits of each R'G'B', 0..1."""
    frames = []
    for rgb in signals:
        y, u, v = np.rint(to_yuv(tuple(rgb * 255), 9, full=False, bits=10)).astype(np.uint16)
        chroma = (16, 24)
        frames.append(coded([np.full((32, 48), y), np.full(chroma, u), np.full(chroma, v)], "yuv420p10le"))
    kind: dict[str, Any] = {"codec": "ffv1", "pix_fmt": "yuv420p10le", "matrix": 9, "primaries": 9}
    return make_clip(path, frames, transfer=transfer, range_=1, **(kind | options))


def sdr(path: Path, **options: Any) -> list[Pixels]:
    with VideoReader(path, probe(path), threads=2, tonemap=True, **options) as reader:
        pictures = [frame.pixels for frame in reader.frames()]
        name = probe(path).colour.hdr_name
        assert reader.notes == [f"the source is HDR ({name}): it was tone-mapped to SDR"]
        return pictures


def levels(path: Path) -> list[list[int]]:
    """Return R, G, B of each picture, which is of one colour."""
    pictures = sdr(path)
    assert all((picture == picture[0, 0]).all() for picture in pictures)
    return [[int(level) for level in picture[0, 0]] for picture in pictures]


def grays(nits: Sequence[float]) -> list[Array]:
    return [np.full(3, light, float) for light in nits]


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_ramp_of_grays_is_smooth_and_gray_from_black_to_white(tmp_path: Path, transfer: int) -> None:
    luma = np.broadcast_to(np.arange(64, 940, dtype=np.uint16), (16, 876))
    gray = np.full((8, 438), 512, np.uint16)
    frame = coded([luma, gray, gray], "yuv420p10le")
    path = make_clip(
        tmp_path / "a.mkv",
        [frame],
        codec="ffv1",
        pix_fmt="yuv420p10le",
        matrix=9,
        primaries=9,
        transfer=transfer,
    )
    [picture] = sdr(path)
    assert (np.ptp(picture, axis=2) == 0).all()
    row = picture[3, :, 0].astype(int)
    steps = np.diff(row)
    assert (steps >= 0).all()
    assert steps.max() <= 2
    assert row[0] == 0
    assert row[-1] >= 254


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_middle_gray_is_that_of_sdr_and_reference_white_is_bright(tmp_path: Path, transfer: int) -> None:
    """BT.2408, table 1: a gray card of 18 % has 26 cd/m2, 42.5 % of signal in SDR; paper has 203 cd/m2."""
    mastered = {"codec": "libx265", "options": x265(1000)} if transfer == PQ else {}
    signals = [signal(light, transfer) for light in grays([0, 26, 203, 1000])]
    black, card, paper, peak = (
        level[1] for level in levels(hdr_clip(tmp_path / "a.mkv", signals, transfer, **mastered))
    )
    assert black == 0
    assert card == pytest.approx(0.425 * 255, abs=2)
    assert paper == pytest.approx(0.83 * 255, abs=2)
    assert peak == 255


def x265(peak_nits: int) -> dict[str, str]:
    primaries = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)"
    master = f"master-display={primaries}L({peak_nits * 10_000},50)"
    return {"x265-params": f"log-level=none:bframes=0:hdr10=1:lossless=1:{master}"}


@pytest.mark.parametrize(
    ("transfer", "options", "nits"),
    [
        (HLG, {}, [203, 300, 400, 550, 750, 1000]),
        (PQ, {"codec": "libx265", "options": x265(1000)}, [203, 300, 400, 550, 750, 1000]),
        (PQ, {"codec": "libx265", "options": x265(4000)}, [203, 400, 700, 1200, 2200, 4000]),
        (PQ, {}, [203, 400, 800, 1600, 4000, 10_000]),
    ],
)
def test_highlights_keep_their_steps(
    tmp_path: Path, transfer: int, options: dict[str, Any], nits: list[float]
) -> None:
    path = hdr_clip(
        tmp_path / "a.mkv", [signal(light, transfer) for light in grays(nits)], transfer, **options
    )
    found = [level[0] for level in levels(path)]
    assert all(after - before >= 6 for before, after in pairwise(found))
    assert found[-1] == 255
    assert found[0] in range(195, 216)


def test_the_same_light_looks_the_same_as_pq_and_as_hlg(tmp_path: Path) -> None:
    lights = [np.array(rgb, float) for rgb in [(30, 30, 30), (200, 90, 40), (20, 60, 400), (700, 650, 500)]]
    pq = levels(
        hdr_clip(
            tmp_path / "a.mkv",
            [signal(light, PQ) for light in lights],
            PQ,
            codec="libx265",
            options=x265(1000),
        )
    )
    hlg = levels(hdr_clip(tmp_path / "b.mkv", [signal(light, HLG) for light in lights], HLG))
    assert np.abs(np.array(pq) - hlg).max() <= 2


SATURATED = {
    "red": (1.0, 0.02, 0.02),
    "orange": (1.0, 0.35, 0.02),
    "skin": (1.0, 0.55, 0.4),
    "green": (0.05, 1.0, 0.1),
    "sky": (0.2, 0.5, 1.0),
    "blue": (0.02, 0.02, 1.0),
    "magenta": (1.0, 0.05, 0.8),
}


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("colour", SATURATED)
def test_colours_keep_their_hue_and_saturation_however_bright(
    tmp_path: Path, colour: str, transfer: int
) -> None:
    linear = np.array(SATURATED[colour])
    signals = [signal(FROM_BT709 @ linear * nits, transfer) for nits in (20, 80, 203, 400)]
    hue, saturation, _ = colorsys.rgb_to_hsv(*linear ** (1 / 2.4))
    found = [colorsys.rgb_to_hsv(*level) for level in levels(hdr_clip(tmp_path / "a.mkv", signals, transfer))]
    for got_hue, got_saturation, _ in found:
        assert abs((got_hue - hue + 0.5) % 1 - 0.5) * 360 < 7
        assert got_saturation == pytest.approx(saturation, abs=0.1)
    assert all(after[2] > before[2] for before, after in pairwise(found))


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_what_sdr_cannot_show_becomes_the_nearest_pure_colour(tmp_path: Path, transfer: int) -> None:
    pure = [np.array(rgb, float) * 300 for rgb in [(1, 0, 0), (0, 1, 0), (0, 0, 1)]]
    found = levels(hdr_clip(tmp_path / "a.mkv", [signal(light, transfer) for light in pure], transfer))
    for index, level in enumerate(found):
        others = [value for other, value in enumerate(level) if other != index]
        assert level[index] > 190
        assert max(others) < 40


@given(peak=st.floats(50, 20_000), count=st.integers(2, 200))
def test_the_curve_rises_from_black_to_white_for_any_peak(peak: float, count: int) -> None:
    light = np.linspace(0, peak, count)
    mapped = tone(light, peak=peak)
    assert mapped[0] == pytest.approx(0, abs=1e-3)
    assert mapped[-1] == pytest.approx(min(peak, WHITE_NITS), rel=1e-3)
    assert (np.diff(mapped) > 0).all()
    assert (mapped <= light + 1e-3).all()


@pytest.mark.parametrize(
    ("luminance", "expected"),
    [(None, 10_000), (0, 10_000), (10**9, 10_000), (1, 10_000), (1000, 1000), (Fraction(40_001, 10), 4000)],
)
def test_a_peak_that_cannot_be_is_not_believed(luminance: Fraction | None, expected: int) -> None:
    colour = Colour(matrix=9, primaries=9, transfer=PQ, full_range=False)
    said = None if luminance is None else (Fraction(0), Fraction(luminance))
    assert peak_nits(colour, HdrMetadata(luminance=said)) == expected
    assert peak_nits(colour, None) == 10_000


def test_p3_primaries_are_not_taken_for_bt2020(tmp_path: Path) -> None:
    gray_red = signal(np.array([300.0, 60, 60]), PQ)
    wide, p3 = (
        levels(hdr_clip(tmp_path / f"{primaries}.mkv", [gray_red], PQ, primaries=primaries))[0]
        for primaries in (9, 12)
    )
    assert wide[1] < p3[1] - 10


def test_pictures_are_upright_and_letterboxed_as_ever(tmp_path: Path) -> None:
    pictures = [numbered(number) for number in range(4)]
    kind: dict[str, Any] = {"pix_fmt": "yuv420p10le", "matrix": 9, "primaries": 9, "transfer": HLG}
    path = make_clip(tmp_path / "a.mp4", pictures, **kind)
    turned = make_clip(tmp_path / "b.mp4", pictures, **kind, rotation=90)
    whole = sdr(path)
    assert [number_of(picture) for picture in whole] == list(range(4))
    for picture, expected in zip(sdr(turned), whole, strict=True):
        assert picture.shape == (96, 64, 3)
        assert picture.flags.c_contiguous
        assert (picture == np.rot90(expected)).all()
    small = sdr(path, letterbox=letterbox(width=96, height=64, side=96, multiple=32))
    for picture, expected in zip(small, whole, strict=True):
        assert np.abs(picture.astype(int) - expected).max() <= 1


def test_an_8_bit_hlg_video_is_tone_mapped_too(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", [plain((191, 191, 191))], matrix=9, primaries=9, transfer=HLG)
    assert np.abs(sdr(path)[0].astype(int) - 212).max() <= 3


def test_sdr_stays_as_it_is(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 3)
    info = probe(path)
    assert tone_mapped_info(info) is info
    with VideoReader(path, info, tonemap=True) as mapped, VideoReader(path, info) as plain_reader:
        for frame, expected in zip(mapped.frames(), plain_reader.frames(), strict=True):
            assert (frame.pixels == expected.pixels).all()
        assert mapped.notes == []


def test_the_result_is_written_as_sdr(tmp_path: Path) -> None:
    signals = [signal(light, HLG) for light in grays([26, 203])]
    path = hdr_clip(tmp_path / "a.mkv", signals, HLG)
    info = tone_mapped_info(probe(path))
    assert (info.bit_depth, info.hdr, info.colour.is_hdr) == (8, None, False)
    output = tmp_path / "b.mp4"
    with (
        VideoReader(path, probe(path), tonemap=True) as reader,
        VideoWriter(output, source=path, info=info, width=info.width, height=info.height) as writer,
    ):
        for frame in reader.frames():
            writer.write(frame)
        writer.finish()
    colour = probe(output).colour
    assert colour == Colour(matrix=1, primaries=1, transfer=1, full_range=False)
    assert np.abs(np.array(mean_colours(output, colour)) - [[108] * 3, [212] * 3]).max() <= 3


@pytest.mark.parametrize("form", ["deep_rgb", "planes"])
def test_only_rgb_of_8_bits_is_tone_mapped(tmp_path: Path, form: str) -> None:
    path = make_clip(tmp_path / "a.mp4", 2, pix_fmt="yuv420p10le", transfer=HLG)
    arguments: dict[str, Any] = {"form": form, "tonemap": True}
    with pytest.raises(ValueError, match="neither tone-mapped nor"):
        VideoReader(path, probe(path), **arguments)
