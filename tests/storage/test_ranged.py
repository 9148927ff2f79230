"""Tests files that are read over HTTP by ranges: what is read, what is asked for, and what can go wrong."""

from __future__ import annotations

import contextlib
import io
import random
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import (
    AddressRefused,
    BadMedia,
    BadRequest,
    Cancelled,
    DownloadFailed,
    InputFileTooLarge,
    InputForbidden,
    InputNotFound,
    SourceChanged,
    WorkerError,
)
from orchestrator.storage.client import StorageClient
from orchestrator.storage.ranged import FIRST_BYTES, KEPT_BYTES, MOST_BYTES, NEXT_BYTES, RangedFile
from orchestrator.storage.s3_presigning import S3Presigner
from orchestrator.video_source import RemoteSource, expect
from tests.support.range_server import RangeHandler, RangeServer, answering, serving_ranges
from tests.support.transfers import LOOPBACK, PATIENT, QUICK
from tools.stand_ins import s3_door
from tools.stand_ins.bucket import KEY_ID, NAME, SECRET, Bucket

CONTENT = random.Random(17).randbytes(700_000)


@pytest.fixture
def server() -> Iterator[RangeServer]:
    with serving_ranges(CONTENT) as server:
        yield server


@pytest.fixture(scope="module")
def shared_server() -> Iterator[RangeServer]:
    with serving_ranges(CONTENT) as server:
        yield server


def ranged(
    server: RangeServer,
    *,
    stop: threading.Event | None = None,
    expected_bytes: int | None = None,
    expected_etag: str | None = None,
    patient: bool = False,
    max_bytes: int = 10**9,
) -> RangedFile:
    limits = replace(PATIENT if patient else QUICK, max_bytes=max_bytes)
    return StorageClient(guard=LOOPBACK, limits=limits).ranged(
        server.url,
        stop=stop or threading.Event(),
        expected_bytes=expected_bytes,
        expected_etag=expected_etag,
    )


# --- reading


STEP = st.tuples(
    st.integers(0, 2),  # which handle
    st.sampled_from([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END, None]),
    st.integers(0, len(CONTENT) + 10_000),
    st.one_of(st.integers(0, 200), st.integers(0, 200_000), st.none()),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, max_size=25), part=st.tuples(*[st.integers(0, len(CONTENT) + 10)] * 2))
def test_random_reads_return_the_bytes_of_the_file_and_no_byte_is_sent_twice(
    shared_server: RangeServer, steps: list[tuple[int, int | None, int, int | None]], part: tuple[int, int]
) -> None:
    shared_server.sent.clear()
    file = ranged(shared_server)
    expect(file, *part)
    pairs = [(file.open("rb"), io.BytesIO(CONTENT)) for _ in range(3)]
    for number, whence, offset, count in steps:
        handle, model = pairs[number]
        if whence == io.SEEK_SET:
            assert handle.seek(offset) == model.seek(offset)
        elif whence == io.SEEK_CUR and model.tell() >= offset:
            assert handle.seek(-offset, io.SEEK_CUR) == model.seek(-offset, io.SEEK_CUR)
        elif whence == io.SEEK_END and offset <= len(CONTENT):
            assert handle.seek(-offset, io.SEEK_END) == model.seek(-offset, io.SEEK_END)
        assert handle.read(-1 if count is None else count) == model.read(-1 if count is None else count)
        assert handle.tell() == model.tell()
    received = sorted((sent.start, sent.start + sent.length) for sent in shared_server.sent)
    assert all(end <= start for (_, end), (start, _) in pairwise(received))
    assert (file.requests, file.fetched_bytes) == (len(received), shared_server.sent_bytes)


def test_handles_in_several_threads_have_their_own_positions_and_share_what_was_sent(
    server: RangeServer,
) -> None:
    file, wrong = ranged(server), list[int]()

    def read(seed: int) -> None:
        chance, handle = random.Random(seed), file.open("rb")
        for _ in range(60):
            start = chance.randrange(len(CONTENT))
            count = chance.randrange(50_000)
            handle.seek(start)
            if handle.read(count) != CONTENT[start : start + count]:
                wrong.append(start)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert server.sent_bytes <= len(CONTENT)


