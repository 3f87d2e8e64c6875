"""Submissions: the results of a run in one file that strangers can verify."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmark.api import reported, verification
from benchmark.api.verification import Verification, VerifyOptions
from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.data.file_hashes import hashed
from benchmark.exchange import submission_archive, submission_card
from benchmark.exchange.submission_card import Submitter
from benchmark.report import writer
from benchmark.runs import provenance, run_copy
from benchmark.scores import fusion
from benchmark.scores.store import Store


@dataclass(frozen=True)
class Submitted:
    """What was written.

    file       : the archive
    sha256     : of its content (hex)
    run_digest : of the run in it (hex), to be published beside the figures
    detectors  : names of the submitted detectors
    cells      : of the claimed table
    """

    file: Path
    sha256: str
    run_digest: str
    detectors: tuple[str, ...]
    cells: int


def submit(
    run: Path, out: Path, submitter: Submitter, detectors: Collection[str] = ()
) -> Submitted:
    """Write what others need to verify the results of a run into the one file `out`.

    detectors : names of those to submit; all by default

    The claimed tables are those of the run's report, computed again from the scores in the file.
    Raises `InputError` if the folder holds no run or no report, or if the results would not be
    verified; nothing is written then.
    """
    facts, fault = reported.stated(run)
    if facts is None and Store(run).read_head() is not None:
        raise InputError(
            f"{run} has no report to claim"
            f"{f' ({fault})' if fault else ''}: launderbench report {run}"
        )
    if out.is_dir():
        raise InputError(f"{out} is a folder: name the file to write")
    with tempfile.TemporaryDirectory(prefix="launderbench-submission-") as work:
        folder = Path(work) / run.resolve().name
        run_copy.copy(run, folder, detectors)
        head = Store(folder).require_head()
        if not head["detectors"]:
            raise InputError(f"{run} has no detector with scores to submit")
        digest = _claim(folder, run, facts or {}, [*head["detectors"]])
        version = metadata.version("launderbench")
        submission_card.write(folder, submission_card.of_run(head, digest, version, submitter))
        found = _verified(run, folder)
        submission_archive.write(out, folder)
    (sha256,) = hashed([out])
    return Submitted(out, sha256, digest, tuple(head["detectors"]), found.cells)


def _claim(folder: Path, run: Path, facts: dict[str, Any], names: Collection[str]) -> str:
    """Write the tables of a run with the choices of its report; return the run digest."""
    here = {"provenance": {"reported": json.loads(json.dumps(provenance.code(), sort_keys=True))}}
    again, cause = reported.again(folder, {**_chosen(facts, names), **here})
    if again is None:
        raise InputError(f"{run} cannot be submitted: {cause}")
    for name, text in writer.claims(again.results, again.tables, folder.name).items():
        atomic_files.write(folder / name, text)
    return again.tables.digest


def _chosen(facts: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return the choices of a report, without ensembles and a baseline of detectors left out."""
    choices = reported.as_dict(facts.get("choices"))
    ensembles = [
        text
        for text in map(str, choices.get("ensembles") or [])
        if set(fusion.parse_all([text])[0].members) <= set(names)
    ]
    baseline = choices.get("baseline")
    left = {"ensembles": ensembles, "baseline": baseline if baseline in names else ""}
    return {**facts, "choices": choices | left, "detectors": [*names]}


def _verified(run: Path, folder: Path) -> Verification:
    """Verify what is to be submitted; `InputError` names its first fault."""
    *_, found = verification.verify(folder, VerifyOptions(alone=True))
    assert isinstance(found, Verification)
    faults = [fault for step in found.steps for fault in step.faults]
    if faults:
        more = f" (and {len(faults) - 1} more: launderbench verify {run})" if faults[1:] else ""
        raise InputError(f"{run} cannot be submitted: {faults[0]}{more}")
    return found
