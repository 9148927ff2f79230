"""Tests, by counting at the server, that a worker receives of a film little more than its segment's share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.film.document import FilmPlan, document, hash_of
from orchestrator.film.plan import plan_film
from orchestrator.film.segment import make_segment
from orchestrator.jobs.film import ExportFilm
from orchestrator.storage.client import StorageClient
from tests.support.film_pieces import NO_TRITON
from tests.support.long_films import long_film
from tests.support.range_server import RangeServer, serving_ranges
from tests.support.transfers import LOOPBACK, QUICK
from tests.support.unusual_indexes import (
    partial_sync_samples,
    rap_groups,
    with_edits,
    with_fewer_sync_samples,
    with_roll_groups,
    with_two_forms,
)

CROP = {"x": 0, "y": 0, "w": 64, "h": 64}


def make(server: RangeServer, plan: FilmPlan, number: int, folder: Path) -> str:
    """Make a piece of the film that a server has, as a worker does; return the hash of its content."""
    server.sent.clear()
    source = StorageClient(guard=LOOPBACK, limits=QUICK).ranged(
        server.url,
        stop=threading.Event(),
        expected_bytes=plan.source.bytes,
        expected_etag=plan.source.etag,
    )
    piece, plan_hash = folder / f"{number}.piece", hash_of(document(plan))
    return make_segment(source, plan, number, piece, NO_TRITON, plan_hash=plan_hash).payload_sha256


def planned(server: RangeServer, segments: int) -> FilmPlan:
    """Plan an export of the film that a server has."""
    film = ExportFilm.model_validate({"task": "export", "segments": segments, "params": {"crop": CROP}})
    source = StorageClient(guard=LOOPBACK, limits=QUICK).ranged(server.url, stop=threading.Event())
    return plan_film(source, film, NO_TRITON, etag=source.etag)


def test_every_segment_of_an_mp4_takes_little_more_than_its_share_also_a_short_one(tmp_path: Path) -> None:
    path = long_film(tmp_path, "a.mp4", size_bytes=8_000_000)
    with serving_ranges(path.read_bytes()) as server:
        plan = planned(server, 3)
        frames = [segment.frames for segment in plan.segments]
        assert min(frames) == frames[plan.hardest] < max(frames) / 2
        for segment in plan.segments:
            make(server, plan, segment.number, tmp_path)
            share = path.stat().st_size * segment.frames / sum(frames)
            assert 0.9 * share < server.sent_bytes <= 1.1 * share
            assert len(server.sent) <= 10
            # Beyond its own packets: the start of the file (8 kB), and its part of the index.
            assert server.sent_bytes - (segment.end_byte - segment.first_byte) <= 25_000


@pytest.mark.parametrize("coding", ["open-gop=1:bframes=3", "intra-refresh=1"])
def test_segments_that_begin_inside_h264_that_is_coded_without_a_break_take_at_most_1_3_times_their_share(
    tmp_path: Path, coding: str
) -> None:
    path = long_film(tmp_path, "a.mp4", size_bytes=8_000_000, x264=coding)
    with serving_ranges(path.read_bytes()) as server:
        plan = planned(server, 12)
        frames = [segment.frames for segment in plan.segments]
        assert len(frames) >= 3
        assert frames[plan.hardest] <= 300
        for segment in plan.segments:
            make(server, plan, segment.number, tmp_path)
            share = path.stat().st_size * segment.frames / sum(frames)
            assert 0.5 * share < server.sent_bytes <= 1.3 * share


@pytest.mark.parametrize(
    ("codec", "crf", "options"),
    [("libx264", 36, {}), ("libx264", 36, {"movflags": "faststart"}), ("libx265", 38, {})],
    ids=["h264", "index in front", "hevc"],
)
def test_ten_seconds_of_a_film_with_a_long_index_take_at_most_1_3_times_their_share(
    tmp_path: Path, codec: str, crf: int, options: dict[str, str]
) -> None:
    path = long_film(tmp_path, "a.mp4", size_bytes=9_000_000, codec=codec, crf=crf, options=options)
    with serving_ranges(path.read_bytes()) as server:
        plan = planned(server, 8)
        short = plan.segments[plan.hardest]
        assert short.frames <= 250
        plan_hash, piece = hash_of(document(plan)), tmp_path / "local.piece"
        local = make_segment(path, plan, short.number, piece, NO_TRITON, plan_hash=plan_hash)
        assert make(server, plan, short.number, tmp_path) == local.payload_sha256
        share = path.stat().st_size * short.frames / sum(segment.frames for segment in plan.segments)
        assert 0.5 * share < server.sent_bytes <= 1.3 * share


def test_segments_of_fragments_take_their_share_and_the_start_of_each_fragment(tmp_path: Path) -> None:
    fragments = {"movflags": "frag_keyframe+dash+global_sidx"}
    path = long_film(tmp_path, "a.mp4", size_bytes=8_000_000, options=fragments)
    content = path.read_bytes()
    starts = content.count(b"moof") * (8 << 10)
    with serving_ranges(content) as server:
        plan = planned(server, 4)
        assert len(plan.segments) >= 4
        for segment in plan.segments:
            make(server, plan, segment.number, tmp_path)
            share = len(content) * segment.frames / sum(each.frames for each in plan.segments)
            assert 0.5 * share < server.sent_bytes <= 1.1 * share + starts + 100_000


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A film with a long index."""
    return long_film(tmp_path_factory.mktemp("indexed"), "a.mp4", size_bytes=9_000_000, crf=36).read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: with_edits(data, later=5001),
        lambda data: with_edits(data, empty=700),
        lambda data: with_fewer_sync_samples(data, rap_groups),
        lambda data: with_fewer_sync_samples(data, partial_sync_samples),
        with_roll_groups,
        with_two_forms,
    ],
    ids=["trimmed", "late", "rap", "stps", "roll", "two descriptions"],
)
def test_ten_seconds_of_a_film_with_an_unusual_index_take_at_most_1_3_times_their_share(
    tmp_path: Path, indexed: bytes, change: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(change(indexed))
    assert path.read_bytes() != indexed
    with serving_ranges(path.read_bytes()) as server:
        plan = planned(server, 8)
        for number in {plan.hardest, 0, len(plan.segments) - 1}:
            plan_hash, piece = hash_of(document(plan)), tmp_path / "local.piece"
            local = make_segment(path, plan, number, piece, NO_TRITON, plan_hash=plan_hash)
            assert make(server, plan, number, tmp_path) == local.payload_sha256
            frames = plan.segments[number].frames
            share = path.stat().st_size * frames / sum(segment.frames for segment in plan.segments)
            assert 0.5 * share < server.sent_bytes <= 1.3 * share
