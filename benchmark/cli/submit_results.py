"""The command `submit-results`: the results of a run in one file that others can verify."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli import typed
from benchmark.cli.arguments import Command, run_argument
from benchmark.core.errors import InputError


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "submit-results", "write the results of a run into one file that others can verify", submit
    )
    run_argument(sub)
    sub.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the file, such as mine.zip"
    )
    sub.add_argument("--by", required=True, metavar="NAME", help="who submits: person or group")
    sub.add_argument("--note", default="", help="one line for readers of a board")
    sub.add_argument(
        "--detector", action="append", default=[], metavar="NAME",
        help="submit this detector of the run (repeatable; default: all)",
    )  # fmt: skip
    sub.add_argument(
        "--trained-on", action="append", default=[], metavar="NAME=CORPUS,...",
        help="declare on which corpora detector NAME was trained, where the run does not say it;"
        " NAME= for none, NAME=unknown if nobody knows (repeatable)",
    )  # fmt: skip


def submit(options: Namespace) -> int:
    """Write the submission, and print the digests to publish with it."""
    from benchmark.api import submitting
    from benchmark.exchange.submission_card import Submitter
    from benchmark.runs import run_folders

    typed.context(options)
    submitter = Submitter(options.by, options.note, _declared(options.trained_on))
    done = submitting.submit(
        run_folders.find(options.run), options.out, submitter, tuple(options.detector)
    )
    print(
        f"{done.file} claims {done.cells} cells of {', '.join(done.detectors)}\n"
        f"run digest {done.run_digest}\n"
        f"SHA-256 of the file {done.sha256}\n"
        "publish the run digest beside the figures: it alone shows that nobody rewrote scores,"
        f" labels and tables together; next: launderbench verify-submission {done.file}"
    )
    return 0


def _declared(texts: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the corpora of each detector; `InputError` for a text without a name."""
    found = {}
    for text in texts:
        name, equals, corpora = text.partition("=")
        if not (name.strip() and equals):
            raise InputError(f"--trained-on {text!r}: write it like mine=ASVspoof2019-LA,MLAAD")
        words = tuple(word.strip() for word in corpora.split(",") if word.strip())
        if any(not word.isprintable() for word in words):
            raise InputError(f"--trained-on {text!r}: the name of a corpus is one line")
        found[name.strip()] = words
    return found
