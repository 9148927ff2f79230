"""Tests the boxes, labels and trails that are drawn on frames."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.drawing.pen import DARK, Pen, colour_of, to_ascii
from orchestrator.frames import TrackBoxes
from orchestrator.pipeline.single_image_inference import draw_detections
from orchestrator.track_output.overlay import Overlay
from orchestrator.track_output.reported_tracks import ReportedTracks, TrackBoxCollector

WIDTH, HEIGHT = 640, 360
GRAY = 118


def canvas(width: int = WIDTH, height: int = HEIGHT) -> Any:
    return np.full((height, width, 3), GRAY, np.uint8)


def changed(pixels: Any) -> Any:
    """Where something was drawn, bool [H, W]."""
    return (pixels != GRAY).any(axis=2)


def tracks(boxes: Any, *, interpolated: bool = False) -> ReportedTracks:
    """One track with these boxes, 40 ms apart; the last may be interpolated."""
    count = len(boxes)
    collected = TrackBoxCollector()
    collected.add(
        TrackBoxes(
            frames=np.arange(count),
            ids=np.ones(count, np.int64),
            boxes=np.array(boxes, np.float32),
            scores=np.full(count, 0.9, np.float32),
            classes=np.zeros(count, np.int64),
            interpolated=np.arange(count) >= count - interpolated if count > 1 else np.zeros(1, np.bool_),
        ),
        np.arange(count) * 40,
    )
    return collected.reported(confidence=0, classes=None)


def overlay(
    reported: ReportedTracks, *, width: int = WIDTH, height: int = HEIGHT, shown_width: int | None = None
) -> Overlay:
    return Overlay(
        reported,
        classes=("person",),
        width=width,
        height=height,
        shown_width=shown_width or width,
        time_base=Fraction(1, 1000),
    )


def test_the_edge_of_a_box_is_drawn_and_what_is_in_it_and_far_from_it_is_left() -> None:
    pixels = canvas()
    overlay(tracks([[200, 100, 300, 250]])).draw(pixels, 0)
    marked = changed(pixels)
    assert marked[100:251, [200, 300]].all()
    assert marked[250, 200:301].all()
    assert not marked[110:240, 210:290].any()
    assert not marked[:, :190].any()
    assert not marked[260:].any()
    assert np.array_equal(pixels[250, 250], colour_of(1))


def test_a_frame_without_tracks_is_left_as_it_is() -> None:
    pixels = canvas()
    overlay(tracks([[200, 100, 300, 250]])).draw(pixels, 1)
    assert not changed(pixels).any()


def test_an_interpolated_box_is_dashed() -> None:
    boxes = [[200, 100, 300, 250], [200, 100, 300, 250]]
    seen, guessed = canvas(), canvas()
    overlay(tracks(boxes)).draw(seen, 1)
    overlay(tracks(boxes, interpolated=True)).draw(guessed, 1)
    assert changed(seen)[110:250, 300].all()
    share = changed(guessed)[110:250, 300].mean()
    assert 0.3 < share < 0.95
    assert np.array_equal(guessed[250, 200], colour_of(1)), "corners are there"


def test_a_trail_shows_the_last_second_and_a_half_of_the_way_and_fades() -> None:
    boxes = [[x, 100, x + 40, 200] for x in range(0, 500, 5)]  # 125 pixels a second
    pixels = canvas()
    overlay(tracks(boxes)).draw(pixels, 99)
    now = 495 + 20
    marked = changed(pixels)
    assert marked[200, now - 180 : now].all()
    assert not marked[150:, : now - 200].any()
    strength = np.abs(pixels[200].astype(int) - GRAY).sum(axis=1)
    assert strength[now - 60] > strength[now - 120] > strength[now - 170] > 0


@pytest.mark.parametrize("box", [[0, 0, 60, 50], [600, 0, 640, 30], [630, 350, 640, 360], [0, 0, 640, 360]])
def test_a_label_is_whole_in_the_picture_wherever_the_box_is(box: list[int]) -> None:
    ink = colour_of(1)
    middle, border = canvas(), canvas()
    Pen(width=WIDTH, height=HEIGHT).label(
        middle, np.array([300, 200, 340, 240]), "person 1", ink, small="0.90"
    )
    Pen(width=WIDTH, height=HEIGHT).label(border, np.array(box), "person 1", ink, small="0.90")
    whole, shown = (pixels[changed(pixels)] for pixels in (middle, border))
    assert np.array_equal(whole, shown)


@pytest.mark.parametrize(("width", "height"), [(240, 136), (320, 180), (3840, 2160)])
def test_the_decimal_point_of_a_score_is_dark_and_stands_free(width: int, height: int) -> None:
    """Between the digits there is a column that is dark at the base line alone."""
    ink = colour_of(1)
    pixels = canvas(width, height)
    pen = Pen(width=width, height=height)
    left, top, right, bottom = pen.label(
        pixels, np.array([9, height / 2, 60, height]), "X", ink, small="0.90"
    )
    dark = (pixels[top:bottom, left:right].astype(int).sum(axis=2) < 60 * 3)[3:-3, 3:-3]
    rows = np.flatnonzero(dark.any(axis=1))
    upper, lower = dark[: (rows[0] + rows[-1]) // 2], dark[(rows[0] + rows[-1]) // 2 :]
    points = lower.any(axis=0) & ~upper.any(axis=0)
    edges = np.flatnonzero(np.diff(points, prepend=False, append=False))
    stops = [
        (begin, end)
        for begin, end in zip(edges[::2], edges[1::2], strict=True)
        if not dark[:, begin - 1].any() and not dark[:, end].any()
    ]
    assert len(stops) == 1
    begin, end = stops[0]
    assert end - begin >= max(2, width // 1500)


@pytest.mark.parametrize(
    ("width", "height"), [(240, 136), (640, 360), (1280, 720), (1920, 1080), (3840, 2160)]
)
def test_no_digit_of_a_score_can_be_taken_for_another(width: int, height: int) -> None:
    """Any two labels that differ in one digit differ in pixels by most of the contrast of ink.

    The digits of OpenCV's smallest font fail: at 240x136 the pixel that tells 6 from 8 differs by a third.
    """
    ink = colour_of(1)
    shown = []
    for digit in range(10):
        pixels = canvas(width, height)
        pen = Pen(width=width, height=height)
        left, top, right, bottom = pen.label(
            pixels, np.array([9, height / 2, 60, height]), "x", ink, small=f"0.8{digit}"
        )
        shown.append(pixels[top:bottom, left:right].astype(int).sum(axis=2))
    assert len({plate.shape for plate in shown}) == 1
    contrast = sum(ink) - sum(DARK)
    for one, other in itertools.combinations(shown, 2):
        assert (np.abs(one - other) > 0.75 * contrast).sum() >= 2


def people(*boxes: list[float]) -> ReportedTracks:
    """Tracks of two frames, one for each box, which all stand still."""
    collected, count = TrackBoxCollector(), len(boxes)
    for frame in range(2):
        collected.add(
            TrackBoxes(
                frames=np.full(count, frame),
                ids=np.arange(count) + 1,
                boxes=np.array(boxes, np.float32),
                scores=np.full(count, 0.9, np.float32),
                classes=np.zeros(count, np.int64),
                interpolated=np.zeros(count, np.bool_),
            ),
            np.full(count, frame * 40),
        )
    return collected.reported(confidence=0, classes=None)


def test_a_label_covers_no_head_and_no_other_label() -> None:
    """The lower figure's label would stand on the head of the one behind it."""
    behind, front = [300.0, 100.0, 360.0, 300.0], [310.0, 118.0, 380.0, 340.0]
    pixels = canvas()
    overlay(people(behind, front)).draw(pixels, 1)
    # The heads are a half of the box's width high; the lines of the boxes may cross them.
    head = pixels[106:112, 316:344]
    assert (head == GRAY).all()
    plates = []
    for number in (1, 2):
        alone = (pixels == colour_of(number)).all(axis=2)
        full = alone.sum(axis=1)
        rows = np.flatnonzero(full > 40)
        plates.append(len(rows))
    # Both labels are whole: each has at least as many rows of its colour as capital letters are high.
    assert min(plates) >= 8


