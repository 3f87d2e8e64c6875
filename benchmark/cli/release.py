"""The command `release`: the tables of a run in one archive that a paper can cite."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli.arguments import Command, run_argument

if TYPE_CHECKING:
    from benchmark.report.releases import Release


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "release", "write a run's tables as one archive with one digest, to be cited", release
    )
    run_argument(sub)
    sub.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="folder (default: this one)"
    )


def release(options: Namespace) -> int:
    """Write the archive; print its path, its digest, and what its readers must know."""
    from benchmark.report import releases
    from benchmark.runs import run_folders

    made = releases.of_folder(run_folders.find(options.run))
    print(f"wrote {releases.write(made, options.out)}")
    show(made)
    return 0


def show(made: Release) -> None:
    """Print the digest of a release and its remarks."""
    from benchmark.core import terminal

    print(f"release digest: {made.digest}")
    for remark in made.remarks:
        print(terminal.paragraph(f"  note: {remark}"))
