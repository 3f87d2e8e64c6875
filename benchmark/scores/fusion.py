"""Ensembles: detectors computed from the stored scores of other detectors, without audio.

An ensemble is written `mean(mel-cnn, lfcc-gmm)` or `logistic(mel-cnn, lfcc-gmm)`. This spelling is
its name in the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.core import call_syntax
from benchmark.core.errors import InputError, unknown
from benchmark.data.protocol import LABELS
from benchmark.metrics.discrimination import Floats
from benchmark.scores.cell_source import CellSource
from benchmark.scores.run_results import RunResults

METHODS = {
    "mean": "the average of the members' scores, standardised on clean dev",
    "logistic": "a logistic regression on the members' scores, fitted on clean dev",
}


@dataclass(frozen=True)
class Ensemble:
    """A mean or logistic fusion of the scores of `members`, standardised on clean dev.

    mean     : the average of the standardised scores
    logistic : the log-odds of a logistic regression on them, fitted on clean dev with equal class
               mass
    """

    method: str
    members: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the canonical spelling."""
        return f"{self.method}({', '.join(self.members)})"


def parse_all(texts: Iterable[str]) -> list[Ensemble]:
    """Parse the spellings of ensembles; errors as in `parse`."""
    return [parse(text) for text in texts]


def parse(text: str) -> Ensemble:
    """Parse the spelling of an ensemble.

    Raises `InputError` for an unknown method, for fewer than two members, and for a repeated or
    empty member.

    >>> parse("mean( mel-cnn,shortcut )").name
    'mean(mel-cnn, shortcut)'
    """
    match = re.fullmatch(r"\s*([\w-]+)\s*\((.*)\)\s*", text)
    if match is None:
        raise InputError(f"ensemble {text!r}: write it like mean(mel-cnn, lfcc-gmm)")
    method, inside = match.groups()
    if method not in METHODS:
        raise unknown("fusion", method, METHODS)
    members = tuple(name.strip() for name in call_syntax.split(inside, ","))
    if len(members) < 2 or len(set(members)) < len(members) or not all(members):
        raise InputError(f"ensemble {text!r}: name two or more different detectors")
    return Ensemble(method, members)


def add(results: RunResults, ensembles: Sequence[Ensemble]) -> RunResults:
    """Return `results` with each ensemble appended as a further detector.

    The ensemble scores only the trials that every member has scored. Raises `InputError` if a
    member is not in the run, if the run already holds the ensemble, or if the trials of clean dev
    that all members scored do not contain both classes.
    """
    if not ensembles:
        return results
    for ensemble in ensembles:
        for member in ensemble.members:
            if member not in results.detectors:
                raise unknown(f"member of {ensemble.name}", member, results.detectors)
        if ensemble.name in results.detectors:
            raise InputError(f"the run already holds the detector {ensemble.name}")
    dev = results.source.scores("dev", CLEAN)
    bonafide = (results.dev.table["label"] == LABELS[0]).to_numpy(dtype=np.bool_)
    fusions = []
    for ensemble in ensembles:
        rows = [results.detectors.index(member) for member in ensemble.members]
        fusions.append((rows, _Fusion(ensemble, dev[rows], bonafide)))
    names = tuple(ensemble.name for ensemble in ensembles)
    return replace(
        results,
        detectors=(*results.detectors, *names),
        source=FusedSource(results.source, fusions),
        trained_on=results.trained_on | _trained_on(results, ensembles),
    )


def _trained_on(results: RunResults, ensembles: Sequence[Ensemble]) -> dict[str, str]:
    """Return what the members of ensembles were trained on, of the corpus of these trials."""
    found = {}
    for ensemble in ensembles:
        texts = [text for name in ensemble.members if (text := results.trained_on.get(name))]
        if texts:
            found[ensemble.name] = ", ".join(dict.fromkeys(texts))
    return found


class FusedSource(CellSource):
    """A source with ensembles as further detectors, computed from the members when read."""

    def __init__(self, members: CellSource, fusions: Sequence[tuple[list[int], _Fusion]]) -> None:
        """Take the members' source, and of each ensemble its members' rows and its fusion."""
        self._members = members
        self._fusions = fusions

    def scores(self, split: str, condition: str) -> Floats:
        """Return the scores of the members' source, with a row per ensemble below."""
        return self._with_ensembles(self._members.scores(split, condition))

    def effects(self, condition: str) -> pd.DataFrame:
        """Return the effects of the members' source."""
        return self._members.effects(condition)

    def cells(self, condition: str) -> tuple[Floats, pd.DataFrame]:
        """Return scores and effects from one reading."""
        scores, effects = self._members.cells(condition)
        return self._with_ensembles(scores), effects

    def _with_ensembles(self, scores: Floats) -> Floats:
        return np.vstack([scores, *(fuse(scores[rows]) for rows, fuse in self._fusions)])


class _Fusion:
    """The parameters fitted on clean dev: mean and spread per member, weights and bias."""

    def __init__(self, ensemble: Ensemble, dev: Floats, bonafide: npt.NDArray[np.bool_]) -> None:
        """Fit on the scores `dev` (members, utterances), where NaN means not scored."""
        seen = np.isfinite(dev).all(axis=0)
        if not (bonafide[seen].any() and (~bonafide[seen]).any()):
            raise InputError(
                f"{ensemble.name} needs its members' scores on clean dev trials of both classes"
            )
        self.mean = dev[:, seen].mean(axis=1)
        spread = dev[:, seen].std(axis=1)
        self.spread = np.where(spread > 0, spread, np.inf)  # a constant member adds nothing
        self.weights = np.full(len(dev), 1 / len(dev))
        self.bias = 0.0
        if ensemble.method == "logistic":
            from sklearn.linear_model import LogisticRegression  # slow to import, seldom needed

            model = LogisticRegression(class_weight="balanced")
            model.fit(self._standard(dev[:, seen]).T, bonafide[seen])
            self.weights, self.bias = model.coef_[0], float(model.intercept_[0])

    def __call__(self, scores: Floats) -> Floats:
        """Fuse scores (members, utterances); NaN where a member has no score."""
        return np.tensordot(self.weights, self._standard(scores), axes=1) + self.bias

    def _standard(self, scores: Floats) -> Floats:
        return (scores - self.mean[:, None]) / self.spread[:, None]
