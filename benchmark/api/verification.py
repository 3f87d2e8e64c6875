"""The verification of a run folder: everything that it stores is derived again and compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark.api import reported, verify_report
from benchmark.api.reported import FACTS, Again
from benchmark.core.errors import InputError
from benchmark.inference.scorer import resolve_device
from benchmark.laundering.verification import State, counts_text
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.runs import (
    detectors_at_hand,
    verify_audio,
    verify_parts,
    verify_plan,
    verify_quality,
    verify_rescore,
)
from benchmark.runs.detectors_at_hand import GivenFiles
from benchmark.runs.verify_plan import FoundPlan
from benchmark.runs.verify_step import Step, below
from benchmark.scores import manifest, plan_files, realisations, run_digest
from benchmark.scores.load_run import collect
from benchmark.scores.run_results import RunResults
from benchmark.scores.store import Store

BEYOND = (
    "whoever rewrites scores, checks, manifest and report consistently is caught only by --digest"
    " with a digest from elsewhere (a paper, a BibTeX entry) and by --rescore"
)


@dataclass(frozen=True)
class VerifyOptions:
    """What a verification does beyond reading the run folder.

    digest  : the run digest (hex) that a paper or a page states; '' for none
    rescore : number of random utterances x conditions to launder and score again
    seed    : makes other random choices
    audio   : whether to hash all audio files
    given   : files in which weights are
    device  : of the scoring
    alone   : the run is out of a submission: its report has tables and run.json alone, and
              detectors that are not at hand are not scored again
    """

    digest: str = ""
    rescore: int = 0
    seed: int = 0
    audio: bool = False
    given: GivenFiles = field(default_factory=GivenFiles)
    device: str = "auto"
    alone: bool = False

    def __post_init__(self) -> None:
        if self.digest and not re.fullmatch(r"[0-9a-fA-F]{64}", self.digest):
            raise InputError(f"--digest: want the 64 hex digits of a run digest, not {self.digest}")


@dataclass(frozen=True)
class Verification:
    """What was found.

    cells      : cells of the leaderboard
    faults     : cells that are incomplete or refuted: fault, detector, condition, track
    unreadable : test utterances that could not be read
    digest     : the run digest of what is in the folder; '' if it has none
    """

    steps: tuple[Step, ...]
    options: VerifyOptions
    cells: int = 0
    faults: tuple[dict[str, Any], ...] = ()
    unreadable: tuple[str, ...] = ()
    digest: str = ""

    @property
    def sound(self) -> bool:
        """Whether everything holds."""
        return not any(step.faults for step in self.steps)

    def facts(self) -> dict[str, Any]:
        """Return the verification as JSON types."""
        return {
            "sound": self.sound,
            "run_digest": self.digest or None,
            "digest_compared": bool(self.options.digest),
            "rescored": self.options.rescore,
            "seed": self.options.seed,
            "cells": self.cells,
            "faults": [*self.faults],
            "unreadable": [*self.unreadable],
            "steps": [step.facts() for step in self.steps],
        }

    def ending(self) -> str:
        """Say which proofs against a consistent rewrite were used."""
        used = [f"--digest was {'' if self.options.digest else 'not '}used"]
        chosen = f"used (--seed {self.options.seed} chooses the same again)"
        used.append(f"--rescore was {chosen if self.options.rescore else 'not used'}")
        return f"{', '.join(used)}: {BEYOND}"


def verify(folder: Path, options: VerifyOptions) -> Iterator[Step | Verification]:
    """Yield each step as it is done, and the whole verification at the end.

    Raises `InputError` if the folder holds no run, or one of a format that is not known here.
    """
    _known(folder)
    steps: list[Step] = []

    def done(step: Step) -> Step:
        steps.append(step)
        return step

    known, found = _stored(folder)
    for step in found:
        yield done(step)
    for seeds, path in realisations.stored(folder):
        for step in _stored(path)[1]:
            yield done(replace(step, name=f"{seeds.name}: {step.name}"))
    facts, fault = reported.stated(folder)
    again, cause = reported.again(folder, facts)
    cells: list[dict[str, Any]] = []
    unreadable: list[str] = []
    count = 0
    if again is None:
        yield done(Step("cells", "no cell could be computed", (cause,)))
    else:
        inputs = again.results.inputs
        chosen = set(inputs.loc[inputs["left_out"].astype(bool), "utterance_id"])
        unreadable = [
            str(name) for name in again.results.unreadable["utterance_id"] if name not in chosen
        ]
        cells = _unsound(again.tables)
        count = len(again.tables.conditions)
        yield done(_cells(cells, unreadable, again))
        yield done(verify_report.verify(folder, facts, fault, again, options.alone))
        for step in verify_report.other_scope(folder, facts, again):
            yield done(step)
    digest = again.tables.digest if again is not None else ""
    yield done(_digest(digest, facts, options, known.plan))
    if options.audio or options.rescore:
        for step in _with_audio(folder, digest, options, known):
            yield done(step)
    yield Verification(tuple(steps), options, count, tuple(cells), tuple(unreadable), digest)


def _stored(folder: Path) -> tuple[FoundPlan, list[Step]]:
    """Verify plan and parts of one run folder; return its plan and the steps."""
    listed, lost = _listed(folder, _plan(folder))
    step, known = verify_plan.verify(folder, {part.file.origin for part in listed.parts})
    steps = [step]
    for step in verify_parts.verify(folder, listed, known):
        more = lost if step.name == verify_parts.FILES else ()
        steps.append(replace(step, faults=(*more, *step.faults)))
    return known, steps


def _known(folder: Path) -> None:
    """Raise `InputError` unless the folder holds a run of a known format."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    if plan_files.read_pointer(folder) is None:
        raise plan_files.no_run(folder)


