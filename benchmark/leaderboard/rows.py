"""The rows of every result table: what the columns of the CSV files and of the JSON are.

Rates are shares in [0, 1], never per cent. The positive class is spoof. A missing number is NaN or
None: undefined, or not comparable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from benchmark.audio.input_faults import FAULTS
from benchmark.laundering.verification import State
from benchmark.leaderboard.schema import HIGHER, LOWER, Column
from benchmark.scores.scopes import BOTH

SHARE, COST, BITS, TRIALS, CELLS = "share", "cost", "bits", "trials", "cells"
FAULT_WORDS = "; ".join(f"`{name}`: {meaning}" for name, meaning in FAULTS.items())
UTTERANCES, CONDITIONS = "utterances", "conditions"
CLEAN, LAUNDERED = "on clean audio", "laundered (weighted mean over conditions)"
MEAN = "weighted mean over conditions"
COMPLETE, INCOMPLETE = "complete", "incomplete"  # values of the column `state`

EER = Column("equal error rate", SHARE, LOWER)
AUC = Column("area under the ROC curve", SHARE, HIGHER)
F1 = Column("F1 of the class spoof, at the frozen threshold", SHARE, HIGHER)
MIN_DCF = Column("normalised detection cost at its best threshold", COST, LOWER)
ACT_DCF = Column("normalised detection cost, calibrated on clean dev", COST, LOWER)
CLLR = Column("cost of log-likelihood ratios, calibrated on clean dev", BITS, LOWER)
SUCCESS5, SUCCESS1 = (
    Column(
        f"attack success: spoofs accepted by a threshold that {rate} of clean dev bona fide fail",
        SHARE,
        LOWER,
    )
    for rate in ("5 %", "1 %")
)
LOSS = Column("balanced error at the frozen threshold, minus the least one on clean", SHARE, LOWER)
LOSS_CLEAN = Column("of the loss: the frozen threshold misses the best one on clean", SHARE, LOWER)
LOSS_SHIFT = Column("of the loss: laundering moves the best threshold away", SHARE, LOWER)
LOSS_DISCRIMINATION = Column(
    "of the loss: the best threshold errs more than on clean", SHARE, LOWER
)

Track = Annotated[str | None, Column("track of the data set; missing if it has none")]
Detector = Annotated[str, Column("name of the detector")]
Condition = Annotated[str, Column("canonical spelling of the condition")]
Family = Annotated[str, Column("attack family of the condition, or `clean`")]
Bonafide = Annotated[int, Column("number of bona fide trials", TRIALS)]
Spoof = Annotated[int, Column("number of spoof trials", TRIALS)]
Coverage = Annotated[float, Column("share of the planned trials that are scored", SHARE, HIGHER)]
Complete = Annotated[bool, Column("whether every trial is scored")]
Verified = Annotated[
    bool | None,
    Column("whether the attack was measured to do what it claims; missing for `clean`"),
]
STATE_WORDS = {
    State.VERIFIED: "it does what it claims on at least half of the utterances",
    State.CONTROL: "nearly nothing changed",
    State.UNMEASURED: State.UNMEASURED.text,
    State.REFUTED: "a check failed on more than 1 %",
}
VERDICTS = "; ".join(f"`{state}`: {words}" for state, words in STATE_WORDS.items())
Verdict = Annotated[str | None, Column(f"{VERDICTS}; missing for `clean`")]
Caveat = Annotated[
    str | None,
    Column("what to know of what the condition adds, e.g. `shaped noise`; missing if nothing"),
]
BALANCED_ACCURACY = Column(
    "balanced accuracy at the frozen threshold: one minus the mean of both error rates",
    SHARE,
    HIGHER,
)
SuccessBlank = Annotated[
    str | None, Column("why a success rate is blank, e.g. `1 %: ...`; missing if none is")
]
Scope = Annotated[
    str, Column("who is laundered: `both`, or `spoof`: clean bona fide against laundered spoofs")
]
TrainedOn = Annotated[
    str | None,
    Column(
        "corpus of these trials, and its part, that the detector's authors trained it on, as"
        " `asvspoof5:train`; missing if none is known"
    ),
]
Baseline = Annotated[str | None, Column("detector to which degradation is relative")]
Low = Annotated[float, Column("{}: lower bound")]
High = Annotated[float, Column("{}: upper bound")]
Distinguishable = Annotated[
    bool | None, Column("whether the bounds leave out 0; missing without bounds")
]
FAMILYWISE = "with one error rate of 5 % over all pairs of the track"
TIES = "; "  # between the names of detectors in `tied_with`


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % bounds."""

    value: Annotated[float, Column("{}")] = np.nan
    low: Low = np.nan
    high: High = np.nan


