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
from typing import Any

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN, parse
from benchmark.core.errors import InputError, unknown
from benchmark.core.progress import progress_bar
from benchmark.data.file_hashes import file_digests
from benchmark.data.protocol import NO_RECIPE
from benchmark.data.readers.common import CLASS_WORDS
from benchmark.data.trial_table import digest_column
from benchmark.exchange import audio_corpus, score_formats
from benchmark.laundering.failure import ATTACK, UNREADABLE
from benchmark.laundering.output_layout import folder_names
from benchmark.leaderboard.ranks import REVERSED
from benchmark.metrics.discrimination import eer
from benchmark.scores.load_run import collect
from benchmark.scores.manifest import IMPORTED
from benchmark.scores.part_format import unscored
from benchmark.scores.selection import next_attempts
from benchmark.scores.store import Store
from benchmark.scores.unit_keys import shards, unit_keys

AUDIO = (".flac", ".wav")
MANY = 20_000  # number of trials from which a progress bar is shown
NAME = re.compile(r"[\w.+-]+")
Scores = dict[str, np.float32]


@dataclass(frozen=True)
class ImportRequest:
    """One score file to import, and how strictly to check it.

    condition : the condition of all scores; '' = given in the file, or clean
    reversed_ : invert the sign of the scores
    missing   : accept trials without scores
    strangers : skip scores that belong to no trial of the run
    exported  : a folder of `export-audio` whose measured effects are imported too
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
    """The imported scores of one split and condition; `hint` is set if the sign is in doubt."""

    split: str
    condition: str
    trials: int
    scored: int
    broken: int
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.condition} ({self.split}): {self.scored} of {self.trials} trials scored"
        text += f", {self.broken} scores are not finite and were rejected" if self.broken else ""
        return text + (f"; {self.hint}" if self.hint else "")


def import_file(store: Store, request: ImportRequest) -> tuple[list[ImportedCell], int]:
    """Import a score file into the run in `store`.

    Returns the imported cells, and the number of scores skipped because they belong to no trial.
    Scores of the same detector, split and condition from an earlier file are replaced. Raises
    `InputError` if the file or the request is invalid; nothing has then been written.
    """
    head = store.read_head()
    if head is None:
        raise InputError(f"{store.folder} holds no run")
    entry = _entry(head, request.detector)
    trials = store.read_trials(head)
    table, strangers = _match(score_formats.read(request.file), head, trials, request)
    groups = {
        (str(split), str(condition)): dict(zip(rows["utterance_id"], rows["score"], strict=True))
        for (condition, split), rows in table.groupby(["condition", "split"], sort=False)
    }
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
    sign = "|reversed" if request.reversed_ else ""
    identity = f"{request.detector}|imported|sha256:{digest}{sign}"
    attempts = next_attempts(
        part for part in parts if part.imported and request.detector in part.detectors.values()
    )
    if request.exported is not None:
        trials = _with_files(store.folder, Path(head["data_root"]), trials)
    total = sum(len(trials[trials["split"] == split]) for split, _ in groups)
    bar = progress_bar(total=total, desc="importing", unit="trial", disable=total < MANY)
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
    return cells, strangers


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


def _match(
    read: pd.DataFrame, head: dict[str, Any], trials: pd.DataFrame, request: ImportRequest
) -> tuple[pd.DataFrame, int]:
    """Return the rows of the file matched to the trials of the run, and the unmatched count."""
    table = read.assign(condition=_conditions(read["condition"], head, request))
    table["utterance_id"] = _utterances(table["id"], trials)
    table = table.merge(trials[["utterance_id", "split", "label"]], on="utterance_id", how="left")
    dev = (table["split"] == "dev") & (table["condition"] != CLEAN)
    unmatched = table["split"].isna() | dev
    if unmatched.all():
        raise InputError(
            f"{request.file}: none of its {len(table)} ids is a trial of the run; its first id is"
            f" {table['id'].iloc[0]!r}, that of the run is {trials['utterance_id'].iloc[0]!r}"
        )
    if unmatched.any() and not request.strangers:
        raise InputError(
            f"{request.file}: {int(unmatched.sum())} of {len(table)} ids are not trials of the run,"
            f" the first is {table.loc[unmatched, 'id'].iloc[0]!r}; --allow-unknown skips them"
        )
    table = table[~unmatched]
    duplicates = table[table.duplicated(["condition", "utterance_id"])]
    if len(duplicates):
        row = duplicates.iloc[0]
        raise InputError(
            f"{request.file}: {row['utterance_id']!r} has two scores under {row['condition']}"
        )
    classes = {word: label for label, words in CLASS_WORDS.items() for word in words}
    labels = table["key"].str.lower().map(classes)
    contrary = table[labels.notna() & (labels != table["label"])]
    if len(contrary):
        row = contrary.iloc[0]
        raise InputError(
            f"{request.file}: labels {row['utterance_id']!r} {row['key']}, but the run labels it"
            f" {row['label']}"
        )
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # values beyond the range of float32 are reported as not finite
        single = table["score"].to_numpy(dtype=np.float64).astype(np.float32)
    return table.assign(score=-single if request.reversed_ else single), int(unmatched.sum())


def _conditions(column: pd.Series, head: dict[str, Any], request: ImportRequest) -> list[str]:
    """Return the run's condition of every row, found by its spelling or its export folder."""
    known = [c["condition"] for c in head["conditions"]]
    names = dict(zip(folder_names(known), known, strict=True)) | {name: name for name in known}
    texts = list(dict.fromkeys(column))
    if request.condition and texts != [""]:
        raise InputError(f"{request.file} has a column of conditions: leave out --condition")
    resolved = {}
    for text in texts:
        spelled = text or request.condition or CLEAN
        try:
            resolved[text] = names[spelled] if spelled in names else str(parse(spelled))
        except InputError as error:
            raise InputError(f"{request.file}: {error}") from error
        if resolved[text] not in known:
            raise unknown("condition of the run", spelled, known)
    return [resolved[text] for text in column]


def _utterances(ids: pd.Series, trials: pd.DataFrame) -> list[str]:
    """Return the utterance of each id, exported file name or audio file name; '' if unknown."""
    known = {score_formats.file_id(uid): uid for uid in trials["utterance_id"]}
    known |= {uid: uid for uid in trials["utterance_id"]}
    found = []
    for text in ids:
        stem = next((text[: -len(end)] for end in AUDIO if text.lower().endswith(end)), text)
        found.append(known.get(text) or known.get(stem, ""))
    return found


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
    values = np.array([scores.get(uid, np.float32(np.nan)) for uid in mine["utterance_id"]])
    finite = np.isfinite(values)
    broken = sum(not np.isfinite(value) for value in scores.values())
    hint = ""
    bonafide = (mine[finite]["label"] == "bonafide").to_numpy(dtype=np.bool_)
    if condition == CLEAN and bonafide.any() and not bonafide.all():
        rate = eer(values[finite], bonafide)[0]
        if rate > REVERSED:
            hint = (
                f"EER {rate:.0%}: higher scores must mean more bona fide, but here they seem to"
                " mean more spoof (--reversed inverts the sign)"
            )
    return ImportedCell(split, condition, len(mine), int(finite.sum()), broken, hint)


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
            value = scores.get(uid)
            row = unscored(uid, **effects.get(uid, {}))
            if value is not None and np.isfinite(value):
                row["scores"][request.detector] = float(value)
            elif value is not None:
                row["causes"][request.detector] = f"non-finite score ({value})"
            elif (condition, uid) not in without_audio:
                row["causes"][request.detector] = f"no score in {request.file.name}"
            rows.append(row)
        yield key, rows
