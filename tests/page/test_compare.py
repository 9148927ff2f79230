"""Tests that before and after show the same frame, and that the screen shows their real pixels."""

from __future__ import annotations

import contextlib
import random
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as WaitedTooLong

from tests.cloud.conftest import Cloud
from tests.page.comparison import Comparison
from tests.page.videos_on_screen import (
    expect_numbers,
    number_at_rest,
    numbers_while,
)
from tools.cloud.client import ApiUser
from tools.fixtures.clips import make_clip, numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

FRAMES = 90
TRIES = 3
"""How often both are played: on a busy machine, pictures of one of them may come late for a whole second."""
BOTH = ("Before", "After")
B_FRAMES = {"bf": "3", "g": "30"}

Clip = dict[str, Any]
NTSC = Fraction(30_000, 1001)


def _uneven(seed: int = 7) -> list[int]:
    """Return presentation times in milliseconds: 10 to 120 ms from frame to frame."""
    steps = random.Random(seed).choices([10, 17, 33, 40, 120], k=FRAMES - 1)
    return [sum(steps[:frame]) for frame in range(FRAMES)]


KINDS: dict[str, tuple[Clip, Clip]] = {
    "B-frames": ({"rate": 25}, {"rate": 25}),
    "29.97 fps, and times in milliseconds": (
        {"rate": NTSC, "suffix": ".mkv"},
        {"rate": NTSC, "suffix": ".mkv"},
    ),
    "a variable frame rate": (
        {"pts": _uneven(), "time_base": Fraction(1, 1000)},
        {"pts": [90 * pts for pts in _uneven()], "time_base": Fraction(1, 90_000)},
    ),
    "a source that begins late, after its sound": (
        {"pts": range(12, 12 + FRAMES), "audio": [{"seconds": 4}]},
        {"audio": [{"seconds": 3.12}]},
    ),
    "an output without an edit list": ({}, {"container_options": {"use_editlist": "0"}}),
    "fragments": ({"container_options": {"movflags": "frag_keyframe+empty_moov"}}, {}),
}


@pytest.fixture
def comparison(cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path) -> Comparison:
    return Comparison(cloud, page, user, tmp_path)


def show_numbered(comparison: Comparison, kind: str) -> None:
    """Show numbered pictures, twice as large in the output."""
    source, output = KINDS[kind]
    comparison.show(
        _clip(comparison.folder / "source", [numbered(n, 192, 128) for n in range(FRAMES)], **source),
        _clip(comparison.folder / "output", [numbered(n, 384, 256) for n in range(FRAMES)], **output),
    )


def _clip(path: Path, pictures: list[Pixels], *, suffix: str = ".mp4", **how: Any) -> Path:
    return make_clip(path.with_suffix(suffix), pictures, options=B_FRAMES, **how)


@pytest.mark.parametrize("kind", KINDS)
def test_both_show_the_same_frame(comparison: Comparison, kind: str) -> None:
    page = comparison.page
    show_numbered(comparison, kind)
    expect(comparison.position).to_have_attribute("max", str(FRAMES - 1))
    expect_numbers(page, 0, *BOTH)

    for frame in [*random.Random(kind).sample(range(FRAMES), 8), FRAMES - 1]:
        comparison.position.fill(str(frame))
        expect_numbers(page, frame, *BOTH)
        expect(comparison.stage.get_by_text(f"frame {frame}", exact=True)).to_be_visible()

    comparison.position.fill("40")
    comparison.stage.focus()
    for key, frame in [(".", 41), (".", 42), ("ArrowRight", 43), (",", 42), ("ArrowLeft", 41)]:
        page.keyboard.press(key)
        expect_numbers(page, frame, *BOTH)
    for _ in range(10):
        page.keyboard.press(".")
    expect_numbers(page, 51, *BOTH)
    page.keyboard.press("End")
    expect_numbers(page, FRAMES - 1, *BOTH)
    page.get_by_role("button", name="Back one frame").click()
    expect_numbers(page, FRAMES - 2, *BOTH)
    page.keyboard.press("Home")


@pytest.mark.parametrize("kind", KINDS)
def test_both_play_together(comparison: Comparison, kind: str) -> None:
    show_numbered(comparison, kind)
    # Frames of 10 ms are shorter than a screen shows them, and a busy machine is late at times.
    near = 4 if kind == "a variable frame rate" else 1
    for start in (0, 20):
        seen = []
        for _ in range(TRIES):
            seen.append(apart := frames_apart(comparison, start))
            if sum(frames <= near for frames in apart) >= 0.75 * len(apart) and max(apart) <= 15:
                break
        else:
            raise AssertionError(seen)


def frames_apart(comparison: Comparison, start: int) -> list[int]:
    """Play for a while from a frame; return how far before and after were apart, in frames."""
    page = comparison.page
    comparison.position.fill(str(start))
    expect_numbers(page, start, *BOTH)
    page.get_by_role("button", name="Play").click()
    samples = numbers_while(page, 1.2, *BOTH)
    with contextlib.suppress(WaitedTooLong):  # on a machine that stood still, the end came first
        page.get_by_role("button", name="Pause").click(timeout=5000)
    stopped = number_at_rest(page, *BOTH)
    expect(comparison.stage.get_by_text(f"frame {stopped}", exact=True)).to_be_visible()
    assert stopped > start
    return [abs(before - after) for before, after in samples if after > start]
