"""The command `export-scores`: write a run's scores as ASVspoof or an arena does, or as CSV."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli.arguments import Command, run_argument
from benchmark.core.errors import InputError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.scores.run_results import RunResults


ARENAS = ("speech-df-arena", "anti-spoofing-arena")


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "export-scores",
        "write a run's scores as ASVspoof or an arena does, or as CSV",
        export_scores,
    )
    run_argument(sub)
    sub.add_argument("--detector", required=True, metavar="NAME")
    sub.add_argument("--condition", default="", metavar="COND", help="one condition (default: all)")
    sub.add_argument(
        "--split", default="", choices=("test", "dev"), help="one split (default: both)"
    )
    sub.add_argument(
        "--format", default="csv", choices=("asvspoof2021", "asvspoof5", "csv", *ARENAS),
        help="of an arena: its files with a result card, of the test trials under one condition"
        " (default: csv)",
    )  # fmt: skip
    sub.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="for an arena, a folder"
    )


def export_scores(options: Namespace) -> int:
    """Write the scores of one detector of a run."""
    from attacks.contract.condition import CLEAN, parse
    from benchmark.core import atomic_files
    from benchmark.exchange import score_formats
    from benchmark.runs import run_folders
    from benchmark.scores.load_run import collect
    from benchmark.scores.score_width import is_single

    results = collect(run_folders.find(options.run), {})
    if options.detector not in results.detectors:
        raise unknown("detector of the run", options.detector, results.detectors)
    conditions = every = [info.condition for info in results.conditions]
    if options.condition:
        asked = str(parse(options.condition))
        if asked not in conditions:
            raise unknown("condition of the run", options.condition, conditions)
        conditions = [asked]
    splits = [options.split] if options.split else ["test", "dev"]
    # of all its scores, so that each condition is written with the same number of digits
    single = options.detector not in results.imported or all(
        is_single(block["score"].to_numpy())
        for block in _blocks(results, options.detector, every, ["test", "dev"])
    )
    if options.format in ARENAS:
        return _for_arena(options, results, conditions[0] if options.condition else CLEAN, single)
    blocks = _blocks(results, options.detector, conditions, splits)
    count = 0
    with atomic_files.growing(options.out.parent, [options.out.name]) as files:
        for number, text in score_formats.write(blocks, options.format, single):
            files[options.out.name].write(text)
            count += number
        if not count:
            raise InputError(f"{options.run} holds no such scores of {options.detector}")
    print(f"{count} scores in {options.out}")
    return 0


def _for_arena(options: Namespace, results: RunResults, condition: str, single: bool) -> int:
    """Write the files of an arena for the test trials under one condition."""
    from importlib import metadata

    from attacks.contract.condition import CLEAN
    from benchmark.core import atomic_files
    from benchmark.exchange import arena_cards, submission_card
    from benchmark.runs.run_folders import plain

    if options.split not in ("", "test"):
        raise InputError(f"{options.format} takes the test split")
    (table,) = _blocks(results, options.detector, [condition], ["test"])
    if table.empty:
        raise InputError(f"{options.run} holds no such scores of {options.detector}")
    facts = results.provenance["plan"]["detectors"].get(options.detector, {})
    result = arena_cards.ArenaResult(
        plain(options.detector),
        plain(
            f"{results.protocol.name}-{condition}" if condition != CLEAN else results.protocol.name
        ),
        table.astype({"score": "float32"}) if single else table,
        submission_card.declared(facts.get("training", {})) or (),
        len(results.protocol.table) - len(table),
    )
    if options.format == ARENAS[0]:
        made = arena_cards.speech_df_arena(result)
    else:
        made = arena_cards.anti_spoofing_arena(result, metadata.version("launderbench"))
    for name, text in made.items():
        atomic_files.write(options.out / name, text)
    print(f"{len(table)} scores in {options.out}: {', '.join(made)}")
    return 0


def _blocks(
    results: RunResults, detector: str, conditions: list[str], splits: list[str]
) -> Iterator[pd.DataFrame]:
    """Yield the scores of a detector, one condition and split at a time, in protocol order."""
    place = results.detectors.index(detector)
    for condition in conditions:
        for split in splits:
            table = (results.protocol if split == "test" else results.dev).table
            trials = table[["utterance_id", "label"]]
            scores = results.source.scores(split, condition)[place]
            block = trials.assign(condition=condition, split=split, score=scores)
            yield block[block["score"].notna()]
