"""Verdicts: the state of a condition follows from its checks alone, in a documented order."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from attacks.contract.base import RESIDUAL
from benchmark.laundering import verification
from benchmark.laundering.check_rows import COLUMNS
from benchmark.laundering.verification import MEASURED, NEEDED, State, Tally, Verdict

NAME = "lowpass(cutoff=7000)"
OWN, LENGTH = "stop band attenuation", "length"
HUNDRED = 100

Row = tuple[str, bool, float | None, bool | None]  # quantity, effect, measured, passed


def verdict(rows: dict[str, list[list[Row]]], trusted: bool = True) -> Verdict:
    """Return the verdict for the checks of each utterance: one list per step."""
    table = [
        {
            "condition": NAME,
            "utterance_id": utterance,
            "step": step,
            "attack": NAME,
            "quantity": quantity,
            "unit": "dB",
            "relation": ">=",
            "claimed": 30.0,
            "measured": np.nan if measured is None else measured,
            "tolerance": 0.0,
            "passed": passed,
            "effect": effect,
        }
        for utterance, steps in rows.items()
        for step, checks in enumerate(steps)
        for quantity, effect, measured, passed in checks
    ]
    frame = pd.DataFrame(table, columns=["condition", "utterance_id", *COLUMNS])
    return verification.judge(frame, NAME, {*rows}, trusted=trusted)[0]


def alike(*steps: list[Row]) -> Verdict:
    """Return the verdict if all of a hundred utterances have these checks."""
    return verdict({f"u{number:03d}": [*steps] for number in range(HUNDRED)})


def mixed(first: int, some: list[Row], others: list[Row]) -> Verdict:
    """Return the verdict if the `first` of a hundred have some checks, and the rest others."""
    return verdict(
        {f"u{number:03d}": [some if number < first else others] for number in range(HUNDRED)}
    )


def own(passed: bool | None = True, measured: float | None = 80.0) -> Row:
    return (OWN, True, measured if passed is not None else None, passed)


def residual(change: float | None, passed: bool | None = True) -> Row:
    return (RESIDUAL, passed is not None, change, passed)


LENGTH_KEPT: Row = (LENGTH, False, 0.0, True)
SAMPLE_CHECKS: list[Row] = [
    LENGTH_KEPT,
    ("envelope lag", False, 0.0, True),
    ("active frames alive", False, 1.0, True),
    ("envelope correlation", False, 0.9, True),
    ("clipping", False, 0.0, True),
]


def test_a_measured_effect_of_its_own_verifies() -> None:
    found = alike([own(), *SAMPLE_CHECKS, residual(-20.0)])
    assert found.state is State.VERIFIED and found.verified is True
    assert (found.quantity, found.measured) == (OWN, 80.0)


def test_sample_checks_and_residual_never_verify() -> None:
    found = alike([*SAMPLE_CHECKS, residual(-20.0)])
    assert found.state is State.UNMEASURED and found.verified is False
    assert found.tally.not_measurable == HUNDRED


def test_an_attack_without_any_check_of_its_own_is_unmeasured() -> None:
    assert alike([LENGTH_KEPT]).state is State.UNMEASURED
    assert alike([LENGTH_KEPT]).quantity == ""


def test_what_nearly_nothing_changed_is_a_control_even_if_its_claim_is_right() -> None:
    near = residual(-70.0, passed=None)  # as of an attack that is nearly the identity
    assert alike([own(), LENGTH_KEPT, near]).state is State.CONTROL
    assert alike([LENGTH_KEPT, near]).state is State.CONTROL
    assert alike([LENGTH_KEPT, near]).verified is False


def test_a_low_pass_above_the_recordings_is_a_control() -> None:
    found = mixed(
        9, [own(), residual(-35.0), LENGTH_KEPT], [own(None), residual(-58.0, None), LENGTH_KEPT]
    )
    assert found.state is State.CONTROL
    assert (found.tally.passed, found.tally.not_measurable) == (9, 91)


@pytest.mark.parametrize(
    ("measured", "state"), [(50, State.VERIFIED), (49, State.UNMEASURED), (0, State.UNMEASURED)]
)
def test_the_effect_must_be_measured_on_half_of_the_utterances(measured: int, state: State) -> None:
    change = residual(-20.0)
    assert mixed(measured, [own(), change], [own(None), change]).state is state


@pytest.mark.parametrize(("wrong", "state"), [(1, State.VERIFIED), (2, State.REFUTED)])
def test_one_in_a_hundred_may_fail(wrong: int, state: State) -> None:
    assert mixed(wrong, [own(False), residual(-20.0)], [own(), residual(-20.0)]).state is state


def test_failures_count_among_the_measured_too() -> None:
    change = residual(-20.0)
    rows = {f"u{number:03d}": [[own(None), LENGTH_KEPT, change]] for number in range(HUNDRED)}
    rows |= {f"u{number:03d}": [[own(), LENGTH_KEPT, change]] for number in range(60)}
    rows["u000"] = [[own(False), LENGTH_KEPT, change]]
    assert verdict(rows).state is State.REFUTED  # 1 of 60, though 1 of 100 utterances


def test_a_failed_check_of_any_kind_refutes() -> None:
    clipped: Row = ("clipping", False, 0.3, False)
    found = alike([own(), residual(-20.0), clipped])
    assert found.state is State.REFUTED and found.tally.failed == HUNDRED


def test_an_attack_that_does_nothing_is_refuted_rather_than_a_control() -> None:
    assert alike([own(), residual(-200.0, passed=False)]).state is State.REFUTED


@pytest.mark.parametrize(
    ("unchanged", "state"), [(51, State.CONTROL), (50, State.VERIFIED), (0, State.VERIFIED)]
)
def test_a_control_left_most_utterances_unchanged(unchanged: int, state: State) -> None:
    assert mixed(unchanged, [own(), residual(-40.1)], [own(), residual(-40.0)]).state is state


def test_samples_that_move_in_time_count_as_changed() -> None:
    moved: Row = (LENGTH, True, 1.1, True)
    assert alike([moved]).state is State.VERIFIED
    assert alike([residual(-80.0, None), own()], [moved]).state is State.VERIFIED


def test_an_unknown_change_makes_no_control() -> None:
    assert alike([own(None), residual(None, None)]).state is State.UNMEASURED
    unknown_and_small = alike([residual(-80.0, None)], [own(None), residual(None, None)])
    assert unknown_and_small.state is State.UNMEASURED


def test_every_step_of_a_chain_must_claim_something() -> None:
    step = [own(), residual(-20.0)]
    assert alike(step, step).state is State.VERIFIED
    assert alike(step, [own(None), residual(-20.0)]).state is State.VERIFIED
    assert alike(step, [LENGTH_KEPT, residual(-20.0)]).state is State.UNMEASURED


def test_an_attack_that_broke_its_contract_is_never_verified() -> None:
    rows = {"u": [[own(), residual(-20.0)]]}
    assert verdict(rows).state is State.VERIFIED
    assert verdict(rows, trusted=False).state is State.UNMEASURED
    assert verdict({"u": [[own(), residual(-70.0)]]}, trusted=False).state is State.CONTROL
    assert verdict({"u": [[own(False)]]}, trusted=False).state is State.REFUTED


def test_the_main_check_is_the_first_measured_effect_of_its_own() -> None:
    found = alike([LENGTH_KEPT, residual(-40.0), own(None)], [residual(-30.0), own(True, 70.0)])
    assert (found.quantity, found.measured) == (OWN, 70.0)
    assert alike([LENGTH_KEPT, residual(-40.0)]).quantity == RESIDUAL


def test_nothing_measured_is_unmeasured() -> None:
    assert verdict({}).state is State.UNMEASURED and Tally().state() is State.UNMEASURED


checks = st.tuples(
    st.sampled_from([OWN, RESIDUAL, LENGTH, "clipping"]),
    st.booleans(),
    st.one_of(st.none(), st.floats(-200, 100)),
    st.sampled_from([True, True, True, None, False]),
)
utterances = st.lists(st.lists(st.lists(checks, max_size=4), min_size=1, max_size=2), max_size=12)


@settings(max_examples=50, deadline=None)
@given(utterances)
def test_verified_needs_effects_of_its_own_that_passed(found: list[list[list[Row]]]) -> None:
    rows = {f"u{number}": steps for number, steps in enumerate(found)}
    if verdict(rows).state is not State.VERIFIED:
        return
    tried = [steps for steps in found if any(steps)]
    passed = [
        steps
        for steps in tried
        if any(
            effect and quantity != RESIDUAL and passed
            for step in steps
            for quantity, effect, _, passed in step
        )
        and not any(passed is False for step in steps for *_, passed in step)
    ]
    assert passed and len(passed) >= NEEDED * MEASURED * len(tried)


@settings(max_examples=50, deadline=None)
@given(utterances, utterances)
def test_tallies_add_up(one: list[list[list[Row]]], two: list[list[list[Row]]]) -> None:
    first = {f"a{number}": steps for number, steps in enumerate(one)}
    second = {f"b{number}": steps for number, steps in enumerate(two)}
    whole = verdict(first | second).tally
    assert verdict(first).tally + verdict(second).tally == whole
    assert whole.passed + whole.failed + whole.not_measurable == whole.tried
