"""The effect of a lower precision on scores, measured on a few trials before the run."""

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
from benchmark.core.parallel import one_thread
from benchmark.data.protocol import LABELS
from benchmark.data.trial_table import digest_column, path_column, rows_of
from benchmark.inference.checkpoints import FLOAT32, Checkpoint
from benchmark.inference.scorer import Scorer
from benchmark.metrics.discrimination import eer
from benchmark.runs import provenance
from benchmark.runs.plan import RunPlan
from benchmark.runs.work_unit import Wave, WorkUnit, prepare

SAMPLE = 64
PRECISION = "precision"  # of a detector in a run's head: how it scored, and what was measured

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Head = dict[str, Any]
Note = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A few clean trials of a run: waves at 16 kHz, and which of them are bona fide."""

    waves: tuple[Wave, ...]
    bonafide: Bools


@dataclass(frozen=True)
class PrecisionDifference:
    """How far a detector's scores are from those of the same network in float32.

    trials          : how many were compared
    spread          : standard deviation of the float32 scores
    median, largest : of the absolute differences
    eer_float32, eer: equal error rates on these trials, 0 to 1; None where a class is absent
    """

    trials: int
    spread: float
    median: float
    largest: float
    eer_float32: float | None
    eer: float | None

    def __str__(self) -> str:
        told = (
            f"{self.trials} clean trials differ from float32 by {self.median:.2g} (median) and"
            f" {self.largest:.2g} (largest), at a standard deviation of {self.spread:.2g};"
        )
        if self.eer is None or self.eer_float32 is None:
            return f"{told} one class alone, so no EER"
        rates = f"{self.eer_float32:.2%} in float32, {self.eer:.2%} here"
        same = self.eer == self.eer_float32
        return f"{told} EER {'unchanged' if same else 'changed'} ({rates})"


def sample_of(plan: RunPlan) -> Sample:
    """Up to `SAMPLE` readable clean trials of the test split, half of each class.

    They are chosen by their ids, so that a plan always has the same ones.
    """
    table = plan.test.table
    order = table["utterance_id"].map(lambda uid: hashlib.sha256(uid.encode()).hexdigest())
    place = order.groupby(table["label"]).rank(method="first")
    chosen = table[place <= SAMPLE // 2]
    utterances = tuple(rows_of(chosen, "utterance_id", path_column(), digest_column()))
    made = prepare(WorkUnit("", "test", CLEAN, plan.test.root, utterances, plan.seed, {}))
    heard = [row["failure"] is None for row in made.rows]
    return Sample(tuple(made.waves), (chosen["label"] == LABELS[0]).to_numpy()[heard])


def compare(
    checkpoint: Checkpoint, sample: Sample, device: torch.device
) -> PrecisionDifference | None:
    """The scores of a `lowered` checkpoint against float32; None where float32 fails too.

    Raises `InputError` where the detector cannot be scored in its precision.
    """
    exact = _scores(replace(checkpoint, precision=FLOAT32), sample, device)
    if isinstance(exact, str):
        return None  # the run itself records what is wrong with it
    coarse = _scores(checkpoint, sample, device)
    if isinstance(coarse, str):
        raise InputError(
            f"detector {checkpoint.detector!r} cannot be scored with --precision"
            f" {checkpoint.precision} ({coarse}): leave it out, or run it in float32"
        )
    apart = np.abs(coarse - exact)
    both = sample.bonafide.any() and not sample.bonafide.all()
    rates = [eer(scores, sample.bonafide)[0] if both else None for scores in (exact, coarse)]
    return PrecisionDifference(
        len(exact), float(exact.std()), float(np.median(apart)), float(apart.max()), *rates
    )


def report(plan: RunPlan, head: Head, device: torch.device, busy: bool) -> dict[str, Note]:
    """Print how every detector of the plan scores and how far that is from float32; the same as
    notes for the run's head, by the detectors' names.

    What `head` has of the same detector from the same device is not measured again, and nothing
    is where there is nothing to compute (not `busy`). Raises `InputError` where a detector cannot
    be scored so.
    """
    notes = {
        checkpoint.name: _note(checkpoint, head["detectors"][checkpoint.name].get(PRECISION))
        for checkpoint in plan.detectors
    }
    machine = provenance.machine(str(device))
    where = str(machine["gpu"] or machine["processor"])
    lacking = dict.fromkeys(notes, "nothing is left to score")
    if busy:
        sample: Sample | None = None
        with one_thread():
            for checkpoint in _unmeasured(plan.detectors, notes, where):
                sample = sample or sample_of(plan)
                found = compare(checkpoint, sample, device) if sample.waves else None
                if found is not None:
                    notes[checkpoint.name]["measured"].append({"device": where, **asdict(found)})
                elif sample.waves:
                    lacking[checkpoint.name] = "it cannot be scored in float32 either"
                else:
                    lacking[checkpoint.name] = "no clean trial can be read"
    for name, note in notes.items():
        for line in _lines(note, lacking[name]):
            print(f"{name}: {line}")
    return notes


def _note(checkpoint: Checkpoint, known: Note | None) -> Note:
    """How a detector scores, with what is `known` of it."""
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


def _lines(note: Note, lacking: str) -> Iterator[str]:
    """Describe a detector; `lacking` says why nothing was measured, if so."""
    if note["scored"] == FLOAT32:
        yield f"scored in float32 ({note['cause']})"
    elif not note["measured"]:
        said = f"its difference from float32 was not measured ({lacking})"
        yield f"scored in {note['scored']}; {said}"
    for item in note.get("measured", []):
        values = {name: value for name, value in item.items() if name != "device"}
        yield f"{PrecisionDifference(**values)}, on {item['device']}"


def _scores(checkpoint: Checkpoint, sample: Sample, device: torch.device) -> Floats | str:
    """Scores of the sample, or why there are none."""
    scores, causes = Scorer([checkpoint], device)(sample.waves, [checkpoint.name])
    if causes:
        return causes[checkpoint.name]
    values = scores[checkpoint.name].astype(np.float64)
    bad = int(np.count_nonzero(~np.isfinite(values)))
    return f"{bad} of {len(values)} scores are not finite" if bad else values
