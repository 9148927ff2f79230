"""Small videos made on the spot, of every kind that the tests need.

The pictures carry their own number: the lower half is a row of black and white bars, one a bit, that survives
lossy coding and scaling. `number_of` reads it back, so a test can say which frame it is looking at.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import av.filter
import numpy as np
from av.packet import Packet
from av.stream import Disposition
from av.subtitles.subtitle import SubtitleSet
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.container.core import Chapter
    from av.stream import Stream
    from av.subtitles.stream import SubtitleStream
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

BITS = 12
IN_A_PIXEL = {"yuyv422": 2, "uyvy422": 2, "yvyu422": 2, "rgb48le": 3, "bgr0": 4, "bgra": 4}
"""How many samples a pixel has in formats of one plane."""

BEEP_S = 0.1
WIDTH, HEIGHT = 96, 64
MATRICES = {1: Colorspace.ITU709, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 9: Colorspace.BT2020}


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """Return a uint8 [H, W, 3] picture: a moving gradient above, `number` in bars below."""
    rows, columns = np.mgrid[0:height, 0:width]
    picture = np.empty((height, width, 3), np.uint8)
    picture[..., 0] = (columns * 2 + number * 3) % 256 // 2 + 64
    picture[..., 1] = rows * 3 % 256 // 2 + 64
    picture[..., 2] = 128
    bit = columns * BITS // width
    picture[height // 2 :] = np.where((number >> bit) & 1, 235, 16)[height // 2 :, :, None]
    return picture


def number_of(picture: Pixels) -> int:
    """Read back what `numbered` wrote, at any size."""
    height, width, _ = picture.shape
    row = picture[height * 3 // 4].mean(axis=-1)
    centres = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    return int(sum(1 << bit for bit, x in enumerate(centres) if row[x] > 127))


def flashing(count: int, rate: Fraction | int) -> list[Pixels]:
    """Return black pictures, white where one is the first that begins in a second."""
    numbers = (int(number / rate) - int((number - 1) / rate) if number else 1 for number in range(count))
    return [plain((235, 235, 235) if number else (16, 16, 16)) for number in numbers]


def woven(
    count: int, *, bottom_first: bool = False, width: int = WIDTH, height: int = HEIGHT
) -> list[Pixels]:
    """Return pictures woven of two fields: stripes that move on, from each field to the next."""
    pictures = []
    for number in range(count):
        picture = np.empty((height, width, 3), np.uint8)
        for field in (0, 1):
            picture[field ^ bottom_first :: 2] = stripes(2 * number + field, width)[None, :, None]
        pictures.append(picture)
    return pictures


def stripes(moment: int, width: int = WIDTH) -> NDArray[np.uint8]:
    """Return a row, uint8 [width], of stripes of 16 pixels that move by 4 pixels in a field's time."""
    return np.where((np.arange(width) - 4 * moment) % 32 < 16, 200, 50).astype(np.uint8)