@pytest.mark.parametrize(
    "boxes",
    [
        ([110, 47, 126, 88], [23, 23, 57, 110], [46, 57, 72, 122], [36, 36, 71, 124]),
        ([186, 8, 226, 110], [157, 35, 175, 81], [38, 4, 80, 111], [19, 21, 57, 116]),
        ([162, 12, 205, 121], [150, 29, 183, 113], [182, 39, 218, 129], [30, 23, 73, 132]),
    ],
)
def test_labels_of_a_group_in_a_small_picture_find_what_room_there_is(boxes: tuple[list[float], ...]) -> None:
    """At each corner of one of the boxes, a label would cover a head or another label."""
    width, height = 240, 136
    pixels = canvas(width, height)
    overlay(people(*boxes), width=width, height=height).draw(pixels, 1)
    labels = []
    for number in range(1, len(boxes) + 1):
        alone = canvas(width, height)
        left, top, right, bottom = Pen(width=width, height=height).label(
            alone, np.array([100, 50, 120, 90]), f"person {number}", colour_of(number), small="0.90"
        )
        plate = alone[top:bottom, left:right]
        _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(pixels, plate, cv2.TM_SQDIFF))
        labels.append((x, y, x + right - left, y + bottom - top))
        np.testing.assert_array_equal(
            pixels[y : labels[-1][3], x : labels[-1][2]], plate
        )  # none lies over it
    for x1, y1, x2, _ in boxes:
        quarter = (x2 - x1) / 4
        for left, top, right, bottom in labels:
            beside = right <= x1 + quarter or left >= x2 - quarter
            assert beside or bottom <= y1 + 3 or top >= y1 + 2 * quarter  # the line is 3 pixels wide


