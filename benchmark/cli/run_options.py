"""What can be asked about how a matrix is computed: kept audio, shares, and a profile."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmark.cli.arguments import at_least, positive

PROFILE = "benchmark.cli.profile"
CACHE_GB = 20.0


def cache_options(sub: argparse.ArgumentParser) -> None:
    """--audio-cache and --cache-gb."""
    sub.add_argument(
        "--audio-cache", type=Path, metavar="DIR",
        help="keep laundered audio here, so that a detector added later needs no attack again",
    )  # fmt: skip
    sub.add_argument(
        "--cache-gb", type=positive, default=CACHE_GB, metavar="GB",
        help=f"at most this much of it (default: {CACHE_GB:g})",
    )  # fmt: skip


def shard_option(sub: argparse.ArgumentParser) -> None:
    """--shard."""
    sub.add_argument(
        "--shard", type=_share, metavar="I/N", default=(1, 1),
        help="compute only the I-th of N shares, for N machines that share one run folder",
    )  # fmt: skip


def precision_option(sub: argparse.ArgumentParser) -> None:
    """--precision."""
    sub.add_argument(
        "--precision", default="float32",
        help="in which networks score: float32 (default), bf16, or tf32 on CUDA; others than"
        " float32 have rows of their own, as mel-cnn@bf16",
    )  # fmt: skip


def profile_options(sub: argparse.ArgumentParser) -> None:
    """What `profile` takes beside what says what to run."""
    sub.set_defaults(module=PROFILE, limit=64)
    precision_option(sub)
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    sub.add_argument(
        "--untrained", action="store_true",
        help="networks with random weights, which are as fast as trained ones",
    )  # fmt: skip
    sub.add_argument("--csv", type=Path, metavar="FILE", help="also write the table as CSV")


def _share(text: str) -> tuple[int, int]:
    index, slash, of = text.partition("/")
    if not slash:
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N")
    count = at_least(1)(of)
    return at_least(1, count)(index), count
