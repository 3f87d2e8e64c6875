"""Inputs with faults: kept with the scores, counted in the report, left out where asked."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from attacks.contract.condition import Condition, parse
from benchmark.api import reporting, verification
from benchmark.api.verification import Verification, VerifyOptions
from benchmark.audio.input_faults import FAULTS
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data.loading import open_data
from benchmark.data.trial_table import with_stamps
from benchmark.inference.checkpoints import Checkpoint
from benchmark.runs import profile, runner
from benchmark.runs.executor import Processes
from benchmark.runs.plan import RunPlan
from benchmark.runs.run_config import ReportConfig
from benchmark.runs.unit_worker import WorkerSetup
from benchmark.scores.load_run import collect
from benchmark.scores.store import Store

RATE = 16000


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkpoint, ...]:
    found = profile.untrained("gap-cnn", tmp_path_factory.mktemp("weights"))
    return () if found is None else (found,)


@pytest.fixture(scope="module")
def odd(
    toy: Path, tmp_path_factory: pytest.TempPathFactory, checkpoints: tuple[Checkpoint, ...]
) -> tuple[Path, RunPlan]:
    """Return the folder and plan of a run with a cut, a silent and a broken file, all computed."""
    root = Path(shutil.copytree(toy, tmp_path_factory.mktemp("odd") / "toy"))
    cut, silent, broken = sorted((root / "flac").glob("test_*"))[5:8]
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    soundfile.write(silent, np.full(RATE, 1e-5, np.float32), RATE, subtype="PCM_24")
    broken.write_text("<html>not found</html>")
    whole = open_data(root)
    test, dev = (with_stamps(whole.split(split)) for split in ("test", "dev"))
    conditions = (Condition(), parse("lowpass(cutoff=3000)"))
    plan = RunPlan(test, dev, "two", conditions, checkpoints, 0)
    folder = root.parent / "run"
    store = Store(folder)
    runner.write_plan(plan, store)
    runner.run(runner.missing(plan, store), WorkerSetup(folder, checkpoints, "cpu"), Processes(0))
    return folder, plan


def test_the_default_scores_them_and_says_how_many(odd: tuple[Path, RunPlan]) -> None:
    folder, plan = odd
    results = collect(folder, {})
    assert results.inputs["faults"].tolist() == ["length,truncated", "silent"]
    cut = results.inputs.iloc[0]
    assert cut["declared_seconds"] > cut["decoded_seconds"] + 0.1
    assert not results.inputs["left_out"].any()
    assert len(results.protocol.table) == len(plan.test.table) - 1  # the broken one
    scored = set(results.scores["utterance_id"])
    assert set(results.inputs["utterance_id"]) <= scored
    (failure,) = results.failures[results.failures["kind"] == "unreadable"].to_dict("records")
    assert "is not audio but an HTML page" in failure["cause"]


@pytest.mark.parametrize(
    ("strict", "lost"), [((), 1), (("silent",), 2), (("silent", "truncated"), 3), (("short",), 1)]
)
def test_strict_leaves_the_named_faults_out_of_every_cell(
    odd: tuple[Path, RunPlan], strict: tuple[str, ...], lost: int
) -> None:
    folder, plan = odd
    results = collect(folder, {}, strict)
    total = len(plan.test.table)
    assert len(results.protocol.table) == total - lost
    assert len(results.unreadable) == lost
    assert set(results.scores.loc[results.scores["split"] == "test", "utterance_id"]) == set(
        results.protocol.table["utterance_id"]
    )
    causes = results.failures["cause"].str.startswith("left out by --strict (")
    assert int(causes.sum()) == lost - 1


def test_table_page_and_verification_say_so(odd: tuple[Path, RunPlan]) -> None:
    folder, _ = odd
    for strict, said, out in (
        ((), "2 inputs have faults (length 1, truncated 1, silent 1), 2 scored", "false"),
        (
            ("silent",),
            "2 inputs have faults (length 1, truncated 1, silent 1), 1 scored and 1 left out by"
            " --strict",
            "true",
        ),
    ):
        reporting.write(folder, ReportConfig(samples=0, resamples=0, strict=strict))
        table = pd.read_csv(folder / "inputs.csv", dtype=str)
        assert table["faults"].tolist() == ["length,truncated", "silent"]
        assert table["left_out"].tolist() == ["false", out]
        page = (folder / "leaderboard.html").read_text()
        assert said in page
        assert ("could not be read or were left out: in no cell" in page) == bool(strict)
        *_, checked = verification.verify(folder, VerifyOptions())
        assert isinstance(checked, Verification)
        steps = {step.name: step.faults for step in checked.steps}
        assert not steps["report"], steps
        assert not steps["files"], steps


@pytest.mark.parametrize("strict", [(), ("silent",), tuple(FAULTS)])
def test_what_went_in_is_scored_or_failed_in_every_cell(
    odd: tuple[Path, RunPlan], strict: tuple[str, ...]
) -> None:
    folder, plan = odd
    made, _, _ = reporting.write(folder, ReportConfig(samples=0, resamples=0, strict=strict))
    table = plan.test.table
    for row in made.conditions.to_dict("records"):
        of_track = (table["label"] == "bonafide") | (table["track"] == row["track"])
        test = set(table.loc[of_track, "utterance_id"])
        planned = len(test)
        mine = made.failures[
            (made.failures["condition"].isna() | (made.failures["condition"] == row["condition"]))
            & (made.failures["detector"].isna() | (made.failures["detector"] == row["detector"]))
        ]
        failed = test & set(mine["utterance_id"])
        assert row["n_bonafide"] + row["n_spoof"] + len(failed) == planned
        assert row["coverage"] == pytest.approx(1 - len(failed) / planned)


def test_the_command_line_names_the_faults_it_knows(
    odd: tuple[Path, RunPlan], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = odd
    assert main(["report", str(folder), "--strict", "silent", "--bootstrap", "0"]) == 0
    assert "1 left out by --strict" in capsys.readouterr().out
    assert main(["report", str(folder), "--strict", "slient"]) == 2
    assert "'slient' is no fault of inputs (all, length," in capsys.readouterr().err
    with pytest.raises(InputError, match="unknown fault of inputs"):
        ReportConfig(strict=("slient",))


def test_a_run_of_another_reader_goes_on_only_where_nothing_is_read_otherwise(
    odd: tuple[Path, RunPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, plan = odd
    store = Store(folder)
    before = (folder / "plan.json").read_bytes()
    monkeypatch.setattr("benchmark.audio.reader.VERSION", 3)
    runner.write_plan(plan, store)
    assert (folder / "plan.json").read_bytes() == before
    table = plan.test.table.assign(path=plan.test.table["path"].str.replace(".flac", ".mp3"))
    other = replace(plan, test=replace(plan.test, table=table))
    with pytest.raises(InputError, match=r"version 2 of the audio reader; version 3 may.*mp3"):
        runner.write_plan(other, store)
