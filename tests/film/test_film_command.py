"""Tests `framewright film` with real processes: many workers, resuming, two drivers, a scheduler."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import psutil
import pytest

from orchestrator.errors import BadRequest
from orchestrator.film_driver.cluster import connected
from orchestrator.triton.server import TritonServer
from tests.support.command import Ended, assert_bad_inputs_are_refused, assert_refused, framewright
from tests.support.film import Journal, film_clip, film_of_one_process
from tools.fixtures import clips
from tools.stand_ins.processes import COMMAND, environment, family

SEGMENTS = 6
EXPORT = ("--task", "export", "--segments", SEGMENTS)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film_clip(tmp_path_factory.mktemp("clip") / "in.mp4", SEGMENTS)


@pytest.fixture(scope="module")
def expected(clip: Path) -> bytes:
    return film_of_one_process(clip, clip.with_name("one.mp4"), SEGMENTS).read_bytes()


def pieces_of(out: Path) -> Path:
    return out.with_name(f"{out.name}.pieces")


def started(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, "film", *map(str, arguments)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def press_ctrl_c(driver: subprocess.Popen[str]) -> None:
    """Send SIGINT to the driver and its workers, as a terminal does."""
    os.killpg(driver.pid, signal.SIGINT)


def until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(12_000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(what)


def test_the_film_of_two_workers_is_that_of_one_process(clip: Path, expected: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    ended = framewright("film", clip, out, *EXPORT, "--workers", 2)
    assert ended.code == 0, ended
    assert out.read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert "out.mp4: 60 frames, 96x64, 2.40 s of video" in ended.out
    assert "from 6 pieces" in ended.out
    assert "exporting in.mp4" in ended.err
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) == SEGMENTS * 10


def test_an_upscaled_film_with_one_triton_for_all_workers(
    clip: Path, tmp_path: Path, triton: TritonServer
) -> None:
    out = tmp_path / "out.mp4"
    upscale = ("--model", "nearest-x4", "--segments", 3, "--workers", 2, "--json")
    ended = framewright("film", clip, out, *upscale, "--url", triton.url)
    assert ended.code == 0, ended
    stats = json.loads(ended.out)["stats"]
    assert (stats["frames"], stats["width"], stats["height"], stats["model"]) == (60, 384, 256, "nearest-x4")


def test_tracks_are_those_of_the_ordinary_command(tmp_path: Path, triton: TritonServer) -> None:
    clip = clips.make_clip(
        tmp_path / "in.mp4",
        [clips.plain((200, 30 + 2 * number, 30)) for number in range(30)],
        options={"g": "10"},
    )
    chosen = ("--model", "colour-finder", "--url", triton.url)
    film = framewright("film", clip, tmp_path / "film.json", *chosen, "--segments", 3, "--workers", 2)
    assert film.code == 0, film
    ordinary = framewright("track", clip, "-o", tmp_path / "one.json", *chosen)
    assert ordinary.code == 0, ordinary
    ours, others = (json.loads((tmp_path / name).read_text()) for name in ("film.json", "one.json"))
    assert ours["tracks"]
    assert ours["tracks"] == others["tracks"]


def test_the_plan_is_printed_and_nothing_is_made(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    ended = framewright("film", clip, out, *EXPORT, "--dry-run", "--workers", 2)
    assert ended.code == 0, ended
    assert "6 segments, 60 frames, 2.40 s of video" in ended.out
    assert "hardest part: segment" in ended.out
    plan = json.loads(framewright("film", clip, out, *EXPORT, "--dry-run", "--json").out)
    assert [segment["frames"] for segment in plan["segments"]] == [10] * SEGMENTS
    assert [segment["start_sec"] for segment in plan["segments"]] == pytest.approx([0, 0.4, 0.8, 1.2, 1.6, 2])
    assert plan["duration_sec"] == pytest.approx(2.4)
    assert not plan["notes"]
    assert not list(tmp_path.iterdir())


def test_a_plan_with_fewer_segments_than_asked_for_says_why(clip: Path, tmp_path: Path) -> None:
    more = ("film", clip, tmp_path / "out.mp4", "--task", "export", "--segments", SEGMENTS + 1, "--dry-run")
    printed, encoded = framewright(*more, "--workers", 1), framewright(*more, "--json")
    assert "note: 7 segments are asked for, and the film has 6: each begins at a keyframe" in printed.out
    (note,) = json.loads(encoded.out)["notes"]
    assert f"note: {note}" in printed.out


def test_the_preview_is_the_hardest_piece_which_the_film_uses_again(
    clip: Path, expected: bytes, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    ended = framewright("film", clip, out, *EXPORT, "--preview", "--workers", 1, "--json")
    assert ended.code == 0, ended
    preview = json.loads(ended.out)
    assert not out.exists()
    journal = Journal(pieces_of(out))
    assert journal.segments("stored") == [preview["segment"]]
    with av.open(preview["preview"]) as container:
        assert sum(1 for _ in container.decode(video=0)) == 10
    ended = framewright("film", clip, out, *EXPORT, "--workers", 2, "--keep-pieces")
    assert ended.code == 0, ended
    assert out.read_bytes() == expected
    assert sorted(Journal(pieces_of(out)).segments("started")) == list(range(SEGMENTS))


def test_ctrl_c_keeps_the_pieces_and_the_next_run_makes_the_others(tmp_path: Path) -> None:
    source = film_clip(tmp_path / "in.mp4", SEGMENTS, frames=50)
    params = {"format": "mp4", "size": "768x512"}
    expected = film_of_one_process(source, tmp_path / "one.mp4", SEGMENTS, params=params).read_bytes()
    out = tmp_path / "films" / "out.mp4"
    out.parent.mkdir()
    chosen = (*EXPORT, "--size", params["size"], "--keep-pieces")
    driver = started(source, out, *chosen, "--workers", 1)
    until(lambda: len(list(out.parent.rglob("*.piece"))) >= 2, "two pieces")
    children = family(driver.pid)[1:]
    press_ctrl_c(driver)
    _, err = driver.communicate(timeout=60)
    assert driver.returncode == 130, err
    assert "pieces are kept in" in err
    assert "Traceback" not in err
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert not out.exists()
    stored = {int(path.stem) for path in out.parent.rglob("*.piece")}
    before = len(Journal(pieces_of(out)).segments("started"))
    ended = framewright("film", source, out, *chosen, "--workers", 2)
    assert ended.code == 0, ended
    assert out.read_bytes() == expected
    later = Journal(pieces_of(out)).segments("started")[before:]
    assert sorted(later) == sorted(set(range(SEGMENTS)) - stored)


def test_ctrl_c_while_workers_start_says_so_in_one_line_and_leaves_nothing(
    clip: Path, tmp_path: Path
) -> None:
    driver = started(clip, tmp_path / "out.mp4", *EXPORT, "--workers", 2)
    until(lambda: len(family(driver.pid)) > 1 or driver.poll() is not None, "a worker")
    press_ctrl_c(driver)
    out, err = driver.communicate(timeout=60)
    assert_refused(Ended(driver.returncode, out, err), 130, "stopped by SIGINT")
    assert not list(tmp_path.iterdir())


def test_a_killed_driver_loses_no_segment_and_its_workers_end(
    clip: Path, expected: bytes, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    chosen = (*EXPORT, "--workers", 2, "--keep-pieces", "--force")
    driver = started(clip, out, *chosen)
    until(lambda: journal_of(out, "started") >= 2, "two segments")
    children = family(driver.pid)[1:]
    driver.kill()
    ended = framewright("film", clip, out, *chosen)  # the workers of the first are still at work
    assert ended.code == 0, ended
    assert out.read_bytes() == expected
    assert sorted(Journal(pieces_of(out)).segments("started")) == list(range(SEGMENTS))
    driver.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive


def journal_of(out: Path, event: str) -> int:
    has_begun = any(pieces_of(out).glob("*/journal.ndjson"))
    return len(Journal(pieces_of(out)).segments(event)) if has_begun else 0


def test_triton_lives_until_the_workers_of_a_killed_driver_have_finished(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    driver = started(clip, out, "--model", "lite-x4", "--segments", 3, "--workers", 2, "--keep-pieces")
    until(lambda: journal_of(out, "started") >= 2, "two segments")
    children = family(driver.pid)[1:]
    driver.kill()
    driver.communicate(timeout=120)
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
    journal = Journal(pieces_of(out))
    assert sorted(journal.segments("stored")) == sorted(journal.segments("started"))


def test_two_drivers_at_once_make_one_film(clip: Path, expected: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    drivers = [started(clip, out, *EXPORT, "--workers", 2, "--keep-pieces") for _ in range(2)]
    ends = [(driver.communicate(timeout=200), driver.returncode) for driver in drivers]
    assert [code for _, code in ends] == [0, 0], ends
    assert out.read_bytes() == expected
    assert sorted(Journal(pieces_of(out)).segments("started")) == list(range(SEGMENTS))


def test_two_drivers_with_the_same_pieces_write_an_output_each(
    clip: Path, expected: bytes, tmp_path: Path
) -> None:
    outs = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    chosen = (*EXPORT, "--workers", 1, "--pieces", tmp_path / "pieces")
    drivers = [started(clip, out, *chosen) for out in outs]
    ends = [(driver.communicate(timeout=200), driver.returncode) for driver in drivers]
    assert [code for _, code in ends] == [0, 0], ends
    assert [out.read_bytes() for out in outs] == [expected, expected]
    said = "".join(err for (_, err), _ in ends)
    assert "warn" not in said, said
    assert sorted(tmp_path.iterdir()) == outs


def change(folder: Path, number: int, change_bytes: Callable[[bytes], bytes]) -> None:
    (piece,) = folder.rglob(f"{number}.piece")
    piece.write_bytes(change_bytes(piece.read_bytes()))


def test_a_piece_that_was_damaged_is_made_again(clip: Path, expected: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert framewright("film", clip, out, *EXPORT, "--workers", 1, "--keep-pieces").code == 0
    change(tmp_path, 1, lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:])
    change(tmp_path, 4, lambda data: data[:-9])
    out.unlink()
    ended = framewright("film", clip, out, *EXPORT, "--workers", 1, "--keep-pieces")
    assert ended.code == 0, ended
    assert out.read_bytes() == expected
    assert sorted(Journal(pieces_of(out)).segments("started")) == [0, 1, 1, 2, 3, 4, 4, 5]


def test_a_folder_in_the_place_of_a_piece_is_reported(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert framewright("film", clip, out, *EXPORT, "--workers", 1, "--preview").code == 0
    (piece,) = tmp_path.rglob("*.piece")
    piece.with_name("0.piece").unlink(missing_ok=True)
    piece.with_name("0.piece").mkdir()
    assert_refused(framewright("film", clip, out, *EXPORT, "--workers", 1), 2, "0.piece", "cannot be removed")


def test_a_short_video_is_processed_as_one_job_with_a_note(clip: Path, tmp_path: Path) -> None:
    ended = framewright("film", clip, tmp_path / "out.mp4", "--task", "export", "--workers", 4)
    assert ended.code == 0, ended
    assert "out.mp4: 60 frames" in ended.out
    assert "note: " in ended.out
    assert "processed as one job" in ended.out
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_parameters_come_from_a_file_and_options_replace_them(clip: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "params.json", tmp_path / "out.mkv"
    file.write_text(json.dumps({"crop": {"x": 0, "y": 0, "w": 48, "h": 32}, "quality": "low", "start": 1.0}))
    chosen = ("--params", file, "--start", 0.4, "--end", 2.0, "--segments", 3, "--json")
    ended = framewright("film", clip, out, "--task", "export", *chosen)
    assert ended.code == 0, ended
    stats = json.loads(ended.out)["stats"]
    assert (stats["frames"], stats["crop"]) == (40, [0, 0, 48, 32])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("out.mp4", "--workers", "many"), ("--workers 'many' is refused", "tcp://scheduler:8786")),
        (("out.mp4", "--workers", "0"), ("--workers '0' is refused",)),
        (("out.mp4", "--workers", "1" * 5000), ("is refused",)),
        (("out.mp4", *EXPORT, "--pieces", "{folder}/out.mp4"), ("is also the output",)),
        (("out.mp4", "--task", "export", "--scale", 2), ("scale",)),
        (("out.mp4", "--crop", "0,0,8,8"), ("crop",)),
        (("tracks.json", "--preview"), ("no picture to preview",)),
        (("out.txt",), ("name an output that ends in",)),
        (("missing/out.mp4",), ("does not exist",)),
        (("out.mp4", "--params", "missing.json"), ("missing.json cannot be read",)),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    clip: Path, tmp_path: Path, arguments: tuple[object, ...], words: tuple[str, ...]
) -> None:
    out, *others = (str(argument).format(folder=tmp_path) for argument in arguments)
    assert_refused(framewright("film", clip, tmp_path / out, *others), 2, *words)
    assert not list(tmp_path.iterdir())


def test_without_dask_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BadRequest, match=r"pip install 'framewright\[film\]'"), connected(1):
        pass


@contextmanager
def scheduler(folder: Path, workers: int, *options: str) -> Iterator[str]:
    """Run a scheduler and workers as users do, and yield its address."""
    file = folder / "scheduler.json"
    dask = (sys.executable, "-m", "dask.__main__")
    commands = [
        [
            *dask,
            "scheduler",
            "--scheduler-file",
            file,
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
        ],
        *[
            [*dask, "worker", "--scheduler-file", file, "--nthreads", "1", "--no-dashboard", *options]
            for _ in range(workers)
        ],
    ]
    processes = [
        subprocess.Popen(list(map(str, command)), cwd=folder, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        until(lambda: file.exists() and file.read_text().endswith("}"), "a scheduler")
        yield json.loads(file.read_text())["address"]
    finally:
        members = [member for process in processes for member in family(process.pid)]
        for process in processes[::-1]:
            process.terminate()
        _, alive = psutil.wait_procs(members, timeout=10)
        for member in alive:
            member.kill()


@pytest.mark.parametrize("options", [(), ("--resources", "GPU=1")])
def test_the_workers_of_a_scheduler_make_the_same_film(
    clip: Path, expected: bytes, tmp_path: Path, options: tuple[str, ...]
) -> None:
    out = tmp_path / "out.mp4"
    (tmp_path / "dask").mkdir()
    with scheduler(tmp_path / "dask", 2, *options) as address:
        ended = framewright("film", clip, out, *EXPORT, "--workers", address, "--keep-pieces")
    assert ended.code == 0, ended
    assert out.read_bytes() == expected
    assert sorted(Journal(pieces_of(out)).segments("stored")) == list(range(SEGMENTS))


def test_an_address_without_a_scheduler_is_refused(clip: Path, tmp_path: Path) -> None:
    ended: Ended = framewright("film", clip, tmp_path / "out.mp4", *EXPORT, "--workers", "tcp://127.0.0.1:9")
    assert_refused(ended, 2, "no scheduler answers at tcp://127.0.0.1:9")
    assert not list(tmp_path.iterdir())


def test_bad_inputs_are_refused_as_by_the_other_commands(tmp_path: Path) -> None:
    assert_bad_inputs_are_refused(
        tmp_path, lambda source, folder: framewright("film", source, folder / "out.mp4", *EXPORT)
    )


def test_a_file_of_parameters_with_another_format_than_out_is_refused(clip: Path, tmp_path: Path) -> None:
    file = tmp_path / "params.json"
    file.write_text('{"format": "mkv"}')
    ended = framewright("film", clip, tmp_path / "out.mp4", *EXPORT, "--params", file)
    assert_refused(ended, 2, "is named as mp4", "format 'mkv'")


def test_the_help_teaches_the_command() -> None:
    text = framewright("film", "--help").out
    for words in ("--workers 4", "tcp://scheduler:8786", "OUT.pieces", "framewright[film]", "--dry-run"):
        assert words in text
