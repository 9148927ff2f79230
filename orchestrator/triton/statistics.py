"""Reads the statistics that Triton keeps for a model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ModelStatistics:
    """Totals since the model was loaded, or between two points in time.

    Attributes:
        requests: requests answered.
        failures: requests answered with an error.
        images: images in the answered requests.
        executions: times the model ran; fewer than requests if Triton merged them.
        queue_ms: total time that requests waited for an instance.
        compute_ms: total time that requests spent in the backend, including input and output copies.
        batches: number of executions for each batch size.
    """

    requests: int = 0
    failures: int = 0
    images: int = 0
    executions: int = 0
    queue_ms: float = 0.0
    compute_ms: float = 0.0
    batches: dict[int, int] = field(default_factory=dict)

    @property
    def mean_batch(self) -> float:
        """Average number of images in an execution; 0 before the first."""
        return self.images / self.executions if self.executions else 0.0

    def since(self, earlier: ModelStatistics) -> ModelStatistics:
        """Return the difference from `earlier`."""
        totals = {
            total.name: getattr(self, total.name) - getattr(earlier, total.name)
            for total in fields(self)
            if total.name != "batches"
        }
        return ModelStatistics(**totals, batches=dict(Counter(self.batches) - Counter(earlier.batches)))


def parse_statistics(model_stats: Any) -> ModelStatistics:
    """Read the `ModelStatistics` protobuf message of one model version."""
    totals = model_stats.inference_stats
    compute_ns = totals.compute_input.ns + totals.compute_infer.ns + totals.compute_output.ns
    return ModelStatistics(
        requests=totals.success.count,
        failures=totals.fail.count,
        images=model_stats.inference_count,
        executions=model_stats.execution_count,
        queue_ms=totals.queue.ns / 1e6,
        compute_ms=compute_ns / 1e6,
        batches={batch.batch_size: batch.compute_infer.count for batch in model_stats.batch_stats},
    )
