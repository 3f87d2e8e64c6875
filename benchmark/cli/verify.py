"""The command `verify`: is a run what it says, file by file, verdict by verdict, score by score?

Of a release, which holds tables alone, every byte is compared with its manifest.
"""

from __future__ import annotations

import json
import secrets
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import typed
from benchmark.cli.arguments import (
    Command,
    at_least,
    device_option,
    noise_option,
    run_argument,
    seed,
    weights_options,
)
from benchmark.core.errors import InputError

if TYPE_CHECKING:
    from benchmark.runs.verify_step import Step

STDOUT = Path("-")
SEEDS = 2**31


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "verify", "derive everything in a run folder again, and list what differs", verify
    )
    run_argument(sub, "run folder, or name below results/; or the file of a release")
    sub.add_argument(
        "--json", type=Path, metavar="FILE", help="write what was found as JSON there (-: print it)"
    )
    sub.add_argument(
        "--digest", default="", metavar="HEX",
        help="the digest of the run, or of the release, that a page or a paper states",
    )  # fmt: skip
    sub.add_argument(
        "--rescore", type=at_least(1), default=0, metavar="N",
        help="launder and score N random utterances x conditions again",
    )  # fmt: skip
    sub.add_argument(
        "--seed", type=seed, help="makes the same random choices again (default: new ones)"
    )
    sub.add_argument(
        "--recheck-audio", action="store_true",
        help="compare every audio file with the SHA-256 that the run recorded",
    )  # fmt: skip
    weights_options(sub)
    device_option(sub)
    noise_option(sub)


def verify(options: Namespace) -> int:
    """Print every step and what it found; return 0 only if everything holds."""
    from benchmark.api import verification
    from benchmark.api.verification import Verification, VerifyOptions
    from benchmark.core import atomic_files
    from benchmark.runs import run_folders
    from benchmark.runs.verify_step import counted

    if (folder := run_folders.find(options.run)).is_file():
        return _release(folder, options)
    asked = VerifyOptions(
        options.digest,
        options.rescore,
        # whoever falsified the run must not know what is looked at
        secrets.randbelow(SEEDS) if options.seed is None else options.seed,
        options.recheck_audio,
        typed.given_files(options),
        options.device,
    )
    typed.context(options)
    show = options.json != STDOUT
    for found in verification.verify(folder, asked):
        if isinstance(found, Verification):
            break
        if show:
            print_step(found)
    assert isinstance(found, Verification)
    text = json.dumps(found.facts(), indent=1, ensure_ascii=False) + "\n"
    if not show:
        print(text, end="")
    else:
        count = sum(len(step.faults) for step in found.steps)
        print("everything holds" if found.sound else counted(count, "fault"))
        print(found.ending())
        if options.json is not None:
            atomic_files.write(options.json, text)
    return 0 if found.sound else 1


def print_step(step: Step) -> None:
    """Print what one step compared, and what it found."""
    from benchmark.runs.verify_step import counted

    verdict = counted(len(step.faults), "fault") if step.faults else "holds"
    print(f"{step.name}: {step.found}: {verdict}", flush=True)
    for fault in step.faults:
        print(f"  FAULT {fault}")
    for note in step.notes:
        print(f"  note: {note}")


def _release(file: Path, options: Namespace) -> int:
    """Compare a release with its manifest, and with a digest from elsewhere."""
    from benchmark.cli.release import show
    from benchmark.report import releases

    if (
        options.rescore
        or options.recheck_audio
        or options.json
        or options.checkpoint
        or options.weights
    ):
        raise InputError(
            f"{file} holds tables alone: of the options of verify it takes only --digest"
        )
    found = releases.read(file, options.digest)
    print(f"{file}: all {len(found.files)} files are what the manifest says")
    show(found)
    against = "holds" if options.digest else "not compared: give --digest HEX of a paper"
    print(f"digest: {against}")
    return 0
