"""The command `import-scores`: import scores of another tool into a run."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import typed
from benchmark.cli.arguments import Command, data_option, subset_options
from benchmark.core.errors import InputError

if TYPE_CHECKING:
    from benchmark.scores.store import Store
    from benchmark.workers.context import ProcessContext


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("import-scores", "import scores of another tool into a run", import_scores)
    sub.add_argument("file", type=Path, metavar="FILE", help="`id score`, ASVspoof, a log, CSV")
    sub.add_argument("--detector", required=True, metavar="NAME", help="its name in the run")
    sub.add_argument("--run", required=True, help="run folder, or name below results/")
    sub.add_argument(
        "--condition", default="", metavar="COND",
        help="condition of the scores, if the file does not name it (default: clean)",
    )  # fmt: skip
    sub.add_argument(
        "--reversed", action="store_true", help="higher scores mean more spoof: invert the sign"
    )
    sub.add_argument(
        "--allow-missing", action="store_true",
        help="continue if trials have no score; their coverage is reported",
    )  # fmt: skip
    sub.add_argument(
        "--allow-unknown", action="store_true", help="skip scores whose id is not a trial"
    )
    sub.add_argument(
        "--exported", type=Path, metavar="DIR",
        help="folder of export-audio that was scored: import its measured effects too",
    )  # fmt: skip
    sub.add_argument(
        "--card", type=Path, metavar="FILE",
        help="result card of a public arena (summary.json, result.yaml): refuse scores whose EER,"
        " number or SHA-256 is another",
    )  # fmt: skip
    data_option(sub)
    sub.add_argument("--suite", default="", help="the conditions of a new run (default: clean)")
    subset_options(sub)


def import_scores(options: Namespace) -> int:
    """Import scores into a run, which is created if absent; return 1 if a trial has no score."""
    from benchmark.exchange.import_scores import ImportRequest, import_file
    from benchmark.runs import provenance, run_folders
    from benchmark.scores.manifest import IMPORTED
    from benchmark.scores.store import Store

    context = typed.context(options)
    folder = run_folders.find(options.run, new=True)
    origin = provenance.code() | {IMPORTED: options.file.name}
    store = Store(folder, origin, IMPORTED)
    _claim(store, options, context)
    wanted = ImportRequest(
        options.file,
        options.detector,
        options.condition,
        options.reversed,
        options.allow_missing,
        options.allow_unknown,
        options.exported,
        options.card,
    )
    done = import_file(store, wanted)
    print(f"{options.file} is read {done.assumed}")
    for one in done.cells:
        print(one)
    if done.strangers:
        print(f"skipped: {done.strangers} scores whose id is not a trial of the run")
    print(f"{options.detector} is imported into {folder}; next: launderbench report {options.run}")
    return 0 if all(one.scored == one.trials for one in done.cells) else 1


def _claim(store: Store, options: Namespace, context: ProcessContext) -> None:
    """Create the run for the given data; `InputError` if an existing run differs from the options.

    Without data the run must exist.
    """
    from attacks.contract.condition import CLEAN
    from benchmark.runs import planning, plugin_checks, runner
    from benchmark.runs.run_config import RunConfig

    head = store.read_head()
    if options.data is None:
        if head is None:
            raise InputError(
                f"{store.folder} holds no run: name one, or say --data and --suite for a new one"
            )
        return
    config = RunConfig(
        typed.data_config(options),
        options.suite or CLEAN,
        seed=options.seed,
        limit=options.limit,
        allow_missing=True,
        context=context,
    )
    plan = planning.plan(config, scored=False)
    if head is None:
        runner.write_plan(plugin_checks.checked(plan, store, context), store)
        return
    new = runner.head_of(plan)
    for field in ("trial_digest", "seed", *(["conditions"] if options.suite else [])):
        if head[field] != new[field]:
            what = field.replace("_", " ")
            raise InputError(f"{store.folder} holds a run with another {what} than given")
