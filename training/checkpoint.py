"""Keeps the state of a training run, with a running average of the weights, and saves it after each round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import torch

if TYPE_CHECKING:
    from pathlib import Path

_AVERAGE = 0.998  # decay of the running average of the weights, which is the result


class TrainingState:
    """The network, its averaged weights and the optimizer of a run.

    Args:
        net: the network in its initial state.
        optimizer: the optimizer of its parameters.
        path: the checkpoint; the run continues from it if it exists.
        seed, rounds: the arguments of the run, which must equal those in the checkpoint.

    Raises:
        click.ClickException: the checkpoint is of another run.

    Attributes:
        next_round: the number of the next round.
    """

    def __init__(
        self, net: torch.nn.Module, optimizer: torch.optim.Optimizer, path: Path, *, seed: int, rounds: int
    ) -> None:
        running = torch.optim.swa_utils.get_ema_multi_avg_fn(_AVERAGE)  # type: ignore[no-untyped-call]
        self.net, self.optimizer, self._path = net, optimizer, path
        self.average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=running, use_buffers=True)
        self._run = {"seed": seed, "rounds": rounds}
        self.next_round = 0
        if path.is_file():
            state: dict[str, Any] = torch.load(path, weights_only=True)
            if (state["seed"], state["rounds"]) != (seed, rounds):
                raise click.ClickException(f"{path} is of another run: delete it, or name another file")
            for name in ("net", "average", "optimizer"):
                getattr(self, name).load_state_dict(state[name])
            self.next_round = state["next_round"]

    def step(self, loss: torch.Tensor, *, rate: float, largest_gradient: float | None = None) -> None:
        """Take a step at a learning rate, with the norm of the gradient clipped on demand."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if largest_gradient is not None:
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), largest_gradient)
        self.optimizer.step()
        self.average.update_parameters(self.net)

    def save(self, next_round: int) -> None:
        """Write the checkpoint after a round."""
        states = {name: getattr(self, name).state_dict() for name in ("net", "average", "optimizer")}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        torch.save(self._run | {"next_round": next_round} | states, partial)
        partial.replace(self._path)

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the averaged weights by name."""
        weights: dict[str, torch.Tensor] = self.average.module.state_dict()
        return {name: tensor.detach().contiguous().clone() for name, tensor in weights.items()}
