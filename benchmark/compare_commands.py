"""What the commands do that say what to cite and set runs beside each other."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from benchmark import assembly, citations, files, plugins, statistics
from benchmark.collect import collect
from benchmark.errors import InputError
from benchmark.results import RunResults


def cite(options: Namespace) -> int:
    """BibTeX of everything that a run uses."""
    plugins.load(options.plugin)
    results = _results(options.run)
    head, version = results.provenance["plan"], metadata.version("launderbench")
    text = citations.document(citations.of_run(head, version, citations.made(results)))
    if options.out is None:
        print(text, end="")
    else:
        print(f"wrote {files.write(options.out, text)}")
    return 0


def compare(options: Namespace) -> int:
    """A run beside another, or beside published figures."""
    from benchmark import compare_report, published_tables
    from benchmark.compare import compare as compared

    if bool(options.other) == bool(options.published):
        raise InputError("name a second run, or a published table with --published, not both")
    if options.match and not options.published:
        raise InputError("--match goes with --published")
    plugins.load(options.plugin)
    resamples = statistics.RESAMPLES if options.bootstrap is None else options.bootstrap
    if options.published:
        table = published_tables.load(options.published)
        match = _pairs(options.match)
        found: compare_report.Beside | compare_report.Comparison = published_tables.beside(
            _results(options.run), table, match, resamples
        )
    else:
        found = compared(_results(options.run), _results(options.other), resamples)
    print(compare_report.text(found))
    if options.out is not None:
        written = compare_report.write(found, options.out)
        print(f"\nwrote {', '.join(path.name for path in written)} in {options.out}")
    return 0


def _results(run: str) -> RunResults:
    folder: Path = assembly.run_folder(run)
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
