"""Compaction: fewer files, the same scores, checks, failures and facts."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from benchmark.core.errors import InputError
from benchmark.scores import compaction, manifest
from benchmark.scores import store as store_module
from benchmark.scores.load_run import collect
from benchmark.scores.manifest import Log
from benchmark.scores.part_format import unscored
from benchmark.scores.run_results import RunResults
from benchmark.scores.selection import done
from benchmark.scores.store import Store
from tests.support import run_on_disk, synthetic_run
from tests.support.parts import add
from tests.support.places import DATA

KEYS = ["detector", "condition", "split", "utterance_id"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run of 3 detectors, 3 conditions, 300 test trials in 5 shards."""
    run_on_disk.write(synthetic_run.large(detectors=3, levels=2, utterances=300), tmp_path)
    return Store(tmp_path)


def content(folder: Path) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
    found: RunResults = collect(folder, {})
    scores = found.scores.astype(dict.fromkeys(KEYS, str)).set_index(KEYS)["score"].sort_index()
    order = ["condition", "utterance_id", "quantity"]
    effects = found.effects.astype(dict.fromkeys(order, str)).sort_values(order, ignore_index=True)
    return scores, effects, found.failures


def assert_same(one: tuple, two: tuple) -> None:
    pd.testing.assert_series_equal(one[0], two[0], check_exact=True)
    pd.testing.assert_frame_equal(one[1], two[1], check_exact=True)
    pd.testing.assert_frame_equal(one[2], two[2])


def files(store: Store) -> list[str]:
    return sorted(
        path.relative_to(store.folder).as_posix() for path in store.folder.rglob("*.parquet")
        if path.parent.name != "trials"
    )  # fmt: skip


def test_the_run_is_the_same_in_fewer_files(store: Store) -> None:
    before, held = content(store.folder), done(store.scan().parts)
    small = files(store)
    did = compaction.compact(store)
    assert (did.files_before, did.files_after) == (len(small), len(files(store)))
    assert did.files_before == 3 * 5 + 2 and did.files_after == 3 + 1
    assert_same(content(store.folder), before)
    found = store.scan()
    assert done(found.parts) == held
    assert not (found.damaged or found.unlisted or found.faults)
    assert len([*(store.folder / "manifest").iterdir()]) == 1


def test_nothing_is_left_to_compact(store: Store) -> None:
    compaction.compact(store)
    held = {name: (store.folder / name).read_bytes() for name in files(store)}
    compaction.compact(store)
    assert {name: (store.folder / name).read_bytes() for name in files(store)} == held


def later_detector(store: Store, value: float = 7.0, units: slice = slice(None)) -> None:
    """Score test units with a further detector, as another run of the folder does."""
    head = store.read_head()
    assert head is not None
    for part in sorted((p for p in store.scan().parts if p.split == "test"), key=lambda p: p.key)[
        units
    ]:
        ids = store.read([part], ["utterance_id"])[0]["utterance_id"].to_pylist()
        rows = [unscored(uid, scores={"late": value}) for uid in ids]
        add(store, part.key, "test", part.condition, rows, {"late|v1": "late"})
    store.write_detector(head, "late", {"identity": "late|v1", "training": {}})


def test_a_later_detector_adds_columns_at_the_next_compaction(store: Store) -> None:
    compaction.compact(store)
    later_detector(store)
    before = content(store.folder)
    assert (before[0].loc["late"] == 7).all() and len(before[0].loc["late"]) == 3 * 300
    assert len(files(store)) == 4 + 15
    compaction.compact(store)
    assert len(files(store)) == 4
    assert_same(content(store.folder), before)


def test_a_detector_of_some_units_is_not_taken_for_one_of_all(store: Store) -> None:
    """Its share of the units is compacted while others are still to be computed."""
    later_detector(store, units=slice(7))
    held, before = done(store.scan().parts), content(store.folder)
    compaction.compact(store)
    assert done(store.scan().parts) == held
    assert_same(content(store.folder), before)
    lacking = slice(7, None)
    later_detector(store, units=lacking)
    before = content(store.folder)
    assert len(before[0].loc["late"]) == 3 * 300
    compaction.compact(store)
    assert len(files(store)) == 4
    assert_same(content(store.folder), before)


