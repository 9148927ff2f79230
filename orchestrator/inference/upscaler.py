"""Upscales frames in tiles through Triton, with several frames in flight; frames come out in order.

Tiles of successive frames share requests, so requests are full whatever the picture size. The next requests
are cut while others are answered, so the server always has a batch waiting. A frame is yielded when its last
tile is stitched and all frames before it were yielded. After the server dies, all frames that were not
yielded are inferred again once it is back; if it is short of memory, in smaller tiles. No frame is skipped.

A tile whose window, halo included, is unchanged since the frame before is not inferred again: its result
would be the same. An unchanged frame costs one comparison. If a difference of a few levels is tolerated,
tiles are divided into parts, and of a changed tile only the changed parts are inferred, unless that costs
more.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import cast

from orchestrator.errors import ModelOutOfMemory
from orchestrator.frames import Frame, Planes
from orchestrator.inference.recovering_model import FAILURES, RecoveringModel, RequestPoolShape
from orchestrator.media.colour.frame_planes import PlanesRecycler
from orchestrator.plane_format import PlaneFormat
from orchestrator.tiles.cut_and_stitch import copy_interior, cut_window, paste_interior
from orchestrator.tiles.grid import Grid, Tile, plan_grid
from orchestrator.tiles.unchanged_tiles import UnchangedTileFinder
from orchestrator.triton.client import TritonClient
from orchestrator.triton.colour_tensor import PlaneColour, Subsampling
from orchestrator.triton.contract import OUTPUT_CHROMA, RequestPlanes, UpscaleContract, UpscaledPlanes
from orchestrator.triton.request import Request
from orchestrator.triton.request_pool import RequestPool

log = logging.getLogger(__name__)

_SMALLEST_TILE_PX = 16

_IMAGES_PER_REQUEST = 2
"""Fewer images would cost more round trips; more are not needed, as the server batches dynamically."""

_PIXELS_IN_FLIGHT = 2 * 1024**2
"""Most input pixels in flight (or three requests, if those have more): two batches of four 512 x 512 tiles.
This bounds the memory of the server's largest batch and the frames that wait here, whatever the tile size."""


@dataclass(frozen=True, kw_only=True)
class UpscaledFrame:
    """A source frame and its upscaled picture.

    Attributes:
        source: the source frame.
        pixels: its planes, enlarged.
    """

    source: Frame[Planes]
    pixels: Planes


@dataclass
class _PendingFrame:
    """A frame that was not yielded yet.

    Attributes:
        fresh: tiles that are inferred, each with the number of its lane.
        kept: tiles that are copied from the frame before.
        before: that frame, until this one is yielded.
        missing: number of tiles without an answer.
    """

    frame: Frame[Planes]
    picture: Planes
    fresh: list[tuple[int, Tile]]
    kept: list[Tile]
    before: _PendingFrame | None
    missing: int


@dataclass
class _SentRequest:
    """A request in flight, with the frame and tile of each of its images."""

    request: Request[UpscaledPlanes]
    lane: _SameShapeRequests
    images: list[tuple[_PendingFrame, Tile]] = field(default_factory=list)


@dataclass
class _SameShapeRequests:
    """Requests for tiles of one shape.

    Attributes:
        under_way: number of requests in flight.
        filling: the next request.
    """

    pool: RequestPool[UpscaledPlanes]
    shape: RequestPoolShape
    under_way: int = 0
    filling: _SentRequest | None = None

    def send(self) -> list[_SentRequest]:
        """Send the next request, full or not, and return it; return nothing if it has no images."""
        filled, self.filling = self.filling, None
        if filled is None:
            return []
        filled.request.submit(len(filled.images))
        self.under_way += 1
        return [filled]


