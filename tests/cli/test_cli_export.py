"""Tests `framewright export` with real processes: output, exit codes, and files that remain."""

from __future__ import annotations

import functools
import json
import signal
import subprocess
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import psutil
import pytest

from orchestrator.triton.server import TritonServer
from tests.support.command import assert_bad_inputs_are_refused, assert_refused, framewright
from tools.fixtures import clips
from tools.stand_ins.processes import COMMAND, environment, family

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.make_clip(tmp_path_factory.mktemp("clip") / "in.mp4", 50, audio=[{"seconds": 2.0}])


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    boxes = [{"frame": i, "bbox": [10 + i, 20, 16, 30], "confidence": 0.9} for i in range(50)]
    track = {"id": 3, "class_name": "person", "first_sec": 0, "last_sec": 2, "frames": boxes}
    video = {"width": 96, "height": 64, "frames": 50, "fps": "25/1", "duration_sec": 2.0}
    path = tmp_path / "tracks.json"
    path.write_text(json.dumps({"status": "completed", "tracks": [track], "video": video}))
    return path


def test_a_part_is_exported_without_a_triton(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    ended = framewright(
        "export", clip, out, "--crop", "10,4,40,30", "--start", 0.4, "--end", 1.2, TRITON_URL="127.0.0.1:1"
    )
    assert ended.code == 0, ended
    assert "out.mp4: 20 frames, 40x30, 0.80 s of video" in ended.out
    assert "exporting in.mp4: frame" in ended.err
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.audio[0].codec_context.name == "aac"


def test_an_export_has_the_same_bytes_whatever_new_memory_contains(tmp_path: Path) -> None:
    """On a processor with AVX-512, x264 has used memory that nobody had written."""
    part = ("--crop", "64,20,192,128", "--start", 1.5, "--end", 2.5, "--quality", "medium")
    files = [tmp_path / f"{fill}.mp4" for fill in (0, 85, 170)]
    for path in files:
        ended = framewright("export", SAMPLE, path, *part, MALLOC_PERTURB_=path.stem)
        assert ended.code == 0, ended
    assert len({path.read_bytes() for path in files}) == 1


def test_the_result_as_json(clip: Path, tmp_path: Path, triton: TritonServer) -> None:
    out = tmp_path / "out.webm"
    ended = framewright(
        "export",
        clip,
        out,
        *("--crop", "0,0,48,32", "--upscale-model", "nearest-x4", "--quality", "low", "--json"),
        TRITON_URL=triton.url,
    )
    assert ended.code == 0, ended
    result = json.loads(ended.out)
    stats = result["stats"]
    assert (stats["frames"], stats["width"], stats["height"], stats["scale"]) == (50, 192, 128, 4)
    assert (stats["model"], stats["encoder"], stats["crop"]) == ("nearest-x4", "libvpx-vp9", [0, 0, 48, 32])
    assert result["output_url"] == out.as_uri()
    assert result["keyframes"] is None


def test_a_crop_follows_and_its_path_can_be_sent_again(clip: Path, tracks: Path, tmp_path: Path) -> None:
    follow = ("--follow", "3", "--tracks", tracks, "--aspect", "9:16", "--quality", "lossless", "--json")
    first = framewright("export", clip, tmp_path / "first.mkv", *follow)
    assert first.code == 0, first
    path = tmp_path / "result.json"
    path.write_text(first.out)
    assert len(json.loads(first.out)["keyframes"]) >= 2
    again = framewright(
        "export", clip, tmp_path / "again.mkv", "--crop", path, "--quality", "lossless", "--json"
    )
    assert json.loads(again.out)["keyframes"] == json.loads(first.out)["keyframes"]
    assert (tmp_path / "again.mkv").stat().st_size == pytest.approx(
        (tmp_path / "first.mkv").stat().st_size, 0.01
    )


def test_tracks_may_be_at_an_address(clip: Path, tracks: Path, tmp_path: Path) -> None:
    follow = ("--follow", "main", "--aspect", "9:16", "--tracks")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=tracks.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{tracks.name}?X-Amz-Signature=secret"
        refused = framewright("export", clip, tmp_path / "out.mp4", *follow, url)
        assert_refused(refused, 2, "https")
        assert "secret" not in refused.err
        local = {"FRAMEWRIGHT_ALLOW_HTTP": "1", "FRAMEWRIGHT_ALLOW_PRIVATE_NETWORKS": "127.0.0.0/8"}
        ended = framewright("export", clip, tmp_path / "out.mp4", *follow, url, **local)
        server.shutdown()
    assert ended.code == 0, ended
    assert "moved along" in ended.out
    assert "s: person 3 (nobody else is in view)" in ended.out


def test_a_name_of_a_class_cannot_write_control_characters(clip: Path, tracks: Path, tmp_path: Path) -> None:
    document = json.loads(tracks.read_bytes())
    for track in document["tracks"]:
        track["class_name"] = "person\x1b]0;title\x07\r\n"
    hostile = tmp_path / "hostile.json"
    hostile.write_text(json.dumps(document))
    ended = framewright("export", clip, tmp_path / "out.mp4", "--follow", "3", "--tracks", hostile)
    assert ended.code == 0, ended
    assert r"'person\x1b]0;title\x07\r\n' 3 (the request names this track)" in ended.out
    assert "\x1b" not in ended.out
    assert "\x07" not in ended.out


def test_captions_have_their_safe_zone(clip: Path, tracks: Path, tmp_path: Path) -> None:
    follow = ("--follow", "main", "--tracks", tracks, "--zoom", "2", "--json")
    places = {}
    for share in ("0", "0.4"):
        safe = ("--safe", f"bottom:{share},right:{share}")
        ended = framewright("export", clip, tmp_path / f"{share}.mp4", *follow, *safe)
        assert ended.code == 0, ended
        places[share] = json.loads(ended.out)["stats"]["crop"][:2]
    assert places["0"] != places["0.4"]


def test_each_bad_input_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    assert_bad_inputs_are_refused(
        tmp_path, lambda source, outputs: framewright("export", source, outputs / "out.mp4")
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--crop", "0,0,0,10"], ["at least 1 pixel"]),
        (["--crop", "0,0,-5,10"], ["at least 1 pixel"]),
        (["--crop", "1,2,nan,4"], ["crop.w nan", "finite"]),
        (["--crop", "a,b,c,d"], ["'a,b,c,d'", "100,50,1080,1920"]),
        (["--crop", "1,2,3"], ["'1,2,3'", "100,50,1080,1920"]),
        (["--crop", "nowhere.json"], ["nowhere.json", "cannot be read"]),
        (["--crop", "90,0,20,5"], ["20x5 at (90, 0)", "96x64 at (0, 0)"]),
        (["--follow", "9"], ["following needs tracks"]),
        (["--follow", "9", "--tracks", "TRACKS"], ["9", "3 (person)"]),
        (["--follow", "you", "--tracks", "TRACKS"], ["class 'you'", "'person'"]),
        (["--follow", "3", "--tracks", "missing.json"], ["missing.json", "cannot be read"]),
        (["--aspect", "9:16"], ["--follow"]),
        (["--safe", "bottom:0.2"], ["--follow"]),
        (["--follow", "3", "--tracks", "TRACKS", "--safe", "bottom"], ["'bottom'", "bottom:0.2"]),
        (["--follow", "3", "--tracks", "TRACKS", "--safe", "bottom:0.6"], ["bottom:0.6", "0 to 0.4"]),
        (["--follow", "3", "--tracks", "TRACKS", "--safe", "foot:0.1"], ["foot", "top, bottom"]),
        (["--start", "5"], ["start is 5 s"]),
        (["--start", "1.5", "--end", "1"], ["end is 1 s"]),
        (["--start", "nan"], ["start nan"]),
        (["--quality", "best"], ["best", "'high', 'medium', 'low' or 'lossless'"]),
        (["--format", "wmv"], ["wmv", "'mp4', 'mov', 'webm', 'mkv' or 'gif'"]),
        (["--format", "gif"], ["gif"]),
        (["--size", "big"], ["big", "1080x1920"]),
        (["--size", "0x10"], ["0x10"]),
        (["--tonemap"], ["not HDR"]),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    clip: Path, tracks: Path, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    given = [str(tracks) if argument == "TRACKS" else argument for argument in arguments]
    assert_refused(framewright("export", clip, out / "out.mp4", *given), 2, *words)
    assert not list(out.iterdir())


def test_an_output_of_no_known_kind_is_refused(clip: Path, tmp_path: Path) -> None:
    assert_refused(framewright("export", clip, tmp_path / "out.wmv"), 2, ".mp4", ".gif")


def test_failures_are_json_too(clip: Path, tmp_path: Path) -> None:
    ended = framewright("export", clip, tmp_path / "out.mp4", "--crop", "90,0,20,5", "--json")
    failure = json.loads(ended.out)
    assert (ended.code, failure["status"], failure["code"]) == (2, "failed", "bad_request")
    assert failure["retryable"] is False


def test_an_existing_output_is_kept(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"mine")
    assert_refused(framewright("export", clip, out), 2, "exists already", "--force")
    assert out.read_bytes() == b"mine"
    assert framewright("export", clip, out, "--force").code == 0


def test_an_interrupted_export_leaves_nothing(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mkv", [clips.plain((i, 90, 90), 640, 480) for i in range(250)])
    out = tmp_path / "out"
    out.mkdir()
    process = subprocess.Popen(
        [COMMAND, "export", source, out / "out.webm", "--size", "3840x2880"],
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    deadline = time.monotonic() + 60
    while not list(out.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    children = family(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    assert not list(out.iterdir())
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive


def test_a_film_takes_the_same_crop_that_follows(clip: Path, tracks: Path, tmp_path: Path) -> None:
    follow = ("--follow", "person", "--tracks", tracks, "--aspect", "9:16", "--zoom", "2", "--json")
    results = [
        framewright(*command, clip, tmp_path / f"{name}.mp4", *follow)
        for name, command in (("export", ("export",)), ("film", ("film", "--task", "export")))
    ]
    assert [ended.code for ended in results] == [0, 0], results
    exported, film = (json.loads(ended.out) for ended in results)
    assert exported["keyframes"] == film["keyframes"]
    assert exported["followed"] == film["followed"]
