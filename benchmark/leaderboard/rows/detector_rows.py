"""The rows of detectors: the leaderboard, families, severity ladders, realisations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from benchmark.leaderboard.rows.columns import (
    ACT_DCF,
    AUC,
    BALANCED_ACCURACY,
    CELLS,
    CLEAN,
    CLLR,
    CONDITIONS,
    EER,
    F1,
    FAMILYWISE,
    LAUNDERED,
    LOSS,
    LOSS_CLEAN,
    LOSS_DISCRIMINATION,
    LOSS_SHIFT,
    MEAN,
    MIN_DCF,
    SHARE,
    SUCCESS1,
    SUCCESS5,
    Baseline,
    Bonafide,
    Detector,
    Interval,
    Scope,
    Spoof,
    SuccessBlank,
    Track,
    TrainedOn,
)
from benchmark.leaderboard.schema import HIGHER, LOWER, Column
from benchmark.scores.scopes import BOTH


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
