"""Tests that the page uploads a video: with progress, a pause, a reload, two tabs and no network."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Dialog, Locator, Page, expect

from tests.cloud.conftest import Cloud
from tests.cloud.upload_steps import SINGLE_PUT_BYTES, open_multiparts, stored_sha256, upload_row
from tests.page.page_checks import axe_findings, kept_by, presigned_urls
from tests.page.upload_gate import UploadGate, gate_before
from tools.cloud.client import ApiUser
from tools.stand_ins.s3_signature import S3Error

PARTS = 5
SIZE = (PARTS - 1) * SINGLE_PUT_BYTES + 1000


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A file of five parts; nobody looks into it."""
    path = tmp_path / "film.mp4"
    path.write_bytes(os.urandom(100_000) * (SIZE // 100_000 + 1))
    os.truncate(path, SIZE)
    return path


@pytest.fixture
def gate(cloud: Cloud) -> Iterator[UploadGate]:
    with gate_before(cloud.door.door) as gate:
        yield gate


def choose(page: Page, *files: Path | dict[str, Any]) -> None:
    """Choose files in the page's file dialog."""
    page.locator("input[type=file]").set_input_files(list(files))  # type: ignore[arg-type]


def begin(page: Page, film: Path) -> str:
    """Start to upload a video; return the id of the upload, whose view is shown."""
    choose(page, film)
    expect(page).to_have_url(re.compile(r"/#/uploads/up_[0-9a-f]{32}$"))
    return page.url.rpartition("/")[2]


def bar(page: Page) -> Locator:
    return page.get_by_role("progressbar", name="Upload")


def percent(page: Page) -> int:
    return int(bar(page).get_attribute("aria-valuenow") or -1)


def wait_for_complete(user: ApiUser, upload_id: str) -> None:
    deadline = time.monotonic() + 60
    while user.get(f"/uploads/{upload_id}").json()["state"] != "complete":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def assert_same_bytes(cloud: Cloud, upload_id: str, film: Path) -> None:
    assert stored_sha256(cloud, {"id": upload_id}) == hashlib.sha256(film.read_bytes()).hexdigest()


def accept_dialogs(page: Page) -> list[str]:
    """Answer yes to the browser's questions; return the list of their kinds, which grows."""
    kinds: list[str] = []

    def accept(dialog: Dialog) -> None:
        kinds.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    return kinds


def test_a_video_is_uploaded_in_parts_with_progress(
    cloud: Cloud, page: Page, film: Path, gate: UploadGate
) -> None:
    upload_id = begin(page, film)
    expect(page.get_by_text("film.mp4").first).to_be_visible()
    seen = [percent(page)]
    gate.let_in(2)
    gate.wait_for(lambda: len(gate.arrived) == 2, "two parts")
    expect(bar(page)).to_have_attribute("aria-valuenow", re.compile(r"^([4-9]\d|100)$"))
    seen.append(percent(page))
    gate.open()
    expect(page.get_by_text("The upload is complete.")).to_be_visible()
    seen.append(percent(page))
    assert seen[0] < seen[1] < seen[2] == 100
    assert seen[1] >= 40
    assert sorted(gate.asked) == [1, 2, 3, 4, 5]
    assert_same_bytes(cloud, upload_id, film)
    assert upload_row(cloud, {"id": upload_id})["state"] == "complete"


def test_a_small_video_is_sent_in_one_request(
    cloud: Cloud, user: ApiUser, page: Page, tmp_path: Path, gate: UploadGate
) -> None:
    gate.open()
    small = tmp_path / "Small.MKV"
    small.write_bytes(os.urandom(30_000))
    upload_id = begin(page, small)
    wait_for_complete(user, upload_id)
    assert gate.asked == [1]
    assert_same_bytes(cloud, upload_id, small)
    head = cloud.door.head(upload_row(cloud, {"id": upload_id})["object_key"])
    assert head["ContentType"] == "video/x-matroska"


def test_a_pause_stops_the_bytes_and_keeps_what_has_arrived(
    cloud: Cloud, user: ApiUser, page: Page, film: Path, gate: UploadGate
) -> None:
    upload_id = begin(page, film)
    gate.let_in(1)
    gate.wait_for(lambda: len(gate.asked) == 4, "the fourth part is under way")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("What has arrived is kept.")).to_be_visible()
    before = list(gate.asked)
    gate.let_in(3)  # what was under way either arrives whole, or was cut off
    gate.wait_for(lambda: len(gate.ended) == 4, "the end of what was under way")
    time.sleep(1.5)
    assert gate.asked == before
    arrived = set(user.get(f"/uploads/{upload_id}").json()["uploaded"])
    assert arrived
    assert arrived <= set(before)
    page.get_by_role("button", name="Resume").click()
    gate.open()
    expect(page.get_by_text("The upload is complete.")).to_be_visible()
    assert set(gate.asked[len(before) :]) == {1, 2, 3, 4, 5} - arrived
    assert_same_bytes(cloud, upload_id, film)


def test_after_a_reload_only_the_missing_parts_are_sent(
    cloud: Cloud, user: ApiUser, page: Page, film: Path, gate: UploadGate
) -> None:
    kinds = accept_dialogs(page)
    upload_id = begin(page, film)
    gate.let_in(2)
    gate.wait_for(lambda: len(gate.asked) == 5, "two parts have arrived, and three are under way")
    page.reload()
    expect(
        page.get_by_text(re.compile(r"^\d+ % has arrived: choose the same file to continue"))
    ).to_be_visible()
    assert kinds in ([], ["beforeunload"])  # Chromium asks only people who have used the page
    gate.let_in(3)
    gate.wait_for(lambda: len(gate.ended) == 5, "the end of what was under way")
    uploaded = user.get(f"/uploads/{upload_id}").json()["uploaded"]
    assert 2 <= len(uploaded) < PARTS
    before = len(gate.asked)
    gate.open()
    choose(page, film)
    expect(page.get_by_text("The upload is complete.")).to_be_visible()
    assert sorted(gate.asked[before:]) == sorted({1, 2, 3, 4, 5} - set(uploaded))
    assert_same_bytes(cloud, upload_id, film)
    assert open_multiparts(cloud, user) == []


@pytest.mark.parametrize("parts", [1, PARTS])
def test_a_reload_before_the_end_is_confirmed_needs_no_file(
    cloud: Cloud, page: Page, film: Path, gate: UploadGate, parts: int
) -> None:
    if parts == 1:
        os.truncate(film, 1000)
    accept_dialogs(page)
    page.route("**/complete", lambda route: route.abort())
    upload_id = begin(page, film)
    gate.open()
    gate.wait_for(lambda: len(gate.arrived) == parts, "everything")
    page.reload()
    expect(page.get_by_role("button", name="Choose the file")).to_be_visible()
    page.unroute("**/complete")
    expect(page.get_by_text("The upload is complete.")).to_be_visible()
    assert len(gate.asked) == parts
    assert upload_row(cloud, {"id": upload_id})["state"] == "complete"
    assert_same_bytes(cloud, upload_id, film)


def test_another_file_is_refused_in_plain_words(
    user: ApiUser, page: Page, film: Path, tmp_path: Path, gate: UploadGate
) -> None:
    accept_dialogs(page)
    upload_id = begin(page, film)
    gate.let_in(1)
    gate.wait_for(lambda: len(gate.arrived) == 1, "one part")
    page.reload()
    expect(page.get_by_role("button", name="Choose the file")).to_be_visible()
    before = list(gate.asked)
    alert = page.get_by_role("alert")

    choose(page, {"name": "other.mp4", "mimeType": "video/mp4", "buffer": b"x" * 1000})
    expect(alert).to_contain_text("This upload is of “film.mp4”, and you chose “other.mp4”.")
    choose(page, {"name": "film.mp4", "mimeType": "video/mp4", "buffer": b"x" * 1000})
    expect(alert).to_contain_text("a different size than before: 1.00 kB instead of 33.6 MB")
    changed = tmp_path / "changed" / "film.mp4"
    changed.parent.mkdir()
    changed.write_bytes(film.read_bytes())
    os.utime(changed, (1_000_000_000, 1_000_000_000))
    choose(page, changed)
    expect(alert).to_contain_text("was changed after the upload began")
    assert gate.asked == before
    assert user.get(f"/uploads/{upload_id}").json()["state"] == "open"


def test_an_upload_outlives_a_network_that_is_gone(
    cloud: Cloud, user: ApiUser, page: Page, film: Path, gate: UploadGate
) -> None:
    upload_id = begin(page, film)
    gate.let_in(1)
    gate.wait_for(lambda: len(gate.arrived) == 1, "one part")
    page.context.set_offline(True)
    expect(page.get_by_text("The upload continues when it is back.")).to_be_visible()
    gate.open()
    time.sleep(5)
    assert user.get(f"/uploads/{upload_id}").json()["state"] == "open"
    page.context.set_offline(False)
    expect(page.get_by_text("The upload is complete.")).to_be_visible()
    assert_same_bytes(cloud, upload_id, film)


def test_the_upload_goes_on_in_other_views(
    cloud: Cloud, user: ApiUser, page: Page, film: Path, gate: UploadGate
) -> None:
    upload_id = begin(page, film)
    navigation = page.get_by_role("navigation", name="Main")
    navigation.get_by_role("link", name="Jobs").click()
    gate.let_in(3)
    gate.wait_for(lambda: len(gate.arrived) == 3, "three parts")
    navigation.get_by_role("link", name="Wallet").click()
    gate.open()
    wait_for_complete(user, upload_id)
    assert_same_bytes(cloud, upload_id, film)


def test_a_second_tab_follows_and_takes_over(
    cloud: Cloud, context: BrowserContext, page: Page, film: Path, gate: UploadGate
) -> None:
    upload_id = begin(page, film)
    gate.let_in(2)
    gate.wait_for(lambda: len(gate.asked) == 5, "two parts have arrived")
    second = context.new_page()
    second.goto(f"/#/uploads/{upload_id}")
    expect(second.get_by_text("Another tab is sending this video")).to_be_visible()
    expect(second.get_by_role("button", name="Choose the file")).to_have_count(0)
    expect(bar(second)).not_to_have_attribute("aria-valuenow", "0")
    page.close()
    expect(second.get_by_role("button", name="Choose the file")).to_be_visible()
    gate.open()
    choose(second, film)
    expect(second.get_by_text("The upload is complete.")).to_be_visible()
    assert_same_bytes(cloud, upload_id, film)


def test_a_second_tab_sees_the_end(
    user: ApiUser, context: BrowserContext, page: Page, film: Path, gate: UploadGate
) -> None:
    upload_id = begin(page, film)
    second = context.new_page()
    second.goto(f"/#/uploads/{upload_id}")
    expect(second.get_by_text("Another tab is sending this video")).to_be_visible()
    gate.open()
    wait_for_complete(user, upload_id)
    expect(second.get_by_text("The upload is complete.")).to_be_visible()


def test_urls_that_have_expired_are_replaced(cloud: Cloud, page: Page, film: Path, gate: UploadGate) -> None:
    gate.refusals.extend(S3Error(403, "AccessDenied", "Request has expired") for _ in range(3))
    gate.open()
    upload_id = begin(page, film)
    expect(page.get_by_text("The upload is complete.")).to_be_visible()
    assert len(gate.asked) == PARTS + 3
    assert_same_bytes(cloud, upload_id, film)


def test_a_busy_storage_is_asked_again(cloud: Cloud, page: Page, film: Path, gate: UploadGate) -> None:
    gate.refusals.extend(S3Error(503, "SlowDown", "Please reduce your request rate.") for _ in range(4))
    gate.completions.extend(S3Error(503, "SlowDown", "Please reduce your request rate.") for _ in range(4))
    gate.open()
    upload_id = begin(page, film)
    expect(page.get_by_text("The upload is complete.")).to_be_visible()
    assert not gate.completions
    assert_same_bytes(cloud, upload_id, film)


def test_an_upload_that_is_deleted_elsewhere_says_so(
    user: ApiUser, page: Page, film: Path, gate: UploadGate
) -> None:
    upload_id = begin(page, film)
    gate.wait_for(lambda: len(gate.asked) == 3, "three parts are under way")
    assert user.delete(f"/uploads/{upload_id}").status_code == 204
    gate.open()
    expect(page.get_by_role("alert").first).to_contain_text("This video is no longer there")


def test_deleting_ends_the_upload(
    cloud: Cloud, user: ApiUser, page: Page, film: Path, gate: UploadGate
) -> None:
    upload_id = begin(page, film)
    gate.wait_for(lambda: len(gate.asked) == 3, "three parts are under way")
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete this video?")
    dialog.get_by_role("button", name="Keep it").click()
    assert user.get(f"/uploads/{upload_id}").status_code == 200
    page.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Start with a video")).to_be_visible()
    assert user.get(f"/uploads/{upload_id}").status_code == 404
    assert open_multiparts(cloud, user) == []
    gate.open()
    time.sleep(1)
    assert len(gate.asked) == 3


@pytest.mark.usefixtures("gate")
def test_leaving_the_page_asks_only_while_something_is_sent(page: Page, film: Path) -> None:
    kinds = accept_dialogs(page)
    begin(page, film)
    page.get_by_role("heading", name="film.mp4").click()  # Chromium asks only people who have used the page
    page.reload()
    assert kinds == ["beforeunload"]
    page.get_by_role("heading", name="film.mp4").click()
    page.reload()
    assert kinds == ["beforeunload"]
    choose(page, film)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("What has arrived is kept.")).to_be_visible()
    page.reload()
    assert kinds == ["beforeunload"]