def test_a_unit_computed_again_keeps_its_attempt_for_itself(store: Store) -> None:
    """A process that computes other units again meanwhile must still replace those of the file."""
    parts = [p for p in store.scan().parts if p.split == "test" and p.condition == "clean"]
    again = parts[0]
    ids = store.read([again], ["utterance_id"])[0]["utterance_id"].to_pylist()
    rows = [unscored(uid, scores=dict.fromkeys(again.detectors.values(), 1.0)) for uid in ids]
    add(store, again.key, "test", "clean", rows, again.detectors, attempt=1)
    compaction.compact(store)
    assert {
        p.key: p.file.attempt for p in store.scan().parts if p.key in {q.key for q in parts}
    } == {p.key: int(p.key == again.key) for p in parts}


def test_a_file_of_another_plan_stays_although_one_of_its_units_was_replaced(store: Store) -> None:
    compaction.compact(store)
    head = store.read_head()
    assert head is not None
    noisy = [p for p in store.scan().parts if p.condition != "clean"]
    large = noisy[0].file
    ids = store.read([noisy[0]], ["utterance_id"])[0]["utterance_id"].to_pylist()
    rows = [unscored(uid, scores=dict.fromkeys(large.detectors.values(), 1.0)) for uid in ids]
    add(store, noisy[0].key, "test", large.condition, rows, large.detectors, attempt=1)
    before = content(store.folder)
    trials = store.read_trials(head)
    clean = {**head, "conditions": [c for c in head["conditions"] if c["condition"] == "clean"]}
    store.write_head(clean, trials)
    compaction.compact(store)
    assert large.path in files(store)
    store.write_head(head, trials)
    assert_same(content(store.folder), before)


def test_what_a_running_process_lists_stays(store: Store) -> None:
    head = store.read_head()
    assert head is not None
    part = next(p for p in store.scan().parts if p.split == "test")
    ids = store.read([part], ["utterance_id"])[0]["utterance_id"].to_pylist()
    log = Log(store.folder / "manifest")
    written = store.write_part(
        part.key, "test", part.condition,
        [unscored(uid, scores={"late": 1.0}) for uid in ids], {"late|v1": "late"},
    )  # fmt: skip
    log.add([written])  # and the process goes on
    store.write_detector(head, "late", {"identity": "late|v1", "training": {}})
    before = content(store.folder)
    compaction.compact(store)
    assert written.path in files(store)
    assert_same(content(store.folder), before)
    log.__exit__()
    compaction.compact(store)
    assert written.path not in files(store)
    assert_same(content(store.folder), before)


def test_failures_and_broken_detectors_are_kept(store: Store) -> None:
    head = store.read_head()
    assert head is not None
    parts = [p for p in store.scan().parts if p.split == "test" and p.condition == "clean"]
    for number, part in enumerate(parts):
        ids = store.read([part], ["utterance_id"])[0]["utterance_id"].to_pylist()
        rows = [unscored(uid, scores={"late": 1.0}) for uid in ids]
        if number == 0:
            rows = [unscored(uid, causes={"late": "boom"}) for uid in ids]
        if number == 1:
            rows[3] = unscored(ids[3], causes={"late": "non-finite score (nan)"})
        broken = ("late",) if number == 0 else ()
        add(store, part.key, "test", "clean", rows, {"late|v1": "late"}, broken)
    store.write_detector(head, "late", {"identity": "late|v1", "training": {}})
    before, held = content(store.folder), done(store.scan().parts)
    assert len(before[2]) == 64 + 1
    compaction.compact(store)
    assert len(files(store)) == 4 + 1  # the unit that the next run tries again is apart
    assert done(store.scan().parts) == held
    assert_same(content(store.folder), before)
    clean = [p for p in store.scan().parts if p.split == "test" and p.condition == "clean"]
    assert [p.failures for p in sorted(clean, key=lambda p: p.start)].count(0) == 3


