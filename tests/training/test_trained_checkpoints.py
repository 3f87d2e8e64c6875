"""Shipped checkpoints: used only in place of the training that would reproduce them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.cli import typed
from benchmark.cli.main import parser
from benchmark.core.errors import InputError
from benchmark.data import embedded
from benchmark.data.protocol import Protocol, validated
from benchmark.inference import checkpoints, dev_scores
from benchmark.runs import planning
from benchmark.training import trained_checkpoints
from benchmark.training.training_config import TrainingConfig, planned
from tests.support.shipped import SHIPPED

CONFIG = TrainingConfig()


def protocol(root: Path, count: int = 40) -> Protocol:
    """Return a protocol without files that claims the recipe of the embedded set."""
    rows = [
        (f"{split}-{i:02d}", f"flac/{split}-{i:02d}.flac", "spoof" if i % 2 else "bonafide", split)
        for split in ("train", "dev", "test")
        for i in range(count)
    ]
    table = pd.DataFrame(rows, columns=["utterance_id", "path", "label", "split"])
    return Protocol("embedded", root, validated(table, root), recipe=embedded.recipe())


@pytest.fixture
def shipped(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Protocol:
    """A folder with one shipped checkpoint, `shortcut`, of the training on this protocol."""
    monkeypatch.setattr(trained_checkpoints, "FOLDER", tmp_path / "trained")
    whole = protocol(tmp_path)
    facts, path = planned("shortcut", whole, CONFIG)
    checkpoints.save(tmp_path / "trained" / path.name, {"w": np.zeros(3, np.float32)}, facts)
    return whole


@pytest.mark.parametrize("name", SHIPPED)
def test_what_comes_along_is_of_the_present_recipe(name: str, cache: Path) -> None:
    found = trained_checkpoints.find(name, CONFIG, None)
    assert found is not None, f"train and pack {name} again: detectors/trained/README.md says how"
    assert trained_checkpoints.is_shipped(found)
    scores = dev_scores.read(found)
    assert len(scores) == 306 and (name == "constant" or len(set(scores.values())) > 200)


@pytest.mark.parametrize("name", ["mel-cnn", "resnet18", "lfcc-lcnn", "lfcc-gmm", "raw-cnn"])
def test_stored_dev_scores_tell_copies_from_people(name: str, cache: Path) -> None:
    found = trained_checkpoints.find(name, CONFIG, None)
    assert found is not None
    scores = dev_scores.read(found)
    spoof = np.array([uid.endswith(("-hifigan-universal", "-hifigan-16k")) for uid in scores])
    human = np.array([f"{uid}-hifigan-16k" in scores for uid in scores])
    values = np.array([*scores.values()])
    assert spoof.sum() == 112 and human.sum() == 56
    assert np.mean(values[human][:, None] > values[spoof][None]) > 0.6


def test_they_fit_the_data_set_of_this_machine() -> None:
    try:
        whole = embedded.read()
    except InputError:
        pytest.skip("the embedded data set is not planned here: launderbench bench plans it")
    if whole.systems_left_out:
        pytest.skip(f"engines are missing: {whole.systems_left_out}")
    for name in SHIPPED:
        assert trained_checkpoints.refused(name, CONFIG, whole) is None, name
        found = trained_checkpoints.find(name, CONFIG, None)
        assert found is not None and dev_scores.of(found, whole.split("dev")), name


def test_other_bits_of_the_same_recipe_are_the_same_training(cache: Path, tmp_path: Path) -> None:
    one, other = protocol(tmp_path / "one"), protocol(tmp_path / "other")
    assert planned("mel-cnn", one)[1] == planned("mel-cnn", other)[1]
    assert planned("mel-cnn", one)[1] != planned("mel-cnn", replace(one, recipe="0"))[1]
    assert planned("mel-cnn", one)[1] != planned("mel-cnn", protocol(tmp_path, 38))[1]


def test_the_shipped_checkpoint_is_found_with_and_without_data(shipped: Protocol) -> None:
    for known in (None, shipped):
        found = trained_checkpoints.find("shortcut", CONFIG, known)
        assert found is not None and trained_checkpoints.is_shipped(found)
    assert trained_checkpoints.refused("shortcut", CONFIG, shipped) is None
    assert trained_checkpoints.find("shortcut", CONFIG, shipped, shipped=False) is None
    assert trained_checkpoints.find("shortcut", TrainingConfig(seed=1), None) is None
    assert trained_checkpoints.find("mel-cnn", CONFIG, shipped) is None
    assert trained_checkpoints.refused("mel-cnn", CONFIG, shipped) is None


def test_what_learns_nothing_needs_no_data(cache: Path) -> None:
    shipped = trained_checkpoints.find("random", CONFIG, None)
    assert shipped is not None and trained_checkpoints.is_shipped(shipped)
    other = replace(protocol(cache), recipe="another")
    assert trained_checkpoints.find("random", CONFIG, other) == shipped
    made = trained_checkpoints.find("random", TrainingConfig(seed=7), other)
    assert made is not None and made.path.parent == cache / "checkpoints"
    assert made == trained_checkpoints.find("random", TrainingConfig(seed=7), None)
    assert made.arrays()["seed"].tolist() == [7]


def test_what_was_trained_here_goes_first(shipped: Protocol) -> None:
    facts, path = planned("shortcut", shipped, CONFIG)
    checkpoints.save(path, {"w": np.ones(3, np.float32)}, facts)
    found = trained_checkpoints.find("shortcut", CONFIG, shipped)
    assert found is not None and found.path == path


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("data_recipe", "0" * 64),
        ("train_digest", "1"),
        ("version", 99),
        ("early_stopping", 3),
        ("precision", "bf16"),
        ("loss", "ce"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_by_name(
    fact: str, value: object, shipped: Protocol, tmp_path: Path
) -> None:
    (file,) = (tmp_path / "trained").iterdir()
    facts = checkpoints.load(file).facts | {fact: value}
    checkpoints.save(file, {"w": np.zeros(3, np.float32)}, facts)
    assert trained_checkpoints.find("shortcut", CONFIG, shipped) is None
    said = trained_checkpoints.refused("shortcut", CONFIG, shipped)
    assert said is not None and file.name in said and fact in said and "not used" in said


def test_another_data_set_never_gets_them(shipped: Protocol) -> None:
    other = replace(shipped, recipe="another")
    assert trained_checkpoints.find("shortcut", CONFIG, other) is None
    assert trained_checkpoints.refused("shortcut", CONFIG, other) is None


def test_a_run_needs_only_the_audio_that_it_scores(
    cache: Path, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = protocol(tmp_path)
    own = trained_checkpoints._other
    ignored = {"train_digest", "dev_digest"}  # of the real data
    monkeypatch.setattr(
        trained_checkpoints, "_other", lambda *a: [n for n in own(*a) if n not in ignored]
    )
    stored = dict.fromkeys(whole.split("dev").table["utterance_id"], 0.0)
    monkeypatch.setattr(dev_scores, "of", lambda c, dev: {} if c.precision == "bf16" else stored)
    monkeypatch.setattr(embedded, "read", lambda: whole)

    def splits(*words: str) -> dict[str, int]:
        options = parser().parse_args(["bench", "--device", "cpu", *words])
        chosen = planning.needed(typed.run_config(options), whole)
        counts = whole.table[whole.table["utterance_id"].isin(chosen)]["split"].value_counts()
        return {str(split): int(count) for split, count in counts.items()}

    assert splits() == {"test": 40}
    assert splits("--limit", "10") == {"test": 10}
    every = {"train": 40, "dev": 40, "test": 40}
    assert splits("--train") == splits("--seed", "1") == every
    assert splits("--detectors", "image-cnn") == every
    assert splits("--data", str(tmp_path)) == {}
    assert splits("--limit", "10", "--precision", "bf16") == {"test": 10, "dev": 10}
    assert splits("--train-data", str(toy)) == {"test": 40, "dev": 40}
    monkeypatch.setattr(dev_scores, "of", lambda *_: {})
    assert splits("--limit", "10") == {"test": 10, "dev": 10}
