"""Takes the pictures of docs/page.md with the real worker and the sample clip: `make screenshots`."""

from __future__ import annotations

import sys

from playwright.sync_api import expect

from tools.page_pictures.studio import (
    PHONE_PX,
    SAMPLE,
    SCALE,
    ChromiumMissing,
    Studio,
    opened,
    save,
    save_part,
    signed_in,
)

NOT_A_VIDEO = b"This is a text, whatever its name says. " * 100


def main() -> int:
    """Make all pictures, and return the exit status."""
    try:
        with opened() as studio:
            take_all(studio)
    except ChromiumMissing as missing:
        sys.stderr.write(f"error: {missing}\n")
        return 1
    return 0


def take_all(studio: Studio) -> None:
    """Take the pictures in the order in which a user sees the views."""
    take_signing_in(studio)
    clip = studio.upload("sample.mp4", SAMPLE.read_bytes())
    take_orders(studio, clip)
    upscale = take_running_job(studio, clip)
    track = studio.start(clip, "track", classes=["person"], confidence=0.4)
    broken = studio.start(studio.upload("holiday.mov", NOT_A_VIDEO), "upscale")
    for job in (upscale, track, broken):
        studio.ended(job)
    take_upscale(studio, upscale)
    take_tracks(studio, track)
    export = take_follow(studio, clip)
    take_export(studio, export)
    take_error(studio, broken)
    cancelled = studio.start(clip, "upscale")
    studio.until(cancelled, lambda job: job["state"] == "running")
    studio.user.post(f"/cancel/{cancelled}")
    studio.ended(cancelled)
    take_lists(studio)
    take_dark_and_phone(studio, upscale, track)


def take_signing_in(studio: Studio) -> None:
    """Take the form for signing in."""
    context = studio.browser.new_context(
        viewport={"width": 1100, "height": 620}, device_scale_factor=SCALE, locale="en-US"
    )
    page = context.new_page()
    page.goto(f"{studio.service.api.url}/")
    page.get_by_label("API key").wait_for()
    save(page, "sign-in")
    context.close()


def take_orders(studio: Studio, clip: str) -> None:
    """Take the start, and the set-up of each task."""
    page = studio.show("#/")
    page.get_by_text("sample.mp4").wait_for()
    save(page, "start")
    page = studio.show(f"#/uploads/{clip}")
    start = page.get_by_role("button", name="Start upscaling")
    expect(start).to_be_enabled()
    save(page, "order-upscale")
    page.get_by_role("radio", name="Track").check()
    expect(page.get_by_role("button", name="Start tracking")).to_be_enabled()
    save(page, "order-track")
    page.get_by_role("radio", name="Export").check()
    page.get_by_role("radio", name="9:16").check()
    page.get_by_label("Position").fill("40")
    expect(page.get_by_role("button", name="Start the export")).to_be_enabled()
    save(page, "order-export")
    page.get_by_role("radio", name="Move along a path").check()
    crop = page.locator("[aria-label^='Crop box']")
    for frame, key, presses in ((40, "ArrowLeft", 6), (75, "ArrowRight", 9)):
        page.get_by_label("Position").fill(str(frame))
        crop.focus()
        for _ in range(presses):
            page.keyboard.press(f"Shift+{key}")
    page.get_by_label("Position").fill("60")
    expect(page.get_by_role("button", name="Start the export")).to_be_enabled()
    save(page, "order-path")
    page.get_by_role("radio", name="Fixed").check()


def take_running_job(studio: Studio, clip: str) -> str:
    """Start the upscale on the page, and return the id of the job."""
    page = studio.show(f"#/uploads/{clip}")
    page.get_by_role("radio", name="Upscale").check()
    page.get_by_role("button", name="Start upscaling").click()
    page.wait_for_url("**/#/jobs/job_*")
    job = page.url.rsplit("/", 1)[1]
    studio.until(job, lambda seen: ((seen["progress"] or {}).get("percent") or 0) > 30)
    page.wait_for_timeout(2000)
    save(page, "running", height_px=400)
    return job


def take_upscale(studio: Studio, job: str) -> None:
    """Take the comparison of source and output: the whole picture, and its pixels."""
    page = studio.show(f"#/jobs/{job}")
    page.get_by_label("Divider between before and after").wait_for()
    page.get_by_label("Position").fill("45")
    page.wait_for_timeout(1500)
    save(page, "before-after", height_px=960)
    save_part(page.get_by_role("region", name="How close it is to the source"), "fidelity")
    page.get_by_role("radio", name="2:1").check()
    page.wait_for_timeout(1000)
    save(page, "before-after-pixels", height_px=960)


def take_tracks(studio: Studio, job: str) -> None:
    """Take the tracks over the video."""
    page = studio.show(f"#/jobs/{job}")
    page.get_by_role("button", name="Follow person").first.wait_for()
    page.get_by_label("Position").fill("45")
    page.wait_for_timeout(1500)
    save(page, "tracks")


def take_follow(studio: Studio, clip: str) -> str:
    """Set up an export that follows the main subject, and return the id of its job."""
    page = studio.show(f"#/uploads/{clip}")
    page.get_by_role("radio", name="Export").check()
    page.get_by_role("radio", name="Follow a person").check()
    page.get_by_role("button", name="Follow the main subject").click()
    start = page.get_by_role("button", name="Start the export")
    expect(start).to_be_enabled()
    save(page, "order-follow")
    start.click()
    page.wait_for_url("**/#/jobs/job_*")
    job = page.url.rsplit("/", 1)[1]
    studio.ended(job)
    return job


def take_export(studio: Studio, job: str) -> None:
    """Take the result of an export."""
    page = studio.show(f"#/jobs/{job}")
    page.get_by_role("button", name="Download the video").wait_for()
    page.wait_for_timeout(2000)
    page.get_by_label("Position").fill("50")
    page.wait_for_timeout(1500)
    save(page, "export-result")


def take_error(studio: Studio, job: str) -> None:
    """Take a job that failed, and cost nothing or little."""
    page = studio.show(f"#/jobs/{job}")
    page.get_by_text("charged").first.wait_for()
    save(page, "error")


def take_lists(studio: Studio) -> None:
    """Take the history of jobs, and the wallet."""
    page = studio.show("#/jobs")
    page.get_by_text("holiday.mov").wait_for()
    save(page, "history")
    page = studio.show("#/wallet")
    page.get_by_text("Available").wait_for()
    save(page, "wallet", height_px=900)


def take_dark_and_phone(studio: Studio, upscale: str, track: str) -> None:
    """Take a view in dark colours, and one on a phone."""
    dark = signed_in(studio.service, studio.browser, studio.user, color_scheme="dark")
    dark.goto(f"{studio.service.api.url}/#/jobs/{upscale}")
    dark.get_by_label("Divider between before and after").wait_for()
    dark.get_by_label("Position").fill("45")
    dark.wait_for_timeout(1500)
    save(dark, "dark", height_px=960)
    width, height = PHONE_PX
    phone = signed_in(
        studio.service,
        studio.browser,
        studio.user,
        viewport={"width": width, "height": height},
        is_mobile=True,
    )
    phone.goto(f"{studio.service.api.url}/#/jobs/{track}")
    phone.get_by_role("button", name="Follow person").first.wait_for()
    phone.get_by_label("Position").fill("45")
    phone.wait_for_timeout(1500)
    save(phone, "phone", height_px=height)


if __name__ == "__main__":
    sys.exit(main())
