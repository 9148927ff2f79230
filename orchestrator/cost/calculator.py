"""Calculates what a finished job cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.cost.price_table import Price, read_table, same_gpu
from orchestrator.installed_gpus import installed_gpus
from orchestrator.jobs import JobCost


@dataclass(frozen=True)
class CostCalculator:
    """Converts seconds on a machine to dollars.

    Attributes:
        price: the price of one GPU; None if the machine has no GPU, or the table no price for it.
        gpus: the number of GPUs.
    """

    price: Price | None = None
    gpus: int = 1

    def cost(self, seconds: float) -> JobCost | None:
        """Return the cost of a job that took so many seconds; None without a price."""
        if self.price is None:
            return None
        return JobCost(
            gpu=self.price.gpu if self.gpus == 1 else f"{self.gpus} x {self.price.gpu}",
            seconds=round(seconds, 3),
            dollars=round(seconds * self.price.dollars_per_s * self.gpus, 6),
            price_source=self.price.origin,
        )


def calculator_for_machine(gpu: str | None, table: Path) -> CostCalculator:
    """Return the calculator for this machine.

    Args:
        gpu: the name of its GPU; None asks the driver.
        table: the file of the price table.

    Raises:
        BadRequest: the table cannot be read.
    """
    names = installed_gpus() if gpu is None else (gpu,)
    prices = read_table(table)
    if not names or not all(same_gpu(name, names[0]) for name in names):
        return CostCalculator()
    return CostCalculator(prices.price(names[0]), len(names))