def test_it_describes_itself_as_a_source_without_the_secrets_of_its_address(server: RangeServer) -> None:
    file = ranged(server)
    assert isinstance(file, RemoteSource)
    assert not isinstance(Path("a.mp4"), RemoteSource)
    assert (file.name, str(file)) == ("film.mp4", "http://127.0.0.1/film.mp4")
    assert not server.asked
    assert (file.stat().st_size, file.etag) == (len(CONTENT), server.etag)
    assert file.exists()
    assert file.is_file()
    assert len(server.asked) == 1
    assert file.open("rb").read(100) == CONTENT[:100]
    assert len(server.asked) == 1


def test_a_size_that_is_known_costs_no_request_and_the_known_etag_is_required_from_the_first_one_on(
    server: RangeServer,
) -> None:
    file = ranged(server, expected_bytes=len(CONTENT), expected_etag=server.etag)
    assert (file.stat().st_size, file.etag) == (len(CONTENT), server.etag)
    handle = file.open("rb")
    handle.seek(-8, io.SEEK_END)
    assert not server.asked
    assert handle.read() == CONTENT[-8:]
    [asked] = server.asked
    assert asked["If-Match"] == server.etag
    assert asked["Accept-Encoding"] == "identity"
    assert asked["Range"] == f"bytes={len(CONTENT) - 8}-{len(CONTENT) - 1}"


def test_the_etag_of_the_first_answer_is_required_of_all_others(server: RangeServer) -> None:
    ranged(server).open("rb").read()
    assert [asked.get("If-Match") for asked in server.asked[:3]] == [None, server.etag, server.etag]


# --- how much is asked for


def test_what_is_received_in_vain_is_a_small_part_of_what_is_read_in_a_row() -> None:
    content = bytes(24 << 20)
    for wanted in (100_000, 1 << 20, 5 << 20, 20 << 20):
        with serving_ranges(content) as server:
            handle = ranged(server).open("rb")
            handle.seek(1 << 20)
            for _ in range(0, wanted, 32_768):
                handle.read(32_768)
            assert wanted <= server.sent_bytes <= wanted * 1.13 + FIRST_BYTES + 2 * NEXT_BYTES


@pytest.mark.parametrize(("count", "sent"), [(4, FIRST_BYTES), (20_000, 20_000), (500_000, 500_000)])
def test_a_jump_to_a_new_place_asks_for_what_is_read_there_and_for_no_more_than_a_little(
    server: RangeServer, count: int, sent: int
) -> None:
    file = ranged(server, expected_bytes=len(CONTENT))
    for place in (600, 100_000):
        server.sent.clear()
        handle = file.open("rb")
        handle.seek(place)
        assert handle.read1(count) == CONTENT[place : place + count]
        assert [(part.start, part.length) for part in server.sent] == [(place, sent)]
        file = ranged(server, expected_bytes=len(CONTENT))


def test_a_walk_over_the_boxes_of_a_file_asks_for_little_beside_an_announced_part() -> None:
    content, places = bytes(24 << 20), range(0, 24 << 20, 200_000)

    def walk(*, is_announced: bool) -> int:
        with serving_ranges(content) as server:
            file = ranged(server, expected_bytes=len(content))
            if is_announced:
                expect(file, len(content) - 1, len(content))
            handle = file.open("rb")
            for place in places:
                handle.seek(place)
                handle.read(16)
            return server.sent_bytes

    assert walk(is_announced=True) == len(places) * FIRST_BYTES
    assert walk(is_announced=False) > 2 * len(places) * FIRST_BYTES  # in few requests, as for all of the file