@dataclass(frozen=True)
class Estimate:
    """A metric of a cell, its difference to clean, and the 95 % bounds of both."""

    value: Annotated[float, Column("{}")] = np.nan
    low: Low = np.nan
    high: High = np.nan
    delta: Annotated[float, Column("{}: difference to clean")] = np.nan
    delta_low: Annotated[float, Column("{}: lower bound of the difference to clean")] = np.nan
    delta_high: Annotated[float, Column("{}: upper bound of the difference to clean")] = np.nan

    @property
    def interval(self) -> Interval:
        """The metric alone."""
        return Interval(self.value, self.low, self.high)


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
class AdversaryMeans:
    """What the one who launders gains from a detector, as weighted means."""

    clean_success5: Annotated[Interval, SUCCESS5.of(CLEAN)] = Interval()
    laundered_success5: Annotated[Interval, SUCCESS5.of(LAUNDERED)] = Interval()
    clean_success1: Annotated[Interval, SUCCESS1.of(CLEAN)] = Interval()
    laundered_success1: Annotated[Interval, SUCCESS1.of(LAUNDERED)] = Interval()
    success_blank: SuccessBlank = None
    clean_balanced_accuracy: Annotated[Interval, BALANCED_ACCURACY.of(CLEAN)] = Interval()
    laundered_balanced_accuracy: Annotated[Interval, BALANCED_ACCURACY.of(LAUNDERED)] = Interval()
    pooled_eer: Annotated[
        float,
        Column(
            "equal error rate with one threshold for all counted conditions: bona fide of these and"
            " of clean, spoofs of these; every trial counts once",
            SHARE,
            LOWER,
        ),
    ] = np.nan
    pooled_eer_error: Annotated[
        float,
        Column("bound of the error of `pooled_eer`, which counts in runs of scores", SHARE, LOWER),
    ] = np.nan
    loss: Annotated[Interval, LOSS.of(MEAN)] = Interval()
    loss_clean: Annotated[Interval, LOSS_CLEAN] = Interval()
    loss_shift: Annotated[Interval, LOSS_SHIFT.of(MEAN)] = Interval()
    loss_discrimination: Annotated[Interval, LOSS_DISCRIMINATION.of(MEAN)] = Interval()


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
class LeaderboardRow:
    """One detector on one track."""

    track: Track
    rank: Annotated[int | None, Column("rank by laundered EER; missing if unranked", "", LOWER)]
    rank_low: Annotated[int | None, Column(f"best rank that is not ruled out, {FAMILYWISE}")]
    rank_high: Annotated[int | None, Column(f"worst rank that is not ruled out, {FAMILYWISE}")]
    rank_low_drawn: Annotated[
        int | None, Column("best rank left open if launderings are drawn anew too")
    ]
    rank_high_drawn: Annotated[
        int | None, Column("worst rank left open if launderings are drawn anew too")
    ]
    rank_low_without: Annotated[
        int | None, Column("best rank with any one condition left out, by point estimates")
    ]
    rank_high_without: Annotated[
        int | None, Column("worst rank with any one condition left out, by point estimates")
    ]
    tied_with: Annotated[
        str | None,
        Column(f"detectors not told apart from this one, separated by `; `, {FAMILYWISE}"),
    ]
    detector: Detector
    clean_eer: Annotated[Interval, EER.of(CLEAN)]
    laundered_eer: Annotated[Interval, EER.of(LAUNDERED)]
    eer_delta: Annotated[Interval, Column("laundered EER minus clean EER", SHARE, LOWER)]
    worst_eer: Annotated[float, EER.of("under the worst verified condition")]
    worst_condition: Annotated[str | None, Column("that condition")]
    clean_auc: Annotated[float, AUC.of(CLEAN)]
    laundered_auc: Annotated[float, AUC.of(LAUNDERED)]
    clean_f1: Annotated[float, F1.of(CLEAN)]
    laundered_f1: Annotated[float, F1.of(LAUNDERED)]
    clean_min_dcf: Annotated[float, MIN_DCF.of(CLEAN)]
    laundered_min_dcf: Annotated[float, MIN_DCF.of(LAUNDERED)]
    clean_act_dcf: Annotated[float, ACT_DCF.of(CLEAN)]
    laundered_act_dcf: Annotated[float, ACT_DCF.of(LAUNDERED)]
    clean_cllr: Annotated[float, CLLR.of(CLEAN)]
    laundered_cllr: Annotated[float, CLLR.of(LAUNDERED)]
    adversary: Annotated[AdversaryMeans, Column("", prefix="")]
    prevalence: Annotated[float, Column("share of spoofs among the track's trials", SHARE)]
    coverage: Annotated[float, Column("mean coverage of the detector's cells", SHARE, HIGHER)]
    complete: Annotated[bool, Column("whether every cell of the detector is complete")]
    missing_cells: Annotated[
        int, Column("incomplete cells among clean and the verified conditions", CELLS, LOWER)
    ]
    verified: Annotated[str, Column("verified of all laundering conditions, e.g. `27/27`")]
    verdicts: Annotated[
        str | None, Column("number of laundering conditions of each `verdict`, in words")
    ]
    n_bonafide: Bonafide
    n_spoof: Spoof
    n_clusters: Annotated[int, Column("number of speakers (else sources) that are resampled")]
    warnings: Annotated[str | None, Column("caveats, separated by `; `")]
    trial_digest: Annotated[str, Column("digest over ids and labels of the track's trials")]
    audio_digest: Annotated[str | None, Column("digest over the decoded samples of the run")]
    scope: Scope = field(default=BOTH, kw_only=True)
    trained_on: TrainedOn = field(default=None, kw_only=True)


