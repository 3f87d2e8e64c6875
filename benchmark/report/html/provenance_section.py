"""Section on provenance, with times and machine facts separate from the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from benchmark.core.errors import InputError
from benchmark.data.protocol import NO_RECIPE
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import citations as citing
from benchmark.report.rows import Row, bounded
from benchmark.scores.run_results import RunResults

LONGEST = 240  # characters shown of one fact
MACHINE = frozenset({"machine", "reported", "started", "ended"})  # scores do not depend on these
Fact = tuple[str, str]


def provenance(results: RunResults, tables: Tables) -> Row:
    """Return the facts of a run.

    main    : facts in words
    rest    : facts as in run.json
    machine : the main facts about machine and time, in words
    apart   : facts as in run.json on which no number depends
    """
    every = list(_flat(results.provenance))
    apart = [fact for fact in every if MACHINE & set(fact[0].split("."))]
    return {
        "main": [*_data(results), *_code(results.provenance), *_choices(tables)],
        "rest": [fact for fact in every if fact not in apart],
        "machine": [*_digest(tables), *_machine(results.provenance)],
        "apart": apart,
    }


def citations(results: RunResults, run_digest: str = "") -> tuple[str, str]:
    """Return the BibTeX text of a run, and the cause if it is limited to the harness, else ''."""
    own = writing_version(results.provenance)
    identity = citing.made(results, run_digest)
    plan = results.provenance.get("plan", {})
    if {"data", "suite", "conditions", "detectors"} <= plan.keys():
        try:
            return citing.document(citing.of_run(plan, own, identity)), ""
        except InputError as error:
            cause = str(error)
    else:
        cause = "the run says too little of what it used"
    head = {"suite": "unknown", "trial_digest": results.protocol.digest()} | plan
    return f"{citing.harness(head, own, identity)}\n", cause


def writing_version(facts: dict[str, Any]) -> str:
    """Return the version of LaunderBench that writes a report, or that wrote it."""
    reported = facts.get("reported", {})
    return str(reported.get("launderbench") or metadata.version("launderbench"))


def _digest(tables: Tables) -> Iterator[Fact]:
    """Yield the run digest, which covers the machines that computed the scores."""
    if tables.digest:
        yield "run digest, for launderbench verify RUN --digest", tables.digest


def _data(results: RunResults) -> Iterator[Fact]:
    protocol = results.protocol
    yield "trial digest, whole test set", protocol.digest()
    if protocol.recipe == NO_RECIPE:
        yield "audio digest", protocol.audio_digest
    else:
        yield "recipe of the audio, the same on every machine", protocol.recipe
        yield "audio digest, which may differ between processors", protocol.audio_digest
    if protocol.systems_left_out:
        yield "systems left out", ", ".join(protocol.systems_left_out)


def _code(facts: dict[str, Any]) -> Iterator[Fact]:
    """Yield seed, suite, versions, commits and FFmpeg builds; all values if parts differ."""
    plan = facts.get("plan", {})
    for name in ("seed", "suite"):
        if name in plan:
            yield name, str(plan[name])
    origins = [origin for origin in facts.get("computed", []) if isinstance(origin, dict)]
    commits = [
        f"{origin.get('commit') or 'no git checkout'}"
        f"{', with uncommitted changes' if origin.get('dirty') else ''}"
        for origin in origins
        if "launderbench" in origin
    ]
    versions = [origin["launderbench"] for origin in origins if "launderbench" in origin]
    builds = [
        ", ".join(f"{library} {number}" for library, number in origin["ffmpeg"].items())
        for origin in origins
        if "ffmpeg" in origin
    ]
    found = {"LaunderBench": versions, "commit": commits, "FFmpeg build": builds}
    for name, values in found.items():
        for value in dict.fromkeys(values):
            yield name, value


def _machine(facts: dict[str, Any]) -> Iterator[Fact]:
    """Yield the machines that computed the scores, and the time of writing."""
    origins = [origin for origin in facts.get("computed", []) if isinstance(origin, dict)]
    machines = [origin["machine"] for origin in origins if "machine" in origin]
    words = [
        ", ".join(
            f"{machine[key]}{' cores' if key == 'cores' else ''}"
            for key in ("device", "gpu", "processor", "cores", "system")
            if machine.get(key)
        )
        for machine in machines
    ]
    for text in dict.fromkeys(words):
        yield "scores computed on", text
    if "written" in facts.get("reported", {}):
        yield "page written", str(facts["reported"]["written"])


def _choices(tables: Tables) -> Iterator[Fact]:
    chosen = tables.choices
    intervals = f"{chosen['resamples']} paired resamples, {100 * chosen['level']:g} %"
    yield "intervals", intervals if bounded(tables.conditions) else "none"
    costs = chosen["costs"]
    yield (
        "costs of minDCF and actDCF",
        f"prior of spoof {costs['p_spoof']:g}, miss {costs['miss']:g},"
        f" false acceptance {costs['false_accept']:g}",
    )
    if chosen["baseline"]:
        yield "baseline of degradation", chosen["baseline"]


def _flat(facts: Any, prefix: str = "") -> Iterator[Fact]:
    """Yield nested facts as (dotted name, text) in their order; lists of facts are numbered."""
    nested: list[tuple[str, Any]] = []
    if isinstance(facts, dict):
        nested = [(str(name), value) for name, value in facts.items()]
    elif isinstance(facts, list) and any(isinstance(item, dict) for item in facts):
        nested = [(str(number), value) for number, value in enumerate(facts, 1)]
    for name, value in nested:
        yield from _flat(value, f"{prefix}.{name}" if prefix else name)
    if not nested and prefix:
        text = facts if isinstance(facts, str) else json.dumps(facts, ensure_ascii=False)
        yield prefix, text if len(text) <= LONGEST else f"{text[:LONGEST]} ... (whole in run.json)"
