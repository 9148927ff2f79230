"""Draws docs/images/follow-main.png: whom `--follow main` follows in made scenes, as contact sheets.

    python -m examples.make_follow_sheet

Each row is a scene of tools/fixtures/follow_scenes.py, drawn from its boxes: people with a head, other things
as plain boxes. The bright part of each picture is the crop, 9:16; in the last row it has the picture's shape.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from PIL import Image, ImageDraw

from orchestrator.framing.class_order import ClassGroup, group_of
from orchestrator.framing.follow import follow_subject
from orchestrator.framing.target import heads_of
from orchestrator.framing.track_file_reader import parse_tracks
from tools.fixtures.follow_scenes import HEIGHT, RATE, WIDTH, scenes, times_s

if TYPE_CHECKING:
    from tools.fixtures.follow_scenes import Scene

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "images" / "follow-main.png"
ASPECT = Fraction(9, 16)
COLUMNS = 8
SMALLER = 10
_GAP_PX, _TITLE_PX = 4, 16
_WALL, _FLOOR, _THING, _CROP = (214, 218, 222), (176, 160, 140), (120, 124, 130), (255, 176, 0)
_CLOTHES = ((200, 60, 60), (50, 100, 190), (70, 150, 80), (150, 90, 180), (220, 150, 40))
_SKIN = (236, 200, 170)


@click.command()
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT)
def main(output: Path) -> None:
    """Draw the contact sheets."""
    rows = [_row(scene, scene.name, ASPECT) for scene in scenes()]
    rows += [
        _row(scene, f"{scene.name} (16:9)", None) for scene in scenes() if "nobody is there" in scene.name
    ]
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    sheet.quantize(96).save(output, optimize=True)
    click.echo(f"{output}: {output.stat().st_size // 1000} kB")


def _row(scene: Scene, name: str, aspect: Fraction | None) -> Image.Image:
    tracks, seconds = parse_tracks(scene.document()), times_s(scene)
    following = follow_subject(
        tracks, track="main", aspect=aspect, zoom=None, times_s=seconds, width=WIDTH, height=HEIGHT
    )
    wide, high = WIDTH // SMALLER, HEIGHT // SMALLER
    row = Image.new("RGB", (COLUMNS * (wide + _GAP_PX), _TITLE_PX + high + _GAP_PX), "white")
    pen = ImageDraw.Draw(row)
    pen.text((2, 2), name, fill=(40, 42, 48))
    frames = np.linspace(0.5 * RATE, scene.frames - 0.5 * RATE, COLUMNS).astype(int).tolist()
    for column, frame in enumerate(frames):
        crop = following.path.at(float(seconds[frame]))
        picture = _picture(scene, frame)
        dark = picture.point(lambda level: level // 2)
        left, top, right, bottom = crop.x, crop.y, crop.x + crop.w, crop.y + crop.h
        inside = (round(left), round(top), round(right), round(bottom))
        dark.paste(picture.crop(inside), (inside[0], inside[1]))
        ImageDraw.Draw(dark).rectangle(inside, outline=_CROP, width=SMALLER)
        place = column * (wide + _GAP_PX)
        row.paste(dark.resize((wide, high), Image.Resampling.LANCZOS), (place, _TITLE_PX))
        pen.text((place + 3, _TITLE_PX + 1), f"{seconds[frame]:.0f} s", fill="white")
    return row


def _picture(scene: Scene, frame: int) -> Image.Image:
    """Return a frame of a scene; people are drawn over things."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), _WALL)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0.78 * HEIGHT, WIDTH, HEIGHT), fill=_FLOOR)
    for figure in sorted(scene.figures, key=lambda figure: group_of(figure.class_name)):
        number = frame - figure.first
        if not 0 <= number < len(figure.boxes):
            continue
        x1, y1, x2, y2 = figure.boxes[number].tolist()
        if group_of(figure.class_name) is not ClassGroup.PERSON:
            ink = _THING if group_of(figure.class_name) is ClassGroup.STILL else _CLOTHES[figure.number - 1]
            pen.rectangle((x1, y1, x2, y2), fill=ink, outline=(60, 62, 66), width=6)
            continue
        head = heads_of(figure.boxes[number : number + 1], figure.class_name)[0].tolist()
        pen.rounded_rectangle((x1, head[3], x2, y2), (x2 - x1) / 3, fill=_CLOTHES[figure.number - 1])
        pen.ellipse(tuple(head), fill=_SKIN, outline=(90, 60, 40), width=5)
    return picture


if __name__ == "__main__":
    main()
