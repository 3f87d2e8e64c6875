"""The command `compact`: join the small files of a run."""

from __future__ import annotations

from argparse import Namespace

from benchmark.cli import console
from benchmark.cli.arguments import Command, run_argument


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("compact", "join the small files of a run into few large ones", compact)
    run_argument(sub)


def compact(options: Namespace) -> int:
    """Join the small files; scores, tables and run digest stay the same.

    Returns 1 if damaged files were left as they are.
    """
    from benchmark.runs import run_folders
    from benchmark.scores import compaction
    from benchmark.scores.store import Store

    done = compaction.compact(Store(run_folders.find(options.run)))
    print(
        f"{done.files_before} files of {done.bytes_before / 1e6:.1f} MB are now"
        f" {done.files_after} files of {done.bytes_after / 1e6:.1f} MB"
    )
    for cause in done.damaged:
        console.complain(f"left as it is: {cause}")
    return 1 if done.damaged else 0
