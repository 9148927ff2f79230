"""Tests that WebM keeps transparency, as libvpx decodes it, and that other containers note its loss."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
import pytest
from av.packet import Packet

from orchestrator.frames import Planes
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from tests.support.exports import export_video
from tools.fixtures.clips import coded, make_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from orchestrator.triton.client import TritonClient

    Array = NDArray[Any]

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
SIDE_DATA: Any = "matroska_block_additional"
ALPHA_MODE = bytes.fromhex("53c08101")
"""The element AlphaMode of Matroska, with 1 in one byte."""

DROPPED = "the source's transparency was dropped"
WIDTH, HEIGHT = 96, 64


def run(
    source: Path, output: Path, *, client: TritonClient | None = None, **params: Any
) -> tuple[list[Array], list[str]]:
    """Export a video; return the alpha of the output, and the notes."""
    result = export_video(source, output, client=client, **params)
    return (alphas_of(output) if output.suffix == ".webm" else []), list(result.notes)


def alphas_of(path: Path) -> list[Array]:
    """Return the alpha of every picture of a webm, as libvpx decodes it: [h, w] each; empty without alpha."""
    alphas = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder = cast("Any", av.CodecContext.create("libvpx-vp9", "r"))
        for packet in container.demux(stream):
            if packet.size and stream.codec_context.name == "vp9":
                alphas += [plane(frame, 3) for frame in decoder.decode(packet) if len(frame.planes) == 4]
    return alphas


def plane(frame: av.VideoFrame, number: int, dtype: type[np.uint8 | np.uint16] = np.uint8) -> Array:
    of = frame.planes[number]
    return np.frombuffer(memoryview(of), dtype).reshape(of.height, -1)[:, : of.width].copy()


def claims_alpha(path: Path) -> bool:
    with av.open(str(path)) as container:
        tags = {key.lower(): value for key, value in container.streams.video[0].metadata.items()}
    in_header = ALPHA_MODE in path.read_bytes()[:4096] and path.suffix in {".webm", ".mkv"}
    assert in_header == (tags.get("alpha_mode") == "1")
    return in_header


def disc(number: int, width: int = WIDTH, height: int = HEIGHT) -> Array:
    """Return alpha, uint8 [H, W]: a ramp, opaque in a disc that moves and clear in a bar that moves."""
    rows, columns = np.mgrid[0:height, 0:width]
    alpha = (columns * 2 + rows + number) % 200 + 20
    alpha[(columns - 20 - 4 * number) ** 2 + (rows - 30) ** 2 < 200] = 255
    alpha[:, 60 - 3 * number : 68 - 3 * number] = 0
    return np.asarray(alpha, np.uint8)


def ramp(number: int, rows: Array, columns: Array) -> Array:
    """Return alpha at positions in the picture, in pixels from its corner; resampling does not change it."""
    return np.asarray(20 + columns * 1.5 + rows * 0.5 + 4 * number)


def ramps(number: int) -> Array:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    return np.asarray(np.rint(ramp(number, rows, columns)), np.uint8)


def seen(number: int, size: tuple[int, int], box: tuple[float, float, float, float]) -> Array:
    """Return the ramp in a part x, y, w, h of the picture, resized to another size."""
    rows, columns = np.mgrid[0 : size[1], 0 : size[0]] + 0.5
    x, y, w, h = box
    return ramp(number, y + rows * h / size[1], x + columns * w / size[0])


def colours() -> list[Array]:
    """Return R, G and B; nothing depends on alpha."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return [
        np.asarray(levels, np.uint8) for levels in (60 + columns, 40 + 2 * rows, 90 + columns - rows // 2)
    ]


def frame_of(pix_fmt: str, alpha: Array) -> av.VideoFrame:
    """Return a picture with `alpha`, uint8 [H, W], which is scaled to the bits of `pix_fmt`."""
    if pix_fmt in {"bgra", "argb", "rgba"}:
        parts = dict(zip("rgba", [*colours(), alpha], strict=True))
        woven = np.stack([parts[name] for name in pix_fmt], -1)
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(woven), pix_fmt)
    bits = av.VideoFormat(pix_fmt).components[0].bits
    y, u, v = colours()
    down, across = (1 + (name in pix_fmt) for name in ("420", "42"))
    planes = [y, u[::down, ::across], v[::down, ::across]]
    if bits == 8:
        return coded([*planes, alpha], pix_fmt)
    deep = [part.astype(np.uint16) << (bits - 8) for part in planes]
    top = (1 << bits) - 1
    return coded([*deep, np.rint(alpha * (top / 255)).astype(np.uint16)], pix_fmt)


