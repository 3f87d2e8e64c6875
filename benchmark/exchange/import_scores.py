"""Scores that were made elsewhere, taken into a run's store as cells of a detector's own.

The detector has no audio side here: its identity is its name and the SHA-256 of each file that
its scores came from. Nothing that a run measures on the audio is touched.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from attacks.contract.condition import CLEAN, parse
from benchmark.core.errors import InputError, unknown
from benchmark.data.readers.common import CLASS_WORDS
from benchmark.exchange import audio_corpus, score_formats
from benchmark.laundering.output_layout import folder_names
from benchmark.leaderboard.ranks import REVERSED
from benchmark.metrics.discrimination import eer
from benchmark.scores.load_run import collect
from benchmark.scores.store import IMPORTED, Store
from benchmark.scores.unit_keys import shards, unit_keys

AUDIO = (".flac", ".wav")
MANY = 20_000  # trials that take long enough for a progress bar
NAME = re.compile(r"[\w.+-]+")
Scores = dict[str, np.float32]
NOTHING: dict[str, Any] = {"facts": [], "checks": []}


@dataclass(frozen=True)
class ImportRequest:
    """The scores to import, and how strictly.

    `reversed_` turns the sign; `missing` lets trials go without scores, `strangers` lets scores go
    that are of no trial. `exported` is a folder of `export-audio`, whose measured effects come
    along.
    """

    file: Path
    detector: str
    condition: str = ""
    reversed_: bool = False
    missing: bool = False
    strangers: bool = False
    exported: Path | None = None


@dataclass(frozen=True)
class ImportedCell:
    """The imported scores of one split under one condition; `hint` if the sign is in doubt."""

    split: str
    condition: str
    trials: int
    scored: int
    broken: int
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.condition} ({self.split}): {self.scored} of {self.trials} trials scored"
        text += f", {self.broken} scores are not finite and refused" if self.broken else ""
        return text + (f"; {self.hint}" if self.hint else "")


def bring(store: Store, wanted: ImportRequest) -> tuple[list[ImportedCell], int]:
    """Take a score file into the run in `store`: what came in, and scores of no trial passed over.

    Scores that an earlier file gave the detector for the same split and condition are replaced.
    `InputError` names what is wrong with the file; nothing has been written then.
    """
    head = store.read_head()
    if head is None:
        raise InputError(f"{store.folder} holds no run")
    entry = _entry(head, wanted.detector)
    trials = store.read_trials()
    table, strangers = _matched(score_formats.read(wanted.file), head, trials, wanted)
    groups = {
        (str(split), str(condition)): dict(zip(rows["utterance_id"], rows["score"], strict=True))
        for (condition, split), rows in table.groupby(["condition", "split"], sort=False)
    }
    parts = store.scan()
    every = {split: set(rows["utterance_id"]) for split, rows in trials.groupby("split")}
    whole = all(every[split] == set(scores) for (split, _), scores in groups.items())
    excused = _excused(store.folder) if parts and not whole else set()
    taken = []
    for (split, condition), scores in groups.items():
        mine = trials[trials["split"] == split]
        mine = mine[[(condition, uid) not in excused for uid in mine["utterance_id"]]]
        lost = [uid for uid in mine["utterance_id"] if uid not in scores]
        if lost and not wanted.missing:
            raise InputError(
                f"{wanted.file}: {len(lost)} of {len(mine)} {split} trials under {condition} have"
                f" no score, the first is {lost[0]!r}; --allow-missing goes on without them"
            )
        taken.append(_taken(split, condition, mine, scores))
    digest = hashlib.sha256(wanted.file.read_bytes()).hexdigest()
    sign = "|reversed" if wanted.reversed_ else ""
    identity = f"{wanted.detector}|imported|sha256:{digest}{sign}"
    old: dict[str, list[Path]] = {}
    for part in parts:
        if IMPORTED in part.origin and wanted.detector in part.detectors.values():
            old.setdefault(part.key, []).append(part.path)
    total = sum(len(trials[trials["split"] == split]) for split, _ in groups)
    with tqdm(total=total, desc="importing", unit="trial", disable=total < MANY) as bar:
        for cell, scores in groups.items():
            for key, rows in _units(head, trials, cell, scores, excused, wanted):
                names = {identity: wanted.detector}
                store.write_part(key, *cell, rows, names, (), old.get(key, ()))
                bar.update(len(rows))
    held = {identity for part in store.scan() for identity in part.detectors}
    known = [*entry.get("identities", []), identity]
    told = {"file": wanted.file.name, "sha256": digest, "reversed": wanted.reversed_}
    files = {**entry["training"][IMPORTED], identity: told}
    identities = [one for one in dict.fromkeys(known) if one in held]
    head["detectors"][wanted.detector] = {
        "identity": identity,
        "identities": identities,
        "training": {IMPORTED: {one: files[one] for one in identities}},
    }
    store.write_head(head)
    return taken, strangers


def _entry(head: dict[str, Any], name: str) -> dict[str, Any]:
    """The detector's entry in the run's head; `InputError` where its name cannot be taken."""
    if not NAME.fullmatch(name):
        raise InputError(f"--detector {name!r}: want a name of letters, digits and . _ + -")
    entry: dict[str, Any] = head["detectors"].get(name, {"training": {IMPORTED: {}}})
    if IMPORTED not in entry["training"]:
        raise InputError(f"the run holds scores of a detector {name!r} of its own: choose another")
    return entry


def _matched(
    read: pd.DataFrame, head: dict[str, Any], trials: pd.DataFrame, wanted: ImportRequest
) -> tuple[pd.DataFrame, int]:
    """The file's rows with the run's utterance ids, splits and conditions; how many are strange."""
    table = read.assign(condition=_conditions(read["condition"], head, wanted))
    table["utterance_id"] = _utterances(table["id"], trials)
    table = table.merge(trials[["utterance_id", "split", "label"]], on="utterance_id", how="left")
    dev = (table["split"] == "dev") & (table["condition"] != CLEAN)
    foreign = table["split"].isna() | dev
    if foreign.all():
        raise InputError(
            f"{wanted.file}: none of its {len(table)} ids is a trial of the run; the first is"
            f" {table['id'].iloc[0]!r}, the run's is {trials['utterance_id'].iloc[0]!r}"
        )
    if foreign.any() and not wanted.strangers:
        raise InputError(
            f"{wanted.file}: {int(foreign.sum())} of {len(table)} ids are no trials of the run,"
            f" the first is {table.loc[foreign, 'id'].iloc[0]!r}; --allow-unknown passes them over"
        )
    table = table[~foreign]
    twice = table[table.duplicated(["condition", "utterance_id"])]
    if len(twice):
        row = twice.iloc[0]
        raise InputError(
            f"{wanted.file}: {row['utterance_id']!r} has two scores under {row['condition']}"
        )
    classes = {word: label for label, words in CLASS_WORDS.items() for word in words}
    said = table["key"].str.lower().map(classes)
    unlike = table[said.notna() & (said != table["label"])]
    if len(unlike):
        row = unlike.iloc[0]
        raise InputError(
            f"{wanted.file}: calls {row['utterance_id']!r} {row['key']}, the run {row['label']}"
        )
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # values beyond float32 are reported as not finite
        single = table["score"].to_numpy(dtype=np.float64).astype(np.float32)
    return table.assign(score=-single if wanted.reversed_ else single), int(foreign.sum())


def _conditions(said: pd.Series, head: dict[str, Any], wanted: ImportRequest) -> list[str]:
    """The run's condition of every row: by its spelling, or by its folder in an export."""
    known = [c["condition"] for c in head["conditions"]]
    names = dict(zip(folder_names(known), known, strict=True)) | {name: name for name in known}
    texts = list(dict.fromkeys(said))
    if wanted.condition and texts != [""]:
        raise InputError(f"{wanted.file} names its conditions itself: leave out --condition")
    meant = {}
    for text in texts:
        spelled = text or wanted.condition or CLEAN
        try:
            meant[text] = names[spelled] if spelled in names else str(parse(spelled))
        except InputError as error:
            raise InputError(f"{wanted.file}: {error}") from error
        if meant[text] not in known:
            raise unknown("condition of the run", spelled, known)
    return [meant[text] for text in said]