class TiledUpscaler(RecoveringModel["UpscaledPlanes"]):
    """Upscales frames of one size with one model.

    Args:
        client: the client of the Triton that has the model loaded.
        contract: the contract of the model.
        height, width: size of every frame, in pixels.
        planes: the format of their planes.
        output: the format of the enlarged planes: with the same matrix and range, in 4:2:0, 4:2:2 or 4:4:4,
            and with 8 bits if the frames have 8.
        tolerance: levels of 0..255 by which a tile may differ from the inferred one and still be kept; see
            `UnchangedTileFinder`.

    Attributes:
        grid: the current tiles; they become smaller if memory is short.
    """

    _contract: UpscaleContract

    def __init__(
        self,
        client: TritonClient,
        contract: UpscaleContract,
        *,
        height: int,
        width: int,
        planes: PlaneFormat,
        output: PlaneFormat,
        tolerance: int = 0,
    ) -> None:
        super().__init__(client, contract)
        self._planes = planes
        self._recycler = PlanesRecycler(output, width=width * contract.scale, height=height * contract.scale)
        self._request_planes = request_planes(planes, output)
        self._pending: deque[_PendingFrame] = deque()
        self._yielded_px = self._kept_px = 0
        self._last: _PendingFrame | None = None
        self._tolerance = tolerance
        self._plan(height, width, contract.tile)

    @property
    def reused(self) -> float:
        """Share of the yielded frames' area that was not inferred again, 0..1."""
        return self._kept_px / self._yielded_px if self._yielded_px else 0.0

    def run(self, frames: Iterator[Frame[Planes]]) -> Generator[UpscaledFrame, None, None]:
        """Upscale frames, in order. Equal successive frames share their planes.

        Raises:
            ModelOutOfMemory: the smallest tile was still too large.
            TritonUnavailable: the server died more often than the client recovers from, or did not return.
            InferenceFailed: see `RequestPool`.
            Cancelled: the context has exited.
        """
        entries: Iterator[_PendingFrame] = map(self._enter, frames)
        while True:
            try:
                yield from self._through(entries)
            except FAILURES as failure:
                again = list(self._pending)
                self._pending.clear()
                if self._can_resend(failure):
                    entries = chain(again, entries)
                else:
                    self._halve()
                    entries = chain(map(self._enter, [entry.frame for entry in again]), entries)
            else:
                self._last = None
                self._recycler.clear()
                return

    def _through(self, entries: Iterator[_PendingFrame]) -> Generator[UpscaledFrame, None, None]:
        shapes = [self._shape(grid) for grid in dict.fromkeys((self.grid, self._unchanged.parts_grid))]
        most = shapes[0].slots * shapes[0].batch // len(self.grid.tiles) + 2
        sent: deque[_SentRequest] = deque()
        with self._open_pools(*shapes) as pools:
            lanes = [_SameShapeRequests(pool, shape) for pool, shape in zip(pools, shapes, strict=True)]
            for entry in entries:
                entry.missing = len(entry.fresh)
                self._pending.append(entry)
                for number, tile in entry.fresh:
                    lane = lanes[number]
                    if lane.filling is None:
                        while sent and (sent[0].request.done or lane.under_way == lane.shape.slots):
                            yield from self._collect(sent.popleft())
                        lane.filling = _SentRequest(lane.pool.acquire(), lane)
                    images = lane.filling.images
                    luma, chroma, _ = lane.filling.request.inputs
                    cut_window(entry.frame.pixels, tile, luma[len(images)], chroma[len(images)])
                    images.append((entry, tile))
                    if len(images) == lane.shape.batch:
                        sent += lane.send()
                yield from self._yield_complete()
                while len(self._pending) > most:  # unchanged frames do not fill requests
                    sent += chain.from_iterable(lane.send() for lane in lanes)
                    yield from self._collect(sent.popleft())
            sent += chain.from_iterable(lane.send() for lane in lanes)
            while sent:
                yield from self._collect(sent.popleft())

    def _shape(self, grid: Grid) -> RequestPoolShape:
        contract, largest = self._contract, self.grid.window_px
        images = max(_IMAGES_PER_REQUEST, _IMAGES_PER_REQUEST * largest // grid.window_px)
        batch = min(contract.max_batch, images)
        # One full batch is computed, one waits, and one request is cut or stitched.
        most = 2 * -(-contract.max_batch // batch) + 1
        affordable = _PIXELS_IN_FLIGHT // (batch * grid.window_px)
        slots = max(3, min(most, affordable))
        return RequestPoolShape(batch, grid.tile_height, grid.tile_width, slots, self._request_planes)

    def _enter(self, frame: Frame[Planes]) -> _PendingFrame:
        """Decide which tiles of the next frame are inferred."""
        change = self._unchanged.compare(frame.pixels)
        fresh = [*((0, tile) for tile in change.tiles), *((-1, part) for part in change.parts)]
        before = self._last if change.kept else None
        picture = before.picture if before is not None and not fresh else self._recycler.empty_planes()
        self._last = _PendingFrame(frame, picture, fresh, change.kept, before, len(fresh))
        return self._last

    def _collect(self, sent: _SentRequest) -> Generator[UpscaledFrame, None, None]:
        """Wait for a request, stitch its tiles, and yield the frames that are complete."""
        luma, chroma = sent.request.result()
        for number, (entry, tile) in enumerate(sent.images):
            paste_interior(luma[number], chroma[number], tile, entry.picture, self._contract.scale)
            entry.missing -= 1
        sent.request.release()
        sent.lane.under_way -= 1
        yield from self._yield_complete()

    def _yield_complete(self) -> Generator[UpscaledFrame, None, None]:
        """Yield the frames that are complete, after copying the tiles they share with the frame before."""
        while self._pending and not self._pending[0].missing:
            entry = self._pending.popleft()
            if entry.before is not None and entry.picture is not entry.before.picture:
                for tile in entry.kept:
                    copy_interior(entry.before.picture, tile, entry.picture, self._contract.scale)
            entry.before = None
            self._yielded_px += self.grid.height * self.grid.width
            self._kept_px += sum(tile.area for tile in entry.kept)
            yield UpscaledFrame(source=entry.frame, pixels=entry.picture)

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
        """Choose the tiles, and forget the results of earlier ones."""
        halo, multiple = self._contract.halo, self._contract.size_multiple
        self.grid = plan_grid(height=height, width=width, tile=tile, halo=halo, multiple=multiple)
        self._unchanged = UnchangedTileFinder(
            self.grid, halo=halo, multiple=multiple, planes=self._planes, tolerance=self._tolerance
        )
        self._last = None


def request_planes(planes: PlaneFormat, output: PlaneFormat) -> RequestPlanes:
    """Return what requests have to say for planes of one format to become planes of another.

    Raises:
        ValueError: models do not return planes of that format.
    """
    subsampling = next((name for name, chroma in OUTPUT_CHROMA.items() if chroma == output.chroma), None)
    if subsampling is None or (planes.bits == 8 and output.bits > 8):
        raise ValueError(f"no model makes {output} of {planes}")
    axes = tuple(zip(planes.chroma, planes.siting, output.chroma, output.siting, strict=True))
    x, y = (place if factor == 2 else to for factor, place, _, to in axes)
    output_x, output_y = (to if factor == 2 else place % 1 for _, place, factor, to in axes)
    colour = PlaneColour(
        matrix=planes.matrix,
        full_range=planes.full_range,
        bits=planes.bits,
        siting=(x, y),
        output_siting=(output_x, output_y),
        output_subsampling=cast("Subsampling", subsampling),
        output_bits=output.bits,
    )
    return RequestPlanes(colour=colour, chroma=planes.chroma)
