"""Encodes the pictures of a video into packets: converts their colours, and adds captions and alpha."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from orchestrator.errors import EncodeFailed
from orchestrator.frames import Form, Frame, Planes, VideoInfo
from orchestrator.jobs import Quality
from orchestrator.media.colour import frame_to_rgb as colour
from orchestrator.media.colour.chroma_location import output_chroma_location
from orchestrator.media.colour.code_points import FCC, SMPTE170M
from orchestrator.media.colour.coded_planes import coded_format
from orchestrator.media.colour.pixel_format import chroma_subsampling
from orchestrator.media.thread_priority import reset_thread_priority
from orchestrator.media.write import encoder_selection
from orchestrator.media.write.closed_caption_inserter import ClosedCaptionInserter
from orchestrator.media.write.encoder_selection import EncoderChoice
from orchestrator.media.write.gif import TICK
from orchestrator.media.write.to_frame import converter, with_alpha
from orchestrator.media_containers import MediaContainer, check_limits
from orchestrator.plane_format import PlaneFormat


class PictureEncoder:
    """Encodes the pictures of one video. `add_to` adds its stream to a file before the first picture.

    The methods let FFmpeg's errors through: call them inside `output_file.translated_errors`.

    Args:
        info: result of `probe` for the source; the output has its bit depth, chroma, colour and HDR metadata.
        width, height: size of the pictures that `encode` gets, in pixels.
        form, planes: form of these pictures, and format of planes; see `VideoWriter`.
        sample_aspect_ratio: width : height of a pixel; None takes the source's. Pictures are stretched if the
            container has square pixels only.
        quality: one of `encoder_selection.PROFILES`.
        container: container that the pictures are encoded for.
        alpha: whether the frames have alpha to be written; only if the container has alpha.
        choice: the encoder and its options; None chooses them by the container and the quality.
        threads: number of threads of the encoder; 0 lets it choose.

    Attributes:
        width, height: size of the video, in pixels: whole chroma samples, see `notes`.
        encoder: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name of the pixel format that is encoded.
        tick: unit of the times of the pictures, in seconds.
        packets: number of packets made so far.

    Raises:
        BadRequest: see `check_limits`; or the quality is unknown.
    """

    def __init__(
        self,
        *,
        info: VideoInfo,
        width: int,
        height: int,
        form: Form = "rgb",
        planes: PlaneFormat | None = None,
        sample_aspect_ratio: Fraction | None = None,
        quality: Quality = "high",
        container: MediaContainer,
        alpha: bool = False,
        choice: EncoderChoice | None = None,
        threads: int = 0,
    ) -> None:
        stored, aspect = container.displayed(width, sample_aspect_ratio or info.sample_aspect_ratio)
        check_limits(container, quality=quality, width=stored, height=height)
        self._choice = choice or encoder_selection.choose_for_source(
            container, info, width=stored, height=height, form=form, quality=quality, alpha=alpha
        )
        self.encoder, self.pixel_format = self._choice.encoder, self._choice.pixel_format
        across, down = chroma_subsampling(self.pixel_format)
        self.width, self.height = -(-stored // across) * across, -(-height // down) * down
        self.tick = TICK if container.is_paced else info.time_base
        self.packets = 0
        if form == "planes" and planes is None:
            planes = coded_format(info)
        self._info, self._planes, self._threads = info, planes, threads
        self._container_name, self._aspect = container.name, aspect
        self._size, self._stored = (width, height), (stored, height)
        self._colour = colour.output_colour(info.colour)
        if self.encoder == "libvpx-vp9" and self._colour.matrix == FCC:
            # VP9 cannot name this matrix; the two differ by less than one level.
            self._colour = replace(self._colour, matrix=SMPTE170M)
        self._planes_format = self.pixel_format.replace("yuva", "yuv")
        self._to_frame = converter(
            form,
            planes,
            self._colour,
            pixel_format=self._planes_format,
            width=self.width if stored == width else width,
            height=self.height,
            out_width=self.width,
            quality=quality,
        )
        self._captions = ClosedCaptionInserter(self.encoder)
        self._stream: VideoStream | None = None
        self._is_first = True

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the part that shows the picture, from the top-left corner, in pixels.

        The rest repeats its last column and row.
        """
        (width, height), (stored, _) = self._size, self._stored
        return width if stored == width else self.width, height

    @property
    def notes(self) -> list[str]:
        """One sentence for each property of the pictures that was not requested, or that few players show."""
        notes = list(self._choice.notes)
        width, height = self._stored
        if self._stored != self._size:
            notes.append(
                f"the picture is stretched to {width}x{height}: {self._container_name} has square pixels"
            )
        if self._stored != (self.width, self.height):
            notes.append(
                f"the picture is {self.width}x{self.height}, not {width}x{height}: {self.pixel_format} needs "
                "even sizes, so the last row or column is repeated"
            )
        return notes

    @property
    def captions_are_lost(self) -> bool:
        """Whether pictures had closed captions that the encoder cannot write."""
        return self._captions.are_lost

    def add_to(self, output: OutputContainer) -> VideoStream:
        """Add the video stream to an open file, whose format may be another than the container's."""
        self._stream = encoder_selection.add_stream(
            output,
            self._choice,
            width=self.width,
            height=self.height,
            sample_aspect_ratio=self._aspect,
            rate=self._info.average_rate or Fraction(25),
            tick=self.tick,
            colour=self._colour,
            chroma_location=output_chroma_location(self._planes, pixel_format=self._planes_format),
            threads=self._threads,
        )
        return self._stream

    def check_size(self, frame: Frame[Any]) -> None:
        """Refuse a frame of another size than the encoder was created for.

        Raises:
            EncodeFailed: it has another size.
        """
        pixels = frame.pixels
        height, width = (pixels.y if isinstance(pixels, Planes) else pixels).shape[:2]
        if (width, height) != self._size:
            raise EncodeFailed(
                f"frame {frame.index} is {width}x{height}, not {self._size[0]}x{self._size[1]}: report this "
                "as a bug"
            )

    def encode(self, frame: Frame[Any], pts: int, *, refers_back: bool = False) -> list[Packet[VideoStream]]:
        """Encode one frame, and return the packets that are complete.

        Args:
            frame: next frame in presentation order, in the form and the size of the arguments.
            pts: when it is shown, in ticks.
            refers_back: whether neither this picture nor one before it may refer to a later one.
        """
        picture = self._to_frame(frame.pixels)
        if frame.alpha is not None:
            width, height = self.picture_size
            picture = with_alpha(picture, frame.alpha, width=width, height=height)
        picture.pts, picture.time_base = pts, self.tick
        if refers_back:
            picture.pict_type = PictureType.P
        self._captions.take(pts, frame.captions)
        packets = self._added().encode(picture)
        if self._is_first and self.encoder == "libsvtav1":
            reset_thread_priority()
        self._is_first = False
        return self._captioned(packets)

    def flush(self) -> list[Packet[VideoStream]]:
        """Return the packets that the encoder still holds."""
        return self._captioned(self._added().encode(None))

    def _added(self) -> VideoStream:
        if self._stream is None:
            raise ValueError("the stream of the encoder was not added to a file")
        return self._stream

    def _captioned(self, packets: list[Packet[VideoStream]]) -> list[Packet[VideoStream]]:
        self.packets += len(packets)
        return [self._captions.put_into(packet) for packet in packets]
