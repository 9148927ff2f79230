"""Tests that no money is lost or made when RunPod errs and the API is killed at any moment."""

from __future__ import annotations

import random

import pytest

from tests.cloud import money
from tests.cloud.conftest import Cloud
from tests.cloud.storm import Storm

pytestmark = pytest.mark.usefixtures("sound_money")


def check(storm: Storm) -> None:
    cloud = storm.cloud
    assert not storm.calm()
    assert not storm.problems()
    assert not money.problems(cloud)
    for user in storm.users:
        assert money.wallet(cloud, user)[1] == 0


def test_random_faults_of_runpod_lose_no_money(cloud: Cloud) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  shown if the test fails
    storm = Storm(cloud, seed)
    storm.rage(60)
    check(storm)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_one_hundred_kills_in_three_hundred_jobs_lose_no_money(cloud: Cloud) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  shown if the test fails
    storm = Storm(cloud, seed)
    storm.rage(560, kills=100)
    assert storm.kills == 100
    assert len(storm.rows) >= 300, "some requests of the user with little money started no job"
    check(storm)
