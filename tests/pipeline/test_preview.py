"""Tests the stills of previews: which frame they show, how it looks, and what they cost.

The judge of a still is PyAV, which decodes the whole video from its start.
"""

from __future__ import annotations

import base64
import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from orchestrator.jobs import ExportParams, ExportResult, Preview, Still, parse
from orchestrator.media.read import still_reader
from orchestrator.media.read.decoded_pictures import DecodedPictures
from orchestrator.media.read.probe import probe
from orchestrator.pipeline import preview as preview_module
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export
from orchestrator.pipeline.preview import MOST_BYTES, Moment, data_url, write_preview
from tools.fixtures import clips

Array = NDArray[np.uint8]

LEAST_DB = 35.0
WIDTH, HEIGHT = 320, 180
HD: dict[str, Any] = {"matrix": 1, "primaries": 1, "transfer": 1}
UNTAGGED: dict[str, Any] = {"matrix": 2, "primaries": 2, "transfer": 2}


def pictures(count: int, width: int = WIDTH, height: int = HEIGHT) -> list[Array]:
    return [clips.numbered(number, width, height) for number in range(count)]


def exported(source: Path, suffix: str = ".mp4", **params: Any) -> tuple[ExportResult, Path, Preview]:
    """Export without a model; return the result, the output and the preview."""
    output, path = source.with_name(f"out{suffix}"), source.with_name("preview.json")
    context = JobContext(connect=lambda: pytest.fail("an export needs no Triton"), preview=path)
    result = export(source, output, parse(ExportParams, params), context)
    assert not [note for note in result.notes if "preview" in note]
    return result, output, Preview.model_validate_json(path.read_bytes())


def still(url: str | None) -> Array:
    """Decode a `data:` URL."""
    assert url is not None
    head, _, text = url.partition(",")
    assert head == "data:image/jpeg;base64"
    data = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)


def decoded(path: Path, matrix: Colorspace = Colorspace.ITU709) -> list[tuple[Fraction, Array]]:
    """Decode a whole video; return the time of each frame since the first, and the frame as RGB."""
    with av.open(str(path)) as container:
        frames = [
            (frame.pts * frame.time_base, frame.reformat(format="rgb24", src_colorspace=matrix))
            for frame in container.decode(video=0)
            if frame.pts is not None and frame.time_base is not None
        ]
    return [(at_s - frames[0][0], np.asarray(frame.to_ndarray(), np.uint8)) for at_s, frame in frames]


def psnr_db(one: Array, other: Array) -> float:
    assert one.shape == other.shape
    return float(cv2.PSNR(one, other))


def assert_shows(url: str | None, expected: Array, *, least_db: float = LEAST_DB) -> None:
    shown = still(url)
    assert psnr_db(shown, expected) > least_db


def spread(stills: tuple[Still, ...]) -> list[float]:
    times_s = [one.time_sec for one in stills]
    return [after - before for before, after in itertools.pairwise(times_s)]


