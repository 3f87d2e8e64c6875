"""The command `spectrograms`: write spectrograms as PNG files, NPY or HDF5 shards."""

from __future__ import annotations

from argparse import Namespace

from benchmark.cli import console, typed
from benchmark.cli.arguments import Command, corpus_options


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "spectrograms", "write spectrograms as PNG files, NPY or HDF5 shards", spectrograms
    )
    sub.add_argument(
        "--suite", "--condition", default="clean", help="suite name or condition (default: clean)"
    )
    corpus_options(sub)
    sub.add_argument("--kind", choices=("png", "npy", "hdf5"), default="png")


def spectrograms(options: Namespace) -> int:
    """Write spectrograms and their metadata; 1 when an utterance failed."""
    from benchmark.exchange import spectrogram_export
    from benchmark.laundering import suite_choice

    context = typed.context(options)
    suite = suite_choice.fetched(options.suite, typed.data_config(options))
    protocol = typed.utterances(options)
    table = spectrogram_export.make(
        protocol, suite.conditions, options.out, options.kind, options.seed, options.workers,
        context,
    )  # fmt: skip
    failed = table[table["failure"] != ""]
    print(f"{len(table) - len(failed)} of {len(table)} spectrograms in {options.out}")
    for cause in dict.fromkeys(failed["cause"][:10]):
        console.complain(f"failed: {cause}")
    return 1 if len(failed) else 0
