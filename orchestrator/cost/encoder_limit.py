"""Finds how fast the encoder of a GPU is, which bounds how fast a job can be that writes a video."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.cost.price_table import EncoderSpeed, PriceTable, same_gpu


@dataclass(frozen=True, kw_only=True)
class EncodedPictures:
    """The pictures that a job encodes.

    Attributes:
        encoder: FFmpeg's name of the encoder that a GPU has for them.
        width, height: their size, in pixels.
    """

    encoder: str
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Pixels of a picture."""
        return self.width * self.height


def encoder_speed(table: PriceTable, pictures: EncodedPictures, gpu: str) -> EncoderSpeed | None:
    """Return the row of the encoder on that GPU with the nearest picture size; None if there is none."""
    rows = [row for row in table.encoders if row.encoder == pictures.encoder and same_gpu(row.gpu, gpu)]
    return min(rows, key=lambda row: _ratio(row.width * row.height, pictures.pixels), default=None)


def encoding_seconds(row: EncoderSpeed, pictures: EncodedPictures, frames: int) -> float:
    """Return how long the encoder takes, in seconds; its time grows with the pixels."""
    return frames / row.fps * pictures.pixels / (row.width * row.height)


def _ratio(one: int, other: int) -> float:
    """Return the larger number divided by the smaller one."""
    return max(one, other) / min(one, other)
