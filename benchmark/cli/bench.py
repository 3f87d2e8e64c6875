"""The command `bench`: build the data, train, run the matrix of attacks and detectors, report."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from benchmark.cli import typed
from benchmark.cli.arguments import (
    Command,
    cache_options,
    execution_options,
    executor_options,
    matrix_options,
    quality_option,
    recipe_option,
    report_options,
)
from benchmark.core.stage_timer import StageTimer

if TYPE_CHECKING:
    from benchmark.api.matrix import Finished


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "bench", "build the data, train what is missing, run the matrix, write the report", bench
    )
    matrix_options(sub)
    execution_options(sub)
    executor_options(sub)
    cache_options(sub)
    quality_option(sub)
    sub.add_argument(
        "--train", action="store_true",
        help="train the detectors here instead of using the shipped checkpoints",
    )  # fmt: skip
    recipe_option(sub)
    sub.set_defaults(shard=(1, 1))  # bench also trains, which machines cannot share
    report_options(sub)


def bench(options: Namespace) -> int:
    """Build the data, train, run the matrix and report."""
    from benchmark.api import matrix
    from benchmark.core.log import logger

    timer = StageTimer()
    config = typed.run_config(options)
    finished = matrix.bench(config, typed.execution(options), typed.report_config(options), timer)
    spent = ", ".join(f"{stage} {time.wall:.0f} s" for (stage, _), time in timer.spent.items())
    logger.info(f"time spent: {spent}")
    show(finished)
    return 0


def show(finished: Finished) -> None:
    """Print the leaderboard of a finished run, its digest, and last the path of its page."""
    from benchmark.core.log import logger
    from benchmark.report import terminal_summary, writer

    if finished.tables is not None:
        mine = [path.name for path in finished.written if path.parent == finished.folder]
        others = [path for path in finished.written if path.parent != finished.folder]
        logger.info(f"wrote {', '.join(mine)} in {finished.folder}")
        print(terminal_summary.summary(finished.tables))
        if finished.tables.digest:
            print(f"run digest {finished.tables.digest}")
        for page in others:
            if page.name == writer.PAGE:
                print(f"all of it in the other scope: {page}")
        print(finished.folder / writer.PAGE)
