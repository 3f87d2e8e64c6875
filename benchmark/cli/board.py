"""The command `board`: one leaderboard out of submissions that are verified and comparable."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli import typed
from benchmark.cli.arguments import Command, resamples_option, scope_option


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("board", "make one leaderboard out of verified submissions", board)
    sub.add_argument(
        "files", type=Path, metavar="FILE", nargs="+", help="what submit-results wrote"
    )
    sub.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="new folder of the board"
    )
    scope_option(sub)
    resamples_option(sub)


def board(options: Namespace) -> int:
    """Verify the submissions, and write the board."""
    from benchmark.api import boards
    from benchmark.api.matrix import Finished
    from benchmark.cli.bench import show
    from benchmark.metrics import bootstrap
    from benchmark.runs.run_config import ReportConfig

    typed.context(options)
    resamples = bootstrap.RESAMPLES if options.bootstrap is None else options.bootstrap
    report = ReportConfig(samples=0, resamples=resamples, scope=options.scope)
    made = boards.board(options.files, options.out, report)
    show(Finished(made.folder, made.tables, made.written))
    return 0
