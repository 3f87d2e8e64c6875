"""Training: batches of pairs, early stopping, and the facts of a checkpoint."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data import loading
from benchmark.training import epoch_selection, train_detector, trainer, training_examples
from benchmark.training.training_config import TrainingConfig

CPU = torch.device("cpu")


@given(st.lists(st.integers(0, 9), min_size=2, max_size=60), st.integers(1, 12), st.integers(0, 99))
def test_batches_hold_every_row_once_and_keep_copies_together(
    groups: list[int], size: int, seed: int
) -> None:
    order = sorted(set(groups))
    pairs = torch.tensor([order.index(g) for g in groups])
    found = list(training_examples.batches(pairs, size, torch.Generator().manual_seed(seed)))
    rows = [int(row) for batch in found for row in batch]
    assert len(rows) == len(set(rows))
    assert len(groups) - len(rows) <= 1  # a last batch of one item is left out
    for batch in found:
        own = {int(pairs[row]) for row in batch}
        assert sum(int((pairs == pair).sum()) for pair in own) == len(batch)


def test_a_checkpoint_records_its_training(toy: Path, tmp_path: Path) -> None:
    protocol = loading.open_data(toy)
    out = tmp_path / "x.safetensors"
    config = TrainingConfig(3, {"epochs": 2, "batch_size": 8})
    checkpoint = train_detector.train("raw-cnn", protocol, CPU, out, config)
    assert checkpoint.facts["seed"] == 3
    assert checkpoint.facts["recipe"]["epochs"] == 2
    assert checkpoint.facts["train_digest"] == protocol.split("train").digest()
    assert checkpoint.facts["dev_digest"] == protocol.split("dev").digest()
    assert 0 <= checkpoint.facts["dev_eer"] <= 1
    assert checkpoint.identity.startswith("raw-cnn|v1|Waveform(samples=16000")


def test_the_kept_epoch_is_the_last_within_one_standard_error_of_the_lowest() -> None:
    bonafide = np.arange(200) < 80
    error = epoch_selection.standard_error(0.1, bonafide)
    assert 0.02 < error < 0.03
    assert (
        epoch_selection.settled_epoch([0.3, 0.1, 0.1 + 0.9 * error, 0.1 + 1.1 * error], bonafide)
        == 3
    )
    assert epoch_selection.settled_epoch([0.3, 0.1, 0.2, 0.0], bonafide) == 4
    assert epoch_selection.settled_epoch([0.1, 0.4, 0.4], bonafide) == 1


def test_training_stops_after_patience_epochs_and_keeps_the_weights_of_its_epoch(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []

    def worse_and_worse(scores: np.ndarray, bonafide: np.ndarray) -> tuple[float, float]:
        rates.append(0.1 if len(rates) < 3 else 0.4)
        return rates[-1], 0.0

    monkeypatch.setattr(trainer, "eer", worse_and_worse)
    protocol = loading.open_data(toy)
    long, short = tmp_path / "long.safetensors", tmp_path / "short.safetensors"
    stopped = train_detector.train(
        "raw-cnn", protocol, CPU, long, TrainingConfig(0, {"epochs": 40, "patience": 2})
    )
    assert len(rates) == 5
    assert stopped.facts["epoch"] == 3
    assert stopped.facts["dev_eer"] == 0.1
    # the weights are those after epoch 3 of this schedule, not the last ones
    rates.clear()
    again = train_detector.train(
        "raw-cnn", protocol, CPU, short, TrainingConfig(0, {"epochs": 40, "patience": 20})
    )
    assert len(rates) == 23
    for name, values in stopped.arrays().items():
        np.testing.assert_array_equal(values, again.arrays()[name])


def test_the_standard_error_is_that_of_two_binomial_rates() -> None:
    bonafide = np.arange(200) < 80
    rng = np.random.default_rng(0)
    rates = (rng.binomial(80, 0.2, 20000) / 80 + rng.binomial(120, 0.2, 20000) / 120) / 2
    assert epoch_selection.standard_error(0.2, bonafide) == pytest.approx(np.std(rates), rel=0.05)


def test_a_data_set_without_a_train_split_is_refused(toy: Path, tmp_path: Path) -> None:
    test_only = loading.open_data(toy).split("test")
    with pytest.raises(InputError, match=r"the train split .* has no bonafide"):
        train_detector.train("raw-cnn", test_only, CPU, tmp_path / "x.safetensors")


def test_fakes_without_a_human_counterpart_are_not_trained_on(toy: Path) -> None:
    protocol = loading.open_data(toy)
    table = protocol.table.copy()
    table["pair"] = table["utterance_id"].str[:-1] + (table.index // 2).astype(str)
    train = table["split"] == "train"
    table.loc[train, "pair"] = (table.loc[train].reset_index().index // 2).astype(str).to_numpy()
    lonely = table.index[train & (table["label"] == "spoof")][:3]
    table.loc[lonely, "pair"] = ["x", "y", "z"]
    kept = training_examples.used(replace(protocol, table=table), "train").table
    assert not set(table.loc[lonely, "utterance_id"]) & set(kept["utterance_id"])
    assert len(kept) == int(train.sum()) - 6  # these fakes and their human counterparts


def test_utterances_without_a_counterpart_are_reported_and_refused_if_there_are_no_others(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = loading.open_data(toy).table
    root = tmp_path / "paired"
    root.mkdir()
    (root / "flac").symlink_to(toy / "flac")
    out = tmp_path / "x.safetensors"
    train = ["train", "shortcut", "--data", str(root), "--device", "cpu", "--out", str(out)]
    splits = table.groupby("split").cumcount() // 2  # bona fide and spoof alternate
    pairs = table["split"] + splits.astype(str)
    few = pairs.mask(table.index.isin(table.index[table["split"] == "train"][:2]), "-")
    table.assign(pair=few).to_csv(root / "protocol.csv", index=False)
    assert main(train) == 0
    count = int((table["split"] == "train").sum())
    assert f"left out of train: 2 of {count} utterances, which have no counterpart" in (
        capsys.readouterr().err
    )
    table.assign(pair=table["utterance_id"]).to_csv(root / "protocol.csv", index=False)
    assert main([*train, "--force"]) == 2
    message = capsys.readouterr().err
    assert f"has {count // 2} bonafide and {count // 2} spoof utterances, but none has a" in message
    assert "the column 'pair'" in message and "leave that column out" in message


def test_a_pair_column_without_values_is_ignored(toy: Path) -> None:
    protocol = loading.open_data(toy)
    blank = replace(protocol, table=protocol.table.assign(pair="-"))
    plain, used = (training_examples.used(whole, "train") for whole in (protocol, blank))
    assert used.table["utterance_id"].tolist() == plain.table["utterance_id"].tolist()
    assert training_examples.read(used).recordings == plain.table["utterance_id"].tolist()
    assert len(training_examples.subset(blank, 10).split("train").table) == 10


def test_an_unreadable_training_file_is_named(toy: Path, tmp_path: Path) -> None:
    import shutil

    root = shutil.copytree(toy, tmp_path / "toy")
    (root / "flac" / "train_0003.flac").write_bytes(b"no audio")
    with pytest.raises(InputError, match=r"cannot train: .*train_0003\.flac"):
        train_detector.train("raw-cnn", loading.open_data(root), CPU, tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("returned", "cause"),
    [
        ("value[:, None]", r"detector 'wrong' gives \(\d+, 1\) for \d+ utterances, not \(\d+,\)"),
        ("value / 0", "training wrong diverged in epoch 1: the loss is not finite"),
    ],
)
def test_a_network_with_wrong_scores_gives_a_one_line_error(
    toy: Path, tmp_path: Path, returned: str, cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "wrong.py"
    plugin.write_text(
        "from torch import nn\n"
        "from launderbench import TensorDetector, Waveform, detector\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.linear = nn.Linear(1, 1)\n"
        "    def forward(self, batch):\n"
        "        value = self.linear(batch.mean(1, keepdim=True)).squeeze(1)\n"
        f"        return {returned}\n"
        "@detector('wrong')\n"
        "class Wrong(TensorDetector):\n"
        "    summary = 'wrong'\n"
        "    citation = ''\n"
        "    input = Waveform(samples=800)\n"
        "    def build(self):\n"
        "        return Net()\n"
    )
    options = [
        "--plugin",
        plugin,
        "--data",
        toy,
        "--device",
        "cpu",
        "--out",
        tmp_path / "w.safetensors",
    ]
    assert main(["train", "wrong", *map(str, options)]) == 2
    told = capsys.readouterr().err
    assert re.search(cause, told)
    assert "Traceback" not in told
