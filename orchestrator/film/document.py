"""Defines the plan of a film and the manifest of a piece, and reads and hashes plans.

A plan is stored as JSON, and its hash is the SHA-256 of these bytes.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from orchestrator.errors import PlanRefused
from orchestrator.frames import VideoInfo
from orchestrator.jobs.crop import MOST_KEYFRAMES, FollowedStretch
from orchestrator.jobs.fidelity import ComparedPicture
from orchestrator.jobs.film import MOST_SEGMENTS, PLAN_VERSION, ExportFilm, Sha256, TrackFilm, UpscaleFilm
from orchestrator.jobs.validation import Name, Strict, check_text
from orchestrator.media.read.description_check import checked_video
from orchestrator.media.read.short_index import SampleTables, TableEntries
from orchestrator.transport import Transport

LARGEST_TICKS = 2**62
"""Times in ticks are below this, so that sums of two of them fit into 64 bits."""

_Ticks = Annotated[int, Field(gt=-LARGEST_TICKS, lt=LARGEST_TICKS)]
"""A time in ticks of the source's time_base."""

_Position = Annotated[int, Field(ge=0, lt=2**63)]
"""A position in a file, or a size, in bytes."""


class FilmSource(Strict):
    """The video that a plan was made from."""

    bytes: _Position
    """The size of the file, in bytes."""
    etag: str | None
    """The strong ETag of the object, with its quotes; None if the server sends none. For a local file it is
    what `same_source.local_etag` returns."""
    info: Annotated[VideoInfo, AfterValidator(checked_video)]
    """Its description, as `media.read.probe` makes it."""


class FilmModel(Strict):
    """The model that a plan was made for."""

    name: str
    """Its name in the model repository."""
    weights_sha256: str
    """The SHA-256 of its weights. Workers with other weights refuse the plan."""
    precision: str
    """The precision of its arithmetic: fp32 or fp16."""
    tensors: str
    """What its requests consist of: planes or image. Weights answer otherwise in another contract."""


class FilmEncoder(Strict):
    """The encoder of every piece, with the options that make pieces fit together."""

    encoder: str
    """FFmpeg's name of the encoder."""
    pixel_format: str
    """FFmpeg's name of its pixel format."""
    options: dict[str, str]
    """Its options: those of an ordinary job, with a closed GOP, equal headers and a fixed thread count."""
    tag: str | None
    """The four-letter code of the codec in the film; None for FFmpeg's choice."""
    threads: int
    """The number of its threads, as the bits of some encoders depend on it."""


class FilmSegment(Strict):
    """A segment of a plan: consecutive frames, from a keyframe of the source on."""

    number: int = Field(ge=0)
    """Its number, from 0."""
    first_frame: int = Field(ge=0)
    """The index of its first frame in the film."""
    frames: int = Field(ge=1)
    """How many frames it has."""
    first_pts: _Ticks
    """The pts of its first frame in the source, in ticks of the source's time_base."""
    last_pts: _Ticks
    """The pts of its last frame in the source."""
    decode_pts: _Ticks
    """The pts of the keyframe at which decoding starts: at most `first_pts`."""
    begins_shot: bool
    """Whether its keyframe was probably placed at a cut between shots."""
    first_byte: _Position
    """The position of the first packet that it needs, in bytes from the start of the file."""
    end_byte: _Position
    """The position after the last packet that it needs, its leading and reordered packets included."""
    entries: TableEntries | None
    """What it needs of the tables of `FilmPlan.index`; None if it needs the whole index."""
    work_sec: float | None = Field(ge=0, allow_inf_nan=False)
    """How many seconds one worker needs for it, by the table of speeds; None if that has none."""


def _in_order(segments: tuple[FilmSegment, ...]) -> tuple[FilmSegment, ...]:
    if any(segment.number != number for number, segment in enumerate(segments)):
        raise ValueError("segments are numbered from 0, in order")
    return segments


