"""Boards: one leaderboard out of verified submissions over equal trials, as a run folder."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmark.api import reporting, submission_check
from benchmark.api.submission_check import CheckOptions, SubmissionCheck
from benchmark.core import atomic_files
from benchmark.core.checks import require_new
from benchmark.core.errors import InputError
from benchmark.exchange.submission_card import TRAINED_ON
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import writer
from benchmark.runs import merging, run_copy
from benchmark.runs.run_config import ReportConfig
from benchmark.scores import plan_files
from benchmark.scores.store import Store

TABLE = "submissions.csv"
COLUMNS = (
    "detector", "submission", "submitter", "note", "trained_on", "overlap", "imported", "identity",
    "run_digest", "sha256", "launderbench",
)  # fmt: skip


@dataclass(frozen=True)
class Board:
    """A board: its run folder, its tables and the files of its report."""

    folder: Path
    tables: Tables
    written: tuple[Path, ...]


def board(files: Sequence[Path], out: Path, report: ReportConfig) -> Board:
    """Verify submissions and write one leaderboard of them into the new folder `out`.

    The folder is a run folder, which `launderbench verify` derives again. Detectors of one name
    that are not the same are called `NAME.SUBMISSION`, after the file. Raises `InputError` naming
    the first submission that is not verified, or the first thing in which two disagree; nothing
    is left behind then.
    """
    if not files:
        raise InputError("name at least one submission")
    require_new(out, "write a board into a new folder")
    labels = _labels(files)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as place:
        work = Path(place)
        try:
            found = {label: _checked(file, work / label) for label, file in labels.items()}
            names = _set_apart(found)
            made = _merged([work / label for label in labels], work / ".board" / out.name)
        except InputError as error:
            raise InputError(str(error).replace(f"{work}/", "")) from error
        table = pd.DataFrame([*_rows(found, names)], columns=list(COLUMNS))
        atomic_files.write(made / TABLE, writer.csv_text(table.sort_values(list(COLUMNS[:2]))))
        tables, written, damaged = reporting.write(made, report)
        if damaged:
            raise InputError(f"{damaged[0]} was damaged while the board was made: try again")
        if out.is_dir():
            out.rmdir()
        made.rename(out)
    return Board(out, tables, (*(out / path.name for path in written), out / TABLE))


def _labels(files: Sequence[Path]) -> dict[str, Path]:
    """Return the files by their names without ending, which tell detectors apart."""
    labels: dict[str, Path] = {}
    for file in files:
        label = re.sub(r"[^A-Za-z0-9_+-]+", "-", file.stem).strip("-") or "submission"
        if label in labels:
            raise InputError(
                f"{file} and {labels[label]} would both be called {label}: rename one of them"
            )
        labels[label] = file
    return labels


def _checked(file: Path, folder: Path) -> SubmissionCheck:
    """Unpack and verify a submission; `InputError` names its first fault."""
    *_, found = submission_check.check(file, folder, CheckOptions())
    assert isinstance(found, SubmissionCheck)
    if faults := found.faults:
        more = f" (and {len(faults) - 1} more: launderbench verify-submission {file})"
        raise InputError(f"{file} is not verified: {faults[0]}{more if faults[1:] else ''}")
    return found


def _set_apart(found: Mapping[str, SubmissionCheck]) -> dict[tuple[str, str], str]:
    """Rename detectors that share a name but not an identity.

    Returns the name on the board of each detector, by submission and own name. Raises `InputError`
    for one detector under two names.
    """
    identities: dict[str, set[str]] = {}
    for check in found.values():
        for name, facts in check.card["detectors"].items():
            identities.setdefault(name, set()).add(facts["identity"])
    names: dict[tuple[str, str], str] = {}
    owners: dict[str, tuple[str, str]] = {}
    for label, check in found.items():
        for name, facts in check.card["detectors"].items():
            shown = f"{name}.{label}" if len(identities[name]) > 1 else name
            first, own = owners.setdefault(facts["identity"], (label, name))
            if own != name:
                raise InputError(
                    f"{name} of {label} is the detector that {first} calls {own}: one of them must"
                    " take the other name"
                )
            if shown != name and shown in identities:
                raise InputError(f"two detectors would be called {shown}: rename {label}")
            names[label, name] = shown
            if shown != name:
                _rename(check.folder, name, shown)
    return names


def _rename(folder: Path, name: str, shown: str) -> None:
    """Give a detector another name; the columns of its scores are found by its identity."""
    store = Store(folder)
    head = store.require_head()
    store.write_detector(head, shown, head["detectors"][name])
    plan_files.detector_path(folder, name).unlink()


def _merged(folders: Sequence[Path], out: Path) -> Path:
    """Join unpacked submissions in a new run folder; `InputError` names what disagrees."""
    out.parent.mkdir()
    if len(folders) == 1:
        run_copy.copy(folders[0], out)
    else:
        merging.merge(folders, out)
    return out


def _rows(
    found: Mapping[str, SubmissionCheck], names: Mapping[tuple[str, str], str]
) -> Iterator[tuple[object, ...]]:
    """Yield one row of `COLUMNS` per detector of each submission."""
    for label, check in found.items():
        for name, facts in check.card["detectors"].items():
            yield (
                names[label, name], check.file.name, check.card["submitter"], check.card["note"],
                "; ".join(facts[TRAINED_ON]), "; ".join(check.overlap.get(name, [])),
                facts["imported"], facts["identity"], check.run_digest, check.sha256,
                check.card["launderbench"],
            )  # fmt: skip
