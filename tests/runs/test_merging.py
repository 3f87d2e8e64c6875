"""Merging: what was made apart is the run made whole, and what disagrees is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import soundfile

import launderbench
from benchmark.api import matrix
from benchmark.cli.main import main
from benchmark.core import atomic_files
from benchmark.inference import checkpoints
from benchmark.quality import quality_store
from benchmark.scores import manifest, realisations
from benchmark.scores.store import Store
from benchmark.scores.unit_keys import inputs_digest
from tests.support import builders, tampering
from tests.support.places import TOY_PLUGIN

SUITE = "noise(kind=white, snr=10); lowpass(cutoff=4000)"
UNITS = 3 + 3 * 5  # shards of 5: 12 dev trials, 24 test trials


@pytest.fixture(scope="module", autouse=True)
def small_shards() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmark.scores.unit_keys.SHARD", 5)
        yield


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoints of the toy detector after trainings that differ in seed, or in data too."""
    folder = tmp_path_factory.mktemp("weights")
    main(["list", "suites", "--plugin", str(TOY_PLUGIN)])
    found = {}
    for name, sign, facts in (
        ("zero", 1.0, {"seed": 0, "train_digest": "a"}),
        ("one", 1.5, {"seed": 1, "train_digest": "a"}),
        ("again", 2.0, {"seed": 1, "train_digest": "a"}),
        ("other", 2.5, {"seed": 2, "train_digest": "b"}),
    ):
        found[name] = folder / f"{name}.safetensors"
        arrays = {"sign": np.full(1, sign, np.float32)}
        checkpoints.save(found[name], arrays, {"detector": "comb", **facts})
    return found


def run(
    data: Path, folder: Path, weights: Path | None, *more: object, plugin: Path = TOY_PLUGIN
) -> Path:
    """Run without a report."""
    given = ["--checkpoint", weights] if weights else ["--detectors", "random"]
    options = [
        "--plugin", plugin, "--data", data, *given, "--suite", SUITE, "--run", folder,
        "--workers", 0, *more,
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrix.reporting, "write", lambda *_: (None, [], []))
        assert main(["run", *map(str, options)]) == 0
    return folder


def report(folder: Path) -> dict[str, bytes]:
    """Write the report, and return its tables."""
    assert main(["report", str(folder), "--samples", "0", "--bootstrap", "100"]) == 0
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}


def merge(*folders: Path, out: Path) -> int:
    return main(["merge", *map(str, folders), "--out", str(out)])


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def scores(folder: Path) -> pd.DataFrame:
    keys = ["detector", "condition", "split", "utterance_id"]
    table = launderbench.load_scores(folder).astype(dict.fromkeys(keys, str))
    return table.set_index(keys).sort_index()[["score"]]


