"""Options that several commands share, and the types of their values.

Every module of a command imports this one, so it must stay light: no torch, no pandas.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmark.audio.input_faults import FAULTS
from benchmark.scores.scopes import BOTH, REPORTED, SCOPES

LEAST_RESAMPLES = 100
CACHE_GB = 20.0
UNIT_TIMEOUT_S = 3600.0
QUALITY = 24
EVERY = "all"

Action = Callable[[argparse.Namespace], int | None]
Command = Callable[[str, str, Action], argparse.ArgumentParser]  # (name, help, action)


def quiet_option(sub: argparse.ArgumentParser, default: bool | str = False) -> None:
    """Add --quiet; with `SUPPRESS` as default, what the command itself was told holds."""
    sub.add_argument(
        "--quiet", action="store_true", default=default,
        help="print results, warnings and errors only: no progress, no information",
    )  # fmt: skip


def json_option(sub: argparse.ArgumentParser) -> None:
    """Add --json."""
    sub.add_argument("--json", action="store_true", help="print JSON instead of text")


def data_option(sub: argparse.ArgumentParser) -> None:
    """Add --data and the options that say how to read it."""
    sub.add_argument(
        "--data", type=Path, metavar="PATH",
        help="folder of a known layout, or a table of files (default: the embedded data set)",
    )  # fmt: skip
    reading_options(sub)


def reading_options(sub: argparse.ArgumentParser) -> None:
    """Add the options that say how a data set is read."""
    sub.add_argument(
        "--layout", default="", metavar="NAME",
        help="layout of --data, where it is not recognised (see: launderbench list layouts)",
    )  # fmt: skip
    sub.add_argument(
        "--pattern", default="", metavar="REGEX",
        help="take the audio files of --data whose path matches; groups (?P<label>...) and more",
    )  # fmt: skip
    sub.add_argument(
        "--labels", default="", metavar="WORD=CLASS,...",
        help="the data set's own words for bonafide and spoof, in cells or names of folders",
    )  # fmt: skip
    sub.add_argument(
        "--audio-root", type=Path, metavar="DIR",
        help="folder that contains the audio, where it does not lie with the table or protocol",
    )  # fmt: skip


def corpus_options(sub: argparse.ArgumentParser) -> None:
    """Add the options of commands that write one file or picture for each utterance."""
    data_option(sub)
    sub.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    sub.add_argument(
        "--split", default="test", choices=("test", "dev", "train", "all"),
        help="which utterances (default: test)",
    )  # fmt: skip
    subset_options(sub)
    workers_option(sub)


def subset_options(sub: argparse.ArgumentParser) -> None:
    """Add --seed, --limit and --noise-dir."""
    sub.add_argument("--seed", type=seed, default=0, help="seed of the attacks")
    sub.add_argument("--limit", type=at_least(2), help="at most this many utterances of a split")
    noise_option(sub)


def recipe_option(sub: argparse.ArgumentParser) -> None:
    """Add --recipe."""
    sub.add_argument(
        "--recipe", type=Path, action="append", default=[], metavar="FILE",
        help="train the detector of this recipe file by it (repeatable; default: its own recipe)",
    )  # fmt: skip


def noise_option(sub: argparse.ArgumentParser) -> None:
    """Add --noise-dir."""
    sub.add_argument("--noise-dir", type=Path, help="noise bank to use instead of the built one")


def run_argument(
    sub: argparse.ArgumentParser, meaning: str = "run folder, or name below results/"
) -> None:
    """Add the positional RUN."""
    sub.add_argument("run", metavar="RUN", help=meaning)


def matrix_options(sub: argparse.ArgumentParser) -> None:
    """Add the options that say which data, suite and detectors a run has."""
    data_option(sub)
    sub.add_argument("--suite", default="core", help="suite name, TOML file or condition")
    sub.add_argument("--detectors", default="", help="comma-separated, or all (default: a few)")
    weights_options(sub)
    sub.add_argument(
        "--train-data", type=Path, metavar="DIR",
        help="data set on which the detectors are (or were) trained (default: the embedded one)",
    )  # fmt: skip
    sub.add_argument("--seed", type=seed, default=0, help="seed of attacks and training")
    sub.add_argument(
        "--attack-seeds", type=at_least(1), default=1, metavar="N",
        help="draws of the attacks, with seeds from --seed on: seeds.csv tells their spread",
    )  # fmt: skip
    sub.add_argument(
        "--train-seeds", type=at_least(1), default=1, metavar="N",
        help="trainings of every detector that learns, with the seeds from --seed on",
    )  # fmt: skip
    sub.add_argument("--limit", type=at_least(2), help="at most this many test trials")
    sub.add_argument("--run", default="", help="run folder, or name below results/")
    sub.add_argument(
        "--allow-missing", action="store_true",
        help="continue if files of the protocol are missing; the coverage is reported",
    )  # fmt: skip
    noise_option(sub)


def weights_options(sub: argparse.ArgumentParser) -> None:
    """Add the options that name files of weights."""
    sub.add_argument(
        "--checkpoint", type=Path, action="append", default=[], metavar="FILE",
        help="use this checkpoint for its detector (repeatable)",
    )  # fmt: skip
    sub.add_argument(
        "--weights", type=named_file, action="append", default=[], metavar="NAME=FILE",
        help="use this weight file (state dict of PyTorch) for detector NAME (repeatable)",
    )  # fmt: skip


def execution_options(sub: argparse.ArgumentParser) -> None:
    """Add the options that say how a run is computed."""
    device_option(sub, "auto, cpu, cuda, cuda:N, several as cuda:0,cuda:1, or cuda:all")
    precision_option(sub)
    workers_option(sub)
    sub.add_argument("--retry-failures", action="store_true", help="compute failed units again")
    sub.add_argument(
        "--recheck-audio", action="store_true",
        help="compare the digest of every audio file, not only its size and time",
    )  # fmt: skip
    sub.add_argument(
        "--fsync", action="store_true",
        help="force every file to the disk as it is written: slower, but survives a power cut",
    )  # fmt: skip
    sub.add_argument(
        "--unit-timeout", type=positive, default=UNIT_TIMEOUT_S, metavar="S",
        help="seconds after which a worker that hangs in a unit is replaced, and the unit tried"
        f" again utterance by utterance (default: {UNIT_TIMEOUT_S:g})",
    )  # fmt: skip


def executor_options(sub: argparse.ArgumentParser) -> None:
    """Add --executor and the options of a Ray cluster."""
    sub.add_argument(
        "--executor", choices=("processes", "ray"), default="processes",
        help="what computes: processes of this machine, or Ray (default: processes)",
    )  # fmt: skip
    sub.add_argument(
        "--address", default="", metavar="HOST:PORT",
        help="head of the Ray cluster, or auto for the cluster of which this machine is a node"
        " (default: start Ray on this machine)",
    )  # fmt: skip
    sub.add_argument(
        "--scorers", type=at_least(0), default=0, metavar="N",
        help="CPUs of the Ray cluster that only score, where no GPU does"
        " (default: 0, every task scores what it launders)",
    )  # fmt: skip


def detector_options(sub: argparse.ArgumentParser) -> None:
    """Add the options that name one detector, for commands that use it outside a run."""
    sub.add_argument("detector", metavar="DETECTOR", help="name, or checkpoint (.safetensors)")
    sub.add_argument("--weights", type=Path, metavar="FILE", help="weight file for DETECTOR")
    sub.add_argument(
        "--train-data", type=Path, metavar="DIR",
        help="data set on which DETECTOR was trained (default: the embedded one)",
    )  # fmt: skip
    sub.add_argument("--seed", type=seed, default=0, help="seed with which it was trained")
    device_option(sub)


def device_option(sub: argparse.ArgumentParser, known: str = "auto, cpu, cuda or cuda:N") -> None:
    """Add --device, whose help names the `known` devices."""
    sub.add_argument("--device", default="auto", help=known)


def workers_option(sub: argparse.ArgumentParser) -> None:
    """Add --workers."""
    sub.add_argument(
        "--workers", type=at_least(0), help="worker processes (default: one per core; 0: none)"
    )


def precision_option(sub: argparse.ArgumentParser) -> None:
    """Add --precision."""
    sub.add_argument(
        "--precision", default="float32",
        help="in which networks score: float32 (default), bf16, or tf32 on CUDA; others than"
        " float32 have rows of their own, as mel-cnn@bf16",
    )  # fmt: skip


def cache_options(sub: argparse.ArgumentParser) -> None:
    """Add --audio-cache and --cache-gb."""
    sub.add_argument(
        "--audio-cache", type=Path, metavar="DIR",
        help="keep laundered audio here, so that a detector added later needs no attack again",
    )  # fmt: skip
    sub.add_argument(
        "--cache-gb", type=positive, default=CACHE_GB, metavar="GB",
        help=f"at most this much of it (default: {CACHE_GB:g})",
    )  # fmt: skip


def quality_option(sub: argparse.ArgumentParser) -> None:
    """Add --quality."""
    sub.add_argument(
        "--quality", type=at_least(0), default=0, metavar="N",
        help="measure intelligibility, DNSMOS and the voice of N fakes under every condition"
        f"; {QUALITY} are a good sample (default: 0, none)",
    )  # fmt: skip


def shard_option(sub: argparse.ArgumentParser) -> None:
    """Add --shard."""
    sub.add_argument(
        "--shard", type=_share, metavar="I/N", default=(1, 1),
        help="compute only the I-th of N shares, for N machines that share one run folder",
    )  # fmt: skip


def report_options(sub: argparse.ArgumentParser) -> None:
    """Add --ensemble, --voices, --samples, --strict and --scope, as every reporting command has."""
    sub.add_argument(
        "--ensemble", action="append", default=[], metavar="FUSION",
        help="also report mean(A, B) or logistic(A, B) of detectors A, B, ... (repeatable)",
    )  # fmt: skip
    sub.add_argument(
        "--voices", choices=("none", "synthetic", "all"), default="synthetic",
        help="voices that the page may play: none (pictures only), synthetic ones, or all"
        " (default: synthetic)",
    )  # fmt: skip
    sub.add_argument(
        "--samples", type=at_least(0, 100), default=2, metavar="N",
        help="utterances that the page plays or shows before and after attacks (default: 2)",
    )  # fmt: skip
    sub.add_argument(
        "--strict", type=faults, nargs="?", const=tuple(FAULTS), default=(), metavar="FAULT,...",
        help="leave inputs with faults out of the trial set: all of them, or those named"
        " (default: score them, and say how many)",
    )  # fmt: skip
    scope_option(sub, each=True)


def scope_option(
    sub: argparse.ArgumentParser, default: str | None = BOTH, *, each: bool = False
) -> None:
    """Add --scope; with `each`, both scopes may be asked for at once."""
    more = "; or each: two reports, whose pages lead to each other" if each else ""
    sub.add_argument(
        "--scope", choices=REPORTED if each else SCOPES, default=default,
        help="who is laundered in tables: both, as a channel does; spoof: clean bona fide against"
        f" laundered spoofs{more} (default: {default or 'that of both reports'})",
    )  # fmt: skip


def resamples_option(sub: argparse.ArgumentParser) -> None:
    """Add --bootstrap."""
    sub.add_argument(
        "--bootstrap", type=resamples, metavar="N",
        help="resamples behind every interval, 100 at least (default: 1000; 0: no intervals)",
    )  # fmt: skip


def faults(text: str) -> tuple[str, ...]:
    """Parse names of faults of inputs, separated by commas; `all` are all."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if names == (EVERY,):
        return tuple(FAULTS)
    for name in names:
        if name not in FAULTS:
            known = ", ".join((EVERY, *FAULTS))
            raise argparse.ArgumentTypeError(f"{name!r} is no fault of inputs ({known})")
    return names


def named_file(text: str) -> tuple[str, Path]:
    """Parse NAME=FILE."""
    name, separator, path = text.partition("=")
    if not (name and separator and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE")
    return name, Path(path)


def at_least(low: int, high: int = 2**63 - 1) -> Callable[[str], int]:
    """Return a parser of whole numbers in [low, high]."""

    def whole(text: str) -> int:
        try:
            value = int(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from error
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is out of range (at least {low})")
        return value

    return whole


seed = at_least(0)


def resamples(text: str) -> int:
    """Parse a number of resamples: 0, or enough for a 95 % interval."""
    number = at_least(0, 100_000)(text)
    if 0 < number < LEAST_RESAMPLES:
        raise argparse.ArgumentTypeError(
            f"{number} resamples are too few for an interval: 0 makes none, else give at least"
            f" {LEAST_RESAMPLES}"
        )
    return number


def positive(text: str) -> float:
    """Parse a finite number above 0."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{value:g} is out of range (above 0)")
    return value


def _share(text: str) -> tuple[int, int]:
    index, slash, of = text.partition("/")
    if not slash:
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N")
    count = at_least(1)(of)
    return at_least(1, count)(index), count