def _plan(folder: Path) -> dict[str, Any] | None:
    try:
        return plan_files.read_plan(folder)
    except InputError:  # the first step says so
        return None


def _listed(folder: Path, plan: dict[str, Any] | None) -> tuple[manifest.Manifest, tuple[str, ...]]:
    """Return what the manifest lists, and why it cannot be read if it cannot."""
    try:
        return verify_parts.listed(folder, plan), ()
    except InputError as error:
        return manifest.Manifest(), (below(folder, error),)


def _unsound(tables: Tables) -> list[dict[str, Any]]:
    """Return the cells that are incomplete or whose condition is refuted."""
    cells = tables.conditions
    bad = cells[~cells["complete"].eq(True) | cells["verdict"].eq(State.REFUTED)]
    bad = bad.assign(fault=bad["complete"].map({True: str(State.REFUTED), False: "incomplete"}))
    named = bad[["fault", "detector", "condition", "track"]].astype(object)
    return [
        {str(name): value for name, value in row.items()}
        for row in named.where(named.notna(), None).to_dict("records")
    ]


def _states(tables: Tables, results: RunResults) -> tuple[str, tuple[str, ...]]:
    """Return the number of conditions in each state, and a note on each that counts nowhere.

    A control or an unmeasured claim is no fault: the run says so itself, and leaves it out.
    """
    found = tables.conditions.drop_duplicates("condition")
    verdicts = dict(zip(found["condition"], found["verdict"], strict=True))
    notes = [
        f"{state.text}, in no mean: {name}"
        for state in (State.CONTROL, State.UNMEASURED)
        for name, verdict in verdicts.items()
        if verdict == state
    ]
    notes += [f"never verified: {i.condition}: {i.doubt}" for i in results.conditions if i.doubt]
    return counts_text(verdicts.values()), tuple(notes)


def _cells(bad: list[dict[str, Any]], unreadable: list[str], again: Again) -> Step:
    count = len(again.tables.conditions)
    faults = []
    for cell in bad:
        track = f" (track {cell['track']})" if cell["track"] else ""
        faults.append(f"{cell['fault']}: {cell['detector']} under {cell['condition']}{track}")
    faults += [f"unreadable: {name}" for name in unreadable]
    states, notes = _states(again.tables, again.results)
    said = f"{count - len(bad)} of {count} cells are complete and not refuted"
    said += f", conditions: {states}" if states else ""
    if unreadable:
        said += f", without {len(unreadable)} trials that cannot be read"
    return Step("cells", said, tuple(faults), notes)


def _digest(
    digest: str, facts: dict[str, Any] | None, options: VerifyOptions, plan: dict[str, Any] | None
) -> Step:
    faults = []
    if plan is not None and "digest" not in plan:
        if options.digest:
            faults.append("--digest cannot be compared: a run of format 4 has no run digest")
        return Step("digest", "a run of format 4 has no run digest", tuple(faults))
    if not digest:
        faults = ["the run digest cannot be computed"]
        if options.digest:
            faults.append("it cannot be shown that this is the run digest, as --digest says")
        return Step("digest", "no run digest", tuple(faults))
    recorded = (facts or {}).get("run_digest")
    if facts is not None and recorded != digest:
        faults.append(f"{FACTS} records the run digest {recorded}, but the parts give {digest}")
    if options.digest and options.digest.lower() != digest:
        faults.append(f"the run digest is {digest}, not {options.digest.lower()} as --digest says")
    against = [FACTS] * (facts is not None) + ["--digest"] * bool(options.digest)
    said = f"run digest {digest} computed"
    return Step("digest", f"{said}, compared with {' and '.join(against) or 'nothing'}",
                tuple(faults))  # fmt: skip


def _with_audio(
    folder: Path, digest: str, options: VerifyOptions, known: verify_plan.FoundPlan
) -> Iterator[Step]:
    """Yield the steps that need audio."""
    store = Store(folder)
    try:
        head = store.read_head()
    except InputError as error:
        head, cause = None, below(folder, error)
    else:
        cause = "the plan and the trials cannot be read"
    if head is None or known.trials is None:
        names = [verify_audio.NAME] * options.audio + [verify_rescore.NAME] * bool(options.rescore)
        for name in names:
            yield Step(name, "nothing was compared", (cause,))
        return
    if options.audio:
        yield verify_audio.verify(store, head, known.trials, Path(head["data_root"]))
    if not options.rescore:
        return
    try:
        at_hand = detectors_at_hand.find(head, options.given, folder)
        absent: list[str] = []
        if options.alone:
            absent = [f"{n} was not scored again: {why}" for n, why in at_hand.missing.items()]
            at_hand = replace(at_hand, missing={})
        count = int((known.trials["split"] == "test").sum())
        chosen = verify_rescore.picks(
            count, len(head["conditions"]), options.rescore, digest, options.seed
        )
        device = resolve_device(options.device)
        step = verify_rescore.verify(store, head, known.trials, chosen, at_hand, device)
        step = replace(step, notes=(*absent, *step.notes))
    except InputError as error:
        step = Step(verify_rescore.NAME, "nothing was scored again", (str(error),))
    yield step
    source = f"{digest} {options.seed}"
    measured = verify_quality.verify(folder, head, known.trials, options.rescore, source)
    if measured is not None:
        yield measured


def run_digest_of(folder: Path) -> str:
    """Return the run digest (hex) of what a run folder holds; '' if it has none."""
    return run_digest.of(collect(folder, {}))
