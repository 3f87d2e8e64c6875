"""A report from parts read condition by condition: equal tables, flat memory, damage survived."""

from __future__ import annotations

import logging
import weakref
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.core.log import logger
from benchmark.leaderboard import leaderboard_tables
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import writer
from benchmark.scores import fusion, part_reader
from benchmark.scores.load_run import DAMAGED, collect
from benchmark.scores.run_results import RunResults
from benchmark.scores.store import Store
from benchmark.scores.stored_source import StoredSource
from tests.support import run_on_disk, synthetic_run
from tests.support.frame_source import run_of_frames

DRAWS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 3 tracks, 4 detectors and 28 conditions, in which nothing failed."""
    run = synthetic_run.run(speakers=8, segments=3)
    texts = dict.fromkeys(("detector", "condition", "split", "utterance_id"), "category")
    path = tmp_path_factory.mktemp("streamed") / "run"
    coded = synthetic_run.replace(run, scores=run.source.score_rows.astype(texts))
    run_on_disk.write(coded, path)
    return path


def tables(results: RunResults) -> Tables:
    return leaderboard_tables.tables(results, DRAWS)


def in_memory(results: RunResults, folder: Path) -> RunResults:
    """Return the same run with all its rows in two data frames, read part by part."""
    scores, effects = [], []
    store = Store(folder)
    for part in store.scan().parts:
        where = {"condition": part.condition, "split": part.split}
        for row in store.read([part])[0].to_pylist():
            uid = {"utterance_id": row["utterance_id"]}
            for name in part.detectors.values():
                score = row[f"score:{name}"]
                scores.append({"detector": name, **where, **uid, "score": score})
            effects += [{"condition": part.condition, **uid, **check} for check in row["checks"]]
    known = {item.name: getattr(results, item.name) for item in fields(results)}
    del known["source"]
    return run_of_frames(scores=pd.DataFrame(scores), effects=pd.DataFrame(effects), **known)


def test_streamed_tables_are_those_of_frames(folder: Path, tmp_path: Path) -> None:
    ensembles = fusion.parse_all(["mean(melcnn, rawcnn)", "logistic(melcnn, shortcut)"])
    stored = collect(folder, {})
    files = {}
    for name, results in (("streamed", stored), ("frames", in_memory(stored, folder))):
        with_ensembles = fusion.add(results, ensembles)
        found = tables(with_ensembles)
        assert found.leaderboard["detector"].nunique() == 6
        assert found.checks["n_pass"].sum() > 0
        run = tmp_path / name / "run"
        files[name] = {p.name: p.read_bytes() for p in writer.write(with_ensembles, run, found)}
    assert files["streamed"] == files["frames"]


class Watch:
    """What a source gives and the reader reads of laundered conditions, while it is in use."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.held: dict[str, list[tuple[str, weakref.ref[Any]]]] = {
            "rows": [], "scores": [], "effects": []
        }  # fmt: skip
        self.most: dict[str, int] = dict.fromkeys(self.held, 0)
        read, cells, scores = part_reader.read, StoredSource.cells, StoredSource.scores

        def watched_read(*arguments: Any) -> list[part_reader.PartRows]:
            found = read(*arguments)
            for group in found:
                self.note("rows", group.condition, group)
            return found

        def watched_cells(source: StoredSource, condition: str) -> tuple[np.ndarray, pd.DataFrame]:
            found = cells(source, condition)
            self.note("scores", condition, found[0])
            self.note("effects", condition, found[1])
            return found

        def watched_scores(source: StoredSource, split: str, condition: str) -> np.ndarray:
            found = scores(source, split, condition)
            self.note("scores", condition, found)
            return found

        monkeypatch.setattr(part_reader, "read", watched_read)
        monkeypatch.setattr(StoredSource, "cells", watched_cells)
        monkeypatch.setattr(StoredSource, "scores", watched_scores)

    def note(self, kind: str, condition: str, thing: Any) -> None:
        """Count the conditions of which such things are alive."""
        if condition != "clean":
            self.held[kind].append((condition, weakref.ref(thing)))
            alive = {name for name, reference in self.held[kind] if reference() is not None}
            self.most[kind] = max(self.most[kind], len(alive))


def test_one_condition_is_held_at_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(monkeypatch)
    results = collect(folder, {})
    assert not watch.held["rows"]  # nothing but clean is read in advance
    found = tables(results)
    names = {name for name, _ in watch.held["rows"]}
    assert len(names) == 27
    assert watch.most["rows"] == watch.most["effects"] == 1
    assert watch.most["scores"] <= 2  # cells are computed while the next condition is read
    watch.most["scores"] = 0
    writer.write(results, tmp_path / "run", found)
    assert watch.most["rows"] == watch.most["scores"] == 1


def test_a_damaged_part_leaves_its_cells_incomplete_and_is_listed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "propagate", True)
    run = synthetic_run.large(detectors=2, levels=2, utterances=200)
    folder = tmp_path / "run"
    run_on_disk.write(run, folder)
    whole = collect(folder, {})
    before = tables(whole).conditions
    assert before["complete"].all()
    assert DAMAGED not in whole.provenance
    every = Store(folder).scan().parts
    part = next(p for p in every if p.split == "test" and p.condition != "clean")
    lost = part.rows
    content = bytearray((folder / part.path).read_bytes())
    content[4:200] = bytes(196)
    (folder / part.path).write_bytes(content)
    caplog.set_level(logging.WARNING)
    results = collect(folder, {})
    found = tables(results)
    writer.write(results, folder, found)
    after = found.conditions
    mine = after["condition"] == part.condition
    assert (after["complete"] == ~mine).all()
    assert after.loc[mine, "coverage"].to_numpy() == pytest.approx(1 - lost / 200)
    pd.testing.assert_frame_equal(after[~mine], before[~mine])
    name = part.path
    assert results.provenance[DAMAGED] == [name]
    assert f'"{name}"' in (folder / "run.json").read_text()
    assert [part.path in text for text in caplog.messages] == [True]  # named once
