"""The command `compare`: two runs of the same trials, or a run and published figures."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import typed
from benchmark.cli.arguments import (
    Command,
    json_option,
    resamples_option,
    run_argument,
    scope_option,
)
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.scores.scopes import BOTH

if TYPE_CHECKING:
    from benchmark.leaderboard.compare_runs import RunComparison
    from benchmark.leaderboard.published_figures import PublishedComparison


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("compare", "compare a run with another one, or with published figures", compare)
    run_argument(sub)
    sub.add_argument("other", metavar="RUN", nargs="?", default="", help="of the same trials")
    sub.add_argument(
        "--published",
        default="",
        metavar="TABLE",
        help="asvspoof-laundering, or asvspoof-laundering-ssl",
    )
    sub.add_argument(
        "--match", action="append", default=[], metavar="NAME=SYSTEM",
        help="compare our detector NAME with the published SYSTEM (repeatable)",
    )  # fmt: skip
    scope_option(sub, None)
    resamples_option(sub)
    json_option(sub)
    sub.add_argument(
        "--out", type=Path, metavar="DIR", help="also write comparison.csv and .md there"
    )


def compare(options: Namespace) -> int:
    """Print the comparison, and write it where --out says."""
    from benchmark.leaderboard import compare_runs, published_figures, published_tables
    from benchmark.metrics import bootstrap
    from benchmark.report import comparison_text
    from benchmark.runs import run_folders
    from benchmark.scores import realisations, scope

    if bool(options.other) == bool(options.published):
        raise InputError("name a second run, or a published table with --published, not both")
    if options.match and not options.published:
        raise InputError("--match goes with --published")
    if options.published and options.scope not in (None, BOTH):
        raise InputError("the published figures launder every trial: --scope does not go with them")
    typed.context(options)
    resamples = bootstrap.RESAMPLES if options.bootstrap is None else options.bootstrap
    for name in filter(None, (options.run, options.other)):
        if further := len([*realisations.stored(run_folders.find(name))]):
            logger.info(
                f"{name}: compared is the run itself; its {further} further realisations are runs"
                f" of their own, below {realisations.FOLDER}/"
            )
    found: PublishedComparison | RunComparison
    if options.published:
        table = published_tables.load(options.published)
        pairs = _pairs(options.match)
        results = run_folders.results(options.run)
        found = published_figures.compare_published(results, table, pairs, resamples)
    else:
        one, two = (
            scope.of(
                run_folders.results(run),
                options.scope or run_folders.scope_of(run_folders.find(run)),
            )
            for run in (options.run, options.other)
        )
        found = compare_runs.compare(one, two, resamples)
    if options.json:
        print(found.table.to_json(orient="records", indent=1))
    else:
        print(comparison_text.text(found))
    if options.out is not None:
        written = comparison_text.write(found, options.out)
        logger.info(f"\nwrote {', '.join(path.name for path in written)} in {options.out}")
    return 0


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, system = (part.strip() for part in text.rpartition("="))
        if not (name and equals and system):
            raise InputError(f"--match {text!r}: write it like my-aasist=AASIST")
        pairs[name] = system
    return pairs