def test_signing_out_stops_the_upload(page: Page, film: Path, gate: UploadGate) -> None:
    begin(page, film)
    gate.wait_for(lambda: len(gate.asked) == 3, "three parts are under way")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    gate.open()
    time.sleep(1)
    assert len(gate.asked) == 3
    assert page.evaluate("() => localStorage.length") == 0


def test_urls_stay_out_of_the_address_and_the_storage(page: Page, film: Path, gate: UploadGate) -> None:
    begin(page, film)
    gate.wait_for(lambda: len(gate.asked) == 3, "three parts are under way")
    assert "film.mp4" in kept_by(page)["local"]
    assert presigned_urls(page) == []


def test_an_upload_is_accessible_in_each_of_its_states(page: Page, film: Path, gate: UploadGate) -> None:
    accept_dialogs(page)
    begin(page, film)
    gate.wait_for(lambda: len(gate.asked) == 3, "three parts are under way")
    assert axe_findings(page) == []
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("What has arrived is kept.")).to_be_visible()
    assert axe_findings(page) == []
    page.reload()
    expect(page.get_by_role("button", name="Choose the file")).to_be_visible()
    choose(page, {"name": "other.mp4", "mimeType": "video/mp4", "buffer": b"x"})
    expect(page.get_by_role("alert")).to_be_visible()
    assert axe_findings(page) == []
