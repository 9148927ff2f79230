"""Chooses the encoder of the pieces of a film: the ordinary one, with options that make pieces fit together.

Pieces are encoded by different machines and joined packet by packet. So every piece begins with a picture
that refers to no other, all have the same headers, and the bits do not depend on the machine: where they
depend on the number of threads, it is pinned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from orchestrator.media.write.encoder_selection import EncoderChoice, EncoderOptions, merge_options

THREADS = 4
"""The number of threads of every encoder of pieces. It is the same on all machines."""

_NVENC_QP: EncoderOptions = {
    "rc": "constqp",
    "forced-idr": "1",
    "strict_gop": "1",
    "no-scenecut": "1",
    "b_adapt": "0",
    "rc-lookahead": "0",
}
"""Variable bit rates leave a step in quality where pieces meet; a constant quantiser does not. Lookahead
cannot see past the end of a piece."""

PIECE_OPTIONS: dict[str, EncoderOptions] = {
    # stitchable: headers do not depend on the content (x264 --fullhelp). asm: see X264_WITHOUT_AVX512; all
    # pieces have this option, because a processor without AVX-512 may have planned the film.
    "libx264": {"x264-params": "stitchable=1:open-gop=0:asm=AVX2"},
    # The bits depend on the number of frame threads, not on that of the threads in the pool (x265 manual).
    "libx265": {"x265-params": f"open-gop=0:frame-threads=2:pools={THREADS}"},
    "h264_nvenc": _NVENC_QP,
    "hevc_nvenc": _NVENC_QP,
    "libvpx-vp9": {"tile-columns": "2"},
    "libsvtav1": {"svtav1-params": f"lp={THREADS}"},
}
"""Options by encoder, which are added to those of an ordinary job."""


@dataclass(frozen=True, kw_only=True)
class PieceEncoder:
    """The encoder of pieces.

    Attributes:
        choice: the encoder and its options.
        threads: the number of its threads.
    """

    choice: EncoderChoice
    threads: int


def for_pieces(choice: EncoderChoice) -> PieceEncoder:
    """Return the encoder of pieces that corresponds to the encoder of an ordinary job.

    Args:
        choice: an encoder of any container but gif.

    Raises:
        ValueError: no pieces can be made with it.
    """
    if choice.encoder not in PIECE_OPTIONS:
        raise ValueError(f"no pieces are made with {choice.encoder}")
    options = dict(choice.options)
    if quality := options.pop("cq", None) if choice.encoder.endswith("nvenc") else None:
        options["qp"] = quality
    merge_options(options, PIECE_OPTIONS[choice.encoder])
    return PieceEncoder(choice=replace(choice, options=options), threads=THREADS)
