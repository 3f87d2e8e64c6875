"""Verdicts: only an effect verifies; any check can fail; the main check is an effect."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.laundering import verification
from benchmark.laundering.verification import Verdict
from benchmark.scores.run_results import RunResults
from tests.support import synthetic_run

NAME = "lowpass(cutoff=7000)"


@pytest.fixture(scope="module")
def small() -> RunResults:
    return synthetic_run.run(speakers=2, segments=2)


def verdict(small: RunResults, *checks: tuple[str, bool, float, bool | None]) -> Verdict:
    """Return the verdict on NAME for these checks, each (quantity, effect, measured, passed)."""
    mine = small.source.effects(NAME)
    parts = []
    for quantity, effect, measured, passed in checks:
        part = mine.assign(quantity=quantity, effect=effect, measured=measured)
        parts.append(part.assign(passed=pd.Series([passed] * len(part), dtype=object).to_numpy()))
    trials = {*small.protocol.table["utterance_id"]}
    return verification.judge(pd.concat(parts, ignore_index=True), NAME, trials)[0]


def test_checks_without_an_effect_verify_nothing(small: RunResults) -> None:
    found = verdict(
        small,
        ("stop band attenuation", True, np.nan, None),
        ("pass band error", False, -90.0, True),
        ("length", False, 0.0, True),
    )
    assert found.verified is False
    assert found.passed == 0 and found.not_measurable == len(small.protocol.table)
    assert found.quantity == "stop band attenuation"


def test_a_failed_check_that_is_no_effect_fails_the_condition(small: RunResults) -> None:
    found = verdict(
        small, ("stop band attenuation", True, 80.0, True), ("pass band error", False, 0.0, False)
    )
    assert found.verified is False and found.failed == len(small.protocol.table)


def test_the_main_effect_is_the_first_measured_one(small: RunResults) -> None:
    found = verdict(
        small,
        ("length", False, 0.0, True),
        ("stop band attenuation", True, np.nan, None),
        ("residual", True, -40.0, True),
    )
    assert found.verified is True
    assert (found.quantity, found.measured) == ("residual", -40.0)


def test_a_length_alone_is_no_effect_to_report(small: RunResults) -> None:
    found = verdict(small, ("length", False, 0.0, True))
    assert found.verified is False and found.quantity == ""
