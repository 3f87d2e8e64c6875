"""Replicates moved to the scale of their metric: about the estimate, in their order, paired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.special import expit, logit, ndtri

from benchmark.metrics import bootstrap, bootstrap_scale
from benchmark.metrics.bootstrap_metrics import Replicates
from tests.support import broken_modules

SIZE = 1001
NOTHING = np.full(SIZE, np.nan)


def cell(**draws: np.ndarray) -> Replicates:
    return replace(Replicates(*[NOTHING] * len(fields(Replicates))), **draws)


def point(**values: float) -> dict[str, float]:
    return dict.fromkeys(("eer", "auc", "f1", "min_dcf", "act_dcf", "cllr"), np.nan) | values


@pytest.mark.parametrize("name", ["eer", "auc", "f1"])
def test_rates_are_normal_on_the_logit_scale_about_the_estimate(name: str) -> None:
    rng = np.random.default_rng(1)
    raw = expit(3.1 + 0.5 * rng.normal(size=SIZE) ** 3)  # off centre, and skewed
    found = getattr(bootstrap_scale.scaled(point(**{name: 0.95}), cell(**{name: raw}), 100), name)
    spread = logit(np.clip(raw, 0.5 / 101, 1 - 0.5 / 101)).std()
    low, high = bootstrap.interval(found)
    assert logit([low, high]) == pytest.approx(
        logit(0.95) + ndtri([0.025, 0.975]) * spread, abs=0.02
    )
    assert 0.95 - low > 1.3 * (high - 0.95)  # not symmetric: there is more room below
    assert (np.argsort(found) == np.argsort(raw)).all()


@pytest.mark.parametrize("name", ["act_dcf", "cllr"])
def test_costs_are_normal_on_the_log_scale(name: str) -> None:
    raw = np.exp(0.3 * np.random.default_rng(2).normal(size=SIZE))  # a cost may exceed 1
    found = getattr(bootstrap_scale.scaled(point(**{name: 2.0}), cell(**{name: raw}), 100), name)
    low, high = bootstrap.interval(found)
    assert low * high == pytest.approx(4.0, rel=0.01)
    assert np.log(high / 2.0) == pytest.approx(1.96 * np.log(raw).std(), rel=0.02)


def test_min_dcf_and_what_is_undefined_stay_as_they_are() -> None:
    raw = np.linspace(0.2, 0.3, SIZE)
    draws = cell(min_dcf=raw, f1=np.where(raw > 0.25, np.nan, raw), cllr=raw)
    found = bootstrap_scale.scaled(point(min_dcf=0.22, f1=0.2), draws, 100)
    assert found.min_dcf is raw
    assert np.array_equal(found.f1, draws.f1, equal_nan=True)
    assert np.array_equal(found.cllr, raw)  # without an estimate
    assert np.isnan(found.eer).all()


def test_an_estimate_at_the_end_of_its_range_keeps_its_replicates() -> None:
    raw = np.zeros(SIZE)
    found = bootstrap_scale.scaled(point(eer=0.0, auc=1.0), cell(eer=raw, auc=1 - raw), 50)
    assert bootstrap.interval(found.eer) == (0.0, 0.0)
    assert bootstrap.interval(found.auc) == (1.0, 1.0)


def test_replicates_without_errors_count_half_an_error() -> None:
    raw = np.where(np.arange(SIZE) % 3 == 0, 0.0, 0.02)
    found = bootstrap_scale.scaled(point(eer=0.013), cell(eer=raw), 100).eer
    assert np.isfinite(found).all() and 0 < found.min() < 0.013 < found.max() < 0.1


def test_equal_cells_stay_equal_and_pairs_stay_paired() -> None:
    rng = np.random.default_rng(3)
    common = rng.normal(size=SIZE)
    one, two = (expit(-2 + 0.3 * common + 0.03 * rng.normal(size=SIZE)) for _ in range(2))
    moved = [bootstrap_scale.scaled(point(eer=0.12), cell(eer=raw), 100).eer for raw in (one, two)]
    again = bootstrap_scale.scaled(point(eer=0.12), cell(eer=one), 100).eer
    assert np.array_equal(moved[0], again)
    apart = np.std(moved[0] - rng.permutation(moved[1]))
    assert np.std(moved[0] - moved[1]) < 0.25 * apart


def test_few_errors_count_the_smaller_class() -> None:
    bonafide = np.arange(1000) < 100
    assert bootstrap_scale.few_errors(0.199, bonafide) is True
    assert bootstrap_scale.few_errors(0.201, bonafide) is False
    assert bootstrap_scale.few_errors(0.201, ~bonafide) is False
    assert bootstrap_scale.few_errors(float("nan"), bonafide) is None


def check_auc() -> None:
    test_rates_are_normal_on_the_logit_scale_about_the_estimate("auc")


def check_cllr() -> None:
    test_costs_are_normal_on_the_log_scale("cllr")


# what is wrong, a line of the module, what stands there instead, and a test that must fail
BROKEN: list[tuple[str, str, str, Callable[[], None]]] = [
    ("a rate on the log scale", '"auc": RATE', '"auc": COST', check_auc),
    ("a cost on the logit scale", '"cllr": COST', '"cllr": RATE', check_cllr),
    (
        "minDCF moved too",
        '"cllr": COST}',
        '"cllr": COST, "min_dcf": COST}',
        test_min_dcf_and_what_is_undefined_stay_as_they_are,
    ),
    ("narrower", "spread * normal", "0.9 * spread * normal", check_auc),
    ("wider", "spread * normal", "1.1 * spread * normal", check_cllr),
    (
        "about the mean of the replicates",
        "scale.forth(np.asarray(value)) +",
        "scale.forth(np.asarray(draws.mean())) +",
        check_auc,
    ),
    ("pairs lost", "rankdata(draws) - 0.5", "1 + np.arange(draws.size) - 0.5", check_auc),
    (
        "no half error",
        "np.clip(draws, least, scale.top - least)",
        "np.clip(draws, 1e-12, scale.top)",
        test_replicates_without_errors_count_half_an_error,
    ),
    ("errors of the larger class", "smaller = min(", "smaller = max(",
     test_few_errors_count_the_smaller_class),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "check"), [case[1:] for case in BROKEN],
                         ids=[case[0] for case in BROKEN])  # fmt: skip
def test_a_broken_scale_is_found(old: str, new: str, check: Callable[[], None]) -> None:
    broken_modules.require_found(bootstrap_scale, old, new, check)
