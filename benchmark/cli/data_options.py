"""What the `data` command can be asked. What is done about it stands in `data_commands`."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.cli.arguments import at_least, reading_options, seed, workers_option


def add(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `launderbench data` and their options to its parser."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, help_: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=help_, description=help_)

    action("build", "build the embedded data set")
    action("card", "show the card of the embedded data set")

    describe = action("describe", "count, measure and find the faults and the leak of a data set")
    _which(describe)
    describe.add_argument(
        "--limit", type=at_least(2), metavar="N",
        help="read the audio of a sample of N utterances only",
    )  # fmt: skip
    describe.add_argument("--headers", action="store_true", help="read headers only, no audio")
    describe.add_argument("--json", action="store_true", help="print JSON instead of text")
    describe.add_argument("--out", type=Path, metavar="FILE", help="also write it as JSON")
    workers_option(describe)

    balance = action("balance", "write a balanced subset of a data set as a protocol")
    _which(balance)
    _where(balance)
    balance.add_argument(
        "--by", default="label", metavar="COLUMN,...",
        help="equal counts by the first, as even as can be by the next (default: label)",
    )  # fmt: skip

    split = action("split", "write stratified, speaker-disjoint splits of a data set as a protocol")
    _which(split)
    _where(split)
    split.add_argument(
        "--ratios", default="80/10/10", help="train/dev/test or train/test (default: 80/10/10)"
    )

    fetch = action("fetch", "download an open corpus; without a name, list what there is")
    fetch.add_argument("name", nargs="?", metavar="NAME", help="corpus")
    fetch.add_argument("--to", type=Path, metavar="DIR", help="folder (default: data/NAME)")
    fetch.add_argument("--only", default="", metavar="GLOB", help="only files of such a name")
    fetch.add_argument("--keep", action="store_true", help="keep archives that were unpacked")


def _which(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "data", type=Path, nargs="?", metavar="DATA",
        help="folder of a known layout, or a table of files (default: the embedded data set)",
    )  # fmt: skip
    reading_options(sub)


def _where(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--out", type=Path, metavar="DIR", required=True,
        help="folder for protocol.csv; the audio stays where it is",
    )  # fmt: skip
    sub.add_argument("--seed", type=seed, default=0)
