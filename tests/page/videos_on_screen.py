"""Reads what the page shows: the numbers in numbered pictures, and the pixels of the screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from playwright.sync_api import Locator, Page, expect

from tools.fixtures.clips import BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

WAIT_S = 60
"""How long pictures may take to appear; a busy machine is slow."""

NUMBER_OF = """() => {
window.numberOf = (video) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(video, 0, 0);
  let number = 0;
  for (let bit = 0; bit < BITS; bit++) {
    const x = Math.floor((bit + 0.5) * canvas.width / BITS);
    const [red, green, blue] = pen.getImageData(x, Math.floor(canvas.height * 3 / 4), 1, 1).data;
    if (red + green + blue > 3 * 127) number += 1 << bit;
  }
  return number;
}; }
""".replace("BITS", str(BITS))
"""Defines a function that reads the number of a picture of tools/fixtures/clips.py from a <video>."""

SAMPLE = """([labels, forMs, waitMs]) => new Promise((resolve) => {
  const videos = labels.map((label) => document.querySelector(`video[aria-label="${label}"]`));
  const samples = [];
  let [moves, end] = [false, performance.now() + waitMs];
  const take = () => {
    samples.push(videos.map(window.numberOf));
    if (!moves && String(samples.at(-1)) !== String(samples[0])) {
      [moves, end] = [true, performance.now() + forMs];
    }
    if (performance.now() < end) requestAnimationFrame(take); else resolve(samples);
  };
  requestAnimationFrame(take);
})"""


def numbers(page: Page, *labels: str) -> list[int]:
    """Return the numbers that the videos with these labels show."""
    page.evaluate(NUMBER_OF)
    read = "(video) => window.numberOf(video)"
    return [int(page.locator(f'video[aria-label="{label}"]').evaluate(read)) for label in labels]


def expect_numbers(page: Page, number: int, *labels: str) -> None:
    """Wait until all these videos show a number and stay there; fail if they never do."""
    deadline = time.monotonic() + WAIT_S
    before: list[int] = []
    while not (before == (shown := numbers(page, *labels)) == [number] * len(labels)):
        assert time.monotonic() < deadline, f"{before}, then {shown}, not {number}"
        page.wait_for_timeout(200 if shown == [number] * len(labels) else 50)
        before = shown


def number_at_rest(page: Page, *labels: str) -> int:
    """Return the number at which all these videos come to rest; fail if they rest at different ones."""
    deadline = time.monotonic() + WAIT_S
    shown = numbers(page, *labels)
    while True:
        page.wait_for_timeout(400)
        before, shown = shown, numbers(page, *labels)
        if shown == before and len(set(shown)) == 1:
            return shown[0]
        assert time.monotonic() < deadline, f"{before}, then {shown}"


def numbers_while(page: Page, duration_s: float, *labels: str) -> list[list[int]]:
    """Return the numbers of the videos in each animation frame, until a time after the first change."""
    page.evaluate(NUMBER_OF)
    samples: list[list[int]] = page.evaluate(SAMPLE, [list(labels), 1000 * duration_s, 1000 * WAIT_S])
    return samples


def screenshot(page: Page, of: Locator) -> Pixels:
    """Return the device pixels of an element, uint8 [h, w, 3] RGB."""
    box = of.bounding_box()
    assert box is not None
    picture = cv2.imdecode(np.frombuffer(page.screenshot(animations="disabled"), np.uint8), cv2.IMREAD_COLOR)
    viewport = page.viewport_size
    assert picture is not None
    assert viewport is not None
    ratio = picture.shape[1] / viewport["width"]
    left, top = round(box["x"] * ratio), round(box["y"] * ratio)
    right, bottom = round((box["x"] + box["width"]) * ratio), round((box["y"] + box["height"]) * ratio)
    assert 0 <= top < bottom <= picture.shape[0], "the element is not wholly in the window"
    return np.ascontiguousarray(picture[top:bottom, left:right, ::-1], np.uint8)


def scroll_into_view(of: Locator) -> None:
    """Put an element into the middle of the window."""
    of.evaluate("element => element.scrollIntoView({ block: 'center' })")
    expect(of).to_be_in_viewport(ratio=1)


def difference(a: Pixels, b: Pixels) -> float:
    """Return the mean absolute difference of two pictures, in levels of 255."""
    return float(np.abs(a.astype(np.int16) - b.astype(np.int16)).mean())


def found_at(part: Pixels, whole: Pixels) -> tuple[int, int, float]:
    """Return where a part lies in a picture, as x and y, and how much it differs there, in levels."""
    scores: Any = cv2.matchTemplate(whole, part, cv2.TM_SQDIFF)
    y, x = np.unravel_index(int(scores.argmin()), scores.shape)
    height, width = part.shape[:2]
    return int(x), int(y), difference(part, whole[y : y + height, x : x + width])
