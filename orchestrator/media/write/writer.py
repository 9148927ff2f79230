"""Writes a video: encodes its pictures, and muxes audio, subtitles and metadata beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from orchestrator.errors import EncodeFailed
from orchestrator.frames import Form, Frame, VideoInfo
from orchestrator.jobs import Quality
from orchestrator.media.write.output_file import OutputFile
from orchestrator.media.write.picture_encoder import PictureEncoder
from orchestrator.media_containers import MediaContainer, container_for
from orchestrator.plane_format import PlaneFormat
from orchestrator.video_source import VideoSource


@dataclass(frozen=True, kw_only=True)
class WrittenVideo:
    """Describes a finished file without its writer, whose encoder holds up to 60 bytes for each pixel.

    The attributes are those of `VideoWriter`.
    """

    frames: int
    width: int
    height: int
    picture_size: tuple[int, int]
    duration_s: float
    encoder: str
    pixel_format: str
    notes: tuple[str, ...]


class VideoWriter:
    """Writes one video; a context manager. The file at `path` is complete only after `finish` has returned.

    Args:
        path: file to write; an existing one is overwritten.
        source: video whose audio, subtitles, chapters and metadata are copied.
        info: result of `probe` for the source; the output has its bit depth, chroma, colour, HDR and 360
            degree metadata.
        width, height: size of the pictures that `write` gets, in pixels.
        form: form of these pictures. `rgb` is written with 8 bits, the others with the bits of the source.
            Planes are converted only if the encoder needs it.
        planes: format of planes; None is that of the source's own.
        sample_aspect_ratio: width : height of a pixel; None takes the source's. Pictures are stretched if the
            container has square pixels only.
        quality: one of `encoder_selection.PROFILES`.
        container: container of the output; None takes it from the suffix of `path`.
        alpha: whether the frames have alpha to be written; only if the container has alpha.
        start_s, end_s: the part of the source that the pictures show, as for `VideoReader`. Everything else
            is cut to it, and if there is a start, all times begin at zero.

    Attributes:
        width, height: size of the video, in pixels: whole chroma samples, see `notes`.
        encoder: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name of the pixel format that is encoded.

    Raises:
        OutputPathRefused: no container has this suffix.
        BadRequest: see `check_limits`; or the quality is unknown.
        EncodeFailed: the encoder or the muxer does not start.
        DiskFull: the disk is full.
    """

    def __init__(
        self,
        path: Path,
        *,
        source: VideoSource,
        info: VideoInfo,
        width: int,
        height: int,
        form: Form = "rgb",
        planes: PlaneFormat | None = None,
        sample_aspect_ratio: Fraction | None = None,
        quality: Quality = "high",
        container: MediaContainer | None = None,
        alpha: bool = False,
        start_s: Fraction | None = None,
        end_s: Fraction | None = None,
    ) -> None:
        container = container or container_for(path)
        self._encoder = PictureEncoder(
            info=info,
            width=width,
            height=height,
            form=form,
            planes=planes,
            sample_aspect_ratio=sample_aspect_ratio,
            quality=quality,
            container=container,
            alpha=alpha,
        )
        self._time_base = info.time_base
        self._file = OutputFile(
            path,
            source=source,
            info=info,
            container=container,
            tick=self._encoder.tick,
            add_video=self._encoder.add_to,
            start_s=start_s,
            end_s=end_s,
        )
        self.width, self.height = self._encoder.width, self._encoder.height
        self.encoder, self.pixel_format = self._encoder.encoder, self._encoder.pixel_format

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.__exit__(*exc)

    @property
    def frames(self) -> int:
        """Number of frames written."""
        return self._file.frames

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the part that shows the picture; see `PictureEncoder.picture_size`."""
        return self._encoder.picture_size

    @property
    def notes(self) -> list[str]:
        """One sentence for each difference from the source; complete after `finish`."""
        return [*self._file.notes, *self._encoder.notes]

    @property
    def duration_s(self) -> float:
        """From the start of the first frame to the end of the last, in seconds."""
        return float(self._file.duration_s)

    @property
    def written(self) -> WrittenVideo:
        """The description of the file; complete after `finish`, or but for `comparison` after `complete`."""
        return WrittenVideo(
            frames=self.frames,
            width=self.width,
            height=self.height,
            picture_size=self.picture_size,
            duration_s=self.duration_s,
            encoder=self.encoder,
            pixel_format=self.pixel_format,
            notes=tuple(self.notes),
        )

    def write(self, frame: Frame[Any]) -> None:
        """Encode one frame.

        Args:
            frame: next frame in presentation order, in the form and the size that the writer was created for.
                Its pts is in units of the source's time_base, or as `GifFrameSelector` sets it.

        Raises:
            BadRequest: the output becomes longer than its container allows.
            EncodeFailed: the picture has the wrong size, or the encoder or the muxer failed.
            DiskFull: the disk is full.
        """
        self._encoder.check_size(frame)
        if not self.frames:
            self._file.begin(frame.pts * self._time_base)
        pts = self._file.place(frame.pts, frame.duration)
        with self._file.translated_errors():
            packets = self._encoder.encode(frame, pts)
        self._file.mux(packets)

    def finish(self) -> None:
        """Complete the file, and compare it with the source for `notes`; `complete` says what it raises."""
        self.complete()
        self._file.compare(lost_captions=self._encoder.captions_are_lost)

    def comparison(self) -> Callable[[], list[str]]:
        """Return a function that returns those `notes` that `complete` leaves out, the first of `notes`.

        It reads the file again, and needs neither the writer nor the memory of its encoder.
        """
        return self._file.comparison(lost_captions=self._encoder.captions_are_lost)

    def complete(self) -> None:
        """Flush the encoder, copy the rest of the other streams and complete the file.

        Raises:
            EncodeFailed: the encoder or the muxer failed, or dropped a frame.
            DiskFull: the disk is full.
        """
        with self._file.translated_errors():
            packets = self._encoder.flush()
        self._file.mux(packets, last=True)
        self._file.finish()
        if self._encoder.packets != self.frames:
            raise EncodeFailed(
                f"{self.encoder} made {self._encoder.packets} pictures of {self.frames}: nothing was kept, "
                "try again"
            )