def test_an_announced_part_takes_few_requests_and_none_of_them_goes_beyond_it() -> None:
    content, first, end = bytes(30 << 20), 5_000_000, 5_000_000 + (20 << 20)
    with serving_ranges(content) as server:
        file = ranged(server, expected_bytes=len(content))
        expect(file, first, end)
        handle = file.open("rb")
        handle.seek(first)
        while handle.tell() < end:
            handle.read(min(32_768, end - handle.tell()))
        assert [sent.length for sent in server.sent] == [MOST_BYTES, MOST_BYTES, 4 << 20]
        assert server.sent_bytes == end - first
        handle.read(10)  # beyond the part, blocks are small again
        assert [(sent.start, sent.length) for sent in server.sent[3:]] == [(end, NEXT_BYTES)]


def test_memory_holds_a_few_blocks_of_a_long_file_and_the_oldest_are_fetched_again() -> None:
    content = bytes(120 << 20)
    with serving_ranges(content) as server:
        file = ranged(server)
        expect(file, 0, len(content))
        handle = file.open("rb")
        tracemalloc.start()
        try:
            while handle.read(1 << 16):
                pass
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert KEPT_BYTES / 2 < peak < KEPT_BYTES + 3 * MOST_BYTES
        assert server.sent_bytes == len(content)
        handle.seek(0)
        handle.read(10)
        assert server.sent[-1].start == 0


# --- a file that is not the expected one


def test_a_file_that_is_replaced_between_two_reads_is_an_error_that_stays(server: RangeServer) -> None:
    file = ranged(server)
    handle = file.open("rb")
    handle.read(10)
    other = CONTENT[::-1]
    server.content, server.etag = memoryview(other), '"another"'
    handle.seek(400_000)
    with pytest.raises(SourceChanged, match=r"the source .* has changed"):
        handle.read(10)
    asked = len(server.asked)
    with pytest.raises(SourceChanged):
        file.open("rb").seek(0) or file.read_at(600_000, 10)
    assert len(server.asked) == asked
    assert file.read_at(0, 10) == CONTENT[:10]  # it came before


@pytest.mark.parametrize("etag", ['"another"', 'W/"weak"', None])
def test_a_server_that_ignores_if_match_is_found_out_by_the_etag_of_its_answer(
    server: RangeServer, etag: str | None
) -> None:
    known = server.etag

    def answer(handler: RangeHandler, _: int) -> bool:
        del handler.headers["If-Match"]
        return False

    server.fault, server.etag = answer, etag
    with pytest.raises(SourceChanged, match="its ETag is another one"):
        ranged(server, expected_bytes=len(CONTENT), expected_etag=known).read_at(0, 10)


@pytest.mark.parametrize("size", [len(CONTENT) - 1, len(CONTENT) + 1, 10])
def test_a_file_of_another_size_is_not_the_expected_one(server: RangeServer, size: int) -> None:
    with pytest.raises(SourceChanged, match=f"{len(CONTENT)} bytes instead of {size}"):
        ranged(server, expected_bytes=size).read_at(0, 10)


def test_a_file_that_became_shorter_is_not_the_expected_one(server: RangeServer) -> None:
    server.etag = None
    file = ranged(server)
    file.stat()
    server.content = memoryview(CONTENT[:1000])
    with pytest.raises(SourceChanged):
        file.read_at(500_000, 10)


