"""Does one part of a film in a process of its own, so that its CPU time can be read.

    python -m benchmarks.film.child whole SOURCE OUTPUT
    python -m benchmarks.film.child plan SOURCE FOLDER SEGMENTS
    python -m benchmarks.film.child segments SOURCE FOLDER NUMBER...
    python -m benchmarks.film.child assemble SOURCE FOLDER OUTPUT

The folder holds plan.json, the pieces, and a `<number>.json` with the CPU seconds of each segment. The video
is upscaled by the model that FILM_MODEL names, on the Triton at TRITON_URL, or exported if it names none.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.film.assemble import assemble
from orchestrator.film.document import PieceManifest, document, hash_of, read_plan
from orchestrator.film.piece import read_manifest
from orchestrator.film.plan import plan_film
from orchestrator.film.segment import make_segment
from orchestrator.jobs import ExportParams, UpscaleParams
from orchestrator.jobs.film import ExportFilm, UpscaleFilm
from orchestrator.settings import Settings
from orchestrator.worker import Worker

if TYPE_CHECKING:
    from orchestrator.pipeline.context import JobContext

MODEL = os.environ.get("FILM_MODEL")


class _Folder:
    """Pieces in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def manifest(self, number: int) -> PieceManifest:
        return read_manifest(self._folder / f"{number}.piece")

    def opened(self, number: int) -> AbstractContextManager[Path]:
        return nullcontext(self._folder / f"{number}.piece")


def main() -> None:
    """Do the part that the arguments name; print the CPU seconds of the start of Python, and of the part."""
    begun_s = time.process_time()
    with Worker(Settings.from_env()) as worker:
        _run(worker, worker.context(lambda _: None))
    print(json.dumps({"start_s": begun_s, "work_s": time.process_time() - begun_s}))


def _run(worker: Worker, context: JobContext) -> None:
    what, source, folder, *rest = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:]
    if what == "whole":
        if MODEL is None:
            worker.export(source, folder, ExportParams())
        else:
            worker.upscale(source, folder, UpscaleParams(model=MODEL))
        return
    if what == "plan":
        (folder / "plan.json").write_bytes(
            document(plan_film(source, _film(int(rest[0])), context, etag=None))
        )
        return
    data = (folder / "plan.json").read_bytes()
    plan_hash = hash_of(data)
    plan = read_plan(data, expected_hash=plan_hash)
    if what == "assemble":
        assemble(source, plan, _Folder(folder), Path(rest[0]), context, plan_hash=plan_hash)
        return
    for number in map(int, rest):
        begun_s = time.process_time()
        make_segment(source, plan, number, folder / f"{number}.piece", context, plan_hash=plan_hash)
        seconds = time.process_time() - begun_s
        row = {"number": number, "frames": plan.segments[number].frames, "cpu_s": round(seconds, 4)}
        (folder / f"{number}.json").write_text(json.dumps(row))


def _film(segments: int) -> ExportFilm | UpscaleFilm:
    if MODEL is None:
        return ExportFilm(task="export", segments=segments)
    return UpscaleFilm(task="upscale", params=UpscaleParams(model=MODEL), segments=segments)


if __name__ == "__main__":
    main()
