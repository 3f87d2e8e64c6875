"""Comparison of our cells with published figures, with the differences of definition listed.

Equality is not tested: the published figures have no intervals, and the measured quantities differ.
What is said instead is whether both agree on the order of conditions, or of systems, and on the
size of the changes (`agreement`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from attacks.contract.condition import CLEAN, parse, split_steps
from benchmark.core.errors import InputError, unknown
from benchmark.leaderboard import agreement, trial_sets
from benchmark.leaderboard.agreement import Figure
from benchmark.leaderboard.compare_runs import INCOMPLETE, measure, unverified
from benchmark.leaderboard.detector_cells import Cell, DetectorCells, interval
from benchmark.leaderboard.pooled_eer import pooled_eer
from benchmark.leaderboard.published_tables import COLUMNS, JOINED, KEYS, PublishedTable
from benchmark.leaderboard.rows.columns import Interval
from benchmark.leaderboard.rows.comparison_rows import AgreementRow, PublishedRow
from benchmark.leaderboard.schema import frame
from benchmark.leaderboard.trial_sets import TrialSet
from benchmark.metrics import bootstrap
from benchmark.scores import score_matrix
from benchmark.scores.run_results import RunResults

Pair = tuple[Mapping[str, str], str, str]  # a published row, a column, our condition or a pool


@dataclass(frozen=True)
class PublishedComparison:
    """Our cells next to the figures of a published table.

    table : one row per detector and pair of conditions: `eer` with bounds, `published`, the
            `difference` ours - published (shares), the numbers of the `differences` that apply,
            and in `remark` the defects of our cell
    agreement : Kendall's tau and the slope, over conditions and over systems
    differences : the texts that the numbers (from 1) refer to
    only  : detectors and conditions without a counterpart, on either side
    notes : the trials of the published figures and of this run
    """

    table: pd.DataFrame
    agreement: pd.DataFrame
    differences: tuple[str, ...]
    only: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


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
        if ours.issuperset(_members(spelled))
    ]
    if not pairs:
        raise InputError(f"no condition of the run has a counterpart in {published.name}")
    track = (results.protocol.tracks() or [trial_sets.WHOLE])[0]
    trials = trial_sets.trial_set(results.protocol, track, resamples)
    members = (name for _, _, spelled in pairs for name in _members(spelled))
    wanted = list(dict.fromkeys([CLEAN, *members]))
    found: list[tuple[PublishedRow, tuple[int, ...]]] = []
    figures: list[Figure] = []
    (measured,) = measure(results, [trials], list(systems), wanted)
    for cells in measured:
        for pair in pairs:
            made = _Comparison(results, trials, published, cells, systems[cells.detector], pair)
            found.append((made.row(), made.differences()))
            figures += made.figure()
    used = sorted({number for _, numbers in found for number in numbers})
    order = {number: place for place, number in enumerate(used, start=1)}
    rows = [
        replace(row, differences=" ".join(str(order[n]) for n in numbers) or None)
        for row, numbers in found
    ]
    return PublishedComparison(
        frame(PublishedRow, rows),
        frame(AgreementRow, agreement.rows(figures)),
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
        spelled = JOINED.join(str(parse(part)) for part in _members(row[column]))
        if spelled not in found.values():
            found[column] = spelled
    return found


def _members(spelled: str) -> list[str]:
    """Return the conditions that are pooled, each as often as it counts; a single one alone."""
    return [part.strip() for part in split_steps(spelled, ";")]


@dataclass(frozen=True)
class _Comparison:
    """One detector beside one published figure."""

    results: RunResults
    trials: TrialSet
    published: PublishedTable
    cells: DetectorCells
    system: str
    pair: Pair

    @property
    def figure_published(self) -> float:
        return float(self.pair[0][self.system]) / 100

    @property
    def members(self) -> list[Cell]:
        """The cells of the condition, or of those that are pooled, each as often as it counts."""
        by_condition = {cell.condition: cell for cell in self.cells.cells}
        return [by_condition[name] for name in _members(self.pair[2])]

    @cached_property
    def eer(self) -> Interval:
        first, *others = self.members
        if not others:
            return interval(first.eer, first.replicates("eer"))
        names = [cell.condition for cell in self.members]
        return pooled_eer(self.results, self.trials, self.cells.detector, names)

    def row(self) -> PublishedRow:
        attack, level = (self.pair[0][key] for key in KEYS)
        heads = [cell.row.head for cell in self.members]
        remarks = [] if all(head.complete for head in heads) else [INCOMPLETE]
        states = {head.verdict: None for head in heads if head.verified is False}
        remarks += [unverified(state) for state in states]
        return PublishedRow(
            detector=self.cells.detector,
            system=self.system,
            condition=self.pair[2],
            attack=attack,
            level=level,
            eer=self.eer,
            published=self.figure_published,
            difference=self.eer.value - self.figure_published,
            differences=None,
            remark=", ".join(remarks) or None,
        )

    def differences(self) -> tuple[int, ...]:
        """Return the indices of the differences of definition that apply."""
        row, column, _ = self.pair
        return tuple(
            number
            for number, difference in enumerate(self.published.differences)
            if difference.holds(row["attack"], row["level"], column, self.system)
        )

    def figure(self) -> list[Figure]:
        """Return the figure for the agreement; none if a cell counts nowhere."""
        row, column, spelled = self.pair
        if not all(cell.on_curve for cell in self.members):
            return []
        level = f"{row['attack']} {row['level']}"
        rates = self.eer.value, self.figure_published
        return [Figure(self.cells.detector, self.system, level, column, spelled, *rates)]


def _only(
    results: RunResults, published: PublishedTable, systems: Mapping[str, str], pairs: list[Pair]
) -> dict[str, tuple[str, ...]]:
    used = {name for _, _, spelled in pairs for name in _members(spelled)}
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
