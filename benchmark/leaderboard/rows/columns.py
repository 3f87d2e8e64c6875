"""The columns, values and bounds that rows of several tables share.

Rates are shares in [0, 1], never per cent. The positive class is spoof. A missing number is NaN or
None: undefined, or not comparable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from benchmark.laundering.verification import State
from benchmark.leaderboard.schema import HIGHER, LOWER, Column

SHARE, COST, BITS, TRIALS, CELLS = "share", "cost", "bits", "trials", "cells"
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
