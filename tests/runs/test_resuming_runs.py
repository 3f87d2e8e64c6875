"""Resuming: changed audio, damaged parts and failed units are computed again, and nothing else."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from attacks.contract.condition import Condition, parse
from benchmark.core.errors import InputError
from benchmark.data import file_hashes
from benchmark.data.loading import open_data
from benchmark.data.trial_table import with_stamps
from benchmark.inference.checkpoints import Checkpoint
from benchmark.runs import profile, runner
from benchmark.runs.executor import Processes
from benchmark.runs.plan import PlanShare, RunPlan
from benchmark.runs.unit_worker import WorkerSetup
from benchmark.scores import compaction
from benchmark.scores.load_run import collect
from benchmark.scores.manifest import Log
from benchmark.scores.store import Store

KEYS = ["detector", "condition", "split", "utterance_id"]


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkpoint, ...]:
    folder = tmp_path_factory.mktemp("weights")
    found = [profile.untrained(name, folder) for name in ("raw-cnn", "gap-cnn")]
    return tuple(item for item in found if item is not None)


@pytest.fixture
def corpus(toy: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy, tmp_path / "toy"))


def plan(root: Path, detectors: tuple[Checkpoint, ...]) -> RunPlan:
    whole = open_data(root)
    test, dev = (with_stamps(whole.split(split), allow_missing=True) for split in ("test", "dev"))
    return RunPlan(test, dev, "two", (Condition(), parse("lowpass(cutoff=3000)")), detectors, 0)


def complete(matrix: RunPlan, folder: Path, **settings: bool) -> list[str]:
    """Compute what is missing and return the keys of the units that were."""
    store = Store(folder)
    todo = runner.missing(matrix, store, **settings)
    keys = sorted(job.key for job in todo.jobs)
    runner.write_plan(matrix, store)
    runner.run(todo, WorkerSetup(folder, matrix.detectors, "cpu"), Processes(0))
    return keys


def table(folder: Path) -> pd.Series:
    frame = collect(folder, {}).scores.astype(dict.fromkeys(KEYS, str))
    return frame.set_index(KEYS)["score"].sort_index()


def one(corpus: Path) -> Path:
    return sorted((corpus / "flac").glob("test_*"))[5]


def test_a_run_is_complete_after_one_call(
    corpus: Path, tmp_path: Path, detectors: tuple[Checkpoint, ...]
) -> None:
    assert len(complete(plan(corpus, detectors), tmp_path / "run")) == 3
    assert complete(plan(corpus, detectors), tmp_path / "run") == []


def test_the_state_of_a_file_is_taken_when_it_is_decoded(
    corpus: Path, tmp_path: Path, detectors: tuple[Checkpoint, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is hashed before or after, and a second call reads no audio file at all."""
    read = []
    real = file_hashes._sha256
    monkeypatch.setattr(file_hashes, "_sha256", lambda path: read.append(path) or real(path))
    complete(plan(corpus, detectors), tmp_path / "run")
    assert len(read) == len(set(read)) == 24 + 12
    results = collect(tmp_path / "run", {})
    path = corpus / results.protocol.table["path"][0]
    assert results.protocol.table["file_sha256"][0] == real(path)
    read.clear()
    complete(plan(corpus, detectors), tmp_path / "run")
    assert read == []


