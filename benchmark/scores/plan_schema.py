"""The schema of plans and detectors in a run folder: which facts they hold, of which kind."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.core.errors import InputError

SHOWN = 60  # characters of a wrong value that an error quotes
HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Kind:
    """What a fact may be: in words, and as a test."""

    words: str
    fits: Callable[[Any], bool]

    def or_none(self) -> Kind:
        """Return a kind that may be absent too."""
        return Kind(f"{self.words} or null", lambda value: value is None or self.fits(value))


def _number(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and math.isfinite(value) and value is not True
    except OverflowError:  # a whole number beyond the range of floats
        return False


TEXT = Kind("text", lambda value: isinstance(value, str) and "\0" not in value)
NUMBER = Kind("a finite number", _number)
SEED = Kind("a whole number from 0", lambda v: isinstance(v, int) and v is not True and v >= 0)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
FACTS = Kind("an object", lambda value: isinstance(value, dict))
TEXTS = Kind("a list of texts", lambda v: isinstance(v, list) and all(map(TEXT.fits, v)))
LIST = Kind("a list of conditions", lambda v: isinstance(v, list) and all(map(FACTS.fits, v)))
DIGEST = Kind("a SHA-256", lambda value: isinstance(value, str) and bool(HEX.fullmatch(value)))

PLAN = {  # what every plan states, of this format and the one before
    "data": TEXT, "data_version": TEXT, "headline": TEXT, "trial_digest": TEXT,
    "dev_digest": TEXT, "audio_digest": TEXT, "seed": SEED, "suite": TEXT, "conditions": LIST,
}  # fmt: skip
MORE = {  # what a plan may state
    "data_root": TEXT, "data_recipe": TEXT, "audio_sketch": FACTS.or_none(), "trials": SEED,
    "trials_sha256": DIGEST, "detectors": FACTS, "options": FACTS.or_none(),
}  # fmt: skip
OPTIONS_MORE = {
    "data": TEXT.or_none(), "train_data": TEXT.or_none(), "train_seed": SEED, "layout": TEXT,
    "pattern": TEXT, "audio_root": TEXT.or_none(), "limit": SEED.or_none(), "labels": FACTS,
}  # fmt: skip
CONDITION = {
    "condition": TEXT, "family": TEXT, "severity": NUMBER.or_none(), "unit": TEXT,
    "identity": TEXT, "made": TEXT,
}  # fmt: skip
CONDITION_MORE = {"parameter": TEXT, "rising": FLAG, "caveat": TEXT}
DETECTOR = {"identity": TEXT, "training": FACTS}
DETECTOR_MORE = {"identities": TEXTS}
TRAINING_MORE = {
    "detector": TEXT,
    "dev_threshold": NUMBER.or_none(),
    "data": TEXT,
    "trained_on": FACTS,
}


def check_plan(plan: Mapping[str, Any], where: object) -> None:
    """Raise `InputError` if a plan lacks a fact, or holds one of another kind."""
    check(plan, PLAN, MORE, where)
    for place, condition in enumerate(plan["conditions"], 1):
        check(condition, CONDITION, CONDITION_MORE, f"{where}, condition {place},")
    spelled = [condition["condition"] for condition in plan["conditions"]]
    if len(set(spelled)) < len(spelled):
        raise InputError(f"{where} is damaged: it lists a condition twice")
    check(plan.get("options") or {}, {}, OPTIONS_MORE, f"{where}, options,")
    for name, facts in plan.get("detectors", {}).items():
        check_detector(facts, f"{where}, detector {name!r},")


def check_detector(facts: Any, where: object) -> None:
    """Raise `InputError` if the facts of a detector lack one, or hold one of another kind."""
    if not isinstance(facts, dict):
        raise InputError(f"{where} is damaged: it does not describe a detector")
    check(facts, DETECTOR, DETECTOR_MORE, where)
    check(facts["training"], {}, TRAINING_MORE, where)


def check(
    facts: Mapping[str, Any], needed: Mapping[str, Kind], more: Mapping[str, Kind], where: object
) -> None:
    """Raise `InputError` if facts lack one of `needed`, or hold a fact of another kind."""
    if missing := [name for name in needed if name not in facts]:
        raise InputError(f"{where} is damaged: it lacks {', '.join(missing)}")
    for name, kind in (needed | more).items():  # type: ignore[operator]
        if name in facts and not kind.fits(facts[name]):
            shown = " ".join(repr(facts[name])[:SHOWN].split())
            raise InputError(f"{where} is damaged: {name} is {shown}, not {kind.words}")
