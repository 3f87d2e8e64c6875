"""The command `cite`: BibTeX of everything that a run uses."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli import typed
from benchmark.cli.arguments import Command, run_argument


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("cite", "print BibTeX for everything that a run uses", cite)
    run_argument(sub)
    sub.add_argument("--out", type=Path, metavar="FILE", help="write it there instead")


def cite(options: Namespace) -> int:
    """Print or write the BibTeX."""
    from importlib import metadata

    from benchmark.core import atomic_files
    from benchmark.report import citations
    from benchmark.runs import run_folders
    from benchmark.scores import run_digest

    typed.context(options)
    results = run_folders.results(options.run)
    head, version = results.provenance["plan"], metadata.version("launderbench")
    identity = citations.made(results, run_digest.of(results))
    text = citations.document(citations.of_run(head, version, identity))
    if options.out is None:
        print(text, end="")
    else:
        print(f"wrote {atomic_files.write(options.out, text)}")
    return 0