@dataclass(frozen=True)
class RobustnessRow:
    """One detector under one attack family, or under `all` families."""

    track: Track
    detector: Detector
    family: Annotated[str, Column("attack family, or `all`: the weighted mean over families")]
    n_conditions: Annotated[int, Column("planned conditions", CONDITIONS)]
    n_verified: Annotated[int, Column("verified conditions", CONDITIONS)]
    complete: Annotated[bool, Column("whether every cell of the row is complete")]
    eer: Annotated[Interval, EER.of("weighted mean over the verified conditions")]
    eer_delta: Annotated[Interval, Column("that mean minus the clean EER", SHARE, LOWER)]
    worst_eer: Annotated[float, EER.of("under the worst verified condition")]
    worst_condition: Annotated[str | None, Column("that condition")]
    degradation: Annotated[float, Column("EER over that of the baseline in the family", "", LOWER)]
    relative_degradation: Annotated[
        float, Column("`eer_delta` over that of the baseline in the family", "", LOWER)
    ]
    baseline: Baseline
    area: Annotated[
        float,
        Column("mean area under the curves of EER over severity of the family", SHARE, LOWER),
    ]
    scope: Scope = field(default=BOTH, kw_only=True)
    trained_on: TrainedOn = field(default=None, kw_only=True)


@dataclass(frozen=True)
class SeverityRow:
    """One detector on one severity ladder."""

    track: Track
    detector: Detector
    family: Annotated[str, Column("attack family of the ladder")]
    ladder: Annotated[str, Column("spelling of its conditions, with `*` for the severity")]
    mildest: Annotated[float, Column("mildest level, in `unit`")]
    severest: Annotated[float, Column("severest level, in `unit`")]
    unit: Annotated[str | None, Column("unit of the severity")]
    n_levels: Annotated[int, Column("levels of the ladder", "levels")]
    complete: Annotated[
        bool, Column("whether clean and every level are complete, and verified or a control")
    ]
    area: Annotated[
        Interval, Column("area under the curve of EER over evenly spaced levels", SHARE, LOWER)
    ]
    collapse: Annotated[
        float, Column("mildest level at which the EER exceeds 40 %, in `unit`; missing if none")
    ]
    collapsed: Annotated[
        bool | None, Column("whether there is such a level; missing if incomplete")
    ]
    scope: Scope = field(default=BOTH, kw_only=True)
    trained_on: TrainedOn = field(default=None, kw_only=True)


