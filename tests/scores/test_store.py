"""The score store: atomic parts, scans, damaged, missing and unlisted files."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.core.errors import InputError
from benchmark.scores import manifest, plan_files, scopes
from benchmark.scores.manifest import Log
from benchmark.scores.part_format import DamagedPart, unscored
from benchmark.scores.selection import done
from benchmark.scores.store import Store
from tests.support.parts import add, file_of

KEY = "k" * 24
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


def row(uid: str, **scores: float) -> dict[str, Any]:
    known = {"decoder": "soundfile", "seconds": 1.5, "facts": [{"gain": 1.0}], "checks": [CHECK]}
    return unscored(uid, **known, scores=scores)


def failing(uid: str, cause: str) -> dict[str, Any]:
    return row(uid) | {"failure": "unreadable", "cause": cause}


def test_a_part_reads_back_as_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    add(store, KEY, "test", "clean", [row("a", m=0.5), row("b", m=-1.5)], {"id1": "m"})
    (part,) = store.scan().parts
    assert (part.key, part.split, part.condition) == (KEY, "test", "clean")
    assert part.detectors == {"id1": "m"}
    (table,) = store.read([part])
    assert table["score:m"].to_pylist() == [0.5, -1.5]
    assert table["checks"].to_pylist()[0] == [CHECK]
    assert done([part]) == {KEY: {"id1"}}


def test_a_broken_detector_is_not_done_and_its_score_counts_later(tmp_path: Path) -> None:
    store = Store(tmp_path)
    failed = row("a") | {"causes": {"m": "boom"}}
    add(store, KEY, "test", "clean", [failed], {"id1": "m"}, {"m": "boom"})
    assert done(store.scan().parts) == {KEY: set()}
    add(store, KEY, "test", "clean", [row("a", m=1.0)], {"id1": "m"})
    assert done(store.scan().parts) == {KEY: {"id1"}}


def test_failed_rows_are_counted_and_a_later_attempt_replaces_them(tmp_path: Path) -> None:
    store = Store(tmp_path)
    add(store, KEY, "test", "clean", [failing("a", "a.flac: holds no samples")], {"id1": "m"})
    assert [part.failures for part in store.scan().parts] == [1]
    both = {"id1": "m", "id2": "n"}
    add(store, KEY, "test", "clean", [row("a", m=1.0, n=2.0)], both, attempt=1)
    found = store.scan()
    assert [part.failures for part in found.parts] == [0]
    assert [part.failures for part in found.replaced] == [1]


def test_a_replaced_file_may_be_gone_and_a_needed_one_may_not(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old = add(store, KEY, "test", "clean", [row("a", m=0.0)], {"id1": "m"})
    new = add(store, KEY, "test", "clean", [row("a", m=1.0)], {"id1": "m"}, attempt=1)
    file_of(store, old).unlink()
    assert store.scan().damaged == {}
    file_of(store, new).unlink()
    assert store.scan().damaged == {new.path: "is missing"}
    assert not store.scan().parts


def test_what_no_log_lists_does_not_count(tmp_path: Path) -> None:
    """A unit in flight at a kill is computed again; whatever else lies there is not ours."""
    store = Store(tmp_path)
    part = store.write_part(KEY, "test", "clean", [row("a", m=1.0)], {"id1": "m"})
    found = store.scan()
    assert found.parts == [] and found.unlisted == [part.path]


def test_two_processes_that_compute_one_unit_do_not_harm_each_other(tmp_path: Path) -> None:
    one, two = Store(tmp_path, {"machine": "a"}), Store(tmp_path, {"machine": "b"})
    first = add(one, KEY, "test", "clean", [row("a", m=1.0)], {"id1": "m"})
    second = add(two, KEY, "test", "clean", [row("a", m=1.001)], {"id1": "m"})
    assert first.path != second.path
    found = one.scan()
    assert found.damaged == {}
    assert [part.path for part in found.parts] == [min(first.path, second.path)]


def test_scores_of_other_audio_do_not_count(tmp_path: Path) -> None:
    """A detector that scored the old files has no score of the new ones."""
    store = Store(tmp_path)
    add(store, KEY, "test", "clean", [row("a", m=1.0)], {"id1": "m"}, inputs="old")
    add(store, KEY, "test", "clean", [row("a", n=1.0)], {"id2": "n"}, inputs="old")
    add(store, KEY, "test", "clean", [row("a", m=2.0)], {"id1": "m"}, inputs="new", attempt=1)
    (part,) = store.scan().parts
    assert part.detectors == {"id1": "m"} and part.inputs == "new"


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


def test_every_file_is_forced_to_the_disk_if_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced = []
    monkeypatch.setattr(os, "fsync", forced.append)
    add(Store(tmp_path), KEY, "test", "clean", [row("a", m=0.5)], {"id1": "m"})
    assert not forced
    add(Store(tmp_path / "b", sync=True), KEY, "test", "clean", [row("a", m=0.5)], {"id1": "m"})
    assert len(forced) >= 3  # the origin, the part and the log, and the folders of the first two


def test_a_cut_part_is_found_by_its_size(tmp_path: Path) -> None:
    store = Store(tmp_path)
    part = add(store, KEY, "test", "clean", [row("a", m=0.5)], {"id1": "m"})
    file_of(store, part).write_bytes(file_of(store, part).read_bytes()[:50])
    found = store.scan()
    assert not found.parts
    assert found.damaged[part.path].startswith("has 50 bytes")
    store.set_aside(found.damaged)
    assert [path.name for path in (tmp_path / "damaged").iterdir()] == [Path(part.path).name]


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    scores = {f"u{number}": 0.1 * number for number in range(64)}
    rows = [row(uid, m=score) for uid, score in scores.items()]
    part = add(store, KEY, "test", "clean", rows, {"id1": "m"})
    content = bytearray(file_of(store, part).read_bytes())
    place = content.index(np.float32([0.1 * number for number in range(1, 9)]).tobytes())
    content[place + 1] ^= 1
    file_of(store, part).write_bytes(content)
    with pytest.raises(DamagedPart, match=r"is damaged: its SHA-256 is not that in the manifest"):
        store.read([part])


def test_a_half_written_temporary_file_is_not_a_part(tmp_path: Path) -> None:
    store = Store(tmp_path)
    part = add(store, KEY, "test", "clean", [row("a", m=0.5)], {"id1": "m"})
    (file_of(store, part).parent / ".x.parquet.tmp").write_bytes(b"half")
    found = store.scan()
    assert len(found.parts) == 1 and not found.unlisted


def test_a_log_whose_process_ends_as_it_is_read_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name changes between the listing of the folder and the reading of the file."""
    store = Store(tmp_path)
    log = Log(tmp_path / "manifest")
    log.add([store.write_part("ab" * 12, "test", "clean", [unscored("u")], {"d|v1": "d"})])
    real = manifest.read_logs

    def read(logs: list[Path]) -> manifest.Manifest:
        log.__exit__()
        return real(logs)

    monkeypatch.setattr(manifest, "read_logs", read)
    assert [part.key for part in manifest.read(tmp_path / "manifest").parts] == ["ab" * 12]


