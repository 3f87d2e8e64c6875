"""A run as its report shows it: results and tables, computed again with the recorded choices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core import json_text
from benchmark.core.errors import InputError, one_line
from benchmark.core.log import logger
from benchmark.leaderboard import leaderboard_tables
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.metrics.decision import Costs
from benchmark.runs.verify_step import below
from benchmark.scores import fusion, realisations, scope
from benchmark.scores.load_run import collect
from benchmark.scores.run_results import RunResults
from benchmark.scores.scopes import BOTH

FACTS = "run.json"
MOST = 100_000  # resamples: a file of strangers must not keep a processor for days
REPORT = (  # names that only a report has, so that its rest is missed
    "leaderboard.csv", "conditions_full.csv", "leaderboard.json", "leaderboard.html",
    "leaderboard.tex",
)  # fmt: skip


@dataclass(frozen=True)
class Again:
    """The results and tables of a run, computed again with the choices that its report records."""

    results: RunResults
    tables: Tables


def stated(folder: Path) -> tuple[dict[str, Any] | None, str]:
    """Return run.json, None if there is none or it is damaged, and what is wrong with it."""
    path = folder / FACTS
    if not path.is_file():
        left = [name for name in REPORT if (folder / name).exists()]
        return None, f"{FACTS} is missing, so {', '.join(left)} cannot be compared" if left else ""
    try:
        facts = json_text.parse(path.read_bytes())
        if not isinstance(facts, dict):
            raise ValueError("it holds no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        return None, f"{FACTS} is damaged ({one_line(error)})"
    return facts, ""


def named(facts: dict[str, Any]) -> list[str]:
    """Return the files that run.json lists, and itself."""
    listed = [*as_dict(facts.get("tables_sha256")), *as_dict(facts.get("files_sha256"))]
    return [*dict.fromkeys(name for name in map(str, listed) if "/" not in name), FACTS]


def again(folder: Path, facts: dict[str, Any] | None) -> tuple[Again | None, str]:
    """Compute the tables of a run with the choices of its report; None and the cause if not."""
    recorded = facts or {}
    reported = as_dict(as_dict(recorded.get("provenance")).get("reported"))
    choices = as_dict(recorded.get("choices"))
    try:
        with quiet():
            strict = tuple(map(str, choices.get("strict") or ()))
            results = collect(folder, reported, strict)
            ensembles = choices.get("ensembles") or [
                name for name in recorded.get("detectors", []) if name not in results.detectors
            ]
            fusions = fusion.parse_all(map(str, ensembles))
            results = fusion.add(results, fusions)
            results = scope.of(results, str(choices.get("scope", BOTH)))  # older reports have none
            resamples = int(choices.get("resamples", 0))
            if not 0 <= resamples <= MOST:
                raise InputError(f"{FACTS} asks for {resamples} resamples; {MOST} are allowed")
            made = leaderboard_tables.tables(
                results,
                resamples,
                Costs(**as_dict(choices.get("costs"))),
                str(choices.get("baseline") or ""),
                realisations.read(folder, results, strict, fusions),
            )
    except (InputError, TypeError, ValueError, KeyError) as error:
        return None, f"the tables cannot be computed: {below(folder, error)}"
    return Again(results, made), ""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings about damaged parts to the step that lists them all."""
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def as_dict(value: Any) -> dict[str, Any]:
    """Return a value of JSON if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}
