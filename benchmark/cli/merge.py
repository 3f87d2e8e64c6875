"""The command `merge`: join runs of one plan that were made apart."""

from __future__ import annotations

from argparse import Namespace

from benchmark.cli import console, typed
from benchmark.cli.arguments import Command

DAMAGED = 1


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("merge", "join shares, detectors or training seeds that were run apart", merge)
    sub.add_argument("runs", metavar="RUN", nargs="+", help="run folders, or names below results/")
    sub.add_argument(
        "--out", required=True, metavar="RUN", help="new run folder, or name below results/"
    )


def merge(options: Namespace) -> int:
    """Merge the runs; return 1 if a file of theirs is damaged or missing."""
    from benchmark.api import merging
    from benchmark.runs.merging import DamagedRuns

    typed.context(options)
    try:
        made = merging.merge(options.runs, options.out)
    except DamagedRuns as error:
        for fault in error.faults:
            console.complain(f"damaged: {fault}")
        console.complain("nothing was merged: run the damaged ones again, then merge")
        return DAMAGED
    print(
        f"{made.folder} holds {', '.join(made.detectors) or 'no detector'} ({made.files} files);"
        f" next: launderbench report {made.folder}"
    )
    return 0
