"""Comparison of our cells with published figures, with the differences of definition listed.

A published table consists of two files in `published/`. NAME.csv holds attack, level, our
corresponding conditions, and the EER of every system in per cent. NAME.toml holds the source, the
matching detectors and the differences of definition. Equality is not tested: the published figures
have no intervals, and the measured quantities differ.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from attacks.contract.condition import CLEAN, parse
from benchmark.core.errors import InputError, unknown
from benchmark.leaderboard import trial_sets
from benchmark.leaderboard.compare_runs import INCOMPLETE, measure, unverified
from benchmark.leaderboard.detector_cells import Cell, interval
from benchmark.leaderboard.rows import PublishedRow
from benchmark.leaderboard.schema import frame
from benchmark.leaderboard.trial_sets import TrialSet
from benchmark.metrics import bootstrap
from benchmark.scores import score_matrix
from benchmark.scores.run_results import RunResults

FOLDER = Path(__file__).with_name("published")
COLUMNS = ("condition", "as_published", "ready_made")  # ever closer; the last is the same audio
KEYS = ("attack", "level")


@dataclass(frozen=True)
class DefinitionDifference:
    """One difference of definition between published figures and ours, and where it applies.

    An empty tuple means all values.
    """

    text: str
    attacks: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()

    def holds(self, attack: str, level: str, column: str, system: str) -> bool:
        """Check whether it applies to this figure and our condition in this column."""
        pairs = (
            (self.attacks, attack),
            (self.levels, level),
            (self.columns, column),
            (self.systems, system),
        )
        return all(not known or value in known for known, value in pairs)


@dataclass(frozen=True)
class PublishedTable:
    """One published table; `rows` are those of its CSV file, `detectors` maps ours to systems."""

    name: str
    title: str
    citation: str
    source: str
    data: str
    trials: str
    detectors: Mapping[str, str]
    differences: tuple[DefinitionDifference, ...]
    rows: tuple[Mapping[str, str], ...]

    @property
    def systems(self) -> list[str]:
        """The published systems, in the order of the table."""
        return [name for name in self.rows[0] if name not in (*KEYS, *COLUMNS)]


@dataclass(frozen=True)
class PublishedComparison:
    """Our cells next to the figures of a published table.

    table : one row per detector and pair of conditions: `eer` with bounds, `published`, the
            `difference` ours - published (shares), the numbers of the `differences` that apply,
            and in `remark` the defects of our cell
    differences : the texts that the numbers (from 1) refer to
    only  : detectors and conditions without a counterpart, on either side
    notes : the trials of the published figures and of this run
    """

    table: pd.DataFrame
    differences: tuple[str, ...]
    only: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


def names() -> list[str]:
    """Return the names of the available published tables, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> PublishedTable:
    """Load a published table by name; `InputError` suggests similar names if it is unknown."""
    if name not in names():
        raise unknown("published table", name, names())
    facts = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = tuple(csv.DictReader(file))
    lists = ("attacks", "levels", "columns", "systems")
    differences = tuple(
        DefinitionDifference(item["text"], **{key: tuple(item.get(key, ())) for key in lists})
        for item in facts.pop("differences")
    )
    return PublishedTable(name=name, differences=differences, rows=rows, **facts)


def compare_published(
    results: RunResults,
    published: PublishedTable,
    match: Mapping[str, str] | None = None,
    resamples: int = bootstrap.RESAMPLES,
) -> PublishedComparison:
    """Compare the cells of the run's headline track with the published figures.

    `match` maps further detectors of the run to systems. Raises `InputError` if one of them is
    unknown, or if no detector or no condition has a counterpart.
    """
    score_matrix.check(results)
    systems = _matched(results, published, match or {})
    ours = {info.condition for info in results.conditions}
    pairs = [
        (row, column, spelled)
        for row in published.rows
        for column, spelled in _spelled(row).items()
        if spelled in ours
    ]
    if not pairs:
        raise InputError(f"no condition of the run has a counterpart in {published.name}")
    track = (results.protocol.tracks() or [trial_sets.WHOLE])[0]
    trials = trial_sets.trial_set(results.protocol, track, resamples)
    wanted = list(dict.fromkeys([CLEAN, *(spelled for _, _, spelled in pairs)]))
    found: list[tuple[PublishedRow, tuple[int, ...]]] = []
    (measured,) = measure(results, [trials], list(systems), wanted)
    for cells in measured:
        by_condition = {cell.condition: cell for cell in cells.cells}
        system = systems[cells.detector]
        for row, column, spelled in pairs:
            found.append(_row(by_condition[spelled], published, system, row, column))
    used = sorted({number for _, numbers in found for number in numbers})
    order = {number: place for place, number in enumerate(used, start=1)}
    rows = [
        replace(row, differences=" ".join(str(order[n]) for n in numbers) or None)
        for row, numbers in found
    ]
    return PublishedComparison(
        frame(PublishedRow, rows),
        tuple(published.differences[number].text for number in used),
        _only(results, published, systems, pairs),
        _notes(results, published, trials),
    )


