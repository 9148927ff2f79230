"""Tests the estimate of the camera motion on pictures of a drawn world."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.tracking.camera_motion import CameraMotionEstimator
from tests.tracking.test_shot_cuts import texture

NOTHING = np.empty((0, 4))
REST = np.eye(2, 3)


def test_a_pan_is_measured_in_pixels_of_the_source() -> None:
    world, camera = texture(1), CameraMotionEstimator(width=1920, height=1080)
    assert np.array_equal(camera.estimate(world[:, :640], NOTHING), REST)
    moved = camera.estimate(world[:, 20:660], NOTHING)
    for x, y in ((100, 100), (1800, 100), (900, 1000)):
        assert moved @ [x, y, 1] == pytest.approx([x - 60, y], abs=1.5)


def test_a_turn_and_a_zoom_are_measured_where_pixels_of_the_source_are_not_square() -> None:
    small = texture(1)[:, :640]
    truth = cv2.getRotationMatrix2D((320, 180), 4, 1.05)
    camera = CameraMotionEstimator(width=320, height=360)  # half as wide as it is seen
    camera.estimate(small, NOTHING)
    moved = camera.estimate(cv2.warpAffine(small, truth, (640, 360)).astype(np.uint8), NOTHING)
    for x, y in ((40, 40), (600, 50), (320, 330)):
        there = truth @ [x, y, 1]
        assert moved @ [x / 2, y, 1] == pytest.approx([there[0] / 2, there[1]], abs=1)


def test_what_is_tracked_does_not_move_the_camera() -> None:
    behind, front = texture(1)[:, :640].copy(), texture(2)[:300, :400]
    behind //= 2  # its corners are the weaker ones
    camera = CameraMotionEstimator(width=640, height=360)

    def seen(x: int) -> NDArray[np.uint8]:
        picture = behind.copy()
        picture[30:330, x : x + 400] = front
        return picture

    camera.estimate(seen(100), NOTHING)
    moved = camera.estimate(seen(110), np.array([[100.0, 30, 510, 330]]))
    for x, y in ((20, 20), (620, 20), (320, 340)):
        assert moved @ [x, y, 1] == pytest.approx([x, y], abs=0.5)


@pytest.mark.parametrize("picture", [np.zeros((360, 640), np.uint8), np.zeros((1, 1), np.uint8)])
def test_where_nothing_is_to_be_seen_the_camera_rests(picture: NDArray[np.uint8]) -> None:
    camera = CameraMotionEstimator(width=640, height=360)
    for _ in range(3):
        assert np.array_equal(camera.estimate(picture, NOTHING), REST)


def test_another_shot_is_no_motion() -> None:
    camera = CameraMotionEstimator(width=640, height=360)
    camera.estimate(texture(1)[:, :640], NOTHING)
    assert np.array_equal(camera.estimate(texture(2)[:, :640], NOTHING), REST)
