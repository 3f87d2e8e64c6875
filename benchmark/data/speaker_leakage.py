"""Leakage within a speaker: what tells a copy to a listener who knows the speaker's recordings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.data.pairwise_auc import pairwise_auc
from detectors.classical.shortcut import fit_features, score_features

Features = npt.NDArray[np.float32]


def shortcut_auc_within(table: pd.DataFrame, features: Features) -> dict[str, dict[str, float]]:
    """Compute the AUC of the shortcut classifier within speakers, as track -> system -> AUC.

    `features`, float32 (n, 50), come from `detectors.classical.shortcut`. Each speaker's mean, in
    which both classes weigh the same, is taken off them. A classifier of each track is trained on
    train; on test, the bona fide utterances of a speaker are compared with the system's utterances
    of that speaker alone. The AUC is the mean over speakers, weighted by their pairs of trials, in
    [0, 1]; 0.5 is chance. Systems whose speakers have no bona fide speech are left out.
    """
    bonafide = table["label"] == "bonafide"
    found: dict[str, dict[str, float]] = {}
    for track in sorted(set(table.loc[~bonafide, "track"])):
        of_track = bonafide | (table["track"] == track)
        train = _of_both_classes(table[(table["split"] == "train") & of_track])
        if train.empty:
            continue
        state = fit_features(_centred(train, features), _is_bonafide(train))
        test = table[(table["split"] == "test") & of_track]
        for system in sorted(set(test.loc[test["label"] == "spoof", "spoof_system"])):
            one = (test["label"] == "bonafide") | (test["spoof_system"] == system)
            trials = _of_both_classes(test[one])
            if not trials.empty:
                scores = score_features(_centred(trials, features), state)
                speakers = trials.assign(score=scores).groupby("speaker")
                auc = pairwise_auc((_is_bonafide(r), r["score"].to_numpy()) for _, r in speakers)
                assert auc is not None  # every speaker has both classes
                found.setdefault(track, {})[system] = auc
    return found


def _of_both_classes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of speakers who have both classes among them; their index is kept."""
    return rows[rows.groupby("speaker")["label"].transform("nunique") == 2]


def _centred(rows: pd.DataFrame, features: Features) -> Features:
    """Return the features of `rows`, each minus the mean of its speaker's two class means."""
    own = pd.DataFrame(features[rows.index.to_numpy()], index=rows.index)
    classes = own.groupby([rows["speaker"], rows["label"]]).mean()
    speakers = classes.groupby(level=0).mean()
    return own.to_numpy() - speakers.loc[rows["speaker"]].to_numpy()


def _is_bonafide(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    return (rows["label"] == "bonafide").to_numpy()
