"""Measures the models on this machine's NVIDIA GPU and recommends settings.

    python -m benchmarks.gpu                    all four models; tables, and JSON in benchmarks/results/
    python -m benchmarks.gpu --quick            one size of video, fewer settings
    python -m benchmarks.gpu --model yolov8n    one model; the option can be repeated
    python -m benchmarks.gpu --device cpu       a trial run without a GPU, with the two lite models

Without a GPU it prints that nothing was measured. docs/gpu.md says what it needs and what it prints.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # run as `python benchmarks/gpu`
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.gpu import nvidia_smi

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.gpu.exported_models import Network
    from benchmarks.gpu.plan import Plan
    from benchmarks.gpu.report import Results
    from export_onnx.tensor_names import Precision

RESULTS = Path(__file__).resolve().parents[1] / "results"
NO_GPU = (
    "not measured: there is no NVIDIA GPU on this machine (nvidia-smi finds none); `--device cpu` rehearses"
)
PROGRAMS = ("torch", "onnxruntime-gpu", "onnxruntime", "nvidia-pytriton", "tritonclient", "av")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 0 even if there is nothing to measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--model", action="append", metavar="NAME", help="can be repeated; default: all")
    parser.add_argument("--quick", action="store_true", help="one size of video, fewer settings")
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON; default: benchmarks/results/")
    given = parser.parse_args(arguments)
    card = None
    if given.device == "cuda":
        card = nvidia_smi.find_gpu()
        if card is None:
            print(NO_GPU)
            return 0
        # Triton would use all GPUs, and CUDA numbers them in another order than nvidia-smi.
        os.environ |= {"CUDA_VISIBLE_DEVICES": nvidia_smi.chosen_gpu(), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before onnxruntime is imported

    from benchmarks.gpu import exported_models  # noqa: PLC0415  torch takes seconds
    from benchmarks.gpu import plan as gpu_plan  # noqa: PLC0415
    from benchmarks.gpu import report as gpu_report  # noqa: PLC0415

    known = (*exported_models.RANDOM, *exported_models.CARRIED)
    names = given.model or (exported_models.RANDOM if card else exported_models.CARRIED)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no model {unknown[0]}; there are {', '.join(known)}")
    plan = gpu_plan.CPU if card is None else gpu_plan.QUICK if given.quick else gpu_plan.GPU
    if problem := _unfit(plan.device):
        print(f"error: {problem}", file=sys.stderr)
        return 1
    results = gpu_report.Results(
        command=" ".join(["python -m benchmarks.gpu", *(sys.argv[1:] if arguments is None else arguments)]),
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        machine=f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {_triton()}",
        device=plan.device,
        card=card,
        versions=_versions(),
    )
    output = given.output or RESULTS / gpu_report.file_name(results)
    _measure(results, plan, names, lambda: results.write(output))
    print(f"\nwritten to {output}")
    return 0


def _measure(results: Results, plan: Plan, names: Sequence[str], keep: Callable[[], None]) -> None:
    """Measure model by model; print the tables and save the results after each step."""
    from benchmarks.gpu import exported_models, host_table, runtimes  # noqa: PLC0415
    from benchmarks.gpu import plan as gpu_plan  # noqa: PLC0415
    from benchmarks.gpu import report as gpu_report  # noqa: PLC0415

    results.rates |= runtimes.matrix_rates(plan.device, seconds=plan.seconds)
    print(gpu_report.heading(results), flush=True)
    keep()
    with tempfile.TemporaryDirectory(prefix="framewright-gpu-") as scratch:
        folder = Path(scratch) / "host"
        folder.mkdir()
        measured = host_table.measure_host(folder, device=plan.device, quick=plan is gpu_plan.QUICK)
        results.host = host_table.as_json(measured)
        print(f"\n## What the host costs\n\n{gpu_report.host_tables(results)}", flush=True)
        keep()
        for name in names:
            print(f"\n## {name}\n", flush=True)
            found: dict[Precision, Network] = {
                precision: exported_models.export(name, precision, Path(scratch))
                for precision in plan.precisions
            }
            _measure_one(results, plan, found, Path(scratch) / "engines", keep)
            keep()
    print(f"\n## Recommended\n\n{gpu_report.advice(results.recommended) or 'nothing: no model ran'}")
    if rows := gpu_report.speeds(results):
        print(f"\n## For a table of costs (FRAMEWRIGHT_COST_TABLE)\n\n{rows}")


def _measure_one(
    results: Results,
    plan: Plan,
    found: dict[Precision, Network],
    engines: Path,
    keep: Callable[[], None],
) -> None:
    from benchmarks.gpu import recommendation, runtime_sweep, triton_sweep  # noqa: PLC0415
    from benchmarks.gpu import report as gpu_report  # noqa: PLC0415

    name = next(iter(found.values())).name
    engines.mkdir(exist_ok=True)
    sweep = runtime_sweep.RuntimeSweep(found, plan, results.rates, engines)
    results.operations_per_px[name] = sweep.operations_per_px
    print(f"{sweep.operations_per_px / 1e6:.3f} MFLOP for each pixel of its input\n")
    tried = list(sweep.tiles_and_batches())
    print(f"Tiles and batches\n\n{gpu_report.cells_table(tried)}\n", flush=True)
    results.alone += tried
    settings = sweep.best(tried)
    if settings is None:
        return
    compared = list(sweep.comparison(settings))
    results.alone += compared
    print(f"Alone\n\n{gpu_report.cells_table(compared)}\n", flush=True)
    keep()
    serving = triton_sweep.TritonSweep(
        found,
        plan,
        settings,
        rates=results.rates,
        operations_per_px=sweep.operations_per_px,
        alone=compared,
        engines=engines,
    )
    served = list(serving.instances())
    results.served += served
    print(f"Behind Triton, pictures ready\n\n{gpu_report.cells_table(served)}\n", flush=True)
    chosen = recommendation.recommend(served)
    if chosen is None:
        return
    results.recommended.append(chosen)
    jobs = list(serving.jobs(chosen))
    results.jobs += jobs
    print(f"Whole jobs: what the GPU did and waited for\n\n{gpu_report.jobs_table(jobs)}", flush=True)


def _unfit(device: str) -> str | None:
    """Return why the GPU cannot be used, on one line; None if it can."""
    import onnxruntime  # noqa: PLC0415
    import torch  # noqa: PLC0415

    if device == "cpu":
        return None
    if not torch.cuda.is_available():
        return (
            "PyTorch cannot use the GPU that nvidia-smi sees: the driver may be older than its CUDA "
            f"({torch.version.cuda}); install a PyTorch for this driver"
        )
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "this onnxruntime knows no GPU: install onnxruntime-gpu in its place (docs/gpu.md)"
    return None


def _versions() -> dict[str, str]:
    found = {}
    for name in PROGRAMS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _triton() -> str:
    from orchestrator.triton.installation import CONTAINER_HOME  # noqa: PLC0415

    container = (CONTAINER_HOME / "bin" / "tritonserver").is_file()
    return "Triton of NVIDIA's container" if container else "Triton of the wheel, our backend"


if __name__ == "__main__":
    sys.exit(main())
