"""What seconds on this machine cost, once they are spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.cost.gpu import gpus_here
from orchestrator.cost.price_table import Price, read_table, same_gpu
from orchestrator.jobs import Cost

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class GpuCost:
    """Turns seconds into dollars.

    Attributes:
        price: of one GPU of this machine; None: there is no GPU, or the table has no price of it.
        gpus: how many there are.
    """

    price: Price | None = None
    gpus: int = 1

    def cost(self, seconds: float) -> Cost | None:
        """Return what the seconds came to, if that is known."""
        if self.price is None:
            return None
        return Cost(
            gpu=self.price.gpu if self.gpus == 1 else f"{self.gpus} x {self.price.gpu}",
            seconds=round(seconds, 3),
            dollars=round(seconds * self.price.dollars_per_s * self.gpus, 6),
            price_source=self.price.origin,
        )


def meter_here(gpu: str | None, table: Path) -> GpuCost:
    """Make the meter of this machine.

    Args:
        gpu: what GPU it has; None asks the driver.
        table: prices.

    Raises:
        BadRequest: the table cannot be read.
    """
    names = gpus_here() if gpu is None else (gpu,)
    prices = read_table(table)
    if not names or not all(same_gpu(name, names[0]) for name in names):
        return GpuCost()
    return GpuCost(prices.price(names[0]), len(names))
