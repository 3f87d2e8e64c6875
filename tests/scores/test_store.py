"""The score store: atomic parts, scans and damaged files."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import InputError
from benchmark.scores.manifest import PartInfo
from benchmark.scores.part_format import DamagedPart, unscored
from benchmark.scores.selection import done
from benchmark.scores.store import Store

CHECK = {
    "step": 0,
    "attack": "noise",
    "quantity": "SNR",
    "unit": "dB",
    "relation": "=",
    "claimed": 10.0,
    "measured": 10.01,
    "tolerance": 0.1,
    "passed": True,
    "effect": True,
}


def row(uid: str, **scores: float) -> dict[str, object]:
    return {
        "utterance_id": uid,
        "failure": None,
        "cause": None,
        "decoder": "soundfile",
        "seconds": 1.5,
        "facts": [{"gain": 1.0}],
        "checks": [CHECK],
        "scores": scores,
        "causes": {},
    }


def test_a_part_reads_back_as_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_part(KEY, "test", "clean", [row("a", m=0.5), row("b", m=-1.5)], {"id1": "m"})
    (part,) = store.scan()
    assert (part.key, part.split, part.condition) == (KEY, "test", "clean")
    assert part.detectors == {"id1": "m"}
    table = store.read(part)
    assert table["score:m"].to_pylist() == [0.5, -1.5]
    assert table["checks"].to_pylist()[0] == [CHECK]
    assert done([part]) == {KEY: {"id1"}}


def test_a_broken_detector_is_not_done_and_is_overwritten(tmp_path: Path) -> None:
    store = Store(tmp_path)
    failed = row("a") | {"causes": {"m": "boom"}}
    first = store.write_part(KEY, "test", "clean", [failed], {"id1": "m"}, {"m": "boom"})
    assert done(store.scan()) == {KEY: set()}
    second = store.write_part(KEY, "test", "clean", [row("a", m=1.0)], {"id1": "m"})
    assert first == second
    assert done(store.scan()) == {KEY: {"id1"}}


def test_failed_rows_are_counted_and_their_part_can_be_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path)
    failed = row("a") | {"failure": "unreadable", "cause": "a.flac: holds no samples"}
    old = store.write_part(KEY, "test", "clean", [failed], {"id1": "m"})
    assert [part.failures for part in store.scan()] == [1]
    both = {"id1": "m", "id2": "n"}
    store.write_part(KEY, "test", "clean", [row("a", m=1.0, n=2.0)], both, replaces=[old])
    assert [part.failures for part in store.scan()] == [0]


def test_a_full_disk_gives_one_message_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match=r"cannot write .*No space left on device.*kept"):
        store.write_part(KEY, "test", "clean", [row("a", m=0.5)], {"id1": "m"})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.write_part(KEY, "test", "clean", [row("a", m=0.5)], {"id1": "m"})
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match=path.name):
        store.scan()


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    """The page checksums detect a changed score, which decoding does not."""
    store = Store(tmp_path)
    scores = {f"u{number}": 0.1 * number for number in range(64)}
    rows = [row(uid, m=score) for uid, score in scores.items()]
    path = store.write_part(KEY, "test", "clean", rows, {"id1": "m"})
    (part,) = store.scan()
    content = bytearray(path.read_bytes())
    place = content.index(np.float32([0.1 * number for number in range(1, 9)]).tobytes())
    content[place + 1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{path.name} is damaged .*delete it and run again"):
        store.read(part)


def test_a_half_written_temporary_file_is_not_a_part(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.write_part(KEY, "test", "clean", [row("a", m=0.5)], {"id1": "m"})
    (path.parent / ".x.parquet.tmp").write_bytes(b"half")
    assert len(store.scan()) == 1


def test_parts_of_another_format_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("benchmark.scores.store.PART_FORMAT", 1)
        store.write_part(KEY, "test", "clean", [row("a", m=0.5)], {"id1": "m"})
    assert store.scan() == []
