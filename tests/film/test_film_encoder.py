"""Encoders of pieces: options of an ordinary job, and those that make pieces fit together."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from av.codec.context import Flags

from orchestrator.media.write.encoder_selection import EncoderChoice, choose
from orchestrator.media.write.film_encoder import THREADS, PieceEncoder, for_pieces
from orchestrator.media_containers import GIF, MP4, WEBM, MediaContainer
from tools.fixtures.clips import numbered


@pytest.mark.parametrize(("container", "bits"), [(MP4, 8), (MP4, 10), (WEBM, 8), (WEBM, 10)])
def test_pieces_share_headers_and_begin_with_a_keyframe(container: MediaContainer, bits: int) -> None:
    pieces = for_pieces(choose(container, width=96, height=64, quality="high", bits=bits))
    assert pieces.threads == THREADS
    headers = set()
    for first, count in ((0, 40), (700, 3)):
        header, packets = _encoded(pieces, first, count)
        headers.add(header)
        assert len(packets) == count
        assert packets[0].is_keyframe
        assert packets[0].pts == min(packet.pts or 0 for packet in packets)
    assert len(headers) == 1


def _encoded(pieces: PieceEncoder, first: int, count: int) -> tuple[bytes | None, list[Any]]:
    context = av.CodecContext.create(pieces.choice.encoder, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = 96, 64
    context.pix_fmt = pieces.choice.pixel_format
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.options, context.thread_count = dict(pieces.choice.options), pieces.threads
    context.flags |= Flags.global_header
    packets: list[Any] = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(np.roll(numbered(first + number), number, 1), "rgb24")
        frame = frame.reformat(format=context.pix_fmt)
        frame.pts, frame.time_base = number, Fraction(1, 25)
        packets += context.encode(frame)
    packets += context.encode(None)
    return context.extradata, packets


def test_options_of_the_ordinary_job_are_kept() -> None:
    choice = choose(MP4, width=640, height=360, quality="medium")
    if choice.encoder != "libx264":
        pytest.skip("this machine encodes on its GPU")
    assert for_pieces(choice).choice == EncoderChoice(
        encoder="libx264",
        pixel_format="yuv420p",
        options={**choice.options, "x264-params": "stitchable=1:open-gop=0:asm=AVX2"},
        tag=choice.tag,
    )


@pytest.mark.parametrize("encoder", ["h264_nvenc", "hevc_nvenc"])
def test_nvenc_gets_a_constant_quantiser(encoder: str) -> None:
    options = {"preset": "p5", "tune": "hq", "rc": "vbr", "cq": "19"}
    pieces = for_pieces(EncoderChoice(encoder=encoder, pixel_format="yuv420p", options=options))
    assert pieces.choice.options["rc"] == "constqp"
    assert pieces.choice.options["qp"] == "19"
    assert "cq" not in pieces.choice.options
    assert options == {"preset": "p5", "tune": "hq", "rc": "vbr", "cq": "19"}


def test_no_pieces_are_gifs() -> None:
    with pytest.raises(ValueError, match="gif"):
        for_pieces(choose(GIF, width=96, height=64, quality="high"))
