"""Verification of attacks: verdicts per condition from the measured effects of a run."""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.laundering import check_rows

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


def judge(
    effects: pd.DataFrame, condition: str, trials: Collection[str]
) -> tuple[Verdict, pd.DataFrame]:
    """Return the verdict on one condition, and its checks: one row per step, attack and quantity.

    Quantities that are not effects are included. `claimed`, `measured` and `tolerance` are medians
    over the test utterances, `measured_low` and `measured_high` the 5 % and 95 % quantiles. Counts
    are numbers of utterances. `clean` claims nothing and has no checks.

    effects : one row per utterance and check of this condition, as stored by a run
    trials  : utterance ids of the trial set, preferably as a set; effects on others are ignored
    """
    if condition == CLEAN:
        return Verdict(None), no_checks()
    rows = _of_trials(effects, trials)
    table = _checks(rows)
    return _verdict(rows, table), table


def no_checks() -> pd.DataFrame:
    """Return the empty table of checks."""
    return _checks(_of_trials(pd.DataFrame({name: [] for name in EFFECTS}), ()))


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


def _verdict(rows: pd.DataFrame, table: pd.DataFrame) -> Verdict:
    """Return the verdict; `table` holds the checks of these rows."""
    if table.empty:
        return Verdict(False)
    passed = rows["passed"].to_numpy()
    shows = rows["effect"].to_numpy() | (passed != 1)  # other checks can only fail
    trial = rows["utterance_id"].cat.codes.to_numpy()
    width = len(rows["utterance_id"].cat.categories)
    tried, failed, done = np.zeros((3, width), dtype=np.bool_)
    tried[trial] = True
    failed[trial[passed == 0]] = True
    done[trial[shows & (passed == 1)]] = True
    done &= ~failed
    n_pass, n_fail = int(done.sum()), int(failed.sum())
    counts = (n_pass, n_fail, int(tried.sum()) - n_pass - n_fail)
    claims = table[table["effect"]]
    measured = claims[claims["measured"].notna()]
    claims = claims if measured.empty else measured
    if claims.empty:  # only checks such as the length: no effect is claimed
        return Verdict(False, *counts)
    main = claims.iloc[0]
    return Verdict(
        n_pass + n_fail > 0 and n_pass >= NEEDED * (n_pass + n_fail),
        *counts,
        quantity=str(main["quantity"]),
        unit=str(main["unit"]),
        claimed=float(main["claimed"]),
        measured=float(main["measured"]),
    )


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
