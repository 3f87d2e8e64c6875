"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

LEAST_RESAMPLES = 100


def data_option(sub: argparse.ArgumentParser) -> None:
    """--data and what says how to read it."""
    sub.add_argument(
        "--data", type=Path, metavar="PATH",
        help="folder of a known layout, or a table of files (default: the embedded data set)",
    )  # fmt: skip
    reading_options(sub)


def reading_options(sub: argparse.ArgumentParser) -> None:
    """What says how a data set is to be read."""
    sub.add_argument(
        "--layout", default="", metavar="NAME",
        help="the layout of --data, where it is not recognised (see: list layouts)",
    )  # fmt: skip
    sub.add_argument(
        "--pattern", default="", metavar="REGEX",
        help="take the audio files of --data whose path matches; groups (?P<label>...) and more",
    )  # fmt: skip
    sub.add_argument(
        "--labels", default="", metavar="WORD=CLASS,...",
        help="the data set's own words for bonafide and spoof",
    )  # fmt: skip


def workers_option(sub: argparse.ArgumentParser) -> None:
    """--workers."""
    sub.add_argument(
        "--workers", type=at_least(0), help="worker processes (default: one per core; 0: none)"
    )


def sample_options(sub: argparse.ArgumentParser) -> None:
    """--voices and --samples: what the report's page may play."""
    sub.add_argument(
        "--voices", choices=("none", "synthetic", "all"), default="synthetic",
        help="whose voices the page may play: none (pictures only), those that nobody lent, or all"
        " (default: synthetic)",
    )  # fmt: skip
    sub.add_argument(
        "--samples", type=at_least(0, 100), default=2, metavar="N",
        help="utterances that the page plays or shows before and after attacks (default: 2)",
    )  # fmt: skip


def named_file(text: str) -> tuple[str, Path]:
    """NAME=FILE."""
    name, separator, path = text.partition("=")
    if not (name and separator and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE")
    return name, Path(path)


def at_least(low: int, high: int = 2**63 - 1) -> Callable[[str], int]:
    """A whole number in [low, high]."""

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
    """How many resamples: 0, or enough for the ends of a 95 % interval to mean something."""
    number = at_least(0, 100_000)(text)
    if 0 < number < LEAST_RESAMPLES:
        raise argparse.ArgumentTypeError(
            f"{number} resamples are too few for an interval: 0 makes none, else give at least"
            f" {LEAST_RESAMPLES}"
        )
    return number


def positive(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{value:g} is out of range (above 0)")
    return value
