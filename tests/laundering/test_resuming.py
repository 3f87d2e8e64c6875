"""Keys and records: those of finished outputs must not change, or nothing old would be kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from benchmark.exchange.spectrogram_export import SPEC, SpectrogramShard
from benchmark.laundering import resuming
from benchmark.laundering.output_layout import LaunderingJob, OutputTarget, SourceFile
from benchmark.scores.unit_keys import condition_key

ROOT = Path("root")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_keys_of_finished_outputs_stay() -> None:
    job = LaunderingJob((("mp3", "mp3#v1", ""),), OutputTarget(ROOT, "flac"), seed=7)
    key = job.key(SourceFile("ü", "ü", ROOT / "x", "f00"), 0)
    assert key == digest(r'[2, "mp3#v1", 7, "\u00fc", "f00", "flac"]')
    rows = (("u", "a.flac", "f00"),)
    shard = SpectrogramShard(0, "mp3", "mp3#v1", "mp3", ROOT, rows, ROOT, "png", 7)
    head = [1, repr(SPEC), "png", "mp3#v1", 7, "mp3"]
    assert shard.key() == digest(json.dumps([head, [["u", "a.flac", "f00"]]]))
    assert condition_key("t", "mp3#v1", 7) == digest(
        '{"condition": "mp3#v1", "format": 5, "precision": "float32", "recipe": "-", "seed": 7,'
        ' "trials": "t"}'
    )


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A folder with a record and its two files."""
    for name in "ab":
        (tmp_path / name).write_text(name)
    files = {name: digest(name) for name in "ab"}
    resuming.keep(tmp_path / "deep" / "record.json", {"key": "k", "files": files, "n": 1.5})
    return tmp_path


def kept(folder: Path, key: str = "k") -> resuming.Record | None:
    return resuming.kept(
        folder / "deep" / "record.json",
        key,
        lambda record: {folder / name: sha for name, sha in record["files"].items()},
    )


def test_an_unchanged_output_is_kept(finished: Path) -> None:
    record = kept(finished)
    assert record is not None and record["n"] == 1.5
    assert kept(finished, "another key") is None


@pytest.mark.parametrize("content", ["", "{", "[1]", "null", "{}", '{"key": "k", "files": 3}'])
def test_a_damaged_record_is_none(finished: Path, content: str) -> None:
    (finished / "deep" / "record.json").write_text(content)
    assert kept(finished) is None


def test_a_changed_or_missing_file_is_found(finished: Path) -> None:
    (finished / "b").write_text("c")
    assert kept(finished) is None
    (finished / "b").write_text("b")
    assert kept(finished) is not None
    (finished / "a").unlink()
    assert kept(finished) is None
