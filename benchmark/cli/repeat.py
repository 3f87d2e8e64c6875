"""The command `repeat`: run what a run's plan says once more, and compare the scores."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli import typed
from benchmark.cli.arguments import (
    Command,
    device_option,
    noise_option,
    run_argument,
    weights_options,
    workers_option,
)


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("repeat", "run the plan of a run once more elsewhere, and compare", repeat)
    run_argument(sub)
    sub.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the repetition (default: RUN-repeat)"
    )
    weights_options(sub)
    device_option(sub)
    workers_option(sub)
    noise_option(sub)


def repeat(options: Namespace) -> int:
    """Print the largest difference of every cell; return 0 if all are within the tolerance."""
    from benchmark.api import repetition
    from benchmark.core import terminal
    from benchmark.runs import run_folders
    from benchmark.runs.run_config import ExecutionConfig
    from benchmark.scores import realisations

    context = typed.context(options)
    folder = run_folders.find(options.run)
    out = options.out or folder.with_name(f"{folder.resolve().name}{repetition.SUFFIX}")
    done = repetition.repeat(
        folder,
        out,
        ExecutionConfig(options.workers),
        typed.given_files(options),
        context,
        options.device,
    )
    lines = [
        (cell.detector, cell.split, cell.condition, str(cell.scores), f"{cell.largest:.2g}",
         "same" if cell.same else f"{cell.far} differ, {cell.lacking} are in one run only")
        for cell in done.cells
    ]  # fmt: skip
    head = ("detector", "split", "condition", "scores", "largest difference", "")
    print("\n".join(terminal.columns([head, *lines], right=(3, 4))))
    for name, cause in done.at_hand.missing.items():
        print(f"not repeated: {name} ({cause})")
    for name in done.at_hand.imported:
        print(f"not repeated: {name} (its scores were imported)")
    for seeds, path in realisations.stored(folder):
        print(f"not repeated: the realisation {seeds.name} (launderbench repeat {path})")
    for condition in done.changed:
        print(f"another version of the attack here: {condition}")
    print(f"samples: {done.equal} laundered utterances are equal, {done.other} are not")
    verdict = "every score is the same within 1e-4" if done.same else "the scores differ"
    print(f"{verdict}; the repetition is in {done.folder}")
    return 0 if done.same else 1
