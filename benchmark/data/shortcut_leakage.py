"""Shortcut leakage: AUC of a classifier on recording properties, without speech content."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from benchmark.core.progress import each
from benchmark.data.pairwise_auc import pairwise_auc
from detectors.classical.shortcut import fit_features, score_features

FOLDS = 5
LEAST = 20  # utterances of each class; with fewer the AUC is not meaningful
# Utterances of each class in a group whose AUC the verdict may follow. Without any leak, the
# highest AUC of ten groups of 20 reaches 0.65 in 4 of 10 data sets, that of ten groups of 50 in 1
# of 20.
SURE = 50
# (lowest AUC at which the verdict applies, verdict), the highest first
VERDICTS = (
    (0.95, "recording properties separate the classes almost completely"),
    (0.8, "recording properties separate the classes well"),
    (0.65, "recording properties separate the classes in part"),
    (0.0, "recording properties hardly separate the classes"),
)

Features = npt.NDArray[np.float32]
Chosen = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float32]


def shortcut_auc(table: pd.DataFrame, features: Features) -> dict[str, dict[str, float]]:
    """Compute the test AUC of the shortcut classifier for each system, as track -> system -> AUC.

    `features`, float32 (n, 50), come from `detectors.classical.shortcut`. The classifier of a track
    is trained on the train split: all bona fide and the track's spoof utterances. It is measured on
    the bona fide utterances of test against one system at a time. AUC is in [0, 1]; 0.5 is chance.
    """
    bonafide = (table["label"] == "bonafide").to_numpy()
    train, test = ((table["split"] == split).to_numpy() for split in ("train", "test"))
    found: dict[str, dict[str, float]] = {}
    for track in each(_tracks(table), "measuring leakage", "track"):
        used = train & (bonafide | (table["track"] == track).to_numpy())
        if len(set(bonafide[used])) < 2:
            continue
        state = fit_features(features[used], bonafide[used])
        found[track] = {}
        for system in sorted(set(table.loc[test & (table["track"] == track), "spoof_system"])):
            trials = test & (bonafide | (table["spoof_system"] == system).to_numpy())
            auc = roc_auc_score(bonafide[trials], score_features(features[trials], state))
            found[track][system] = round(float(auc), 4)
    return found


def _tracks(table: pd.DataFrame) -> list[str]:
    return sorted(set(table.loc[table["label"] != "bonafide", "track"]))


def leak(table: pd.DataFrame, features: Features, groups: npt.NDArray[Any]) -> dict[str, Any]:
    """Measure the shortcut leakage of a data set, overall and by spoof system and source.

    The classifier is trained on train and measured on test if each has at least 20 utterances per
    class. Otherwise it is cross-validated, with all rows of one of the `groups` (n,) in one fold.
    The systems of a track get a classifier of their own, as in `shortcut_auc`. The verdict follows
    the highest of the overall AUC and the AUCs of systems with at least `SURE` utterances of each
    class. If a class has under 20 utterances, `auc` is None and the verdict says why. Sources are
    measured if they have at least 20 trials of each class. Each AUC has the numbers of its trials
    and its standard error at chance. `*_left_out` holds the numbers of what has no AUC.
    """
    bonafide = (table["label"] == "bonafide").to_numpy()
    fewest = int(min(bonafide.sum(), (~bonafide).sum()))
    if fewest < LEAST:
        return _unmeasured(
            f"a class has {fewest} readable utterances, {LEAST} are needed", method="-"
        )
    train, test = ((table["split"] == split).to_numpy() for split in ("train", "test"))
    enough = [
        min((bonafide & part).sum(), (~bonafide & part).sum()) >= LEAST for part in (train, test)
    ]
    if all(enough):
        method, parts = "trained on train, measured on test", [(train, test)]
    else:
        method, parts = _parts(bonafide, groups)
    folds = _scored(features, bonafide, parts)
    overall = dict(_each(bonafide, {"": np.ones_like(bonafide)}, folds)).get("")
    if overall is None:
        return _unmeasured("no fold of whole speakers holds both classes", method)
    held = np.any([chosen for chosen, _ in folds], axis=0)
    systems: dict[str, dict[str, Any]] = {}
    named: dict[str, Chosen] = {}
    for track in each(_tracks(table), "measuring leakage", "track"):
        own = bonafide | (table["track"] == track).to_numpy()
        wanted = {
            str(name): own & (bonafide | (table["spoof_system"] == name).to_numpy())
            for name in sorted(set(table.loc[own & ~bonafide, "spoof_system"]))
        }
        among = [(trained & own, held) for trained, held in parts]
        systems |= dict(_each(bonafide, wanted, _scored(features, bonafide, among)))
        named |= {name: held & part for name, part in wanted.items()}
    every = {
        str(name): held & (table["source"] == name).to_numpy()
        for name in sorted(set(table["source"]))
    }
    large = {name: part for name, part in every.items() if _fewest(bonafide, part) >= LEAST}
    sources = dict(_each(bonafide, large, folds)) if len(every) > 1 else {}
    sure = [system["auc"] for system in systems.values() if not few(system)]
    highest = max([overall["auc"], *sure])  # a mean would hide the system that leaks
    return {
        **overall,
        "method": method,
        "systems": systems,
        "systems_left_out": _left_out(bonafide, named, systems),
        "sources": sources,
        "sources_left_out": _left_out(bonafide, every, sources) if len(every) > 1 else {},
        "verdict": next(verdict for least, verdict in VERDICTS if highest >= least),
    }


def few(part: Mapping[str, Any]) -> bool:
    """Return whether an AUC is of so few trials that the verdict does not follow it."""
    return min(part["bonafide"], part["spoof"]) < SURE


def chance_error(bonafide: int, spoof: int) -> float:
    """Return the standard error of the AUC of a classifier that guesses.

    >>> round(chance_error(20, 20), 3), round(chance_error(50, 50), 3)
    (0.092, 0.058)
    """
    return math.sqrt((bonafide + spoof + 1) / (12 * bonafide * spoof))


def _unmeasured(cause: str, method: str) -> dict[str, Any]:
    empty = ("systems", "systems_left_out", "sources", "sources_left_out")
    verdict = f"not measured: {cause}"
    return {"auc": None, "method": method, "verdict": verdict, **{name: {} for name in empty}}


def _fewest(bonafide: Chosen, part: Chosen) -> int:
    return int(min((part & bonafide).sum(), (part & ~bonafide).sum()))


def _left_out(
    bonafide: Chosen, groups: Mapping[str, Chosen], measured: Mapping[str, Any]
) -> dict[str, dict[str, int]]:
    """Return the numbers of trials of the groups without an AUC, the largest first."""
    found = {
        name: {"bonafide": int((part & bonafide).sum()), "spoof": int((part & ~bonafide).sum())}
        for name, part in groups.items()
        if name not in measured
    }
    return dict(sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0])))


def _parts(bonafide: Chosen, groups: npt.NDArray[Any]) -> tuple[str, list[tuple[Chosen, Chosen]]]:
    """Return the method and its folds, each a mask of training rows and one of held-out rows."""
    kinds = [len(set(groups[part])) for part in (bonafide, ~bonafide)]
    if min(kinds) < FOLDS:
        groups = np.arange(len(bonafide))
        method = f"{FOLDS}-fold cross-validation in which speakers are not kept apart (too few)"
    else:
        method = f"{FOLDS}-fold cross-validation, speakers and recordings kept apart"
    cut = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    parts = []
    for _, held in cut.split(bonafide, bonafide, groups):
        chosen = np.zeros(len(bonafide), dtype=np.bool_)
        chosen[held] = True
        parts.append((~chosen, chosen))
    return method, parts


def _scored(
    features: Features, bonafide: Chosen, parts: list[tuple[Chosen, Chosen]]
) -> list[tuple[Chosen, Scores]]:
    """Return each held-out mask with the scores of a classifier trained on the other rows.

    A fold whose training rows lack a class is left out.
    """
    folds = []
    for trained, held in parts:
        if len(set(bonafide[trained])) == 2:
            state = fit_features(features[trained], bonafide[trained])
            folds.append((held, score_features(features, state)))
    return folds


def _each(
    bonafide: Chosen, parts: Mapping[str, Chosen], folds: list[tuple[Chosen, Scores]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in parts.items():
        # scores of different folds come from different classifiers
        held = [(chosen & part, scores) for chosen, scores in folds]
        auc = pairwise_auc((bonafide[trials], scores[trials]) for trials, scores in held)
        if auc is not None:
            counted = part & np.any([chosen for chosen, _ in folds], axis=0)
            human, fake = int((counted & bonafide).sum()), int((counted & ~bonafide).sum())
            error = round(chance_error(human, fake), 4)
            yield name, {"auc": auc, "error": error, "bonafide": human, "spoof": fake}
