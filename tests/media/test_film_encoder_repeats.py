"""Tests that encoders of pieces make the same bits again, whatever the memory that they get holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from orchestrator.media.write.film_encoder import PIECE_OPTIONS, THREADS

ENCODE = """
import hashlib, json, sys
from fractions import Fraction
import av, cv2, numpy as np

codec, threads, options = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
digest = hashlib.sha256()
for width, height in json.loads(sys.argv[4]):
    noise = np.random.default_rng(0).integers(0, 255, (height, 2 * width, 3), dtype=np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 3)
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.thread_count = Fraction(1, 25), Fraction(25), threads
    encoder.options = options
    for number in range(30):
        moved = np.ascontiguousarray(picture[:, number : number + width])
        frame = av.VideoFrame.from_ndarray(moved, "rgb24").reformat(format="yuv420p", threads=1)
        frame.pts = number
        for packet in encoder.encode(frame):
            digest.update(bytes(packet))
    for packet in encoder.encode(None):
        digest.update(bytes(packet))
print(digest.hexdigest())
"""


@pytest.mark.parametrize(
    ("codec", "preset", "sizes"),
    [
        ("libx264", "veryfast", [(48, 48), (96, 64), (176, 144)]),
        ("libx264", "medium", [(48, 48), (96, 64), (176, 144)]),
        ("libx265", "ultrafast", [(96, 64), (176, 144)]),
    ],
)
def test_the_bits_do_not_depend_on_what_was_in_memory(
    codec: str, preset: str, sizes: list[tuple[int, int]]
) -> None:
    options = {"preset": preset, "crf": "22", **PIECE_OPTIONS[codec]}
    command = [sys.executable, "-c", ENCODE, codec, str(THREADS), json.dumps(options), json.dumps(sizes)]
    digests = {
        subprocess.run(
            command,
            env={**os.environ, "MALLOC_PERTURB_": byte},  # glibc fills new memory with its complement
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        ).stdout
        for byte in ("0", "85", "99", "255")
    }
    assert len(digests) == 1
