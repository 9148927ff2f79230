"""Tests that the labels of drawn scenes are exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cv2", reason="OpenCV is not installed: building models is an extra")

from training.lite_detector import casting, distractors, people, things
from training.lite_detector.scenes import BALL, BOX, PERSON, VISIBLE, Layer, Scene, compose, draw
from training.lite_detector.textures import caption, texture

if TYPE_CHECKING:
    from training.lite_detector.sprites import Sprite

HEIGHT, WIDTH = 96, 160
PLAIN = np.full((120, 200, 3), 90, np.uint8)


def sprite(kind: int, seed: int, x: float, y: float, size: float) -> Sprite:
    """Draw a figure of random appearance that stands at x, y."""
    rng = np.random.default_rng(seed)
    if kind == PERSON:
        return people.draw(
            casting.person(rng), foot=(x, y), height_px=size, phase=rng.random(), facing=1 - 2 * (seed % 2)
        )
    if kind == BALL:
        return things.draw_ball(casting.ball(rng), centre=(x, y - size / 6), radius_px=size / 6, angle=seed)
    return things.draw_box(casting.box(rng), bottom=(x, y), width_px=size / 2)


def touched(layers: list[Layer]) -> np.ndarray:
    """Return which pixels show a figure, bool [H, W]: they differ less between black and white grounds."""
    black = compose(np.zeros((HEIGHT, WIDTH, 3), np.uint8), layers).picture.astype(int)
    white = compose(np.full((HEIGHT, WIDTH, 3), 255, np.uint8), layers).picture
    return np.asarray((white - black < 255).any(axis=2))


figures = st.builds(
    sprite,
    st.sampled_from([PERSON, BALL, BOX]),
    st.integers(0, 10_000),
    st.floats(-20, WIDTH + 20),
    st.floats(0, HEIGHT + 40),
    st.floats(14, 110),
)


@given(figures)
@settings(max_examples=60)
def test_a_box_goes_around_the_drawn_pixels_and_no_farther(figure: Sprite) -> None:
    layer = Layer(sprite=figure, number=PERSON)
    drawn = touched([layer])
    scene = compose(np.zeros((HEIGHT, WIDTH, 3), np.uint8), [layer])
    if not scene.figures:
        assert not drawn.any()
        return
    left, top, right, bottom = map(int, scene.figures[0].box)
    inside = np.zeros_like(drawn)
    inside[top:bottom, left:right] = True
    assert not (drawn & ~inside).any()
    whole = figure.box
    if (left, top, right, bottom) == whole:  # not cut off: each side touches the figure
        assert scene.figures[0].visible == pytest.approx(1.0, abs=1e-3)
        assert drawn[top].any()
        assert drawn[bottom - 1].any()
        assert drawn[:, left].any()
        assert drawn[:, right - 1].any()


@given(st.lists(figures, min_size=2, max_size=5))
@settings(max_examples=40)
def test_nothing_is_drawn_outside_the_boxes(sprites: list[Sprite]) -> None:
    layers = [Layer(sprite=one, number=PERSON) for one in sprites]
    scene = compose(np.zeros((HEIGHT, WIDTH, 3), np.uint8), layers)
    drawn = touched(layers)
    for figure in scene.figures:
        left, top, right, bottom = map(int, figure.box)
        drawn[top:bottom, left:right] = False
        assert 0 <= left < right <= WIDTH
        assert 0 <= top < bottom <= HEIGHT
        assert 0 < figure.visible <= 1.001
    # A figure that others hide is not listed; what is left of it then is less than one level in 255.
    assert not drawn.any()


def half_hidden(pillar_px: float) -> Scene:
    """A ball of 40 pixels behind a pillar of that width, which starts at its left side."""
    ball = things.draw_ball(things.Ball(), centre=(100, 60), radius_px=20, angle=0)
    pillar = things.draw_pillar(
        bottom=(80 + pillar_px / 2, 120), width_px=pillar_px, height_px=120, colour=(9, 9, 9)
    )
    return compose(PLAIN, [Layer(sprite=ball, number=BALL), Layer(sprite=pillar)])


def test_what_is_seen_of_a_figure_is_measured_and_its_box_stays_whole() -> None:
    (free,) = half_hidden(0.3).figures
    (half,) = half_hidden(20).figures
    (little,) = half_hidden(33).figures
    assert half.visible == pytest.approx(0.5, abs=0.03)
    assert half.box == free.box == little.box
    assert half.labelled
    assert 0 < little.visible < VISIBLE
    assert not little.labelled
    assert half_hidden(44).figures == ()


def test_who_stands_in_front_hides_who_stands_behind() -> None:
    look = people.Person()
    back, front = (
        Layer(
            sprite=people.draw(look, foot=(x, 110), height_px=90, phase=0.2), number=PERSON, identity=number
        )
        for number, x in enumerate((95, 105))
    )
    scene = compose(PLAIN, [back, front])
    assert [figure.identity for figure in scene.figures] == [0, 1]
    assert scene.figures[0].visible < 0.8
    assert scene.figures[1].visible == pytest.approx(1.0, abs=1e-3)


def test_a_walker_moves_their_legs_and_a_step_ends_where_it_began() -> None:
    look = people.Person(swing=0.5)
    poses = [
        people.draw(look, foot=(100, 110), height_px=90, phase=phase).alpha.astype(int)
        for phase in (0.0, 0.25, 1.0)
    ]
    assert (np.abs(poses[0] - poses[1]) > 128).sum() > 100
    assert np.array_equal(poses[0], poses[2])


def test_the_same_seed_draws_the_same_scene_and_another_one_another() -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (200, 330, 3), dtype=np.uint8)
    first, again, other = (draw([photograph], np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first.picture, again.picture)
    assert first.figures == again.figures
    assert first.picture.shape == other.picture.shape == (192, 320, 3)
    assert not np.array_equal(first.picture, other.picture)


def test_fuller_scenes_hold_more_figures() -> None:
    photograph = np.full((200, 330, 3), 128, np.uint8)
    few, many = (
        sum(
            len(draw([photograph], np.random.default_rng(seed), density=density).figures)
            for seed in range(20)
        )
        for density in (0.5, 2.0)
    )
    assert many > 1.5 * few


@pytest.mark.parametrize("seed", range(30))
def test_a_distractor_stands_on_its_foot_and_is_no_figure(seed: int) -> None:
    sprite = distractors.draw(np.random.default_rng(seed), foot=(80.0, 90.0), height_px=60)
    left, top, right, bottom = sprite.box
    assert left < 80 < right
    assert 85 <= bottom <= 97
    assert 12 <= top < 60
    scene = compose(PLAIN, [Layer(sprite=sprite)])
    assert not scene.figures
    assert (scene.picture != PLAIN).any()


def test_people_cross_in_many_scenes() -> None:
    rng = np.random.default_rng(0)
    crossing = 0
    for _ in range(60):
        scene = draw([PLAIN], rng)
        people_of_scene = [figure.box for figure in scene.figures if figure.number == PERSON]
        crossing += any(
            one is not other
            and abs(one[0] + one[2] - other[0] - other[2]) < one[2] - one[0]
            and abs(one[3] - other[3]) < 0.2 * (one[3] - one[1])
            for one in people_of_scene
            for other in people_of_scene
        )
    assert crossing >= 24


def test_textures_are_the_same_for_a_seed_and_have_detail() -> None:
    for seed in range(10):
        one, again = (texture((96, 160), np.random.default_rng(seed)) for _ in range(2))
        assert one.shape == (96, 160, 3)
        np.testing.assert_array_equal(one, again)
        assert one.std(axis=(0, 1)).max() > 2


def test_a_caption_is_a_light_line_with_a_shadow() -> None:
    for seed in range(10):
        picture = np.full((96, 160, 3), 90, np.uint8)
        caption(picture, np.random.default_rng(seed))
        assert picture.max() > 90
        assert picture.min() < 90
