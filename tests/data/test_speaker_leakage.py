"""Leakage within a speaker: a shift that only those hear who know the speaker's recordings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.data.shortcut_leakage import shortcut_auc
from benchmark.data.speaker_leakage import shortcut_auc_within


def trials(shift: float, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return trials whose copies are shifted a little, between speakers who differ a lot."""
    rng = np.random.default_rng(seed)
    rows, features = [], []
    for who in range(30):
        own = 20 * rng.standard_normal(3)
        split = "train" if who < 15 else "test"
        for place in range(12):
            spoof = place % 2 == 1
            about = ("spoof", "vocoder", "neural") if spoof else ("bonafide", "-", "-")
            rows.append((f"s{who}", split, *about))
            features.append(own + rng.standard_normal(3) + (shift if spoof else 0.0))
    rows.append(("nobody", "test", "spoof", "voice", "neural"))  # has no bona fide speech
    features.append(np.zeros(3))
    columns = ["speaker", "split", "label", "spoof_system", "track"]
    return pd.DataFrame(rows, columns=columns), np.array(features, dtype=np.float32)


def test_a_small_shift_is_heard_within_speakers_and_not_across() -> None:
    table, features = trials(2.0)
    within = shortcut_auc_within(table, features)
    assert set(within) == {"neural"} and set(within["neural"]) == {"vocoder"}
    assert within["neural"]["vocoder"] > 0.95
    assert shortcut_auc(table, features)["neural"]["vocoder"] < 0.75


def test_without_a_shift_nothing_is_heard() -> None:
    found = [shortcut_auc_within(*trials(0.0, seed))["neural"]["vocoder"] for seed in range(5)]
    assert 0.4 < np.mean(found) < 0.6


def test_a_track_that_train_lacks_is_left_out() -> None:
    table, features = trials(2.0)
    table.loc[table["split"] == "train", "track"] = "-"
    assert shortcut_auc_within(table, features) == {}
