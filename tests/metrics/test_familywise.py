"""Familywise decisions: step-down max-T over all ordered pairs, on paired resamples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtr, stdtr

from benchmark.core.errors import InputError
from benchmark.metrics import familywise
from benchmark.metrics.bootstrap import drawn_number
from tests.support import broken_modules, familywise_model

MANY = 100_000  # speakers: Student's t is normal


def normal_draws(rng: np.random.Generator, number: int, size: int, shared: float) -> np.ndarray:
    """Return draws (number, size) of unit variance, of which `shared` is common to all."""
    common = rng.normal(size=size) * np.sqrt(shared)
    return common + np.sqrt(1 - shared) * rng.normal(size=(number, size))


def rejected(rng: np.random.Generator, number: int, rounds: int, shared: float) -> float:
    """Return the share of samples of equal detectors with any difference."""
    found = 0
    for _ in range(rounds):
        values = normal_draws(rng, number, 1, shared)[:, 0]
        draws = list(normal_draws(rng, number, 400, shared))
        found += familywise.below(familywise.p_values(values, draws, MANY)).any()
    return found / rounds


def test_equal_detectors_rarely_show_a_difference() -> None:
    """Unadjusted two-sided tests would show one in about 66 % of these samples of 8 detectors."""
    rounds = 400
    share = rejected(np.random.default_rng(1), 8, rounds, 0.5)
    assert 0.05 - 3.3 * np.sqrt(0.05 * 0.95 / rounds) <= share <= 0.09, share


def test_two_detectors_have_the_two_sided_rate() -> None:
    """A one-sided test in the observed direction would double the rate."""
    rng = np.random.default_rng(2)
    values, draws = np.array([0.0, 1.8 * np.sqrt(2)]), normal_draws(rng, 2, 20_000, 0.0)
    p = familywise.p_values(values, list(draws), MANY)
    assert p[0, 1] == pytest.approx(0.072, abs=0.006)  # one-sided: 0.036, and significant
    assert p[1, 0] > 0.9
    assert familywise.rank_bounds(p) == [(1, 2), (1, 2)]


def test_pairing_finds_what_unpaired_resamples_hide() -> None:
    rng = np.random.default_rng(3)
    draws = normal_draws(rng, 3, 1000, 0.99)
    values = [0.0, 1.0, 2.0]
    paired = familywise.p_values(values, list(draws), MANY)
    shuffled = [rng.permutation(draw) for draw in draws]
    assert familywise.rank_bounds(paired) == [(1, 1), (2, 2), (3, 3)]
    assert familywise.rank_bounds(familywise.p_values(values, shuffled, MANY)) == [(1, 3)] * 3


def test_steps_down_and_keeps_the_order_of_the_statistics() -> None:
    """What one strong difference uses up must not be charged to the weaker ones."""
    rng = np.random.default_rng(4)
    draws = [*(rng.normal(size=(2, 4000))), *(0.001 * rng.normal(size=(12, 4000)))]
    values = [0.0, 2.9 * np.sqrt(2), *np.linspace(10.0, 11.0, 12)]
    p = familywise.p_values(values, draws, MANY)
    centred = [draw - draw.mean() for draw in draws]
    ratio = (values[1] - values[0]) / (draws[0] - draws[1]).std()
    single = np.mean(
        np.max([abs(a - b) / (a - b).std() for n, a in enumerate(centred) for b in centred[:n]], 0)
        >= ratio
    )
    assert p[0, 1] < 0.75 * single
    assert p[0, 2] <= p[0, 1]
    assert familywise.rank_bounds(p)[:3] == [(1, 2), (1, 2), (3, 3)]


def test_p_values_are_those_of_the_definition() -> None:
    """Every hypothesis against the largest of those that are no stronger; none below a stronger."""
    size, number = 1000, 4
    for seed in range(4):
        rng = np.random.default_rng([8, seed])
        values = normal_draws(rng, number, 1, 0.5)[:, 0] * 1.5
        draws = normal_draws(rng, number, size, 0.5)
        pairs = [(i, j) for i in range(number) for j in range(number) if i != j]
        spread = {(i, j): np.std(draws[j] - draws[i]) for i, j in pairs}
        null = {(i, j): (draws[j] - draws[i] - np.mean(draws[j] - draws[i])) / spread[i, j]
                for i, j in pairs}  # fmt: skip
        own = {(i, j): (values[j] - values[i]) / spread[i, j] for i, j in pairs}
        p = {
            one: (1 + np.sum(np.max([null[k] for k in pairs if own[k] <= own[one]], 0) >= own[one]))
            / (1 + size)
            for one in pairs
        }
        wanted = {one: max(p[k] for k in pairs if own[k] >= own[one]) for one in pairs}
        assert p != wanted  # the order matters in this sample
        found = familywise.p_values(values, list(draws), MANY)
        assert [found[one] for one in pairs] == pytest.approx(
            [wanted[one] for one in pairs], abs=2.5 / size
        )


def test_few_speakers_are_compared_with_students_tail() -> None:
    rng = np.random.default_rng(5)
    draws = rng.normal(size=(2, 40_000))
    values = np.array([0.0, 3.5 * np.sqrt(2)])
    found = {units: familywise.p_values(values, list(draws), units)[0, 1] for units in (12, MANY)}
    tail = 2 * stdtr(familywise.KNOWN * 11, -3.5 * np.sqrt(11 / drawn_number(12)))
    assert found[12] == pytest.approx(tail, abs=0.0007)
    assert found[MANY] == pytest.approx(2 * ndtr(-3.5), abs=0.0004)
    assert found[12] > 2 * found[MANY]


def test_ties_are_the_complement_of_differences() -> None:
    p = np.array([[1, 0.01, 0.2], [1, 1, 1], [1, 0.3, 1]])
    assert familywise.tied(p).tolist() == [
        [True, False, True],
        [False, True, True],
        [True, True, True],
    ]
    assert familywise.rank_bounds(p) == [(1, 2), (2, 3), (1, 3)]


def test_without_resamples_nothing_is_ruled_out_or_equal() -> None:
    p = familywise.p_values([0.1, 0.2], [np.empty(0), np.empty(0)], 20)
    assert np.isnan(p).all() and familywise.rank_bounds(p) == [(1, 2), (1, 2)]
    undefined = familywise.p_values([0.1, 0.2], [np.zeros(3), np.full(3, np.nan)], 20)
    assert np.isnan(undefined).all()
    assert familywise.p_values([], [], 20).shape == (0, 0)


def test_the_same_detector_twice_is_tied_and_unpaired_draws_are_refused() -> None:
    draw = np.random.default_rng(6).normal(size=200)
    p = familywise.p_values([0.1, 0.1], [draw, draw + 1e-17], 20)
    assert familywise.tied(p).all()
    with pytest.raises(InputError, match="their resamples are not the same"):
        familywise.p_values([0.1, 0.2], [draw, draw[:-1]], 20)


def test_tables_of_equal_and_of_unequal_detectors() -> None:
    """`tests/soak/test_familywise.py` measures both precisely, with 17 detectors."""
    rng = np.random.default_rng(7)
    equal = [0.2] * 5
    boards = [familywise_model.board(rng, equal, 20, 0.5, 200) for _ in range(25)]
    judged = familywise_model.shares(boards, equal)
    assert judged.unadjusted >= 0.2 and judged.false <= 0.12, judged
    apart = [0.1, 0.1, 0.35, 0.35]
    boards = [familywise_model.board(rng, apart, 20, 0.5, 200) for _ in range(8)]
    judged = familywise_model.shares(boards, apart)
    assert judged.found >= 0.8 and judged.ranks_missed <= 0.25, judged


# what is wrong, a line of the module, what stands there instead, and a test that must fail
BROKEN: list[tuple[str, str, str, Callable[[], None]]] = [
    (
        "each pair alone",
        "np.maximum(largest, (centred[j] - centred[i]) / spread[i, j], out=largest)",
        "largest = (centred[j] - centred[i]) / spread[i, j]",
        test_equal_detectors_rarely_show_a_difference,
    ),
    (
        "each pair alone, in tables",
        "np.maximum(largest, (centred[j] - centred[i]) / spread[i, j], out=largest)",
        "largest = (centred[j] - centred[i]) / spread[i, j]",
        test_tables_of_equal_and_of_unequal_detectors,
    ),
    (
        "one-sided",
        "pairs = np.argwhere(spread > 0)",
        "pairs = np.argwhere((spread > 0) & (np.subtract.outer(values, values) <= 0))",
        test_two_detectors_have_the_two_sided_rate,
    ),
    (
        "unpaired",
        "centred = np.stack([draw - draw.mean() for draw in draws])",
        "centred = np.stack([np.roll(d - d.mean(), 7 * n) for n, d in enumerate(draws)])",
        test_pairing_finds_what_unpaired_resamples_hide,
    ),
    (
        "in a single step",
        "for i, j in pairs:  #",
        "for k, l in pairs:\n"
        "        np.maximum(largest, (centred[l] - centred[k]) / spread[k, l], out=largest)\n"
        "    for i, j in pairs:  #",
        test_steps_down_and_keeps_the_order_of_the_statistics,
    ),
    (
        "from the strongest",
        "for i, j in pairs:  #",
        "for i, j in pairs[::-1]:  #",
        test_p_values_are_those_of_the_definition,
    ),
    (
        "not in order",
        "max(smallest, found[i, j])",
        "found[i, j]",
        test_p_values_are_those_of_the_definition,
    ),
    (
        "normal tails",
        "tail = stdtr(KNOWN * (units - 1), -np.abs(ratio))",
        "tail = stdtr(1e9, -np.abs(ratio))",
        test_few_speakers_are_compared_with_students_tail,
    ),
    (
        "with the width of the intervals",
        "exact = spread * np.sqrt(drawn_number(units) / (units - 1))",
        "exact = spread",
        test_few_speakers_are_compared_with_students_tail,
    ),
    (
        "direction reversed",
        "(values - values[:, None])",
        "(values[:, None] - values)",
        test_pairing_finds_what_unpaired_resamples_hide,
    ),
]


@pytest.mark.parametrize(("old", "new", "check"), [case[1:] for case in BROKEN],
                         ids=[case[0] for case in BROKEN])  # fmt: skip
def test_a_broken_decision_is_found(old: str, new: str, check: Callable[[], None]) -> None:
    broken_modules.require_found(familywise, old, new, check)
