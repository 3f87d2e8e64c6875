"""The command `score`: score audio files, folders or a stream with one detector."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmark.cli.arguments import Command, at_least, detector_options, positive
from benchmark.core.errors import InputError


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("score", "score audio files, folders or a stream with a detector", score)
    detector_options(sub)
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


def score(options: argparse.Namespace) -> int:
    """Score files, or a stream; return 1 when a file could not be scored."""
    from benchmark.cli import run_config
    from benchmark.inference import score_files, stream
    from benchmark.inference.scorer import resolve_device
    from benchmark.workers import plugins

    plugins.load(options.plugin)
    device = resolve_device(options.device)
    if options.stream:
        if options.files or options.spectrogram:
            raise InputError("--stream scores standard input: it takes no files and no pictures")
        wanted = stream.Pcm(options.format, options.rate, options.channels)
        source = stream.standard_input()
        windows = options.window, options.hop
        checkpoint = run_config.one_detector(options)
        return stream.run(checkpoint, device, source, wanted, windows, options.json)
    found = score_files.sources(options.files)
    checkpoint = run_config.one_detector(options)
    return score_files.run(checkpoint, device, found, options.json, options.spectrogram)


def _instead_of(positional: argparse.Action) -> type[argparse.Action]:
    """Return the action of a flag that makes `positional` optional."""

    class Flag(argparse.Action):
        """Store True and make the positional argument optional."""

        def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
            super().__init__(option_strings, dest, nargs=0, default=False, help=help)

        def __call__(
            self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object
        ) -> None:
            positional.required = False
            setattr(namespace, self.dest, True)

    return Flag
