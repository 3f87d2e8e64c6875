"""The gate of reorganisations: every kind of change in a record is seen, and time is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support import gate


def part(path: Path, score: float, key: str = "k", when: str = "today") -> None:
    table = pa.table({"utterance_id": ["a", "b"], "score:x": [0.5, score]})
    meta = {"key": key, "origin": {"commit": when}}
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({b"launderbench": json.dumps(meta).encode()})


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record with one item of every kind."""
    root = tmp_path / "before"
    for folder in ("cache/checkpoints", "laundered/mp3", "run/parts/ab"):
        (root / folder).mkdir(parents=True)
    for name in (
        "identities.json", "cache/checkpoints/x.safetensors", "laundered/mp3/voice.wav",
        "laundered/effects.csv", "run/conditions.csv", "run/conditions.tex",
    ):  # fmt: skip
        (root / name).write_text(name)
    (root / "run/plan.json").write_text(json.dumps({"seed": 0, "data_root": "here"}))
    part(root / "run/parts/ab/one.parquet", 0.25)
    return root


CHANGES: dict[str, Callable[[Path], object]] = {
    "identities": lambda root: (root / "identities.json").write_text("x"),
    "checkpoints": lambda root: (root / "cache/checkpoints/x.safetensors").unlink(),
    "laundered files": lambda root: (root / "laundered/mp3/voice.wav").write_text("x"),
    "effects": lambda root: (root / "laundered/effects.csv").write_text("x"),
    "tables": lambda root: (root / "run/conditions.csv").write_text("x"),
    "LaTeX": lambda root: (root / "run/conditions.tex").write_text("x"),
    "plan": lambda root: (root / "run/plan.json").write_text('{"seed": 1, "data_root": "here"}'),
    "parts": lambda root: part(root / "run/parts/ab/one.parquet", 0.25000001),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_seen(kind: str, record: Path, tmp_path: Path) -> None:
    after = shutil.copytree(record, tmp_path / "after")
    CHANGES[kind](after)
    (line,) = gate.differences(record, after)
    assert line.startswith(f"{kind}: ")
    assert gate.main(["compare", str(record), str(after)]) == 1


def test_a_part_of_another_key_is_another_part(record: Path, tmp_path: Path) -> None:
    after = shutil.copytree(record, tmp_path / "after")
    part(after / "run/parts/ab/one.parquet", 0.25, key="other")
    assert [*gate.differences(record, after)] == ["parts: run/parts/ab/one.parquet differs"]


def test_time_and_place_are_no_change(record: Path, tmp_path: Path) -> None:
    after = shutil.copytree(record, tmp_path / "after")
    part(after / "run/parts/ab/one.parquet", 0.25, when="tomorrow")
    (after / "run/plan.json").write_text(json.dumps({"seed": 0, "data_root": "there"}))
    assert gate.main(["compare", str(record), str(after)]) == 0


def test_an_empty_record_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    assert gate.main(["compare", str(tmp_path / "before"), str(tmp_path / "before")]) == 1
