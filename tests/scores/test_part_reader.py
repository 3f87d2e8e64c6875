"""Reading parts in groups: the rows equal those read part by part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from benchmark.scores import part_reader
from benchmark.scores.manifest import IMPORTED, PartInfo
from benchmark.scores.part_format import DamagedPart
from benchmark.scores.part_reader import ROW, TEXTS, PartRows, Wanted
from benchmark.scores.store import Store
from tests.scores.test_store import CHECK, row
from tests.support.parts import add, file_of

BOTH = {"id1": "m", "id2": "n"}


def laundered(uid: str, *, checks: int = 2, **scores: float) -> dict[str, object]:
    own = [CHECK | {"attack": f"noise {uid}", "measured": float(n)} for n in range(checks)]
    return row(uid, **scores) | {"checks": own}


def units(store: Store) -> list[PartInfo]:
    """Write ten parts of several kinds and return them as `scan` finds them."""
    for number in range(6):
        rows = [laundered(f"{number}{n}", checks=n, m=number + n / 8, n=-n / 8) for n in range(3)]
        add(store, f"{number}", "test", "noisy", rows, BOTH)
    add(store, "6", "test", "clean", [row("00", m=1.0) | {"checks": []}], {"id1": "m"})
    add(store, "7", "dev", "clean", [row("d0", m=2.0, n=3.0)], BOTH)
    unread = laundered("80", checks=0) | {"failure": "unreadable", "cause": "gone"}
    add(store, "8", "test", "noisy", [unread, laundered("81", m=1.0, n=2.0)], BOTH)
    broken = [laundered("90", m=1.0) | {"causes": {"n": "boom"}}]
    add(store, "9", "test", "noisy", broken, BOTH, {"n": "boom"})
    return store.scan().parts


def read(store: Store, parts: list[PartInfo], **wanted: Any) -> list[PartRows]:
    """Read parts of which none is damaged."""

    def damage(part: PartInfo, error: DamagedPart) -> None:
        raise error

    return part_reader.read(store, parts, Wanted(**wanted), damage)


@pytest.mark.parametrize("length", [1, 4, 256])
def test_groups_hold_what_the_parts_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(part_reader, "LENGTH", length)
    store = Store(tmp_path)
    parts = units(store)
    found, checks = [], []
    for group in read(store, parts, checked={(part.path, part.key) for part in parts}, causes=True):
        frame = group.table.to_pandas()
        found.append(frame.assign(part=group.numbers, condition=group.condition))
        own = group.checks.to_pandas()
        owner = frame["utterance_id"].to_numpy()[own.pop(ROW)]
        checks += [*zip(owner, own.to_dict("records"), strict=True)]
        assert group.failures == ("failure" in frame)
        assert all(parts[number].detectors == group.detectors for number in group.numbers)
    whole = pd.concat(found).sort_values("part", kind="stable").reset_index(drop=True)
    expected, expected_checks = [], []
    for number, part in enumerate(parts):
        (rows,) = store.read([part])
        frame = rows.to_pandas().assign(part=number, condition=part.condition)
        expected.append(frame)
        for uid, own in zip(frame["utterance_id"], frame["checks"], strict=True):
            expected_checks += [(uid, check) for check in own]
    plain = pd.concat(expected).reset_index(drop=True)
    for column in ("utterance_id", "part", "condition"):
        assert whole[column].tolist() == plain[column].tolist()
    for name in ("m", "n"):
        np.testing.assert_array_equal(whole[f"score:{name}"], plain[f"score:{name}"])
    assert sorted(checks, key=repr) == sorted(expected_checks, key=repr)
    assert whole.set_index("utterance_id")["cause"].dropna().to_dict() == {"80": "gone"}


def test_checks_come_only_from_the_requested_parts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    parts = units(store)
    found = read(store, parts, checked={(parts[1].path, parts[1].key)})
    texts = [text for group in found for text in group.checks["attack"].to_pylist()]
    assert sorted(texts) == ["noise 11", "noise 12", "noise 12"]
    assert all("checks" not in g.table.column_names for g in found)


def test_texts_of_checks_are_kept_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    parts = units(store)
    for group in read(store, parts, checked={(part.path, part.key) for part in parts}, causes=True):
        assert all(pa.types.is_dictionary(group.checks[name].type) for name in TEXTS)


def test_parts_of_one_unit_stay_in_their_order(tmp_path: Path) -> None:
    elsewhere = Store(tmp_path, {IMPORTED: "x.csv"}, IMPORTED)
    add(elsewhere, "0", "test", "noisy", [row("a", m=1.0)], {"id0": "m"})
    add(Store(tmp_path), "0", "test", "noisy", [row("a", m=2.0)], {"id1": "m"})
    parts = Store(tmp_path).scan().parts
    found = read(Store(tmp_path), parts)
    assert {(g.imported, g.table["score:m"][0].as_py()) for g in found} == {(True, 1), (False, 2)}
    for group in found:
        (number,) = group.numbers
        assert group.imported == parts[number].imported


@pytest.mark.parametrize("length", [1, 256])
def test_a_damaged_part_is_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(part_reader, "LENGTH", length)
    store = Store(tmp_path)
    parts = units(store)
    file_of(store, parts[4]).write_bytes(b"PAR1 and no more")
    named = []
    wanted = Wanted({(part.path, part.key) for part in parts})
    found = part_reader.read(store, parts, wanted, lambda part, error: named.append((part, error)))
    ((part, error),) = named
    assert part == parts[4]
    assert part.path in str(error)
    numbers = {int(number) for group in found for number in group.numbers}
    assert numbers == {*range(len(parts))} - {4}


def test_causes_and_scores_are_read_only_if_wanted(tmp_path: Path) -> None:
    store = Store(tmp_path)
    parts = units(store)
    for group in read(store, parts, scores=False):
        assert not any(name.startswith(("score", "cause")) for name in group.table.column_names)
    assert any("cause:n" in group.table.column_names for group in read(store, parts, causes=True))
