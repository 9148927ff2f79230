"""Tests, by counting at the server, that a worker receives of a film little more than its segment's share."""

from __future__ import annotations

import threading
from pathlib import Path

from orchestrator.film.document import document, hash_of
from orchestrator.film.plan import plan_film
from orchestrator.film.segment import make_segment
from orchestrator.jobs.film import ExportFilm
from orchestrator.storage.client import StorageClient
from tests.support.film_pieces import NO_TRITON
from tests.support.long_films import long_film
from tests.support.range_server import serving_ranges
from tests.support.transfers import LOOPBACK, QUICK


def test_every_segment_of_an_mp4_takes_at_most_1_3_times_its_share_also_a_short_one(tmp_path: Path) -> None:
    path = long_film(tmp_path, "a.mp4", size_bytes=8_000_000)
    crop = {"x": 0, "y": 0, "w": 64, "h": 64}
    film = ExportFilm.model_validate({"task": "export", "segments": 3, "params": {"crop": crop}})
    client = StorageClient(guard=LOOPBACK, limits=QUICK)
    with serving_ranges(path.read_bytes()) as server:
        source = client.ranged(server.url, stop=threading.Event())
        plan = plan_film(source, film, NO_TRITON, etag=source.etag)
        frames = [segment.frames for segment in plan.segments]
        assert min(frames) == frames[plan.hardest] < max(frames) / 2
        for segment in plan.segments:
            server.sent.clear()
            source = client.ranged(
                server.url,
                stop=threading.Event(),
                expected_bytes=plan.source.bytes,
                expected_etag=plan.source.etag,
            )
            piece = tmp_path / f"{segment.number}.piece"
            make_segment(source, plan, segment.number, piece, NO_TRITON, plan_hash=hash_of(document(plan)))
            share = path.stat().st_size * segment.frames / sum(frames)
            assert 0.9 * share < server.sent_bytes <= 1.2 * share
            assert len(server.sent) <= 10
            # Beyond its own packets: the index of the pictures (19 kB), and the first keyframe (72 kB).
            assert server.sent_bytes - (segment.end_byte - segment.first_byte) <= 120_000
