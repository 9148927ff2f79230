"""Plans the planes of Y'CbCr that a model gets, and those that it returns for the encoder."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.frames import Form, VideoInfo
from orchestrator.framing.whole_pixel_window import WholePixelWindow
from orchestrator.jobs import Quality
from orchestrator.media.colour.coded_planes import coded_format, siting_along
from orchestrator.media.colour.frame_to_rgb import output_colour
from orchestrator.media.colour.made_planes import made_format
from orchestrator.media.colour.pixel_format import bits_of, chroma_subsampling
from orchestrator.media.colour.plane_reader import can_read_planes
from orchestrator.media.write.encoder_selection import choose_for_source
from orchestrator.media_containers import MediaContainer
from orchestrator.plane_format import PlaneFormat


def planes_for_model(info: VideoInfo, mapped: VideoInfo) -> PlaneFormat:
    """Return the format of the planes that a model gets.

    Args:
        info: describes the source.
        mapped: describes it after tone mapping; `info` itself without.
    """
    if can_read_planes(info) and mapped is info:
        return coded_format(info)
    return made_format(output_colour(mapped.colour))


def enlarged_planes(
    planes: PlaneFormat,
    info: VideoInfo,
    window: WholePixelWindow,
    container: MediaContainer,
    *,
    quality: Quality,
    form: Form,
    alpha: bool,
) -> PlaneFormat:
    """Return the format of the planes that a model makes: the encoder's, with siting as the source if it can.

    Args:
        planes: the format of those that it gets.
        info: describes the source, with the colour of the output.
        window: has the size of the output.
        container: the container of the output.
        quality: the quality of the encoding.
        form: type of the pictures that are read.
        alpha: whether frames carry their alpha into the output.
    """
    if container.palette_colours is not None:
        return replace(planes, chroma=(1, 1), siting=(0.0, 0.0))  # for RGB
    stored, _ = container.displayed(window.size[0], window.sample_aspect_ratio)
    height = window.size[1]
    encoding = choose_for_source(
        container, info, width=stored, height=height, form=form, quality=quality, alpha=alpha
    )
    chroma = chroma_subsampling(encoding.pixel_format)
    chroma = (1, 1) if chroma == (1, 2) else chroma  # models return no 4:4:0
    x, y = (place if factor == 2 else 0.5 for factor, place in zip(planes.chroma, planes.siting, strict=True))
    x, y = x % 1, y if 0 <= y <= 1 else y % 1  # files cannot name the places that mirrored pictures have
    bits = 8 if planes.bits == 8 else bits_of(encoding.pixel_format)
    return replace(planes, bits=bits, chroma=chroma, siting=siting_along(chroma, (x, y)))