class FilmPlan(Strict):
    """The plan of a film. Its hash is the SHA-256 of its document (`plan_hash`)."""

    version: Literal[4] = PLAN_VERSION
    """The version of this format."""
    film: UpscaleFilm | ExportFilm | TrackFilm = Field(discriminator="task")
    """What it was made for. Models are named, and a crop that follows a track is a list of keyframes."""
    followed: tuple[FollowedStretch, ...] | None = Field(default=None, max_length=MOST_KEYFRAMES)
    """Whom its crop follows when, for the result; None if it follows nobody."""
    source: FilmSource
    """The video it was made from."""
    model: FilmModel | None
    """The model; None without one."""
    encoder: FilmEncoder | None
    """The encoder of the pieces; None for tracking."""
    pts: tuple[tuple[int, int], ...]
    """When the frames are shown, in ticks of the source's time_base: the pts of the first frame and 1, then
    pairs of a distance to the frame before and how many frames in a row have it."""
    last_duration: int = Field(ge=0, lt=LARGEST_TICKS)
    """How long the last frame is shown, in the same ticks; 0 if the source does not say."""
    index: SampleTables | None
    """Where the index of an MP4 source is; None if it is short or unusual: each segment reads all of it."""
    segments: Annotated[tuple[FilmSegment, ...], Field(max_length=MOST_SEGMENTS), AfterValidator(_in_order)]
    """The segments, in order; together they have all frames."""
    hardest: int = Field(ge=0)
    """The number of the segment with the most change and detail, which is about ten seconds long where the
    keyframes allow it: the one to preview."""
    notes: tuple[str, ...]
    """Sentences for the user that are known when the film is planned."""


MOST_REORDERED = 64
"""Largest value of `PieceManifest.reorder`. Codecs reorder by 16 pictures at most, HEVC and AV1 included."""

LONGEST_SEGMENT_SEC = 1e7
"""Largest value of `PieceManifest.wall_sec`, four months."""

_Sentence = Annotated[str, Field(max_length=2000), AfterValidator(check_text)]
"""A line of text for the user."""


class PieceManifest(Strict):
    """Describes a piece: the stored result of a segment."""

    version: Literal[4] = PLAN_VERSION
    """The version of this format."""
    plan_hash: Sha256
    """The hash of the plan."""
    number: int = Field(ge=0)
    """The number of the segment."""
    frames: int = Field(ge=1)
    """How many frames it has."""
    payload_bytes: int = Field(ge=0)
    """The size of its content without this manifest, in bytes."""
    payload_sha256: Sha256
    """The SHA-256 of that content."""
    headers_sha256: Sha256 | None
    """The SHA-256 of the codec's headers (SPS, PPS and the like), which all pieces share; None for tracks."""
    reorder: int = Field(ge=0, le=MOST_REORDERED)
    """The most places by which the encoder's order of decoding differs from that of presentation."""
    transport: Transport | None
    """How tensors reached Triton; None without a model."""
    tile: tuple[int, int] | None
    """[height, width] of the tiles that the model saw, in input pixels; None without an upscaler."""
    reused: float | None = Field(ge=0, le=1)
    """The share of the picture area that was not inferred again, 0 to 1; None without a model."""
    fidelity: tuple[ComparedPicture, ...] = Field(max_length=1000)
    """The frames of the piece that the result reports, compared with the source; `frame` and `time_sec` count
    from the film's start."""
    wall_sec: float = Field(ge=0, le=LONGEST_SEGMENT_SEC)
    """How many seconds the segment took."""
    gpu: Name | None
    """The GPU that made it, as the price table names it; None on a CPU."""
    notes: tuple[_Sentence, ...] = Field(max_length=100)
    """Sentences for the user."""


def document(plan: FilmPlan) -> bytes:
    """Return the bytes of a plan as they are stored: the same plan always gives the same bytes."""
    return plan.model_dump_json().encode()


def hash_of(data: bytes) -> str:
    """Return the hash of a stored plan, 64 lowercase hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read_plan(data: bytes, *, expected_hash: str) -> FilmPlan:
    """Read a stored plan.

    Args:
        data: the bytes of the document.
        expected_hash: the hash that the job names.

    Raises:
        PlanRefused: it has another hash, another version, or is not a plan.
    """
    if hash_of(data) != expected_hash:
        raise PlanRefused("the plan is not the one that the job names: its hash differs; plan the film again")
    try:
        return FilmPlan.model_validate_json(data)
    except ValidationError as exc:
        raise PlanRefused(
            f"the plan was made by another version of the worker, and this one reads version {PLAN_VERSION}; "
            "plan the film again"
        ) from exc