@dataclass(frozen=True)
class DifferenceRow:
    """The difference of two ranked detectors in one metric."""

    track: Track
    detector: Detector
    other: Annotated[str, Column("the detector that is subtracted")]
    over: Annotated[str, Column("`clean`, or `laundered`: the weighted mean over conditions")]
    metric: Annotated[str, Column("column name of the metric")]
    difference: Annotated[
        Interval, Column("metric of `detector` minus metric of `other`, in the metric's unit")
    ]
    distinguishable: Distinguishable
    p_familywise: Annotated[
        float,
        Column(
            "p value adjusted over all pairs of the track for this metric and `over`; at most 0.05:"
            " the detectors differ, in the direction of `difference`"
        ),
    ]
    scope: Scope = field(default=BOTH, kw_only=True)


@dataclass(frozen=True)
class SeedRow:
    """One metric of a detector over all realisations: trainings and draws of the attacks."""

    track: Track
    detector: Detector
    over: Annotated[str, Column("`clean`, or `laundered`: the weighted mean over conditions")]
    metric: Annotated[str, Column("column name of the metric")]
    n_trainings: Annotated[int, Column("trainings of the detector, of other seeds", "trainings")]
    n_attack_draws: Annotated[int, Column("draws of the attacks, of other seeds", "draws")]
    first: Annotated[float, Column("the metric in the run itself, in the metric's unit")]
    mean: Annotated[Interval, Column("mean over realisations, in the metric's unit")]
    spread_training: Annotated[
        float, Column("standard deviation between trainings; missing if there is one")
    ]
    spread_attack: Annotated[
        float, Column("standard deviation between draws of the attacks; missing if there is one")
    ]
    rank: Annotated[
        int | None, Column("rank by laundered EER over all realisations", "", LOWER)
    ] = None
    rank_low: Annotated[int | None, Column("best rank that speakers and seeds leave open")] = None
    rank_high: Annotated[int | None, Column("worst rank that speakers and seeds leave open")] = None
    left_out: Annotated[
        str | None, Column("realisations left out, which lack trials or count other conditions")
    ] = None
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


@dataclass(frozen=True)
class EffectRow:
    """One check of one step of a condition."""

    condition: Condition
    step: Annotated[int, Column("place of the step in the chain, from 0")]
    attack: Annotated[str, Column("attack of the step")]
    quantity: Annotated[str, Column("what is measured")]
    unit: Annotated[str | None, Column("unit of claim, measurement and tolerance")]
    relation: Annotated[str, Column("how measured and claimed must relate: `=`, `>=` or `<=`")]
    effect: Annotated[bool, Column("whether the check shows the effect of the attack")]
    claimed: Annotated[
        float | None, Column("median of the claims, in `unit`; empty if nothing is claimed")
    ]
    measured: Annotated[float, Column("median of the measurements, in `unit`")]
    measured_low: Annotated[float, Column("5 % quantile of the measurements, in `unit`")]
    measured_high: Annotated[float, Column("95 % quantile of the measurements, in `unit`")]
    tolerance: Annotated[float, Column("median of the tolerances, in `unit`")]
    n_pass: Annotated[int, Column("utterances that pass", UTTERANCES)]
    n_fail: Annotated[int, Column("utterances that fail", UTTERANCES)]
    n_not_measurable: Annotated[int, Column("utterances that cannot be measured", UTTERANCES)]
    verified: Verified
    verdict: Verdict


