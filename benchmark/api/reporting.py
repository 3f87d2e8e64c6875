"""The report of a run: tables, page and provenance, from stored scores alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.leaderboard.leaderboard_tables import Tables, tables
from benchmark.report import writer
from benchmark.report.html import samples_section
from benchmark.runs import provenance
from benchmark.runs.run_config import ReportConfig
from benchmark.scores import fusion, realisations, scope
from benchmark.scores.load_run import DAMAGED, collect


def write(
    folder: Path, report: ReportConfig, out: Path | None = None
) -> tuple[Tables, list[Path], list[str]]:
    """Write every table and page of the run in `folder`.

    out : another folder for them, if that of the run cannot be written to

    Returns the tables, the written files, and the damaged part files that were left out.
    """
    if out is None and not os.access(folder, os.W_OK) and folder.is_dir():
        raise InputError(f"{folder} is read-only: give another folder, report {folder} --out DIR")
    facts = provenance.code() | {"written": provenance.now()}
    # in the order of run.json, from which `verify` writes the same page again
    results = collect(folder, json.loads(json.dumps(facts, sort_keys=True)), report.strict)
    ensembles = fusion.parse_all(report.ensembles)
    results = scope.of(fusion.add(results, ensembles), report.scope)
    others = realisations.read(folder, results, report.strict, ensembles)
    made = tables(results, report.resamples, report.costs, report.baseline, others)
    played = samples_section.collect(results, made, report.voices, report.samples)
    written = writer.write(results, out or folder, made, played, folder.resolve().name)
    return made, written, results.provenance.get(DAMAGED, [])
