"""The parts of the loss: they add up, and each moves with what it is about."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics import decision, discrimination, error_parts
from benchmark.metrics.discrimination import Bools, Floats


def measured(scores: Floats, bonafide: Bools, threshold: float) -> tuple[float, float]:
    """Balanced error at the threshold, and the least one, by trying every threshold."""

    def at(cut: float) -> float:
        return float((np.mean(scores[bonafide] < cut) + np.mean(scores[~bonafide] >= cut)) / 2)

    return at(threshold), min(at(cut) for cut in (*scores.tolist(), np.inf))


def both(seed: int) -> tuple[Floats, Bools]:
    rng = np.random.default_rng(seed)
    bonafide = rng.random(300) < 0.5
    return rng.normal(size=300) + 2.0 * bonafide, bonafide


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("grid", [0.0, 0.5, 100.0])
def test_the_least_error_is_that_of_the_best_threshold(seed: int, grid: float) -> None:
    scores, bonafide = both(seed)
    scores = np.round(scores / grid) * grid if grid else scores
    curve = discrimination.roc(scores, bonafide)
    assert error_parts.least_error_of(curve) == pytest.approx(
        measured(scores, bonafide, 0.0)[1], abs=1e-12
    )
    assert grid != 100.0 or error_parts.least_error_of(curve) == 0.5


def parted(clean: Floats, laundered: Floats, bonafide: Bools, threshold: float) -> dict[str, float]:
    found = error_parts.parts(
        *measured(laundered, bonafide, threshold), *measured(clean, bonafide, threshold)
    )
    return {name: float(value) for name, value in vars(found).items()}


@pytest.mark.parametrize("seed", range(5))
def test_the_parts_add_up_to_the_loss(seed: int) -> None:
    clean, bonafide = both(seed)
    noise = np.random.default_rng(seed).normal(size=clean.size)
    found = parted(clean, 0.7 * clean + noise - 0.4, bonafide, 1.3)
    whole = found["loss_clean"] + found["loss_shift"] + found["loss_discrimination"]
    assert whole == pytest.approx(found["loss"], abs=1e-12)
    frozen = decision.confusion(0.7 * clean + noise - 0.4, bonafide, 1.3).balanced_accuracy
    least = error_parts.least_error_of(discrimination.roc(clean, bonafide))
    assert found["loss"] == pytest.approx(1 - float(frozen) - least, abs=1e-12)


def test_a_shift_of_all_scores_is_miscalibration_by_laundering_alone() -> None:
    clean, bonafide = both(1)
    found = parted(clean, clean + 1.5, bonafide, 1.0)
    assert found["loss_discrimination"] == pytest.approx(0.0, abs=1e-12)
    assert found["loss_shift"] > 0.1 > found["loss_clean"] >= 0.0


def test_a_bad_threshold_is_miscalibration_on_clean_alone() -> None:
    clean, bonafide = both(2)
    found = parted(clean, clean, bonafide, 3.0)
    assert found["loss_clean"] == pytest.approx(found["loss"], abs=1e-12)
    assert found["loss"] > 0.2
    assert found["loss_shift"] == found["loss_discrimination"] == 0.0


def test_noise_about_the_threshold_is_lost_discrimination() -> None:
    clean, bonafide = both(3)
    rng = np.random.default_rng(3)
    found = parted(clean, clean + 3 * rng.normal(size=clean.size), bonafide, 1.0)
    assert found["loss_discrimination"] > 0.15
    assert abs(found["loss_shift"]) < 0.05 and abs(found["loss_clean"]) < 0.05