def test_without_an_etag_the_date_of_the_last_change_must_stay(server: RangeServer) -> None:
    server.etag, dates = None, ["Mon, 01 Jan 2024 00:00:00 GMT", "Tue, 02 Jan 2024 00:00:00 GMT"]

    def dated(handler: RangeHandler, number: int) -> bool:
        start, end = (int(part) for part in handler.headers["Range"].removeprefix("bytes=").split("-"))
        handler.answer(
            206,
            handler.server.content[start : end + 1],
            Content_Range=f"bytes {start}-{end}/{len(CONTENT)}",
            Last_Modified=dates[number // 2],
        )
        return True

    server.fault = dated
    file = ranged(server)
    assert file.etag is None
    assert file.read_at(300_000, 10) == CONTENT[300_000:300_010]
    with pytest.raises(SourceChanged, match="written again"):
        file.read_at(500_000, 10)


# --- servers


def test_a_server_that_does_not_answer_range_requests_gives_one_clear_error(server: RangeServer) -> None:
    def ignore_ranges(handler: RangeHandler, _: int) -> bool:
        handler.answer(200, handler.server.content, ETag=handler.server.etag)
        return True

    server.fault = ignore_ranges
    for place in (0, 300_000):
        with pytest.raises(InputForbidden, match="does not answer Range requests") as caught:
            ranged(server, expected_bytes=len(CONTENT)).read_at(place, 10)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_short_file_may_be_sent_whole_and_an_empty_one_has_no_bytes() -> None:
    def whole(handler: RangeHandler, _: int) -> bool:
        handler.answer(200, handler.server.content, ETag=handler.server.etag)
        return True

    for content in (CONTENT[:1000], b""):
        for fault in (None, whole):
            with serving_ranges(content) as server:
                server.fault = fault
                file = ranged(server)
                assert file.stat().st_size == len(content)
                assert file.open("rb").read() == content


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, InputForbidden), (404, InputNotFound), (410, InputNotFound), (501, InputForbidden)],
)
def test_refusals_of_the_server_are_the_errors_of_a_download(
    server: RangeServer, status: int, error: type[WorkerError]
) -> None:
    server.fault = answering(lambda handler: handler.answer(status))
    with pytest.raises(error):
        ranged(server).stat()
    assert len(server.asked) == 1


def cut_short(handler: RangeHandler) -> None:
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes 0-{FIRST_BYTES - 1}/{len(CONTENT)}")
    handler.send_header("Content-Length", str(FIRST_BYTES))
    handler.send_header("ETag", handler.server.etag or "")
    handler.end_headers()
    handler.wfile.write(CONTENT[:1000])
    handler.close_connection = True


def another_part(handler: RangeHandler) -> None:
    handler.answer(206, CONTENT[1:1001], Content_Range=f"bytes 1-1000/{len(CONTENT)}")


def too_much(handler: RangeHandler) -> None:
    end = FIRST_BYTES + 100
    handler.answer(206, CONTENT[: end + 1], Content_Range=f"bytes 0-{end}/{len(CONTENT)}")


def too_little(handler: RangeHandler) -> None:
    handler.answer(206, CONTENT[:5], Content_Range=f"bytes 0-4/{len(CONTENT)}")


FAULTS = [cut_short, another_part, too_much, too_little, lambda handler: handler.answer(503)]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_tried_again_and_if_it_stays_the_download_has_failed(
    server: RangeServer, fault: Callable[[RangeHandler], None]
) -> None:
    server.fault = answering(fault, times=2)
    assert ranged(server).open("rb").read() == CONTENT
    server.fault = answering(fault)
    server.asked.clear()
    with pytest.raises(DownloadFailed, match=r"cannot read http://127\.0\.0\.1/film\.mp4"):
        ranged(server).stat()
    assert len(server.asked) == QUICK.tries


def test_a_stored_encoding_that_changes_the_bytes_is_refused(server: RangeServer) -> None:
    def encoded(handler: RangeHandler, _: int) -> bool:
        place = f"bytes 0-{FIRST_BYTES - 1}/{len(CONTENT)}"
        handler.answer(206, CONTENT[:FIRST_BYTES], Content_Range=place, Content_Encoding="gzip")
        return True

    server.fault = encoded
    with pytest.raises(BadMedia, match="gzip"):
        ranged(server).stat()


def test_each_redirect_is_checked_and_none_may_lead_to_a_private_address(server: RangeServer) -> None:
    with serving_ranges(CONTENT) as target:
        server.fault = answering(lambda handler: handler.answer(307, Location=target.url))
        file = ranged(server)
        assert file.open("rb").read() == CONTENT
        assert file.requests == len(target.sent) == len(server.asked)
    server.fault = answering(lambda handler: handler.answer(307, Location="http://169.254.169.254/a"))
    with pytest.raises(AddressRefused):
        ranged(server).stat()
    server.fault = answering(lambda handler: handler.answer(302, Location=server.url))
    with pytest.raises(AddressRefused, match="more than 5 times"):
        ranged(server).stat()


