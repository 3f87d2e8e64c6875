"""The command `score`: score audio files, folders or a stream with one detector."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli import console, typed
from benchmark.cli.arguments import Command, at_least, detector_options, positive
from benchmark.core.errors import InputError
from benchmark.core.progress import each

if TYPE_CHECKING:
    from benchmark.inference.checkpoints import Checkpoint
    from benchmark.inference.score_files import ScoredFile
    from benchmark.inference.stream import ScoredWindow


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
        "--spectrogram", type=Path, metavar="DIR", help="also write spectrograms there"
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
    from benchmark.inference import score_files, stream
    from benchmark.inference.scorer import resolve_device
    from benchmark.runs import detector_choice

    typed.context(options)
    device = resolve_device(options.device)
    if options.stream and (options.files or options.spectrogram):
        raise InputError("--stream scores standard input: it takes no files and no pictures")
    choice = typed.chosen_detector(options)
    if options.stream:
        wanted = stream.Pcm(options.format, options.rate, options.channels)
        source = stream.standard_input()
        checkpoint = detector_choice.one(choice)
        for window in stream.scored(
            checkpoint, device, source, wanted, options.window, options.hop
        ):
            console.tell(_window_line(window, options.json))
        return 0
    found = score_files.sources(options.files)
    checkpoint = detector_choice.one(choice)
    failed = False
    made = score_files.scored(checkpoint, device, found, options.spectrogram)
    for scored in each(made, "scoring", "file", len(found)):
        failed |= scored.score is None
        _tell(scored, checkpoint, options.json)
    return 1 if failed else 0


def _window_line(window: ScoredWindow, as_json: bool) -> str:
    if as_json:
        return json.dumps(asdict(window))
    return f"{window.begin:.3f}\t{window.end:.3f}\t{window.score:.6f}\t{window.verdict}"


def _tell(scored: ScoredFile, checkpoint: Checkpoint, as_json: bool) -> None:
    """Print the line of one file and flush it.

    In plain text a failure goes to standard error. A warning about a file under `LEAST_S` goes
    there too, in addition to its score.
    """
    from benchmark.inference.score_files import LEAST_S, threshold

    if scored.score is not None and scored.seconds < LEAST_S:
        console.complain(
            f"warning: {scored.path} holds {1000 * scored.seconds:.3g} ms of sound: under"
            f" {1000 * LEAST_S:g} ms a score and its verdict mean very little"
        )
    if as_json:
        row: dict[str, Any] = {"path": str(scored.path), "detector": checkpoint.name}
        row |= {"error": scored.cause} if scored.score is None else {
            "score": scored.score, "verdict": scored.verdict, "threshold": threshold(checkpoint),
        }  # fmt: skip
        console.tell(json.dumps(row))
    elif scored.score is None:
        console.complain(f"{scored.path}: not scored: {scored.cause}")
    else:
        console.tell(f"{scored.path}\t{scored.score:.6f}\t{scored.verdict}")


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
