"""Effect of a precision below float32 on the scores, measured on a few trials before the run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from attacks.contract.condition import CLEAN
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.parallel import one_thread
from benchmark.data.protocol import LABELS
from benchmark.data.trial_table import path_column, rows_of, stamp_column
from benchmark.inference.checkpoints import FLOAT32, Checkpoint
from benchmark.inference.scorer import Scorer
from benchmark.metrics.discrimination import eer
from benchmark.runs import provenance
from benchmark.runs.plan import RunPlan
from benchmark.runs.work_unit import Wave, WorkUnit, prepare

SAMPLE = 64
PRECISION = "precision"  # key of a detector in a run's head: its precision and the differences

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Head = dict[str, Any]
Note = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A few clean trials of a run: waves at 16 kHz, and whether each is bona fide."""

    waves: tuple[Wave, ...]
    bonafide: Bools


@dataclass(frozen=True)
class PrecisionDifference:
    """Differences between a detector's scores and those of the same network in float32.

    trials          : number of trials compared
    spread          : standard deviation of the float32 scores
    median, largest : of the absolute differences
    eer_float32, eer: equal error rates on these trials, 0 to 1; None if a class is absent
    """

    trials: int
    spread: float
    median: float
    largest: float
    eer_float32: float | None
    eer: float | None

    def __str__(self) -> str:
        summary = (
            f"{self.trials} clean trials differ from float32 by {self.median:.2g} (median) and"
            f" {self.largest:.2g} (largest), at a standard deviation of {self.spread:.2g};"
        )
        if self.eer is None or self.eer_float32 is None:
            return f"{summary} no EER, because a class is absent"
        rates = f"{self.eer_float32:.2%} in float32, {self.eer:.2%} here"
        same = self.eer == self.eer_float32
        return f"{summary} EER {'unchanged' if same else 'changed'} ({rates})"


def sample_of(plan: RunPlan) -> Sample:
    """Return up to `SAMPLE` clean trials of the test split, half of each class.

    Trials are chosen by the hashes of their ids, so a plan always has the same sample. Those that
    cannot be read are left out.
    """
    table = plan.test.table
    order = table["utterance_id"].map(lambda uid: hashlib.sha256(uid.encode()).hexdigest())
    place = order.groupby(table["label"]).rank(method="first")
    chosen = table[place <= SAMPLE // 2]
    utterances = tuple(rows_of(chosen, "utterance_id", path_column(), stamp_column()))
    prepared = prepare(WorkUnit("", "test", CLEAN, plan.test.root, utterances, plan.seed, {}))
    readable = [row["failure"] is None for row in prepared.rows]
    return Sample(tuple(prepared.waves), (chosen["label"] == LABELS[0]).to_numpy()[readable])


def compare(
    checkpoint: Checkpoint, sample: Sample, device: torch.device
) -> PrecisionDifference | None:
    """Compare the scores of a checkpoint in a lower precision with those in float32.

    Returns None if float32 fails too. Raises `InputError` if the detector cannot be scored in its
    precision.
    """
    exact = _scores(replace(checkpoint, precision=FLOAT32), sample, device)
    if isinstance(exact, str):
        return None  # the run itself records the cause
    coarse = _scores(checkpoint, sample, device)
    if isinstance(coarse, str):
        raise InputError(
            f"detector {checkpoint.detector!r} cannot be scored with --precision"
            f" {checkpoint.precision} ({coarse}): leave it out, or run it in float32"
        )
    deviation = np.abs(coarse - exact)
    both = sample.bonafide.any() and not sample.bonafide.all()
    rates = [eer(scores, sample.bonafide)[0] if both else None for scores in (exact, coarse)]
    return PrecisionDifference(
        len(exact), float(exact.std()), float(np.median(deviation)), float(deviation.max()), *rates
    )


def report(plan: RunPlan, head: Head, device: torch.device, busy: bool) -> dict[str, Note]:
    """Print the precision of every detector of the plan and its difference from float32.

    Returns the same facts as notes for the run's head, by detector name. A difference that `head`
    already holds for the same detector and device is not measured again. Nothing is measured if
    the run has nothing to compute (not `busy`). Raises `InputError` if a detector cannot be scored
    in its precision.
    """
    notes = {
        checkpoint.name: _note(checkpoint, head["detectors"][checkpoint.name].get(PRECISION))
        for checkpoint in plan.detectors
    }
    machine = provenance.machine(str(device))
    where = str(machine["gpu"] or machine["processor"])
    reasons = dict.fromkeys(notes, "nothing is left to score")
    if busy:
        sample: Sample | None = None
        with one_thread():
            for checkpoint in _unmeasured(plan.detectors, notes, where):
                sample = sample or sample_of(plan)
                found = compare(checkpoint, sample, device) if sample.waves else None
                if found is not None:
                    notes[checkpoint.name]["measured"].append({"device": where, **asdict(found)})
                elif sample.waves:
                    reasons[checkpoint.name] = "it cannot be scored in float32 either"
                else:
                    reasons[checkpoint.name] = "no clean trial can be read"
    for name, note in notes.items():
        for line in _lines(note, reasons[name]):
            logger.info(f"{name}: {line}")
    return notes


def _note(checkpoint: Checkpoint, known: Note | None) -> Note:
    """Return the note on a detector's precision, with the measurements already `known`."""
    if checkpoint.precision == FLOAT32:
        return {"scored": FLOAT32, "cause": "no network that the run itself computes"}
    return known or {"scored": checkpoint.precision, "measured": []}


def _unmeasured(
    detectors: Sequence[Checkpoint], notes: dict[str, Note], where: str
) -> Iterator[Checkpoint]:
    for checkpoint in detectors:
        if checkpoint.precision != FLOAT32:
            known = notes[checkpoint.name]["measured"]
            if where not in [item["device"] for item in known]:
                yield checkpoint


def _lines(note: Note, reason: str) -> Iterator[str]:
    """Yield the lines to print about a detector; `reason` explains a missing measurement."""
    if note["scored"] == FLOAT32:
        yield f"scored in float32 ({note['cause']})"
    elif not note["measured"]:
        unmeasured = f"its difference from float32 was not measured ({reason})"
        yield f"scored in {note['scored']}; {unmeasured}"
    for item in note.get("measured", []):
        values = {name: value for name, value in item.items() if name != "device"}
        yield f"{PrecisionDifference(**values)}, on {item['device']}"


def _scores(checkpoint: Checkpoint, sample: Sample, device: torch.device) -> Floats | str:
    """Return the scores of the sample, or the cause of their absence."""
    scores, causes = Scorer([checkpoint], device)(sample.waves, [checkpoint.name])
    if causes:
        return causes[checkpoint.name]
    values = scores[checkpoint.name].astype(np.float64)
    bad = int(np.count_nonzero(~np.isfinite(values)))
    return f"{bad} of {len(values)} scores are not finite" if bad else values
