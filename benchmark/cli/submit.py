"""The command `submit`: the shares of one run as jobs of Slurm, or of this machine."""

from __future__ import annotations

import argparse
import shutil
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli import typed
from benchmark.cli.arguments import Command, at_least
from benchmark.core.errors import InputError, one_line

if TYPE_CHECKING:
    from benchmark.api.prospect import Prospect

LOGS = "jobs"  # folder for scripts and output of the jobs, in the run folder
FAILED = 1
EXTRA = "submit needs submitit: pip install 'launderbench[cluster]'"


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "submit",
        "submit the shares of one run to Slurm; after -- follow the options of run",
        submit,
    )
    sub.add_argument(
        "--shares", type=at_least(1), required=True, metavar="N", help="jobs, a share each"
    )
    sub.add_argument(
        "--cluster", choices=("slurm", "local"), default="slurm",
        help="Slurm, or processes of this machine to try it (default: slurm)",
    )  # fmt: skip
    sub.add_argument("--partition", default="", help="partition of Slurm")
    sub.add_argument(
        "--minutes", type=at_least(1), default=240, metavar="MIN",
        help="time limit of a job (default: 240); a job that reaches it is queued again",
    )  # fmt: skip
    sub.add_argument(
        "--cpus", type=at_least(1), default=4, metavar="N",
        help="CPUs of a job, and its worker processes (default: 4)",
    )  # fmt: skip
    sub.add_argument("--gpus", type=at_least(0), default=0, metavar="N", help="GPUs of a job")
    sub.add_argument("--memory", type=at_least(1), metavar="GB", help="memory of a job")
    sub.add_argument(
        "--slurm", type=_setting, action="append", default=[], metavar="KEY=VALUE",
        help="another parameter of sbatch, as account=speech (repeatable)",
    )  # fmt: skip
    sub.add_argument("--wait", action="store_true", help="return when all jobs have ended")
    sub.add_argument(
        "rest", nargs="*", metavar="-- OPTIONS", help="what you would give to launderbench run"
    )


def submit(options: Namespace) -> int:
    """Submit the shares of a run; with --wait return 1 if one failed."""
    from benchmark.api import prospect
    from benchmark.cli.main import parser

    given = _given(options)
    asked = parser().parse_args(["run", *given, "--shard", f"1/{options.shares}"])
    if any(word == "--shard" or word.startswith("--shard=") for word in options.rest):
        raise InputError("--shard: submit gives each job its own share, from 1 to --shares")
    executor = _executor(options.cluster)
    found = prospect.expected(typed.run_config(asked), typed.execution(asked))
    folder = _folder(found)
    given += ["--run", str(folder)]
    if asked.workers is None:
        given += ["--workers", str(options.cpus)]
    jobs = _submitted(executor, options, folder, given)
    print(f"submitted {len(jobs)} shares: jobs {jobs[0].job_id} to {jobs[-1].job_id}")
    hint = f"launderbench report {folder}"
    if not options.wait:
        print(
            f"the share that ends last writes the report; after a job that failed submit the same"
            f" again, or: {hint}"
        )
        return 0
    failed = [number for number, job in enumerate(jobs, 1) if not _succeeded(job)]
    if failed:
        shares = ", ".join(f"{number}/{len(jobs)}" for number in failed)
        sys.stderr.write(
            f"shares that failed: {shares}; their output is in {folder / LOGS}; submit again\n"
        )
        return FAILED
    print(f"all shares are done; for other tables: {hint}")
    return 0


@dataclass(frozen=True)
class Share:
    """One job: `launderbench run` with a share; Slurm starts it again where it was preempted."""

    arguments: tuple[str, ...]

    def __call__(self) -> None:
        """Run the share; `RuntimeError` if it fails, so that the job counts as failed."""
        from benchmark.cli.main import main

        if code := main(self.arguments):
            raise RuntimeError(f"launderbench run ended with exit code {code}")

    def checkpoint(self) -> Any:
        """Return the same job: finished units are kept, so it goes on."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


def _given(options: Namespace) -> list[str]:
    """Return the options of `run`, with those that every command has."""
    plugins = [part for file in options.plugin for part in ("--plugin", str(file))]
    allowed = [part for text in options.allow for part in ("--allow", text)]
    return [*options.rest, *plugins, *allowed]


def _executor(cluster: str) -> Any:
    try:
        import submitit
    except ImportError as error:
        raise InputError(EXTRA) from error
    if cluster == "slurm" and shutil.which("sbatch") is None:
        raise InputError("there is no sbatch here: submit on a login node, or try --cluster local")
    return submitit.AutoExecutor


def _folder(found: Prospect) -> Path:
    """Return the run folder; `InputError` says what a share would lack."""
    if found.absent or found.folder is None:
        raise InputError(f"{'; '.join(found.absent)}: run launderbench bench or train first")
    return found.folder.absolute()


def _submitted(executor: Any, options: Namespace, folder: Path, given: list[str]) -> list[Any]:
    settings: dict[str, Any] = {
        "name": "launderbench",
        "timeout_min": options.minutes,
        "cpus_per_task": options.cpus,
        "gpus_per_node": options.gpus,
    }
    if options.memory:
        settings["mem_gb"] = options.memory
    if options.partition:
        settings["slurm_partition"] = options.partition
    settings |= {f"slurm_{key}": value for key, value in options.slurm}
    shares = [
        Share(("run", *given, "--shard", f"{number}/{options.shares}"))
        for number in range(1, options.shares + 1)
    ]
    try:
        made = executor(folder=folder / LOGS, cluster=options.cluster)
        made.update_parameters(**settings)
        with made.batch():
            return [made.submit(share) for share in shares]
    except (ValueError, NameError, AssertionError, RuntimeError, OSError) as error:
        raise InputError(f"the jobs cannot be submitted ({one_line(error)[:300]})") from error


def _succeeded(job: Any) -> bool:
    job.wait()
    return job.exception() is None


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value