@pytest.mark.parametrize("keyint", ["1", "12", "250"])
@pytest.mark.parametrize("frames", [60, 200])
def test_stills_are_the_frames_at_their_times(tmp_path: Path, frames: int, keyint: str) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", pictures(frames), options={"g": keyint}, **HD)
    _, output, preview = exported(source, quality="high")
    assert preview.version == 1
    assert len(preview.stills) == 8
    assert preview.stills[0].time_sec == 0
    assert preview.stills[-1].time_sec == pytest.approx((frames - 1) / 25)
    gaps = spread(preview.stills)
    assert min(gaps) > 0.5 * max(gaps)
    of_source, of_output = decoded(source), decoded(output)
    for one in preview.stills:
        number = round(one.time_sec * 25)
        assert one.output_time_sec == pytest.approx(one.time_sec)
        for url, (at_s, expected) in ((one.source, of_source[number]), (one.output, of_output[number])):
            assert float(at_s) == pytest.approx(one.time_sec, abs=1e-6)
            assert clips.number_of(still(url)) == number
            assert_shows(url, expected)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".mp4", {"codec": "libx265", "pix_fmt": "yuv420p10le"}),
        (".mov", {"codec": "prores_ks", "pix_fmt": "yuv422p10le"}),
        (".mkv", {"codec": "libvpx-vp9"}),
        (".webm", {"codec": "libvpx", "options": {"g": "30", "deadline": "realtime"}, **UNTAGGED}),
        (".ts", {}),
        (".avi", {"codec": "mpeg4", **UNTAGGED}),
        (".mpg", {"codec": "mpeg2video"}),
        (".mp4", {"codec": "libx264", "options": {"g": "30", "bf": "3", "x264-params": "open-gop=1"}}),
    ],
    ids=["hevc 10 bit", "prores", "vp9", "vp8", "mpeg-ts", "avi", "mpeg-ps", "open gop"],
)
def test_stills_of_other_codecs(tmp_path: Path, suffix: str, options: dict[str, Any]) -> None:
    kind = {"options": {"g": "30"} if suffix != ".mov" else {}} | HD | options
    source = clips.make_clip(tmp_path / f"in{suffix}", pictures(60), **kind)
    matrix = Colorspace.ITU709 if kind["matrix"] == 1 else Colorspace.ITU601
    _, output, preview = exported(source)
    assert len(preview.stills) == 8
    of_source, of_output = decoded(source, matrix), decoded(output, matrix)
    for one in preview.stills:
        assert one.output_time_sec is not None
        number = round(one.output_time_sec * 25)
        assert clips.number_of(still(one.source)) == number
        assert_shows(one.source, of_source[number][1])
        assert_shows(one.output, of_output[number][1])


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_stills_of_a_rotated_video_are_upright(tmp_path: Path, rotation: int) -> None:
    turned = [np.ascontiguousarray(np.rot90(one, -rotation // 90)) for one in pictures(20)]
    source = clips.make_clip(tmp_path / "in.mp4", turned, rotation=rotation, **HD)
    _, output, preview = exported(source)
    of_source, of_output = decoded(source), decoded(output)
    for one in preview.stills:
        number = round(one.time_sec * 25)
        assert still(one.source).shape == (HEIGHT, WIDTH, 3)
        assert_shows(one.source, np.ascontiguousarray(np.rot90(of_source[number][1], rotation // 90)))
        assert_shows(one.output, of_output[number][1])


def test_stills_have_square_pixels(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", pictures(20, 240, 180), aspect=Fraction(4, 3), **HD)
    _, output, preview = exported(source, size="120x180")
    of_source, of_output = decoded(source), decoded(output)
    assert of_output[0][1].shape == (180, 120, 3)
    for one in preview.stills:
        number = round(one.time_sec * 25)
        for url, (_, expected) in ((one.source, of_source[number]), (one.output, of_output[number])):
            wide = cv2.resize(expected, (320, 180), interpolation=cv2.INTER_LINEAR)
            assert_shows(url, np.asarray(wide, np.uint8), least_db=22)
            assert clips.number_of(still(url)) == number


def test_stills_of_an_interlaced_video_have_no_combs(tmp_path: Path) -> None:
    source = clips.make_clip(
        tmp_path / "in.mp4", clips.woven(30, width=WIDTH, height=HEIGHT), fields="tff", **HD
    )
    _, output, preview = exported(source)
    of_output = decoded(output)
    for one in preview.stills:
        number = round(one.time_sec * 25)
        shown = still(one.source)
        combs = np.abs(shown[20:160:2].astype(int) - shown[21:161:2]).mean()
        assert combs < 4, "neighbouring lines show the same moment"
        assert_shows(one.source, of_output[number][1], least_db=30)


def test_stills_of_a_crop_and_of_a_part(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", pictures(100), options={"g": "20"}, **HD)
    crop = {"x": 0, "y": 60, "w": 320, "h": 120}
    _, output, preview = exported(source, crop=crop, start=1.2, end=3)
    of_source, of_output = decoded(source), decoded(output)
    assert len(of_output) == 45
    assert [preview.stills[0].time_sec, preview.stills[-1].time_sec] == [1.2, 2.96]
    for one in preview.stills:
        number = round(one.time_sec * 25)
        assert one.output_time_sec == pytest.approx(one.time_sec - 1.2)
        assert still(one.source).shape == (180, 320, 3)
        assert_shows(one.source, of_source[number][1])
        assert_shows(one.output, of_output[number - 30][1])
        assert_shows(one.output, np.ascontiguousarray(of_source[number][1][60:180]), least_db=30)


def test_stills_of_a_video_whose_frames_last_unequally(tmp_path: Path) -> None:
    pts = [0, 40, 41, 90, 400, 402, 405, 1500, 1533, 1600, 2400, 2500]
    source = clips.make_clip(tmp_path / "in.mkv", pictures(12), pts=pts, time_base=Fraction(1, 1000), **HD)
    _, _, preview = exported(source, suffix=".mkv")
    for one in preview.stills:
        assert clips.number_of(still(one.source)) == pts.index(round(one.time_sec * 1000))
        assert clips.number_of(still(one.output)) == clips.number_of(still(one.source))


@pytest.mark.parametrize("suffix", [".mov", ".mkv", ".webm", ".gif"])
def test_stills_of_every_output_format(tmp_path: Path, suffix: str) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", pictures(40), **HD)
    _, _, preview = exported(source, suffix=suffix)
    assert len(preview.stills) == 8
    for one in preview.stills:
        assert clips.number_of(still(one.source)) == round(one.time_sec * 25)
        assert clips.number_of(still(one.output)) == clips.number_of(still(one.source))


@pytest.mark.parametrize(("frames", "expected"), [(1, 1), (2, 2), (5, 5), (8, 8), (9, 8)])
def test_a_short_video_has_a_still_for_each_frame(tmp_path: Path, frames: int, expected: int) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", pictures(frames), **HD)
    _, _, preview = exported(source)
    numbers = [clips.number_of(still(one.source)) for one in preview.stills]
    assert len(set(numbers)) == len(numbers) == expected


@pytest.mark.parametrize(
    ("size", "shown"),
    [((1920, 1080), (1280, 720)), ((720, 1600), (576, 1280)), ((1280, 720), (1280, 720))],
)
def test_large_pictures_are_scaled_down(
    tmp_path: Path, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", pictures(3, *size), **HD)
    _, _, preview = exported(source)
    expected = cv2.resize(decoded(source)[1][1], shown, interpolation=cv2.INTER_AREA)
    for url in (preview.stills[1].source, preview.stills[1].output):
        assert still(url).shape[:2] == shown[::-1]
        assert_shows(url, np.asarray(expected, np.uint8), least_db=30)


def test_hdr_is_shown_as_sdr(tmp_path: Path) -> None:
    """The still of an HDR source, and of an HDR output, is what a tone-mapped export shows."""
    gray = [np.full((HEIGHT, WIDTH, 3), 148, np.uint8)] * 10  # 203 cd/m2, which is the white of SDR
    hdr: dict[str, Any] = {"matrix": 9, "primaries": 9, "transfer": 16, "range_": 1}
    source = clips.make_clip(tmp_path / "in.mp4", gray, codec="libx265", pix_fmt="yuv420p10le", **hdr)
    _, output, preview = exported(source)
    with av.open(str(output)) as kept:
        assert kept.streams.video[0].codec_context.color_trc == 16, "the output is HDR too"
    _, mapped, _ = exported(source, suffix=".mov", tonemap=True)
    expected = decoded(mapped)[0][1]
    assert expected.mean() > 160
    for one in preview.stills:
        assert_shows(one.source, expected)
        assert_shows(one.output, expected)


def test_a_preview_stays_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (8, 720, 1280, 3), np.uint8)
    options = {"qp": "0", "preset": "ultrafast"}
    source, path = clips.make_clip(tmp_path / "in.mkv", list(noise), options=options), tmp_path / "p.json"
    moments = [Moment(source_s=Fraction(number, 25), output_s=Fraction(number, 25)) for number in range(8)]
    info = probe(source)
    assert write_preview(path, source=source, info=info, moments=moments, output=source) == ()
    assert len(Preview.model_validate_json(path.read_bytes()).stills) == 8
    assert path.stat().st_size < MOST_BYTES + 10_000


@pytest.mark.parametrize("size", [(1280, 1280), (1, 1), (1280, 1), (3, 1280)])
def test_a_data_url_is_as_short_as_asked(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    url = data_url(noise, most_bytes=MOST_BYTES // 16)
    assert len(url) <= MOST_BYTES // 16
    assert still(url).ndim == 3


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the pictures that are decoded for stills."""
    count = [0]
    original = DecodedPictures.__iter__

    def counting(pictures: Any) -> Any:
        for picture in original(pictures):
            count[0] += 1
            yield picture

    monkeypatch.setattr(DecodedPictures, "__iter__", counting)
    return count


@pytest.mark.parametrize("seconds", [40, 160])
def test_the_cost_does_not_grow_with_the_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    frames = pictures(64, 96, 64)
    long = list(itertools.islice(itertools.cycle(frames), seconds * 25))
    source = clips.make_clip(tmp_path / "in.mp4", long, options={"g": "50", "preset": "ultrafast"}, **HD)
    count = counted(monkeypatch)
    last_s = Fraction(seconds * 25 - 1, 25)
    moments = [Moment(source_s=last_s * number / 7) for number in range(8)]
    path = tmp_path / "again.json"
    info = probe(source)
    assert write_preview(path, source=source, info=info, moments=moments) == ()
    assert count[0] <= 8 * 60
    for one in Preview.model_validate_json(path.read_bytes()).stills:
        assert clips.number_of(still(one.source)) == round(one.time_sec * 25) % 64


def test_a_video_that_cannot_seek_has_fewer_stills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"g": "9999", "sc_threshold": "0"}
    source = clips.make_clip(tmp_path / "in.mp4", pictures(400, 96, 64), options=options, **HD)
    monkeypatch.setattr(still_reader, "MOST_DECODED", 200)
    _, _, preview = exported(source)
    assert 1 < len(preview.stills) < 8
    for one in preview.stills:
        number = round(one.time_sec * 25)
        assert clips.number_of(still(one.source)) == number < 200


def test_a_preview_that_cannot_be_made_fails_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> str:
        raise MemoryError("no room for https://secret.example/?X-Amz-Signature=abc")

    monkeypatch.setattr(preview_module, "data_url", failing)
    source = clips.make_clip(tmp_path / "in.mp4", 12)
    path, output = tmp_path / "preview.json", tmp_path / "out.mp4"
    context = JobContext(connect=lambda: pytest.fail("an export needs no Triton"), preview=path)
    result = export(source, output, ExportParams(), context)
    (note,) = [note for note in result.notes if "preview" in note]
    assert "secret" not in note
    assert output.exists()
    assert not path.exists()


def test_without_a_request_no_preview_is_made(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 12)
    context = JobContext(connect=lambda: pytest.fail("an export needs no Triton"))
    result = export(source, tmp_path / "out.mp4", ExportParams(), context)
    assert result.preview_url is None
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "out.mp4"}