@pytest.mark.parametrize("compacted", [False, True])
def test_a_changed_file_is_scored_again_by_every_detector(
    corpus: Path,
    tmp_path: Path,
    detectors: tuple[Checkpoint, ...],
    compacted: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = tmp_path / "run"
    complete(plan(corpus, detectors), run)
    before = table(run)
    if compacted:
        compaction.compact(Store(run))
    wave, rate = soundfile.read(one(corpus))
    soundfile.write(one(corpus), wave[::-1], rate)
    assert len(complete(plan(corpus, detectors), run)) == 2  # the test shard under both conditions
    assert "audio files have changed" in caplog.text
    after = table(run)
    changed = after.index[(after != before).to_numpy()]
    assert {uid for *_, uid in changed} == {one(corpus).stem}
    fresh = tmp_path / "fresh"
    complete(plan(corpus, detectors), fresh)
    assert table(fresh).equals(after)
    assert complete(plan(corpus, detectors), run) == []


def test_an_old_score_never_stands_with_a_new_one(
    corpus: Path, tmp_path: Path, detectors: tuple[Checkpoint, ...]
) -> None:
    """A detector that is not run again has no score of a file that has changed."""
    run = tmp_path / "run"
    complete(plan(corpus, detectors), run)
    soundfile.write(one(corpus), np.random.default_rng(0).normal(0, 0.1, 20000), 16000)
    complete(plan(corpus, detectors[:1]), run)
    held = table(run)
    assert set(held.loc["raw-cnn"].index.get_level_values("split")) == {"dev", "test"}
    assert set(held.loc["gap-cnn"].index.get_level_values("split")) == {"dev"}


def test_a_file_that_is_only_younger_is_not_scored_again(
    corpus: Path, tmp_path: Path, detectors: tuple[Checkpoint, ...]
) -> None:
    complete(plan(corpus, detectors), tmp_path / "run")
    for path in (corpus / "flac").iterdir():
        os.utime(path, (1, 1))
    assert complete(plan(corpus, detectors), tmp_path / "run") == []


def test_a_change_that_keeps_size_and_time_is_found_by_a_recheck(
    corpus: Path, tmp_path: Path, detectors: tuple[Checkpoint, ...]
) -> None:
    complete(plan(corpus, detectors), tmp_path / "run")
    known = one(corpus).stat()
    content = bytearray(one(corpus).read_bytes())
    content[-30] ^= 1
    one(corpus).write_bytes(content)
    os.utime(one(corpus), ns=(known.st_atime_ns, known.st_mtime_ns))
    assert complete(plan(corpus, detectors), tmp_path / "run") == []
    assert len(complete(plan(corpus, detectors), tmp_path / "run", recheck=True)) == 2
    assert complete(plan(corpus, detectors), tmp_path / "run", recheck=True) == []


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_part_is_computed_again(
    corpus: Path, tmp_path: Path, detectors: tuple[Checkpoint, ...], damage: str
) -> None:
    run = tmp_path / "run"
    complete(plan(corpus, detectors), run)
    before = table(run)
    store = Store(run)
    part = next(p for p in store.scan().parts if p.condition != "clean")
    path = run / part.path
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
        store.set_aside(store.scan().damaged)
        assert len([*(run / "damaged").iterdir()]) == 1
    assert complete(plan(corpus, detectors), run) == [part.key]
    assert table(run).equals(before)
    found = store.scan()
    assert not (found.damaged or found.unlisted)


def test_a_full_disk_at_any_write_is_one_line_and_loses_nothing(
    corpus: Path, tmp_path: Path, detectors: tuple[Checkpoint, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The n-th file that is written, or the n-th line of a log, does not fit."""
    few = detectors[:1]
    complete(plan(corpus, few), tmp_path / "whole")
    real, add = Path.replace, Log.add
    calls = 0
    failed = 0
    for place in range(40):
        calls = 0

        def full(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            if calls == place + 1:  # noqa: B023 - called within this iteration
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments)  # type: ignore[arg-type]

        run = tmp_path / f"run{place}"
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", full)
            try:
                complete(plan(corpus, few), run)
            except InputError as error:
                failed += 1
                assert "No space left on device" in str(error) and "\n" not in str(error)
        if calls <= place:
            break
        complete(plan(corpus, few), run)
        assert table(run).equals(table(tmp_path / "whole"))
    assert failed == place >= 7  # trials, plan, pointer, detector, origin, three parts
    with monkeypatch.context() as patch:
        patch.setattr(Log, "add", lambda log, parts: add(_Full(log), parts))
        with pytest.raises(InputError, match=r"cannot write .*\.open\.log \(No space left"):
            complete(plan(corpus, few), tmp_path / "log")
    assert len(complete(plan(corpus, few), tmp_path / "log")) == 3


class _Full:
    """A log on a disk that is full."""

    def __init__(self, log: Log) -> None:
        self.__dict__ |= log.__dict__
        self._path = log._path
        self._file = self

    def write(self, _: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_run_may_be_opened_through_a_link(
    corpus: Path, tmp_path: Path, detectors: tuple[Checkpoint, ...]
) -> None:
    complete(plan(corpus, detectors), tmp_path / "run")
    (tmp_path / "link").symlink_to(tmp_path / "run", target_is_directory=True)
    assert complete(plan(corpus, detectors), tmp_path / "link") == []
    assert table(tmp_path / "link").equals(table(tmp_path / "run"))


def test_failures_are_tried_again_only_if_asked(
    corpus: Path, tmp_path: Path, detectors: tuple[Checkpoint, ...]
) -> None:
    run = tmp_path / "run"
    good = one(corpus).read_bytes()
    one(corpus).write_bytes(b"not audio")
    complete(plan(corpus, detectors), run)
    assert len(collect(run, {}).failures) == 1
    assert complete(plan(corpus, detectors), run) == []
    assert len(complete(plan(corpus, detectors), run, retry_failures=True)) == 2
    assert len(collect(run, {}).failures) == 1
    one(corpus).write_bytes(good)
    complete(plan(corpus, detectors), run)
    assert collect(run, {}).failures.empty


def test_a_share_looks_at_its_own_audio_only(
    corpus: Path, tmp_path: Path, detectors: tuple[Checkpoint, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = plan(corpus, detectors)
    complete(matrix, tmp_path / "run")
    read = []
    monkeypatch.setattr(file_hashes, "_sha256", lambda path: read.append(path.stem) or "0" * 64)
    shares = []
    for index in (1, 2):
        read.clear()
        store = Store(tmp_path / "run")
        runner.missing(matrix, store, share=PlanShare(index, 2), recheck=True)
        shares.append({name.partition("_")[0] for name in read})
    assert shares == [{"dev"}, {"test"}]
