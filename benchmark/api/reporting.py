"""The report of a run: tables, page and provenance, from stored scores alone."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from benchmark.api import reported
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.leaderboard.leaderboard_tables import Tables, tables
from benchmark.report import writer
from benchmark.report.html import Samples, samples_section
from benchmark.runs import provenance
from benchmark.runs.run_config import ReportConfig
from benchmark.scores import fusion, realisations, scope, scopes
from benchmark.scores.load_run import DAMAGED, collect


def write(
    folder: Path, report: ReportConfig, out: Path | None = None
) -> tuple[Tables, list[Path], list[str]]:
    """Write every table and page of the run in `folder`.

    out : another folder for them, if that of the run cannot be written to

    Of a report of `each` scope, that of `spoof` goes into a sub-folder. A report of one scope
    removes what an earlier one left there: its page would show other scores.

    Returns the tables, of scope `both` if there are two, the written files, and the damaged part
    files that were left out.
    """
    if out is None and not os.access(folder, os.W_OK) and folder.is_dir():
        raise InputError(f"{folder} is read-only: give another folder, report {folder} --out DIR")
    facts = provenance.code() | {"written": provenance.now()}
    # in the order of run.json, from which `verify` writes the same page again
    results = collect(folder, json.loads(json.dumps(facts, sort_keys=True)), report.strict)
    ensembles = fusion.parse_all(report.ensembles)
    results = fusion.add(results, ensembles)
    realised = realisations.read(folder, results, report.strict, ensembles)
    names = scopes.reported(report.scope)
    place, run = out or folder, folder.resolve().name
    made: list[tuple[Tables, dict[str, str]]] = []
    played = Samples()
    for name in names:  # all before any is written, so that no page leads nowhere for long
        shown = scope.of(results, name)
        others = [replace(one, results=scope.of(one.results, name)) for one in realised]
        found = tables(shown, report.resamples, report.costs, report.baseline, others)
        played = samples_section.collect(shown, found, report.voices, report.samples, played)
        texts = writer.texts(shown, found, run, played, paired=len(names) > 1)
        made.append((found, texts))
    first, *further = made
    written = [path for _, texts in further for path in writer.put(texts, place / scopes.BESIDE)]
    written = [*writer.put(first[1], place), *written]
    if not further:
        _remove(place / scopes.BESIDE, first[1])
    return first[0], written, results.provenance.get(DAMAGED, [])


def _remove(folder: Path, names: Collection[str]) -> None:
    """Remove the report in `folder`: the files of these names, and those that its run.json lists.

    Other files stay. Raises `InputError` if a file cannot be removed.
    """
    facts, _ = reported.stated(folder)
    listed = {*names, *reported.named(facts or {})}
    found = [folder / name for name in sorted(listed) if (folder / name).is_file()]
    if not found:
        return
    try:
        for path in found:
            path.unlink()
        if left := sorted(path.name for path in folder.iterdir()):
            logger.warning(f"{folder} keeps what no report wrote: {', '.join(left)}")
        else:
            folder.rmdir()
    except OSError as error:
        raise InputError(
            f"cannot remove {folder} ({error.strerror}), a report that this one replaces: delete it"
        ) from error
    logger.warning(
        f"removed the earlier report in {folder}, which this one replaces: --scope each writes both"
    )
