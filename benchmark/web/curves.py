"""Severity curves of a clip: the scores along the levels of an attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from attacks.contract.condition import CLEAN, parse
from benchmark.leaderboard import ladders
from benchmark.report.condition_labels import short_names
from benchmark.runs import runner
from benchmark.scores.run_results import ConditionInfo
from benchmark.web.clip import Heard

_STATED = ("condition", "family", "severity", "unit", "parameter", "rising")


@dataclass(frozen=True)
class Curve:
    """One attack from the clean clip to its severest level.

    title  : spelling with a star for the severity
    axis   : name and unit of the severity
    points : one row per level and detector: level (text, mild first), detector, score, threshold,
             verdict
    """

    title: str
    axis: str
    points: pd.DataFrame


def curves(heard: Sequence[Heard]) -> list[Curve]:
    """Return a curve for every attack with two levels or more; `heard` begins with the clean clip.

    A level that failed is missing from it.
    """
    held = {one.condition: one for one in heard}
    infos = _infos(heard)
    parameters = {info.condition: info.parameter for info in infos}
    found = []
    for ladder in ladders.ladders(infos):
        rows = [
            {"level": text, **vars(judgement)}
            for text, one in (
                (CLEAN, heard[0]),
                *(
                    (f"{level:g}", held[name])
                    for level, name in zip(ladder.levels, ladder.conditions, strict=True)
                ),
            )
            for judgement in one.judgements
            if judgement.score is not None
        ]
        parameter = parameters[ladder.conditions[0]]
        axis = f"{parameter} ({ladder.unit})" if ladder.unit else parameter
        found.append(Curve(ladder.name, axis, pd.DataFrame(rows)))
    return found


def labels(heard: Sequence[Heard]) -> dict[str, str]:
    """Return a short name for every condition by its spelling."""
    return short_names(_infos(heard))


def _infos(heard: Sequence[Heard]) -> tuple[ConditionInfo, ...]:
    stated = (runner.describe(parse(one.condition)) for one in heard)
    return tuple(ConditionInfo(**{name: facts[name] for name in _STATED}) for facts in stated)
