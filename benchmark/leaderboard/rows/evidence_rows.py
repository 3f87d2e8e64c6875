"""The rows of evidence: what was measured of attacks, inputs, failures and quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from benchmark.audio.input_faults import FAULTS
from benchmark.leaderboard.rows.columns import (
    CONDITIONS,
    EER,
    UTTERANCES,
    Condition,
    Detector,
    Family,
    Interval,
    Verdict,
    Verified,
)
from benchmark.leaderboard.schema import HIGHER, LOWER, Column

FAULT_WORDS = "; ".join(f"`{name}`: {meaning}" for name, meaning in FAULTS.items())


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
