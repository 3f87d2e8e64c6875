"""Dev scores that come with a checkpoint stand for dev audio that is not built."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attacks.contract.condition import Condition, parse
from benchmark.core.errors import InputError
from benchmark.data.loading import open_data
from benchmark.data.protocol import NO_RECIPE
from benchmark.data.trial_table import with_stamps
from benchmark.exchange.pack_checkpoints import HALF, pack
from benchmark.inference import checkpoints, dev_scores
from benchmark.inference.checkpoints import Checkpoint
from benchmark.runs import profile, runner, stored_dev_scores
from benchmark.runs.executor import Processes
from benchmark.runs.plan import RunPlan
from benchmark.runs.unit_worker import WorkerSetup
from benchmark.scores.load_run import collect
from benchmark.scores.store import Store

RECIPE = "r" * 64


def network(name: str, folder: Path) -> Checkpoint:
    """Return a network with random weights that claims to be trained on the recipe."""
    found = profile.untrained(name, folder)
    assert found is not None
    checkpoints.save(found.path, found.arrays(), found.facts | {"data_recipe": RECIPE})
    return checkpoints.load(found.path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return network("mel-cnn", tmp_path_factory.mktemp("weights"))


@pytest.fixture
def corpus(toy: Path, tmp_path: Path) -> Path:
    """A copy of the toy corpus without dev audio."""
    shutil.copytree(toy, tmp_path / "toy")
    for file in (tmp_path / "toy" / "flac").glob("dev_*"):
        file.unlink()
    return tmp_path / "toy"


def plan(root: Path, *detectors: Checkpoint, recipe: str = RECIPE) -> RunPlan:
    whole = replace(open_data(root), recipe=recipe)
    test, dev = with_stamps(whole.split("test")), with_stamps(whole.split("dev"), True)
    return RunPlan(test, dev, "two", (Condition(), parse("g711")), detectors, 0)


def test_a_packed_checkpoint_brings_the_scores_of_its_own_weights(
    trained: Checkpoint, toy: Path, tmp_path: Path
) -> None:
    dev = open_data(toy).split("dev")
    whole = checkpoints.load(pack(trained, dev, tmp_path / "whole"))
    half = checkpoints.load(pack(trained, dev, tmp_path / "half", half=True))
    assert whole.identity == trained.identity != half.identity
    assert half.facts["stored"] == HALF and half.name == whole.name
    assert half.path.stat().st_size < 0.6 * whole.path.stat().st_size
    exact, rounded = dev_scores.read(whole), dev_scores.read(half)
    assert list(exact) == sorted(dev.table["utterance_id"]) == list(rounded)
    apart = np.abs(np.subtract([*exact.values()], [*rounded.values()]))
    assert 0 < apart.max() < 0.01


def test_stored_scores_stand_for_audio_that_is_not_there(
    trained: Checkpoint, toy: Path, corpus: Path, tmp_path: Path
) -> None:
    packed = checkpoints.load(pack(trained, open_data(toy).split("dev"), tmp_path / "packed"))
    matrix, store = plan(corpus, packed), Store(tmp_path / "run")
    assert stored_dev_scores.enough([packed], matrix.dev)
    assert not stored_dev_scores.enough([trained], matrix.dev)
    todo = runner.missing(matrix, store)
    assert (todo.units_planned, todo.units) == (3, 2)
    assert {job.split for job in todo.jobs} == {"test"}

    runner.write_plan(matrix, store)
    results = collect(store.folder, {})
    dev = results.scores[results.scores["split"] == "dev"]
    stored = dev_scores.read(packed)
    assert dict(zip(dev["utterance_id"], dev["score"], strict=True)) == pytest.approx(stored)
    origins = results.provenance["computed"]
    assert origins == [{"stored": dev_scores.file_of(packed.path).name}]
    before = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*.parquet")}
    runner.write_plan(matrix, store)
    parts = {path for path in before if path.parent.parent.name == "parts"}
    assert all(path.stat().st_mtime_ns == before[path] for path in parts) and len(parts) == 1


@pytest.mark.parametrize("there", ["all", "some", "none"])
def test_the_audio_that_happens_to_be_there_makes_no_difference(
    there: str, trained: Checkpoint, toy: Path, tmp_path: Path
) -> None:
    packed = checkpoints.load(pack(trained, open_data(toy).split("dev"), tmp_path / "packed"))
    shutil.copytree(toy, tmp_path / "toy")
    gone = sorted((tmp_path / "toy" / "flac").glob("dev_*"))
    for file in {"all": [], "some": gone[:1], "none": gone}[there]:
        file.unlink()
    store = Store(tmp_path / "run")
    matrix = plan(tmp_path / "toy", packed)
    assert runner.missing(matrix, store).units == 2
    runner.write_plan(matrix, store)
    dev = collect(store.folder, {}).scores.query("split == 'dev'")
    assert len(dev) == 12 and not dev["score"].isna().any()


def test_a_detector_without_stored_scores_joins_a_run_with_them(
    trained: Checkpoint, toy: Path, tmp_path: Path
) -> None:
    packed = checkpoints.load(pack(trained, open_data(toy).split("dev"), tmp_path / "packed"))
    other = network("raw-cnn", tmp_path)
    store = Store(tmp_path / "run")
    runner.write_plan(plan(toy, packed), store)
    matrix = plan(toy, other)
    assert not stored_dev_scores.enough(matrix.detectors, matrix.dev)
    assert runner.missing(matrix, store).units == 3
    runner.write_plan(matrix, store)
    runner.run(
        runner.missing(matrix, store), WorkerSetup(store.folder, (other,), "cpu"), Processes(0)
    )
    results = collect(store.folder, {})
    assert set(results.detectors) == {"mel-cnn", "raw-cnn"}
    dev = results.scores.query("split == 'dev'")
    assert dev["detector"].astype(str).value_counts().to_dict() == {"mel-cnn": 12, "raw-cnn": 12}


def test_another_data_set_with_the_same_ids_gets_no_stored_scores(
    trained: Checkpoint, toy: Path, tmp_path: Path
) -> None:
    packed = checkpoints.load(pack(trained, open_data(toy).split("dev"), tmp_path / "packed"))
    for recipe in (NO_RECIPE, "another"):
        matrix = plan(toy, packed, recipe=recipe)
        assert not stored_dev_scores.enough([packed], matrix.dev)
        assert runner.missing(matrix, Store(tmp_path / "run")).units == 3


def test_a_detector_without_a_file_brings_no_scores() -> None:
    assert dev_scores.read(Checkpoint("mine", Path(), "", {})) == {}


@pytest.mark.parametrize("damage", ["a row is missing", "another precision"])
def test_scores_that_do_not_fit_are_not_used(
    damage: str, trained: Checkpoint, toy: Path, corpus: Path, tmp_path: Path
) -> None:
    path = pack(trained, open_data(toy).split("dev"), tmp_path / "packed")
    packed = checkpoints.load(path)
    if damage == "a row is missing":
        file = dev_scores.file_of(path)
        file.write_text("\n".join(file.read_text().splitlines()[:-1]) + "\n")
    else:
        packed = Checkpoint(packed.name, path, packed.identity, packed.facts, "bf16")
    matrix = plan(corpus, packed)
    assert not stored_dev_scores.enough([packed], matrix.dev)
    assert runner.missing(matrix, Store(tmp_path / "run")).units == 3


@pytest.mark.parametrize("text", ["", "id,score\na,1\n", "utterance_id,score\na,nan\n", "\0\0"])
def test_a_damaged_file_is_one_error(text: str, trained: Checkpoint, tmp_path: Path) -> None:
    shutil.copy(trained.path, tmp_path / "x.safetensors")
    (tmp_path / "x.dev.csv").write_text(text)
    with pytest.raises(InputError, match=r"x\.dev\.csv is damaged"):
        dev_scores.read(checkpoints.load(tmp_path / "x.safetensors"))
