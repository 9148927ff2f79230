"""Draws docs/images/framing.png: a crop that follows a subject in the sample clip, and its path over time.

    framewright track examples/sample.mp4 --model lite-detector -o out/sample_tracks.json
    python -m examples.make_framing out/sample_tracks.json

It needs the `train` extra, for matplotlib.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import matplotlib as mpl
import numpy as np
from PIL import Image

from orchestrator.framing.follow import follow_subject
from orchestrator.framing.subject_choice import SubjectChooser
from orchestrator.framing.track_file_reader import read_tracks
from orchestrator.framing.whole_pixel_window import WholePixelWindow
from orchestrator.media.colour.resize import resize
from orchestrator.media.read.frame_times import frame_times
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

if TYPE_CHECKING:
    from orchestrator.frames import Pixels

SAMPLE = Path(__file__).with_name("sample.mp4")
OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "images" / "framing.png"
ASPECT = Fraction(9, 16)
FRAMES = (6, 66, 82, 86, 130)
"""The start and the end of the first shot, and of the second shot, after the cut at 84."""

_CROP, _BOX = "#ffb000", "#3c8dff"
_COLOURS = 160


@click.command()
@click.argument("tracks", type=click.Path(path_type=Path, exists=True))
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT)
def main(tracks: Path, output: Path) -> None:
    """Draw how the crop follows the main subject of the sample clip, whose tracks are in TRACKS."""
    info = probe(SAMPLE)
    width, height = info.display_size
    times_s = frame_times(SAMPLE, info)
    subjects = read_tracks(tracks.read_bytes())
    path = follow_subject(
        subjects, track="main", aspect=ASPECT, zoom=None, times_s=times_s, width=width, height=height
    ).path
    chooser = SubjectChooser(subjects, "main", times_s=times_s, width=width, height=height)
    subject = chooser.choose(path.size).target
    view = WholePixelWindow(path, info, size=(198, 352))

    figure = plt.figure(figsize=(11, 6.4), dpi=100, layout="constrained")
    grid = figure.add_gridspec(3, len(FRAMES), height_ratios=(1, 1.75, 1.6))
    with VideoReader(SAMPLE, info) as reader:
        shown = [frame for frame in reader.frames() if frame.index in FRAMES]
    for column, frame in enumerate(shown):
        time_s = float(times_s[frame.index])
        source = figure.add_subplot(grid[0, column], title=f"{time_s:.2f} s")
        _draw(source, frame.pixels)
        crop = path.at(time_s)
        source.add_patch(Rectangle((crop.x, crop.y), crop.w, crop.h, fill=False, ec=_CROP, lw=2.5))
        for x1, y1, x2, y2 in subject.boxes[subject.frames == frame.index].tolist():
            source.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, ec=_BOX, lw=1.2))
        left, top, box = view.at(time_s)
        window = frame.pixels[top : top + view.height, left : left + view.width]
        delivered = figure.add_subplot(grid[1, column])
        _draw(delivered, resize(window, width=view.size[0], height=view.size[1], box=box))

    plot = figure.add_subplot(grid[2, :], xlabel="seconds", ylabel="across, pixels", xlim=(0, times_s[-1]))
    middles = (subject.boxes[:, 0] + subject.boxes[:, 2]) / 2
    seen_s = times_s[subject.frames]
    every_s = np.linspace(0, times_s[-1], 2000)
    camera = path.rows(every_s)
    middle = camera[:, 0] + camera[:, 2] / 2
    plot.fill_between(
        every_s,
        middle - camera[:, 2] / 4,
        middle + camera[:, 2] / 4,
        color=_CROP,
        alpha=0.18,
        lw=0,
        label="middle half of the crop",
    )
    plot.plot(every_s, middle, color=_CROP, lw=2.2, label="middle of the crop")
    plot.plot(seen_s, middles, ".", color=_BOX, ms=3.5, label="middle of the subject's box")
    keys = np.array([[key["t"], key["x"] + key["w"] / 2] for key in path.keyframes()])
    plot.plot(*keys.T, "o", mfc="white", mec=_CROP, ms=5, lw=0, label="keyframes")
    for cut in subjects.cuts.tolist():
        plot.axvline(float(times_s[cut]), color="#666", ls=":", lw=1.2)
        plot.text(float(times_s[cut]) + 0.04, plot.get_ylim()[0] + 8, "cut", color="#666")
    plot.legend(loc="upper right", fontsize=8, framealpha=0.9)
    plot.spines[["top", "right"]].set_visible(False)
    figure.savefig(output)
    with Image.open(output) as picture:
        small = picture.convert("RGB").quantize(_COLOURS)
    small.save(output, optimize=True)
    click.echo(f"{output}: {output.stat().st_size // 1000} kB")


def _draw(axes: Any, pixels: Pixels) -> None:
    axes.imshow(pixels, interpolation="lanczos")
    axes.set_axis_off()


if __name__ == "__main__":
    main()
