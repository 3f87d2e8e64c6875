"""The verification of a submission: unpacked safely, then verified like any run, then compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.api import reported, verification
from benchmark.api.verification import Verification, VerifyOptions
from benchmark.core.errors import InputError
from benchmark.data.data_config import DataConfig
from benchmark.data.file_hashes import hashed
from benchmark.data.protocol import MADE, Protocol
from benchmark.exchange import submission_archive, submission_card
from benchmark.exchange.submission_card import CARD, TRAINED_ON, UNKNOWN
from benchmark.runs import detectors_at_hand, run_copy
from benchmark.runs.detectors_at_hand import GivenFiles
from benchmark.runs.verify_step import Step, below, counted
from benchmark.scores import plan_files, realisations
from benchmark.scores.store import Store

RESCORED = 20  # utterances x conditions by default, where a corpus is at hand
FEW = 5  # trials that are named
REWRITE = (
    "that nobody rewrote scores, labels, digests and tables consistently: only a digest from"
    " elsewhere (--digest, of a paper or a page) or scoring again (--data) finds that"
)


@dataclass(frozen=True)
class CheckOptions:
    """What a verification does beyond reading the file.

    digest  : the run digest (hex) that was published; '' for none
    data    : the corpus, if it is at hand
    rescore : random utterances x conditions to launder and score again; needs `data`
    seed    : makes other random choices
    given   : files in which weights are
    device  : of the scoring
    """

    digest: str = ""
    data: DataConfig | None = None
    rescore: int = RESCORED
    seed: int = 0
    given: GivenFiles = field(default_factory=GivenFiles)
    device: str = "auto"


@dataclass(frozen=True)
class SubmissionCheck:
    """What was found.

    sha256     : of the file (hex)
    card       : what the file says of itself
    folder     : where it is unpacked: a run folder
    run_digest : of what the file holds (hex); '' if it has none
    cells      : of the claimed table
    rescored   : names of the detectors of which scores were computed again
    overlap    : by detector, the corpora of its training that may be that of the test
    """

    file: Path
    sha256: str
    card: dict[str, Any]
    folder: Path
    steps: tuple[Step, ...]
    options: CheckOptions
    run_digest: str = ""
    cells: int = 0
    rescored: tuple[str, ...] = ()
    overlap: dict[str, list[str]] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """Everything that does not hold, in sentences."""
        return [fault for step in self.steps for fault in step.faults]

    def unverified(self) -> Iterator[str]:
        """Yield what nothing here could show, in sentences."""
        if not self.options.digest:
            yield REWRITE
        scored = self.options.data is not None
        if not scored:
            yield (
                "that the attacks made these samples of that corpus, and that the detectors gave"
                " these scores: nothing was laundered or scored again (--data CORPUS does it)"
            )
        left = [name for name in self.card["detectors"] if name not in self.rescored]
        if scored and left:
            yield f"the scores of {', '.join(left)}: none was computed again"
        yield "on what the detectors were trained: the submitter declares it"

    def facts(self) -> dict[str, Any]:
        """Return the verification as JSON types."""
        return {
            "sound": not self.faults,
            "file": self.file.name,
            "sha256": self.sha256,
            "run_digest": self.run_digest or None,
            "digest_compared": bool(self.options.digest),
            "seed": self.options.seed,
            "cells": self.cells,
            "rescored": [*self.rescored],
            "overlap": self.overlap,
            "card": self.card,
            "steps": [step.facts() for step in self.steps],
            "unverified": [*self.unverified()],
        }


def check(file: Path, folder: Path, options: CheckOptions) -> Iterator[Step | SubmissionCheck]:
    """Unpack a submission into the new folder, and yield each step and then the whole check.

    Raises `InputError` in one line if the file is none that can be opened safely, or of another
    format.
    """
    names = submission_archive.unpack(file, folder)
    card = submission_card.read(folder, file)
    digests = submission_card.digests(folder)
    steps = [Step("archive", f"{counted(len(names), 'file')} unpacked, none but a submission's")]
    yield steps[0]
    head = _head(file, folder)
    overlap: dict[str, list[str]] = {}
    agreed = False
    for step in _before(head, card, folder, options, overlap):
        agreed = step.name == "trials" and not step.faults
        steps.append(step)
        yield step
    found = None
    asked = VerifyOptions(
        options.digest,
        options.rescore if agreed else 0,
        options.seed,
        given=options.given,
        device=options.device,
        alone=True,
    )
    for found in verification.verify(folder, asked):
        if isinstance(found, Step):
            steps.append(found)
            yield found
    assert isinstance(found, Verification)
    step = _card_step(card, digests, head, folder, found.digest)
    steps.append(step)
    yield step
    (sha256,) = hashed([file])
    scored = detectors_at_hand.find(head, options.given, folder).found if agreed else ()
    yield SubmissionCheck(
        file, sha256, card, folder, tuple(steps), options, found.digest, found.cells,
        tuple(scored), overlap,
    )  # fmt: skip


def _head(file: Path, folder: Path) -> dict[str, Any]:
    """Return the plan with its detectors; `InputError` naming the submission if it is damaged."""
    try:
        head = Store(folder).read_head()
    except InputError as error:
        raise InputError(f"{file}: {below(folder, error)}") from error
    if head is None or "digest" not in head:
        raise InputError(f"{file} is no submission: it holds no run of format {plan_files.FORMAT}")
    return head


def _before(
    head: dict[str, Any],
    card: dict[str, Any],
    folder: Path,
    options: CheckOptions,
    overlap: dict[str, list[str]],
) -> Iterator[Step]:
    """Yield the steps that come before the run is verified; fill `overlap`."""
    yield _places(folder)
    yield _training(head, card, overlap)
    if options.data is not None:
        yield _trials(head, folder, options.data.open())


def _places(folder: Path) -> Step:
    """Find out whether a plan names a place of the machine that opens it."""
    faults = []
    for path in (folder, *(path for _, path in realisations.stored(folder))):
        try:
            pointer = plan_files.read_pointer(path) or {}
        except InputError as error:
            faults.append(below(folder, error))
            continue
        name = (path / plan_files.POINTER).relative_to(folder)
        if root := pointer.get("data_root"):
            faults.append(f"{name} names a folder of audio ({root}), which a submission may not")
        options = reported.as_dict(pointer.get("options"))
        if strange := sorted(options.keys() - set(run_copy.KEPT_OPTIONS)):
            faults.append(f"{name} has options that a submission may not have ({strange[0]})")
    return Step("places", "no file names a place of this machine", tuple(faults))


def _training(head: dict[str, Any], card: dict[str, Any], overlap: dict[str, list[str]]) -> Step:
    """Compare the corpora of training with that of the test."""
    faults, notes = [], []
    for name, facts in sorted(head["detectors"].items()):
        stated = reported.as_dict(card["detectors"].get(name)).get(TRAINED_ON, [])
        known = submission_card.declared(facts["training"]) or ()
        if left := [corpus for corpus in known if corpus not in stated]:
            faults.append(f"{CARD} conceals that {name} was trained on {', '.join(left)}")
        if facts["training"].get("train_digest") == head["trial_digest"]:
            faults.append(f"{name} was trained on the very trials of the test")
        overlap[name] = submission_card.overlap([*stated, *left], head["data"])
        if overlap[name]:
            shared = ", ".join(overlap[name])
            notes.append(f"OVERLAP: {name} was trained on {shared}; the test is {head['data']}")
        elif UNKNOWN in stated:
            notes.append(f"{name}: on what it was trained is unknown")
    said = f"declared training data of {counted(len(head['detectors']), 'detector')}"
    return Step("training", f"{said} compared with {head['data']}", tuple(faults), tuple(notes))


def _trials(head: dict[str, Any], folder: Path, corpus: Protocol) -> Step:
    """Compare the trials with those of the corpus at hand; let audio be read there if they agree.

    Paths are compared too, so that no audio is opened but that of the corpus.
    """
    store = Store(folder)
    try:
        trials = store.read_trials(head)
    except InputError as error:
        return Step("trials", "no trial was compared", (below(folder, error),))
    faults = [*_other_trials(trials, corpus)]
    if not faults:
        store.write_head({**head, "data_root": str(corpus.root)}, trials)
    said = f"{counted(len(trials), 'trial')} compared with the {len(corpus.table)} of {corpus.root}"
    return Step("trials", said, tuple(faults))


def _other_trials(trials: pd.DataFrame, corpus: Protocol) -> Iterator[str]:
    """Yield how trials differ from those of a corpus."""
    held = corpus.table.set_index("utterance_id")
    strange = [uid for uid in trials["utterance_id"] if uid not in held.index]
    if strange:
        yield (
            f"{counted(len(strange), 'trial')} not in {corpus.root}, the first is {strange[0]!r}:"
            " other trials"
        )
        return
    mine = trials.set_index("utterance_id")
    theirs = held.loc[mine.index]
    for name in corpus.table.columns.intersection(trials.columns):
        if name == "utterance_id":
            continue
        a, b = mine[name], theirs[name]
        unequal = ~((a == b) | (a.isna() & b.isna())).to_numpy()
        for place in unequal.nonzero()[0][:FEW]:
            yield f"the {name} of {mine.index[place]} is {a.iloc[place]!r}, not {b.iloc[place]!r}"
        if (count := int(unequal.sum())) > FEW:
            yield f"the {name} of {count - FEW} further trials differs"
    for name in (c for c in trials.columns if c == "path" or c.startswith(MADE)):
        if name not in corpus.table:
            yield f"the trials have the column {name}, which {corpus.root} has not"


def _card_step(
    card: dict[str, Any],
    digests: dict[str, str],
    head: dict[str, Any],
    folder: Path,
    run_digest: str,
) -> Step:
    faults = [*submission_card.faults(card, digests, head, run_digest)]
    facts, _ = reported.stated(folder)
    if facts is None:
        faults.append(f"{reported.FACTS} is missing or damaged, so nothing is claimed")
    else:
        tables = reported.as_dict(facts.get("tables_sha256"))
        faults += [
            f"{name} is no table of this run"
            for name in sorted(digests)
            if name.endswith(".csv") and name not in tables
        ]
    said = f"{counted(len(digests), 'file')} and every statement compared with {CARD}"
    return Step("card", said, tuple(faults))
