"""Verification of attacks: verdicts per condition from the measured effects of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.laundering import check_rows

Trials = Sequence[str] | pd.Series

NEEDED = 0.99  # share of measurable utterances that must pass
TEXTS = ("condition", *check_rows.TEXTS)
EFFECTS = ("condition", "utterance_id", *check_rows.COLUMNS)
KEYS = [  # what tells the checks of one condition apart
    "condition",
    *(name for name in check_rows.COLUMNS if name not in (*check_rows.NUMBERS, "passed")),
]


@dataclass(frozen=True)
class Verdict:
    """Verdict on one condition over the whole test set.

    `verified` is None for `clean`, which claims nothing. An utterance is measurable if an effect
    could be measured on it or if a check failed. It passes if none of its checks failed. A correct
    length or an unchanged pass band alone is not an effect. `claimed` and `measured` are medians of
    the main check: the first measured effect, in the order of the steps. `passed`, `failed` and
    `not_measurable` count utterances.
    """

    verified: bool | None
    passed: int = 0
    failed: int = 0
    not_measurable: int = 0
    quantity: str = ""
    unit: str = ""
    claimed: float = np.nan
    measured: float = np.nan


def checks(effects: pd.DataFrame, conditions: Sequence[str], trials: Trials) -> pd.DataFrame:
    """Return one row per condition, step, attack name and quantity, in plan order.

    Quantities that are not effects are included. `claimed`, `measured` and `tolerance` are medians
    over the test utterances, `measured_low` and `measured_high` the 5 % and 95 % quantiles. Counts
    are numbers of utterances.

    effects    : one row per utterance, condition and check, as stored by a run
    conditions : spellings, in the order of the plan
    trials     : utterance ids of the trial set; effects on other utterances are ignored
    """
    groups = _in_order(_of_trials(effects, conditions, trials)).groupby(
        KEYS, sort=False, dropna=False, observed=True
    )
    table = groups.agg(
        claimed=("claimed", "median"),
        measured=("measured", "median"),
        measured_low=("measured", lambda column: column.quantile(0.05)),
        measured_high=("measured", lambda column: column.quantile(0.95)),
        tolerance=("tolerance", "median"),
        n_pass=("passed", lambda column: int((column == 1).sum())),
        n_fail=("passed", lambda column: int((column == 0).sum())),
        n_not_measurable=("passed", lambda column: int(column.isna().sum())),
    ).reset_index()
    return table.astype(dict.fromkeys(TEXTS, object))


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join the results of `checks` on different conditions."""
    held = [table for table in tables if len(table)] or [*tables[:1]]
    if not held:
        return checks(pd.DataFrame({name: [] for name in EFFECTS}), (), ())
    return pd.concat(held, ignore_index=True)


def verdicts(
    effects: pd.DataFrame, conditions: Sequence[str], trials: Trials, table: pd.DataFrame
) -> dict[str, Verdict]:
    """Return the verdict on every condition; `table` is the result of `checks` on these effects."""
    effects = _of_trials(effects, conditions, trials)
    passed = effects["passed"].to_numpy()
    shows = effects["effect"].to_numpy() | (passed != 1)  # other checks can only fail
    width = len(effects["utterance_id"].cat.categories)
    places = effects["place"].to_numpy(dtype=np.int64)
    trial = places * width + effects["utterance_id"].cat.codes.to_numpy()
    tried, failed, done = np.zeros((3, len(conditions), width), dtype=np.bool_)
    tried.flat[trial] = True
    failed.flat[trial[passed == 0]] = True
    done.flat[trial[shows & (passed == 1)]] = True
    done &= ~failed
    found: dict[str, Verdict] = {}
    for place, name in enumerate(conditions):
        if name == CLEAN:
            found[name] = Verdict(None)
            continue
        rows = table[table["condition"] == name]
        if rows.empty:
            found[name] = Verdict(False)
            continue
        n_pass, n_fail = int(done[place].sum()), int(failed[place].sum())
        counts = (n_pass, n_fail, int(tried[place].sum()) - n_pass - n_fail)
        claims = rows[rows["effect"]]
        measured = claims[claims["measured"].notna()]
        claims = claims if measured.empty else measured
        if claims.empty:  # only checks such as the length: no effect is claimed
            found[name] = Verdict(False, *counts)
            continue
        main = claims.iloc[0]
        found[name] = Verdict(
            n_pass + n_fail > 0 and n_pass >= NEEDED * (n_pass + n_fail),
            *counts,
            quantity=str(main["quantity"]),
            unit=str(main["unit"]),
            claimed=float(main["claimed"]),
            measured=float(main["measured"]),
        )
    return found


def _of_trials(effects: pd.DataFrame, conditions: Sequence[str], trials: Trials) -> pd.DataFrame:
    """Select the effects of the trial set: `passed` as 1, 0 or NaN, texts as categories.

    `place` is the index of the condition in the plan. Parameters are dropped from the spelling of
    an attack, because a stochastic chain draws new ones for every utterance.
    """
    order = {name: place for place, name in enumerate(conditions)}
    order.pop(CLEAN, None)  # clean claims nothing
    columns: dict[str, Any] = {name: pd.Categorical(effects[name]) for name in TEXTS}
    attack = columns["attack"]
    columns["attack"] = attack.map(lambda spelled: str(spelled).split("(", maxsplit=1)[0])
    ids = pd.Categorical(effects["utterance_id"])
    held = np.append(ids.categories.isin(trials), False)[ids.codes]
    condition = columns["condition"]
    places = [order.get(name, -1) for name in condition.categories]
    place = np.array([*places, -1], dtype=np.int64)[condition.codes]
    passed = effects["passed"].astype("boolean").to_numpy(dtype=np.float64, na_value=np.nan)
    columns |= {
        "place": place,
        "utterance_id": ids,
        "step": effects["step"].to_numpy(),
        "passed": passed,
        "effect": effects["effect"].to_numpy(dtype=np.bool_),
        **{name: effects[name].to_numpy(dtype=np.float64) for name in check_rows.NUMBERS},
    }
    table = pd.DataFrame(columns, copy=False)
    keep = held & (place >= 0)
    return table if keep.all() else table[keep]


def _in_order(effects: pd.DataFrame) -> pd.DataFrame:
    """Sort by place in the plan, step and utterance; the checks of one step keep their order."""
    ids = effects["utterance_id"].cat
    rank = np.argsort(np.argsort(ids.categories.to_numpy(dtype=str), kind="stable"))
    steps = effects["step"].to_numpy(dtype=np.int64)
    key = effects["place"].to_numpy() * (steps.max(initial=0) + 1) + steps
    key = key * len(rank) + (rank[ids.codes] if len(rank) else 0)
    if (np.diff(key) >= 0).all():
        return effects
    return effects.iloc[np.argsort(key, kind="stable")]
