"""The pooled EER: exact for few trials, within its own bound for many."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics import discrimination
from benchmark.metrics.discrimination import Bools, Floats
from benchmark.metrics.pooled import Sketch, pooled_eer, sketch


def cells(seed: int, size: int, grid: float = 0.0) -> list[tuple[Floats, Bools]]:
    """Cells whose scores are shifted against each other."""
    rng = np.random.default_rng(seed)
    found = []
    for shift in (0.0, -1.5, 4.0):
        bonafide = rng.random(size) < 0.3
        scores = rng.normal(size=size) + 2.0 * bonafide + shift
        found.append((np.round(scores / grid) * grid if grid else scores, bonafide))
    return found


def sides(parts: list[tuple[Floats, Bools]], most: int) -> tuple[list[Sketch], list[Sketch]]:
    bonafide = [sketch(np.sort(scores[labels]), most) for scores, labels in parts]
    spoof = [sketch(np.sort(scores[~labels]), most) for scores, labels in parts]
    return bonafide, spoof


def whole(parts: list[tuple[Floats, Bools]]) -> float:
    scores, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    return discrimination.eer(scores, labels)[0]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("grid", [0.0, 0.5, 100.0])
def test_few_trials_are_pooled_exactly(seed: int, grid: float) -> None:
    parts = cells(seed, 200, grid)
    eer, error = pooled_eer(*sides(parts, 4096))
    assert eer == pytest.approx(whole(parts), abs=1e-12) and error == 0.0


@pytest.mark.parametrize("most", [3, 10, 50, 333])
@pytest.mark.parametrize("seed", range(6))
def test_the_bound_holds(seed: int, most: int) -> None:
    parts = cells(seed, 3000, 0.1 if seed % 2 else 0.0)
    eer, error = pooled_eer(*sides(parts, most))
    assert abs(eer - whole(parts)) <= error + 1e-12
    assert 0 < error < 1 / most


def test_the_default_is_within_a_fiftieth_of_a_per_cent() -> None:
    parts = cells(1, 40_000)
    bonafide, spoof = ([sketch(np.sort(s[k == side])) for s, k in parts] for side in (True, False))
    eer, error = pooled_eer(bonafide, spoof)
    assert error < 2e-4 and abs(eer - whole(parts)) <= error


def test_one_threshold_for_shifted_cells_costs_more_than_one_for_each() -> None:
    parts = cells(2, 400)
    eer, _ = pooled_eer(*sides(parts, 4096))
    assert eer > 2 * np.mean([discrimination.eer(*part)[0] for part in parts])


def test_a_class_that_is_absent_gives_no_rate() -> None:
    one = sketch(np.array([1.0, 2.0]))
    none = sketch(np.empty(0))
    for pair in (([one], []), ([], [one]), ([none], [one])):
        assert np.isnan(pooled_eer(*pair)).all()
