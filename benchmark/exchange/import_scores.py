"""Import of scores that another tool computed, as cells of a separate detector of a run.

The detector has no audio side here. Its identity is its name and the SHA-256 of each score file.
The measurements of the run on the audio are not changed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.core.errors import InputError
from benchmark.core.progress import progress_bar
from benchmark.data.file_hashes import file_digests
from benchmark.data.protocol import NO_RECIPE
from benchmark.data.trial_table import digest_column, rows_of
from benchmark.exchange import arena_cards, audio_corpus, score_matching, score_reader
from benchmark.exchange.trial_ids import TrialIds
from benchmark.laundering.failure import ATTACK, UNREADABLE
from benchmark.leaderboard.ranks import REVERSED
from benchmark.metrics.discrimination import eer
from benchmark.scores.load_run import collect
from benchmark.scores.manifest import IMPORTED
from benchmark.scores.part_format import unscored
from benchmark.scores.selection import next_attempts
from benchmark.scores.store import Store
from benchmark.scores.unit_keys import shards, unit_keys

NAME = re.compile(r"[\w.+-]+")


class LineScore(NamedTuple):
    """A score, and the line of the file where it stands."""

    value: float
    line: int


Scores = dict[str, LineScore]


@dataclass(frozen=True)
class ImportRequest:
    """One score file to import, and how strictly to check it.

    condition : the condition of all scores; '' = given in the file, or clean
    reversed_ : invert the sign of the scores
    missing   : accept trials without scores
    strangers : skip scores that belong to no trial of the run
    exported  : a folder of `export-audio` whose measured effects are imported too
    card      : a result card of a public arena, which must agree with the scores
    """

    file: Path
    detector: str
    condition: str = ""
    reversed_: bool = False
    missing: bool = False
    strangers: bool = False
    exported: Path | None = None
    card: Path | None = None


@dataclass(frozen=True)
class ImportedCell:
    """The imported scores of one split and condition.

    hint  : set if the sign is in doubt
    first : the line of the first broken score
    """

    split: str
    condition: str
    trials: int
    scored: int
    broken: int
    hint: str = ""
    first: int = 0

    def __str__(self) -> str:
        text = f"{self.condition} ({self.split}): {self.scored} of {self.trials} trials scored"
        if self.broken:
            text += (
                f", {self.broken} scores are not finite and were rejected, the first in line"
                f" {self.first}"
            )
        return text + (f"; {self.hint}" if self.hint else "")


@dataclass(frozen=True)
class Imported:
    """What was imported.

    strangers : the number of scores skipped because they belong to no trial
    assumed   : how the file was read, in words
    """

    cells: list[ImportedCell]
    strangers: int
    assumed: str


def import_file(store: Store, request: ImportRequest) -> Imported:
    """Import a score file into the run in `store`.

    Scores of the same detector, split and condition from an earlier file are replaced. Raises
    `InputError` if the file or the request is invalid; nothing has then been written.
    """
    head = store.require_head()
    entry = _entry(head, request.detector)
    trials = store.read_trials(head)
    ids = TrialIds(trials)
    read = score_reader.read(request.file, ids)
    table, strangers = score_matching.matched(
        read, ids, head, trials, condition=request.condition, strangers=request.strangers
    )
    sign = -1 if request.reversed_ else 1
    if request.card is not None:
        _require_card(
            request.card, request, head["data"], table.assign(score=sign * table["score"])
        )
    groups = _groups(table, read.single, sign)
    parts = store.scan().parts
    every = {split: set(rows["utterance_id"]) for split, rows in trials.groupby("split")}
    whole = all(every[split] == set(scores) for (split, _), scores in groups.items())
    without_audio = _without_audio(store.folder) if parts and not whole else set()
    cells = []
    for (split, condition), scores in groups.items():
        mine = trials[trials["split"] == split]
        mine = mine[[(condition, uid) not in without_audio for uid in mine["utterance_id"]]]
        lost = [uid for uid in mine["utterance_id"] if uid not in scores]
        if lost and not request.missing:
            raise InputError(
                f"{request.file}: {len(lost)} of {len(mine)} {split} trials under {condition} have"
                f" no score, the first is {lost[0]!r}; --allow-missing continues without them"
            )
        cells.append(_imported_cell(split, condition, mine, scores))
    digest = hashlib.sha256(request.file.read_bytes()).hexdigest()
    turned = "|reversed" if request.reversed_ else ""
    identity = f"{request.detector}|imported|sha256:{digest}{turned}"
    attempts = next_attempts(
        part for part in parts if part.imported and request.detector in part.detectors.values()
    )
    if request.exported is not None:
        trials = _with_files(store.folder, Path(head["data_root"]), trials)
    total = sum(len(trials[trials["split"] == split]) for split, _ in groups)
    bar = progress_bar(total=total, desc="importing", unit="trial")
    replaced: set[str] = set()
    with bar, store.log() as log:
        for cell, scores in groups.items():
            for key, rows in _units(head, trials, cell, scores, without_audio, request):
                names = {identity: request.detector}
                replaced.add(key)
                log.add([store.write_part(key, *cell, rows, names, (), attempts.get(key, 0))])
                bar.update(len(rows))
    held = {
        one
        for part in parts
        if part.imported and part.key not in replaced
        for one in part.detectors
    }
    source = {"file": request.file.name, "sha256": digest, "reversed": request.reversed_}
    files = {**entry["training"][IMPORTED], identity: source}
    before = [one for one in entry.get("identities", []) if one in held]
    identities = [*dict.fromkeys([*before, identity])]
    facts = {
        "identity": identity,
        "identities": identities,
        "training": {IMPORTED: {one: files[one] for one in identities}},
    }
    store.write_detector(head, request.detector, facts)
    return Imported(cells, strangers, read.assumed)


def _groups(table: pd.DataFrame, single: bool, sign: int) -> dict[tuple[str, str], Scores]:
    """Return the scores of each split and condition, rounded to float32 if all are `single`."""
    values = table["score"].to_numpy()
    if single:
        known = score_reader.in_range(values)
        values = np.where(known, np.where(known, values, 0).astype(np.float32), values)
    rows = table.assign(score=sign * values)
    return {
        (str(split), str(condition)): {
            uid: LineScore(value, line)
            for uid, value, line in rows_of(part, "utterance_id", "score", "line")
        }
        for (condition, split), part in rows.groupby(["condition", "split"], sort=False)
    }


def _require_card(card: Path, request: ImportRequest, data: str, table: pd.DataFrame) -> None:
    """Raise `InputError` for the first statement of a result card that the scores do not bear out.

    table : the matched rows, with scores that are higher for bona fide
    """
    rows = table[table["split"] == "test"]
    if rows.empty or rows["condition"].nunique() > 1:
        raise InputError(f"--card {card}: it goes with test scores of one condition")
    values = rows["score"].to_numpy(np.float64)
    kept = score_reader.in_range(values)
    claim = arena_cards.read_card(card, request.detector, data)
    found = arena_cards.disagreements(
        claim,
        request.file.read_bytes(),
        values[kept],
        (rows["label"] == "bonafide").to_numpy(np.bool_)[kept],
    )
    if found:
        raise InputError(found[0])


def _entry(head: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the detector's entry in the run's head; `InputError` if its name is not allowed."""
    if not NAME.fullmatch(name):
        raise InputError(f"--detector {name!r}: use only letters, digits and . _ + -")
    entry: dict[str, Any] = head["detectors"].get(name, {"training": {IMPORTED: {}}})
    if IMPORTED not in entry["training"]:
        raise InputError(
            f"the run itself computed the scores of its detector {name!r}: choose another name"
        )
    return entry


