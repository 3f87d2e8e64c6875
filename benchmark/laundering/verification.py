"""Verification of attacks: verdicts per condition from the measured effects of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from attacks.contract.base import RESIDUAL
from attacks.contract.condition import CLEAN
from attacks.contract.launder import Step
from benchmark.laundering import check_rows

NEEDED = 0.99  # share of utterances that must pass
MEASURED = 0.5  # share of utterances on which the effect of an attack of its own must be measured
CONTROL_DB = -40.0  # a change below this, relative to the input's energy, is nearly nothing
TEXTS = ("condition", *check_rows.TEXTS)
EFFECTS = ("condition", "utterance_id", *check_rows.COLUMNS)
KEYS = [  # what tells the checks of one condition apart
    "condition",
    *(name for name in check_rows.COLUMNS if name not in (*check_rows.NUMBERS, "passed")),
]


Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


class State(StrEnum):
    """What the measurements say of a condition; only a verified one enters means and ranks.

    verified   : its own effect was measured on most utterances, and is as claimed
    control    : nearly nothing changed on these data, by the signal and never by the scores
    unmeasured : the signal changed, but what the attack claims was not measured
    refuted    : a check failed on more utterances than chance explains
    """

    VERIFIED = "verified"
    CONTROL = "control"
    UNMEASURED = "unmeasured"
    REFUTED = "refuted"

    @property
    def text(self) -> str:
        """The state in words, as reports show it."""
        return "changed, claim not measured" if self is State.UNMEASURED else str(self)

    @property
    def of_one(self) -> str:
        """The state of a single utterance in words."""
        return _OF_ONE[self]


_OF_ONE = {
    State.VERIFIED: "as claimed",
    State.CONTROL: "nearly unchanged",
    State.UNMEASURED: "claim not measured",
    State.REFUTED: "not as claimed",
}


def counts_text(states: Iterable[str | None]) -> str:
    """Return the number of conditions in each state, without `clean`.

    >>> counts_text(["verified", None, "unmeasured", "verified"])
    '2 verified; 1 changed, claim not measured'
    """
    found = Counter(states)
    return "; ".join(f"{found[state]} {state.text}" for state in State if found[state])


@dataclass(frozen=True)
class Tally:
    """Numbers of utterances by what was measured on them; the sum of two is that of both sets.

    tried          : with any check
    decided        : with a check that passed or failed
    failed         : with a failed check of any kind
    measured       : on which every step claims an effect of its own, and one was measured
    measured_wrong : those of `measured` with a failed check
    changed        : which a step changed by at least `CONTROL_DB`
    unchanged      : which every step changed by less, as far as is known of every step
    """

    tried: int = 0
    decided: int = 0
    failed: int = 0
    measured: int = 0
    measured_wrong: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def passed(self) -> int:
        """Utterances on which an effect of its own was measured and no check failed."""
        return self.measured - self.measured_wrong

    @property
    def not_measurable(self) -> int:
        """Utterances on which no check failed, but no effect of its own was measured."""
        return self.tried - self.passed - self.failed

    def state(self, trusted: bool = True) -> State:
        """Return the state of the condition; an attack that is not `trusted` is never verified.

        The first rule that applies decides:

        1. refuted, if a check failed on more than 1 % of the utterances on which any decided
           something; or, where the effect was measured on at least half of the utterances, on more
           than 1 % of those. A failure is shown even of an attack that hardly changes anything.
        2. control, if the change is below `CONTROL_DB` on more than half of the utterances whose
           change is known. This precedes `verified`, since a correct claim about nearly nothing
           (44.1 kHz and back) says nothing about robustness.
        3. verified, if the effect of its own was measured on at least half of the utterances.
        4. unmeasured.

        An unknown change makes no control: the runs of older versions did not measure the change of
        an attack that found nothing to change.
        """
        often = self.measured > 0 and self.measured >= MEASURED * self.tried
        if not _enough(self.decided - self.failed, self.decided):
            return State.REFUTED
        if often and not _enough(self.passed, self.measured):
            return State.REFUTED
        if self.unchanged > self.changed:
            return State.CONTROL
        return State.VERIFIED if often and trusted else State.UNMEASURED


@dataclass(frozen=True)
class Verdict:
    """Verdict on one condition over the whole test set.

    `state` is None for `clean`, which claims nothing. `claimed` and `measured` are medians of the
    main check: the first measured effect of the attack's own, in the order of the steps; else the
    first other effect.
    """

    state: State | None
    tally: Tally = Tally()
    quantity: str = ""
    unit: str = ""
    claimed: float = np.nan
    measured: float = np.nan

    @property
    def verified(self) -> bool | None:
        """Whether the condition is verified; None for `clean`."""
        return None if self.state is None else self.state is State.VERIFIED


def judge(
    effects: pd.DataFrame, condition: str, trials: Collection[str], *, trusted: bool = True
) -> tuple[Verdict, pd.DataFrame]:
    """Return the verdict on one condition, and its checks: one row per step, attack and quantity.

    Quantities that are not effects are included. `claimed`, `measured` and `tolerance` are medians
    over the test utterances, `measured_low` and `measured_high` the 5 % and 95 % quantiles. Counts
    are numbers of utterances. `clean` claims nothing and has no checks.

    effects : one row per utterance and check of this condition, as stored by a run
    trials  : utterance ids of the trial set, preferably as a set; effects on others are ignored
    trusted : False if an attack of the condition broke its contract, so that it is never verified
    """
    if condition == CLEAN:
        return Verdict(None), no_checks()
    rows = _of_trials(effects, trials)
    table = _checks(rows)
    return _verdict(rows, table, trusted), table


def no_checks() -> pd.DataFrame:
    """Return the empty table of checks."""
    return _checks(_of_trials(pd.DataFrame({name: [] for name in EFFECTS}), ()))


def tally_of(laundered: Iterable[tuple[str, Iterable[Step]]]) -> Tally:
    """Count utterances under one condition from their steps: (utterance id, steps) each."""
    rows = [
        {"condition": "", "utterance_id": utterance, **row}
        for utterance, steps in laundered
        for row in check_rows.check_rows(steps)
    ]
    table = pd.DataFrame(rows, columns=list(EFFECTS))
    return _tally(_of_trials(table, {*table["utterance_id"]}))


def _checks(rows: pd.DataFrame) -> pd.DataFrame:
    passed = rows["passed"]
    rows = rows.assign(
        **{"pass": passed == 1, "fail": passed == 0, "not_measurable": passed.isna()}
    )
    groups = _in_order(rows).groupby(KEYS, sort=False, dropna=False, observed=True)
    medians = groups[["claimed", "measured", "tolerance"]].median()
    counts = groups[["pass", "fail", "not_measurable"]].sum()
    table = pd.DataFrame(
        {
            "claimed": medians["claimed"],
            "measured": medians["measured"],
            "measured_low": groups["measured"].quantile(0.05),
            "measured_high": groups["measured"].quantile(0.95),
            "tolerance": medians["tolerance"],
            **{f"n_{name}": counts[name] for name in counts},
        }
    ).reset_index()
    return table.astype(dict.fromkeys(TEXTS, object))


def _verdict(rows: pd.DataFrame, table: pd.DataFrame, trusted: bool) -> Verdict:
    """Return the verdict; `table` holds the checks of these rows."""
    tally = _tally(rows)
    state = tally.state(trusted)
    claims = table[table["effect"]]
    measured = claims[claims["measured"].notna()]
    claims = claims if measured.empty else measured
    own = claims[claims["quantity"] != RESIDUAL]
    claims = claims if own.empty else own
    if claims.empty:  # only checks such as the length: no effect is claimed
        return Verdict(state, tally)
    main = claims.iloc[0]
    return Verdict(
        state,
        tally,
        quantity=str(main["quantity"]),
        unit=str(main["unit"]),
        claimed=float(main["claimed"]),
        measured=float(main["measured"]),
    )


def _tally(rows: pd.DataFrame) -> Tally:
    """Count the utterances of these rows, which are those of one condition."""
    passed, number = rows["passed"].to_numpy(), rows["step"].to_numpy(dtype=np.int64)
    residual = (rows["quantity"] == RESIDUAL).to_numpy(dtype=np.bool_)
    own = claims_effect(rows["effect"].to_numpy(), residual)
    width = number.max(initial=0) + 1
    keys = rows["utterance_id"].cat.codes.to_numpy(dtype=np.int64) * width + number
    pairs, step = np.unique(keys, return_inverse=True)  # utterance and step
    known, trial = np.unique(pairs // width, return_inverse=True)

    def steps(chosen: Bools) -> Bools:
        return _marked(step[chosen], len(pairs))

    def trials(chosen: Bools) -> Bools:
        return _marked(trial[chosen], len(known))

    change = _changes(rows, residual, steps(own & (passed == 1)), step)
    changed = trials(change >= CONTROL_DB)
    failed = trials(steps(passed == 0))
    measured = trials(steps(own & ~np.isnan(passed))) & ~trials(~steps(own))
    return Tally(
        tried=len(known),
        decided=int(trials(steps(~np.isnan(passed))).sum()),
        failed=int(failed.sum()),
        measured=int(measured.sum()),
        measured_wrong=int((measured & failed).sum()),
        changed=int(changed.sum()),
        unchanged=int((~changed & ~trials(np.isnan(change))).sum()),
    )


def claims_effect(effect: Bools, residual: Bools) -> Bools:
    """Return which checks show an effect of the attack's own.

    That the samples changed at all (the residual) is measured of every attack and claims nothing
    that tells one from another. A changed length is the claim of an attack that stretches time.
    """
    return effect & ~residual


def _changes(rows: pd.DataFrame, residual: Bools, done: Bools, step: Places) -> Floats:
    """Return the change of each step in dB, NaN where it is unknown.

    Samples that move in time have no residual. Such a step counts as a change if an effect of its
    own is as claimed (`done`).
    """
    change = np.where(done, np.inf, np.nan)
    change[step[residual]] = rows["measured"].to_numpy()[residual]
    return change


def _marked(places: Places, size: int) -> Bools:
    found = np.zeros(size, dtype=np.bool_)
    found[places] = True
    return found


def _enough(passed: int, of: int) -> bool:
    return passed >= NEEDED * of - 1e-9


def _of_trials(effects: pd.DataFrame, trials: Collection[str]) -> pd.DataFrame:
    """Select the effects of the trial set: `passed` as 1, 0 or NaN, texts as categories.

    Parameters are dropped from the spelling of an attack, because a stochastic chain draws new ones
    for every utterance.
    """
    columns: dict[str, Any] = {name: pd.Categorical(effects[name]) for name in TEXTS}
    attack = columns["attack"]
    columns["attack"] = attack.map(lambda spelled: str(spelled).split("(", maxsplit=1)[0])
    ids = pd.Categorical(effects["utterance_id"])
    known = trials if isinstance(trials, Set) else {*trials}
    names = ids.categories.to_numpy(dtype=object).tolist()  # `isin` of texts takes far longer
    held = np.array([*(name in known for name in names), False], dtype=np.bool_)[ids.codes]
    passed = effects["passed"].astype("boolean").to_numpy(dtype=np.float64, na_value=np.nan)
    columns |= {
        "utterance_id": ids,
        "step": effects["step"].to_numpy(),
        "passed": passed,
        "effect": effects["effect"].to_numpy(dtype=np.bool_),
        **{name: effects[name].to_numpy(dtype=np.float64) for name in check_rows.NUMBERS},
    }
    table = pd.DataFrame(columns, copy=False)
    return table if held.all() else table[held]


def _in_order(effects: pd.DataFrame) -> pd.DataFrame:
    """Sort by step and utterance; the checks of one step keep their order."""
    ids = effects["utterance_id"].cat
    rank = np.arange(len(ids.categories))
    if not ids.categories.is_monotonic_increasing:
        rank = np.argsort(np.argsort(ids.categories.to_numpy(dtype=str), kind="stable"))
    key = effects["step"].to_numpy(dtype=np.int64) * len(rank)
    key = key + (rank[ids.codes] if len(rank) else 0)
    if (np.diff(key) >= 0).all():
        return effects
    return effects.iloc[np.argsort(key, kind="stable")]
