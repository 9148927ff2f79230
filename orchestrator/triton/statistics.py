"""What Triton counted for one model, as numbers to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ModelStatistics:
    """Totals since the model was loaded, or between two moments.

    Attributes:
        requests: requests answered.
        failures: requests answered with an error.
        images: images in the answered requests.
        executions: times the model ran; fewer than requests where Triton merged them.
        queue_ms: time that requests waited for an instance, all together.
        compute_ms: time that requests spent in the backend, input and output copies included, all together.
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
        """Images in one execution, on average; 0 before the first."""
        return self.images / self.executions if self.executions else 0.0

    def since(self, earlier: ModelStatistics) -> ModelStatistics:
        """Return what was counted after `earlier`."""
        batches = {size: count - earlier.batches.get(size, 0) for size, count in self.batches.items()}
        return ModelStatistics(
            requests=self.requests - earlier.requests,
            failures=self.failures - earlier.failures,
            images=self.images - earlier.images,
            executions=self.executions - earlier.executions,
            queue_ms=self.queue_ms - earlier.queue_ms,
            compute_ms=self.compute_ms - earlier.compute_ms,
            batches={size: count for size, count in batches.items() if count},
        )


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
