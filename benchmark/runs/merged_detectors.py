"""The detectors of a merged run: which of several are one, and which differ in a seed alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.core.errors import InputError
from benchmark.runs.precision_check import PRECISION
from benchmark.scores.manifest import IMPORTED

SEED = "seed"
TRAINING = (  # facts that tell one training from another; the seed is apart
    "detector", "version", "procedure", "input", "recipe", "foundation", "start", "name", "loss",
    "precision", "early_stopping", "laundering", "data_recipe", "train_digest", "dev_digest",
    "train_files", "dev_files",
)  # fmt: skip
WEIGHTS = re.compile(r"sha256:[0-9a-f]+")
SEEDED = re.compile(r"(.+)\.seed(\d+)")
Facts = dict[str, Any]
_Held = tuple[Path, str, Facts]  # the folder of a run, and the name and facts of its detector


def named(runs: Sequence[tuple[Path, Mapping[str, Facts]]]) -> dict[str, Facts]:
    """Return the detectors of all runs under their names; `InputError` if two are at odds.

    runs : the folder and the detectors of each plan, facts by name
    """
    held: dict[str, dict[str, _Held]] = {}  # name without a seed -> identity
    for folder, detectors in runs:
        for name, facts in detectors.items():
            mine = held.setdefault(_unseeded(name, facts), {})
            identity = IMPORTED if IMPORTED in facts["training"] else facts["identity"]
            if identity in mine:
                facts = _joined(mine[identity][2], facts)
                mine[identity] = (*mine[identity][:2], facts)
            else:
                mine[identity] = folder, name, facts
    found: dict[str, Facts] = {}
    for base, mine in held.items():
        items = [*mine.values()]
        for other in items[1:]:
            _require_other_seed(base, items[0], other)
        for _, name, facts in items:
            shown = name if len(items) == 1 else f"{base}.seed{facts['training'][SEED]}"
            if shown in found:
                raise InputError(f"two detectors would be called {shown}: train one with --name")
            found[shown] = facts
    return dict(sorted(found.items()))


def _unseeded(name: str, facts: Facts) -> str:
    """Return the name of a detector before a merge put the seed of its training into it."""
    match = SEEDED.fullmatch(name)
    seeded = match and match[2] == str(facts["training"].get(SEED))
    return match[1] if match and seeded else name


def _joined(one: Facts, other: Facts) -> Facts:
    """Return the facts of a detector of two runs: imported files and notes of both."""
    joined = {**other, **one}
    if IMPORTED in one["training"]:
        files = {**one["training"][IMPORTED], **other["training"][IMPORTED]}
        joined["training"] = {**one["training"], IMPORTED: files}
        joined["identities"] = [*files]
    if PRECISION in other:
        joined.setdefault(PRECISION, other[PRECISION])
    return joined


def _require_other_seed(name: str, one: _Held, other: _Held) -> None:
    """Raise `InputError` unless two detectors of one name differ in their seed alone."""
    (mine, _, a), (theirs, _, b) = one, other
    first, second = a["training"], b["training"]
    where = f"{theirs} disagrees with {mine}: its detector {name}"
    if IMPORTED in first or IMPORTED in second:
        raise InputError(f"{where} is another one (imported in one of them, computed in the other)")
    differing = [fact for fact in TRAINING if first.get(fact) != second.get(fact)]
    same_code = WEIGHTS.sub("", a["identity"]) == WEIGHTS.sub("", b["identity"])
    if not same_code or differing or SEED not in first or SEED not in second:
        cause = f"{', '.join(differing)} differ" if differing else "other weights or code"
        raise InputError(f"{where} is another one ({cause}): {b['identity']}, not {a['identity']}")
    if first[SEED] == second[SEED]:
        raise InputError(f"{where} has other weights after the same training, seed {first[SEED]}")


def by_identity(detectors: Mapping[str, Facts]) -> dict[str, str]:
    """Map each identity to the name of its detector."""
    return {
        identity: name
        for name, facts in detectors.items()
        for identity in facts.get("identities", [facts["identity"]])
    }
