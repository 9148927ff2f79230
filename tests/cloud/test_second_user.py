"""Tests that a user finds nothing of another user: route by route, with all that the other one has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.cloud.api_routes import Route, registered_routes
from tests.cloud.conftest import Cloud
from tests.cloud.test_access import DECLARED, OPEN, SOURCE
from tools.cloud.client import ApiUser, done
from tools.cloud.wrangler_dev import NodeMissing
from tools.stand_ins.runpod_queue import Pretence


@dataclass
class Property:
    """What a user has."""

    owner: ApiUser
    upload: str
    open_upload: str
    quote: str
    job: str
    input_url: str


@pytest.fixture
def ada(cloud: Cloud) -> Iterator[Property]:
    """A user with an upload that is complete, one that is not, a quote, and a job that waits."""
    cloud.runpod.pretend = lambda _job: Pretence(wait_s=3600)
    owner = cloud.new_user()
    upload = owner.upload(b"a video of ada", name="holiday.mp4")
    open_upload = done(owner.post("/uploads", DECLARED))["id"]
    task = {"task": "upscale", "upload_id": upload, "params": {}, "source": SOURCE}
    quote = done(owner.post("/quote", task))["id"]
    job = done(owner.debit(**task))
    yield Property(owner, upload, open_upload, quote, job["id"], job["links"]["input"])
    cloud.runpod.pretend = lambda _job: None


Try = Callable[[ApiUser, Property], list[requests.Response]]


ATTEMPTS: dict[Route, Try] = {
    Route("GET", "/uploads/{id}"): lambda bob, ada: [
        bob.get(f"/uploads/{ada.upload}"),
        bob.get(f"/uploads/{ada.open_upload}"),
    ],
    Route("POST", "/uploads/{id}/complete"): lambda bob, ada: [
        bob.post(f"/uploads/{ada.upload}/complete"),
        bob.post(f"/uploads/{ada.open_upload}/complete"),
    ],
    Route("DELETE", "/uploads/{id}"): lambda bob, ada: [
        bob.delete(f"/uploads/{ada.upload}"),
        bob.delete(f"/uploads/{ada.open_upload}"),
    ],
    Route("POST", "/quote"): lambda bob, ada: [
        bob.post("/quote", {"task": "upscale", "upload_id": ada.upload, "params": {}}),
        bob.post("/quote", {"task": "upscale", "input_url": ada.input_url, "params": {}}),
    ],
    Route("POST", "/debit"): lambda bob, ada: [
        bob.debit(quote_id=ada.quote),
        bob.debit(task="upscale", upload_id=ada.upload, params={}),
        bob.debit(task="upscale", input_url=ada.input_url, params={}),
        bob.debit(task="upscale", input_url=ada.input_url.split("?")[0], params={}),
    ],
    Route("GET", "/status/{id}"): lambda bob, ada: [bob.get(f"/status/{ada.job}")],
    Route("POST", "/cancel/{id}"): lambda bob, ada: [bob.post(f"/cancel/{ada.job}")],
    Route("GET", "/jobs/{id}/playlist"): lambda bob, ada: [bob.get(f"/jobs/{ada.job}/playlist")],
    Route("DELETE", "/jobs/{id}"): lambda bob, ada: [bob.delete(f"/jobs/{ada.job}")],
}
"""What a second user tries with what belongs to the first, route by route: each answer must be 404."""

OWN = {
    Route("GET", "/uploads"): lambda user: user.get("/uploads").json()["uploads"],
    Route("GET", "/jobs"): lambda user: user.get("/jobs").json()["jobs"],
    Route("GET", "/wallet"): lambda user: user.get("/wallet").json()["entries"],
}
"""The routes that list what belongs to a user."""

OF_NOBODY = {Route("POST", "/uploads"), Route("GET", "/models")}
"""The routes that take nothing that could be another user's."""


def test_each_route_is_tried_by_a_second_user() -> None:
    try:
        found = registered_routes()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    of_users = {route for route in found if route not in OPEN and not route.path.startswith("/admin/")}
    assert of_users == set(ATTEMPTS) | set(OWN) | OF_NOBODY


@pytest.mark.parametrize("route", ATTEMPTS, ids=str)
def test_a_second_user_finds_nothing(cloud: Cloud, ada: Property, route: Route) -> None:
    bob = cloud.new_user()
    nothing = Property(
        *(bob, "up_" + "0" * 32, "up_" + "0" * 32, "quote_" + "0" * 32, "job_" + "0" * 32),
        input_url=ada.input_url.replace(ada.upload, "up_" + "0" * 32),
    )
    before = state_of(cloud, ada)
    for answer, of_nothing in zip(ATTEMPTS[route](bob, ada), ATTEMPTS[route](bob, nothing), strict=True):
        assert answer.status_code == 404, answer.text
        assert answer.text == of_nothing.text, "the answer tells that it exists"
    assert state_of(cloud, ada) == before
    assert done(bob.get("/wallet"))["balance"] == 5_000_000


def state_of(cloud: Cloud, ada: Property) -> list[Any]:
    return [
        cloud.sql("SELECT * FROM uploads WHERE user_id = ?", ada.owner.id),
        cloud.sql("SELECT id, state, cancel_requested_at, deleted_at FROM jobs WHERE id = ?", ada.job),
        cloud.sql("SELECT * FROM entries WHERE user_id = ?", ada.owner.id),
        cloud.sql("SELECT * FROM wallets WHERE user_id = ?", ada.owner.id),
    ]


@pytest.mark.parametrize("route", OWN, ids=str)
def test_a_list_has_what_is_the_users_own(cloud: Cloud, ada: Property, route: Route) -> None:
    assert OWN[route](ada.owner)
    assert OWN[route](cloud.new_user(0)) == []


def test_object_keys_are_under_the_users_own_prefix(cloud: Cloud, ada: Property) -> None:
    rows = cloud.sql("SELECT object_key FROM uploads WHERE user_id = ?", ada.owner.id)
    rows += cloud.sql("SELECT output_key AS object_key FROM jobs WHERE user_id = ?", ada.owner.id)
    assert {row["object_key"].split("/")[1] for row in rows} == {ada.owner.id}
    assert not [row for row in rows if "holiday" in row["object_key"]], (
        "no key has the client's name of the file"
    )
