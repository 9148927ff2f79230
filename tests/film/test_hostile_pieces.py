"""Tests that plans and pieces of a tracked film which somebody made up or damaged are refused, cheaply."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import struct
import tracemalloc
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import PieceDamaged, PlanRefused
from orchestrator.film.associate import associate
from orchestrator.film.document import document, hash_of, read_plan
from orchestrator.film.piece import MANIFEST_ID
from orchestrator.film.read_track_piece import TrackPieceShape, open_track_piece
from orchestrator.film.track_piece import BLOCK_FRAMES
from orchestrator.pipeline.context import JobContext
from tests.support.track_film import (
    LocalPieces,
    add_manifest,
    made_up_film,
    no_triton,
    track_params,
    write_piece,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orchestrator.film.document import FilmPlan
    from orchestrator.pipeline.link_detections import Tracked

FRAMES, CUT, STRIDE = 170, 8, 2
HUGE_BYTES = 100_000_000
PEAK_BYTES = 30_000_000
"""More memory than this is never taken for a piece: a block of pictures has 0.7 MB."""

BOX = np.array([[10, 10, 40, 40, 0.9, 1]], np.float32)


@pytest.fixture(scope="module")
def plan() -> FilmPlan:
    return made_up_film(
        track_params(model="none", stride=STRIDE), [40 * index for index in range(FRAMES)], [CUT]
    )


@pytest.fixture(scope="module")
def whole(plan: FilmPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two pieces of the film."""
    folder = tmp_path_factory.mktemp("whole")
    for segment in plan.segments:
        write_piece(plan, segment.number, folder / f"{segment.number}.piece", frames_of(plan, segment.number))
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of the folder with the two pieces."""
    return shutil.copytree(whole, tmp_path / "pieces")


def frames_of(plan: FilmPlan, number: int, rows: Any = BOX) -> Iterator[tuple[Any, Any]]:
    shot = np.random.default_rng(1).integers(0, 256, (54, 96), np.uint8)
    segment = plan.segments[number]
    for index in range(segment.first_frame, segment.first_frame + segment.frames):
        yield (None if index % STRIDE else rows), np.roll(shot, index, axis=1)


def run(plan: FilmPlan, folder: Path) -> Tracked:
    return associate(
        plan, LocalPieces(folder), JobContext(connect=no_triton), plan_hash=hash_of(document(plan))
    )


@contextmanager
def refused(words: str = "piece 1") -> Iterator[None]:
    """Expect PieceDamaged with one short line that names piece 1, at bounded memory."""
    tracemalloc.start()
    try:
        with pytest.raises(PieceDamaged, match=words) as caught:
            yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert "piece 1" in message
    assert caught.value.details == {"piece": 1}
    assert len(message) < 300
    assert message.isprintable()
    assert peak < PEAK_BYTES


def members(path: Path) -> dict[str, bytes]:
    """Return the members of a piece, without its manifest."""
    data = path.read_bytes()
    payload = data[: data.rindex(MANIFEST_ID) - 8]
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(
    plan: FilmPlan,
    folder: Path,
    change: Callable[[dict[str, bytes]], object],
    kind: int = zipfile.ZIP_DEFLATED,
) -> None:
    """Change the members of piece 1, and give it a manifest that fits."""
    path = folder / "1.piece"
    found = members(path)
    change(found)
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in found.items():
            archive.writestr(name, data)
    add_manifest(plan, 1, path)


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(array), **options)
    return file.getvalue()


def array(data: bytes) -> Any:
    return np.load(io.BytesIO(data))


def test_the_pieces_are_good(plan: FilmPlan, folder: Path) -> None:
    (track,) = run(plan, folder).tracks
    assert len(track) == FRAMES
    rewrite(plan, folder, lambda _: None)
    (again,) = run(plan, folder).tracks
    assert again.boxes.tobytes() == track.boxes.tobytes()


def test_a_missing_piece(plan: FilmPlan, folder: Path) -> None:
    (folder / "1.piece").unlink()
    with refused():
        run(plan, folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_piece_that_is_cut_short(plan: FilmPlan, whole: Path, folder: Path, share: float) -> None:
    data = (whole / "1.piece").read_bytes()
    (folder / "1.piece").write_bytes(data[: int(len(data) * share)])
    with refused():
        run(plan, folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(share=st.floats(0, 1, exclude_max=True), value=st.integers(1, 255), trusted=st.booleans())
def test_a_piece_with_another_byte(
    plan: FilmPlan, whole: Path, folder: Path, share: float, value: int, trusted: bool
) -> None:
    data = bytearray((whole / "1.piece").read_bytes())
    end = data.rindex(MANIFEST_ID) - 8
    data[int(end * share)] ^= value
    path = folder / "1.piece"
    if not trusted:  # the manifest is that of the good payload
        path.write_bytes(data)
        with refused("hash"):
            run(plan, folder)
        return
    path.write_bytes(data[:end])
    add_manifest(plan, 1, path)
    with suppress(PieceDamaged):  # or it is a byte that means nothing, as a date in the directory
        (track,) = run(plan, folder).tracks
        assert len(track) == FRAMES


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(payload=st.binary(max_size=300))
def test_a_payload_of_any_bytes(plan: FilmPlan, folder: Path, payload: bytes) -> None:
    path = folder / "1.piece"
    path.write_bytes(payload)
    add_manifest(plan, 1, path)
    with refused():
        run(plan, folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"plan_hash": "1" * 64},
        {"number": 0},
        {"number": 2},
        {"frames": 1},
        {"payload_bytes": 0},
        {"payload_bytes": -1},
        {"payload_bytes": 2**70},
        {"payload_sha256": "0" * 64},
        {"version": 1},
        {"wall_sec": float("nan")},
        {"wall_sec": float("inf")},
        {"wall_sec": -1e9},
        {"wall_sec": 1e300},
        {"notes": ("line\nbreak",)},
        {"notes": ("\x1b[2J",)},
        {"notes": ("x" * 100_000,)},
        {"notes": tuple("x" for _ in range(10_000))},
        {"transport": "pigeon"},
        {"reused": 7.0},
        {"reorder": -3},
        {"reorder": 10**9},
        {"gpu": "x" * 10_000},
        {"frames": 0},
        {"number": -1},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_manifest_of_something_else(plan: FilmPlan, folder: Path, changes: dict[str, Any]) -> None:
    path = folder / "1.piece"
    data = path.read_bytes()
    start = data.rindex(MANIFEST_ID) - 8
    text = data[start + 24 : -4]
    other = json.dumps(json.loads(text) | changes).encode()
    size = len(other) + 28
    head = struct.pack(">I4s16s", size, b"uuid", MANIFEST_ID)
    path.write_bytes(data[:start] + head + other + struct.pack(">I", size))
    with refused():
        run(plan, folder)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff" * 40, b"[" * 100_000, b"{}" * 9])
def test_a_manifest_that_is_none(plan: FilmPlan, folder: Path, text: bytes) -> None:
    path = folder / "1.piece"
    data = path.read_bytes()
    start = data.rindex(MANIFEST_ID) - 8
    size = len(text) + 28
    head = struct.pack(">I4s16s", size, b"uuid", MANIFEST_ID)
    path.write_bytes(data[:start] + head + text + struct.pack(">I", size))
    with refused():
        run(plan, folder)


def test_pieces_that_are_exchanged(plan: FilmPlan, whole: Path, folder: Path) -> None:
    shutil.copy(whole / "0.piece", folder / "1.piece")
    with refused("piece 1 holds segment 0"):
        run(plan, folder)


def test_the_piece_of_another_plan(plan: FilmPlan, folder: Path) -> None:
    other = made_up_film(
        track_params(model="none", stride=STRIDE), [41 * index for index in range(FRAMES)], [CUT]
    )
    write_piece(other, 1, folder / "1.piece", frames_of(other, 1))
    with refused("another plan"):
        run(plan, folder)


def test_the_payload_of_a_piece_with_other_frames(plan: FilmPlan, folder: Path) -> None:
    longer = made_up_film(plan.film.params, [40 * index for index in range(FRAMES)], [30])  # type: ignore[arg-type]
    write_piece(longer, 1, folder / "1.piece", frames_of(longer, 1))
    payload = (folder / "1.piece").read_bytes()
    (folder / "1.piece").write_bytes(payload[: payload.rindex(MANIFEST_ID) - 8])
    add_manifest(plan, 1, folder / "1.piece")
    with refused("'counts_00001' is not int32"):
        run(plan, folder)


COUNTS, ROWS, GRAYS = "counts_00000.npy", "detections_00000.npy", "grays_00000.npy"


def _replace(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, bytes]], None]:
    def replace(found: dict[str, bytes]) -> None:
        found[name] = npy(change(array(found[name]).copy()))

    return replace


def _put(place: Any, value: float) -> Callable[[Any], Any]:
    def put(values: Any) -> Any:
        values[place] = value
        return values

    return put


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_replace(COUNTS, lambda counts: counts.astype(np.int64)), "'counts_00000' is not int32"),
        (_replace(COUNTS, lambda counts: counts[:, None]), "'counts_00000' is not int32"),
        (_replace(COUNTS, lambda counts: counts[:-1]), "'counts_00000' is not int32"),
        (_replace(COUNTS, lambda counts: counts.astype(">i4")), "'counts_00000' is not int32"),
        (_replace(COUNTS, _put(0, -1)), "claims -1 to 1 boxes"),
        (_replace(COUNTS, _put(0, 2**31 - 1)), "claims 0 to 2147483647 boxes"),
        (_replace(COUNTS, _put(slice(0, None, 2), 300)), "'detections_00000' is not float32"),
        (_replace(COUNTS, _put(1, 1)), "did not see"),
        (_replace(COUNTS, _put(0, 0)), "'detections_00000' is not float32"),
        (_replace(ROWS, lambda rows: rows[:, :5]), "'detections_00000' is not float32"),
        (_replace(ROWS, lambda rows: rows.T), "'detections_00000' is not float32"),
        (_replace(ROWS, np.asfortranarray), "'detections_00000' is not float32"),
        (_replace(ROWS, lambda rows: rows.astype(np.float64)), "'detections_00000' is not float32"),
        (_replace(ROWS, _put((3, 2), np.nan)), "no numbers"),
        (_replace(ROWS, _put((3, 4), np.inf)), "no numbers"),
        (_replace(ROWS, _put((3, 5), 2)), "class"),
        (_replace(ROWS, _put((3, 5), -1)), "class"),
        (_replace(ROWS, _put((3, 5), 1e30)), "class"),
        (_replace(GRAYS, lambda grays: grays[:, :-1]), "'grays_00000' is not uint8"),
        (_replace(GRAYS, lambda grays: grays[..., None]), "'grays_00000' is not uint8"),
        (_replace(GRAYS, lambda grays: grays.astype(np.int8)), "'grays_00000' is not uint8"),
        (lambda found: found.pop(ROWS), "4 arrays|arrays"),
        (lambda found: found.update({"more.npy": npy([1])}), "arrays"),
        (lambda found: found.update({"x" * 60_000: found.pop(ROWS)}), "arrays"),
        (lambda found: found.update({ROWS.upper(): found.pop(ROWS)}), "arrays"),
        (lambda found: found.update({ROWS: b""}), "'detections_00000' is not float32"),
        (lambda found: found.update({ROWS: found[ROWS][:-1]}), "'detections_00000' is not float32"),
        (lambda found: found.update({"about.npy": npy(np.zeros(2**21, np.uint8))}), "too long"),
        (lambda found: found.update({"about.npy": b""}), "too long"),
        (
            lambda found: found.update({"about.npy": npy(np.frombuffer(b"[" * 9999, np.uint8))}),
            "this version",
        ),
    ],
)
def test_arrays_that_are_others(
    plan: FilmPlan, folder: Path, change: Callable[[dict[str, bytes]], object], words: str
) -> None:
    rewrite(plan, folder, change)
    with refused(words):
        run(plan, folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"gray_size": [1, 1]},
        {"gray_size": [96, 54]},
        {"gray_size": [320, 321]},
        {"gray_size": [-54, -96]},
        {"max_detections": 10**9},
        {"max_detections": 299},
        {"reused_frames": 10**9},
        {"reused_frames": -1},
        {"classes": []},
        {"classes": ["person"]},
        {"classes": ["person", "cat"]},
        {"classes": ["person", "ball\n"]},
        {"input_size": [96, 161]},
        {"input_size": [0, 0]},
        {"more": 1},
    ],
    ids=str,
)
def test_facts_that_are_others(plan: FilmPlan, folder: Path, changes: dict[str, Any]) -> None:
    def change(found: dict[str, bytes]) -> None:
        text = json.dumps(json.loads(array(found["about.npy"]).tobytes()) | changes)
        found["about.npy"] = npy(np.frombuffer(text.encode(), np.uint8))

    rewrite(plan, folder, change)
    with refused():
        run(plan, folder)


def test_a_pickle_is_not_loaded(plan: FilmPlan, folder: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (open, (str(tmp_path / "made"), "w"))

    objects = np.array([[Bomb() for _ in range(6)]], object)
    assert pickle.dumps(objects)
    (tmp_path / "made").unlink(missing_ok=True)
    rewrite(plan, folder, lambda found: found.update({ROWS: npy(objects, allow_pickle=True)}))
    with refused("'detections_00000' is not float32"):
        run(plan, folder)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(plan: FilmPlan, folder: Path, kind: int) -> None:
    rewrite(plan, folder, lambda _: None, kind)
    with refused():
        run(plan, folder)


def test_an_array_that_grows_a_thousandfold_is_not_unpacked(plan: FilmPlan, folder: Path) -> None:
    rewrite(plan, folder, lambda found: found.update({GRAYS: found[GRAYS] + bytes(HUGE_BYTES)}))
    assert (folder / "1.piece").stat().st_size < 1_000_000
    with refused("'grays_00000' is not uint8"):
        run(plan, folder)


def test_an_array_that_grows_though_its_entry_says_it_does_not(plan: FilmPlan, folder: Path) -> None:
    path = folder / "1.piece"
    length = len(members(path)[GRAYS])
    rewrite(plan, folder, lambda found: found.update({GRAYS: found[GRAYS] + bytes(HUGE_BYTES)}))
    data = path.read_bytes()
    payload = bytearray(data[: data.rindex(MANIFEST_ID) - 8])
    size = struct.pack("<L", length + HUGE_BYTES)
    assert payload.count(size) == 2, "in the member's header and in the directory"
    path.write_bytes(payload.replace(size, struct.pack("<L", length)))
    add_manifest(plan, 1, path)
    with refused():
        run(plan, folder)


@pytest.mark.parametrize(
    ("place", "kind", "value"),
    [
        (-14, "<H", 65535),
        (-12, "<H", 65535),
        (-12, "<H", 6),
        (-10, "<L", 2**32 - 1),
        (-10, "<L", 0),
        (-6, "<L", 2**32 - 1),
        (-6, "<L", 0),
        (-2, "<H", 65535),
        (-18, "<H", 1),
    ],
)
def test_the_end_of_the_zip_file(plan: FilmPlan, folder: Path, place: int, kind: str, value: int) -> None:
    path = folder / "1.piece"
    data = path.read_bytes()
    payload = bytearray(data[: data.rindex(MANIFEST_ID) - 8])
    struct.pack_into(kind, payload, len(payload) + place, value)
    path.write_bytes(payload)
    add_manifest(plan, 1, path)
    with refused():
        run(plan, folder)


def test_a_directory_that_a_zip64_record_describes(plan: FilmPlan, folder: Path) -> None:
    path = folder / "1.piece"
    data = path.read_bytes()
    payload = data[: data.rindex(MANIFEST_ID) - 8]
    end = payload[-22:]
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2**40, 2**40, 2**40, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(payload) - 22, 1)
    path.write_bytes(payload[:-22] + record + locator + end)
    add_manifest(plan, 1, path)
    with refused("arrays"):
        run(plan, folder)


def test_a_directory_of_many_entries(plan: FilmPlan, folder: Path) -> None:
    path = folder / "1.piece"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}", b"")
    add_manifest(plan, 1, path)
    with refused("arrays"):
        run(plan, folder)


def test_a_piece_of_zeros_that_takes_no_room(plan: FilmPlan, folder: Path) -> None:
    path = folder / "1.piece"
    with path.open("wb") as file:
        file.truncate(60_000_000)
    add_manifest(plan, 1, path)
    with refused("arrays"):
        run(plan, folder)


def test_the_memory_for_a_piece_does_not_grow_with_its_frames(tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (180, 320), np.uint8)
    peaks = []
    for frames in (BLOCK_FRAMES, 4 * BLOCK_FRAMES):
        plan = made_up_film(track_params(model="none", tracker="botsort"), range(frames), [])
        path = tmp_path / f"{frames}.piece"
        tracemalloc.start()
        manifest = write_piece(plan, 0, path, ((BOX, gray) for _ in range(frames)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.reset_peak()
        shape = TrackPieceShape(
            number=0,
            payload_bytes=manifest.payload_bytes,
            first_frame=0,
            frames=frames,
            stride=1,
            gray_size=None,
        )
        with open_track_piece(path, shape) as piece:
            assert sum(np.array_equal(shown, gray) for _, shown in piece.frames()) == frames
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    block = BLOCK_FRAMES * gray.size
    assert all(block < peak < 5 * block for peak in peaks)


HUGE = Fraction(10**400)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0},
        {"height": -5},
        {"width": 10**30},
        {"time_base": Fraction(0)},
        {"time_base": Fraction(-1, 25)},
        {"time_base": HUGE},
        {"time_base": 1 / HUGE},
        {"sample_aspect_ratio": Fraction(0)},
        {"sample_aspect_ratio": HUGE},
        {"average_rate": Fraction(-1)},
        {"average_rate": HUGE},
        {"start_s": HUGE},
        {"skipped_frames": -1},
        {"frames": -1},
        {"duration_s": -1.0},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_plan_for_a_video_that_cannot_be(plan: FilmPlan, changes: dict[str, Any]) -> None:
    info = replace(plan.source.info, **changes)
    data = document(plan.model_copy(update={"source": plan.source.model_copy(update={"info": info})}))
    assert read_plan(document(plan), expected_hash=hash_of(document(plan))) == plan
    with pytest.raises(PlanRefused):
        read_plan(data, expected_hash=hash_of(data))


@pytest.mark.parametrize(
    "changes",
    [
        {"first_frame": -1},
        {"first_frame": 9},
        {"frames": 0},
        {"frames": 10**30},
        {"number": 0},
        {"decode_pts": -(10**30)},
        {"first_pts": 10**30},
        {"first_byte": -1},
    ],
    ids=str,
)
def test_a_plan_with_segments_that_cannot_be(plan: FilmPlan, whole: Path, changes: dict[str, Any]) -> None:
    segments = (plan.segments[0], plan.segments[1].model_copy(update=changes))
    data = document(plan.model_copy(update={"segments": segments}))
    with pytest.raises(PlanRefused):
        associate(
            read_plan(data, expected_hash=hash_of(data)),
            LocalPieces(whole),
            JobContext(connect=no_triton),
            plan_hash=hash_of(data),
        )
