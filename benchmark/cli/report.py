"""The commands `report` and `verify`: what the scores of a run say, and whether it is sound."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli.arguments import Command, report_options, resamples_option, run_argument

if TYPE_CHECKING:
    from benchmark.scores.fusion import Ensemble


def add(command: Command) -> None:
    """Add the commands and their options."""
    sub = command("report", "write leaderboard CSV and HTML from a run's scores alone", report)
    run_argument(sub)
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
    run_argument(
        command("verify", "fail unless every condition of a run is verified and complete", verify)
    )


def report(options: Namespace) -> int:
    """Write the leaderboards from scores alone."""
    from benchmark.cli import run_config
    from benchmark.metrics.decision import parse_costs
    from benchmark.workers import plugins

    plugins.open_all(options.plugin)
    choices: dict[str, Any] = {"baseline": options.baseline}
    if options.bootstrap is not None:
        choices["resamples"] = options.bootstrap
    if options.costs:
        choices["costs"] = parse_costs(options.costs)
    write_report(options, run_config.run_folder(options.run), choices)
    return 0


def verify(options: Namespace) -> int:
    """Return 0 when every cell is complete, every condition verified, every file readable."""
    from attacks.contract.condition import CLEAN
    from benchmark.cli import run_config
    from benchmark.leaderboard.leaderboard_tables import tables
    from benchmark.scores.load_run import collect

    results = collect(run_config.run_folder(options.run), {})
    cells = tables(results, resamples=0).conditions
    as_claimed = (cells["condition"] == CLEAN) | (cells["verified"].eq(True))
    bad = cells[~(cells["complete"].eq(True) & as_claimed)]
    for row in bad.itertuples():
        what = "unverified" if row.complete else "incomplete"
        print(f"{what}: {row.detector} under {row.condition} (track {row.track})")
    for name in results.unreadable["utterance_id"]:
        print(f"unreadable: {name}")
    lost = len(results.unreadable)
    verdict = f"{len(cells) - len(bad)} of {len(cells)} cells are complete and verified"
    print(f"{verdict}, without {lost} trials that cannot be read" if lost else verdict)
    return 1 if len(bad) or cells.empty or lost else 0


def ensembles(options: Namespace) -> Sequence[Ensemble]:
    """Return the ensembles of --ensemble; `InputError` where one is misspelt."""
    from benchmark.scores import fusion

    return [fusion.parse(text) for text in options.ensemble]


def write_report(options: Namespace, folder: Path, choices: dict[str, Any] | None = None) -> None:
    """Write every table and page of the run in `folder` and print its summary."""
    from benchmark.leaderboard.leaderboard_tables import tables
    from benchmark.report import writer
    from benchmark.report.html import samples_section
    from benchmark.runs import provenance
    from benchmark.scores import fusion
    from benchmark.scores.load_run import collect

    results = collect(folder, provenance.code() | {"written": provenance.now()})
    results = fusion.add(results, ensembles(options))
    made = tables(results, **(choices or {}))
    played = samples_section.collect(results, made, options.voices, options.samples)
    written = writer.write(results, folder, made, played)
    print(writer.summary(made))
    print(f"wrote {', '.join(path.name for path in written)} in {folder}")
