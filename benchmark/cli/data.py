"""The command `data`: describe, balance, split and fetch data sets; the embedded one."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli import typed
from benchmark.cli.arguments import (
    Action,
    Command,
    at_least,
    quiet_option,
    reading_options,
    seed,
    workers_option,
)
from benchmark.core.errors import InputError
from benchmark.core.log import logger

if TYPE_CHECKING:
    from benchmark.data.protocol import Protocol


def add(command: Command) -> None:
    """Add the command, its actions and their options."""
    top = command("data", "describe, balance, split and fetch data sets; the embedded one", build)
    actions = top.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, help_: str, act: Action) -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = actions.add_parser(name, help=help_, description=help_)
        sub.set_defaults(act=act)
        quiet_option(sub, argparse.SUPPRESS)
        return sub

    workers_option(action("build", "build the whole embedded data set", build))
    action("card", "print the card of the embedded data set", card)

    sub = action("describe", "count, measure and find the faults and the leak of a data set", show)
    _which(sub)
    sub.add_argument(
        "--limit", type=at_least(2), metavar="N",
        help="read the audio of a sample of N utterances only",
    )  # fmt: skip
    sub.add_argument("--headers", action="store_true", help="read headers only, no audio")
    sub.add_argument("--json", action="store_true", help="print JSON instead of text")
    sub.add_argument("--out", type=Path, metavar="FILE", help="also write it as JSON")
    workers_option(sub)

    sub = action("balance", "write a balanced subset of a data set as a protocol", balance)
    _which(sub)
    _where(sub)
    sub.add_argument(
        "--by", default="label", metavar="COLUMN,...",
        help="equal counts by the first, as even as can be by the next (default: label)",
    )  # fmt: skip

    sub = action(
        "split", "write stratified, speaker-disjoint splits of a data set as a protocol", split
    )
    _which(sub)
    _where(sub)
    sub.add_argument(
        "--ratios", default="80/10/10", help="train/dev/test or train/test (default: 80/10/10)"
    )

    sub = action("fetch", "download an open corpus; without a name, list all corpora", fetch)
    sub.add_argument("name", nargs="?", metavar="NAME", help="corpus")
    sub.add_argument("--to", type=Path, metavar="DIR", help="folder (default: data/NAME)")
    sub.add_argument("--only", default="", metavar="GLOB", help="only files of such a name")
    sub.add_argument("--keep", action="store_true", help="keep archives that were unpacked")


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


def build(options: argparse.Namespace) -> None:
    """Build the whole embedded data set."""
    from benchmark.data import embedded
    from benchmark.inference.scorer import resolve_device

    device = str(resolve_device("auto"))
    built = embedded.build(workers=options.workers or 0, device=device)
    protocol = embedded.identified(built)
    print(f"{len(protocol.table)} utterances in {protocol.root}, audio {protocol.audio_digest}")


def card(options: argparse.Namespace) -> None:
    """Print the card of the embedded data set."""
    from benchmark.core import paths
    from benchmark.data import embedded

    if embedded.missing(embedded.read()) or not (paths.embedded() / "CARD.md").is_file():
        raise InputError(
            "the card describes all samples of the embedded data set, which are not all built:"
            " run `launderbench data build`"
        )
    print((paths.embedded() / "CARD.md").read_text(encoding="utf-8"), end="")


def show(options: argparse.Namespace) -> None:
    """Print what a data set holds, what is wrong with it, and how much it leaks."""
    from benchmark.core import atomic_files
    from benchmark.data import description_text
    from benchmark.data.data_config import with_audio
    from benchmark.data.description import describe

    whole = typed.data_config(options).open()
    found = describe(
        whole if options.headers else with_audio(whole),
        limit=options.limit,
        decode=not options.headers,
        workers=options.workers,
    )
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if options.out:
        atomic_files.write(options.out, text)
    print(text if options.json else "\n".join(description_text.lines(found)))


def balance(options: argparse.Namespace) -> None:
    """Write a balanced subset."""
    from benchmark.data import subsets
    from benchmark.data.data_config import with_audio

    whole = with_audio(typed.data_config(options).open())
    by = [column.strip() for column in options.by.split(",") if column.strip()]
    part = subsets.balanced(whole, by, options.seed)
    _write(whole, part, options, {"balanced by": by})


def split(options: argparse.Namespace) -> None:
    """Write new splits and print the shares that they reached."""
    from benchmark.data import splitting
    from benchmark.data.data_config import with_audio

    whole = with_audio(typed.data_config(options).open())
    ratios = splitting.ratios_of(options.ratios)
    part = splitting.split(whole, ratios, options.seed)
    _write(whole, part, options, {"split": options.ratios})
    print("\n".join(splitting.achieved(part, ratios)))


def fetch(options: argparse.Namespace) -> None:
    """Fetch a corpus, or list all."""
    from benchmark.core import terminal
    from benchmark.data import corpora

    if options.name is None:
        print("\n".join(map(terminal.paragraph, corpora.listing())))
        return
    corpus = corpora.find(options.name)
    folder = options.to or Path("data") / corpus.name
    for line in corpora.fetch(corpus, folder, options.only, options.keep):
        print(line, flush=True)
    logger.info(f"next: launderbench data describe {folder}")


def _write(
    whole: Protocol, part: Protocol, options: argparse.Namespace, made: Mapping[str, Any]
) -> None:
    from benchmark.data import subsets
    from benchmark.data.trial_table import rows_of

    origin = {"from": whole.name, "trial_digest": whole.digest(), "seed": options.seed}
    written = subsets.write(part, options.out, {**origin, **made})
    print(f"{len(part.table)} of {len(whole.table)} utterances in {written}")
    for (name, label), count in sorted(Counter(rows_of(part.table, "split", "label")).items()):
        print(f"  {name} {label}: {count}")
