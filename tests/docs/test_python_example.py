"""Tests the Python example of the README and the names that the package exports."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator
from tools.fixtures.clips import make_clip

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_of_the_readme_upscales(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert "from orchestrator import Settings, UpscaleParams, Worker\n" in example
    (tmp_path / "examples").mkdir()
    (tmp_path / "out").mkdir()
    make_clip(tmp_path / "examples" / "sample.mp4", 3)
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "python.mp4").exists()


@pytest.mark.parametrize("name", orchestrator.__all__)
def test_each_public_name_is_found(name: str) -> None:
    assert getattr(orchestrator, name).__name__ == name


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        orchestrator.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_the_package_itself_imports_nothing() -> None:
    code = "import sys, orchestrator; sys.exit(any(m.startswith('orchestrator.') for m in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)
