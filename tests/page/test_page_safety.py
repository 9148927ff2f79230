"""Tests that the page runs no script but its own, keeps no presigned URL, and takes no name for markup."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from tests.cloud.conftest import Cloud
from tests.page.conftest import sign_in
from tests.page.furnished import MARKUP, Furnished, furnish_with_results
from tests.page.page_checks import SIGNATURE, count_violations, policy_violations, presigned_urls
from tools.cloud.client import ApiUser


def test_the_document_has_a_strict_policy(cloud: Cloud) -> None:
    answer = requests.get(f"{cloud.url}/", timeout=30)
    assert answer.ok
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' data: blob: {cloud.door.endpoint}",
        "media-src": f"blob: {cloud.door.endpoint}",
        "connect-src": f"'self' {cloud.door.endpoint}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    headers = {name: answer.headers[name] for name in ("Referrer-Policy", "X-Content-Type-Options")}
    assert headers == {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
    assert "<style" not in answer.text
    assert "<script>" not in answer.text
    assert " on" not in answer.text.split("<body>")[1].lower().replace(" on ", " ")


ATTEMPTS = {
    "inline script": """() => {
      const script = document.createElement("script");
      script.append("window.broken = true");
      document.body.append(script);
    }""",
    "script of another origin": """() => {
      const script = document.createElement("script");
      script.setAttribute("src", "http://127.0.0.1:9/x.js");
      document.body.append(script);
    }""",
    "handler in an attribute": """() => {
      const button = document.createElement("button");
      button.setAttribute("onclick", "window.broken = true");
      document.body.append(button);
      button.click();
    }""",
    "inline style": """() => {
      const style = document.createElement("style");
      style.append("body { display: none }");
      document.body.append(style);
    }""",
    "markup": """() => { document.body.innerHTML = "<img src=x onerror='window.broken = true'>"; }""",
    "picture of another origin": """() => { new Image().src = "http://127.0.0.1:9/x.png"; }""",
    "request to another origin": """() => fetch("http://127.0.0.1:9/x")""",
    "code in a string": """() => setTimeout("window.broken = true")""",
    "form": """() => {
      const form = document.createElement("form");
      form.action = "http://127.0.0.1:9/x";
      document.body.append(form);
      form.submit();
    }""",
    "frame": """() => {
      const frame = document.createElement("iframe");
      frame.setAttribute("src", "http://127.0.0.1:9/x");
      document.body.append(frame);
    }""",
}


@pytest.fixture
def attacked(cloud: Cloud, browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile whose pages may break their policy."""
    context = browser.new_context(base_url=cloud.url)
    count_violations(context)
    yield context
    context.close()


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_nothing_but_its_own_files_runs_on_the_page(attacked: BrowserContext, attempt: str) -> None:
    page = attacked.new_page()
    page.goto("/")
    expect(page.get_by_label("API key")).to_be_visible()
    assert policy_violations(page) == []
    page.evaluate(f"async () => {{ try {{ await ({attempt})(); }} catch {{}} }}")
    page.wait_for_function("() => window.policyViolations.length > 0")  # they are reported a while later
    page.wait_for_timeout(200)
    assert len(policy_violations(page)) == 1
    assert page.evaluate("[window.broken, document.querySelectorAll('input').length]") == [None, 1]


def test_inline_scripts_in_the_document_do_not_run(attacked: BrowserContext) -> None:
    page = attacked.new_page()

    def inject(route: Route) -> None:
        answer = route.fetch()
        attack = "<body><script>window.broken = 1</script><img src='data:,' onerror='window.broken = 2'>"
        route.fulfill(response=answer, body=answer.text().replace("<body>", attack))

    page.route("**/", inject)
    page.goto("/")
    expect(page.get_by_label("API key")).to_be_visible()
    broken = sorted(violation.split()[0] for violation in policy_violations(page))
    assert broken == ["script-src-attr", "script-src-elem"]
    assert page.evaluate("window.broken") is None


def test_no_view_breaks_the_policy_or_shows_a_presigned_url(
    cloud: Cloud, context: BrowserContext, user: ApiUser
) -> None:
    furnished = furnish_with_results(cloud, user)
    count_violations(context)
    page = context.new_page()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - playwright cannot mark a method
    page.goto("/")
    sign_in(page, user)
    for fragment in fragments(furnished):
        page.goto(f"/{fragment}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("main .skeleton")).to_have_count(0)
        assert presigned_urls(page) == [], fragment
        assert policy_violations(page) == [], fragment
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert presigned_urls(page) == [], fragment
    # Nothing but the API and the bucket was asked for anything, and neither heard where a request came from.
    origins = {
        request.url.split("/", 3)[2] for request in asked if not request.url.startswith(("data", "blob"))
    }
    assert origins <= {cloud.url.split("/")[2], cloud.door.endpoint.split("/")[2]}
    assert not any(request.headers.get("referer") for request in asked)
    assert any(SIGNATURE in request.url for request in asked), (
        "no presigned URL was used, so nothing was tested"
    )


def fragments(furnished: Furnished) -> list[str]:
    """Return the fragments of all views."""
    jobs = [f"#/jobs/{job}" for job in furnished.jobs.values()]
    return ["#/", f"#/uploads/{furnished.upload}", "#/jobs", *jobs, "#/wallet", "#/nowhere"]


def test_names_with_markup_are_shown_as_text(cloud: Cloud, context: BrowserContext, user: ApiUser) -> None:
    furnished = furnish_with_results(cloud, user)
    marked = user.upload(b"not a video", name=MARKUP)
    page = context.new_page()
    page.on("dialog", lambda _dialog: (_ for _ in ()).throw(AssertionError("a script of a name has run")))
    page.goto("/")
    sign_in(page, user)
    for fragment in ["#/", f"#/uploads/{marked}", "#/jobs", f"#/jobs/{furnished.jobs['failed']}"]:
        page.goto(f"/{fragment}")
        expect(page.get_by_text(MARKUP).first).to_be_visible()
        assert made_of_markup(page) == [], fragment
    page.goto(f"/#/jobs/{furnished.jobs['tracked']}")
    expect(page.get_by_role("list", name="Tracks")).to_contain_text(MARKUP)
    assert made_of_markup(page) == []
    page.goto(f"/#/jobs/{furnished.jobs['failed']}")
    page.get_by_text("What the worker reported").click()
    expect(page.get_by_text("The file is damaged <b>here</b>")).to_be_visible()
    assert made_of_markup(page) == []


def made_of_markup(page: Page) -> list[str]:
    """Return the elements that only the markup in a name could have made."""
    made: list[str] = page.locator("b, img[onerror], [src='x']").evaluate_all(
        "(elements) => elements.map((element) => element.outerHTML)"
    )
    return made
