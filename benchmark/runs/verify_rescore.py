"""The verification of random utterances by laundering and scoring them again from their audio."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from attacks.contract.condition import CLEAN, Condition, parse_from_file
from attacks.contract.precomputed import made
from benchmark.core.errors import InputError
from benchmark.core.parallel import one_thread
from benchmark.core.progress import progress_bar
from benchmark.data.protocol import NO_RECIPE
from benchmark.data.trial_table import path_column
from benchmark.inference.scorer import RELATIVE, TOLERANCE, Scorer
from benchmark.laundering.check_rows import check_rows
from benchmark.laundering.engine import launder_each, of_data_set
from benchmark.laundering.failure import Failure
from benchmark.runs.detectors_at_hand import AtHand
from benchmark.runs.verify_step import Step, counted
from benchmark.runs.work_unit import samples_digest
from benchmark.scores.manifest import PartInfo
from benchmark.scores.store import Store
from benchmark.scores.unit_keys import SHARD, UnitKeys

NAME = "rescore"
CLOSE = 1e-6  # difference of claims and measurements of equal samples, relative or absolute
NEAR = 1e-2  # that of samples that another machine rounds otherwise, or the check's tolerance
ALWAYS = "a text that only says: take the state of the file"


@dataclass(frozen=True)
class Pick:
    """One utterance under one condition: the row of the test table, and the place in the plan."""

    row: int
    condition: int


def picks(trials: int, conditions: int, count: int, digest: str, seed: int) -> list[Pick]:
    """Return random picks without repetition, determined by the run digest and the seed."""
    source = hashlib.sha256(f"{digest} {seed}".encode()).hexdigest()
    total = trials * conditions
    chosen = random.Random(source).sample(range(total), min(count, total))
    return [Pick(place // conditions, place % conditions) for place in sorted(chosen)]


def verify(
    store: Store,
    head: dict[str, Any],
    trials: pd.DataFrame,
    chosen: Sequence[Pick],
    at_hand: AtHand,
    device: torch.device,
) -> Step:
    """Launder and score each pick again, and compare samples, checks and scores with the parts."""
    faults = [f"{name} cannot score here: {cause}" for name, cause in at_hand.missing.items()]
    notes = [f"{name} has imported scores, which nothing here can compute" for name in
             at_hand.imported]  # fmt: skip
    for name, checkpoint in at_hand.found.items():
        if _plain(checkpoint.facts) != _plain(head["detectors"][name]["training"]):
            faults.append(f"{name}: the facts of its training are not those in its checkpoint")
    try:
        scorer = Scorer([*at_hand.found.values()], device)
    except InputError as error:
        return Step(NAME, "nothing was scored again", (*faults, str(error)), tuple(notes))
    again = _Again(store, head, trials, at_hand, scorer)
    with (
        one_thread(),
        progress_bar(total=len(chosen), desc="scoring again", unit="trial") as bar,
    ):
        for pick in chosen:
            again.compare(pick)
            bar.update()
    faults += again.faults
    if again.other:
        notes.append(
            f"{again.other} of them gave other samples on this machine, but the same scores within"
            " the tolerance"
        )
    said = (
        f"{counted(again.compared, 'score')} of {len(chosen)} random utterances x conditions"
        f" computed again; largest difference {again.largest:.2g}, samples equal in {again.equal}"
    )
    return Step(NAME, said, tuple(dict.fromkeys(faults)), tuple(notes))


def condition_that_ran(planned: dict[str, Any], folder: Path) -> Condition:
    """Return a condition of the plan of the run in `folder`.

    Raises `InputError` if its attack is not the one that ran, or may not be named by a file.
    """
    condition = parse_from_file(str(planned["condition"]), folder)
    if condition.identity() != planned["identity"]:
        raise InputError(
            "its attack is another version here, or another plugin, than the one that ran"
        )
    return condition


class _Again:
    """The comparison of one pick after the other.

    compared : scores so far
    equal    : picks with the same samples
    other    : picks with other samples, whose scores are within the tolerance
    """

    def __init__(
        self,
        store: Store,
        head: dict[str, Any],
        trials: pd.DataFrame,
        at_hand: AtHand,
        scorer: Scorer,
    ) -> None:
        self._store, self._head, self._scorer = store, head, scorer
        self._names = [*at_hand.found]
        self._test = trials[trials["split"] == "test"].reset_index(drop=True)
        self._keys = UnitKeys(
            self._test,
            head["trial_digest"],
            [c["identity"] for c in head["conditions"]],
            head["seed"],
            head.get("data_recipe", NO_RECIPE),
        )
        self._made = [c["made"] for c in head["conditions"]]
        spelled = [c["condition"] for c in head["conditions"]]
        self._clean = spelled.index(CLEAN) if CLEAN in spelled else None
        self._parts: dict[str, list[PartInfo]] = {}
        for part in store.scan().parts:
            self._parts.setdefault(part.key, []).append(part)
        self.faults: list[str] = []
        self.compared = self.equal = self.other = 0
        self.largest = 0.0

    def compare(self, pick: Pick) -> None:
        """Compare one utterance under one condition."""
        spelled = self._head["conditions"][pick.condition]
        uid = str(self._test["utterance_id"][pick.row])
        where = f"{uid} under {spelled['condition']}"
        try:
            condition = condition_that_ran(spelled, self._store.folder)
            stored = self._stored(pick, uid)
            self._compare(where, condition, pick.row, uid, stored)
        except InputError as error:
            self.faults.append(f"{where} could not be computed again: {error}")

    def _compare(
        self, where: str, condition: Condition, row: int, uid: str, stored: dict[str, Any]
    ) -> None:
        root = Path(self._head["data_root"])
        path = str(self._test[path_column(made(condition))][row])
        entry = (uid, path, ALWAYS)
        utterance = of_data_set(root, entry, "the data set brings no such audio")
        if not (root / path).is_file():
            raise InputError(f"{root / path} is not at hand")
        (laundered,) = launder_each(utterance, [condition], self._head["seed"])
        done = laundered.result
        if isinstance(done, Failure):
            if stored["failure"] is None:
                self.faults.append(f"{where} was scored, but fails here: {done.cause}")
            return
        if stored["failure"] is not None:
            self.faults.append(f"{where} is stored as failed, but does not fail here")
            return
        file = laundered.file
        recorded = stored.get("file_sha256")
        if recorded is not None and file is not None and file.sha256 != recorded:
            raise InputError(f"{root / path} is not the file that was scored")
        known = stored.get("samples")
        same = known is not None and samples_digest(done.wave) == known
        scores, broken = self._scorer([done.wave], self._names)
        if "samples" in stored and known is None and not stored["imported"]:
            self.faults.append(f"{where} has no digest of its samples")
        far = [*self._far(where, stored, {n: float(v[0]) for n, v in scores.items()}, broken)]
        if not stored["imported"]:
            far += _checks(where, stored["checks"] or [], check_rows(done.steps), same)
        if known is not None and not same:
            far = [f"{fault} (other samples on this machine)" for fault in far]
        self.faults += far
        self.equal += same
        self.other += known is not None and not same and not far

    def _far(
        self, where: str, stored: dict[str, Any], new: dict[str, float], broken: dict[str, str]
    ) -> Iterator[str]:
        for name in self._names:
            before = stored["scores"].get(name)
            if name in broken:
                if before is not None:
                    yield f"{where}: {name} fails here: {broken[name]}"
                continue
            if before is None:
                if np.isfinite(new[name]):
                    yield f"{where}: {name} has no score, but gives {new[name]:.6g} here"
                continue
            difference = abs(new[name] - before)
            self.compared += 1
            self.largest = max(self.largest, difference)
            if not difference <= TOLERANCE + RELATIVE * abs(before):
                yield f"{where}: {name} has the score {before:.6g}, but gives {new[name]:.6g} here"

    def _stored(self, pick: Pick, uid: str) -> dict[str, Any]:
        """Return what the parts hold of one utterance under one condition."""
        start = pick.row // SHARD * SHARD
        keys = self._keys.of(start, min(start + SHARD, len(self._test)))
        found: dict[str, Any] = {}
        scores: dict[str, float] = {}
        for part, row in self._rows(keys[pick.condition], uid):
            if not found or (part.imported < found["imported"]):
                found = {k: v for k, v in row.items() if ":" not in k} | {"imported": part.imported}
            for identity, column in part.detectors.items():
                for name in self._names:
                    score = row.get(f"score:{column}")
                    if self._identity(name) == identity and score is not None:
                        scores.setdefault(name, score)
        if not found:
            raise InputError("no part of this run holds it")
        if (
            self._clean is not None
            and found.get("file_sha256") is None
            and not self._made[pick.condition]
        ):
            for _, row in self._rows(keys[self._clean], uid):
                found["file_sha256"] = found.get("file_sha256") or row.get("file_sha256")
        return found | {"scores": scores}

    def _rows(self, key: str, uid: str) -> Iterator[tuple[PartInfo, dict[str, Any]]]:
        """Yield the row of an utterance in each part of a unit, with the part."""
        for part in self._parts.get(key, ()):
            (table,) = self._store.read([part])
            ids = table["utterance_id"].to_pylist()
            if uid not in ids:
                raise InputError(f"{part.path} holds other utterances")
            yield part, table.slice(ids.index(uid), 1).to_pylist()[0]

    def _identity(self, name: str) -> str:
        return str(self._head["detectors"][name]["identity"])


def _checks(
    where: str, stored: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], same: bool
) -> Iterator[str]:
    """Yield how stored checks differ from those that are made here; `same`: of equal samples."""
    if [c["quantity"] for c in stored] != [c["quantity"] for c in new]:
        yield f"{where} has other checks than its attack makes here"
        return
    for old, now in zip(stored, new, strict=True):
        slack = CLOSE if same else max(NEAR, now["tolerance"] or 0.0)
        for name in ("claimed", "measured", "tolerance"):
            if not _close(old[name], now[name], CLOSE if same else NEAR, slack):
                yield (
                    f"{where}: {name} {old['quantity']} is stored as {old[name]}, but is"
                    f" {now[name]} here"
                )


def _close(old: float | None, new: float | None, relative: float, absolute: float) -> bool:
    if old is None or new is None:
        return old is new
    return bool(np.isclose(old, new, rtol=relative, atol=absolute, equal_nan=True))


def _plain(facts: Any) -> Any:
    return json.loads(json.dumps(facts))
