"""The command `profile`: one table of where the time of a run goes."""

from __future__ import annotations

from argparse import Namespace

import pandas as pd

from benchmark import assembly, files, plugins
from benchmark.profile import measure, table
from benchmark.scoring import resolve_device

FORMATS = {
    "utterances": "{:,.0f}",
    "cpu_s": "{:.2f}",
    "wall_s": "{:.2f}",
    "cpu_ms_each": "{:.3f}",
    "per_s": "{:,.1f}",
    "waited": "{:.0%}",
    "peak_mib": "{:.0f}",
}


def profile(options: Namespace) -> int:
    """Measure the plan that the options ask for and print the table."""
    plugins.load(options.plugin)
    device = resolve_device(options.device)
    matrix = assembly.plan(options)
    print(
        f"{matrix.suite}: {len(matrix.conditions)} conditions x {len(matrix.test.table)} trials x"
        f" {len(matrix.detectors)} detectors on {device}; one process, one thread; an utterance"
        " counts once for each condition"
    )
    made = table(measure(matrix, device))
    if options.csv is not None:
        files.write(options.csv, made.to_csv(index=False))
    print(text(made))
    return 0


def text(made: pd.DataFrame) -> str:
    """The table for the terminal: stages flush left, what is in them below."""
    names = made["stage"].where(made["item"] == "", "  " + made["item"])
    shown = made.drop(columns=["stage", "item"])
    for column, form in FORMATS.items():
        shown[column] = shown[column].map(form.format)
    shown.insert(0, "", names.str.ljust(names.str.len().max()))
    return shown.to_string(index=False)
