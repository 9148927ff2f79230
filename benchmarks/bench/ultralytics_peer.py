"""The peer of tracking: ultralytics' `track`, as `yolo track` calls it, one picture at a time.

    python -m benchmarks.bench.ultralytics_peer WEIGHTS.pt|MODEL.onnx VIDEO THREADS

ultralytics is called, by its documented API. It tracks with ByteTrack, as we do; its default, BoT-SORT, also
follows the camera and takes longer. It is warm: the first run is not counted.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.bench.child import serve, timed
from export_onnx.detection.yolo import library

if TYPE_CHECKING:
    from pathlib import Path

MODULE = "benchmarks.bench.ultralytics_peer"
PIXELS = "images"
"""What ultralytics feeds: float [N, 3, H, W] RGB, 0..1."""


def for_ultralytics(served: Path, out: Path, *, classes: list[str], stride: int) -> Path:
    """Make a model of ours one that ultralytics takes: its input is ours in another layout, all else stays.

    Four operators are put in front, and what ultralytics reads beside the graph; they cost under a percent.
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
    """Serve."""
    path, video, threads = sys.argv[1:]
    ultralytics = library()
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
        return timed(track)

    serve(answer)


if __name__ == "__main__":
    main()
