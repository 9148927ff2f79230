"""Checks that hold for every view of the page: axe-core, presigned URLs, layout shifts, sizes."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tools.cloud.wrangler_dev import PROJECT

SIGNATURE = "X-Amz-Signature"
"""The parameter that every presigned URL has."""

_AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"

_RUN_AXE = """async () => {
  // What is still fading in has little contrast.
  const ends = ({ effect }) => effect.getComputedTiming().endTime < Infinity;
  await Promise.allSettled(document.getAnimations().filter(ends).map(({ finished }) => finished));
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 150)).join(" | ")}`);
}"""

_KEPT = """async () => {
  const databases = {};
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((resolve, reject) => {
      const request = indexedDB.open(name);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    for (const store of database.objectStoreNames) {
      databases[`${name}/${store}`] = await new Promise((resolve, reject) => {
        const request = database.transaction(store).objectStore(store).getAll();
        request.onsuccess = () => resolve(JSON.stringify(request.result));
        request.onerror = () => reject(request.error);
      });
    }
    database.close();
  }
  const cached = await Promise.all((await caches.keys()).map(async (name) => {
    const requests = await (await caches.open(name)).keys();
    return requests.map(({ url }) => url);
  }));
  return {
    address: location.href,
    state: JSON.stringify(history.state),
    title: document.title,
    text: document.documentElement.innerText,
    attributes: Array.from(document.querySelectorAll("[title], [aria-label], [alt]"), (element) =>
      [element.title, element.ariaLabel, element.alt].join()).join(),
    local: JSON.stringify(localStorage),
    session: JSON.stringify(sessionStorage),
    cookies: document.cookie,
    name: window.name,
    databases: JSON.stringify(databases),
    caches: JSON.stringify(cached),
  };
}"""

_COUNT_SHIFTS = """
  window.layoutShift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layoutShift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
"""

_COUNT_VIOLATIONS = """
  window.policyViolations = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    window.policyViolations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
  });
"""


def axe_findings(page: Page) -> list[str]:
    """Return the serious and critical findings of axe-core about what is shown now."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(_AXE.read_text())
    findings: list[str] = page.evaluate(_RUN_AXE)
    return findings


def kept_by(page: Page) -> dict[str, str]:
    """Return what outlives a view, or can be read over a shoulder: address, history, storage and text."""
    kept: dict[str, str] = page.evaluate(_KEPT)
    session = page.context.new_cdp_session(page)
    kept["history"] = json.dumps(session.send("Page.getNavigationHistory"))
    session.detach()
    return kept


def presigned_urls(page: Page) -> list[str]:
    """Return the places where a presigned URL can be found, other than in attributes that load it."""
    return [place for place, text in kept_by(page).items() if SIGNATURE.lower() in text.lower()]


def count_violations(context: BrowserContext) -> None:
    """Let the pages of a context count what breaks their policy, for `policy_violations`."""
    context.add_init_script(_COUNT_VIOLATIONS)


def policy_violations(page: Page) -> list[str]:
    """Return what has broken the page's policy since it was loaded."""
    violations: list[str] = page.evaluate("window.policyViolations")
    return violations


def count_layout_shifts(context: BrowserContext) -> None:
    """Let the pages of a context count how far things jump, for `layout_shift`."""
    context.add_init_script(_COUNT_SHIFTS)


def layout_shift(page: Page) -> float:
    """Return the cumulative layout shift since the page was loaded: what moved without the user's doing."""
    return float(page.evaluate("window.layoutShift"))


def hidden_at_the_side(page: Page) -> int:
    """Return how many pixels the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def low_controls(page: Page) -> list[Any]:
    """Return what is to be pressed but is less than 44 px high, apart from links within a text."""
    low: list[Any] = page.evaluate(
        """() => Array.from(document.querySelectorAll("button, input, select, summary, a"))
          .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
          .filter((element) => getComputedStyle(element).display !== "inline")
          .filter((element) => !element.closest(".visually-hidden, label"))
          .map((element) => {
            // A link may cover the row that it stands in.
            const covers = getComputedStyle(element, "::after").position === "absolute";
            const { height } = (covers ? element.offsetParent : element).getBoundingClientRect();
            return [element.outerHTML.slice(0, 120), height];
          })
          .filter(([, height]) => height < 44)"""
    )
    return low
