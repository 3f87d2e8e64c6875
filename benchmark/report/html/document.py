"""The complete page: the values of all templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd
from markupsafe import Markup, escape

from attacks.contract.condition import CLEAN
from benchmark.inference import detector_size
from benchmark.leaderboard.ladders import ladders
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report.condition_labels import short_names
from benchmark.report.html import (
    adversary_section,
    breakdown_section,
    checks_section,
    contrast_section,
    differences_section,
    first_screen_section,
    frontier_section,
    grid_section,
    leaderboard_section,
    profile_curves_section,
    profile_section,
    provenance_section,
    robustness_section,
    scatter_section,
    seeds_section,
    severity_section,
)
from benchmark.report.html.samples_section import Samples
from benchmark.report.inputs_text import inputs_text
from benchmark.report.jinja import environment
from benchmark.report.palette import level, scale_css, series_class, series_css
from benchmark.report.rows import bounded, records
from benchmark.report.training_text import trained_here
from benchmark.scores.run_results import ConditionInfo, RunResults
from benchmark.scores.scopes import READER, SCOPES, other

PAGE = "leaderboard.html"
LISTED = 200  # failures and incomplete cells shown; the CSV files hold all
LONG = 80  # tables with more rows are folded
SCALE_STEPS = (0, 10, 20, 30, 40, 50)  # per cent, labels of the colour scale


def render(
    results: RunResults,
    tables: Tables,
    samples: Samples | None = None,
    downloads: Mapping[str, str] | None = None,
    paired: bool = False,
) -> str:
    """Return one self-contained HTML page.

    downloads : texts of files that the page carries
    paired    : whether the other scope has a page too, to which this one leads

    Equal tables, samples and provenance give equal bytes. Without samples, the differences between
    two machines with the same scores are confined to one element, `#machine`, and to the run digest
    in the citation, which covers the machines.
    """
    tracks = leaderboard_section.tracks(tables, results.detectors)
    names = [info.condition for info in results.conditions]
    speakers = _named(results.protocol.table["speaker"])
    shown = contrast_section.focus(results, tables, [track.name for track in tracks])
    templates = environment()
    spelled = partial(_spelled, _caveats(results.conditions))
    templates.filters |= {"spelled": spelled, "series": series_class, "named": _named_short}
    templates.filters |= {"size": detector_size.in_words}
    systems = {
        track.name: breakdown_section.tables(tables.breakdown, tables.conditions, track.rows)
        for track in tracks
    }
    grids = {t.name: grid_section.grids(tables, t.rows) for t in tracks}
    cited = provenance_section.citations(results, tables.digest)
    differences = {t.name: differences_section.pairs(tables, t.rows) for t in tracks}
    realised = {t.name: seeds_section.realised(tables, t.name) for t in tracks}
    return templates.get_template("html/report.html").render(
        protocol=results.protocol,
        styles=Markup(scale_css() + "\n" + series_css()),
        scale=[(step, level(step / 100)) for step in SCALE_STEPS],
        tracks=tracks,
        trained=trained_here(results),
        found=first_screen_section.findings(tracks[0].rows),
        proofs=first_screen_section.proofs(results, tables, tracks[0].first),
        downloads=_downloads(cited[0], downloads or {}),
        scatter={t.name: scatter_section.charts(t.rows, results.detectors) for t in tracks},
        differences=differences,
        realised=realised,
        profiles={
            t.name: profile_section.profiles(results, t.rows, systems[t.name]) for t in tracks
        },
        profile_curves={
            t.name: profile_curves_section.curves(results, tables.conditions, t.name)
            for t in tracks
        },
        evidence=_evidence(*(any(p.values()) for p in (differences, realised, grids, systems))),
        short=short_names(results.conditions),
        resamples=tables.choices["resamples"],
        bounded=bounded(tables.conditions),
        unbounded=_unbounded(tracks),
        laundered=sum(info.condition != CLEAN for info in results.conditions),
        trials=len(results.protocol.table),
        speakers=speakers,
        cluster_noun="voices" if speakers else "sources",
        detectors=results.detectors,
        series={t.name: [(results.detectors.index(d), d) for d in t.detectors] for t in tracks},
        severity={
            track.name: severity_section.charts(results, tables.conditions, track.name)
            for track in tracks
        },
        focus=shown,
        focused={
            "names": names,
            "detectors": list(results.detectors),
            "baselines": [row["detector"] for row in tracks[0].rows if row["baseline"]],
            "tracks": {t: contrast_section.data(shown[t]) for t in shown},
        },
        adversary={t.name: adversary_section.numbers(tables, t.rows) for t in tracks},
        scope=results.scope,
        scope_text=SCOPES[results.scope],
        scopes=_scopes(results.scope) if paired else [],
        frontier=frontier_section.frontier(tables, results.detectors, tracks[0].rows),
        grids=grids,
        robust={t.name: robustness_section.numbers(tables, t.rows) for t in tracks},
        systems=systems,
        samples=samples or Samples(),
        checks=checks_section.checks(results, tables),
        doubted=[info for info in results.conditions if info.doubt],
        uncounted=checks_section.uncounted(tables.conditions),
        failures=records(tables.failures.head(LISTED)),
        failure_count=len(tables.failures),
        incomplete=checks_section.incomplete(tables.conditions),
        unreadable=len(results.unreadable),
        strict=bool(results.strict),
        inputs=inputs_text(tables.inputs) if len(tables.inputs) else "",
        odd_inputs=records(tables.inputs.head(LISTED)),
        provenance=provenance_section.provenance(results, tables),
        cited=cited,
        listed=LISTED,
        long=LONG,
    )  # fmt: skip


def _evidence(
    differences: bool, realised: bool, grids: bool, systems: bool
) -> list[tuple[str, str, str]]:
    """Return template, title and content of the folded parts of the page."""
    parts = [
        ("profiles", "Detector by detector", "scores, decisions, families, training", True),
        ("differences", "Which of two is better", "paired differences", differences),
        ("seeds", "Trainings and draws", "means and spread over seeds", realised),
        ("robustness", "Robustness in numbers", "degradation, area, costs", True),
        ("adversary", "What the fakes get away with", "frozen thresholds", True),
        ("curves", "At every threshold", "ROC, DET, precision and recall", True),
        ("grid", "Tables of published studies", "by row and column", grids),
        ("breakdown", "Who made the fake", "spoof systems and other slices", systems),
        ("verification", "Did the attacks do what they say?", "claims and measurements", True),
        ("failures", "Failures and coverage", "what was not scored", True),
        ("about", "How to read this", "measures, intervals, ranks", True),
        ("cite", "How to cite", "BibTeX", True),
        ("provenance", "Provenance", "data, code, weights, machines", True),
    ]
    return [part[:3] for part in parts if part[3]]


def _scopes(shown: str) -> list[tuple[str, str, str]]:
    """Return the name, the meaning and the page of every scope; '' for the page of `shown`."""
    name, folder = other(shown)
    pages = {name: f"{folder}/{PAGE}"}
    return [(READER[each], about, pages.get(each, "")) for each, about in SCOPES.items()]


def _downloads(bibtex: str, written: Mapping[str, str]) -> list[first_screen_section.Download]:
    """Return the files that the page carries; those that are not `written` are left out."""
    named = {"CSV": "leaderboard.csv", "JSON": "leaderboard.json", "LaTeX": "leaderboard.tex"}
    found = [
        first_screen_section.download(label, name, written[name])
        for label, name in named.items()
        if name in written
    ]
    return [*found, first_screen_section.download("BibTeX", "launderbench.bib", bibtex)]


def _named_short(condition: str, short: Mapping[str, str]) -> Markup:
    """Return the escaped short name of a condition; a line may break before a step of a chain."""
    return Markup(str(escape(short[condition])).replace(" | ", " |<wbr> "))


def _caveats(conditions: Sequence[ConditionInfo]) -> dict[str, str]:
    """Return the caveat of each condition, and of each ladder, that has one, by spelling."""
    known = {info.condition: info.caveat for info in conditions if info.caveat}
    rows = {row.name: known.get(row.conditions[0], "") for row in ladders(tuple(conditions))}
    return known | {name: caveat for name, caveat in rows.items() if caveat}


def _spelled(caveats: Mapping[str, str], condition: str) -> Markup:
    """Return the escaped spelling of a condition or ladder, and its caveat.

    A line break is allowed before parameters.
    """
    shown = Markup(str(escape(condition)).replace("(", "(<wbr>"))
    caveat = caveats.get(condition)
    return shown + Markup(' <span class="flag soft">{}</span>').format(caveat) if caveat else shown


def _unbounded(tracks: list[leaderboard_section.Track]) -> str:
    """Return a remark that lists the tracks without intervals, or ''."""
    names = [track.name for track in tracks if not track.sure]
    return f" (none on {', '.join(names)})" if names else ""


def _named(speakers: pd.Series[str]) -> int:
    return int(speakers[speakers != "-"].nunique())
