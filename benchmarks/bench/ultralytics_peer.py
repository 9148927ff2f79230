"""Tracks a video with ultralytics, one frame at a time, as `yolo track` does: the peer of tracking.

    python -m benchmarks.bench.ultralytics_peer WEIGHTS.pt|MODEL.onnx VIDEO THREADS

It calls ultralytics' documented API, with ByteTrack, as we do: the default, BoT-SORT, also compensates camera
motion and takes longer. The first run is a warm-up and is not counted.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.bench.contender_process import serve, time_run
from export_onnx.detection.yolo import load_ultralytics

if TYPE_CHECKING:
    from pathlib import Path

MODULE = "benchmarks.bench.ultralytics_peer"
PIXELS = "images"
"""The input of ultralytics: float [N, 3, H, W] RGB, 0..1."""


def convert_for_ultralytics(served: Path, out: Path, *, classes: list[str], stride: int) -> Path:
    """Convert a model that we serve for ultralytics, which feeds another input layout.

    Four operators in front of the graph convert the input, which costs less than 1 %. The metadata that
    ultralytics reads is added. Returns `out`.
    """
    model = onnx.load(served)
    graph = model.graph
    ours = graph.input[0].name
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(PIXELS, TensorProto.FLOAT, ["N", 3, "H", "W"]))
    graph.initializer.append(numpy_helper.from_array(np.array(255, np.float32), "bench_levels"))
    front = [
        helper.make_node("Transpose", [PIXELS], ["bench_nhwc"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["bench_nhwc", "bench_levels"], ["bench_scaled"]),
        helper.make_node("Round", ["bench_scaled"], ["bench_rounded"]),
        helper.make_node("Cast", ["bench_rounded"], [ours], to=TensorProto.UINT8),
    ]
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*front, *nodes])
    facts = {
        "task": "detect",
        "stride": str(stride),
        "names": str(dict(enumerate(classes))),
        "imgsz": str([640, 640]),
        "batch": "1",
        "end2end": "True",
        "args": str({"dynamic": True}),
    }
    helper.set_model_props(model, facts)
    onnx.save(model, out)
    return out


def main() -> None:
    """Answer requests on standard input."""
    path, video, threads = sys.argv[1:]
    ultralytics = load_ultralytics()
    import torch  # noqa: PLC0415  only now may ultralytics, which imports it, be loaded

    torch.set_num_threads(int(threads))
    model = ultralytics.YOLO(path, task="detect")

    def track() -> int:
        results = model.track(
            source=video,
            stream=True,
            tracker="bytetrack.yaml",
            imgsz=640,
            device="cpu",
            verbose=False,
            save=False,
        )
        return sum(1 for _ in results)

    def answer() -> dict[str, Any]:
        return time_run(track)

    serve(answer)


if __name__ == "__main__":
    main()
