"""Classic early stopping (`--patience`): end of training, kept epoch, and checkpoint facts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data import loading
from benchmark.inference.checkpoints import Checkpoint
from benchmark.training import epoch_selection, parallel_training, train_detector, trainer
from benchmark.training.parallel_training import Training
from benchmark.training.training_config import LaunderingAugmentation, TrainingConfig, planned

pytest_plugins = ("tests.support.attack_fixtures",)

CPU = torch.device("cpu")
NOISY = LaunderingAugmentation(
    "noisy", ("lowpass(cutoff=4000)", "lowpass(cutoff=2000)"), variants=2
)

ErrorRate = Callable[[np.ndarray, np.ndarray], tuple[float, float]]


def eers(*rates: float) -> ErrorRate:
    """Return an `eer` that gives these rates, one per epoch, and then repeats the last one."""
    left = list(rates)

    def eer(scores: np.ndarray, bonafide: np.ndarray) -> tuple[float, float]:
        return (left.pop(0) if len(left) > 1 else left[0]), 0.0

    return eer


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3]), st.sampled_from([0.5, 0.7]))))
def test_the_best_epoch_is_the_first_that_no_other_improves_on(
    rows: list[tuple[float, float]],
) -> None:
    rates, losses = [rate for rate, _ in rows], [loss for _, loss in rows]
    best = epoch_selection.best_epoch(rates, losses)
    if not rows:
        assert best == 0
        return
    own_rate, own_loss = rows[best - 1]
    for epoch, (rate, loss) in enumerate(rows, 1):
        worse = rate > own_rate or (rate == own_rate and loss > own_loss)
        assert worse or (epoch >= best and (rate, loss) == (own_rate, own_loss))


@pytest.mark.parametrize(
    ("rates", "kept", "ran"),
    [
        ((0.4, 0.2, 0.3, 0.3, 0.3, 0.0), 2, 5),  # epochs after the end do not count
        ((0.4, 0.3, 0.35, 0.35, 0.2, 0.3), 5, 8),  # two epochs without improvement are not three
        ((0.1, 0.11, 0.12, 0.1 + 1e-3), 1, 4),  # a rate within one standard error is not lower
    ],
)
def test_training_stops_after_n_epochs_without_a_lower_eer_and_keeps_the_lowest(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rates: tuple[float, ...],
    kept: int, ran: int,
) -> None:  # fmt: skip
    protocol = loading.open_data(toy)
    config = TrainingConfig(0, {"epochs": 20}, patience=3)
    out = tmp_path / "x.safetensors"
    monkeypatch.setattr(trainer, "eer", eers(*rates))
    summary = parallel_training._train_one(
        parallel_training._Job(Training("raw-cnn", out, config), protocol, CPU, 0)
    )
    assert f", kept epoch {kept} of 20 (stopped early after epoch {ran}), in {out}" in summary
    assert len(pd.read_csv(out.with_suffix(".csv"))) == ran
    # the weights are those that a full training has after that epoch
    monkeypatch.setattr(trainer, "eer", eers(*np.arange(1, 30)[::-1] / 100))
    real, calls = trainer._Run._state, []

    def last(run: trainer._Run) -> bytes:
        calls.append({n: v.clone() for n, v in run.average.module.state_dict().items()})
        return real(run)

    monkeypatch.setattr(trainer._Run, "_state", last)
    train_detector.train("raw-cnn", protocol, CPU, tmp_path / "all.safetensors", config)
    for name, values in Checkpoint("", out, "", {"detector": "raw-cnn"}).arrays().items():
        np.testing.assert_array_equal(values, calls[kept - 1][name].numpy())


def test_equal_eers_are_decided_by_the_lower_dev_loss(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "eer", eers(0.25))
    out = tmp_path / "x.safetensors"
    config = TrainingConfig(0, {"epochs": 6}, patience=6)
    checkpoint = train_detector.train("raw-cnn", loading.open_data(toy), CPU, out, config)
    losses = pd.read_csv(out.with_suffix(".csv"))["dev_loss"]
    assert checkpoint.facts["epoch"] == int(losses.argmin()) + 1
    assert checkpoint.facts["dev_loss"] == losses.min()


def test_a_training_that_ran_to_its_end_says_so(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.safetensors"
    protocol = loading.open_data(toy)
    config = TrainingConfig(0, {"epochs": 2})
    job = parallel_training._Job(Training("raw-cnn", out, config), protocol, CPU, 0)
    summary = parallel_training._train_one(job)
    assert " of 2 (not stopped early), in " in summary
    plain = tmp_path / "y.safetensors"
    job = parallel_training._Job(Training("shortcut", plain, TrainingConfig()), protocol, CPU, 0)
    assert "epoch" not in parallel_training._train_one(job)


@pytest.mark.parametrize("killed_in", [3, 5])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_killed_training_stops_where_it_would_have_stopped(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_in: int, precision: str
) -> None:
    protocol = loading.open_data(toy)
    config = TrainingConfig(5, {"epochs": 9, "batch_size": 8}, patience=3, precision=precision)
    rates = [0.4, 0.2, 0.3, 0.3, 0.3, 0.1]
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    monkeypatch.setattr(trainer, "eer", eers(*rates))
    expected = train_detector.train("raw-cnn", protocol, CPU, whole, config)
    assert expected.facts["epoch"] == 2

    real = eers(*rates)
    left = [killed_in]

    def killed(scores: np.ndarray, bonafide: np.ndarray) -> tuple[float, float]:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return real(scores, bonafide)

    monkeypatch.setattr(trainer, "eer", killed)
    with pytest.raises(KeyboardInterrupt):
        train_detector.train("raw-cnn", protocol, CPU, broken, config)
    torch.manual_seed(99)  # a new process has a different state
    train_detector.train("raw-cnn", protocol, CPU, broken, config)
    assert broken.read_bytes() == whole.read_bytes()
    curves = [path.with_suffix(".csv").read_bytes() for path in (whole, broken)]
    assert curves[0] == curves[1]


def test_patience_works_with_laundering_and_a_start(toy: Path, tmp_path: Path, world: None) -> None:
    protocol = loading.open_data(toy)
    config = TrainingConfig(0, {"epochs": 2}, patience=1)
    first = train_detector.train("raw-cnn", protocol, CPU, tmp_path / "a.safetensors", config)
    out = tmp_path / "b.safetensors"
    config = TrainingConfig(0, {"epochs": 8}, laundering=NOISY, start=first, patience=2)
    checkpoint = train_detector.train("raw-cnn", protocol, CPU, out, config)
    rows = pd.read_csv(out.with_suffix(".csv"))
    order = rows.sort_values(["judged_eer", "dev_loss", "epoch"], kind="stable")
    assert checkpoint.facts["epoch"] == order["epoch"].iloc[0]
    assert checkpoint.facts["judged_eer"] == pytest.approx(rows["judged_eer"].min())
    assert len(rows) == min(8, checkpoint.facts["epoch"] + 2)
    assert checkpoint.facts["start"] == first.identity


def test_patience_is_a_fact_only_if_it_is_given(toy: Path) -> None:
    protocol = loading.open_data(toy)
    facts, path = planned("raw-cnn", protocol)
    others = [planned("raw-cnn", protocol, TrainingConfig(patience=n)) for n in (3, 10)]
    assert len({path, *(other for _, other in others)}) == 3
    assert "early_stopping" not in facts
    assert others[0][0] == {**facts, "early_stopping": 3}


def test_only_networks_have_patience(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "lfcc-gmm", "--data", str(toy), "--patience", "3"]) == 2
    assert "'lfcc-gmm' is not a network: it has no --loss, --precision or --patience" in (
        capsys.readouterr().err
    )
    with pytest.raises(InputError, match="is not a network"):
        planned("lfcc-gmm", loading.open_data(toy), TrainingConfig(patience=3))
    assert main(["train", "raw-cnn", "--data", str(toy), "--patience", "0"]) == 2
    assert "argument --patience: 0 is out of range" in capsys.readouterr().err