def plain(rgb: tuple[int, int, int], width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """Return a uint8 [H, W, 3] picture of one colour."""
    return np.full((height, width, 3), rgb, np.uint8)


def coded(planes: Sequence[NDArray[Any]], pix_fmt: str) -> av.VideoFrame:
    """Return a frame of `planes`, one a plane of `pix_fmt`: [h, samples in a row], uint8 or uint16."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width // IN_A_PIXEL.get(pix_fmt, 1), height, pix_fmt)
    for plane, samples in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size // samples.itemsize), samples.dtype)
        rows[:, : samples.shape[1]] = samples
        plane.update(rows.tobytes())
    return frame


def make_clip(
    path: Path,
    pictures: Iterable[Pixels | av.VideoFrame] | int = 12,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    rate: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    last_duration: int | None = None,
    matrix: int = 2,
    primaries: int = 2,
    transfer: int = 2,
    range_: int = 0,
    fields: str | None = None,
    field_order: int = 0,
    aspect: Fraction | None = None,
    rotation: float | None = None,
    hflip: bool = False,
    vflip: bool = False,
    audio: Sequence[dict[str, Any]] = (),
    subtitles: Sequence[dict[str, Any]] = (),
    chapters: Sequence[Chapter] = (),
    metadata: dict[str, str] | None = None,
    attachment: tuple[str, str, bytes] | None = None,
    cover: bool = False,
    video_metadata: dict[str, str] | None = None,
) -> Path:
    """Write a video with PyAV and return its path.

    Args:
        path: where; the container is the suffix's unless `container` names one.
        pictures: uint8 [H, W, 3] RGB, or `coded` ones of `pix_fmt`, or how many `numbered` ones.
        codec, pix_fmt, options: of the encoder.
        container_options: of the muxer.
        rate: frames a second.
        pts: of each picture in `time_base`; by default 0, 1, 2... in units of 1 / rate.
        last_duration: of the last picture, in `time_base`.
        matrix, primaries, transfer: H.273 code points to tag; the matrix is used too (BT.601 if untagged).
        range_: 0 untagged (and limited), 1 limited, 2 full.
        fields: `tff` or `bff`: pictures say that they are woven of two fields, and which comes first.
        field_order: AVFieldOrder for the container to tell: 2 top field first, 3 bottom field first.
        rotation, hflip, vflip: a display matrix for the container.
        audio: per stream `seconds`, and optionally what `_Audio` takes.
        subtitles: per stream `codec`, `lines` of (start s, end s, text), and optionally `language`.
        chapters: as PyAV's `set_chapters` takes them.
        attachment: name, MIME type and payload.
        cover: add `jpeg()` as the cover picture.
    """
    made: list[Pixels | av.VideoFrame] = list(
        [numbered(number) for number in range(pictures)] if isinstance(pictures, int) else pictures
    )
    tick = time_base or 1 / Fraction(rate)
    if fields:
        options = {"flags": "+ildct+ilme", **(options or {})}
    with av.open(str(path), "w", format=container, options=container_options or {}) as output:
        output.metadata.update(metadata or {})
        if chapters:
            output.set_chapters(list(chapters))
        video = cast("VideoStream", output.add_stream(codec, rate=rate, options=dict(options or {})))
        first = made[0]
        size = (first.height, first.width) if isinstance(first, av.VideoFrame) else first.shape[:2]
        video.height, video.width = size
        video.pix_fmt = pix_fmt
        video.codec_context.time_base = tick
        video.metadata.update(video_metadata or {})
        video.colorspace, video.color_primaries, video.color_trc = matrix, primaries, transfer
        video.color_range = range_
        video.codec_context.field_order = field_order
        video.codec_context.sample_aspect_ratio = aspect or Fraction(1)
        if rotation is not None or hflip or vflip:
            video.set_display_rotation(rotation or 0, hflip=hflip, vflip=vflip)
        others: list[_Audio | _Subtitles | _Cover] = [_Audio(output, **track) for track in audio]
        others += [_Subtitles(output, **track) for track in subtitles]
        others += [_Cover(output)] if cover else []
        if attachment:
            output.add_attachment(*attachment)
        full = range_ == ColorRange.JPEG
        for number, frame in enumerate(_frames(made, pix_fmt, matrix, full=full, fields=fields)):
            frame.pts = moment = pts[number] if pts else number
            frame.time_base = tick
            output.mux(video.encode(frame))
            for other in others:
                other.write_until(float(moment * tick))
        for other in others:
            other.write_until(float("inf"))
        packets = video.encode(None)
        if last_duration and packets:
            packets[-1].duration = last_duration
        output.mux(packets)
    return path


def _frames(
    pictures: list[Pixels | av.VideoFrame], pix_fmt: str, matrix: int, *, full: bool, fields: str | None
) -> Iterator[av.VideoFrame]:
    """Yield pictures as they are encoded; converted accurately, but for the tags."""
    reformatter, flagging = VideoReformatter(), None
    for picture in pictures:
        frame = picture
        if not isinstance(frame, av.VideoFrame):
            frame = _to_pix_fmt(reformatter, frame, pix_fmt, matrix, full=full)
        if fields:
            flagging = flagging or _flagging(frame, fields)
            flagging.vpush(frame)
            frame = flagging.vpull()
        yield frame


def _flagging(like: av.VideoFrame, fields: str) -> av.filter.Graph:
    """Return what says of pictures that they are woven of two fields."""
    graph = av.filter.Graph()
    kind = f"video_size={like.width}x{like.height}:pix_fmt={like.format.name}:time_base=1/25"
    ends = graph.add("buffer", kind), graph.add("setfield", fields), graph.add("buffersink")
    graph.link_nodes(*ends).configure()
    return graph


def _to_pix_fmt(
    reformatter: VideoReformatter, picture: Pixels, pix_fmt: str, matrix: int, *, full: bool
) -> av.VideoFrame:
    return reformatter.reformat(
        av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24"),
        format=pix_fmt,
        dst_colorspace=MATRICES.get(matrix, Colorspace.ITU601),
        dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC
        | Interpolation.ACCURATE_RND
        | Interpolation.FULL_CHR_H_INT
        | Interpolation.FULL_CHR_H_INP,
        threads=1,
    )


class _Audio:
    """A tone, or the first `BEEP_S` of one each second, or a sweep of tones from `hz` to `sweep_hz`."""

    def __init__(
        self,
        output: OutputContainer,
        *,
        codec: str = "aac",
        seconds: float,
        rate: int = 48_000,
        layout: str = "stereo",
        start: float = 0.0,
        language: str | None = None,
        title: str | None = None,
        hz: float = 440.0,
        sweep_hz: float | None = None,
        options: dict[str, str] | None = None,
        beeps: bool = False,
        disposition: Disposition | None = None,
    ) -> None:
        self._output = output
        self._stream = cast(
            "AudioStream", output.add_stream(codec, rate=rate, layout=layout, options=options)
        )
        if language:
            self._stream.metadata["language"] = language
        if title:
            self._stream.metadata["title"] = title
        if disposition is not None:
            self._stream.disposition = disposition
        self._stream.codec_context.open()
        self._rate = rate
        self._size = self._stream.codec_context.frame_size or 1024
        self._sample = 0
        self._samples = round(seconds * rate)
        self._offset = round(start * rate)
        self._hz = hz
        self._hz_per_s = 0.0 if sweep_hz is None else (sweep_hz - hz) / seconds
        self._beeps = beeps
        self._flushed = False

    def write_until(self, time_s: float) -> None:
        context = self._stream.codec_context
        while self._sample < self._samples and (self._sample + self._offset) / self._rate <= time_s:
            count = min(self._size, self._samples - self._sample)
            moments = np.arange(self._sample, self._sample + count) / self._rate
            cycles = self._hz * moments + self._hz_per_s * moments**2 / 2
            tone = (np.sin(2 * np.pi * cycles) * 0.4).astype(np.float32)
            if self._beeps:
                tone[(moments + self._offset / self._rate) % 1 >= BEEP_S] = 0
            tones = np.tile(tone, (context.layout.nb_channels, 1))
            frame = av.AudioFrame.from_ndarray(tones, "fltp", context.layout.name)
            frame.sample_rate = self._rate
            frame = av.AudioResampler(context.format, context.layout, self._rate).resample(frame)[0]
            frame.pts = self._sample + self._offset
            frame.time_base = Fraction(1, self._rate)
            self._output.mux(self._stream.encode(frame))
            self._sample += count
        if self._sample >= self._samples and not self._flushed:
            self._flushed = True
            self._output.mux(self._stream.encode(None))


class _Subtitles:
    """Text subtitles."""

    def __init__(
        self,
        output: OutputContainer,
        *,
        codec: str,
        lines: Sequence[tuple[float, float, str]],
        language: str | None = None,
    ) -> None:
        self._output = output
        self._stream = cast("SubtitleStream", output.add_stream(codec))
        self._stream.codec_context.time_base = self._stream.time_base = Fraction(1, 1000)
        self._stream.codec_context.subtitle_header = ASS_HEADER
        if language:
            self._stream.metadata["language"] = language
        self._lines = list(lines)

    def write_until(self, time_s: float) -> None:
        while self._lines and self._lines[0][0] <= time_s:
            start, end, text = self._lines.pop(0)
            milliseconds = round((end - start) * 1000)
            dialogue = "0,0,Default,,0,0,0,," + text.replace("\n", "\\N")
            caption = SubtitleSet.create(dialogue.encode(), 0, milliseconds)
            packet = self._stream.codec_context.encode_subtitle(caption)
            packet.stream = self._stream
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = round(start * 1000)
            packet.duration = milliseconds
            self._output.mux(packet)


class _Cover:
    """A cover picture: a stream in MP4, an attachment in Matroska."""

    def __init__(self, output: OutputContainer) -> None:
        self._output = output
        self._stream: Stream | None = None
        if output.format.name == "mp4":
            self._stream = output.add_mux_stream("mjpeg", width=32, height=32, time_base=Fraction(1, 90_000))
            self._stream.disposition = Disposition.attached_pic
        else:
            output.add_attachment("cover.jpg", "image/jpeg", jpeg())

    def write_until(self, _time_s: float) -> None:
        if self._stream is not None:
            packet: Packet[Stream] = Packet(jpeg())
            packet.stream = self._stream
            packet.pts = packet.dts = 0
            packet.time_base = Fraction(1, 90_000)
            packet.is_keyframe = True
            self._output.mux(packet)
            self._stream = None


ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, \
MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def jpeg() -> bytes:
    """Return a 32x32 picture as a JPEG file."""
    context = av.CodecContext.create("mjpeg", "w")
    context.width = context.height = 32
    context.pix_fmt = "yuvj420p"
    context.time_base = Fraction(1, 25)
    picture = av.VideoFrame.from_ndarray(plain((200, 30, 30), 32, 32), "rgb24").reformat(format="yuvj420p")
    return bytes([*context.encode(picture), *context.encode(None)][0])


def truncate(path: Path, fraction: float) -> Path:
    """Cut a file to `fraction` of its length."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    return path


def claiming_less(path: Path) -> Path:
    """Make the header of a Matroska file claim pictures of 16x16 instead of 96x64, in place."""
    data = path.read_bytes()
    size = b"\xb0\x81\x60\xba\x81\x40"  # PixelWidth and PixelHeight
    assert data.count(size) == 1
    path.write_bytes(data.replace(size, b"\xb0\x81\x10\xba\x81\x10"))
    return path


def damage(path: Path, packets: Iterable[int], byte: int = 0xA5) -> Path:
    """Overwrite the payload of some video packets, numbered in decoding order, in place."""
    with av.open(str(path)) as container:
        payloads = [(packet.pos or 0, bytes(packet)) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for number in packets:
        position, payload = payloads[number]
        start = data.index(payload, position)  # a container's own header may come between
        data[start : start + len(payload)] = bytes([byte]) * len(payload)
    path.write_bytes(bytes(data))
    return path
