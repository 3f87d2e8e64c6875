"""Training: batches of pairs, early stopping, and what a checkpoint remembers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark import datasets, training
from benchmark.errors import InputError

CPU = torch.device("cpu")


@given(st.lists(st.integers(0, 9), min_size=2, max_size=60), st.integers(1, 12), st.integers(0, 99))
def test_batches_hold_every_row_once_and_keep_copies_together(
    groups: list[int], size: int, seed: int
) -> None:
    order = sorted(set(groups))
    pairs = torch.tensor([order.index(g) for g in groups])
    made = list(training.batches(pairs, size, torch.Generator().manual_seed(seed)))
    rows = [int(row) for batch in made for row in batch]
    assert len(rows) == len(set(rows))
    assert len(groups) - len(rows) <= 1  # a last batch of one item is left out
    for batch in made:
        own = {int(pairs[row]) for row in batch}
        assert sum(int((pairs == pair).sum()) for pair in own) == len(batch)


def test_a_checkpoint_remembers_how_it_came_about(toy: Path, tmp_path: Path) -> None:
    protocol = datasets.open_folder(toy)
    out = tmp_path / "x.safetensors"
    made = training.train("raw-cnn", protocol, 3, CPU, out, {"epochs": 2, "batch_size": 8})
    assert made.facts["seed"] == 3
    assert made.facts["recipe"]["epochs"] == 2
    assert made.facts["train_digest"] == protocol.split("train").digest()
    assert made.facts["dev_digest"] == protocol.split("dev").digest()
    assert 0 <= made.facts["dev_eer"] <= 1
    assert made.identity.startswith("raw-cnn|v1|Waveform(samples=16000")


def test_early_stopping_keeps_the_best_epoch(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.safetensors"
    changes = {"epochs": 40, "patience": 1, "learning_rate": 0.2}
    made = training.train("raw-cnn", datasets.open_folder(toy), 0, CPU, out, changes)
    rows = out.with_suffix(".csv").read_text().splitlines()
    eers = [float(row.split(",")[5]) for row in rows[1:]]
    assert len(eers) < 40
    assert made.facts["dev_eer"] == min(eers)
    assert made.facts["epoch"] == max(i for i, e in enumerate(eers, 1) if e == min(eers))


def test_a_data_set_without_a_train_split_is_refused(toy: Path, tmp_path: Path) -> None:
    test_only = datasets.open_folder(toy).split("test")
    with pytest.raises(InputError, match=r"the train split .* has no bonafide"):
        training.train("raw-cnn", test_only, 0, CPU, tmp_path / "x.safetensors")


def test_fakes_without_a_human_counterpart_are_not_trained_on(toy: Path) -> None:
    protocol = datasets.open_folder(toy)
    table = protocol.table.copy()
    table["pair"] = table["utterance_id"].str[:-1] + (table.index // 2).astype(str)
    train = table["split"] == "train"
    table.loc[train, "pair"] = (table.loc[train].reset_index().index // 2).astype(str).to_numpy()
    lonely = table.index[train & (table["label"] == "spoof")][:3]
    table.loc[lonely, "pair"] = ["x", "y", "z"]
    kept = training.used(replace(protocol, table=table), "train").table
    assert not set(table.loc[lonely, "utterance_id"]) & set(kept["utterance_id"])
    assert len(kept) == int(train.sum()) - 6  # they, and the humans that they left alone


def test_an_unreadable_training_file_is_named(toy: Path, tmp_path: Path) -> None:
    import shutil

    root = shutil.copytree(toy, tmp_path / "toy")
    (root / "flac" / "train_0003.flac").write_bytes(b"no audio")
    with pytest.raises(InputError, match=r"cannot train: .*train_0003\.flac"):
        training.train("raw-cnn", datasets.open_folder(root), 0, CPU, tmp_path / "x.safetensors")
