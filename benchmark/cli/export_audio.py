"""The command `export-audio`: write the laundered corpus as files, for other tools."""

from __future__ import annotations

from argparse import Namespace

from benchmark.cli import console, typed
from benchmark.cli.arguments import Command, corpus_options
from benchmark.core.log import logger


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "export-audio", "write the laundered corpus as files, for other tools", export_audio
    )
    sub.add_argument("suite", metavar="SUITE", help="suite name, TOML file or condition")
    corpus_options(sub)
    sub.add_argument(
        "--format", choices=("flac", "wav"), default="flac", help="16-bit FLAC or 32-bit float WAV"
    )


def export_audio(options: Namespace) -> int:
    """Write the laundered corpus; 1 when a file failed or a condition is not what it claims."""
    from benchmark.exchange import audio_corpus
    from benchmark.laundering import effect_tables, suite_choice
    from benchmark.laundering.output_layout import OutputTarget

    context = typed.context(options)
    suite = suite_choice.fetched(options.suite, typed.data_config(options))
    where = OutputTarget(options.out, options.format)
    wanted = audio_corpus.order(suite.conditions, where, options.seed, context)
    outcomes, failed = audio_corpus.export(typed.utterances(options), wanted, options.workers)
    print(effect_tables.summary(outcomes))
    for cause in effect_tables.causes(failed):
        console.complain(f"failed: {cause}")
    logger.info(f"wrote the audio, protocols, {' and '.join(effect_tables.NAMES)} in {options.out}")
    return 0 if all(outcome.sound for outcome in outcomes) else 1