def _utterances(ids: pd.Series, trials: pd.DataFrame) -> list[str]:
    """The utterances that are meant: by id, by the name that an export gave, or with its ending."""
    known = {score_formats.file_id(uid): uid for uid in trials["utterance_id"]}
    known |= {uid: uid for uid in trials["utterance_id"]}
    found = []
    for text in ids:
        stem = next((text[: -len(end)] for end in AUDIO if text.lower().endswith(end)), text)
        found.append(known.get(text) or known.get(stem, ""))
    return found


def _excused(folder: Path) -> set[tuple[str, str]]:
    """(condition, utterance) of which the run itself could make no audio."""
    results = collect(folder, {})
    failed = results.failures[results.failures["kind"] == "attack"]
    names = [info.condition for info in results.conditions]
    unread = set(results.failures.loc[results.failures["kind"] == "unreadable", "utterance_id"])
    return {(name, uid) for name in names for uid in unread} | set(
        zip(failed["condition"], failed["utterance_id"], strict=True)
    )


def _taken(split: str, condition: str, mine: pd.DataFrame, scores: Scores) -> ImportedCell:
    values = np.array([scores.get(uid, np.float32(np.nan)) for uid in mine["utterance_id"]])
    finite = np.isfinite(values)
    broken = sum(not np.isfinite(value) for value in scores.values())
    hint = ""
    there = mine[finite]
    bonafide = (there["label"] == "bonafide").to_numpy(dtype=np.bool_)
    if condition == CLEAN and bonafide.any() and not bonafide.all():
        rate = eer(values[finite], bonafide)[0]
        if rate > REVERSED:
            hint = (
                f"EER {rate:.0%}: higher must mean more bona fide, and here it seems to mean more"
                " spoof (--reversed turns the sign)"
            )
    return ImportedCell(split, condition, len(mine), int(finite.sum()), broken, hint)


