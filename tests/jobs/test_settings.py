"""Settings come from the environment, as docs/settings.md says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.errors import BadRequest
from orchestrator.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"\bFRAMEWRIGHT_[A-Z0-9_]+|\b(?:WEIGHTS_DIR|MODEL_REPOSITORY|TRITON_URL)\b")


def test_the_page_has_all_of_them_and_no_others() -> None:
    source = (ROOT / "orchestrator/settings.py").read_text()
    assert set(NAME.findall((ROOT / "docs/settings.md").read_text())) == set(NAME.findall(source))


@pytest.mark.parametrize(
    ("name", "default"),
    re.findall(
        r"^\| `(FRAMEWRIGHT_\w+)` \|.*\| (\d+)[^|]*\|$", (ROOT / "docs/settings.md").read_text(), re.MULTILINE
    ),
)
def test_a_number_on_the_page_is_the_default(
    name: str, default: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name, raising=False)
    unset = Settings.from_env()
    monkeypatch.setenv(name, default)
    if "GiB" not in _row(name):
        assert Settings.from_env() == unset
    monkeypatch.setenv(name, "-1")
    with pytest.raises(BadRequest, match=name):
        Settings.from_env()


def _row(name: str) -> str:
    lines = (ROOT / "docs/settings.md").read_text().splitlines()
    return next(line for line in lines if f"`{name}`" in line)
