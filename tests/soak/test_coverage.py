"""Nominal 95 % intervals cover the truth in 93 to 97 of 100 samples, or are flagged.

This is tested for every metric and its paired difference: on pairs of detectors with normal scores
and high or low correlation, and on two pairs of published systems (`tests/support/score_model.py`)
at 20 to 150 speakers and EER of 1 to 30 %. `make soak ARGS="-s -k test_coverage"` prints the
shares, which `docs/statistics.md` has; with LAUNDERBENCH_SMALL=1 of fewer samples. Means over
trainings and draws of the attacks are tested on normal errors of known spread.
"""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.leaderboard import seeds
from benchmark.leaderboard.detector_cells import DetectorCells
from benchmark.metrics import bootstrap
from benchmark.metrics.bootstrap_scale import FEW_ERRORS
from benchmark.scores.realisations import Seeds
from tests.support import coverage_model
from tests.support.coverage_model import Model, Published

SMALL = bool(os.environ.get("LAUNDERBENCH_SMALL"))
ROUNDS, PUBLISHED_ROUNDS = (400, 200) if SMALL else (2000, 500)
RESAMPLES = 1000
FRESH = 2026  # samples on which nothing was chosen
SYSTEMS = [("lfcc-softmax", "rawnet2"), ("rawgat-add", "rawgat-mul")]


def shares(model: Model, clusters: int, seed: list[int], rounds: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    found = coverage_model.hits(rng, model, clusters, rounds, RESAMPLES)
    return {name: count / rounds for name, count in found.items()}


def off(found: dict[str, float], rounds: int) -> dict[str, float]:
    """Return the shares outside 93 to 97 %, beyond the error of the simulation."""
    noise = 2.5 * np.sqrt(0.95 * 0.05 / rounds)  # of 2,000 rounds: 1.2 percentage points
    return {name: s for name, s in found.items() if not 0.93 - noise <= s <= 0.97 + noise}


@pytest.mark.parametrize("clusters", [50, 67, 150])
@pytest.mark.parametrize("pair", list(coverage_model.PAIRS))
def test_coverage(pair: str, clusters: int) -> None:
    seed = [clusters, list(coverage_model.PAIRS).index(pair)]
    found = shares(coverage_model.PAIRS[pair], clusters, seed, ROUNDS)
    print(clusters, pair, found)
    assert not off(found, ROUNDS)


@pytest.mark.parametrize("speakers", [20, 30, 50, 150])
@pytest.mark.parametrize("eer", [0.01, 0.03, 0.05, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("names", SYSTEMS, ids="-".join)
def test_coverage_of_published_systems(names: tuple[str, str], eer: float, speakers: int) -> None:
    rounds, per_speaker = PUBLISHED_ROUNDS, (10, 20)
    model = Published(names, (eer, min(1.2 * eer, 0.36)), per_speaker)
    found = shares(model, speakers, [FRESH, speakers, round(1000 * eer)], rounds)
    errors = eer * speakers * per_speaker[0]
    print(speakers, names, eer, f"errors={errors:g}", found)
    if errors < FEW_ERRORS:  # flagged
        return
    assert not off(found, rounds)


@pytest.mark.parametrize("draws", [1, 2])
@pytest.mark.parametrize("trainings", [1, 2, 3, 5])
def test_coverage_over_seeds(trainings: int, draws: int) -> None:
    if (trainings, draws) == (1, 1):
        return
    kinds = [one for one, count in (("training", trainings), ("draw", draws)) if count > 1]
    for kind in kinds:
        for spread in (0.0, 0.5, 1.0, 2.0, 3.0, 5.0):
            size = (spread, 0.2) if kind == "training" else (0.2, spread)
            share = seeds_share(trainings, draws, size, ROUNDS)
            print(trainings, draws, kind, spread, f"{share:.3f}")
            many = trainings if kind == "training" else draws
            if spread <= 1 or many >= 5:
                assert not off({"mean": share}, ROUNDS)
            else:
                assert share >= 0.83


def seeds_share(
    trainings: int, draws: int, spread: tuple[float, float], rounds: int, speakers: int = 50
) -> float:
    """Return how often the bounds hold the truth, 0.

    spread : standard deviation between trainings, and between draws, where that over speakers is 1
    """
    rng = np.random.default_rng([trainings, draws, *(round(10 * one) for one in spread)])
    hits = 0
    for _ in range(rounds):
        of_speaker = rng.normal(scale=np.sqrt(speakers), size=speakers)
        chosen = rng.integers(speakers, size=(500, bootstrap.drawn_number(speakers)))
        by = (
            rng.normal(scale=spread[0], size=trainings)[:, None]
            + rng.normal(scale=spread[1], size=draws)
            + of_speaker.mean()
        )
        resampled = of_speaker[chosen].mean(axis=1) - of_speaker.mean()
        whole = [
            (Seeds(attack, train), realised(by[train, attack], resampled))
            for train in range(trainings)
            for attack in range(draws)
        ]
        digest = f"{rng.integers(1 << 62):064x}"
        low, high = np.quantile(seeds._draws(whole, "laundered", "eer", digest), [0.025, 0.975])
        hits += low <= 0 <= high
    return hits / rounds


def realised(value: float, resampled: np.ndarray) -> DetectorCells:
    """Return what `seeds` reads of the cells of one realisation."""
    return SimpleNamespace(  # type: ignore[return-value]
        detector="one", mean=lambda _: value, mean_draws=lambda _: value + resampled
    )
