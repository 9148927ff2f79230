"""The peer of upscaling: the way of Real-ESRGAN's video script, one step after the other for every frame.

    python -m benchmarks.bench.script_peer WEIGHTS.pth VIDEO OUT.mp4 THREADS

A program decodes into a pipe; the frame becomes a float tensor, goes through PyTorch whole, comes back, is
clamped, rounded and written into another pipe, at whose end a program encodes (`pipe.py`, FFmpeg's libraries
on both ends). The network is spandrel's, the weights and the encoder's settings are those that we use.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from spandrel import ModelLoader

from benchmarks.bench.child import serve, timed
from orchestrator.media.read.probe import probe

MODULE = "benchmarks.bench.script_peer"


def main() -> None:
    """Serve."""
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
        frames = 0
        while len(raw := decoder.stdout.read(width * height * 3)) == width * height * 3:
            encoder.stdin.write(enlarged(raw))
            frames += 1
        encoder.stdin.close()
        decoder.wait()
        if encoder.wait():
            raise RuntimeError("the encoder failed; its error stands above")
        return frames

    def enlarged(raw: bytes) -> bytes:
        picture = np.frombuffer(raw, np.uint8).reshape(height, width, 3).astype(np.float32) / 255
        tensor = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).unsqueeze(0)
        with torch.no_grad():
            result = network(tensor)
        large = result.squeeze(0).float().clamp_(0, 1).numpy().transpose(1, 2, 0)
        return np.ascontiguousarray((large * 255).round().astype(np.uint8)).tobytes()

    def answer() -> dict[str, Any]:
        return timed(upscale)

    serve(answer)


if __name__ == "__main__":
    main()
