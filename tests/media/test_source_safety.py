"""Tests files that try to make FFmpeg open other files or addresses."""

from __future__ import annotations

import http.server
import os
import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import av.error
import pytest

from orchestrator.errors import BadMedia, InputNotFound, LimitExceeded, UnsupportedMedia
from orchestrator.media.read import demux
from orchestrator.media.read.demux import open_source
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.writer import VideoWriter
from tools.fixtures.clips import claiming_less, make_clip


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A video that no job named, in a folder beside the job's input."""
    (tmp_path / "private").mkdir()
    return make_clip(tmp_path / "private" / "secret.ts", 25)


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A web server that keeps the path of every request."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", asked
        listening.shutdown()
        thread.join()


def concat_script(path: Path, secret: Path) -> Path:
    path.write_text(f"ffconcat version 1.0\nfile '{secret.relative_to(path.parent)}'\n")
    return path


def hls_playlist(path: Path, *uris: str) -> Path:
    segments = "".join(f"#EXTINF:1.0,\n{uri}\n" for uri in uris)
    path.write_text(
        f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n{segments}#EXT-X-ENDLIST\n"
    )
    return path


def session_description(path: Path) -> Path:
    path.write_text(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 59998 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n"
    )
    return path


@pytest.mark.parametrize("name", ["in.mp4", "in.ffconcat", "in.mkv", "in.txt"])
def test_a_concat_script_is_refused_whatever_its_name(tmp_path: Path, secret: Path, name: str) -> None:
    with pytest.raises(BadMedia):
        probe(concat_script(tmp_path / name, secret))


@pytest.mark.parametrize("name", ["in.mp4", "in.m3u8", "in.ts"])
def test_a_playlist_reads_no_file(tmp_path: Path, secret: Path, name: str) -> None:
    with pytest.raises(BadMedia):
        probe(hls_playlist(tmp_path / name, secret.name, str(secret)))


@pytest.mark.parametrize("name", ["in.mp4", "in.m3u8", "in.ts"])
def test_a_playlist_asks_no_server(tmp_path: Path, server: tuple[str, list[str]], name: str) -> None:
    url, asked = server
    with pytest.raises(BadMedia):
        probe(hls_playlist(tmp_path / name, f"{url}/a.ts"))
    assert asked == []


@pytest.mark.parametrize("name", ["in.mp4", "in.sdp"])
def test_a_session_description_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadMedia):
        probe(session_description(tmp_path / name))


@pytest.mark.parametrize(
    "content",
    [
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>',
        "[InternetShortcut]\nURL=http://127.0.0.1/\n",
        "WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n",
        ";FFMETADATA1\ntitle=x\n",
        '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/hostname"/></svg>',
    ],
)
def test_other_text_formats_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "in.mp4").write_text(content * 20)
    with pytest.raises(BadMedia):
        probe(tmp_path / "in.mp4")


def test_a_name_that_looks_like_a_protocol_is_a_file_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "a.ts", 5)
    for name in (
        "concat:a.ts|a.ts",
        "http:a",
        "subfile,,start,0,end,0,,:a.ts",
        "data:x",
        "async:a.ts",
        "-",
        "%03d.mp4",
    ):
        with pytest.raises(InputNotFound):
            probe(type(tmp_path)(name))
        os.link("a.ts", name)
        assert probe(type(tmp_path)(name)).codec == "h264"


