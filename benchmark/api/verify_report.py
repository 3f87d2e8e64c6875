"""Verify the files of a report: they are made again from the scores and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.api import reported
from benchmark.api.reported import FACTS, Again, as_dict
from benchmark.report import report_check, writer
from benchmark.runs import provenance
from benchmark.runs.verify_step import Step, counted
from benchmark.scores import scopes


def verify(
    folder: Path, facts: dict[str, Any] | None, fault: str, again: Again, alone: bool
) -> Step:
    """Compare every file of the report with what the scores give.

    alone : its tables and run.json are all that there is of it
    """
    if facts is None:
        said = "no report is in this folder" if not fault else "no file could be compared"
        return Step("report", said, (fault,) if fault else ())
    other = report_check.versions(
        as_dict(as_dict(facts.get("provenance")).get("reported")), provenance.code()
    )
    stored = {name: _bytes(folder / name) for name in reported.named(facts)}
    before = _text(stored.get(writer.PAGE))
    run = str(facts.get("run", ""))
    with reported.quiet():
        if alone:
            made = writer.claims(again.results, again.tables, run)
        else:
            made = writer.texts(
                again.results,
                again.tables,
                run,
                finish=lambda page: report_check.with_samples(page, before),
                paired=writer.OTHER_SCOPE in facts,
            )
    faults = [f"{name} is missing" for name, content in stored.items() if content is None]
    old = "files_sha256" not in facts
    if old:  # of a version that did not record all that these files depend on
        made = {name: text for name, text in made.items() if name.endswith(".csv")}
    unequal = 0
    for name, text in made.items():
        content = stored.get(name, _bytes(folder / name))
        if content is None:
            faults += [] if name in stored else [f"{name} is missing"]
            continue
        difference, changed = report_check.differences(
            name, content, text, not other, again.results.detectors
        )
        unequal += changed
        if difference:
            faults.append(f"{name} is not what the scores give: {difference}")
    if not old:
        listed = report_check.unlisted(facts, stored) if other else ()
        page = () if alone else _samples(facts, stored.get(writer.PAGE))
        faults = [*listed, *page, *faults]
    if faults and other:
        faults.append(f"the report was written with {', '.join(other)}")
    said = f"{counted(len(made), 'file')} of the report computed again from the parts, "
    said += "every byte" if not (unequal and other) else "every byte, then every number,"
    notes = [f"written with {', '.join(other)}"] if other else []
    if old:
        notes.append("an older version wrote the report: only its CSV files could be compared")
    return Step("report", f"{said} compared", tuple(faults), tuple(notes))


def other_scope(folder: Path, facts: dict[str, Any] | None, again: Again) -> Iterator[Step]:
    """Yield what is found of the report of scope `spoof` beside that of `both`, if there is one.

    Its choices are those of run.json of the run, but for the scope; its own is compared with them.
    """
    place = folder / scopes.BESIDE
    name = f"report in {scopes.BESIDE}"
    if facts is None or writer.OTHER_SCOPE not in facts:
        if left := [file for file in (*reported.REPORT, FACTS) if (place / file).exists()]:
            fault = f"{scopes.BESIDE}: {', '.join(left)} is there, but {FACTS} names no such report"
            yield Step(name, "nothing was compared", (fault,))
        return
    if again.results.scope != scopes.BOTH:
        fault = f"{FACTS} is that of a report in {scopes.BESIDE}: it leads out of this folder"
        yield Step(name, "nothing was compared", (fault,))
        return
    spoof = {**facts, "choices": {**as_dict(facts.get("choices")), "scope": scopes.SPOOF}}
    made, cause = reported.again(folder, spoof)
    stated, fault = reported.stated(place)
    if made is None or stated is None:
        cause = cause or fault or f"{FACTS} is missing"
        yield Step(name, "nothing was compared", (f"{scopes.BESIDE}: {cause}",))
        return
    digests = {key: stated.get(key) for key in (*report_check.DIGESTS, "samples_sha256")}
    step = verify(place, {**spoof, **digests}, "", made, False)
    faults = tuple(f"{scopes.BESIDE}: {fault}" for fault in step.faults)
    yield replace(step, name=name, faults=faults)


def _samples(facts: dict[str, Any], page: bytes | None) -> Iterator[str]:
    """Yield how the samples of a page differ from their digest: their audio may not be here."""
    if page is None:
        return
    section = writer.samples_section(_text(page))
    if section is None:
        yield f"{writer.PAGE}: the marks around its samples were changed"
    elif hashlib.sha256(section.encode()).hexdigest() != facts.get("samples_sha256"):
        yield f"{writer.PAGE}: its samples have not the SHA-256 in {FACTS}"


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "replace")


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
