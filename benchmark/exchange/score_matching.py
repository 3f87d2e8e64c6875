"""The scores of a file matched to the trials, conditions and labels of a run."""

from __future__ import annotations

from typing import Any

import pandas as pd

from attacks.contract.condition import CLEAN, parse_from_file
from benchmark.core.errors import InputError, unknown
from benchmark.exchange.score_columns import WORDS
from benchmark.exchange.score_reader import ScoreFile
from benchmark.exchange.trial_ids import TrialIds
from benchmark.laundering.output_layout import folder_names


def matched(
    file: ScoreFile,
    ids: TrialIds,
    head: dict[str, Any],
    trials: pd.DataFrame,
    *,
    condition: str,
    strangers: bool,
) -> tuple[pd.DataFrame, int]:
    """Return the rows that are trials of the run, and the number of those that are not.

    ids       : the trials by their names
    condition : of the scores, where the file does not name it; '' = clean
    strangers : skip rows that are no trials

    The rows have utterance_id, condition, split, label, score and line. Raises `InputError` naming
    the line for ids that are no trials, for two scores of one trial, and for labels that contradict
    the run.
    """
    table = file.table.assign(condition=_conditions(file, head, condition))
    table["utterance_id"] = [ids.find(name) for name in table["id"]]
    known = trials[["utterance_id", "split", "label"]]
    table = table.merge(known, on="utterance_id", how="left")
    dev = (table["split"] == "dev") & (table["condition"] != CLEAN)
    unmatched = (table["split"].isna() | dev).to_numpy()
    if unmatched.all():
        row = table.iloc[0]
        raise InputError(
            f"{file.path}:{row['line']}: none of its {len(table)} ids is a trial of the run; its"
            f" first id is {row['id']!r}, that of the run is {ids.first!r}"
        )
    if unmatched.any() and not strangers:
        row = table[unmatched].iloc[0]
        raise InputError(
            f"{file.path}:{row['line']}: {int(unmatched.sum())} of {len(table)} ids are not trials"
            f" of the run, the first is {row['id']!r}; --allow-unknown skips them"
        )
    for name, cells in file.labels.items():
        _require_same_labels(file, name, table.assign(key=cells)[~unmatched])
    table = table[~unmatched].reset_index(drop=True)
    _require_one_score(file, table)
    return table, int(unmatched.sum())


def _conditions(file: ScoreFile, head: dict[str, Any], given: str) -> list[str]:
    """Return the run's condition of every row, found by its spelling or its export folder."""
    known = [c["condition"] for c in head["conditions"]]
    names = dict(zip(folder_names(known), known, strict=True)) | {name: name for name in known}
    column = file.table["condition"]
    first = file.table.drop_duplicates("condition")
    if given and first["condition"].tolist() != [""]:
        raise InputError(f"{file.path} has a column of conditions: leave out --condition")
    resolved = {}
    for text, line in zip(first["condition"], first["line"], strict=True):
        spelled = text or given or CLEAN
        where = f"{file.path}:{line}: " if text else ""
        try:
            resolved[text] = names.get(spelled) or str(parse_from_file(spelled, file.path))
        except InputError as error:
            raise InputError(f"{where}{error}") from error
        if resolved[text] not in known:
            raise InputError(f"{where}{unknown('condition of the run', spelled, known)}")
    return [resolved[text] for text in column]


def _require_same_labels(file: ScoreFile, name: str, table: pd.DataFrame) -> None:
    """Raise `InputError` at the first line whose label contradicts the run.

    Words of the field have their meaning. Others, as 0 and 1, may mean either class, but each only
    one: a column in which one of them stands at trials of both classes names no classes, or wrong
    ones. A column that is the same throughout says nothing.
    """
    words = table["key"].str.strip().str.lower()
    labels = words.map(WORDS)
    contrary = table[(labels.notna() & (labels != table["label"])).to_numpy()]
    if len(contrary):
        row = contrary.iloc[0]
        raise InputError(
            f"{file.path}:{row['line']}: labels {row['utterance_id']!r} {row['key']}, but the run"
            f" labels it {row['label']}"
        )
    if labels.notna().any() or words.nunique() < 2:
        return
    first = table.assign(word=words).groupby("word", sort=False)["label"].transform("first")
    mixed = table[(first != table["label"]).to_numpy()]
    if len(mixed):
        row = mixed.iloc[0]
        raise InputError(
            f"{file.path}:{row['line']}: {name} has {row['key']!r} for {row['utterance_id']!r}, a"
            f" {row['label']} trial of the run, and for trials of the other class: correct the"
            " labels, or remove the column"
        )


def _require_one_score(file: ScoreFile, table: pd.DataFrame) -> None:
    """Raise `InputError` at the first line that scores a trial once more."""
    keys = ["condition", "utterance_id"]
    again = table[table.duplicated(keys).to_numpy()]
    if len(again):
        row = again.iloc[0]
        same = (table[keys] == row[keys]).all(axis=1)
        raise InputError(
            f"{file.path}:{row['line']}: {row['utterance_id']!r} has two scores under"
            f" {row['condition']}, the other in line {table.loc[same, 'line'].iloc[0]}"
        )