def _units(
    head: dict[str, Any],
    trials: pd.DataFrame,
    cell: tuple[str, str],
    scores: Scores,
    excused: set[tuple[str, str]],
    wanted: ImportRequest,
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The units of a split under a condition: their keys, and rows as the store takes them."""
    split, condition = cell
    table = trials[trials["split"] == split].reset_index(drop=True)
    info = next(c for c in head["conditions"] if c["condition"] == condition)
    digest = head["dev_digest"] if split == "dev" else head["trial_digest"]
    asked = [(info["identity"], info["made"])]
    keys = [own[0] for own in unit_keys(table, digest, asked, head["seed"])]
    effects: dict[str, dict[str, Any]] = {}
    if wanted.exported is not None:
        effects = dict(audio_corpus.measured(wanted.exported, table, head, info))
    for (start, stop), key in zip(shards(len(table)), keys, strict=True):
        rows = []
        for uid in table["utterance_id"][start:stop]:
            value = scores.get(uid)
            row: dict[str, Any] = {"utterance_id": uid, "failure": None, "cause": None}
            row |= {
                "decoder": None,
                "seconds": None,
                "scores": {},
                "causes": {},
                **effects.get(uid, NOTHING),
            }
            if value is not None and np.isfinite(value):
                row["scores"][wanted.detector] = float(value)
            elif value is not None:
                row["causes"][wanted.detector] = f"non-finite score ({value})"
            elif (condition, uid) not in excused:
                row["causes"][wanted.detector] = f"no score in {wanted.file.name}"
            rows.append(row)
        yield key, rows
