"""The command `run`: the matrix of attacks and detectors, with trained detectors."""

from __future__ import annotations

from argparse import Namespace

from benchmark.cli import typed
from benchmark.cli.arguments import (
    Command,
    cache_options,
    execution_options,
    executor_options,
    matrix_options,
    quality_option,
    report_options,
    shard_option,
)


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("run", "run the matrix with trained detectors", run)
    matrix_options(sub)
    execution_options(sub)
    executor_options(sub)
    cache_options(sub)
    quality_option(sub)
    shard_option(sub)
    report_options(sub)


def run(options: Namespace) -> int:
    """Run the matrix and report, with detectors that are trained already."""
    from benchmark.api import matrix
    from benchmark.cli.bench import show
    from benchmark.core.stage_timer import StageTimer

    config, report = typed.run_config(options), typed.report_config(options)
    show(matrix.run(config, typed.execution(options), report, StageTimer()))
    return 0