def test_the_format_whitelist_is_what_keeps_a_concat_script_out(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg ignores an option that it does not know: this fails if ours were misspelled."""
    script = concat_script(tmp_path / "in.mp4", secret)
    options = {key: value for key, value in demux.CONTAINER_OPTIONS.items() if key != "format_whitelist"}
    monkeypatch.setattr(demux, "CONTAINER_OPTIONS", options)
    with open_source(script) as container:
        assert sum(1 for _ in container.decode(video=0)) == 25


def test_every_other_demuxer_is_shut(tmp_path: Path) -> None:
    """Try all that FFmpeg has: playlists, capture devices, raw streams, pictures, text, sound."""
    path = make_clip(tmp_path / "in.mp4", 5)
    opened: set[str] = set()
    refused: set[str] = set()
    for name in sorted(av.formats_available):
        try:
            av.ContainerFormat(name, "r")
        except ValueError:  # FFmpeg only writes it
            continue
        try:
            av.open(f"file:{path}", "r", format=name, container_options=demux.CONTAINER_OPTIONS).close()
        except av.error.FFmpegError as error:
            # The whitelist answers EINVAL before a byte is read; a demuxer that reads answers something else.
            (refused if isinstance(error, av.error.ArgumentError) else opened).add(name)
        else:
            opened.add(name)
    taken = {alias for name in opened for alias in name.split(",")}
    assert set(demux.DEMUXERS) <= taken | refused
    assert taken <= {*demux.DEMUXERS, "mp4", "m4a", "3gp", "3g2", "mj2", "webm"}
    assert {"hls", "concat", "sdp", "rtsp", "lavfi", "image2", "svg_pipe", "png_pipe", "h264"} <= refused


@pytest.mark.parametrize("beginning", [b"GIF89a", b"YUV4MPEG2 ", bytes(480), b"\x89PNG\r\n\x1a\n"])
def test_the_beginning_of_a_taken_format_opens_no_other_file(
    tmp_path: Path, secret: Path, beginning: bytes
) -> None:
    script = concat_script(tmp_path / "in.gif", secret)
    script.write_bytes(beginning + script.read_bytes())
    with pytest.raises((BadMedia, LimitExceeded)):
        probe(script)


def test_the_protocol_whitelist_is_what_keeps_a_request_from_being_made(
    tmp_path: Path, server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = server
    playlist = hls_playlist(tmp_path / "in.m3u8", f"{url}/a.ts")
    wide = {**demux.CONTAINER_OPTIONS, "format_whitelist": "hls,mpegts"}
    monkeypatch.setattr(demux, "CONTAINER_OPTIONS", wide)
    with pytest.raises(BadMedia):
        open_source(playlist)
    assert asked == []
    monkeypatch.setattr(demux, "CONTAINER_OPTIONS", {**wide, "protocol_whitelist": "file,http,tcp"})
    with pytest.raises(BadMedia):
        open_source(playlist)
    assert asked == ["/a.ts"]


def test_an_external_reference_in_a_mov_is_not_followed(tmp_path: Path, secret: Path) -> None:
    """A MOV may say that its samples lie in another file."""
    path = make_clip(tmp_path / "in.mov", 5)
    data = path.read_bytes()
    target = os.fsencode(str(secret))
    path.write_bytes(data.replace(b"url \x00\x00\x00\x01", b"url \x00\x00\x00\x00", 1) + target)
    with suppress(BadMedia), VideoReader(path, probe(path)) as reader:
        assert len(list(reader.frames())) <= 5


def test_a_header_that_claims_a_giant_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mov", 2, codec="rawvideo", pix_fmt="rgb24")
    assert probe(path).width == 96
    data = bytearray(path.read_bytes())
    width = data.index(b"raw ") + 28  # in the visual sample entry (ISO/IEC 14496-12, 12.1.3)
    assert data[width : width + 4] == bytes([0, 96, 0, 64])
    data[width : width + 4] = b"\x24\x00\x24\x00"
    path.write_bytes(bytes(data))
    with pytest.raises(LimitExceeded, match="9216x9216, and at most 67108864 pixels"):
        probe(path)


def test_the_limit_on_the_size_of_a_picture_holds_in_the_decoder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header may claim less than the pictures have."""
    path = claiming_less(make_clip(tmp_path / "in.mkv", 5))
    info = probe(path)
    monkeypatch.setattr(demux, "MAX_PIXELS", 96 * 64 - 1)
    with pytest.raises(BadMedia, match="no picture"), VideoReader(path, info) as reader:
        list(reader.frames())


@pytest.mark.parametrize("seed", range(25))
def test_random_damage_gives_a_video_or_says_that_the_source_is_bad(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    suffix = generator.choice(["mp4", "mkv", "ts", "avi"])
    path = make_clip(
        tmp_path / f"in.{suffix}", 25, codec="mpeg4" if suffix == "avi" else "libx264", audio=[{"seconds": 1}]
    )
    data = bytearray(path.read_bytes())
    for _ in range(generator.randint(1, 40)):
        data[generator.randrange(len(data))] = generator.randrange(256)
    path.write_bytes(bytes(data))
    with suppress(BadMedia, UnsupportedMedia):
        info = probe(path)
        with (
            VideoReader(path, info, threads=2) as reader,
            VideoWriter(
                tmp_path / "out.mp4", source=path, info=info, width=info.width, height=info.height
            ) as writer,
        ):
            for frame in reader.frames():
                writer.write(frame)
            writer.finish()
        assert probe(tmp_path / "out.mp4").frames == reader.frames_read