def clip(
    path: Path,
    *,
    codec: str = "ffv1",
    pix_fmt: str = "yuva444p",
    count: int = 5,
    alpha_of: Callable[[int], Array] = disc,
    **how: Any,
) -> Path:
    pictures = [frame_of(pix_fmt, alpha_of(number)) for number in range(count)]
    return make_clip(path, pictures, codec=codec, pix_fmt=pix_fmt, **how)


def assert_near(got: Sequence[Array], wanted: Sequence[Array], *, psnr_db: float, levels: float) -> None:
    assert len(got) == len(wanted)
    for one, other in zip(got, wanted, strict=True):
        assert one.shape == other.shape
        error = np.abs(one - other.astype(np.float64))
        assert error.max() <= levels
        assert 10 * np.log10(255**2 / max((error**2).mean(), 1e-9)) >= psnr_db


LOSSLESS_VPX = {"lossless": "1"}
SOURCES = [
    ("in.mkv", "ffv1", "yuva444p", {}),
    ("in.mkv", "ffv1", "yuva420p", {}),
    ("in.mkv", "ffv1", "bgra", {}),
    ("in.mkv", "ffv1", "yuva444p10le", {}),
    ("in.mov", "qtrle", "argb", {}),
    ("in.mov", "png", "rgba", {}),
    ("in.mov", "prores_ks", "yuva444p10le", {"profile": "4444"}),
    ("in.apng", "apng", "rgba", {}),
    ("in.webm", "libvpx-vp9", "yuva420p", LOSSLESS_VPX),
]


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "options"), SOURCES)
def test_alpha_is_kept_in_webm_to_the_bit_where_that_is_asked(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, options: dict[str, str]
) -> None:
    source = clip(tmp_path / name, codec=codec, pix_fmt=pix_fmt, options=options)
    output = tmp_path / "out.webm"
    alphas, notes = run(source, output, quality="lossless")
    assert [array.tolist() for array in alphas] == [disc(number).tolist() for number in range(5)]
    assert DROPPED not in notes
    assert claims_alpha(output)
    assert probe(source).transparent
    assert probe(output).transparent


@pytest.mark.parametrize("quality", ["high", "medium", "low"])
def test_alpha_is_kept_well_in_every_quality(tmp_path: Path, quality: str) -> None:
    source = clip(tmp_path / "in.mkv")
    alphas, _ = run(source, tmp_path / "out.webm", quality=quality)
    psnr_db = {"high": 40, "medium": 34, "low": 30}[quality]
    assert_near(alphas, [disc(number) for number in range(5)], psnr_db=psnr_db, levels=255)


