"""The command line: the parser of all commands, and errors as exit codes.

Each module in COMMANDS adds its commands with their options. Its actions import what they need
when they run, so that `--help` and small listings stay fast.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

import shtab

from benchmark.cli import (
    attack,
    bench,
    board,
    check,
    cite,
    compact,
    compare,
    console,
    data,
    export,
    export_audio,
    export_scores,
    import_scores,
    merge,
    new,
    plan,
    profile,
    release,
    repeat,
    report,
    run,
    score,
    serve,
    spectrograms,
    study,
    submit,
    submit_results,
    train,
    verify,
    verify_submission,
    weights,
)
from benchmark.cli import list as listing
from benchmark.cli.arguments import Action, quiet_option
from benchmark.core import terminal, trust
from benchmark.core.errors import InputError, one_line, unknown
from benchmark.core.foreign import Terminated, no_exit

BAD_INPUT, UNFORESEEN = 2, 70
TERMINATED = 143  # 128 + SIGTERM, as a shell says it
COMMANDS = (
    bench, plan, run, submit, profile, report, verify, repeat, compact, merge, train, study, score,
    export, weights, serve, data, attack, listing, check, new, export_audio, spectrograms,
    import_scores, export_scores, submit_results, verify_submission, board, cite, release, compare,
)  # fmt: skip


class Parser(argparse.ArgumentParser):
    """An argument parser without abbreviations, whose errors are `InputError`s of one sentence."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a value that is no choice with the nearest ones instead of all."""
        if action.choices is not None and value not in action.choices:
            kind = str(action.metavar or action.dest).lower()
            error = unknown(kind, str(value), map(str, action.choices), f"{self.prog} --help")
            raise InputError(str(error))

    def error(self, message: str) -> NoReturn:
        """Raise `InputError` instead of printing the usage."""
        raise InputError(f"{message} (see {self.prog} --help)")


class Version(argparse.Action):
    """Print the version of the installed package and exit; `InputError` if none is installed."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib import metadata

        try:
            print(f"launderbench {metadata.version('launderbench')}")
        except metadata.PackageNotFoundError:
            raise InputError(
                "the version is unknown, because LaunderBench is not installed: run"
                " pip install -e . in its folder"
            ) from None
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    The exit code is 0 (all is written), 1 (not all as claimed), 2 (bad input), 70 (an unforeseen
    error), 130 (Ctrl-C) or 143 (SIGTERM).
    """
    try:
        with contextlib.redirect_stdout(cast(TextIO, terminal.Printable(sys.stdout))):
            options = parser().parse_args(arguments)
            trust.allow(options.allow)
            with console.messages(options.quiet), console.terminable(), no_exit():
                return int(options.act(options) or 0)
    except InputError as error:
        console.complain(f"launderbench: {error}")
        return BAD_INPUT
    except BrokenPipeError:
        console.discard(sys.stdout)
        return 0
    except OSError as error:
        cause = f"{error.strerror}: {error.filename}" if error.filename else repr(error)
        console.complain(f"launderbench: {cause}; what was finished is kept")
        return BAD_INPUT
    except Terminated:
        again = shlex.join(["launderbench", *(sys.argv[1:] if arguments is None else arguments)])
        console.complain(f"launderbench: ended by SIGTERM; finished units are kept: {again}")
        return TERMINATED
    except KeyboardInterrupt:
        console.complain("launderbench: stopped; finished units are kept, run again")
        return 130
    except Exception as error:  # noqa: BLE001 - the net under everything that nobody foresaw
        console.complain(_unforeseen(error))
        return UNFORESEEN
    finally:
        trust.allow(())
        if (noises := sys.modules.get("noises")) is not None:  # imported only if it was needed
            noises.use(None)


def _unforeseen(error: Exception) -> str:
    """Write the traceback of an error to a file, and return the line that names it."""
    said = f"launderbench: unforeseen error, {type(error).__name__}: {one_line(error)}"
    lines = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="backslashreplace", delete=False,
            prefix="launderbench-error-", suffix=".txt",
        ) as file:  # fmt: skip
            file.write(lines)
    except OSError as cause:
        return f"{said}; no file could be written ({cause.strerror}):\n{lines}"
    return f"{said}; what was finished is kept; please report it with {file.name}"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the `launderbench` command."""
    top = Parser(
        prog="launderbench",
        description="Robustness benchmark for audio-deepfake detectors under laundering attacks.",
    )
    top.add_argument("--version", action=Version, nargs=0, help="print the version and exit")
    shtab.add_argument_to(top, "--completion", help="print the completion script of a shell")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, help_: str, action: Action) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_, description=help_)
        sub.set_defaults(act=action)
        sub.add_argument(
            "--plugin", type=Path, action="append", default=[], metavar="FILE",
            help="Python file that registers attacks or detectors (repeatable)",
        )  # fmt: skip
        sub.add_argument(
            trust.OPTION, action="append", default=[], metavar="SPELLING",
            help="accept this attack or detector from a file, though it runs a program or opens"
            " another file: NAME, or NAME(KEY=VALUE, ...) (repeatable)",
        )  # fmt: skip
        quiet_option(sub)
        return sub

    for module in COMMANDS:
        module.add(command)
    return top
