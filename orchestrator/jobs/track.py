"""The track job: what it is asked and what it answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from orchestrator.jobs.cost import Cost
from orchestrator.jobs.validation import Name, Strict


class TrackParams(Strict):
    """What to find, and how.

    Attributes:
        model: a detector from the model repository, or the alias `yolov8`.
        classes: names of the classes to report; None reports all. Where the model has no class of a name that
            holds commas, it is taken for several names with commas between.
        confidence: tracks whose detections score less on average are not reported. The tracker itself sees
            all boxes that the model gives, so that a track goes on through moments of doubt.
        tracker: `botsort` also follows the camera's motion.
        stride: every how many frames the detector looks; boxes between are interpolated.
        fill_gaps_sec: gaps in a track of at most this many seconds are filled by interpolation.
        side: longer side of the pictures that the detector sees, in pixels; None takes the model's own.
        batch: most frames in one request to the detector.
    """

    model: Name = "yolov8"
    classes: tuple[Name, ...] | None = None
    confidence: float = Field(default=0.5, ge=0, le=1, allow_inf_nan=False)
    tracker: Literal["bytetrack", "botsort"] = "bytetrack"
    stride: int = Field(default=1, ge=1, le=30)
    fill_gaps_sec: float = Field(default=0.0, ge=0, le=10, allow_inf_nan=False)
    side: int | None = Field(default=None, ge=32, le=4096)
    batch: int = Field(default=4, ge=1, le=64)

    @field_validator("classes")
    @classmethod
    def _some(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names == ():
            raise ValueError("name at least one class, or leave it out for all")
        return names


class TrackedVideo(Strict):
    """The video that was tracked.

    Attributes:
        width, height: of the picture as displayed, in square pixels.
        frames: frames decoded.
        fps: frames per second, as a fraction such as 24000/1001.
        duration_sec: presentation time, in seconds.
        cuts: index of the first frame of each shot but the first.
    """

    width: int
    height: int
    frames: int
    fps: str
    duration_sec: float
    cuts: tuple[int, ...]


class TrackStats(Strict):
    """What was done.

    Attributes:
        model: name of the model.
        tracks: tracks reported.
        boxes: boxes in them.
        unreported_tracks: tracks of another class, or of a lower score than was asked for.
        cuts: cuts between shots that were found; each ends all tracks.
        detector_input: [height, width] of the pictures that the detector saw.
        wall_sec: seconds the job took.
        fps: frames per second of wall time.
        transport: how tensors reached Triton: shared_memory or grpc.
        reused: how many of the frames to be looked at were equal to the one before, and not inferred again,
            0 to 1.
        cost: what the seconds came to; None where there is no GPU, or no price of it is known.
    """

    model: str
    tracks: int
    boxes: int
    unreported_tracks: int
    cuts: int
    detector_input: tuple[int, int]
    wall_sec: float
    fps: float
    transport: Literal["shared_memory", "grpc"]
    reused: float
    cost: Cost | None = None


class TrackResult(Strict):
    """The finished job, without its tracks: they may be many, and are written one by one.

    Attributes:
        notes: everything a user should know, one sentence each.
    """

    status: Literal["completed"] = "completed"
    video: TrackedVideo
    stats: TrackStats
    notes: tuple[str, ...] = ()


class TrackedBox(Strict):
    """Where a thing is in a frame.

    Attributes:
        frame: index of the decoded frame, from 0.
        bbox: left, top, width, height in pixels of the picture as displayed, within it, two decimals.
        confidence: the detector's score of the box, 0 to 1; of an interpolated one, between its neighbours'.
        interpolated: true where the detector did not look or did not see; absent elsewhere.
    """

    frame: int
    bbox: tuple[float, float, float, float]
    confidence: float
    interpolated: bool = False


class Track(Strict):
    """One thing, through the video.

    Attributes:
        id: from 1, in order of first appearance.
        class_name: what it is.
        first_sec, last_sec: presentation times of its first and its last box, on the video's own clock.
        frames: its boxes, in order.
    """

    id: int
    class_name: str
    first_sec: float
    last_sec: float
    frames: tuple[TrackedBox, ...]


class TrackAnswer(TrackResult):
    """The finished job as it is told.

    Attributes:
        tracks: what was found.
    """

    tracks: tuple[Track, ...]


class TrackStored(TrackResult):
    """The finished job whose tracks are too many for an answer: they are where the job wanted them.

    Attributes:
        output_url: where the document is: what the answer would have been. Without its query.
        json_bytes: of the document.
        gzip_bytes: of the file, where it is gzipped; null where it is the document itself.
    """

    output_url: str
    json_bytes: int
    gzip_bytes: int | None
