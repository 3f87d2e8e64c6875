"""The command `export-scores`: write a run's scores as ASVspoof does, or as CSV."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli.arguments import Command, run_argument
from benchmark.core.errors import InputError, unknown


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "export-scores", "write a run's scores as ASVspoof does, or as CSV", export_scores
    )
    run_argument(sub)
    sub.add_argument("--detector", required=True, metavar="NAME")
    sub.add_argument("--condition", default="", metavar="COND", help="one condition (default: all)")
    sub.add_argument(
        "--split", default="", choices=("test", "dev"), help="one split (default: both)"
    )
    sub.add_argument("--format", default="csv", choices=("asvspoof2021", "asvspoof5", "csv"))
    sub.add_argument("--out", type=Path, required=True, metavar="FILE")


def export_scores(options: Namespace) -> int:
    """Write the scores of one detector of a run."""
    import pandas as pd

    from attacks.contract.condition import parse
    from benchmark.core import atomic_files
    from benchmark.exchange import score_formats
    from benchmark.runs import run_folders
    from benchmark.scores.load_run import collect

    results = collect(run_folders.find(options.run), {})
    if options.detector not in results.detectors:
        raise unknown("detector of the run", options.detector, results.detectors)
    trials = pd.concat([results.protocol.table, results.dev.table])[["utterance_id", "label"]]
    table = results.scores[results.scores["detector"] == options.detector]
    table = table.astype({"condition": str, "split": str, "utterance_id": str})
    table = table.merge(trials, on="utterance_id", validate="many_to_one")
    if options.condition:
        names = [info.condition for info in results.conditions]
        asked = str(parse(options.condition))
        if asked not in names:
            raise unknown("condition of the run", options.condition, names)
        table = table[table["condition"] == asked]
    if options.split:
        table = table[table["split"] == options.split]
    if table.empty:
        raise InputError(f"{options.run} holds no such scores of {options.detector}")
    score_formats.check_format(table, options.format)
    atomic_files.write(options.out, score_formats.write(table, options.format))
    print(f"{len(table)} scores in {options.out}")
    return 0
