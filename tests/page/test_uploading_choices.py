"""Tests which files the page takes, how they are chosen, and how the videos that are there are listed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FileChooser, Page, expect

from tests.cloud.conftest import Cloud
from tests.cloud.upload_steps import start_upload, upload_row
from tests.page.test_uploading import begin, choose, wait_for_complete
from tests.page.upload_gate import gate_before
from tools.cloud.client import ApiUser

MARKUP = "<img src=x onerror=alert(1)>&amp;“<b>”.mp4"


def names(user: ApiUser) -> list[str]:
    return [upload["name"] for upload in user.get("/uploads").json()["uploads"]]


def drop(page: Page, name: str, content: bytes) -> None:
    """Drop a file on the page, as dragging one from the desktop does."""
    page.evaluate(
        """([name, bytes]) => {
          const files = new DataTransfer();
          files.items.add(new File([new Uint8Array(bytes)], name));
          const target = document.querySelector("main");
          const how = { dataTransfer: files, bubbles: true, cancelable: true };
          for (const type of ["dragover", "drop"]) target.dispatchEvent(new DragEvent(type, how));
        }""",
        [name, list(content)],
    )


def paste(page: Page, name: str, content: bytes) -> None:
    page.evaluate(
        """([name, bytes]) => {
          const files = new DataTransfer();
          files.items.add(new File([new Uint8Array(bytes)], name));
          document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: files, bubbles: true }));
        }""",
        [name, list(content)],
    )


@pytest.mark.parametrize("how", [drop, paste])
@pytest.mark.parametrize(
    ("name", "media_type"), [("clip.mkv", "video/x-matroska"), ("CLIP.MXF", "application/mxf")]
)
def test_a_file_is_taken_by_its_extension(
    cloud: Cloud, user: ApiUser, page: Page, how: object, name: str, media_type: str
) -> None:
    how(page, name, b"a video, as far as anybody can tell")  # type: ignore[operator]
    expect(page).to_have_url(re.compile(r"/#/uploads/up_[0-9a-f]{32}$"))
    upload_id = page.url.rpartition("/")[2]
    wait_for_complete(user, upload_id)
    row = upload_row(cloud, {"id": upload_id})
    assert (row["name"], row["content_type"]) == (name, media_type)


@pytest.fixture
def choosers(page: Page) -> list[FileChooser]:
    """The file dialogs that have been opened. The page is loaded again so that they are reported."""
    found: list[FileChooser] = []

    def note(chooser: FileChooser) -> None:
        found.append(chooser)

    page.on("filechooser", note)
    page.reload()
    expect(page.get_by_text("No videos yet.")).to_be_visible()
    return found


def test_the_button_opens_the_dialog_with_the_keyboard(page: Page, choosers: list[FileChooser]) -> None:
    page.get_by_role("button", name="Choose a video").press("Enter")
    wait_until(page, lambda: len(choosers) == 1)
    assert choosers[0].is_multiple()


def test_a_click_anywhere_in_the_zone_opens_the_dialog(page: Page, choosers: list[FileChooser]) -> None:
    box = page.locator(".drop-zone").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 20, box["y"] + box["height"] - 20)
    wait_until(page, lambda: len(choosers) == 1)


def wait_until(page: Page, true: Callable[[], bool]) -> None:
    for _ in range(300):
        if true():
            return
        page.wait_for_timeout(100)
    raise AssertionError


def test_what_is_no_video_is_refused_before_anything_is_sent(
    user: ApiUser, page: Page, tmp_path: Path
) -> None:
    for name, content in [("tracks.json", b"{}"), ("notes.txt", b"a"), ("empty.mp4", b"")]:
        (tmp_path / name).write_bytes(content)
    huge = tmp_path / "huge.mov"
    with huge.open("wb") as file:
        os.truncate(file.fileno(), 10 * 2**30 + 1)  # sparse: it takes no room
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    choose(page, *sorted(tmp_path.iterdir()))
    alerts = page.get_by_role("alert")
    expect(alerts).to_have_count(4)
    said = " ".join(alerts.all_inner_texts())
    assert "“tracks.json” is not a video" in said
    assert "“notes.txt” is not a video" in said
    assert "“empty.mp4” is empty" in said
    assert "“huge.mov” is 10.7 GB; a video may be at most 10 GiB" in said
    assert [line for line in asked if line.startswith(("POST", "PUT"))] == []
    assert names(user) == []


def test_several_files_are_sent_one_after_the_other(
    cloud: Cloud, user: ApiUser, page: Page, tmp_path: Path
) -> None:
    files = [tmp_path / f"{name}.mp4" for name in ("first", "second", "third")]
    for file in files:
        file.write_bytes(os.urandom(1000))
    with gate_before(cloud.door.door) as gate:
        choose(page, *files)
        expect(page.get_by_role("progressbar", name="Upload")).to_have_count(3)
        gate.wait_for(lambda: len(gate.asked) == 1, "the first")
        expect(page.get_by_text("It will be sent after the video before it.")).to_have_count(2)
        gate.let_in(1)
        gate.wait_for(lambda: len(gate.asked) == 2, "the second")
        gate.open()
        expect(page.get_by_role("progressbar", name="Upload")).to_have_count(0)
    uploads = user.get("/uploads").json()["uploads"]
    assert [(upload["name"], upload["state"]) for upload in uploads] == [
        (f"{name}.mp4", "complete") for name in ("third", "second", "first")
    ]


def test_markup_in_a_name_is_shown_as_text(user: ApiUser, page: Page) -> None:
    choose(page, {"name": MARKUP, "mimeType": "video/mp4", "buffer": b"a video"})
    expect(page).to_have_url(re.compile("/#/uploads/"))
    shown = names(user)[0]
    assert "onerror" in shown
    expect(page.get_by_role("heading", name=shown)).to_be_visible()
    page.get_by_role("navigation", name="Main").get_by_role("link").first.click()
    expect(page.get_by_role("link", name=shown)).to_be_visible()
    page.get_by_role("button", name=f"Delete {shown}").click()
    expect(page.get_by_role("dialog")).to_contain_text(shown)
    assert page.locator("main img, main b, dialog img").count() == 0


def test_the_same_file_goes_on_where_it_ended(
    cloud: Cloud, user: ApiUser, page: Page, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(os.urandom(1000))
    page.on("dialog", lambda dialog: dialog.accept())
    with gate_before(cloud.door.door) as gate:
        upload_id = begin(page, film)
        gate.wait_for(lambda: len(gate.asked) == 1, "the file is under way")
        page.goto("/")
        page.reload()
        expect(page.get_by_text("Unfinished")).to_be_visible()
        gate.open()
        assert begin(page, film) == upload_id
    wait_for_complete(user, upload_id)
    assert names(user) == ["film.mp4"]


def test_the_list_shows_what_is_there(user: ApiUser, page: Page) -> None:
    expect(page.get_by_text("No videos yet.")).to_be_visible()
    user.upload(b"x" * 2500, name="there.mov")
    user.upload(json.dumps([]).encode(), "application/json", name="tracks.json")
    begun = start_upload(user, 123_456_789, name="begun.mkv")
    page.reload()
    rows = page.get_by_role("region", name="Your videos").get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("begun.mkv")
    expect(rows.nth(0)).to_contain_text("123 MB · Unfinished · kept until")
    expect(rows.nth(1)).to_contain_text("2.50 kB · kept until")
    kept = user.get(f"/uploads/{begun['id']}").json()["kept_until"]
    stamp = rows.nth(0).locator("time").get_attribute("datetime") or ""
    assert page.evaluate("(text) => Date.parse(text)", stamp) == kept
    rows.nth(1).get_by_role("button", name="Delete there.mov").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(1)
    assert names(user) == ["begun.mkv", "tracks.json"]
    rows.nth(0).get_by_role("link", name="Continue").click()
    expect(page.get_by_text("Nothing has arrived yet: choose the file again to send it.")).to_be_visible()


def test_a_refusal_of_the_api_is_said_in_words(user: ApiUser, page: Page) -> None:
    for _ in range(100):
        start_upload(user, 4)
    choose(page, {"name": "one more.mp4", "mimeType": "video/mp4", "buffer": b"a video"})
    expect(page.get_by_role("alert")).to_contain_text("100 open uploads")
