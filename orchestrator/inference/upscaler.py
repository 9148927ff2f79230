"""Frames through a model in tiles, several frames in flight, in order.

Tiles are packed into requests across frame boundaries, so that requests are full whatever the picture size,
and requests are answered while the next are cut, so that the server always finds a batch waiting. A frame
leaves when its last tile is stitched and all frames before it have left. When the server dies, every frame
that had not left is done again once it is back; when memory is short, in smaller tiles. None is skipped.

A tile whose window, halo included, is equal to that of the frame before is not inferred again: what was made
of it then is what would be made of it now. A frame that is equal to the one before costs a comparison.
Where a difference of a few levels is tolerated, tiles are divided, and of one that has changed only the parts
that have are inferred, unless that costs more.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.errors import ModelOutOfMemory
from orchestrator.inference.pooled import FAILURES, PooledModel, PoolShape
from orchestrator.tiles.grid import Grid, Tile, plan_grid
from orchestrator.tiles.stitch import copy_interior, cut_window, paste_interior
from orchestrator.tiles.unchanged_tiles import UnchangedTileFinder

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from orchestrator.frames import Frame, Pixels
    from orchestrator.triton.client import TritonClient
    from orchestrator.triton.contract import UpscaleContract
    from orchestrator.triton.request_pool import Request, RequestPool

log = logging.getLogger(__name__)

_SMALLEST_TILE_PX = 16

_IMAGES_PER_REQUEST = 2
"""One request costs a fixed time on the wire; the server's dynamic batching does the rest."""

_PIXELS_IN_FLIGHT = 2 * 1024**2
"""Input pixels under way at most (or three requests, if those are more): two batches of four 512 x 512
tiles. It bounds the memory of the server's largest batch and the frames that wait here, whatever the tile."""


@dataclass(frozen=True, kw_only=True)
class Upscaled:
    """A source frame and what the model made of it.

    Attributes:
        source: the frame, with its time.
        pixels: uint8 [scale * H, scale * W, 3] RGB.
    """

    source: Frame
    pixels: Pixels


@dataclass
class _Pending:
    """A frame some of whose tiles are not stitched yet.

    Attributes:
        fresh: tiles that are inferred, each with the number of its lane.
        kept: tiles that are those of the frame before.
        before: that frame, until this one leaves.
        missing: tiles whose answers have not come.
    """

    frame: Frame
    picture: Pixels
    fresh: list[tuple[int, Tile]]
    kept: list[Tile]
    before: _Pending | None
    missing: int


@dataclass
class _Sent:
    """A request under way, and which tile of which frame each of its images is."""

    request: Request[Pixels]
    lane: _Lane
    images: list[tuple[_Pending, Tile]] = field(default_factory=list)


@dataclass
class _Lane:
    """Requests for tiles of one shape.

    Attributes:
        under_way: how many were sent and not collected.
        filling: the next one.
    """

    pool: RequestPool[Pixels]
    shape: PoolShape
    under_way: int = 0
    filling: _Sent | None = None

    def send(self) -> list[_Sent]:
        """Send the next one, however full, and return it; nothing where there is none."""
        filled, self.filling = self.filling, None
        if filled is None:
            return []
        filled.request.submit(len(filled.images))
        self.under_way += 1
        return [filled]