def test_forbidden_addresses_are_refused_before_any_request() -> None:
    client = StorageClient(guard=LOOPBACK, limits=QUICK)
    for address in ("file:///etc/passwd", "/etc/passwd", "http://10.0.0.1/a", "s3://bucket/key", "ftp://a/b"):
        with pytest.raises(AddressRefused):
            client.ranged(address, stop=threading.Event())


@pytest.mark.parametrize("etag", ["abc", 'W/"abc"', '"a"\r\nX-Evil: 1', '"a\r\nb"', '""\n', "*", '"\u00e9"'])
def test_an_expected_etag_that_is_not_a_strong_one_is_refused(server: RangeServer, etag: str) -> None:
    with pytest.raises(BadRequest):
        ranged(server, expected_etag=etag)


def test_a_file_above_the_limit_is_refused(server: RangeServer) -> None:
    with pytest.raises(InputFileTooLarge, match=f"{len(CONTENT)} bytes"):
        ranged(server, max_bytes=len(CONTENT) - 1).stat()
    assert ranged(server, max_bytes=len(CONTENT)).stat().st_size == len(CONTENT)


def test_a_stop_ends_a_read_from_a_silent_server_within_a_second(server: RangeServer) -> None:
    silent, stop = threading.Event(), threading.Event()

    def keep_silent(handler: RangeHandler, number: int) -> bool:
        if number:
            handler.wfile.write(b"HTTP/1.1 206 Partial Content\r\nContent-")
            silent.wait(30)
        return bool(number)

    server.fault = keep_silent
    file = ranged(server, stop=stop, patient=True)
    file.stat()
    threading.Timer(0.3, stop.set).start()
    start_s = time.monotonic()
    with pytest.raises(Cancelled):
        file.read_at(500_000, 10)
    assert time.monotonic() - start_s < 20  # without the stop it takes longer than the test may
    silent.set()
    with pytest.raises(Cancelled):
        file.open("rb").read()


# --- a real store


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with s3_door.serving() as bucket:
        yield bucket


def test_a_presigned_url_of_a_store_is_read_by_ranges_and_a_new_object_is_noticed(
    bucket: Bucket, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(CONTENT)
    client = StorageClient(guard=LOOPBACK, limits=QUICK)
    url = bucket.put("in/a film.mp4", path)
    file = client.ranged(url, stop=threading.Event())
    handle = file.open("rb")
    handle.seek(650_000)
    assert handle.read() == CONTENT[650_000:]
    assert file.fetched_bytes <= 2 * FIRST_BYTES + 50_000
    assert file.etag == bucket.client.head_object(Bucket=NAME, Key="in/a film.mp4")["ETag"]
    path.write_bytes(CONTENT[::-1])
    bucket.put("in/a film.mp4", path)
    with pytest.raises(SourceChanged):
        file.read_at(300_000, 10)
    again = client.ranged(url, stop=threading.Event(), expected_bytes=len(CONTENT), expected_etag=file.etag)
    with pytest.raises(SourceChanged):
        again.read_at(0, 10)
    with pytest.raises(InputNotFound):
        client.ranged(bucket.get_url("in/none.mp4"), stop=threading.Event()).stat()
    with pytest.raises(InputForbidden), contextlib.closing(file.open("rb")):
        client.ranged(url.replace("Signature=", "Signature=0"), stop=threading.Event()).stat()


def test_an_address_of_the_workers_own_store_is_signed_for_each_request(
    bucket: Bucket, tmp_path: Path
) -> None:
    path = tmp_path / "b.mp4"
    path.write_bytes(CONTENT)
    bucket.put("b.mp4", path)
    presigner = S3Presigner(
        endpoint=bucket.endpoint, key_id=KEY_ID, secret=SECRET, region="auto", expires_s=60
    )
    client = StorageClient(guard=LOOPBACK, limits=QUICK, presigner=presigner)
    file = client.ranged(f"s3://{NAME}/b.mp4", stop=threading.Event())
    assert file.open("rb").read() == CONTENT
    assert (file.name, str(file)) == ("b.mp4", f"s3://{NAME}/b.mp4")
