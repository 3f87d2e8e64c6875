"""Writer of a run's report: tables, HTML page and provenance.

The CSV files depend only on the scores and are byte-identical for equal scores. Numbers have six
significant digits. Times and machine facts are only in `run.json` and in the provenance section of
the HTML page.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.core import atomic_files, spreadsheet
from benchmark.core.progress import each
from benchmark.leaderboard import leaderboard_tables, schema, trial_sets
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import html, json_tables, markdown
from benchmark.report.html import Samples
from benchmark.report.html.provenance_section import writing_version
from benchmark.report.latex import grid_tables, latex_tables
from benchmark.report.rows import records
from benchmark.scores import scopes
from benchmark.scores.run_results import RunResults

DIGITS = 6
PAGE = html.PAGE
OTHER_SCOPE = "other_scope"  # in run.json, where the other scope is reported too
SAMPLES = ("<!-- samples begin -->\n", "<!-- samples end -->\n")  # as in report.html


def write(
    results: RunResults,
    folder: Path,
    tables: Tables | None = None,
    samples: Samples | None = None,
    run: str = "",
) -> list[Path]:
    """Write all report files to `folder` (created if absent) and return their paths.

    tables  : computed here if not given
    samples : the audio samples of the page
    run     : the name of the run; '' = that of `folder`

    Files are replaced atomically.
    """
    found = tables if tables is not None else leaderboard_tables.tables(results)
    return put(texts(results, found, run or folder.resolve().name, samples), folder)


def put(made: Mapping[str, str], folder: Path) -> list[Path]:
    """Write the files of a report to `folder` (created if absent) and return their paths."""
    return [atomic_files.write(folder / name, text) for name, text in made.items()]


def texts(
    results: RunResults,
    found: Tables,
    run: str,
    samples: Samples | None = None,
    finish: Callable[[str], str] = str,
    paired: bool = False,
) -> dict[str, str]:
    """Return the content of every report file by its name.

    run     : the name of the run folder
    samples : the audio samples of the page, which also carries some of the other files
    finish  : from the page as rendered to the page as written
    paired  : whether the other scope is reported too, in the folder that `scopes.other` names
    """
    made: dict[str, str] = {}
    version = writing_version(results.provenance)
    makers = _tables(found) | {  # in this order: the page carries files, and run.json digests all
        "leaderboard.tex": lambda: latex_tables.leaderboard(results, found, version, run),
        "conditions.tex": lambda: latex_tables.conditions(results, found, version, run),
        "grid.tex": lambda: grid_tables.document(results, found, version, run),
        "leaderboard.md": lambda: markdown.document(results, found, version),
        "leaderboard.json": lambda: json_tables.document(results, found, version),
        PAGE: lambda: finish(html.render(results, found, samples, made, paired)),
        "run.json": lambda: _run_json(results, found, made, run, paired),
    }
    for name, make in each([*makers.items()], "writing the report", "file"):
        if text := make():  # a run without published grids has no grid.tex
            made[name] = text
    return made


def claims(results: RunResults, found: Tables, run: str) -> dict[str, str]:
    """Return the files that a submission holds of a report: its tables and run.json, by name.

    run : the name of the run folder
    """
    made = {name: make() for name, make in _tables(found).items()}
    return made | {"run.json": _run_json(results, found, made, run, paired=False)}


def _tables(found: Tables) -> dict[str, Callable[[], str]]:
    """Return what writes each table as CSV, by the name of its file."""
    tables = {
        "leaderboard": found.leaderboard,
        "tracks": found.tracks,
        "conditions": leaderboard_tables.condition_summary(found.conditions),
        "conditions_full": found.conditions,
        "robustness": found.robustness,
        "severity": found.severity,
        "differences": found.differences,
        "breakdown": found.breakdown,
        "seeds": found.seeds,
        "grid": found.grid,
        "effects": leaderboard_tables.effects(found),
        "failures": found.failures,
        "inputs": found.inputs,
        **(
            {"quality": found.quality, "quality_budget": found.quality_budget}
            if len(found.quality)
            else {}
        ),
    }
    return {
        f"{name}.csv": partial(csv_text, schema.versioned(table)) for name, table in tables.items()
    }


def samples_section(page: str) -> str | None:
    """Return the part of a page that shows samples; None if its marks are not there once each."""
    if page.count(SAMPLES[0]) != 1 or page.count(SAMPLES[1]) != 1:
        return None
    start, stop = (page.index(mark) for mark in SAMPLES)
    return page[start + len(SAMPLES[0]) : stop] if start < stop else None


def csv_text(table: pd.DataFrame) -> str:
    """Return the table as CSV: fixed digits, empty if undefined, no cell that is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.itertuples(index=False, name=None):
        writer.writerow([cell(value) for value in row])
    return out.getvalue()


def cell(value: object) -> str:
    """Format one CSV cell; text that a spreadsheet would run as a formula gets an apostrophe.

    >>> cell(0.1234567), cell(float("nan")), cell(True), cell("=1+1"), cell("-")
    ('0.123457', '', 'true', "'=1+1", '-')
    """
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else f"{float(value) + 0.0:.{DIGITS}g}"
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")  # a bare \r would not be quoted
    return spreadsheet.guarded(text)


def _run_json(
    results: RunResults, tables: Tables, texts: dict[str, str], run: str, paired: bool
) -> str:
    """Return the provenance, the digests of run, trials and files, and the plan as JSON text."""
    protocol = results.protocol
    planned = results.provenance.get("plan", {}).get("detectors", results.detectors)
    digests = {n: hashlib.sha256(text.encode()).hexdigest() for n, text in texts.items()}
    samples = samples_section(texts.get(PAGE, ""))
    facts = {
        "schema": schema.VERSION,
        "provenance": results.provenance,
        "protocol": {
            "name": protocol.name,
            "version": protocol.version,
            "headline": protocol.headline,
            "trial_digest": protocol.digest(),
            "track_trial_digests": {
                str(row["track"] or trial_sets.WHOLE): row["trial_digest"]
                for table in (tables.leaderboard, tables.tracks)
                for row in records(table)
            },
            "dev_trial_digest": results.dev.digest(),
            "audio_digest": protocol.audio_digest,
            "systems_left_out": list(protocol.systems_left_out),
        },
        "detectors": list(results.detectors),
        "conditions": [info.condition for info in results.conditions],
        "choices": tables.choices
        | {"ensembles": [name for name in results.detectors if name not in planned]},
        "run": run,
        "run_digest": tables.digest or None,
        "realisations": tables.realisations,
        "tables_sha256": {n: text for n, text in digests.items() if n.endswith(".csv")},
        "files_sha256": {n: text for n, text in digests.items() if not n.endswith(".csv")},
        "samples_sha256": hashlib.sha256((samples or "").encode()).hexdigest(),
    }
    if paired:
        name, place = scopes.other(results.scope)
        facts[OTHER_SCOPE] = {"scope": name, "page": f"{place}/{PAGE}"}
    return json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
