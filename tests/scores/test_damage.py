"""Damaged run folders: one line each, no traceback, and whatever is sound still counts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.scores import manifest, plan_files
from benchmark.scores.load_run import DAMAGED, collect
from benchmark.scores.store import Store
from tests.support import run_on_disk, synthetic_run

KEYS = ["detector", "condition", "split", "utterance_id"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 2 detectors, 2 conditions and 200 trials."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run_on_disk.write(synthetic_run.large(detectors=2, levels=1, utterances=200), folder)
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def table(folder: Path) -> pd.Series:
    frame = collect(folder, {}).scores.astype(dict.fromkeys(KEYS, str))
    return frame.set_index(KEYS)["score"].sort_index()


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return the content cut off, with a flipped bit, zeroed, repeated or replaced."""
    place = int(rng.integers(len(content)))
    changed = bytearray(content)
    changed[place] ^= 1 << int(rng.integers(8))
    zeroed = bytearray(content)
    zeroed[place : place + 40] = bytes(len(zeroed[place : place + 40]))
    choices = [
        content[:place],
        bytes(changed),
        bytes(zeroed),
        content + content[:place],
        b"",
        b"[1, 2]\n",
        b'{"format": 5, "plan": 7, "file": "../../etc/passwd"}\n',
        bytes(rng.integers(256, size=200, dtype=np.uint8)),
    ]
    return choices[int(rng.integers(len(choices)))]


@pytest.mark.parametrize(
    "kind", ["plan.json", "plans/*", "trials/*", "detectors/*", "manifest/*", "parts/*/*"]
)
def test_every_damage_is_one_line_and_changes_no_score(
    run: Path, whole: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """60 random damages of each kind of file."""
    before = table(whole)
    rng = np.random.default_rng(len(kind))
    files = sorted(run.glob(kind))
    for _ in range(60):
        path = files[int(rng.integers(len(files)))]
        sound = path.read_bytes()
        broken = damaged(sound, rng)
        path.write_bytes(broken)
        try:
            found = table(run)
        except InputError as error:
            assert "\n" not in str(error) and str(run) in str(error)
        else:
            assert found.equals(before.loc[found.index])  # nothing is made up
            if broken != sound and kind == "parts/*/*":
                assert len(found) < len(before)
        path.write_bytes(sound)
    assert table(run).equals(before)
    files[0].write_bytes(b"\0")
    code = main(["report", str(run), "--samples", "0", "--bootstrap", "0"])
    said = capsys.readouterr().err
    assert code != 0 or kind == "manifest/*"
    assert "Traceback" not in said


def test_a_changed_plan_is_refused_by_its_name(run: Path) -> None:
    (path,) = (run / "plans").iterdir()
    plan = json.loads(path.read_text())
    plan["seed"] = 1
    path.write_text(json.dumps(plan))
    with pytest.raises(InputError, match="was changed: its content has not the digest in its name"):
        collect(run, {})


@pytest.mark.parametrize("column", ["speaker", "label"])
def test_a_changed_trial_is_refused(run: Path, column: str) -> None:
    (path,) = (run / "trials").iterdir()
    trials = pd.read_parquet(path)
    trials.loc[3, column] = "spoof" if trials.loc[3, column] == "bonafide" else "bonafide"
    trials.to_parquet(path, index=False)
    with pytest.raises(InputError, match="was changed: its content has not the digest in its name"):
        collect(run, {})


def test_the_digest_of_trials_is_over_values(whole: Path, tmp_path: Path) -> None:
    """Not over bytes, which depend on the library that writes the file."""
    (path,) = (whole / "trials").iterdir()
    trials = pd.read_parquet(path)
    assert plan_files.trials_digest(trials) == path.stem
    trials.to_parquet(tmp_path / "x", compression="gzip", row_group_size=7, index=False)
    assert plan_files.trials_digest(pd.read_parquet(tmp_path / "x")) == path.stem
    for changed in (
        trials.rename(columns={"speaker": "Speaker"}),
        trials.iloc[::-1],
        trials.assign(speaker=trials["speaker"].replace({trials["speaker"][0]: None})),
        trials.assign(more=np.nan),
        trials.assign(more="nan"),
    ):
        assert plan_files.trials_digest(changed) != path.stem
    # a text moved from one cell to the next is another table
    one, two = pd.DataFrame({"a": ["xy", "z"]}), pd.DataFrame({"a": ["x", "yz"]})
    assert plan_files.trials_digest(one) != plan_files.trials_digest(two)


def test_a_missing_part_is_listed_and_its_cell_incomplete(run: Path) -> None:
    part = next(p for p in Store(run).scan().parts if p.condition != "clean")
    (run / part.path).unlink()
    found = collect(run, {})
    assert found.provenance[DAMAGED] == [part.path]
    assert len(found.scores) == len(table(run))


def test_half_a_copied_folder_is_one_line(run: Path) -> None:
    for name in ("trials", "plans", "manifest"):
        moved = (run / name).rename(run / f"{name}.gone")
        if name == "manifest":
            assert collect(run, {}).scores.empty
        else:
            with pytest.raises(InputError, match="is missing"):
                collect(run, {})
        moved.rename(run / name)
    assert not collect(run, {}).scores.empty


def test_a_log_never_points_outside_the_run(run: Path) -> None:
    (log,) = (run / "manifest").iterdir()
    lines = log.read_bytes().split(b"\n")
    record = json.loads(lines[1].partition(b" ")[2])
    for path in ("/etc/passwd", "../x.parquet", "parts/../../x"):
        text = json.dumps({**record, "file": path}, separators=(",", ":"))
        line = f"{manifest._check(text.encode())} {text}".encode()
        log.write_bytes(b"\n".join([lines[0], line, b""]))
        found = manifest.read(run / "manifest")
        assert not found.parts and len(found.faults) == 1


def relist(run: Path, place: int, **changes: object) -> None:
    """Change a record of the manifest, with the check that it then has."""
    (log,) = (run / "manifest").iterdir()
    lines = log.read_text().splitlines()
    record = json.loads(lines[place].partition(" ")[2]) | changes
    lines[place] = manifest._line(record).rstrip()
    log.write_text("\n".join([*lines, ""]))


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": None},
        {"sha256": "ab"},
        {"bytes": float("inf")},
        {"units": [["k" * 24, -5, 0, ""]]},
    ],
)
def test_a_line_without_a_digest_or_rows_is_damaged(run: Path, change: dict[str, Any]) -> None:
    relist(run, 1, **change)
    assert manifest.read(run / "manifest").faults == [
        f"{next((run / 'manifest').iterdir())}: line 2 is damaged"
    ]


def test_a_file_without_the_listed_scores_is_damaged(run: Path) -> None:
    sets = next((run / "manifest").iterdir()).read_text().partition("\n")[0]
    detectors = json.loads(sets.partition(" ")[2])["detectors"]
    relist(run, 0, detectors=dict.fromkeys(detectors, "nobody"))
    assert collect(run, {}).provenance[DAMAGED]


def test_a_clock_that_is_set_back_changes_nothing(run: Path) -> None:
    """Neither times of files nor names of logs decide which part counts."""
    before = table(run)
    (log,) = (run / "manifest").iterdir()
    log.rename(log.with_name("19700101T000000-x.log"))
    assert table(run).equals(before)
