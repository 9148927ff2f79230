"""Makes films in one process, to compare those of many with, and reads the journal of a folder of pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from orchestrator.film.assemble import assemble
from orchestrator.film.document import FilmPlan, PieceManifest
from orchestrator.film.piece import payload_of, write_manifest
from orchestrator.film.piece_folder import PieceFolder
from orchestrator.film.plan import plan_film
from orchestrator.film.segment import make_segment
from orchestrator.jobs import ExportParams
from orchestrator.jobs.film import ExportFilm, FilmParams
from orchestrator.pipeline.context import JobContext
from orchestrator.triton.client import TritonClient
from tools.fixtures import clips

FRAMES_OF_A_SEGMENT = 10


def film_clip(path: Path, segments: int, *, frames: int = FRAMES_OF_A_SEGMENT) -> Path:
    """Write a clip with sound, which has so many keyframes, and so many frames from one to the next."""
    return clips.make_clip(
        path,
        segments * frames,
        options={"g": str(frames), "bf": "2"},
        audio=[{"seconds": segments * frames / 25}],
    )


def no_triton() -> TritonClient:
    raise AssertionError("an export without a model needs no Triton")


def film_of_one_process(
    source: Path, output: Path, segments: int, *, context: JobContext | None = None, **film: Any
) -> Path:
    """Make a film in this process, segment after segment; by default, export all of it without a model."""
    context = context or JobContext(connect=no_triton)
    asked: FilmParams = TypeAdapter(FilmParams).validate_python(
        {"task": "export", "params": {"format": output.suffix[1:]}, "segments": segments} | film
    )
    pieces = PieceFolder.create(
        output.with_name(f"{output.name}.one"), plan_film(source, asked, context, etag=None)
    )
    for segment in pieces.plan.segments:
        path = pieces.path(segment.number)
        make_segment(source, pieces.plan, segment.number, path, context, plan_hash=pieces.plan_hash)
    assemble(source, pieces.plan, pieces, output, context, plan_hash=pieces.plan_hash)
    return output


class Journal:
    """What the workers of a film noted, in order.

    Args:
        pieces: the folder of pieces that the command was given; it holds those of one plan.
    """

    def __init__(self, pieces: Path) -> None:
        (self.folder,) = pieces.iterdir()
        path = self.folder / "journal.ndjson"
        self._events = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def segments(self, event: str) -> list[int]:
        """Return the segments of all events of a kind, in order."""
        return [line["segment"] for line in self._events if line["event"] == event]

    def working(self) -> set[int]:
        """Return the ids of the processes that have started a segment and not stored its piece."""
        pids: dict[int, int] = {}
        for line in self._events:
            pids.pop(line["segment"], None)
            if line["event"] == "started":
                pids[line["segment"]] = line["pid"]
        return set(pids.values())

    def computed_after_it_was_stored(self) -> list[int]:
        """Return the segments that a worker started after their pieces were stored."""
        stored: set[int] = set()
        late = []
        for line in self._events:
            if line["event"] == "stored":
                stored.add(line["segment"])
            elif line["event"] == "started" and line["segment"] in stored:
                late.append(line["segment"])
        return late


def tiny_plan(source: Path, segments: int) -> FilmPlan:
    """Return the plan of an export without a model."""
    asked = ExportFilm(task="export", params=ExportParams(format="mp4"), segments=segments)
    plan = plan_film(source, asked, JobContext(connect=no_triton), etag=None)
    assert len(plan.segments) == segments
    return plan


def stored_piece(pieces: PieceFolder, number: int) -> None:
    """Store a piece with a right manifest and a payload that no player opens, where only its place counts."""
    path = pieces.path(number)
    temporary = path.with_suffix(".new")
    temporary.write_bytes(b"pictures of segment %d" % number)
    size, sha256 = payload_of(temporary)
    write_manifest(
        temporary,
        PieceManifest(
            plan_hash=pieces.plan_hash,
            number=number,
            frames=pieces.plan.segments[number].frames,
            payload_bytes=size,
            payload_sha256=sha256,
            headers_sha256=None,
            reorder=0,
            transport=None,
            tile=None,
            reused=None,
            fidelity=(),
            wall_sec=0.1,
            gpu=None,
            notes=(),
        ),
    )
    temporary.rename(path)
