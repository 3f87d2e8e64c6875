"""Did the attacks do what they claim: verdicts per condition, from the effects of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from attacks.condition import CLEAN
from benchmark.results import RunResults

NEEDED = 0.99  # share of measurable utterances that must pass


@dataclass(frozen=True)
class Verdict:
    """One condition's verdict over the whole test set.

    verified is None for `clean`, which claims nothing. An utterance is measurable when an effect
    could be measured on it, or when any check failed; it passes when no check of it failed. A
    right length or an untouched pass band alone is no effect. Claimed and measured are medians of
    the main check: the first effect that was measured, in the order of the steps.
    """

    verified: bool | None
    passed: int = 0
    failed: int = 0
    not_measurable: int = 0
    quantity: str = ""
    unit: str = ""
    claimed: float = np.nan
    measured: float = np.nan


def checks(results: RunResults) -> pd.DataFrame:
    """One row per condition, step, attack name and quantity (effects or not), in plan order.

    `claimed`, `measured` and `tolerance` are medians over the test utterances; `measured_low`
    and `measured_high` are the 5 % and 95 % quantiles; the counts are of utterances.
    """
    keys = ["condition", "step", "attack", "quantity", "unit", "relation", "effect"]
    groups = _effects(results).groupby(keys, sort=False, dropna=False)
    return groups.agg(
        claimed=("claimed", "median"),
        measured=("measured", "median"),
        measured_low=("measured", lambda column: column.quantile(0.05)),
        measured_high=("measured", lambda column: column.quantile(0.95)),
        tolerance=("tolerance", "median"),
        n_pass=("passed", lambda column: int((column == 1).sum())),
        n_fail=("passed", lambda column: int((column == 0).sum())),
        n_not_measurable=("passed", lambda column: int(column.isna().sum())),
    ).reset_index()


def verdicts(results: RunResults, table: pd.DataFrame) -> dict[str, Verdict]:
    """The verdict on every condition; `table` is what `checks` returns."""
    effects = _effects(results)
    no_effect = ~effects["effect"] & (effects["passed"] == 1)
    effects.loc[no_effect, "passed"] = np.nan
    utterances = effects.groupby(["condition", "utterance_id"])["passed"].min()
    found: dict[str, Verdict] = {}
    for info in results.conditions:
        name = info.condition
        if name == CLEAN:
            found[name] = Verdict(None)
            continue
        rows = table[table["condition"] == name]
        if rows.empty:
            found[name] = Verdict(False)
            continue
        outcome = utterances.loc[name]
        passed, failed = int((outcome == 1).sum()), int((outcome == 0).sum())
        measurable = passed + failed
        claims = rows[rows["effect"]]
        measured = claims[claims["measured"].notna()]
        claims = claims if measured.empty else measured
        if claims.empty:  # nothing but a length: it claims no effect
            found[name] = Verdict(False, passed, failed, len(outcome) - measurable)
            continue
        main = claims.iloc[0]
        found[name] = Verdict(
            verified=measurable > 0 and passed >= NEEDED * measurable,
            passed=passed,
            failed=failed,
            not_measurable=len(outcome) - measurable,
            quantity=str(main["quantity"]),
            unit=str(main["unit"]),
            claimed=float(main["claimed"]),
            measured=float(main["measured"]),
        )
    return found


def _effects(results: RunResults) -> pd.DataFrame:
    """Effects of the trial set in plan order, `passed` as 1, 0 or NaN, attacks by name alone.

    Parameters are dropped from the spelling because a stochastic chain draws new ones for every
    utterance.
    """
    effects = results.effects
    effects = effects[effects["utterance_id"].isin(results.protocol.table["utterance_id"])]
    order = {info.condition: place for place, info in enumerate(results.conditions)}
    order.pop(CLEAN, None)  # clean claims nothing
    passed = effects["passed"].astype("boolean").astype("Float64")
    effects = effects.assign(
        place=effects["condition"].map(order),
        attack=effects["attack"].astype(str).str.split("(", n=1).str[0],
        passed=passed.to_numpy(dtype=np.float64, na_value=np.nan),
        effect=effects["effect"].astype(bool),
    )
    for column in ("claimed", "measured", "tolerance"):
        effects[column] = effects[column].astype(np.float64)
    effects = effects.sort_values(["place", "step", "utterance_id"], kind="stable")
    return effects.dropna(subset=["place"]).drop(columns="place")
