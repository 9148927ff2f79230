"""Tests that the files, tests and headings that the pages name exist."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("model_repository/*/*.md"),
        *ROOT.glob("weights/*.md"),
    ]
)
HISTORY = {"CHANGELOG.md"}
"""Pages that may name files that are gone."""

PREFIXES = ("", "orchestrator/", "orchestrator/media/", "training/lite_detector/", "training/lite_sr/")
NAMED_TESTS = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (ROOT / "docs" / "features.md").read_text())


def test_the_features_page_names_tests() -> None:
    assert len(NAMED_TESTS) > 40


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED_TESTS}))
def test_every_test_that_the_features_page_names_exists(file: str) -> None:
    (path,) = ROOT.glob(f"tests/*/{file}")
    defined = {
        node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)
    }
    assert {name for named, name in NAMED_TESTS if named == file} <= defined


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in HISTORY], ids=lambda page: page.stem
)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = set(
        re.findall(r"`([\w.*/-]+\.(?:py|toml|sh|hcl|yaml|pbtxt|pth|md))(?:::\w+)?`", page.read_text())
    )
    assert {name for name in named if not _exists(name)} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not target.startswith("http"):
            file, _, anchor = target.partition("#")
            path = (page.parent / file).resolve() if file else page
            assert path.exists(), target
            assert not anchor or anchor in _anchors(path), target


def _exists(name: str) -> bool:
    if "/" in name:
        return any(list(ROOT.glob(prefix + name)) for prefix in PREFIXES)
    return name in _file_names()


@functools.cache
def _file_names() -> set[str]:
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return {
        path.name for folder in [ROOT, *folders] for path in folder.glob("*" if folder == ROOT else "**/*")
    }


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_architecture_page_has_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {path.stem for path in (ROOT / "orchestrator").iterdir()} - {"__init__", "__pycache__"}
    assert {room for room in rooms if f"`{room}`" not in page} == set()