def _without_audio(folder: Path) -> set[tuple[str, str]]:
    """Return the (condition, utterance) pairs for which the run itself has no audio."""
    results = collect(folder, {})
    failed = results.failures[results.failures["kind"] == ATTACK]
    names = [info.condition for info in results.conditions]
    unread = set(results.failures.loc[results.failures["kind"] == UNREADABLE, "utterance_id"])
    return {(name, uid) for name in names for uid in unread} | set(
        zip(failed["condition"], failed["utterance_id"], strict=True)
    )


def _with_files(folder: Path, root: Path, trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials with the SHA-256 of the files that the run decoded.

    Files that it has not decoded are hashed now.
    """
    results = collect(folder, {})
    known: dict[str, str] = {}
    for table in (results.protocol.table, results.dev.table):
        if digest_column() in table:
            known |= zip(table["utterance_id"], table[digest_column()], strict=True)
    ids, paths = trials["utterance_id"].tolist(), trials["path"].tolist()
    unknown = [place for place, uid in enumerate(ids) if not known.get(uid)]
    digests = [known.get(uid, "") for uid in ids]
    hashed = file_digests(root, [paths[place] for place in unknown])
    for place, digest in zip(unknown, hashed, strict=True):
        digests[place] = digest
    return trials.assign(**{digest_column(): digests})


def _imported_cell(split: str, condition: str, mine: pd.DataFrame, scores: Scores) -> ImportedCell:
    missing = LineScore(np.nan, 0)
    values = np.array([scores.get(uid, missing).value for uid in mine["utterance_id"]])
    finite = score_reader.in_range(values)
    broken = [one.line for one in scores.values() if not abs(one.value) <= score_reader.LARGEST]
    hint = ""
    bonafide = (mine[finite]["label"] == "bonafide").to_numpy(dtype=np.bool_)
    if condition == CLEAN and bonafide.any() and not bonafide.all():
        rate = eer(values[finite], bonafide)[0]
        if rate > REVERSED:
            hint = (
                f"EER {rate:.0%}: higher scores must mean more bona fide, but here they seem to"
                " mean more spoof (--reversed inverts the sign)"
            )
    first = min(broken, default=0)
    return ImportedCell(split, condition, len(mine), int(finite.sum()), len(broken), hint, first)


def _units(
    head: dict[str, Any],
    trials: pd.DataFrame,
    cell: tuple[str, str],
    scores: Scores,
    without_audio: set[tuple[str, str]],
    request: ImportRequest,
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield key and rows, as `Store.write_part` expects them, of each unit of a cell."""
    split, condition = cell
    table = trials[trials["split"] == split].reset_index(drop=True)
    info = next(c for c in head["conditions"] if c["condition"] == condition)
    digest = head["dev_digest"] if split == "dev" else head["trial_digest"]
    recipe = head.get("data_recipe", NO_RECIPE)
    shard_keys = unit_keys(table, digest, [info["identity"]], head["seed"], recipe)
    keys = [key for (key,) in shard_keys]
    effects: dict[str, dict[str, Any]] = {}
    if request.exported is not None:
        effects = dict(audio_corpus.measured(request.exported, table, head, info))
    for (start, stop), key in zip(shards(len(table)), keys, strict=True):
        rows = []
        for uid in table["utterance_id"][start:stop]:
            score = scores.get(uid)
            row = unscored(uid, **effects.get(uid, {}))
            if score is not None and abs(score.value) <= score_reader.LARGEST:
                row["scores"][request.detector] = float(score.value)
            elif score is not None:
                found = f"{score.value:g}, line {score.line} of {request.file.name}"
                row["causes"][request.detector] = f"non-finite score ({found})"
            elif (condition, uid) not in without_audio:
                row["causes"][request.detector] = f"no score in {request.file.name}"
            rows.append(row)
        yield key, rows