def test_a_small_file_stays_if_the_large_one_does_not_read_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, small = content(store.folder), files(store)
    real = store_module.parquet_bytes

    def wrong(table: pa.Table, *rest: object, **more: object) -> bytes:
        place = next(i for i, name in enumerate(table.column_names) if name.startswith("score:"))
        values = table.column(place).to_numpy().copy()
        values[5] = np.nextafter(values[5], np.float32(9))
        name = table.column_names[place]
        return real(table.set_column(place, name, pa.array(values)), *rest, **more)

    monkeypatch.setattr(store_module, "parquet_bytes", wrong)
    with pytest.raises(InputError, match="does not read back as written: nothing is deleted"):
        compaction.compact(store)
    assert files(store) == small
    assert_same(content(store.folder), before)


def test_a_damaged_file_stays_and_stops_nothing_else(store: Store) -> None:
    parts = [p for p in store.scan().parts if p.split == "test" and p.condition == "clean"]
    damaged, missing = parts[0].path, parts[1].path
    content_ = bytearray((store.folder / damaged).read_bytes())
    content_[300] ^= 4
    (store.folder / damaged).write_bytes(content_)
    (store.folder / missing).unlink()
    before = content(store.folder)
    did = compaction.compact(store)
    assert sorted(cause.split()[0] for cause in did.damaged) == sorted((damaged, missing))
    assert damaged in files(store) and len(files(store)) == 4 + 1
    assert_same(content(store.folder), before)
    assert [*store.scan().damaged] == [missing]


def test_parts_of_format_4_take_the_digests_of_later_parts(tmp_path: Path) -> None:
    shutil.copytree(DATA / "format4_run", tmp_path / "run")
    store = Store(tmp_path / "run")
    store.adopt()
    clean = next(p for p in store.scan().parts if (p.split, p.condition) == ("test", "clean"))
    ids = store.read([clean], ["utterance_id"])[0]["utterance_id"].to_pylist()
    known = {"samples": b"8 digits", "file_sha256": bytes(32), "file_size": 5, "file_mtime_ns": 6}
    rows = [unscored(uid, scores={"late": 1.0}, **known) for uid in ids]
    with store.log() as log:
        late = {"late|v1": "late"}
        log.add([store.write_part(clean.key, "test", "clean", rows, late, files=True)])
    compaction.compact(store)
    (joined,) = (p for p in store.scan().parts if "late|v1" in p.detectors)
    assert joined.path.startswith("compact/") and len(joined.detectors) == 3
    assert store.read([joined], [*known])[0].to_pylist() == [known] * len(ids)


def test_a_reader_takes_the_large_files_of_a_compaction_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The small files go while it looks at them, right after it has read the manifest."""
    held = done(store.scan().parts)
    real, calls = Store._sizes, 0

    def sizes(self: Store) -> dict[str, int]:
        nonlocal calls
        calls += 1
        if calls == 1:
            compaction.compact(Store(store.folder))
        return real(self)

    monkeypatch.setattr(Store, "_sizes", sizes)
    found = store.scan()
    assert done(found.parts) == held and not found.damaged


@pytest.mark.parametrize("place", range(6))
def test_a_kill_at_any_time_loses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """Killed before the n-th write, deletion or joining of logs, the run is the same."""
    before = content(store.folder)
    calls = 0

    def killing(real: object) -> object:
        def call(*arguments: object, **settings: object) -> object:
            nonlocal calls
            calls += 1
            if calls == place + 1:
                raise KeyboardInterrupt
            return real(*arguments, **settings)  # type: ignore[operator]

        return call

    with monkeypatch.context() as patch:
        patch.setattr(Log, "add", killing(Log.add))
        patch.setattr(Path, "unlink", killing(Path.unlink))
        patch.setattr(manifest, "join", killing(manifest.join))
        with pytest.raises(KeyboardInterrupt):
            compaction.compact(store)
    assert_same(content(store.folder), before)
    compaction.compact(store)
    assert_same(content(store.folder), before)
    assert len([*store.folder.glob("compact/*")]) == 4


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no run"):
        compaction.compact(Store(tmp_path))
