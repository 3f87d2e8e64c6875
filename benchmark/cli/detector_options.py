"""Options of the commands that train a detector, score files with it, and export it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.cli.arguments import at_least, data_option, positive, seed

MODULE = "benchmark.cli.detectors"

Add = Callable[[str, str], argparse.ArgumentParser]


def add(command: Add) -> None:
    """Add the commands and their options; `command` makes a command of a name and its help."""
    _train(command("train", "train detectors on a data set's train split"))
    _score(command("score", "score audio files, folders or a stream with a detector"))
    _export(command("export", "write a detector as an ONNX file"))


def _train(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(module=MODULE)
    sub.add_argument("names", nargs="*", metavar="DETECTOR", help="or all (default: a few)")
    data_option(sub)
    sub.add_argument(
        "--splits", default="protocol", metavar="80/10/10",
        help="cut train/dev/test by speaker in these shares (default: protocol, the data's own)",
    )  # fmt: skip
    sub.add_argument("--subset", type=at_least(2), metavar="N", help="at most N for training")
    sub.add_argument(
        "--suite", default="", help="launder training data: suite, TOML file or conditions"
    )
    sub.add_argument(
        "--clean-share", type=float, default=0.25, metavar="SHARE",
        help="with --suite: how often a recording is heard clean (default: 0.25)",
    )  # fmt: skip
    sub.add_argument(
        "--variants", type=at_least(1, 1000), default=4, metavar="N",
        help="with --suite: laundered variants of each recording (default: 4)",
    )  # fmt: skip
    sub.add_argument("--noise-dir", type=Path, help="noise bank to use instead of the built one")
    sub.add_argument(
        "--start", type=Path, metavar="FILE", help="begin with the weights of this checkpoint"
    )
    sub.add_argument("--seed", type=seed, default=0)
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    sub.add_argument("--epochs", type=at_least(1), help="instead of the detector's own number")
    sub.add_argument(
        "--patience", type=at_least(1), metavar="N",
        help="keep the epoch of the lowest dev EER and stop after N without a lower one (default:"
        " keep the last epoch near the lowest)",
    )  # fmt: skip
    sub.add_argument("--batch-size", type=at_least(2), help="instead of the detector's own")
    sub.add_argument("--lr", type=positive, help="peak learning rate")
    sub.add_argument("--loss", default="bce", help="bce (default), ce or oc-softmax")
    sub.add_argument("--precision", default="float32", help="float32 (default) or bf16 (mixed)")
    sub.add_argument("--name", default="", help="what to call it in tables (one detector only)")
    sub.add_argument("--out", type=Path, help="checkpoint file (one detector only)")
    sub.add_argument("--force", action="store_true", help="train again what is there")


def _score(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(module=MODULE)
    _detector(sub)
    # one or more, so that options may stand before them (argparse gives `*` none too early)
    files = sub.add_argument(
        "files", nargs="+", type=Path, default=[], metavar="FILE|DIR", help="audio to score"
    )
    sub.add_argument("--json", action="store_true", help="one JSON object per line")
    sub.add_argument(
        "--spectrogram", type=Path, metavar="DIR", help="also write a picture of each file there"
    )
    sub.add_argument(
        "--stream", action=_instead_of(files), help="score raw PCM from standard input, in windows"
    )
    sub.add_argument(
        "--format", choices=("s16le", "f32le"), default="s16le", help="samples of --stream"
    )
    sub.add_argument(
        "--rate", type=at_least(1000, 768_000), default=16000, help="of --stream, Hz (16000)"
    )
    sub.add_argument(
        "--channels", type=at_least(1, 64), default=1, help="of --stream, interleaved (1)"
    )
    sub.add_argument(
        "--window", type=positive, metavar="S",
        help="seconds of --stream scored at once (default: what the detector takes, or 4)",
    )  # fmt: skip
    sub.add_argument(
        "--hop", type=positive, metavar="S", help="seconds between windows (default: half of one)"
    )


def _export(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(module=MODULE)
    _detector(sub)
    sub.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="file to write")
    sub.add_argument("--int8", action="store_true", help="also FILE with .int8 in its name")


def _detector(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("detector", metavar="DETECTOR", help="name, or checkpoint (.safetensors)")
    sub.add_argument("--weights", type=Path, metavar="FILE", help="weight file for DETECTOR")
    sub.add_argument(
        "--train-data", type=Path, metavar="DIR",
        help="data set on which DETECTOR was trained (default: the embedded one)",
    )  # fmt: skip
    sub.add_argument("--seed", type=seed, default=0, help="seed with which it was trained")
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")


def _instead_of(positional: argparse.Action) -> type[argparse.Action]:
    """The action of a flag with which `positional` may be left out."""

    class Flag(argparse.Action):
        """True, and the other is not asked for."""

        def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
            super().__init__(option_strings, dest, nargs=0, default=False, help=help)

        def __call__(
            self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object
        ) -> None:
            positional.required = False
            setattr(namespace, self.dest, True)

    return Flag
