"""Tests that the motion of the camera does not count as motion of what it shows."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.framing.appearances import Appearance, find_appearances
from orchestrator.framing.camera_drift import CameraDrift
from orchestrator.framing.track_file_reader import parse_tracks
from tools.fixtures.follow_scenes import HEIGHT, RATE, WIDTH, Figure, Scene, figure, times_s


def scene_of(seconds: int, *figures: Figure, cuts: tuple[int, ...] = ()) -> Scene:
    return Scene(name="", frames=seconds * RATE, figures=figures, subjects=(), cuts=cuts)


def appearances(scene: Scene) -> dict[int, Appearance]:
    found = find_appearances(
        parse_tracks(scene.document()), times_s=times_s(scene), width=WIDTH, height=HEIGHT
    )
    return {appearance.track: appearance for appearance in found}


def drift(scene: Scene) -> CameraDrift:
    return CameraDrift(parse_tracks(scene.document()), times_s=times_s(scene), width=WIDTH, height=HEIGHT)


def pan(number: int, class_name: str, x: float, *, own: float = 0.0, size: float = 200) -> Figure:
    """Return something in a picture that is panned by 100 pixels a second for 8 s; it moves by `own` more."""
    return figure(
        number, class_name, [(0, x), (8, x - 8 * (100 - own))], size=(size, size), bottom=900 - number
    )


def test_in_a_pan_a_parked_car_stands_still_and_a_car_that_drives_moves() -> None:
    scene = scene_of(
        8,
        pan(1, "car", 1000),
        pan(2, "car", 1300, size=150),
        pan(3, "truck", 1700),
        pan(4, "bench", 1500, size=120),
        pan(5, "car", 900, own=100),
    )
    found = appearances(scene)
    for number in (1, 2, 3, 4):
        assert found[number].motion <= 0.05
        assert not found[number].has_moved
    assert found[5].motion > 0.5, "the camera keeps it in the same place"
    assert found[5].has_moved
    place = drift(scene).at(np.array([0.25, 7.25]))
    assert place[1] - place[0] == pytest.approx((-700, 0), abs=15)


def test_two_cars_do_not_tell_a_pan() -> None:
    found = appearances(scene_of(8, pan(1, "car", 1000), pan(2, "car", 1400)))
    assert found[1].has_moved
    assert found[2].has_moved


def test_cars_that_drive_at_speeds_of_their_own_are_no_pan() -> None:
    scene = scene_of(
        8,
        figure(1, "car", [(0, 300), (8, 700)]),
        figure(2, "car", [(0, 300), (8, 1100)], bottom=700),
        figure(3, "car", [(0, 300), (8, 1500)], bottom=500),
        figure(4, "car", [(0, 1600), (8, 1600)]),
    )
    found = appearances(scene)
    assert [found[number].has_moved for number in (1, 2, 3, 4)] == [True, True, True, False]


def test_a_walker_with_a_bag_and_a_face_is_no_pan() -> None:
    walk = [(0.0, 300.0), (8.0, 1500.0)]
    scene = scene_of(
        8,
        figure(1, "person", walk),
        figure(2, "handbag", walk, size=(60, 60), bottom=800),
        figure(3, "face", walk, size=(60, 60), bottom=560),
        figure(4, "backpack", walk, size=(80, 100), bottom=700),
    )
    assert appearances(scene)[1].motion > 0.5
    assert not drift(scene).at(np.array([8.0])).any()


def test_a_cut_is_no_pan() -> None:
    shots = [
        figure(number, "car", [(0, 200 * number), (4, 200 * number)], bottom=900 - number)
        for number in (1, 2, 3)
    ]
    moved = [
        Figure(
            number=shot.number,
            class_name="car",
            first=0,
            boxes=np.concatenate((shot.boxes, shot.boxes + np.array((500, 0, 500, 0)))),
        )
        for shot in shots
    ]
    assert np.abs(drift(scene_of(8, *moved, cuts=(4 * RATE,))).at(np.array([8.0]))).max() <= 5
    assert drift(scene_of(8, *moved)).at(np.array([8.0]))[0, 0] == pytest.approx(500, abs=60)
