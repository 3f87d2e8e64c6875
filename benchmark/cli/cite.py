"""The command `cite`: BibTeX of everything that a run, or a release of its tables, uses."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli import typed
from benchmark.cli.arguments import Command, run_argument


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("cite", "print BibTeX for everything that a run, or a release, uses", cite)
    run_argument(sub, "run folder, or name below results/; or the file of a release")
    sub.add_argument("--out", type=Path, metavar="FILE", help="write it there instead")


def cite(options: Namespace) -> int:
    """Print or write the BibTeX."""
    from importlib import metadata

    from benchmark.core import atomic_files
    from benchmark.report import citations, releases
    from benchmark.runs import run_folders
    from benchmark.scores import run_digest
    from benchmark.scores.store import Store

    typed.context(options)
    folder = run_folders.find(options.run)
    if folder.is_file() or not Store(folder).head.is_file():  # a release, or tables alone
        held = releases.read(folder) if folder.is_file() else releases.of_folder(folder)
        head, version, identity = held.head, held.manifest["launderbench"], held.identity
    else:
        results = run_folders.results(options.run)
        head, version = results.provenance["plan"], metadata.version("launderbench")
        identity = citations.made(results, run_digest.of(results))
    text = citations.document(citations.of_run(head, version, identity))
    if options.out is None:
        print(text, end="")
    else:
        print(f"wrote {atomic_files.write(options.out, text)}")
    return 0