class TiledModel(PooledModel["Pixels"]):
    """One model at one picture size.

    Args:
        client: of the server that has the model loaded.
        contract: of the model.
        height, width: of every frame, in pixels.
        tolerance: levels of 0..255 by which a tile may differ from what it was inferred from and yet be kept;
            see `UnchangedTileFinder`.

    Attributes:
        grid: the tiles in use; changes when memory is short.
    """

    _contract: UpscaleContract

    def __init__(
        self,
        client: TritonClient,
        contract: UpscaleContract,
        *,
        height: int,
        width: int,
        tolerance: int = 0,
    ) -> None:
        super().__init__(client, contract)
        self._pending: deque[_Pending] = deque()
        self._left_px = self._kept_px = 0
        self._last: _Pending | None = None
        self._tolerance = tolerance
        self._plan(height, width, contract.tile)

    @property
    def reused(self) -> float:
        """How much of the frames that have left was not inferred again, 0..1 of their area."""
        return self._kept_px / self._left_px if self._left_px else 0.0

    def run(self, frames: Iterator[Frame]) -> Generator[Upscaled, None, None]:
        """Upscale frames, in order. Equal ones in a row are given the same array.

        Raises:
            ModelOutOfMemory: the smallest tile was still too large.
            TritonUnavailable: the server died more often than the client recovers from, or stayed away.
            InferenceFailed: see `RequestPool`.
            Cancelled: the context was left.
        """
        entries: Iterator[_Pending] = map(self._enter, frames)
        while True:
            try:
                yield from self._through(entries)
            except FAILURES as failure:
                again = list(self._pending)
                self._pending.clear()
                if self._same_again(failure):
                    entries = chain(again, entries)
                else:
                    self._halve()
                    entries = chain(map(self._enter, [entry.frame for entry in again]), entries)
            else:
                return

    def _through(self, entries: Iterator[_Pending]) -> Generator[Upscaled, None, None]:
        shapes = [self._shape(grid) for grid in dict.fromkeys((self.grid, self._unchanged.parts_grid))]
        most = shapes[0].slots * shapes[0].batch // len(self.grid.tiles) + 2
        sent: deque[_Sent] = deque()
        with self._open_pools(*shapes) as pools:
            lanes = [_Lane(pool, shape) for pool, shape in zip(pools, shapes, strict=True)]
            for entry in entries:
                entry.missing = len(entry.fresh)
                self._pending.append(entry)
                for number, tile in entry.fresh:
                    lane = lanes[number]
                    if lane.filling is None:
                        while sent and (sent[0].request.done or lane.under_way == lane.shape.slots):
                            yield from self._collect(sent.popleft())
                        lane.filling = _Sent(lane.pool.acquire(), lane)
                    images = lane.filling.images
                    cut_window(entry.frame.pixels, tile, lane.filling.request.input[len(images)])
                    images.append((entry, tile))
                    if len(images) == lane.shape.batch:
                        sent += lane.send()
                yield from self._leave()
                while len(self._pending) > most:  # frames of which little is inferred do not fill requests
                    sent += chain.from_iterable(lane.send() for lane in lanes)
                    yield from self._collect(sent.popleft())
            sent += chain.from_iterable(lane.send() for lane in lanes)
            while sent:
                yield from self._collect(sent.popleft())

    def _shape(self, grid: Grid) -> PoolShape:
        contract, largest = self._contract, self.grid.window_px
        images = max(_IMAGES_PER_REQUEST, _IMAGES_PER_REQUEST * largest // grid.window_px)
        batch = min(contract.max_batch, images)
        # One full batch being computed, one waiting, one request being cut or stitched.
        most = 2 * -(-contract.max_batch // batch) + 1
        affordable = _PIXELS_IN_FLIGHT // (batch * grid.window_px)
        return PoolShape(batch, grid.tile_height, grid.tile_width, slots=max(3, min(most, affordable)))

    def _enter(self, frame: Frame) -> _Pending:
        """Decide which tiles of the next frame are inferred."""
        change = self._unchanged.compare(frame.pixels)
        fresh = [*((0, tile) for tile in change.tiles), *((-1, part) for part in change.parts)]
        before = self._last if change.kept else None
        if before is not None and not fresh:
            picture = before.picture
        else:
            scale = self._contract.scale
            picture = np.empty((self.grid.height * scale, self.grid.width * scale, 3), np.uint8)
        self._last = _Pending(frame, picture, fresh, change.kept, before, len(fresh))
        return self._last

    def _collect(self, sent: _Sent) -> Generator[Upscaled, None, None]:
        """Wait for a request, stitch its tiles and let go of the frames that are whole."""
        results = sent.request.result()
        for result, (entry, tile) in zip(results, sent.images, strict=True):
            paste_interior(result, tile, entry.picture, self._contract.scale)
            entry.missing -= 1
        sent.request.release()
        sent.lane.under_way -= 1
        yield from self._leave()

    def _leave(self) -> Generator[Upscaled, None, None]:
        """Let go of the frames that are whole, once they have what they share with the one before."""
        while self._pending and not self._pending[0].missing:
            entry = self._pending.popleft()
            if entry.before is not None and entry.picture is not entry.before.picture:
                for tile in entry.kept:
                    copy_interior(entry.before.picture, tile, entry.picture, self._contract.scale)
            entry.before = None
            self._left_px += self.grid.height * self.grid.width
            self._kept_px += sum(tile.area for tile in entry.kept)
            yield Upscaled(source=entry.frame, pixels=entry.picture)

    def _halve(self) -> None:
        contract, before = self._contract, self.grid
        tile = (max(before.tile_height, before.tile_width) - 2 * contract.halo) // 2
        if tile >= _SMALLEST_TILE_PX:
            self._plan(before.height, before.width, tile)
        if self.grid.window_px >= before.window_px:
            raise ModelOutOfMemory(
                f"model {contract.name} ran out of memory even on tiles of "
                f"{before.tile_width}x{before.tile_height}; free memory on the server or use a smaller model"
            )
        sizes = (
            f"from {before.tile_width}x{before.tile_height} to {self.grid.tile_width}x{self.grid.tile_height}"
        )
        log.warning("memory is short on the server: the tile goes %s", sizes)
        self._short_of_memory.append(
            f"memory was short on the server: the tile went {sizes}, no frame was skipped"
        )

    def _plan(self, height: int, width: int, tile: int) -> None:
        """Choose the tiles, and forget what was inferred in others."""
        halo, multiple = self._contract.halo, self._contract.size_multiple
        self.grid = plan_grid(height=height, width=width, tile=tile, halo=halo, multiple=multiple)
        self._unchanged = UnchangedTileFinder(
            self.grid, halo=halo, multiple=multiple, tolerance=self._tolerance
        )
        self._last = None
