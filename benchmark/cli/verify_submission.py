"""The command `verify-submission`: recompute all of a submission, and say what that shows."""

from __future__ import annotations

import json
import secrets
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import typed
from benchmark.cli.arguments import (
    Command,
    at_least,
    device_option,
    noise_option,
    reading_options,
    seed,
    weights_options,
)
from benchmark.cli.verify import SEEDS, print_step
from benchmark.core.errors import InputError

if TYPE_CHECKING:
    from benchmark.api.submission_check import SubmissionCheck

EMBEDDED = "embedded"


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "verify-submission", "recompute every number of a submission, and say what is shown", verify
    )
    sub.add_argument("file", type=Path, metavar="FILE", help="what submit-results wrote")
    sub.add_argument(
        "--digest", default="", metavar="HEX", help="the run digest that was published"
    )
    sub.add_argument(
        "--data", type=Path, metavar="CORPUS",
        help="the corpus, `embedded` for the built-in one: compare the trials, and launder and"
        " score some of them again",
    )  # fmt: skip
    reading_options(sub)
    sub.add_argument(
        "--rescore", type=at_least(1), metavar="N",
        help="with --data: random utterances x conditions to compute again (default: 20)",
    )  # fmt: skip
    sub.add_argument(
        "--seed", type=seed, help="makes the same random choices again (default: new ones)"
    )
    sub.add_argument("--json", action="store_true", help="print what was found as JSON")
    weights_options(sub)
    device_option(sub)
    noise_option(sub)


def verify(options: Namespace) -> int:
    """Print every step, what was verified and what was not; return 0 only if everything holds."""
    from benchmark.api import submission_check
    from benchmark.data.data_config import EMBEDDED as BUILT_IN

    typed.context(options)
    data = None
    if options.data is not None:
        data = BUILT_IN if str(options.data) == EMBEDDED else typed.data_config(options)
    elif options.rescore:
        raise InputError("--rescore needs the corpus: --data CORPUS")
    asked = submission_check.CheckOptions(
        options.digest,
        data,
        options.rescore or submission_check.RESCORED,
        # whoever falsified the file must not know what is looked at
        secrets.randbelow(SEEDS) if options.seed is None else options.seed,
        typed.given_files(options),
        options.device,
    )
    with tempfile.TemporaryDirectory(prefix="launderbench-submission-") as work:
        for found in submission_check.check(options.file, Path(work) / "run", asked):
            if isinstance(found, submission_check.SubmissionCheck):
                break
            if not options.json:
                print_step(found)
    assert isinstance(found, submission_check.SubmissionCheck)
    if options.json:
        print(json.dumps(found.facts(), indent=1, ensure_ascii=False))
    else:
        _print_ending(options, found)
    return 1 if found.faults else 0


def _print_ending(options: Namespace, found: SubmissionCheck) -> None:
    for said in found.unverified():
        print(f"not verified: {said}")
    if found.options.data is not None:
        print(f"--seed {found.options.seed} chooses the same utterances again")
    if faults := found.faults:
        more = f" (and {len(faults) - 1} more faults)" if faults[1:] else ""
        print(f"REFUSED {options.file}: {faults[0]}{more}")
    else:
        print(
            f"verified: {found.cells} cells of {', '.join(sorted(found.card['detectors']))}, by"
            f" {found.card['submitter']}; run digest {found.run_digest}"
        )
