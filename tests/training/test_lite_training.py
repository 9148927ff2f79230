"""Tests the training of lite-x4: it starts, stops, continues, and writes weights that other loaders open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

for package, holder in (("torch", "torch"), ("sklearn", "scikit-learn"), ("matplotlib", "matplotlib")):
    pytest.importorskip(package, reason=f"{holder} is not installed (extra: train)")

import torch  # noqa: E402 - only once its packages are known to be there
from click.testing import CliRunner  # noqa: E402

from orchestrator.settings import PROJECT_ROOT  # noqa: E402
from training.lite_sr import train  # noqa: E402
from training.lite_sr.net import CompactNet  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(train, "_ROUND_STEPS", 3)
    monkeypatch.setattr(train, "_ROUND_PICTURES", 3)
    monkeypatch.setattr(train, "_BATCH", 2)
    monkeypatch.setattr(train, "_PATCH_PX", 24)
    monkeypatch.setattr(train, "_FINISHING_ROUNDS", 1)
    yield
    torch.set_num_threads(threads)


def test_committed_weights_fit_the_network_and_hold_tensors_only() -> None:
    state = torch.load(PROJECT_ROOT / "weights" / "lite-x4.pth", weights_only=True)
    net = CompactNet(features=train.FEATURES, hidden_convs=train.HIDDEN_CONVS)
    net.load_state_dict(state["params"], strict=True)


def test_untrained_network_is_nearly_nearest_neighbour() -> None:
    torch.manual_seed(0)
    image = torch.rand(2, 3, 9, 11)
    with torch.no_grad():
        enlarged = CompactNet(features=8, hidden_convs=1)(image)
    nearest = image.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    assert (enlarged - nearest).abs().max() < 0.02


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train.train(rounds=2, seed=3, checkpoint=tmp_path / "whole.ckpt")
    make_pairs = train.make_pairs
    calls = 0

    def stop_in_the_second_round(*args: object) -> list[train.Pair]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return make_pairs(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(train, "make_pairs", stop_in_the_second_round)
    with pytest.raises(KeyboardInterrupt):
        train.train(rounds=2, seed=3, checkpoint=tmp_path / "stopped.ckpt")
    monkeypatch.setattr(train, "make_pairs", make_pairs)
    resumed = train.train(rounds=2, seed=3, checkpoint=tmp_path / "stopped.ckpt")
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor, msg=name)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    arguments = ["--rounds", "1", "--checkpoint", str(tmp_path / "c"), "--output", str(tmp_path / "w.pth")]
    assert CliRunner().invoke(train.main, arguments).exit_code == 0
    refused = CliRunner().invoke(train.main, [*arguments, "--seed", "1"])
    assert refused.exit_code == 1
    assert "of another run" in refused.output