def _matched(
    results: RunResults, published: PublishedTable, match: Mapping[str, str]
) -> dict[str, str]:
    for name, system in match.items():
        if name not in results.detectors:
            raise unknown("detector of the run", name, results.detectors)
        if system not in published.systems:
            raise unknown(f"system of {published.name}", system, published.systems)
    plan = results.provenance.get("plan", {}).get("detectors", {})
    found = {}
    for name in results.detectors:
        kind = plan.get(name, {}).get("training", {}).get("detector", name)
        known = published.detectors
        if counterpart := match.get(name) or known.get(name) or known.get(kind):
            found[name] = counterpart
    if not found:
        raise InputError(
            f"no detector of the run ({', '.join(results.detectors)}) has a counterpart in"
            f" {published.name} ({', '.join(published.systems)}): name one with --match NAME=SYSTEM"
        )
    return found


def _spelled(row: Mapping[str, str]) -> dict[str, str]:
    """Return the canonical spelling of our conditions for a published row, each once."""
    found: dict[str, str] = {}
    for column in COLUMNS:
        spelled = str(parse(row[column]))
        if spelled not in found.values():
            found[column] = spelled
    return found


def _row(
    cell: Cell, published: PublishedTable, system: str, row: Mapping[str, str], column: str
) -> tuple[PublishedRow, tuple[int, ...]]:
    """Return a row and the indices of the differences of definition that apply to it."""
    attack, level = (row[key] for key in KEYS)
    figure = float(row[system]) / 100
    head = cell.row.head
    remarks = [] if head.complete else [INCOMPLETE]
    remarks += [unverified(head.verdict)] if head.verified is False else []
    made = PublishedRow(
        detector=head.detector,
        system=system,
        condition=head.condition,
        attack=attack,
        level=level,
        eer=interval(cell.eer, cell.replicates("eer")),
        published=figure,
        difference=cell.eer - figure,
        differences=None,
        remark=", ".join(remarks) or None,
    )
    applying = (
        number
        for number, difference in enumerate(published.differences)
        if difference.holds(attack, level, column, system)
    )
    return made, tuple(applying)


def _only(
    results: RunResults, published: PublishedTable, systems: Mapping[str, str], pairs: list[Any]
) -> dict[str, tuple[str, ...]]:
    used = {spelled for _, _, spelled in pairs}
    rows = [id(row) for row, _, _ in pairs]
    return {
        "detectors of the run only": tuple(n for n in results.detectors if n not in systems),
        "published systems only": tuple(n for n in published.systems if n not in systems.values()),
        "conditions of the run only": tuple(
            info.condition for info in results.conditions if info.condition not in used
        ),
        "published conditions only": tuple(
            f"{row['attack']} {row['level']}" for row in published.rows if id(row) not in rows
        ),
    }


def _notes(results: RunResults, published: PublishedTable, trials: TrialSet) -> tuple[str, ...]:
    protocol = results.protocol
    track = "" if trials.track == trial_sets.WHOLE else f", track {trials.track}"
    notes = [
        f"Published: {published.source}.",
        f"The published figures are of {published.trials}.",
        f"This run is of {protocol.name}{track}: {len(trials.rows)} trials, digest"
        f" {trials.digest}.",
        "The figures are shown side by side; none is claimed to equal another.",
    ]
    if protocol.name not in (published.data, published.name):
        notes.insert(3, "These are other data: only the order of conditions can be compared.")
    return tuple(notes)
