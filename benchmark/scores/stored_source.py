"""The scores and effects of a run folder, of which only the parts of one condition are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from attacks.contract.condition import CLEAN
from benchmark.metrics.discrimination import Floats, Places
from benchmark.scores import part_reader
from benchmark.scores.cell_source import CellSource
from benchmark.scores.part_reader import PartRows
from benchmark.scores.run_parts import RunParts
from benchmark.scores.run_results import EFFECT_COLUMNS
from benchmark.scores.score_matrix import ScoreGrid


class StoredSource(CellSource):
    """The parts of a run; the scores of clean test and dev are kept.

    Utterances that could not be read are not among `utterances`, and what parts hold of them is
    left out.
    """

    def __init__(
        self,
        parts: RunParts,
        detectors: Sequence[str],
        utterances: dict[str, list[str]],
        unreadable: set[str],
        clean: dict[str, list[PartRows]],
    ) -> None:
        """Take the plan, and the rows of clean by split, which were read for other reasons."""
        self._parts = parts
        self.detectors = detectors
        self._ids = {split: pa.array(ids, pa.string()) for split, ids in utterances.items()}
        self.utterances = utterances
        self._unreadable = unreadable
        self._kept = {split: self._array(split, CLEAN, rows) for split, rows in clean.items()}

    def scores(self, split: str, condition: str) -> Floats:
        """Return the scores (detectors, utterances of the split)."""
        if condition == CLEAN:
            return self._kept[split]
        return self._array(split, condition, self._parts.read(split, condition))

    def effects(self, condition: str) -> pd.DataFrame:
        """Return the checks; a unit that two parts hold counts once."""
        return _effects(condition, self._parts.read("test", condition, scores=False, checks=True))

    def cells(self, condition: str) -> tuple[Floats, pd.DataFrame]:
        """Return scores and effects from one reading of the parts."""
        if condition == CLEAN:
            return super().cells(condition)
        read = self._parts.read("test", condition, checks=True)
        return self._array("test", condition, read), _effects(condition, read)

    def scores_of_failing(self, split: str, condition: str) -> Floats:
        """Return the scores of those units in which anything failed, as `scores` does."""
        return self._array(split, condition, self._parts.read(split, condition, failing=True))

    def _array(self, split: str, condition: str, read: list[PartRows]) -> Floats:
        """Return the scores that these parts hold; if two score one trial, the first part counts.

        A score that is NaN is none.
        """
        grid = ScoreGrid(split, condition, self.detectors, self.utterances[split])
        place = self._places(grid, read)
        starts = np.cumsum([0, *(len(group.table) for group in read)])
        found: list[tuple[Places, Places, Floats, Places]] = []
        for group, start in zip(read, starts, strict=False):
            rows = place[start : start + len(group.table)]
            for identity, column in group.detectors.items():
                if identity not in self._parts.names:
                    continue
                own = group.table[f"score:{column}"].to_numpy()
                scored = ~np.isnan(own) & (rows >= 0)
                number = self.detectors.index(self._parts.names[identity])
                detector = np.full(np.count_nonzero(scored), number, dtype=np.intp)
                values = own[scored].astype(np.float64)
                found.append((detector, rows[scored], values, group.numbers[scored]))
        if not found:
            return np.full((len(grid.detectors), len(grid.utterances)), np.nan)
        detector, utterance, value, part = (
            np.concatenate(column) for column in zip(*found, strict=True)
        )
        if self._parts.overlapping(split, condition):
            order = np.argsort(part, kind="stable")
            flat = detector[order] * len(grid.utterances) + utterance[order]
            order = order[np.sort(np.unique(flat, return_index=True)[1])]
            detector, utterance, value = detector[order], utterance[order], value[order]
        return grid.filled(detector, utterance, value)

    def _places(self, grid: ScoreGrid, read: list[PartRows]) -> Places:
        """Return each row's place among the utterances, group after group; -1 if unreadable."""
        if not read:
            return np.zeros(0, dtype=np.intp)
        ids = pa.chunked_array([chunk for g in read for chunk in g.table["utterance_id"].chunks])
        found = pc.index_in(ids, value_set=self._ids[grid.split]).combine_chunks()
        place: Places = found.fill_null(-1).to_numpy().astype(np.intp)
        absent = np.flatnonzero(place < 0)
        names = ids.take(pa.array(absent)).to_pylist()
        strange = [name for name in names if name not in self._unreadable]
        if strange:
            raise grid.outside(strange)
        return place


def _effects(condition: str, read: list[PartRows]) -> pd.DataFrame:
    """Return one row per check, with categorical text columns to save memory."""
    kept = [group for group in read if len(group.checks)]
    if not kept:
        return pd.DataFrame({c: pd.Series(dtype=object) for c in EFFECT_COLUMNS})
    ids, utterance = _utterances(kept)
    starts = np.cumsum([0, *(len(group.table) for group in kept)])[:-1]
    owners = [
        start + group.checks[part_reader.ROW].to_numpy()
        for start, group in zip(starts, kept, strict=True)
    ]
    flat = pa.concat_tables([group.checks.drop_columns([part_reader.ROW]) for group in kept])
    flat = flat.unify_dictionaries().combine_chunks()
    columns: dict[str, Any] = {
        name: flat[name].to_pandas(split_blocks=True) for name in flat.column_names
    }
    columns["passed"] = flat["passed"].to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    columns["utterance_id"] = pd.Categorical.from_codes(utterance[np.concatenate(owners)], ids)
    columns["condition"] = pd.Categorical.from_codes(
        np.zeros(len(flat), dtype=np.int8), pd.Index([condition])
    )
    return pd.DataFrame(columns, copy=False)[list(EFFECT_COLUMNS)]


def _utterances(read: list[PartRows]) -> tuple[pd.Index, npt.NDArray[np.int32]]:
    """Return all utterance ids, sorted, and each row's index among them, group after group."""
    columns = pa.chunked_array([c for g in read for c in g.table["utterance_id"].chunks])
    coded = columns.combine_chunks().dictionary_encode()
    ids = pd.Index(coded.dictionary.to_pylist())
    order = ids.argsort()
    places = np.empty(len(ids), dtype=np.int32)
    places[order] = np.arange(len(ids))
    return ids[order], places[coded.indices.to_numpy()]
