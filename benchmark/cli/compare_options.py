"""What can be asked of the commands that cite a run and set it beside others."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

from benchmark.cli.arguments import resamples

MODULE = "benchmark.cli.compare"

Add = Callable[[str, str], ArgumentParser]


def add(command: Add) -> None:
    """Add the commands and their options; `command` makes a command of a name and its help."""
    cite = command("cite", "print BibTeX for everything that a run uses")
    cite.set_defaults(module=MODULE)
    cite.add_argument("run", metavar="RUN", help="run folder, or name below results/")
    cite.add_argument("--out", type=Path, metavar="FILE", help="write it there instead")

    compare = command("compare", "set a run beside another one, or beside published figures")
    compare.set_defaults(module=MODULE)
    compare.add_argument("run", metavar="RUN", help="run folder, or name below results/")
    compare.add_argument("other", metavar="RUN", nargs="?", default="", help="of the same trials")
    compare.add_argument("--published", default="", metavar="TABLE", help="asvspoof-laundering")
    compare.add_argument(
        "--match", action="append", default=[], metavar="NAME=SYSTEM",
        help="our detector NAME stands beside the published SYSTEM (repeatable)",
    )  # fmt: skip
    compare.add_argument(
        "--bootstrap", type=resamples, metavar="N",
        help="resamples behind every interval (default: 1000; 0: no intervals)",
    )  # fmt: skip
    compare.add_argument(
        "--out", type=Path, metavar="DIR", help="also write comparison.csv and comparison.md there"
    )