def test_the_colours_under_transparent_pixels_stay(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mkv", pix_fmt="yuva420p")
    run(source, tmp_path / "out.webm", quality="lossless")
    with av.open(str(tmp_path / "out.webm")) as container:
        for frame in container.decode(video=0):
            y, u, v = colours()
            wanted = [y, u[::2, ::2], v[::2, ::2]]
            assert all(np.array_equal(plane(frame, part), wanted[part]) for part in range(3))


@pytest.mark.parametrize(
    "pix_fmt",
    ["yuva420p", "yuva422p", "yuva444p", "yuva420p10le", "yuva422p10le", "yuva444p10le", "yuva444p12le"],
)
def test_alpha_is_no_part_of_the_planes_of_a_picture(tmp_path: Path, pix_fmt: str) -> None:
    """When alpha is not requested, as for mp4, the samples equal those of a format without alpha."""
    source = clip(tmp_path / "in.mkv", pix_fmt=pix_fmt, count=1)
    with av.open(str(source)) as container:
        frame = next(container.decode(video=0))
        deep = frame.format.components[0].bits > 8
        wanted = [plane(frame, part, np.uint16 if deep else np.uint8) for part in range(3)]
    with VideoReader[Planes](source, probe(source), form="planes") as reader:
        [read] = list(reader.frames())
    assert read.alpha is None
    got = [read.pixels.y, read.pixels.u, read.pixels.v]
    assert all(np.array_equal(one, other) for one, other in zip(got, wanted, strict=True))


def test_vp8_with_alpha_is_kept(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.webm", codec="libvpx", pix_fmt="yuva420p", options={"auto-alt-ref": "0"})
    wanted = []
    decoder = cast("Any", av.CodecContext.create("libvpx", "r"))
    with av.open(str(source)) as container:
        for packet in container.demux(video=0):
            wanted += [plane(frame, 3) for frame in decoder.decode(packet) if packet.size]
    assert len(wanted) == 5
    alphas, _ = run(source, tmp_path / "out.webm", quality="lossless")
    assert [array.tolist() for array in alphas] == [array.tolist() for array in wanted]


def test_the_case_of_the_issue_keeps_its_alpha(tmp_path: Path) -> None:
    if not (CASES / "alpha.webm").exists():
        pytest.skip("needs the cases beside the checkout")
    alphas, notes = run(CASES / "alpha.webm", tmp_path / "out.webm")
    assert notes == []
    assert claims_alpha(tmp_path / "out.webm")
    assert_near(alphas, alphas_of(CASES / "alpha.webm"), psnr_db=45, levels=4)


# --- with the rest of the work


@pytest.mark.parametrize("box", [(32, 0, 64, 64), (10, 20, 40, 30), (3, 5, 33, 41), (10.5, 20, 33, 31)])
def test_alpha_is_cropped_with_the_picture(tmp_path: Path, box: tuple[float, float, float, float]) -> None:
    source = clip(tmp_path / "in.mkv", alpha_of=ramps)
    x, y, w, h = box
    alphas, _ = run(source, tmp_path / "out.webm", crop={"x": x, "y": y, "w": w, "h": h}, quality="lossless")
    shown = [alpha[: int(h), : int(w)] for alpha in alphas]  # VP9 of 4:2:0 needs even sides
    assert_near(shown, [seen(number, (int(w), int(h)), box) for number in range(5)], psnr_db=50, levels=2)


@pytest.mark.parametrize("size", ["48x24", "97x49", "200x100"])
def test_alpha_is_resized_with_the_picture(tmp_path: Path, size: str) -> None:
    source = clip(tmp_path / "in.mkv", alpha_of=ramps)
    width, height = (int(side) for side in size.split("x"))
    alphas, _ = run(source, tmp_path / "out.webm", size=size, crop={"x": 0, "y": 8, "w": 96, "h": 48})
    wanted = [seen(number, (width, height), (0, 8, 96, 48)) for number in range(5)]
    assert_near([alpha[:height, :width] for alpha in alphas], wanted, psnr_db=42, levels=6)


def test_alpha_is_enlarged_where_a_model_enlarges_the_picture(tmp_path: Path, client: TritonClient) -> None:
    source = clip(tmp_path / "in.mkv", alpha_of=ramps)
    crop = {"x": 10, "y": 6, "w": 40, "h": 32}
    alphas, _ = run(source, tmp_path / "out.webm", client=client, crop=crop, upscale=True)
    wanted = [seen(number, (160, 128), (10, 6, 40, 32)) for number in range(5)]
    assert_near(alphas, wanted, psnr_db=42, levels=6)


def test_alpha_follows_a_crop_that_moves(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mkv", alpha_of=ramps)
    keyframes = [{"t": number / 25, "x": 5 * number, "y": 4, "w": 48, "h": 32} for number in (0, 4)]
    alphas, _ = run(source, tmp_path / "out.webm", crop=keyframes)
    # It starts and stops softly: of the start, the middle and the end it is known where it is.
    wanted = [seen(number, (48, 32), (5 * number, 4, 48, 32)) for number in (0, 2, 4)]
    assert len(alphas) == 5
    assert_near(alphas[::2], wanted, psnr_db=42, levels=6)


@pytest.mark.parametrize("name", ["in.mkv", "in.webm"])
def test_alpha_of_a_part_of_the_time_is_that_of_its_pictures(tmp_path: Path, name: str) -> None:
    how: dict[str, Any] = {}
    if name == "in.webm":
        how = {"codec": "libvpx-vp9", "pix_fmt": "yuva420p", "options": LOSSLESS_VPX}
    source = clip(tmp_path / name, count=12, **how)
    alphas, _ = run(source, tmp_path / "out.webm", start=0.2, end=0.4, quality="lossless")
    assert [array.tolist() for array in alphas] == [disc(number).tolist() for number in range(5, 10)]


def test_alpha_is_turned_with_the_picture(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mov", codec="qtrle", pix_fmt="argb", rotation=90)
    alphas, _ = run(source, tmp_path / "out.webm", quality="lossless")
    turns = probe(source).rotation // 90
    assert turns in {1, 3}
    assert [array.tolist() for array in alphas] == [np.rot90(disc(n), turns).tolist() for n in range(5)]


def test_alpha_is_stretched_to_square_pixels(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mov", codec="qtrle", pix_fmt="argb", alpha_of=ramps, aspect=Fraction(2))
    alphas, _ = run(source, tmp_path / "out.webm")
    wanted = [seen(number, (2 * WIDTH, HEIGHT), (0, 0, WIDTH, HEIGHT)) for number in range(5)]
    assert_near(alphas, wanted, psnr_db=42, levels=6)


def test_alpha_of_interlaced_pictures_passes(tmp_path: Path) -> None:
    source = clip(
        tmp_path / "in.mov",
        codec="prores_ks",
        pix_fmt="yuva444p10le",
        options={"profile": "4444"},
        alpha_of=ramps,
        fields="tff",
    )
    assert probe(source).interlaced
    alphas, notes = run(source, tmp_path / "out.webm", quality="lossless")
    assert "the source is interlaced: it was deinterlaced (bwdif)" in notes
    assert_near(alphas, [ramps(number) for number in range(5)], psnr_db=42, levels=6)


def test_keyframes_of_alpha_are_where_those_of_the_picture_are(tmp_path: Path) -> None:
    """Players seek to a keyframe of the picture, and decode both from there."""
    source = clip(tmp_path / "in.mkv", count=140, alpha_of=lambda number: disc(number % 5))
    run(source, tmp_path / "out.webm")
    keys = []
    with av.open(str(tmp_path / "out.webm")) as container:
        for packet in container.demux(video=0):
            if (
                packet.size
            ):  # frame_type of VP9's uncompressed header, profile 0: the sixth bit; 0 is a keyframe
                is_key = not bytes(packet.get_sidedata(SIDE_DATA))[8] & 4
                assert is_key == packet.is_keyframe
                keys.append(is_key)
    assert len(keys) == 140
    assert sum(keys) == 2


# --- what has none, or cannot have any


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "gif"])
@pytest.mark.parametrize(
    ("codec", "pix_fmt", "name"), [("ffv1", "bgra", "a.mkv"), ("libvpx-vp9", "yuva420p", "a.webm")]
)
def test_what_cannot_hold_alpha_says_so_and_claims_none(
    tmp_path: Path, codec: str, pix_fmt: str, name: str, suffix: str
) -> None:
    source = clip(tmp_path / name, codec=codec, pix_fmt=pix_fmt)
    output = tmp_path / f"out.{suffix}"
    _, notes = run(source, output)
    assert notes.count(DROPPED) == 1
    assert not claims_alpha(output)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "bgr0"])
def test_a_source_without_alpha_gets_none(tmp_path: Path, pix_fmt: str) -> None:
    source = make_clip(tmp_path / "in.mkv", 3, codec="ffv1", pix_fmt=pix_fmt)
    alphas, notes = run(source, tmp_path / "out.webm")
    assert alphas == []
    assert DROPPED not in notes
    assert not claims_alpha(tmp_path / "out.webm")
    assert not probe(source).transparent


def test_a_false_claim_of_a_source_is_not_passed_on(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.webm", 3, codec="libvpx-vp9", video_metadata={"alpha_mode": "1"})
    assert claims_alpha(source)
    alphas, notes = run(source, tmp_path / "out.webm")
    assert (alphas, notes) == ([], [])
    assert not claims_alpha(tmp_path / "out.webm")


def test_hdr_in_webm_is_av1_which_has_no_alpha(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mkv", pix_fmt="yuva420p10le", matrix=9, primaries=9, transfer=16, range_=1)
    _, notes = run(source, tmp_path / "out.webm")
    assert DROPPED in notes
    assert not claims_alpha(tmp_path / "out.webm")
    alphas, notes = run(source, tmp_path / "sdr.webm", tonemap=True, quality="lossless")
    assert DROPPED not in notes
    assert [array.tolist() for array in alphas] == [disc(number).tolist() for number in range(5)]


@pytest.mark.parametrize("is_clear", [True, False])
def test_a_gif_has_alpha_where_something_in_it_is_transparent(tmp_path: Path, *, is_clear: bool) -> None:
    palette = np.zeros((256, 4), np.uint8)
    palette[:, :3], palette[:, 3] = np.arange(256)[:, None], 255
    if is_clear:
        palette[7, 3] = 0
    indexes = np.full((HEIGHT, WIDTH), 200, np.uint8)
    indexes[10:30, 20:50] = 7
    picture = coded([indexes], "gray")
    gif = av.VideoFrame(WIDTH, HEIGHT, "pal8")
    gif.planes[0].update(bytes(picture.planes[0]))
    gif.planes[1].update(np.ascontiguousarray(palette[:, [2, 1, 0, 3]]).tobytes())
    source = make_clip(tmp_path / "in.gif", [gif], codec="gif", pix_fmt="pal8", rate=10)
    alphas, _ = run(source, tmp_path / "out.webm", quality="lossless")
    assert [array.tolist() for array in alphas] == (
        [np.where(indexes == 7, 0, 255).tolist()] if is_clear else []
    )
    assert claims_alpha(tmp_path / "out.webm") == is_clear


# --- what lies beside the picture, and is not whole


def changed(
    source: Path, path: Path, change: Callable[[int, Packet[VideoStream]], Packet[VideoStream]]
) -> Path:
    """Copy the packets of a webm, each changed by `change`."""
    with av.open(str(source)) as container, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(container.streams.video[0])
        stream.metadata["alpha_mode"] = "1"
        for number, packet in enumerate(container.demux(container.streams.video[0])):
            if packet.size:
                made = change(number, packet)
                made.stream = stream
                output.mux(made)
    return path


def alphas_read(path: Path) -> tuple[list[Array], list[str]]:
    with VideoReader(path, probe(path), form="planes", alpha=True) as reader:
        return [cast("Array", frame.alpha) for frame in reader.frames()], reader.notes


def test_a_part_has_its_alpha_where_that_has_fewer_keyframes_than_the_picture(tmp_path: Path) -> None:
    how: dict[str, Any] = {"codec": "libvpx-vp9", "pix_fmt": "yuva420p", "count": 12}
    often = clip(tmp_path / "often.webm", options=LOSSLESS_VPX | {"g": "4"}, **how)
    once = clip(tmp_path / "once.webm", options=LOSSLESS_VPX, **how)
    with av.open(str(once)) as container:
        alphas_of_once = [
            packet.get_sidedata(SIDE_DATA) for packet in container.demux(video=0) if packet.size
        ]

    def exchanged(number: int, packet: Packet[VideoStream]) -> Packet[VideoStream]:
        packet.set_sidedata(alphas_of_once[number])
        return packet

    source = changed(often, tmp_path / "in.webm", exchanged)
    alphas, _ = run(source, tmp_path / "out.webm", start=0.36, end=0.44, quality="lossless")
    assert [array.tolist() for array in alphas] == [disc(number).tolist() for number in (9, 10)]


def test_a_picture_without_alpha_among_others_is_opaque(tmp_path: Path) -> None:
    whole = clip(tmp_path / "in.webm", codec="libvpx-vp9", pix_fmt="yuva420p", options=LOSSLESS_VPX)

    def bare(number: int, packet: Packet[VideoStream]) -> Packet[VideoStream]:
        if number < 3:
            return packet
        made: Packet[VideoStream] = cast("Any", Packet(bytes(packet)))
        made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
        made.is_keyframe = packet.is_keyframe
        return made

    alphas, notes = alphas_read(changed(whole, tmp_path / "part.webm", bare))
    opaque = np.full((HEIGHT, WIDTH), 255, np.uint8)
    assert [array.tolist() for array in alphas] == [
        (disc(number) if number < 3 else opaque).tolist() for number in range(5)
    ]
    assert notes == []


def test_alpha_that_cannot_be_decoded_is_noted(tmp_path: Path) -> None:
    whole = clip(tmp_path / "in.webm", codec="libvpx-vp9", pix_fmt="yuva420p", options=LOSSLESS_VPX)

    def broken(number: int, packet: Packet[VideoStream]) -> Packet[VideoStream]:
        if number == 2:
            data = packet.get_sidedata(SIDE_DATA)
            data.update(bytes(data)[:8] + bytes(len(bytes(data)) - 8))
            packet.set_sidedata(data)
        return packet

    alphas, notes = alphas_read(changed(whole, tmp_path / "part.webm", broken))
    assert len(alphas) == 5
    assert (alphas[2] == 255).all()
    assert np.array_equal(alphas[1], disc(1))
    assert notes == ["the transparency of 1 picture of the source could not be decoded: there it is opaque"]