@dataclass(frozen=True)
class FailureRow:
    """One utterance that could not be read, laundered or scored."""

    kind: Annotated[str, Column("`unreadable`, `attack` or `detector`")]
    condition: Annotated[str | None, Column("condition that failed; missing if all are concerned")]
    detector: Annotated[str | None, Column("detector that failed; missing if all are concerned")]
    utterance_id: Annotated[str, Column("id of the utterance")]
    cause: Annotated[str | None, Column("why")]


@dataclass(frozen=True)
class InputRow:
    """One input file with a fault; it is scored unless it was left out."""

    utterance_id: Annotated[str, Column("id of the utterance")]
    split: Annotated[str, Column("`test` or `dev`")]
    label: Annotated[str, Column("`bonafide` or `spoof`")]
    faults: Annotated[str, Column(f"names of its faults: {FAULT_WORDS}")]
    declared_seconds: Annotated[float, Column("length that the file states, in s", "s")]
    decoded_seconds: Annotated[float, Column("length that was decoded, in s", "s")]
    left_out: Annotated[bool, Column("whether `--strict` left it out of every trial set")]


Opinion = "predicted mean opinion of {} (DNSMOS P.835)"
LOST = "clean minus laundered, over utterances with both: below 0 is a gain"


@dataclass(frozen=True)
class QualityRow:
    """One condition: what it does to the quality of the declared fakes."""

    condition: Condition
    family: Family
    n_utterances: Annotated[int, Column("number of fakes in the declared sample", UTTERANCES)]
    n_speakers: Annotated[int, Column("number of their speakers, which are resampled")]
    n_estoi: Annotated[int, Column("of these with a value of `estoi`", UTTERANCES)]
    n_ovrl: Annotated[int, Column("of these with `ovrl`, clean and laundered", UTTERANCES)]
    n_cosine: Annotated[int, Column("of these with a value of `cosine`", UTTERANCES)]
    estoi: Annotated[
        Interval,
        Column("extended STOI against clean; missing where an attack is not aligned", "", HIGHER),
    ]
    cosine: Annotated[Interval, Column("cosine of the voice to the clean one (GE2E)", "", HIGHER)]
    sig: Annotated[Interval, Column(Opinion.format("the speech"), "MOS", HIGHER)]
    bak: Annotated[Interval, Column(Opinion.format("the background"), "MOS", HIGHER)]
    ovrl: Annotated[Interval, Column(Opinion.format("the whole"), "MOS", HIGHER)]
    estoi_loss: Annotated[Interval, Column(f"loss of `estoi`, {LOST}", "", LOWER)]
    sig_loss: Annotated[Interval, Column(f"loss of `sig`, {LOST}", "MOS", LOWER)]
    bak_loss: Annotated[Interval, Column(f"loss of `bak`, {LOST}", "MOS", LOWER)]
    ovrl_loss: Annotated[Interval, Column(f"loss of `ovrl`, {LOST}", "MOS", LOWER)]
    cosine_threshold: Annotated[
        float, Column("`cosine` that 95 % of pairs of recordings of one dev speaker reach")
    ]
    within_budget: Annotated[
        bool | None,
        Column("whether `ovrl_loss` is at most 0.3 and `cosine` at least `cosine_threshold`;"
               " missing if not known of every fake"),
    ]  # fmt: skip
    remark: Annotated[str | None, Column("why values are missing")]


@dataclass(frozen=True)
class BudgetRow:
    """One detector: its worst verified condition within the budget of quality (headline track)."""

    detector: Detector
    budget_eer: Annotated[float, EER.of("under the worst condition within the budget")]
    budget_condition: Annotated[str | None, Column("that condition; missing if none is within")]
    n_within: Annotated[int, Column("number of verified conditions within the budget", CONDITIONS)]
    n_unknown: Annotated[int, Column("number of those of which it is not known", CONDITIONS)]


@dataclass(frozen=True)
class RunDifferenceRow:
    """One metric of a cell, or of the weighted mean over conditions, in two runs."""

    track: Track
    detector: Detector
    condition: Annotated[str, Column("condition, or `mean over conditions`")]
    metric: Annotated[str, Column("column name of the metric")]
    a: Annotated[float, Column("metric in the first run, in the metric's unit")]
    b: Annotated[float, Column("metric in the second run, in the metric's unit")]
    difference: Annotated[Interval, Column("`b` minus `a`, in the metric's unit")]
    distinguishable: Distinguishable
    remark: Annotated[str | None, Column("why there is no difference")]
    scope: Scope = field(default=BOTH, kw_only=True)


