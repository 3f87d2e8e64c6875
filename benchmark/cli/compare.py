"""What the commands do that say what to cite and set runs beside each other."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from benchmark.cli import run_config
from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.metrics import bootstrap as statistics
from benchmark.report import citations
from benchmark.scores.load_run import collect
from benchmark.scores.run_results import RunResults
from benchmark.workers import plugins


def cite(options: Namespace) -> int:
    """BibTeX of everything that a run uses."""
    plugins.load(options.plugin)
    results = _results(options.run)
    head, version = results.provenance["plan"], metadata.version("launderbench")
    text = citations.document(citations.of_run(head, version, citations.made(results)))
    if options.out is None:
        print(text, end="")
    else:
        print(f"wrote {atomic_files.write(options.out, text)}")
    return 0


def compare(options: Namespace) -> int:
    """A run beside another, or beside published figures."""
    from benchmark.leaderboard import published_figures
    from benchmark.leaderboard.compare_runs import compare as compared
    from benchmark.report import comparison_text

    if bool(options.other) == bool(options.published):
        raise InputError("name a second run, or a published table with --published, not both")
    if options.match and not options.published:
        raise InputError("--match goes with --published")
    plugins.load(options.plugin)
    resamples = statistics.RESAMPLES if options.bootstrap is None else options.bootstrap
    if options.published:
        table = published_figures.load(options.published)
        match = _pairs(options.match)
        found: comparison_text.PublishedComparison | comparison_text.RunComparison = (
            published_figures.beside(_results(options.run), table, match, resamples)
        )
    else:
        found = compared(_results(options.run), _results(options.other), resamples)
    print(comparison_text.text(found))
    if options.out is not None:
        written = comparison_text.write(found, options.out)
        print(f"\nwrote {', '.join(path.name for path in written)} in {options.out}")
    return 0


def _results(run: str) -> RunResults:
    folder: Path = run_config.run_folder(run)
    try:
        return collect(folder, {})
    except InputError as error:
        raise InputError(
            str(error) if str(folder) in str(error) else f"{folder}: {error}"
        ) from error


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, system = (part.strip() for part in text.rpartition("="))
        if not (name and equals and system):
            raise InputError(f"--match {text!r}: write it like my-aasist=AASIST")
        pairs[name] = system
    return pairs