def test_a_log_on_a_full_disk_gives_one_message_and_keeps_its_lines(tmp_path: Path) -> None:
    """The line that did not fit is written once more as the log is closed, and fails again."""
    store = Store(tmp_path / "run")
    part = store.write_part("ab" * 12, "test", "clean", [unscored("u")], {"d|v1": "d"})
    words = f"""
import resource, signal
from pathlib import Path
from benchmark.core.errors import InputError
from benchmark.scores.manifest import Log, PartFile, PartInfo
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1200, 1200))
file = PartFile({part.path!r}, {part.file.sha256!r}, {part.file.size}, "test", "clean",
                {{"d|v1": "d"}}, {part.file.origin!r})
try:
    with Log(Path({str(tmp_path / "run" / "manifest")!r})) as log:
        while True:
            log.add([PartInfo(file, {part.key!r}, 0, 1)])
except InputError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True)
    assert "cannot write" in told.stdout and not told.stderr
    found = store.scan()
    assert [p.key for p in found.parts] == [part.key]
    assert len(found.faults) == 1 and "the last line is cut off" in found.faults[0]


def test_a_folder_of_another_scope_says_where_its_run_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "run" / scopes.BESIDE
    beside.mkdir(parents=True)
    with pytest.raises(InputError, match=r"scope-spoof holds no run .*launderbench run starts one"):
        Store(beside).require_head()
    (tmp_path / "run" / plan_files.POINTER).touch()
    with pytest.raises(InputError, match=r"scope-spoof holds tables alone.*are in .*/run$"):
        Store(beside).require_head()
    monkeypatch.chdir(beside)
    with pytest.raises(InputError, match=r"^\. holds tables alone: the scores are in \.\.$"):
        Store(Path()).require_head()
