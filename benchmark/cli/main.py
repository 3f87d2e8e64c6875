"""The command line: what can be asked. What is done about it stands in `commands`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from benchmark.cli import compare_options, data_options, detector_options, exchange_options
from benchmark.cli.arguments import (
    at_least,
    data_option,
    named_file,
    resamples,
    sample_options,
    seed,
    workers_option,
)
from benchmark.cli.run_options import cache_options, precision_option, profile_options, shard_option
from benchmark.core import paths
from benchmark.core.errors import InputError

BAD_INPUT = 2


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one sentence, like every other bad input."""

    def error(self, message: str) -> NoReturn:
        """Raise `InputError` instead of printing the usage."""
        raise InputError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 (not all as claimed), 2 (bad input) or 130."""
    noises = os.environ.get(paths.NOISES_VARIABLE)
    try:
        options = parser().parse_args(arguments)
        module = importlib.import_module(options.module)
        return int(getattr(module, options.command.replace("-", "_"))(options) or 0)
    except InputError as error:
        print(f"launderbench: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        cause = f"{error.strerror}: {error.filename}" if error.filename else repr(error)
        print(f"launderbench: {cause}; what was finished is kept", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("launderbench: stopped; finished units are kept, run again", file=sys.stderr)
        return 130
    finally:
        if noises is None:
            os.environ.pop(paths.NOISES_VARIABLE, None)
        else:
            os.environ[paths.NOISES_VARIABLE] = noises


def parser() -> argparse.ArgumentParser:
    """The parser of the `launderbench` command."""
    top = Parser(
        prog="launderbench",
        description="Robustness benchmark for audio-deepfake detectors under laundering attacks.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, help_: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_, description=help_)
        sub.set_defaults(module="benchmark.cli.run")
        sub.add_argument(
            "--plugin", type=Path, action="append", default=[], metavar="FILE",
            help="Python file that registers attacks or detectors (repeatable)",
        )  # fmt: skip
        return sub

    bench = add("bench", "build the data, train what is missing, run the matrix, write the report")
    _matrix_options(bench)
    _execution_options(bench)
    cache_options(bench)
    bench.set_defaults(shard=(1, 1))  # it also trains, which machines cannot share
    _ensemble_option(bench)
    sample_options(bench)
    plan = add("plan", "say what a run would compute, and about how long it would take")
    _matrix_options(plan)
    _execution_options(plan)
    shard_option(plan)
    run = add("run", "run the matrix with trained detectors")
    _matrix_options(run)
    _execution_options(run)
    cache_options(run)
    shard_option(run)
    _ensemble_option(run)
    sample_options(run)

    profile = add("profile", "say where the time of a run goes: stages, attacks, detectors")
    _matrix_options(profile)
    profile_options(profile)

    report = add("report", "write leaderboard CSV and HTML from a run's scores alone")
    report.add_argument("run", metavar="RUN", help="run folder, or name below results/")
    _ensemble_option(report)
    sample_options(report)
    report.add_argument(
        "--bootstrap", type=resamples, metavar="N",
        help="resamples behind every interval, 100 at least (default: 1000; 0: no intervals)",
    )  # fmt: skip
    report.add_argument(
        "--costs", default="", metavar="P_SPOOF,C_MISS,C_FA",
        help="prior and costs of minDCF and actDCF (default: 0.05,1,10, those of ASVspoof 5)",
    )  # fmt: skip
    report.add_argument(
        "--baseline", default="", metavar="DETECTOR",
        help="what degradation is measured against (default: shortcut)",
    )  # fmt: skip
    verify = add("verify", "fail unless every condition of a run is verified and complete")
    verify.add_argument("run", metavar="RUN", help="run folder, or name below results/")

    detector_options.add(add)

    weights = add("weights", "list, fetch or add the weights that detectors' authors publish")
    weights.add_argument("action", choices=("list", "fetch", "add"))
    weights.add_argument("what", nargs="*", metavar="NAME|FILE", help="to fetch, or to add")

    data_options.add(add("data", "describe, balance, split and fetch data sets; the embedded one"))

    attack = add("attack", "launder one audio file, or a folder with everything below it")
    attack.add_argument(
        "suite", metavar="CONDITION",
        help="condition, conditions joined by `;`, suite name or TOML file",
    )  # fmt: skip
    attack.add_argument("input", type=Path, metavar="IN", help="audio file or folder")
    attack.add_argument("out", type=Path, metavar="OUT", help="folder (or .wav or .flac file)")
    attack.add_argument("--seed", type=seed, default=0, help="seed of the attacks")
    attack.add_argument("--format", choices=("wav", "flac"), help="32-bit float, or 16-bit FLAC")
    attack.add_argument("--gallery", action="store_true", help="also one page to hear and see it")
    attack.add_argument("--noise-dir", type=Path, help="noise bank to use instead of the built one")
    workers_option(attack)

    listing = add("list", "list attacks, detectors or suites")
    listing.add_argument("what", choices=("attacks", "detectors", "layouts", "pools", "suites"))
    listing.add_argument("--family", default="", help="only attacks of this family")
    check = add("check", "run the conformance checks on attacks or detectors")
    check.add_argument("names", nargs="*", metavar="NAME", help="attacks, conditions or detectors")
    check.add_argument("--all", action="store_true", help="every registered attack")
    check.add_argument("--quick", action="store_true", help="leave out the levels of severity")
    workers_option(check)
    check.set_defaults(module="benchmark.cli.check")
    exchange_options.add(add)
    compare_options.add(add)
    return top


def _ensemble_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--ensemble", action="append", default=[], metavar="FUSION",
        help="also report mean(A, B) or logistic(A, B) of detectors A, B, ... (repeatable)",
    )  # fmt: skip


def _matrix_options(sub: argparse.ArgumentParser) -> None:
    data_option(sub)
    sub.add_argument("--suite", default="laundering", help="suite name, TOML file or condition")
    sub.add_argument("--detectors", default="", help="comma-separated, or all (default: a few)")
    sub.add_argument(
        "--checkpoint", type=Path, action="append", default=[], metavar="FILE",
        help="use this checkpoint for its detector (repeatable)",
    )  # fmt: skip
    sub.add_argument(
        "--weights", type=named_file, action="append", default=[], metavar="NAME=FILE",
        help="use this weight file (state dict of PyTorch) for detector NAME (repeatable)",
    )  # fmt: skip
    sub.add_argument(
        "--train-data", type=Path, metavar="DIR",
        help="data set on which the detectors are (or were) trained (default: the embedded one)",
    )  # fmt: skip
    sub.add_argument("--seed", type=seed, default=0, help="seed of attacks and training")
    sub.add_argument("--limit", type=at_least(2), help="at most this many test trials")
    sub.add_argument("--run", default="", help="run folder, or name below results/")
    sub.add_argument(
        "--allow-missing", action="store_true",
        help="go on where files of the protocol are missing; coverage then says so",
    )  # fmt: skip
    sub.add_argument("--noise-dir", type=Path, help="noise bank to use instead of the built one")


def _execution_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    precision_option(sub)
    workers_option(sub)
    sub.add_argument("--retry-failures", action="store_true", help="compute failed units again")
