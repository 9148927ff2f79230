"""Reads the frames of a video in presentation order: deinterlaced, upright, as RGB or as planes.

There are as many frames as the container presents. A picture that cannot be decoded is replaced by the one
before it, at its own time, and counted.
"""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from typing import Generic, Self, cast

import av

from orchestrator.frames import Alpha, AnyPicture, Form, Frame, Letterbox, VideoInfo
from orchestrator.media.colour.alpha_reader import AlphaExtractor
from orchestrator.media.read.captions import closed_captions
from orchestrator.media.read.decoded_pictures import DecodedPictures
from orchestrator.media.read.deinterlace import Deinterlacer
from orchestrator.media.read.frame_selection import FrameSelection
from orchestrator.media.read.frame_to_picture import FrameToPicture
from orchestrator.media.read.uniform_frames import UniformFrames
from orchestrator.media.time_range import TimeRange
from orchestrator.video_source import VideoSource


class VideoReader(Generic[AnyPicture]):
    """Decodes one video; a context manager.

    Args:
        path: the video that `info` describes.
        info: its description from `probe`.
        threads: number of threads of the decoder and of the colour conversion; 0 starts one per core.
        letterbox: a letterbox that was planned for the video's size; frames are then letterboxed `rgb`
            pictures. None leaves the pictures at their own size.
        start_s, end_s: only the frames in this range, in seconds from the start of the file
            (`info.start_s`); None is the start or the end. See `TimeRange`.
        form: type of the pictures: `rgb` is Pixels, `deep_rgb` DeepPixels, `planes` Planes, as coded, and
            `made_planes` Planes in 4:4:4 of 12 bits, see `made_format`.
        alpha: whether frames have their alpha.
        tonemap: whether to convert HDR pictures to SDR, see `tone_mapped_info`; `rgb` and `made_planes` only.
        selection: only these frames of the range, decoded from its keyframe; None is all of them. They are
            those of a reader without a selection, bit for bit, except where the source is damaged.

    Attributes:
        frames_read: number of frames yielded so far.

    Raises:
        BadRequest: the range from `start_s` to `end_s` is empty or starts before 0.
        UnsupportedMedia: `form` is `planes`, and `can_read_planes` is false.
    """

    def __init__(
        self,
        path: VideoSource,
        info: VideoInfo,
        *,
        threads: int = 0,
        letterbox: Letterbox | None = None,
        start_s: Fraction | None = None,
        end_s: Fraction | None = None,
        form: Form = "rgb",
        alpha: bool = False,
        tonemap: bool = False,
        selection: FrameSelection | None = None,
    ) -> None:
        self.frames_read = 0
        self._info = info
        self._span = TimeRange.of(info, start_s, end_s)
        self._tonemapped = tonemap and info.colour.is_hdr
        self._to_upright = FrameToPicture(
            path, info, threads=threads, form=form, letterbox=letterbox, tonemap=tonemap
        )
        self._selection = selection
        self._pictures = DecodedPictures(
            path, info, threads=threads, span=self._span, alpha=alpha, selection=selection
        )
        self._to_alpha = AlphaExtractor() if alpha else None
        self._uniform = UniformFrames(
            path, info, format_name=self._pictures.stream.container.format.name, form=form
        )
        self._deinterlacer = Deinterlacer(self._pictures.stream, threads=threads)
        self._lost = self._damaged = self._moved = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pictures.close()

    @property
    def notes(self) -> list[str]:
        """One sentence for each difference from the source's pictures; complete after the last frame."""
        notes = []
        if self._deinterlacer.pictures:
            notes.append("the source is interlaced: it was deinterlaced (bwdif)")
        if self._tonemapped:
            notes.append(f"the source is HDR ({self._info.colour.hdr_name}): it was tone-mapped to SDR")
        if self._lost:
            notes.append(
                f"{_count(self._lost)} of the source could not be decoded: the one before is shown again"
            )
        if damaged := self._damaged + self._pictures.damaged_packets:
            notes.append(f"{_count(damaged)} of the source may be damaged: there are errors in the data")
        if self._pictures.alpha is not None and self._pictures.alpha.failures:
            notes.append(
                f"the transparency of {_count(self._pictures.alpha.failures)} of the source could not be "
                "decoded: there it is opaque"
            )
        if self._pictures.unread_s:
            places = ", ".join(f"{float(time_s):.2f} s" for time_s in self._pictures.unread_s[:3])
            notes.append(f"the source is damaged before {places}: pictures may be missing there")
        if self._moved:
            notes.append(
                f"{_count(self._moved)} of the source had no usable time: shown right after the one before"
            )
        if joins := [join for join in self._pictures.clock_jumps if self._is_inside(join.at_s)]:
            start_s = self._info.start_s
            places = ", ".join(f"{float(join.at_s - start_s):.2f} s" for join in joins[:3])
            more = f" and {len(joins) - 3} more places" if len(joins) > 3 else ""
            notes.append(
                f"the source's clock jumps at {places}{more}, as where recordings are joined: its times go "
                "on from there as if it did not"
            )
        return [*notes, *self._uniform.notes, *self._pictures.notes]

    def _is_inside(self, time_s: Fraction) -> bool:
        start_s, end_s = self._span.start_s, self._span.end_s
        return (start_s is None or time_s > start_s) and (end_s is None or time_s < end_s)

    def frames(self) -> Generator[Frame[AnyPicture], None, None]:
        """Yield every frame, in presentation order, with strictly increasing pts. Can be used once.

        Memory does not grow with the length of the video.

        Raises:
            BadMedia: the file is truncated, or too little of it can be decoded: see `DecodedPictures`.
            UnsupportedMedia: a picture of another size or format cannot be fitted into that of the first.
            BadRequest: no picture is in the range from `start_s` to `end_s`.
        """
        shown: av.VideoFrame | None = None
        alpha: Alpha | None = None
        pictures = self._deinterlacer.run(iter(self._pictures))
        first_frame = self._selection.first_frame if self._selection else 0
        for moment in self._span.select_pictures(pictures, self._info):
            if self._selection is not None and not self._selection.holds(moment.pts):
                if moment.pts > self._selection.last_pts:
                    return
                continue
            captions = b""
            if moment.picture is not shown:
                shown = moment.picture
                if self._pictures.may_have_captions:
                    captions = closed_captions(shown)
                at_s = moment.pts * self._info.time_base - self._info.start_s
                fitted = self._uniform(shown, at_s=at_s)
                picture = cast("AnyPicture", self._to_upright(fitted))
                if self._to_alpha is not None:
                    beside = cast("Alpha | None", shown.opaque)
                    alpha = self._to_upright.turned(self._to_alpha(fitted, beside))
            self._lost += moment.lost
            self._moved += moment.moved
            self._damaged += moment.damaged
            yield Frame(
                index=first_frame + self.frames_read,
                pts=moment.pts,
                pixels=picture,
                duration=moment.duration,
                captions=captions,
                alpha=alpha,
            )
            self.frames_read += 1


def _count(pictures: int) -> str:
    return "1 picture" if pictures == 1 else f"{pictures} pictures"
