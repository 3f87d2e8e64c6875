"""The whole page: what every template is given."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup, escape

from attacks.contract.condition import CLEAN
from benchmark.leaderboard import Tables
from benchmark.page import board, evidence, facts, focus, robust, severity, systems
from benchmark.page.samples import Samples
from benchmark.palette import level, scale_css, series_class, series_css
from benchmark.results import RunResults
from benchmark.short_names import short_names
from benchmark.table_rows import bounded, records
from benchmark.templates import environment

LISTED = 200  # failures and incomplete cells shown; the CSV files hold all
LONG = 80  # rows beyond which a table is folded
SCALE_STEPS = (0, 10, 20, 30, 40, 50)  # per cent, marked on the colour scale


def render(results: RunResults, tables: Tables, samples: Samples | None = None) -> str:
    """One self-contained HTML file.

    The same tables, samples and provenance give the same bytes; without samples, what differs
    between two machines that hold the same scores stands in one element, `#machine`.
    """
    tracks = board.tracks(tables)
    names = [info.condition for info in results.conditions]
    speakers = _named(results.protocol.table["speaker"])
    shown = focus.focus(results, tables.conditions, [track.name for track in tracks])
    made = environment()
    made.filters |= {"spelled": _spelled, "series": series_class}
    return made.get_template("page/report.html").render(
        protocol=results.protocol,
        styles=Markup(scale_css() + "\n" + series_css()),
        scale=[(step, level(step / 100)) for step in SCALE_STEPS],
        tracks=tracks,
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
        severity={t.name: severity.charts(results, tables.conditions, t.name) for t in tracks},
        focus=shown,
        focused={"names": names, "tracks": {t: focus.data(shown[t]) for t in shown}},
        robust={t.name: robust.numbers(tables, t.rows) for t in tracks},
        systems={t.name: systems.tables(tables.breakdown, t.rows) for t in tracks},
        samples=samples or Samples(),
        checks=evidence.checks(results, tables),
        unverified=evidence.unverified(tables.conditions),
        failures=records(tables.failures.head(LISTED)),
        failure_count=len(tables.failures),
        incomplete=evidence.incomplete(tables.conditions),
        unreadable=len(results.unreadable),
        provenance=facts.provenance(results, tables),
        cited=facts.citations(results),
        listed=LISTED,
        long=LONG,
    )  # fmt: skip


def _spelled(condition: str) -> Markup:
    """A condition that may break into lines before its parameters, escaped."""
    return Markup(str(escape(condition)).replace("(", "(<wbr>"))


def _unbounded(tracks: list[board.Track]) -> str:
    """What to add where intervals are told of: the tracks that have none."""
    names = [track.name for track in tracks if not track.sure]
    return f" (none on {', '.join(names)})" if names else ""


def _named(speakers: pd.Series[str]) -> int:
    return int(speakers[speakers != "-"].nunique())
