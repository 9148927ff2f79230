"""Measures the quality of a film where its pieces meet and away from there, beside the ordinary job.

    python -m benchmarks.film_seams

It exports examples/sample.mp4, repeated and with grain that changes in every frame, by one ordinary job and
as a film of pieces, and compares every picture of both with the source. It prints the PSNR of luma at the
seams (the two pictures on either side of each) and of all other pictures, and draws it by the distance to the
nearest seam in docs/images/film_seams.png.
"""

from __future__ import annotations

import platform
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import av
import matplotlib as mpl
import numpy as np

from orchestrator.film.assemble import assemble
from orchestrator.film.document import document, hash_of
from orchestrator.film.piece import read_manifest
from orchestrator.film.plan import plan_film
from orchestrator.film.segment import make_segment
from orchestrator.jobs import ExportParams
from orchestrator.jobs.film import ExportFilm
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export
from tools.fixtures.clips import make_clip

mpl.use("agg")
from matplotlib import pyplot as plt  # needs the backend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orchestrator.film.document import PieceManifest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "examples" / "sample.mp4"
CHART = ROOT / "docs" / "images" / "film_seams.png"
FRAMES, GROUP, SEGMENTS = 864, 24, 12
SIGMA = 3.0
"""Standard deviation of the grain, in levels of 255."""
SHOWN = 24
"""How many pictures before and after a seam the chart shows."""


@dataclass(frozen=True)
class Folder:
    """The pieces of a film in a folder."""

    path: Path

    def at(self, number: int) -> Path:
        """Return the path of a piece."""
        return self.path / f"{number}.piece"

    def manifest(self, number: int) -> PieceManifest:
        """Return the manifest of a piece."""
        return read_manifest(self.at(number))

    @contextmanager
    def opened(self, number: int) -> Iterator[Path]:
        """Yield the path of a piece."""
        yield self.at(number)


def _no_triton() -> NoReturn:
    raise AssertionError("an export without a model needs no Triton")


def grainy(folder: Path) -> Path:
    """Write the source: lossless, with a keyframe every GROUP pictures."""
    random = np.random.default_rng(17)
    with av.open(str(SOURCE)) as container:
        seen = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    pictures = (seen[number % len(seen)] for number in range(FRAMES))
    noisy = (
        np.clip(picture + random.normal(0, SIGMA, picture.shape[:2])[..., None], 0, 255).astype(np.uint8)
        for picture in pictures
    )
    options = {"qp": "0", "g": str(GROUP), "sc_threshold": "0", "preset": "veryfast"}
    return make_clip(folder / "in.mkv", noisy, rate=24, options=options, matrix=1, primaries=1, transfer=1)


def luma(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield the luma of each picture, uint8 [H, W]."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            plane = frame.planes[0]
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            yield rows[: frame.height, : frame.width].copy()


def psnr(source: Path, output: Path) -> NDArray[np.float64]:
    """Return the PSNR of luma of each picture, in dB."""
    pairs = zip(luma(source), luma(output), strict=True)
    errors = [np.square(one.astype(np.float64) - other).mean() for one, other in pairs]
    return 10 * np.log10(255**2 / np.array(errors))


def measure(source: Path, folder: Path, quality: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the PSNR of the film and of the ordinary job by picture, and the index of each seam."""
    context = JobContext(connect=_no_triton)
    params = ExportParams.model_validate({"quality": quality, "format": "mp4"})
    film = ExportFilm(task="export", params=params, segments=SEGMENTS)
    plan = plan_film(source, film, context, etag=None)
    plan_hash, pieces = hash_of(document(plan)), Folder(folder)
    cpu_s = [time.process_time()]
    for number in range(len(plan.segments)):
        make_segment(source, plan, number, pieces.at(number), context, plan_hash=plan_hash)
    cpu_s.append(time.process_time())
    assemble(source, plan, pieces, folder / "film.mp4", context, plan_hash=plan_hash)
    cpu_s.append(time.process_time())
    export(source, folder / "one.mp4", params, context)
    cpu_s.append(time.process_time())
    made, joined, ordinary = np.diff(cpu_s)
    sizes = [(folder / name).stat().st_size for name in ("film.mp4", "one.mp4")]
    print(
        f"{quality:7} {len(plan.segments)} pieces: CPU {made:.1f} s + assembly {joined:.1f} s, ordinary job "
        f"{ordinary:.1f} s; size {sizes[0] / sizes[1]:.3f} of the ordinary job's"
    )
    seams = np.array([segment.first_frame for segment in plan.segments[1:]])
    return psnr(source, folder / "film.mp4"), psnr(source, folder / "one.mp4"), seams


def main() -> None:
    """Measure all qualities, print a table and draw the chart."""
    print(f"python -m benchmarks.film_seams, {platform.machine()}, {FRAMES} frames of 320x180, grain {SIGMA}")
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6))
    with tempfile.TemporaryDirectory() as name:
        source = grainy(Path(name))
        for axis, quality in zip(axes, ("high", "medium", "low"), strict=True):
            folder = Path(name) / quality
            folder.mkdir()
            film, ordinary, seams = measure(source, folder, quality)
            near = (np.arange(FRAMES)[:, None] - seams)[:, :, None]
            at_seam = ((near == 0) | (near == -1) | (near == 1) | (near == -2)).any(axis=(1, 2))
            for kind, found in (("film", film), ("ordinary job", ordinary)):
                print(
                    f"        {kind:12} at seams {found[at_seam].mean():.2f} dB (worst "
                    f"{found[at_seam].min():.2f}), elsewhere {found[~at_seam].mean():.2f} dB (worst "
                    f"{found[~at_seam].min():.2f})"
                )
                places = np.arange(-SHOWN, SHOWN)
                axis.plot(places, [found[seams + place].mean() for place in places], label=kind)
            axis.axvline(0, color="0.8", zorder=0)
            axis.set(title=quality, xlabel="pictures from the seam", ylim=(film.mean() - 4, film.mean() + 4))
    axes[0].set_ylabel("PSNR of luma, dB")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(CHART, dpi=80)


if __name__ == "__main__":
    main()
