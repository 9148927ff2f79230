"""Tests planning an output from metadata alone, without media files or models."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import BadRequest, LimitExceeded, UnsupportedMedia
from orchestrator.frames import Colour, Crop, HdrMetadata, SphericalVideo, VideoInfo
from orchestrator.limits import Limits
from orchestrator.media_containers import MP4, by_suffix
from orchestrator.pipeline.deliver import deliver
from orchestrator.pipeline.draw_tracks import plan_overlay
from orchestrator.pipeline.plan import DeliveryRequest, Plan, check_request, plan
from orchestrator.triton.contract import UpscaleContract
from tests.framing.test_whole_pixel_window import INFO

BT709 = INFO.colour
PQ = Colour(matrix=9, primaries=9, transfer=16, full_range=False)
SDR = replace(
    INFO, width=320, height=180, frames=250, duration_s=10.0, chroma_location="left", notes=("a note",)
)
DEEP = replace(SDR, codec="hevc", pixel_format="yuv420p10le", bit_depth=10)
HDR = replace(DEEP, colour=PQ, hdr=HdrMetadata(max_cll=1000))
SEE_THROUGH = replace(SDR, codec="vp9", pixel_format="yuva420p", transparent=True)
SPHERE = replace(SDR, sphere=SphericalVideo(yaw=30))
WHOLE = Crop(x=0, y=0, w=320, h=180)
X4 = UpscaleContract(
    name="x4",
    size_multiple=4,
    max_batch=8,
    architecture="a test",
    precision="fp32",
    weights_sha256="0" * 64,
    weights_source="a test",
    licence="none",
    scale=4,
    halo=16,
    tile=64,
)


def planned(info: VideoInfo = SDR, limits: Limits | None = None, **wanted: Any) -> Plan:
    contract = X4 if wanted.get("model") else None
    container = by_suffix(f".{wanted.pop('container', 'mp4')}")
    values: dict[str, Any] = {"crop": WHOLE, "container": container} | wanted
    request = DeliveryRequest(**values)
    return plan(info, request, contract, limits)


def test_a_plain_export_is_the_source_as_coded() -> None:
    made = planned()
    assert (made.form, made.window.size, made.alpha, made.tonemap) == ("planes", (320, 180), False, False)
    assert made.source_info == made.output_info == SDR
    assert (made.stage, made.contract, made.expected_frames) == ("exporting", None, 250)
    assert made.notes == ("a note",)
    with pytest.raises(FrozenInstanceError):
        made.alpha = True  # type: ignore[misc]


def test_a_model_sees_planes_and_a_margin_and_gives_its_scale() -> None:
    made = planned(model="x4", crop=Crop(x=100, y=100, w=40, h=40))
    assert (made.form, made.stage, made.contract) == ("planes", "upscaling", X4)
    assert (made.window.width, made.window.height, made.window.size) == (60, 60, (160, 160))
    odd = planned(model="x4", crop=Crop(x=101, y=103, w=40, h=40))  # windows are whole chroma samples
    assert (odd.window.at(0.0)[:2], odd.window.width, odd.window.height) == ((90, 92), 62, 62)
    assert planned(model="x4", scale=1.5).window.size == (480, 270)
    assert planned(model="x4", size=(100, 50)).window.size == (100, 50)


@pytest.mark.parametrize(
    ("info", "wanted", "form"),
    [
        (SDR, {}, "planes"),
        (SDR, {"crop": Crop(x=2, y=2, w=100, h=50)}, "planes"),
        (SDR, {"crop": Crop(x=220, y=0, w=100, h=180)}, "planes"),
        (replace(SDR, width=321), {"crop": Crop(x=200, y=0, w=121, h=180)}, "planes"),  # odd, to the edge
        (SDR, {"crop": Crop(x=1, y=0, w=100, h=50)}, "rgb"),  # half a chroma sample
        (SDR, {"crop": Crop(x=0, y=0, w=101, h=50)}, "rgb"),
        (replace(SDR, pixel_format="yuv444p"), {"crop": Crop(x=1, y=1, w=101, h=51)}, "planes"),
        (SDR, {"crop": Crop(x=0.5, y=0, w=100, h=50)}, "rgb"),
        (SDR, {"size": (160, 90)}, "rgb"),
        (SDR, {"container": "gif"}, "rgb"),
        (SDR, {"annotated": True}, "rgb"),
        (DEEP, {}, "planes"),
        (DEEP, {"size": (160, 90)}, "deep_rgb"),
        (DEEP, {"model": "x4"}, "planes"),
        (SDR, {"model": "x4", "size": (160, 90)}, "planes"),
        (SEE_THROUGH, {"model": "x4", "container": "webm"}, "planes"),
        (replace(SDR, pixel_format="gbrp"), {"model": "x4"}, "made_planes"),
        (replace(SDR, pixel_format="yuv411p"), {"model": "x4"}, "made_planes"),
        (HDR, {"model": "x4", "tonemap": True}, "made_planes"),
        (DEEP, {"container": "gif"}, "rgb"),
        (HDR, {}, "planes"),
        (HDR, {"tonemap": True}, "rgb"),
    ],
)
def test_the_form_is_the_least_that_the_job_needs(info: VideoInfo, wanted: dict[str, Any], form: str) -> None:
    assert planned(info, **wanted).form == form


LEFT = (0.0, 0.5)
"""The siting of chroma in H.264."""


@pytest.mark.parametrize(
    ("info", "wanted", "read", "written"),
    [
        (SDR, {}, (8, (2, 2), LEFT), (8, (2, 2), LEFT)),
        (replace(SDR, chroma_location="topleft"), {}, (8, (2, 2), (0, 0)), (8, (2, 2), (0, 0))),
        (replace(SDR, pixel_format="yuv422p"), {}, (8, (2, 1), (0, 0)), (8, (2, 2), LEFT)),
        (replace(SDR, pixel_format="yuv444p"), {}, (8, (1, 1), (0, 0)), (8, (2, 2), (0.5, 0.5))),
        (
            replace(SDR, pixel_format="yuv422p"),
            {"quality": "lossless"},
            (8, (2, 1), (0, 0)),
            (8, (2, 1), (0, 0)),
        ),
        (DEEP, {}, (10, (2, 2), LEFT), (10, (2, 2), LEFT)),
        (DEEP, {"container": "webm"}, (10, (2, 2), LEFT), (10, (2, 2), LEFT)),
        (DEEP, {"container": "gif"}, (10, (2, 2), LEFT), (10, (1, 1), (0, 0))),
        (replace(DEEP, pixel_format="yuv420p12le", bit_depth=12), {}, (12, (2, 2), LEFT), (10, (2, 2), LEFT)),
        (replace(SDR, pixel_format="gbrp"), {}, (12, (1, 1), (0, 0)), (8, (2, 2), (0.5, 0.5))),
        (HDR, {"tonemap": True}, (12, (1, 1), (0, 0)), (8, (2, 2), (0.5, 0.5))),
        (SEE_THROUGH, {"container": "webm"}, (8, (2, 2), LEFT), (8, (2, 2), LEFT)),
    ],
)
def test_a_model_keeps_bits_and_siting_and_makes_the_chroma_of_the_encoder(
    info: VideoInfo, wanted: dict[str, Any], read: object, written: object
) -> None:
    made = planned(info, model="x4", **wanted)
    for planes, expected in ((made.planes, read), (made.output_planes, written)):
        assert planes is not None
        assert (planes.bits, planes.chroma, planes.siting) == expected
        assert (planes.matrix, planes.full_range) == (1, False)


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "webm"])
def test_hdr_stays_hdr_without_a_model(container: str) -> None:
    made = planned(HDR, container=container)
    assert made.source_info == made.output_info == HDR


@pytest.mark.parametrize("wanted", [{"model": "x4"}, {"container": "gif"}])
def test_hdr_is_refused_where_it_would_be_washed_out(wanted: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedMedia, match=r"HDR \(PQ\)"):
        planned(HDR, **wanted)


@pytest.mark.parametrize("wanted", [{}, {"model": "x4"}, {"container": "gif"}, {"container": "webm"}])
def test_tone_mapping_reads_the_colours_of_the_source_and_writes_sdr(wanted: dict[str, Any]) -> None:
    made = planned(HDR, tonemap=True, **wanted)
    assert made.tonemap
    assert made.source_info == HDR
    output = made.output_info
    assert (output.colour, output.hdr, output.bit_depth, output.pixel_format) == (BT709, None, 8, "yuv420p")


def test_sdr_is_not_tone_mapped() -> None:
    with pytest.raises(BadRequest, match="not HDR"):
        planned(SDR, tonemap=True)


@pytest.mark.parametrize(("rate", "kept_rate", "frames"), [(25, 25, 250), (50, 50, 250), (100, 50, 125)])
def test_a_gif_has_the_times_of_gifs(rate: int, kept_rate: int, frames: int) -> None:
    made = planned(replace(SDR, average_rate=Fraction(rate)), container="gif")
    assert made.container.is_paced
    assert made.source_info.time_base == SDR.time_base
    assert made.output_info.time_base == Fraction(1, 100)
    assert made.output_info.average_rate == Fraction(kept_rate)
    assert made.expected_frames == made.output_info.frames == frames


def test_a_part_of_a_sphere_is_no_sphere() -> None:
    assert planned(SPHERE).output_info.sphere == SPHERE.sphere
    assert planned(SPHERE, size=(640, 360)).output_info.sphere == SPHERE.sphere
    assert planned(SPHERE, crop=Crop(x=0, y=0, w=318, h=180)).output_info.sphere is None


@pytest.mark.parametrize(
    ("info", "wanted", "alpha"),
    [
        (SEE_THROUGH, {"container": "webm"}, True),
        (SEE_THROUGH, {"container": "webm", "model": "x4"}, True),
        (SEE_THROUGH, {"container": "webm", "annotated": True}, False),
        (SEE_THROUGH, {"container": "mp4"}, False),
        (SDR, {"container": "webm"}, False),
        (replace(HDR, transparent=True), {"container": "webm"}, False),
        (replace(HDR, transparent=True), {"container": "webm", "tonemap": True}, True),
    ],
)
def test_alpha_is_kept_where_the_container_has_it(
    info: VideoInfo, wanted: dict[str, Any], *, alpha: bool
) -> None:
    assert planned(info, **wanted).alpha is alpha


@pytest.mark.parametrize(
    ("info", "start_s", "end_s", "frames"),
    [
        (SDR, None, None, 250),
        (SDR, 2, None, 200),
        (SDR, None, Fraction(1, 2), 12),
        (SDR, 9, 20, 25),
        (SDR, 4, Fraction(401, 100), 1),
        (SDR, 12, None, 1),
        (replace(SDR, frames=None), None, None, None),
        (replace(SDR, frames=None), 2, 3, 25),
        (replace(SDR, duration_s=None), 2, 3, None),
        (replace(SDR, average_rate=None), 2, 3, None),
    ],
)
def test_of_a_part_only_its_frames_are_expected(
    info: VideoInfo, start_s: Fraction | None, end_s: Fraction | None, frames: int | None
) -> None:
    made = planned(info, start_s=start_s, end_s=end_s)
    assert (made.start_s, made.end_s, made.expected_frames) == (start_s, end_s, frames)


@pytest.mark.parametrize(("start_s", "end_s"), [(-1, None), (3, 3), (3, 2), (None, 0)])
def test_a_part_of_no_time_is_refused(start_s: int | None, end_s: int | None) -> None:
    with pytest.raises(BadRequest, match=r"start|end"):
        planned(start_s=start_s, end_s=end_s)


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        (Limits(duration_s=9.9), {}),
        (Limits(frames=249), {}),
        (Limits(source_px=320 * 180 - 1), {}),
        (Limits(output_px=640 * 360 - 1), {"size": (640, 360)}),
        (Limits(duration_s=5), {"start_s": Fraction(4)}),
    ],
)
def test_what_is_over_the_limits_is_refused(limits: Limits, wanted: dict[str, Any]) -> None:
    with pytest.raises(LimitExceeded):
        planned(limits=limits, **wanted)
    assert planned(limits=None, **wanted).limits is None


def test_of_a_long_source_the_part_counts() -> None:
    limits = Limits(duration_s=2, frames=50)
    made = planned(limits=limits, start_s=Fraction(4), end_s=Fraction(6))
    assert (made.limits, made.expected_frames) == (limits, 50)


@pytest.mark.parametrize(
    ("info", "wanted", "words"),
    [
        (SDR, {"model": "x4", "scale": 60}, "scale of at most 51.20"),
        (replace(SDR, duration_s=61.0), {"container": "gif"}, "too long"),
        (SDR, {"container": "gif", "size": (1921, 1080)}, "too large"),
        (SDR, {"container": "gif", "quality": "lossless"}, "lossless"),
    ],
)
def test_what_no_file_can_hold_is_refused(info: VideoInfo, wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        planned(info, **wanted)


def test_what_needs_no_model_to_be_refused_is_refused_without_one() -> None:
    request = DeliveryRequest(crop=WHOLE, container=MP4, model="x4")
    check_request(SDR, request, Limits())
    with pytest.raises(UnsupportedMedia):
        check_request(HDR, request)
    with pytest.raises(LimitExceeded):
        check_request(SDR, request, Limits(frames=10))


@pytest.mark.parametrize("name", ["out.mp4", "out.webm"])
def test_tracks_are_drawn_on_all_of_the_video_as_sdr(tmp_path: Path, name: str) -> None:
    made = plan_overlay(replace(HDR, transparent=True), tmp_path / name)
    assert (made.form, made.alpha, made.stage, made.quality) == ("rgb", False, "drawing", "medium")
    assert (made.window.size, made.output_info.colour) == ((320, 180), BT709)
    wide = plan_overlay(replace(SDR, sample_aspect_ratio=Fraction(4, 3)), tmp_path / name)
    assert (wide.window.size, wide.window.sample_aspect_ratio, wide.tonemap) == (
        (320, 180),
        Fraction(4, 3),
        False,
    )


def test_an_overlay_that_is_too_long_a_gif_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="too long"):
        plan_overlay(replace(SDR, duration_s=61.0), tmp_path / "out.gif")


def test_a_plan_with_a_model_is_not_delivered_without_a_client(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with (
        pytest.raises(ValueError, match="no client"),
        deliver(planned(model="x4"), tmp_path / "in.mp4", output),
    ):
        pass
    assert not list(tmp_path.iterdir())
