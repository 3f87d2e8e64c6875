"""The command `profile`: the time of a run by stage, attack, input and detector."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import typed
from benchmark.cli.arguments import Command, device_option, matrix_options, precision_option
from benchmark.core import terminal

if TYPE_CHECKING:
    import pandas as pd

FORMATS = {
    "utterances": "{:,.0f}",
    "cpu_s": "{:.2f}",
    "wall_s": "{:.2f}",
    "cpu_ms_each": "{:.3f}",
    "per_s": "{:,.1f}",
    "waited": "{:.0%}",
    "peak_mib": "{:.0f}",
}
LONGEST = 68  # letters of an item that are shown; the CSV has them all


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("profile", "measure the time of a run by stage, attack and detector", profile)
    matrix_options(sub)
    sub.set_defaults(limit=64)
    precision_option(sub)
    device_option(sub)
    sub.add_argument(
        "--untrained", action="store_true",
        help="networks with random weights, which are as fast as trained ones",
    )  # fmt: skip
    sub.add_argument("--csv", type=Path, metavar="FILE", help="also write the table as CSV")


def profile(options: Namespace) -> int:
    """Measure the plan that the options ask for and print the table."""
    from benchmark.core import atomic_files
    from benchmark.inference import precision
    from benchmark.inference.scorer import resolve_device
    from benchmark.runs import detector_choice, planning
    from benchmark.runs.profile import measure, table, untrained

    config = typed.run_config(options)
    device = resolve_device(options.device)
    precision.require(options.precision, device)
    with tempfile.TemporaryDirectory() as folder:
        if options.untrained:
            made = (
                untrained(name, Path(folder)) for name in detector_choice.names(config.detectors)
            )
            files = [checkpoint.path for checkpoint in made if checkpoint]
            choice = detector_choice.with_files(config.detectors, *files)
            config = replace(config, detectors=choice)
        matrix = planning.plan(config)
        print(
            f"{matrix.suite}: {len(matrix.conditions)} conditions x {len(matrix.test.table)}"
            f" trials x {len(matrix.detectors)} detectors on {device}; one process, one thread;"
            " an utterance counts once for each condition"
        )
        result = table(measure(matrix, device))
    if options.csv is not None:
        atomic_files.write(options.csv, result.to_csv(index=False))
    print(text(result))
    return 0


def text(made: pd.DataFrame) -> str:
    """Return the table for the terminal: stages flush left, their items indented below."""
    names = made["stage"].where(made["item"] == "", "  " + made["item"].str[:LONGEST])
    shown = [made[column].map(form.format) for column, form in FORMATS.items()]
    rows = [("", *FORMATS), *zip(names, *shown, strict=True)]
    return "\n".join(terminal.columns(rows, right=range(1, len(FORMATS) + 1)))
