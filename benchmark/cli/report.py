"""The command `report`: tables and pages from the scores of a run."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli import typed
from benchmark.cli.arguments import Command, report_options, resamples_option, run_argument


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("report", "write leaderboard CSV and HTML from a run's scores alone", report)
    run_argument(sub)
    sub.add_argument(
        "--out", type=Path, metavar="DIR",
        help="write the report there, for a run folder that is read-only (default: into RUN)",
    )  # fmt: skip
    report_options(sub)
    resamples_option(sub)
    sub.add_argument(
        "--costs", default="", metavar="P_SPOOF,C_MISS,C_FA",
        help="prior and costs of minDCF and actDCF (default: 0.05,1,10, those of ASVspoof 5)",
    )  # fmt: skip
    sub.add_argument(
        "--baseline", default="", metavar="DETECTOR",
        help="detector against which degradation is measured (default: shortcut)",
    )  # fmt: skip


def report(options: Namespace) -> int:
    """Write the leaderboards from scores alone; return 1 if damaged files were left out."""
    from benchmark.api import reporting
    from benchmark.api.matrix import Finished
    from benchmark.cli.bench import show
    from benchmark.runs import run_folders

    typed.context(options)
    folder = run_folders.find(options.run)
    tables, written, damaged = reporting.write(folder, typed.report_config(options), options.out)
    show(Finished(options.out or folder, tables, tuple(written)))
    return 1 if damaged else 0
