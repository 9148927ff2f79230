"""Tests that settings come from the environment, as docs/settings.md says."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from orchestrator.environment import variables
from orchestrator.errors import BadRequest
from orchestrator.limits import Limits
from orchestrator.settings import Settings
from tools import settings_page
from tools.field_docs import field_docs

PAGE = (Path(__file__).resolve().parents[2] / "docs/settings.md").read_text()
VARIABLES = {**variables(Settings), **variables(Limits)}


def test_the_page_is_made_of_the_fields() -> None:
    assert settings_page.page() == PAGE, "run `make docs`"
    assert set(re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE)) == {one.name for one in VARIABLES.values()}


def test_every_setting_is_explained() -> None:
    assert VARIABLES.keys() <= field_docs(Settings).keys() | field_docs(Limits).keys()


@pytest.mark.parametrize(
    ("name", "default"),
    re.findall(r"^\| `(FRAMEWRIGHT_\w+)` \|.*\| (\d+)[^|]*\|$", PAGE, re.MULTILINE),
)
def test_a_number_on_the_page_is_the_default(
    name: str, default: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name, raising=False)
    unset = Settings.from_env()
    monkeypatch.setenv(name, default)
    assert Settings.from_env() == unset


TEXTS = {
    "seconds": ("12.5", 12.5, "-1"),
    "1 or 0": ("1", True, "yes"),
    "path": ("/a/../b", Path("/b"), None),
    "key": ("a-1_b", "a-1_b", "a b"),
    "text": ("some", "some", None),
    "hosts": ("A.example, b.example.", ("a.example", "b.example"), None),
    "networks": ("127.0.0.0/8", (ip_network("127.0.0.0/8"),), "here"),
}
"""For each unit but numbers: a text, its value, and a text that is refused."""


@pytest.mark.parametrize("field", VARIABLES)
def test_every_setting_is_read_from_its_variable(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = VARIABLES[field]
    text, value, bad = TEXTS.get(variable.unit, ("536870912", 536870912, "-1"))
    monkeypatch.setenv(variable.name, text)
    settings = Settings.from_env()
    assert getattr(settings if hasattr(settings, field) else settings.limits, field) == value
    if bad is not None:
        monkeypatch.setenv(variable.name, bad)
        with pytest.raises(BadRequest, match=variable.name):
            Settings.from_env()
