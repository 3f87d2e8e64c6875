"""The rows of comparisons: of detectors, of runs, and with published figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from benchmark.leaderboard.rows.columns import (
    CONDITIONS,
    EER,
    SHARE,
    Detector,
    Distinguishable,
    Interval,
    Scope,
    Track,
)
from benchmark.leaderboard.schema import HIGHER, LOWER, Column
from benchmark.scores.scopes import BOTH


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
