"""The first screen: what was found, why to trust it, and the files to take away."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from attacks.contract.condition import CLEAN
from benchmark.laundering.verification import State
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.ranks import NOT_BEATING, SHORTCUT
from benchmark.report import brackets, demo_data
from benchmark.report.html import seeds_section
from benchmark.report.rows import Row, bounded, records
from benchmark.scores.run_results import RunResults

TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".tex": "text/plain",
    ".bib": "text/plain",
}


MOST_CARRIED = 300_000  # characters of a file that the page carries


@dataclass(frozen=True)
class Download:
    """A file to take away: its label, name and URL, which holds its bytes if it is small."""

    label: str
    name: str
    url: str


@dataclass(frozen=True)
class Proof:
    """One reason to trust the page, or to doubt it, with the part of the page that proves it."""

    text: str
    anchor: str
    doubt: bool = False


def is_baseline(detector: str) -> bool:
    """Return whether a detector is there to be beaten: `shortcut`, and those that learn nothing.

    Detectors that this process does not know are none.
    """
    return detector == SHORTCUT or not seeds_section.learns(detector)


def findings(rows: list[Row]) -> Row:
    """Return the row with the lowest laundered EER, and that with the smallest loss.

    lowest   : the first ranked row that is no baseline, or None
    alike    : the detectors that are not told apart from it
    weak     : whether the shortcut classifier is as good as it on clean audio
    smallest : of the ranked detectors whose clean EER is below that of every baseline, and told
               apart from that of the shortcut classifier, the one with the smallest loss; None if
               there is none, or no baseline to beat
    beaten   : how many detectors beat the baselines
    """
    ranked = [row for row in rows if row["rank"] is not None and not is_baseline(row["detector"])]
    floor = [row["clean_eer"] for row in rows if is_baseline(row["detector"])]
    floor = [eer for eer in floor if eer is not None]
    beating = [row for row in ranked if floor and row["clean_eer"] < min(floor) and not _weak(row)]
    return {
        "lowest": ranked[0] if ranked else None,
        "alike": brackets.ties(ranked[0]) if ranked else [],
        "weak": bool(ranked) and _weak(ranked[0]),
        "smallest": min(beating, key=lambda row: row["eer_delta"], default=None),
        "beaten": len(beating),
        "baselines": [row["detector"] for row in rows if is_baseline(row["detector"])],
    }


def _weak(row: Row) -> bool:
    """Return whether a row is warned not to beat the shortcut classifier on clean audio."""
    return NOT_BEATING in (row["warnings"] or "").split("; ")


def proofs(results: RunResults, tables: Tables, first: Row) -> list[Proof]:
    """Return the strip of trust: verification, failures, speakers, seeds, intervals, kind of data.

    first : the first row of the headline's leaderboard
    """
    of = {row["condition"]: row["verdict"] for row in records(tables.conditions)}
    counts = Counter(State(verdict) for name, verdict in of.items() if name != CLEAN)
    rest = [f", {counts[s]} {s.text}" for s in State if s is not State.VERIFIED and counts[s]]
    failures = len(tables.failures)
    seeds, single = seeds_section.counted(tables)
    level = f"{100 * tables.choices['level']:g} %"
    resamples = tables.choices["resamples"]
    sure = bounded(tables.conditions)
    found = [
        Proof(
            f"{counts[State.VERIFIED]} of {counts.total()} conditions verified{''.join(rest)}",
            "verification",
            counts[State.REFUTED] > 0,
        ),
        Proof(f"{failures or 'no'} failure{'s' * (failures != 1)}", "failures", failures > 0),
        Proof(f"{first['n_clusters']} speakers", "reading", first["n_clusters"] <= 20),
        Proof(seeds, "provenance" if tables.seeds.empty else "seeds", single),
        Proof(
            f"{level} intervals, {resamples} resamples" if sure else "no intervals",
            "reading",
            not sure,
        ),
    ]
    if known := len(results.trained_on):
        who = "1 detector is" if known == 1 else f"{known} detectors are"
        found.append(Proof(f"{who} trained on this corpus", "conditions", True))
    if demo_data.is_demo(results.protocol.name):
        found.append(Proof(demo_data.MARK, "reading", True))
    return found


def download(label: str, name: str, text: str) -> Download:
    """Return a file that the page carries as a data URL; a large one is beside the page."""
    if len(text) > MOST_CARRIED:
        return Download(label, name, name)
    coded = base64.b64encode(text.encode()).decode()
    kind = TYPES[Path(name).suffix]
    return Download(label, name, f"data:{kind};charset=utf-8;base64,{coded}")
