"""The bias that resampling adds to a threshold search, and its correction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from benchmark.metrics import bootstrap, bootstrap_bias, decision, discrimination
from benchmark.metrics.bootstrap_metrics import replicate

DIGEST = "00ff" * 16


def test_the_part_linear_in_the_rates_is_kept() -> None:
    rng = np.random.default_rng(1)
    frr, far = 0.2 + 0.02 * rng.normal(size=(2, 300))
    eers = 0.1 + 0.6 * frr + 0.3 * far
    assert bootstrap_bias.smooth(eers, frr, far) == pytest.approx(eers, abs=1e-14)


def test_the_nonlinear_part_is_removed_and_the_mean_is_kept() -> None:
    rng = np.random.default_rng(2)
    frr, far = 0.2 + 0.02 * rng.normal(size=(2, 300))
    jitter = 0.01 * rng.normal(size=300)
    found = bootstrap_bias.smooth(0.5 * frr + 0.5 * far + jitter, frr, far)
    design = np.stack([np.ones(300), frr, far], axis=1)
    left = jitter - design @ np.linalg.lstsq(design, jitter)[0]
    assert found == pytest.approx(0.5 * frr + 0.5 * far + jitter - left, abs=1e-14)


@pytest.mark.parametrize("far", ["constant", "the same", "mirrored"])
def test_a_rate_without_further_information(far: str) -> None:
    rng = np.random.default_rng(3)
    frr = 0.3 + 0.05 * rng.normal(size=50)
    other = {"constant": np.full(50, 0.1), "the same": frr, "mirrored": 1 - frr}[far]
    eers = 0.1 + 0.7 * frr
    assert bootstrap_bias.smooth(eers, frr, other) == pytest.approx(eers, abs=1e-12)


def test_constant_rates_give_the_mean() -> None:
    eers = np.array([0.1, 0.2, 0.6])
    still = np.full(3, 0.5)
    assert bootstrap_bias.smooth(eers, still, still) == pytest.approx([0.3, 0.3, 0.3])


def test_a_rate_stays_a_rate() -> None:
    frr = np.array([0.0, 0.0, 0.0, 0.4])
    found = bootstrap_bias.smooth(np.array([0.0, 0.1, 0.0, 0.9]), 3 * frr, -frr)
    assert ((found >= 0) & (found <= 1)).all()


def test_a_minimum_by_hand() -> None:
    # Minima 0.1, 0.2, 0.3 at thresholds 0, 1, 0. Costs at the previous row's threshold (the first
    # row takes that of the last): 0.1, 0.5, 0.4.
    costs = np.array([[0.1, 0.6], [0.5, 0.2], [0.3, 0.4]])
    smallest, other = np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.5, 0.4])
    expected = (smallest + other) / 2 + other.mean() - smallest.mean()
    assert bootstrap_bias.unbiased(costs) == pytest.approx(expected)


def test_costs_with_a_common_optimum_are_unchanged() -> None:
    costs = np.tile([[1.0, 0.2, 0.9]], (5, 1)) + np.linspace(0, 0.1, 5)[:, None]
    assert bootstrap_bias.unbiased(costs) == pytest.approx(costs[:, 1])
    assert bootstrap_bias.unbiased(np.full((4, 2), 1.0)) == pytest.approx(np.ones(4))


def test_the_bias_of_a_minimum_is_removed() -> None:
    """The smallest cost of independent normal scores is known.

    1.9 FRR + FAR is smallest where 1.9 p(t - 2) = p(t), at t = 1 - ln(1.9) / 2.
    """
    at = 1 - np.log(1.9) / 2
    truth = 1.9 * ndtr(at - 2) + 1 - ndtr(at)
    rng = np.random.default_rng(4)
    bonafide = np.arange(400) % 2 == 0
    draws = bootstrap.resample(np.arange(400), bonafide, DIGEST, 200)
    plain, raw, found = [], [], []
    for _ in range(200):
        ranking = discrimination.rank(rng.normal(size=400) + 2 * bonafide, bonafide)
        plain.append(decision.min_dcf_of(discrimination.roc_of(ranking)))
        found.append(replicate(ranking, draws).min_dcf.mean())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bootstrap_bias, "unbiased", lambda costs: costs.min(axis=1))
            raw.append(replicate(ranking, draws).min_dcf.mean())
    bias = [np.mean(part) - truth for part in (plain, raw, found)]
    spread = np.std(plain) / np.sqrt(200)
    assert bias[0] < -5 * spread
    assert bias[1] / bias[0] == pytest.approx(2 ** (2 / 3), abs=0.15)  # from cube root asymptotics
    assert abs(bias[2]) < 3 * spread
