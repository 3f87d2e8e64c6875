"""The rows of cells: a detector under a condition, whole, sliced, or in a suite's grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from benchmark.leaderboard.rows.columns import (
    ACT_DCF,
    AUC,
    CLLR,
    CONDITIONS,
    EER,
    F1,
    LOSS,
    LOSS_CLEAN,
    LOSS_DISCRIMINATION,
    LOSS_SHIFT,
    MIN_DCF,
    SHARE,
    SUCCESS1,
    SUCCESS5,
    TRIALS,
    UTTERANCES,
    Bonafide,
    Caveat,
    Complete,
    Condition,
    Coverage,
    Detector,
    Estimate,
    Family,
    Interval,
    Scope,
    Spoof,
    SuccessBlank,
    Track,
    TrainedOn,
    Verdict,
    Verified,
)
from benchmark.leaderboard.schema import HIGHER, LOWER, Column
from benchmark.scores.scopes import BOTH


@dataclass(frozen=True)
class Decisions:
    """The confusion matrix at a threshold and what follows from it; the positive class is spoof."""

    tp: Annotated[int | None, Column("true positives, spoofs rejected", TRIALS)] = None
    fp: Annotated[int | None, Column("false positives, bona fide rejected", TRIALS)] = None
    tn: Annotated[int | None, Column("true negatives, bona fide accepted", TRIALS)] = None
    fn: Annotated[int | None, Column("false negatives, spoofs accepted", TRIALS)] = None
    precision: Annotated[float, Column("share of spoofs among the rejected", SHARE, HIGHER)] = (
        np.nan
    )
    recall: Annotated[float, Column("share of the spoofs that are rejected", SHARE, HIGHER)] = (
        np.nan
    )
    macro_f1: Annotated[float, Column("mean of the F1 of both classes", SHARE, HIGHER)] = np.nan
    accuracy: Annotated[float, Column("share of correct decisions", SHARE, HIGHER)] = np.nan
    balanced_accuracy: Annotated[
        float, Column("mean of the shares of both classes decided correctly", SHARE, HIGHER)
    ] = np.nan
    bonafide_precision: Annotated[
        float, Column("share of bona fide among the accepted", SHARE, HIGHER)
    ] = np.nan
    bonafide_recall: Annotated[
        float, Column("share of the bona fide that are accepted", SHARE, HIGHER)
    ] = np.nan
    bonafide_f1: Annotated[float, Column("F1 of the class bona fide", SHARE, HIGHER)] = np.nan


@dataclass(frozen=True)
class OracleDecisions(Decisions):
    """Decisions at a threshold that nobody could have known."""

    f1: Annotated[float, Column("F1 of the class spoof", SHARE, HIGHER)] = np.nan


@dataclass(frozen=True)
class Measures:
    """The metrics of a cell that have no bounds."""

    threshold: Annotated[float, Column("threshold frozen on clean audio; below it is rejected")] = (
        np.nan
    )
    threshold_from: Annotated[
        str | None,
        Column("split whose EER point the threshold is: `dev` of the track, or `training`"),
    ] = None
    decisions: Annotated[Decisions, Column("at the frozen threshold", prefix="")] = Decisions()
    oracle_threshold: Annotated[float, Column("the cell's own EER point, which is hindsight")] = (
        np.nan
    )
    oracle: Annotated[
        OracleDecisions, Column("at the cell's own EER point (oracle)", prefix="oracle_")
    ] = OracleDecisions()
    tpr_at_fpr1: Annotated[
        float,
        Column("largest share of spoofs rejected, with at most 1 % of bona fide", SHARE, HIGHER),
    ] = np.nan
    tpr_at_fpr5: Annotated[
        float,
        Column("largest share of spoofs rejected, with at most 5 % of bona fide", SHARE, HIGHER),
    ] = np.nan
    average_precision: Annotated[
        float, Column("average precision of the class spoof", SHARE, HIGHER)
    ] = np.nan
    tied_share: Annotated[float, Column("share of scores that equal another", SHARE, LOWER)] = (
        np.nan
    )


@dataclass(frozen=True)
class Adversary:
    """What the one who launders gains in a cell; the bounds resample the speakers of dev too."""

    success5: Annotated[Estimate, SUCCESS5] = Estimate()
    success1: Annotated[Estimate, SUCCESS1] = Estimate()
    rejected5: Annotated[float, Column("bona fide rejected where `success5` is", SHARE, LOWER)] = (
        np.nan
    )
    rejected1: Annotated[float, Column("bona fide rejected where `success1` is", SHARE, LOWER)] = (
        np.nan
    )
    success_blank: SuccessBlank = None
    loss: Annotated[Interval, LOSS] = Interval()
    loss_clean: Annotated[Interval, LOSS_CLEAN] = Interval()
    loss_shift: Annotated[Interval, LOSS_SHIFT] = Interval()
    loss_discrimination: Annotated[Interval, LOSS_DISCRIMINATION] = Interval()


@dataclass(frozen=True)
class CellHead:
    """What a cell is, and whether it counts."""

    track: Track
    detector: Detector
    condition: Condition
    family: Family
    severity: Annotated[float, Column("severity of the condition, in `unit`")]
    unit: Annotated[str | None, Column("unit of the severity")]
    coverage: Coverage
    complete: Complete
    verified: Verified
    verdict: Verdict
    caveat: Caveat
    scope: Scope = field(default=BOTH, kw_only=True)
    trained_on: TrainedOn = field(default=None, kw_only=True)


@dataclass(frozen=True)
class ConditionRow:
    """One cell: a detector under a condition, on the trials of a track."""

    head: Annotated[CellHead, Column("", prefix="")]
    level_of: Annotated[
        str | None,
        Column(
            "attack of the condition: its spelling, with `*` for its severity; missing for `clean`"
        ),
    ]
    weight: Annotated[float, Column("weight in means over launderings; 0 if it enters none", SHARE)]
    eer: Annotated[Estimate, EER]
    auc: Annotated[Estimate, AUC]
    f1: Annotated[Estimate, F1]
    min_dcf: Annotated[Estimate, MIN_DCF]
    act_dcf: Annotated[Estimate, ACT_DCF]
    cllr: Annotated[Estimate, CLLR]
    measures: Annotated[Measures, Column("", prefix="")]
    adversary: Annotated[Adversary, Column("", prefix="")]
    prevalence: Annotated[float, Column("share of spoofs among the scored trials", SHARE)]
    n_bonafide: Bonafide
    n_spoof: Spoof
    n_clusters: Annotated[int, Column("number of speakers (else sources) that are resampled")]
    few_clusters: Annotated[bool, Column("whether they are so few that bounds are too narrow")]
    few_errors: Annotated[
        bool | None,
        Column(
            "whether fewer than 20 trials of a class err at the EER: bounds may be too narrow;"
            " missing without an EER"
        ),
    ]
    n_pass: Annotated[int, Column("utterances on which the attack did what it claims", UTTERANCES)]
    n_fail: Annotated[int, Column("utterances on which a check failed", UTTERANCES)]
    n_not_measurable: Annotated[
        int, Column("utterances on which no effect of its own could be measured", UTTERANCES)
    ]
    effect: Annotated[str | None, Column("quantity that shows the attack's effect")]
    effect_unit: Annotated[str | None, Column("unit of the effect")]
    effect_claimed: Annotated[float, Column("median of the claimed effect, in `effect_unit`")]
    effect_measured: Annotated[float, Column("median of the measured effect, in `effect_unit`")]
    trial_digest: Annotated[str, Column("digest over ids and labels of the scored trials")]


@dataclass(frozen=True)
class ConditionSummary:
    """One cell, reduced to what most readers need."""

    condition: Condition
    detector: Detector
    track: Track
    eer: Annotated[Interval, EER]
    auc: Annotated[Interval, AUC]
    f1: Annotated[Interval, F1]
    tp: Annotated[int | None, Column("spoofs rejected, at the frozen threshold", TRIALS)]
    fp: Annotated[int | None, Column("bona fide rejected, at the frozen threshold", TRIALS)]
    tn: Annotated[int | None, Column("bona fide accepted, at the frozen threshold", TRIALS)]
    fn: Annotated[int | None, Column("spoofs accepted, at the frozen threshold", TRIALS)]
    success5: Annotated[Interval, SUCCESS5]
    success1: Annotated[Interval, SUCCESS1]
    success_blank: SuccessBlank
    n_bonafide: Bonafide
    n_spoof: Spoof
    state: Annotated[
        str,
        Column("`complete`, or `incomplete`: lacks trials, and so enters no mean, rank or bounds"),
    ]
    verified: Verified
    verdict: Verdict
    caveat: Caveat
    scope: Scope = field(default=BOTH, kw_only=True)
    trained_on: TrainedOn = field(default=None, kw_only=True)


@dataclass(frozen=True)
class BreakdownRow:
    """One cell on a slice of its trials."""

    head: Annotated[CellHead, Column("", prefix="")]
    by: Annotated[
        str, Column("column of the protocol by which the trials are sliced, or two of them")
    ]
    value: Annotated[str | None, Column("its value in the slice; missing where it is empty")]
    n_bonafide: Bonafide
    n_spoof: Spoof
    eer: Annotated[float, EER]
    auc: Annotated[float, AUC]


@dataclass(frozen=True)
class GridCellRow:
    """One place in the grid of a suite, or the mean of a row, of a column, or of the whole grid."""

    track: Track
    detector: Detector
    suite: Annotated[str, Column("suite that declares the grid")]
    row: Annotated[str, Column("label of the row, e.g. `C01`; `mean`: over the rows; `clean`")]
    name: Annotated[str | None, Column("what the row is; missing for `mean` and `clean`")]
    group: Annotated[str | None, Column("group of the row, e.g. `wide band`; missing likewise")]
    column: Annotated[str, Column("label of the column, e.g. the quality; `mean`: over columns")]
    condition: Annotated[
        str | None,
        Column("its condition; missing for means, and where the suite waits for one"),
    ]
    n_conditions: Annotated[int, Column("conditions that the figures are of", CONDITIONS)]
    eer: Annotated[Interval, EER]
    auc: Annotated[float, AUC]
    min_dcf: Annotated[float, MIN_DCF]
    complete: Annotated[bool, Column("whether every one of its cells is complete")]
    verdict: Annotated[
        str | None, Column("verdict on the condition; missing without a condition, and for `clean`")
    ]
    remark: Annotated[str | None, Column("why there are no figures; missing if there are")]
    scope: Scope = field(default=BOTH, kw_only=True)
    trained_on: TrainedOn = field(default=None, kw_only=True)
