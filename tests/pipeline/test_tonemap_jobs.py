"""Tests `tonemap` through whole jobs, against a tone mapping that shares no code with ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from scipy.optimize import brentq

from orchestrator.jobs import UpscaleParams, parse
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.upscale import upscale
from tests.media.test_tonemap import BT2020, HLG, PQ, signal
from tests.support.exports import export_video
from tools.fixtures import clips

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orchestrator.triton.client import TritonClient

    Array = NDArray[np.float64]

CASE = Path(__file__).parents[3] / "shared" / "cases" / "tonemap-pq.mp4"
WIDTH, HEIGHT, FRAMES = 128, 64, 5
TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
"""Linear BT.2020 to BT.709 (ITU-R BT.2407, 2.2)."""


def light() -> Array:
    """Return a picture in cd/m2, [H, W, 3], BT.2020: from black to 1000, reddish above and bluish below."""
    ramp = np.linspace(0, 1, WIDTH) ** 3 * 1000
    tint = np.linspace(-0.15, 0.15, HEIGHT)[:, None]
    return np.stack([ramp * (1 - tint), np.broadcast_to(ramp, (HEIGHT, WIDTH)), ramp * (1 + tint)], -1).clip(
        0, 1000
    )


def tone_mapped(nits: Array, *, peak: float) -> Array:
    """Return what docs/media.md promises for light in cd/m2, as R'G'B' of 0..255.

    It is the curve of Report ITU-R BT.2446, method C, applied to the largest of linear R, G and B in BT.709,
    with BT.1886's gamma, implemented a second time. SciPy solves for the bend of its logarithm.
    """
    knee, white = 70.0, 203.0
    linear = np.maximum(nits @ TO_BT709.T, 0)
    bend = brentq(lambda b: knee + knee * b * np.log(1 + (peak / knee - 1) / b) - white, 1e-6, 1e6)
    largest = linear.max(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        bent = np.where(largest > knee, knee + knee * bend * np.log(1 + (largest / knee - 1) / bend), largest)
        linear = np.where(largest > 0, linear * bent / largest, 0)
    mapped: Array = np.clip(linear / white, 0, 1) ** (1 / 2.4) * 255
    return mapped


def hdr_source(path: Path, transfer: int) -> Path:
    """Write the picture of `light` FRAMES times, in 10 bits, without loss."""
    rgb = signal(light(), transfer)
    luma = rgb @ BT2020
    blue, red = (rgb[..., 2] - luma) / 1.8814, (rgb[..., 0] - luma) / 1.4746
    small = [plane.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3)) for plane in (blue, red)]
    planes = [64 + 876 * luma, *(512 + 896 * plane for plane in small)]
    frame = [np.rint(plane).astype(np.uint16) for plane in planes]
    return clips.make_clip(
        path,
        [clips.coded(frame, "yuv420p10le") for _ in range(FRAMES)],
        codec="libx265",
        pix_fmt="yuv420p10le",
        matrix=9,
        primaries=9,
        transfer=transfer,
        range_=1,
        options={
            "x265-params": "log-level=none:lossless=1:hdr10=1:master-display="
            "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
        },
    )


def pictures(path: Path) -> list[Array]:
    """Return the pictures of a file by PyAV alone, each float [H, W, 3] R'G'B' of 0..255."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(float) for frame in container.decode(video=0)]


def psnr_db(one: Array, other: Array) -> float:
    return float(10 * np.log10(255**2 / np.mean((one - other) ** 2)))


def run_export(source: Path, output: Path, **params: Any) -> tuple[str, ...]:
    return export_video(source, output, **{"tonemap": True, **params}).notes


def run_upscale(source: Path, output: Path, client: TritonClient) -> tuple[str, ...]:
    asked = parse(UpscaleParams, {"tonemap": True})
    return upscale(
        source, output, asked, JobContext(connect=lambda: client, default_model="nearest-x4")
    ).notes


def check_notes(notes: tuple[str, ...], kind: str) -> None:
    assert f"the source is HDR ({kind}): it was tone-mapped to SDR" in notes
    assert any("10 bits" in note and "8 bits" in note for note in notes)


@pytest.mark.parametrize(("transfer", "kind"), [(PQ, "PQ"), (HLG, "HLG")])
@pytest.mark.parametrize(
    ("name", "least_db"), [("out.mp4", 38), ("out.mkv", 38), ("out.webm", 36), ("out.gif", 30)]
)
def test_an_export_is_tone_mapped(
    tmp_path: Path, transfer: int, kind: str, name: str, least_db: float
) -> None:
    source, output = hdr_source(tmp_path / "in.mkv", transfer), tmp_path / name
    notes = run_export(source, output)
    wanted = tone_mapped(light(), peak=1000)
    found = pictures(output)
    assert len(found) == FRAMES
    for picture in found:
        assert psnr_db(picture, wanted) > least_db
    # The coded signal itself, which is what an HDR video looks like when nothing maps it, is far away.
    assert psnr_db(signal(light(), transfer) * 255, wanted) < 27
    check_notes(notes, kind)


@pytest.mark.parametrize(("transfer", "kind"), [(PQ, "PQ"), (HLG, "HLG")])
def test_an_upscaled_video_is_tone_mapped(
    tmp_path: Path, client: TritonClient, transfer: int, kind: str
) -> None:
    source, output = hdr_source(tmp_path / "in.mkv", transfer), tmp_path / "out.mp4"
    notes = run_upscale(source, output, client)
    wanted = tone_mapped(light(), peak=1000).repeat(4, 0).repeat(4, 1)
    for picture in pictures(output):
        assert psnr_db(picture, wanted) > 38
    check_notes(notes, kind)


def test_a_part_of_an_hdr_video_is_tone_mapped(tmp_path: Path) -> None:
    """A resized crop takes another path through the pipeline than the whole picture."""
    source, output = hdr_source(tmp_path / "in.mkv", PQ), tmp_path / "out.mp4"
    notes = run_export(source, output, crop={"x": 64, "y": 16, "w": 64, "h": 32}, size="128x64")
    wanted = tone_mapped(light(), peak=1000)[16:48, 64:]
    for picture in pictures(output):
        assert psnr_db(picture.reshape(32, 2, 64, 2, 3).mean((1, 3)), wanted) > 36
    check_notes(notes, "PQ")


@pytest.mark.skipif(not CASE.exists(), reason="needs the cases beside the checkout")
@pytest.mark.parametrize(("name", "least_db"), [("out.mp4", 35), ("out.gif", 31)])
def test_the_ramp_that_once_passed_untouched_is_tone_mapped(
    tmp_path: Path, name: str, least_db: float
) -> None:
    notes = run_export(
        CASE, tmp_path / name
    )  # a GIF has 256 colours; Pillow's best palette reaches 34 dB here
    with av.open(str(CASE)) as container:
        planes = next(container.decode(video=0)).to_ndarray().astype(float)  # 192 wide, 128 rows and chroma
    luma = (planes[:128] - 64) / 876
    blue, red = (
        (part.reshape(64, 96).repeat(2, 0).repeat(2, 1) - 512) / 896 for part in np.split(planes[128:], 2)
    )
    r, b = luma + 1.4746 * red, luma + 1.8814 * blue
    g = (luma - BT2020[0] * r - BT2020[2] * b) / BT2020[1]
    power = np.clip(np.stack([r, g, b], -1), 0, 1) ** (1 / 78.84375)
    nits = 10_000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (16384 / 2610)
    wanted = tone_mapped(nits, peak=10_000)
    assert psnr_db(pictures(tmp_path / name)[0], wanted) > least_db
    check_notes(notes, "PQ")
