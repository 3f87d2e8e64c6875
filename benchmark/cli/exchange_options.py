"""What can be asked of the commands that hand audio, pictures and scores to and from others."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

from benchmark.cli.arguments import at_least, data_option, seed, workers_option

MODULE = "benchmark.cli.exchange"

Add = Callable[[str, str], ArgumentParser]


def add(command: Add) -> None:
    """Add the commands and their options; `command` makes a command of a name and its help."""
    _export_audio(command("export-audio", "write the laundered corpus as files, for other tools"))
    _spectrograms(command("spectrograms", "write spectrograms as PNG files, NPY or HDF5 shards"))
    _import_scores(command("import-scores", "take scores that were made elsewhere into a run"))
    _export_scores(command("export-scores", "write a run's scores as ASVspoof does, or as CSV"))


def _export_audio(sub: ArgumentParser) -> None:
    sub.set_defaults(module=MODULE)
    sub.add_argument("suite", metavar="SUITE", help="suite name, TOML file or condition")
    _corpus(sub)
    sub.add_argument(
        "--format", choices=("flac", "wav"), default="flac", help="16-bit FLAC or 32-bit float WAV"
    )


def _spectrograms(sub: ArgumentParser) -> None:
    sub.set_defaults(module=MODULE)
    sub.add_argument(
        "--suite", "--condition", default="clean", help="suite name or condition (default: clean)"
    )
    _corpus(sub)
    sub.add_argument("--kind", choices=("png", "npy", "hdf5"), default="png")


def _corpus(sub: ArgumentParser) -> None:
    data_option(sub)
    sub.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    sub.add_argument(
        "--split", default="test", choices=("test", "dev", "train", "all"),
        help="which utterances (default: test)",
    )  # fmt: skip
    _subset(sub)
    workers_option(sub)


def _subset(sub: ArgumentParser) -> None:
    sub.add_argument("--seed", type=seed, default=0, help="seed of the attacks")
    sub.add_argument("--limit", type=at_least(2), help="at most this many utterances of a split")
    sub.add_argument("--noise-dir", type=Path, help="noise bank to use instead of the built one")


def _import_scores(sub: ArgumentParser) -> None:
    sub.set_defaults(module=MODULE)
    sub.add_argument("file", type=Path, metavar="FILE", help="`id score` rows, ASVspoof or CSV")
    sub.add_argument("--detector", required=True, metavar="NAME", help="what to call it")
    sub.add_argument("--run", required=True, help="run folder, or name below results/")
    sub.add_argument(
        "--condition", default="", metavar="COND",
        help="which condition the scores are of, where the file does not say (default: clean)",
    )  # fmt: skip
    sub.add_argument(
        "--reversed", action="store_true", help="higher scores mean more spoof: turn the sign"
    )
    sub.add_argument(
        "--allow-missing", action="store_true",
        help="go on where trials have no score; coverage then says so",
    )  # fmt: skip
    sub.add_argument(
        "--allow-unknown", action="store_true", help="pass over scores of what is no trial"
    )
    sub.add_argument(
        "--exported", type=Path, metavar="DIR",
        help="what export-audio wrote and was scored: its measured effects come along",
    )  # fmt: skip
    data_option(sub)
    sub.add_argument("--suite", default="", help="the conditions of a new run (default: clean)")
    _subset(sub)


def _export_scores(sub: ArgumentParser) -> None:
    sub.set_defaults(module=MODULE)
    sub.add_argument("run", metavar="RUN", help="run folder, or name below results/")
    sub.add_argument("--detector", required=True, metavar="NAME")
    sub.add_argument("--condition", default="", metavar="COND", help="one condition (default: all)")
    sub.add_argument(
        "--split", default="", choices=("test", "dev"), help="one split (default: both)"
    )
    sub.add_argument("--format", default="csv", choices=("asvspoof2021", "asvspoof5", "csv"))
    sub.add_argument("--out", type=Path, required=True, metavar="FILE")