@pytest.fixture(scope="module")
def first(toy: Path, weights: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run of the detector after the training with seed 0; read-only."""
    return run(toy, tmp_path_factory.mktemp("first") / "run", weights["zero"])


@pytest.fixture(scope="module")
def guessed(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run of another detector; read-only."""
    return run(toy, tmp_path_factory.mktemp("guessed") / "run", None)


def test_shares_of_a_plan_are_the_run_made_whole(
    toy: Path, weights: dict[str, Path], first: Path, tmp_path: Path
) -> None:
    shares = [run(toy, tmp_path / str(i), weights["zero"], "--shard", f"{i}/3") for i in (1, 2, 3)]
    before = [content(folder) for folder in shares]
    assert merge(*shares, out=tmp_path / "all") == 0
    assert [content(folder) for folder in shares] == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    whole = shutil.copytree(first, tmp_path / "whole")
    assert report(tmp_path / "all") == report(whole)
    assert {p.name for p in (tmp_path / "all" / "plans").iterdir()} == {
        p.name for p in (first / "plans").iterdir()
    }
    (log,) = (tmp_path / "all" / "manifest").iterdir()
    assert log.name.endswith(manifest.ENDED) and not log.name.endswith(manifest.RUNNING)
    assert len(Store(tmp_path / "all").scan().parts) == UNITS
    run(toy, tmp_path / "all", weights["zero"])  # a merged run goes on
    assert len(manifest.read(tmp_path / "all" / "manifest").parts) == UNITS


def test_detectors_run_apart_are_the_run_of_both(
    toy: Path, weights: dict[str, Path], first: Path, guessed: Path, tmp_path: Path
) -> None:
    both = run(toy, tmp_path / "both", weights["zero"], "--detectors", "random")
    assert merge(first, guessed, out=tmp_path / "all") == 0
    assert report(tmp_path / "all") == report(both)


def test_realisations_are_merged_with_those_of_the_same_seeds(
    toy: Path, weights: dict[str, Path], tmp_path: Path
) -> None:
    twice = ("--attack-seeds", 2)
    one = run(toy, tmp_path / "one", weights["zero"], *twice)
    two = run(toy, tmp_path / "two", None, *twice, "--attack-seeds", 3)
    both = run(toy, tmp_path / "both", weights["zero"], *twice, "--detectors", "random")
    assert merge(one, two, out=tmp_path / "all") == 0
    assert [seeds.name for seeds, _ in realisations.stored(tmp_path / "all")] == [
        "attack1-train0", "attack2-train0",
    ]  # fmt: skip
    shutil.rmtree(tmp_path / "all" / "realisations" / "attack2-train0")  # `two` alone had it
    tables = report(tmp_path / "all")
    assert len(tables["seeds.csv"].splitlines()) > 1 and tables == report(both)


def test_measured_quality_is_kept_and_another_measurement_named(
    first: Path, guessed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [shutil.copytree(first, tmp_path / "a"), shutil.copytree(guessed, tmp_path / "b")]
    sample = quality_store.Sample(("u1",), ("s1",), 0)
    quality_store.write_sample(runs[1], sample)
    assert merge(*runs, out=tmp_path / "kept") == 0
    assert "quality" not in capsys.readouterr().err
    quality_store.write_sample(runs[0], replace(sample, seed=1))
    assert merge(*runs, out=tmp_path / "two") == 0
    warning = f"{runs[1]} measured quality otherwise than {runs[0]}, which is kept"
    assert warning in capsys.readouterr().err
    found = [quality_store.read(tmp_path / name) for name in ("kept", "two")]
    assert [f.sample.seed for f in found if f] == [0, 1]


def verified(folder: Path, *more: object) -> int:
    """Write the report and verify the run; return the exit code."""
    report(folder)
    return main(["verify", str(folder), "--plugin", str(TOY_PLUGIN), *map(str, more)])


def test_units_of_an_earlier_plan_come_with_it(
    toy: Path, weights: dict[str, Path], first: Path, guessed: Path, tmp_path: Path
) -> None:
    again = shutil.copytree(guessed, tmp_path / "again")
    run(toy, again, None, "--suite", "clean")
    shutil.copytree(first, tmp_path / "other")
    run(toy, tmp_path / "other", weights["zero"], "--suite", "clean")
    assert merge(again, tmp_path / "other", out=tmp_path / "all") == 0
    assert verified(tmp_path / "all") == 0
    run(toy, tmp_path / "all", weights["zero"], "--detectors", "random")  # all of it is there
    assert len(manifest.read(tmp_path / "all" / "manifest").parts) == 2 * UNITS


def other_files(table: pa.Table, meta: dict[str, Any]) -> tuple[pa.Table, dict[str, Any]]:
    """Let a part state audio files that differ by rounding, as another machine builds them."""
    if "file_sha256" in table.column_names:
        files = [bytes([sha[0] ^ 1]) + sha[1:] for sha in table["file_sha256"].to_pylist()]
        place = table.column_names.index("file_sha256")
        table = table.set_column(place, "file_sha256", pa.array(files, pa.binary(32)))
        meta["units"][0][3] = inputs_digest(sha.hex() for sha in files)
    elif meta["units"][0][3]:
        meta["units"][0][3] = inputs_digest(["elsewhere"])
    return table, meta


def test_data_that_two_machines_built_are_merged_to_a_sound_run(
    first: Path, guessed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(guessed, tmp_path / "other")
    tampering.rewrite_parts(other, other_files, True)
    assert merge(first, other, out=tmp_path / "all") == 2  # these are no built data
    monkeypatch.setattr("benchmark.runs.merging.NO_RECIPE", "none")  # now they are
    assert merge(first, other, out=tmp_path / "all") == 0
    pd.testing.assert_frame_equal(
        scores(tmp_path / "all"), pd.concat([scores(first), scores(guessed)]).sort_index()
    )
    assert verified(tmp_path / "all", "--recheck-audio") == 0


def test_trainings_with_other_seeds_get_names_of_their_own(
    toy: Path,
    weights: dict[str, Path],
    first: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    second = run(toy, tmp_path / "second", weights["one"])
    assert merge(first, second, out=tmp_path / "all") == 0
    found = scores(tmp_path / "all")
    for name, folder in (("comb.seed0", first), ("comb.seed1", second)):
        pd.testing.assert_frame_equal(found.loc[name], scores(folder).loc["comb"])
    assert not np.array_equal(found.loc["comb.seed0"], found.loc["comb.seed1"])
    assert merge(tmp_path / "all", second, out=tmp_path / "more") == 0  # known under that name
    pd.testing.assert_frame_equal(scores(tmp_path / "more"), found)
    third = run(toy, tmp_path / "third", weights["again"])
    capsys.readouterr()
    assert merge(second, third, out=tmp_path / "no") == 2
    assert "other weights after the same training, seed 1" in capsys.readouterr().err
    other = run(toy, tmp_path / "other", weights["other"])
    assert merge(first, other, out=tmp_path / "no") == 2
    assert "its detector comb is another one (train_digest differ)" in capsys.readouterr().err


def test_what_disagrees_is_named(
    toy: Path,
    weights: dict[str, Path],
    first: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    zero = weights["zero"]
    changed = tmp_path / "changed.py"
    changed.write_text(TOY_PLUGIN.read_text().replace('("halve")', '("halved")'))
    edited = builders.corpus(tmp_path / "edited", train=24)
    wave, rate = soundfile.read(edited / "flac" / "test_0007.flac", dtype="float32")
    soundfile.write(edited / "flac" / "test_0007.flac", wave[::-1], rate)
    speaker = builders.corpus(tmp_path / "speaker", train=24)
    table = pd.read_csv(speaker / "protocol.csv")
    table.loc[table["utterance_id"] == "test_0003", "speaker"] = "somebody"
    table.to_csv(speaker / "protocol.csv", index=False)
    cases = [
        (run(toy, tmp_path / "limit", zero, "--limit", 20), "other test trials"),
        (run(toy, tmp_path / "seed", zero, "--seed", 3), "another attack seed (3, not 0)"),
        (
            run(toy, tmp_path / "suite", zero, "--suite", "noise(kind=white, snr=5)"),
            "its condition noise(kind=white, snr=5, reference=active) stands where the other has"
            " noise(kind=white, snr=10, reference=active)",
        ),
        (
            run(toy, tmp_path / "fewer", zero, "--suite", "noise(kind=white, snr=10)"),
            "it lacks the condition lowpass(cutoff=4000)",
        ),
        (run(edited, tmp_path / "audio", zero), "from test_0005 on"),
        (run(speaker, tmp_path / "who", zero), "the speaker of test_0003 is 'somebody', not "),
    ]  # fmt: skip
    for other, cause in cases:
        capsys.readouterr()
        assert merge(first, other, out=tmp_path / "all") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{other} disagrees with {first}: " in line and cause in line
        assert not (tmp_path / "all").exists()


def test_two_scores_of_one_trial_are_refused(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shifted(by: float, name: str) -> Path:
        folder = shutil.copytree(first, tmp_path / name)
        store = Store(folder)
        (part, *_) = [p for p in store.scan().parts if p.split == "test" and p.condition != "clean"]
        (table,) = store.read([part])
        rows = [
            {**row, "facts": [], "scores": {"comb": row["score:comb"] + by}, "causes": {}}
            for row in table.to_pylist()
        ]
        with Store(folder, {"made": "up"}).log() as log:
            new = Store(folder, {"made": "up"}).write_part(
                part.key, part.split, part.condition, rows, part.detectors, (), 1, part.inputs
            )
            log.add([new])
        return folder

    assert merge(first, shifted(0.5e-4, "near"), out=tmp_path / "all") == 0
    assert merge(first, shifted(1e-2, "far"), out=tmp_path / "no") == 2
    assert (
        f"{tmp_path / 'far'} disagrees with {first}: comb scored test_" in capsys.readouterr().err
    )
    assert not (tmp_path / "no").exists()


def test_damaged_and_missing_parts_are_all_named(
    first: Path, guessed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (shutil.copytree(f, tmp_path / f.parent.name) for f in (first, guessed))
    flipped, absent = sorted(one.rglob("parts/*/*.parquet"))[2:4]
    flawed = sorted(two.rglob("parts/*/*.parquet"))[5]
    for path in (flipped, flawed):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    capsys.readouterr()
    assert merge(one, two, out=tmp_path / "all") == 1
    told = capsys.readouterr().err
    assert f"damaged: {flipped} is damaged" in told and f"damaged: {flawed} is damaged" in told
    absent.unlink()
    assert merge(one, two, out=tmp_path / "all") == 1
    assert f"damaged: {absent} is missing" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((one.name, two.name))


def test_places_are_checked(
    first: Path, guessed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    (tmp_path / "empty").mkdir()
    for folders, out, cause in (
        ((first,), "all", "at least two runs"),
        ((first, first), "all", "is named twice"),
        ((first, guessed), "full", "exists already"),
        ((first, tmp_path / "empty"), "all", "holds no run"),
    ):
        assert merge(*folders, out=tmp_path / out) == 2
        assert cause in capsys.readouterr().err
    assert merge(first, guessed, out=first / "inside") == 2
    assert "is inside of" in capsys.readouterr().err
    assert merge(first, guessed, out=tmp_path / "empty") == 0


def test_a_full_disk_leaves_nothing(
    first: Path, guessed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, left = atomic_files.write, [12]

    def failing(path: Path, *more: object) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise launderbench.InputError(f"cannot write {path} (No space left on device)")
        return write(path, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(atomic_files, "write", failing)
    assert merge(first, guessed, out=tmp_path / "all") == 2
    assert [*tmp_path.iterdir()] == []


def test_a_merged_folder_says_what_made_its_scores(
    first: Path, guessed: Path, tmp_path: Path
) -> None:
    assert merge(first, guessed, out=tmp_path / "all") == 0
    origins = {p.name for f in (first, guessed) for p in (f / "origins").iterdir()}
    assert {p.name for p in (tmp_path / "all" / "origins").iterdir()} == origins
    heads = [json.loads(p.read_text()) for p in (tmp_path / "all" / "detectors").iterdir()]
    assert {head["name"] for head in heads} == {"comb", "random"}
