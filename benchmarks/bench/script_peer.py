"""Upscales a video as Real-ESRGAN's video script does, frame by frame in PyTorch: the peer of upscaling.

    python -m benchmarks.bench.script_peer WEIGHTS.pth VIDEO OUT.mp4 THREADS

A decoder process writes frames into a pipe. Each becomes a float tensor, goes through the network whole, is
clamped and rounded, and is written into the pipe of an encoder process (`pipe.py`, FFmpeg's libraries at both
ends). The network comes from spandrel; weights and encoder settings are ours.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from spandrel import ModelLoader

from benchmarks.bench.contender_process import serve, time_run
from orchestrator.media.read.probe import probe

MODULE = "benchmarks.bench.script_peer"


def main() -> None:
    """Answer requests on standard input."""
    weights, video, out, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    loaded = ModelLoader(device="cpu").load_from_file(weights)
    network, scale = loaded.model.eval(), loaded.scale
    width, height = probe(Path(video)).display_size

    def upscale() -> int:
        pipe = [sys.executable, "-m", "benchmarks.bench.pipe"]
        decoder = subprocess.Popen([*pipe, "decode", video], stdout=subprocess.PIPE)
        sizes = [str(width * scale), str(height * scale)]
        encoder = subprocess.Popen([*pipe, "encode", out, *sizes], stdin=subprocess.PIPE)
        assert decoder.stdout is not None  # both are pipes
        assert encoder.stdin is not None
        frames = 0
        while len(raw := decoder.stdout.read(width * height * 3)) == width * height * 3:
            encoder.stdin.write(upscale_frame(raw))
            frames += 1
        encoder.stdin.close()
        decoder.wait()
        if encoder.wait():
            raise RuntimeError("the encoder failed; its error is printed above")
        return frames

    def upscale_frame(raw: bytes) -> bytes:
        picture = np.frombuffer(raw, np.uint8).reshape(height, width, 3).astype(np.float32) / 255
        tensor = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).unsqueeze(0)
        with torch.no_grad():
            result = network(tensor)
        large = result.squeeze(0).float().clamp_(0, 1).numpy().transpose(1, 2, 0)
        return np.ascontiguousarray((large * 255).round().astype(np.uint8)).tobytes()

    def answer() -> dict[str, Any]:
        return time_run(upscale)

    serve(answer)


if __name__ == "__main__":
    main()