@dataclass(frozen=True)
class SeededEer:
    """The mean EER over trainings, and how far these lie apart."""

    value: Annotated[float, Column("{}")] = np.nan
    spread: Annotated[float, Column("{}: standard deviation between the trainings")] = np.nan


@dataclass(frozen=True)
class AugmentationRow:
    """What a detector gains on a family from laundering its training data."""

    track: Track
    detector: Detector
    family: Annotated[
        str, Column("family whose conditions are scored; `clean`; or `all`, their weighted mean")
    ]
    n_conditions: Annotated[int, Column("scored conditions that enter the mean", CONDITIONS)]
    n_trainings: Annotated[int, Column("trainings of each kind, with other seeds")]
    eer_clean: Annotated[SeededEer, Column("EER after training on clean audio", SHARE, LOWER)]
    eer_all: Annotated[SeededEer, Column("EER after training with every family", SHARE, LOWER)]
    eer_without: Annotated[
        SeededEer, Column("EER after training with every family but this one", SHARE, LOWER)
    ]
    gain_all: Annotated[Interval, Column("`eer_clean` minus `eer_all`", SHARE, HIGHER)]
    gain_without: Annotated[Interval, Column("`eer_clean` minus `eer_without`", SHARE, HIGHER)]
    carried: Annotated[
        float,
        Column(
            "share of the gain that carries over to a family never met: `gain_without` /"
            " `gain_all`; missing where it is not shown that there is a gain",
            "",
            HIGHER,
        ),
    ]
    remark: Annotated[str | None, Column("why a number is missing")]


@dataclass(frozen=True)
class PublishedRow:
    """One cell beside a published figure."""

    detector: Detector
    system: Annotated[str, Column("its published counterpart")]
    condition: Annotated[
        str,
        Column(
            "canonical spelling of the condition; `; ` between those pooled under one threshold"
        ),
    ]
    attack: Annotated[str, Column("attack, as published")]
    level: Annotated[str, Column("its level, as published")]
    eer: Annotated[Interval, EER]
    published: Annotated[float, Column("published equal error rate", SHARE, LOWER)]
    difference: Annotated[float, Column("`eer` minus `published`", SHARE)]
    differences: Annotated[str | None, Column("numbers of the differences of definition")]
    remark: Annotated[str | None, Column("defects of our cell")]


@dataclass(frozen=True)
class AgreementRow:
    """The agreement of our figures with published ones, over conditions or over systems."""

    over: Annotated[str, Column("`conditions` of one detector, or `systems` under one condition")]
    detector: Annotated[str | None, Column("name of the detector; missing over systems")]
    system: Annotated[str | None, Column("its published counterpart; missing over systems")]
    published_as: Annotated[str | None, Column("attack and level; missing over conditions")]
    column: Annotated[
        str,
        Column(
            "which of our conditions is compared: `condition`, the closest of our own;"
            " `as_published`, by the paper's definition; `ready_made`, the published audio"
        ),
    ]
    n: Annotated[int, Column("figures that are compared")]
    tau: Annotated[float, Column("Kendall's tau-b of `eer` and `published`", "", HIGHER)]
    slope: Annotated[float, Column("points of `eer` for each point of `published`")]


TABLES: dict[str, type] = {  # by name of the CSV file
    "leaderboard": LeaderboardRow,
    "tracks": LeaderboardRow,
    "conditions": ConditionSummary,
    "conditions_full": ConditionRow,
    "robustness": RobustnessRow,
    "severity": SeverityRow,
    "differences": DifferenceRow,
    "breakdown": BreakdownRow,
    "seeds": SeedRow,
    "grid": GridCellRow,
    "effects": EffectRow,
    "failures": FailureRow,
    "inputs": InputRow,
    "quality": QualityRow,
    "quality_budget": BudgetRow,
}