def test_a_trail_does_not_zigzag_when_the_box_changes_its_shape() -> None:
    """The lower edge jumps up by 40 pixels for two of every four frames, as where feet are hidden."""
    boxes = [[x, 100, x + 40, 240 - 40 * (x // 5 // 2 % 2)] for x in range(0, 500, 5)]
    pixels = canvas()
    overlay(tracks(boxes)).draw(pixels, 99)
    old = changed(pixels)[:, 515 - 180 : 515 - 60]
    rows = np.flatnonzero(old.any(axis=1))
    assert old.any(axis=0).all()
    assert np.ptp(rows) <= 12, "as thick as the line and its rim, and a few pixels"


@pytest.mark.parametrize("frame", [14, 18, 24, 30])
def test_a_trail_does_not_zigzag_where_the_track_begins(frame: int) -> None:
    """The lower edge goes down by 40 pixels and comes up again, as of a figure that enters the picture."""
    low = [210, 230, 250, 240, 230, 220, 215, *[220] * 30]
    pixels = canvas()
    overlay(tracks([[5 * x, 100, 5 * x + 40, edge] for x, edge in enumerate(low)])).draw(pixels, frame)
    trail = changed(pixels)[:, 21 : 5 * frame - 3]  # from the oldest point to the box
    assert trail.any(axis=0).all()
    middles = [float(np.flatnonzero(column).mean()) for column in trail.T]
    there_and_back_px = np.abs(np.diff(middles)).sum() - abs(middles[-1] - middles[0])
    assert there_and_back_px <= 4


def test_the_trail_of_an_even_movement_is_a_straight_line_to_the_box() -> None:
    boxes = [[10 * x, 50 + 5 * x, 10 * x + 40, 150 + 5 * x] for x in range(30)]
    pixels = canvas()
    overlay(tracks(boxes)).draw(pixels, 29)
    columns = np.arange(21, 285)
    for column in columns.tolist():
        rows = np.flatnonzero(changed(pixels)[: 150 + 5 * 29 - 4, column])
        assert abs(rows.mean() - (150 + (column - 20) / 2)) <= 1.5


def test_a_label_stands_on_its_box_where_there_is_room() -> None:
    pixels = canvas()
    Pen(width=WIDTH, height=HEIGHT).label(pixels, np.array([300, 200, 340, 240]), "person 1", colour_of(1))
    rows, columns = np.nonzero(changed(pixels))
    assert 180 < rows.min() < rows.max() <= 203
    assert 295 < columns.min() <= 300


@pytest.mark.parametrize(
    ("width", "height", "written"),
    [(240, 136, ("person 1", "0.90")), (96, 64, ("person 1", "")), (64, 36, ("1", "")), (32, 18, None)],
)
def test_a_label_is_shorter_or_left_out_in_a_tiny_picture(
    width: int, height: int, written: tuple[str, str] | None
) -> None:
    pixels, expected = canvas(width, height), canvas()
    box = np.array([width / 2, height / 2, width - 1, height - 1])
    pen = Pen(width=width, height=height)
    left, top, right, bottom = pen.label(pixels, box, "person 1", colour_of(1), small="0.90", short="1")
    assert (right - left) * (bottom - top) == changed(pixels).sum() <= width * height / 8
    if written is not None:
        pen.label(expected, np.array([300, 200, 340, 240]), written[0], colour_of(1), small=written[1])
        assert np.array_equal(pixels[changed(pixels)], expected[changed(expected)])


@settings(max_examples=60)
@given(
    st.integers(1, 200),
    st.integers(1, 200),
    st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=5),
    st.booleans(),
)
def test_pictures_and_boxes_of_any_size_can_be_drawn(
    width: int, height: int, shares: list[list[float]], interpolated: bool
) -> None:
    reported = tracks(
        [[x * width, y * height, p * width, q * height] for x, y, p, q in shares], interpolated=interpolated
    )
    pixels = canvas(width, height)
    overlay(reported, width=width, height=height).draw(pixels, len(shares) - 1)
    assert changed(pixels).any()


def test_colours_are_bright_and_different() -> None:
    inks = np.array([colour_of(number) for number in range(40)], np.int64)
    assert inks.max(axis=1).min() > 150
    apart = np.abs(inks[:, None] - inks[None]).sum(axis=2) + 1000 * np.eye(40, dtype=np.int64)
    near = [apart[number, max(0, number - 5) : number].min() for number in range(1, 40)]
    assert min(near) > 60
    assert apart.min() > 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("person", "person"),
        ("Café", "Cafe"),
        ("猫", "?"),
        ("a\nb", "a?b"),
        ("\ud800", "?"),
        ("x" * 30, "x" * 22 + ".."),
    ],
)
def test_names_are_written_in_ascii(name: str, text: str) -> None:
    assert to_ascii(name) == text


def test_detections_are_drawn_with_the_same_marks_on_a_copy() -> None:
    picture = canvas()
    pixels = draw_detections(
        picture, np.array([[200, 100, 300, 250, 0.9, 1], [20, 20, 90, 90, 0.5, 0]], np.float32), ("a", "猫")
    )
    assert not changed(picture).any()
    assert np.array_equal(pixels[250, 250], colour_of(1))
    assert np.array_equal(pixels[90, 50], colour_of(0))
