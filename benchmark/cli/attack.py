"""The command `attack`: launder one audio file, or a folder."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli import console, typed
from benchmark.cli.arguments import Command, noise_option, seed, workers_option
from benchmark.core.log import logger


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("attack", "launder one audio file, or a folder with everything below it", attack)
    sub.add_argument(
        "suite", metavar="CONDITION",
        help="condition, conditions joined by `;`, suite name or TOML file",
    )  # fmt: skip
    sub.add_argument("input", type=Path, metavar="IN", help="audio file or folder")
    sub.add_argument("out", type=Path, metavar="OUT", help="folder (or .wav or .flac file)")
    sub.add_argument("--seed", type=seed, default=0, help="seed of the attacks")
    sub.add_argument("--format", choices=("wav", "flac"), help="32-bit float, or 16-bit FLAC")
    sub.add_argument(
        "--gallery", action="store_true", help="also write a page with players and spectrograms"
    )
    noise_option(sub)
    workers_option(sub)


def attack(options: Namespace) -> int:
    """Launder files; return 1 when a file failed or a condition is not what it claims."""
    from benchmark.laundering import effect_tables, launder_files, output_layout, suite_choice

    context = typed.context(options)
    suite = suite_choice.fetched(options.suite)
    wanted = [c for c in suite.conditions if c.steps] or [*suite.conditions]
    target = output_layout.target(options.input, options.out, options.format, len(wanted))
    found = output_layout.sources(options.input, target.folder, target.name)
    job = output_layout.order(wanted, target, options.seed, context)
    records = launder_files.run(job, found, options.workers)
    written = effect_tables.write(records, target.folder, target.prefix)
    if options.gallery:
        from benchmark.report import gallery

        page = target.folder / f"{target.prefix}{gallery.PAGE}"
        written.append(gallery.write(page, job, found, records))
    outcomes = effect_tables.outcomes(records)
    print(effect_tables.summary(outcomes))
    for cause in effect_tables.causes(records):
        console.complain(f"failed: {cause}")
    logger.info(f"wrote {', '.join(path.name for path in written)} in {target.folder}")
    return 0 if all(outcome.sound for outcome in outcomes) else 1
