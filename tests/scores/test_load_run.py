"""Reading a run folder: every score and check that was written comes back once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.scores.load_run import collect
from benchmark.scores.manifest import COMPUTED, IMPORTED, PartInfo
from benchmark.scores.part_format import unscored
from benchmark.scores.run_results import RunResults
from benchmark.scores.store import Store
from tests.support import run_on_disk, synthetic_run
from tests.support.parts import add

KEYS = ["detector", "condition", "split", "utterance_id"]


@pytest.fixture
def written(tmp_path: Path) -> RunResults:
    """The run written to `tmp_path`: 3 detectors, 3 conditions, 150 test trials in 3 shards."""
    results = synthetic_run.large(detectors=3, levels=2, utterances=150)
    assert run_on_disk.write(results, tmp_path) == 3 * 3 + 1
    return results


def table(results: RunResults) -> pd.Series:
    """Return the scores, indexed by detector, condition, split and utterance."""
    frame = results.scores.astype(dict.fromkeys(KEYS, str))
    return frame.set_index(KEYS)["score"].sort_index()


def test_scores_and_checks_come_back(written: RunResults, tmp_path: Path) -> None:
    found = collect(tmp_path, {})
    pd.testing.assert_series_equal(table(found), table(written))
    assert found.scores["utterance_id"].cat.categories.is_monotonic_increasing
    counts = found.effects.groupby(["condition", "quantity"], observed=True).size()
    assert len(counts) == 2 * 4
    assert set(counts) == {150}
    snr = found.effects[found.effects["quantity"] == "SNR"]
    levels = {info.condition: info.severity for info in written.conditions}
    assert (snr["claimed"] == snr["condition"].map(levels).astype(float)).all()
    assert set(snr["utterance_id"]) == set(written.protocol.table["utterance_id"])
    assert found.failures.empty


def rewritten(
    folder: Path, kind: str, other: str, lacking: int = 0, attempt: int = 0
) -> list[PartInfo]:
    """Write a second part for one unit, with the score 99 of its first detector.

    The first `lacking` rows have no score, and no row has one of detector `other`, which raised.
    Returns the two parts of the unit, in their order.
    """
    store = Store(folder, {"made": "again"}, kind)
    every = store.scan().parts
    old = next(p for p in every if p.split == "test" and p.condition != "clean")
    identity, name = next(iter(old.detectors.items()))
    rows = [
        unscored(uid, causes={other: "boom"}, scores={} if place < lacking else {name: 99.0})
        for place, uid in enumerate(store.read([old])[0]["utterance_id"].to_pylist())
    ]
    detectors = {identity: name, other: other}
    add(store, old.key, old.split, old.condition, rows, detectors, {other}, attempt)
    return [part for part in store.scan().parts if part.key == old.key]


@pytest.mark.parametrize("attempt", [0, 1])
def test_a_trial_that_two_parts_hold_counts_once(
    written: RunResults, tmp_path: Path, attempt: int
) -> None:
    """The score of the later attempt counts, or else that of the other."""
    plain = table(collect(tmp_path, {}))
    parts = rewritten(tmp_path, COMPUTED, "c", lacking=5, attempt=attempt)
    assert [len(part.detectors) for part in parts] == ([1, 3] if attempt else [3])
    found = table(collect(tmp_path, {}))
    assert found.index.equals(plain.index)
    assert (found == 99).sum() == (parts[0].rows - 5 if attempt else 0)
    assert (found != plain).sum() == (found == 99).sum()


@pytest.mark.parametrize("other", ["b", "c"])
def test_checks_computed_here_take_precedence_over_imported_ones(
    written: RunResults, tmp_path: Path, other: str
) -> None:
    before = collect(tmp_path, {}).effects
    rewritten(tmp_path, IMPORTED, other)
    after = collect(tmp_path, {}).effects
    order = ["condition", "utterance_id", "quantity"]
    pd.testing.assert_frame_equal(
        *(e.astype(dict.fromkeys(order, str)).sort_values(order, ignore_index=True)
          for e in (before, after))
    )  # fmt: skip
    assert np.isfinite(after["measured"]).all()
