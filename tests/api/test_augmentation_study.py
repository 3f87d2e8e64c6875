"""`study augmentation`: its arms, its table against the run's own cells, resuming, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from attacks.contract.condition import parse
from benchmark.api import training
from benchmark.api.results import load_results
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.training import augmentation_arms
from benchmark.training.parallel_training import Training
from tests.support import builders
from tests.support.killing import kill, started, wait_for, workers_of

# scores depend on what a training heard, so that every training has EERs of its own
PLUGIN = '''
import hashlib
import numpy as np
from launderbench import WaveDetector, detector


@detector("fickle")
class Fickle(WaveDetector):
    """Random scores, drawn anew by every training."""

    def fit(self, waves, bonafide, seed):
        heard = hashlib.sha256(b"".join(wave.tobytes() for wave in waves)).digest()
        return {"heard": np.frombuffer(heard, np.uint8), "seed": np.array([seed])}

    def score(self, waves, state):
        own = state["heard"].tobytes() + state["seed"].tobytes()
        texts = [hashlib.sha256(own + wave.tobytes()).digest() for wave in waves]
        return np.array([int.from_bytes(text[:4], "big") / 2**32 for text in texts], np.float32)
'''
CONDITIONS = "lowpass(cutoff=3000); mp3(kbps=32); highpass(cutoff=200)"
TWO = "lowpass(cutoff=3000); mp3(kbps=32)"


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command on a small corpus, without a folder, with a detector that is quick to train."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "fickle.py").write_text(PLUGIN)
    toy = builders.corpus(folder / "toy", train=12, test=24, seconds=0.6)
    return [
        "study", "augmentation", "--detectors", "fickle", "--plugin", str(folder / "fickle.py"),
        "--data", str(toy), "--suite", TWO, "--variants", "1", "--seeds", "2", "--workers", "0",
        "--quiet",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of this module's studies."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(cache))


@pytest.fixture(scope="module")
def finished(given: list[str], cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study."""
    out = tmp_path_factory.mktemp("out") / "study"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", str(cache))
        assert main([*given, "--out", str(out)]) == 0
    return out


def test_arms_leave_out_a_family_with_the_chains_that_meet_it() -> None:
    texts = ("clean", "mp3(kbps=32)", "lowpass(cutoff=3000)", "lowpass(cutoff=2000)",
             "lowpass(cutoff=3000) | mp3(kbps=32)")  # fmt: skip
    families = augmentation_arms.by_family([*map(parse, texts)])
    assert {name: len(found) for name, found in families.items()} == {
        "codec": 1, "filtering": 2, "chain": 1,
    }  # fmt: skip
    arms = {arm.name: len(arm.conditions) for arm in augmentation_arms.arms(families)}
    assert arms == {
        "clean": 0, "all": 4, "without-codec": 2, "without-filtering": 1, "without-chain": 3,
    }  # fmt: skip
    chosen = augmentation_arms.by_family([*map(parse, texts)], ["filtering", "codec"])
    assert [*chosen] == ["codec", "filtering"]


def test_a_family_in_every_condition_is_refused() -> None:
    texts = ("mp3(kbps=32)", "lowpass(cutoff=3000) | mp3(kbps=32)")
    with pytest.raises(InputError, match="every condition has codec in it"):
        augmentation_arms.arms(augmentation_arms.by_family([*map(parse, texts)]))


def test_the_table_is_that_of_the_runs_own_cells(finished: Path) -> None:
    rows = pd.read_csv(finished / "study.csv").set_index("family")
    run = load_results(finished / "run")
    cells = run.conditions[run.conditions["track"] == "neural"]
    of = {(row.detector, row.condition.split("(")[0]): row.eer for row in cells.itertuples()}
    assert len(set(of.values())) > 8  # trainings differ, so a mix-up would be seen

    def mean(arm: str, attack: str) -> float:
        return float(np.mean([of[f"fickle+{arm}+seed{seed}", attack] for seed in (0, 1)]))

    for family, attack in (("filtering", "lowpass"), ("codec", "mp3")):
        row = rows.loc[family]
        clean, every = mean("clean", attack), mean("all", attack)
        without = mean(f"without-{family}", attack)
        shown = row[["eer_clean", "eer_all", "eer_without", "gain_all", "gain_without"]]
        assert shown.to_list() == pytest.approx(
            [clean, every, without, clean - every, clean - without], abs=2e-6
        )
        pair = [of[f"fickle+clean+seed{seed}", attack] for seed in (0, 1)]
        assert row["eer_clean_spread"] == pytest.approx(abs(pair[0] - pair[1]) / 2**0.5, abs=2e-6)
        if pd.isna(row["carried"]):
            assert row["remark"] in ("no gain to carry over", "its gain is not told from 0")
        else:
            assert row["carried"] == pytest.approx((clean - without) / (clean - every), rel=1e-3)
    # one attack with one level in each family: both have the same weight
    for column in ("eer_clean", "eer_all", "eer_without"):
        both = rows.loc[["filtering", "codec"], column].mean()
        assert rows.loc["all", column] == pytest.approx(both, abs=2e-6)
    assert rows.loc["clean", "eer_all"] == pytest.approx(mean("all", "clean"), abs=2e-6)
    met = [mean(f"without-{family}", "clean") for family in ("filtering", "codec")]
    assert rows.loc["clean", "eer_without"] == pytest.approx(np.mean(met), abs=2e-6)


def test_the_page_has_every_row_and_says_what_it_is(finished: Path) -> None:
    page = (finished / "study.md").read_text()
    assert page.count("| fickle |") == 4
    assert "the seeds 0, 1" in page and "toy 1, " in page and "over speakers" in page
    facts = json.loads((finished / "study.json").read_text())
    assert facts["data_version"] == "1" and facts["settings"]["seeds"] == [0, 1]


def test_a_second_call_computes_nothing(
    given: list[str], finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("something is computed again")

    before = {path: path.stat().st_mtime_ns for path in (finished / "run" / "parts").rglob("*.*")}
    table = (finished / "study.csv").read_bytes()
    monkeypatch.setattr(training, "train_all", refuse)
    monkeypatch.setattr("benchmark.runs.runner.run", refuse)
    assert main([*given, "--out", str(finished)]) == 0
    after = {path: path.stat().st_mtime_ns for path in (finished / "run" / "parts").rglob("*.*")}
    assert before and after == before
    assert (finished / "study.csv").read_bytes() == table


def test_a_killed_study_goes_on_and_gives_the_same_table(
    given: list[str], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "study"
    process = started([*given, "--out", out])
    kept = tmp_path / "cache" / "checkpoints"
    assert wait_for(lambda: kept.is_dir() and len([*kept.glob("*.safetensors")]) > 1, process)
    for pid in [process.pid, *workers_of(process)]:
        kill(pid)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in kept.glob("*.safetensors")}
    assert not (out / "study.csv").exists() and 1 < len(done) < 8
    assert main([*given, "--out", str(out)]) == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert (out / "study.csv").read_bytes() == (finished / "study.csv").read_bytes()


def test_every_training_follows_the_recipe_file(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "own.toml"
    recipe.write_text('detector = "raw-cnn"\nepochs = 3\nloss = "oc-softmax"\n')
    asked: list[Training] = []

    def note(trainings: list[Training], *_: object) -> None:
        asked.extend(trainings)
        raise InputError("noted")

    monkeypatch.setattr(training, "train_absent", note)
    options = ["--detectors", "raw-cnn", "--recipe", str(recipe), "--out", str(tmp_path / "out")]
    assert main([*given, *options]) == 2
    configs = [item.config.of("raw-cnn") for item in asked]
    assert len(configs) == 8  # clean, all, and without each of two families; two seeds
    assert {(c.changes["epochs"], c.loss) for c in configs} == {(3, "oc-softmax")}
    recipe.write_text('detector = "raw-cnn"\nepochs = 4\n')
    assert main([*given, *options]) == 2  # the folder is of the other recipe
    assert len(asked) == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[laundering]\nsuite = "smoke"\nclean_share = 0.5\nvariants = 1',
            "leave out [laundering]",
        ),
        ('[rawboost]\nnoises = ["impulsive"]\nclean_share = 0.5\nvariants = 1', "out [rawboost]"),
        ("epochs = 3", "is not a network: it has no epochs"),
    ],
)
def test_a_recipe_that_a_study_cannot_follow_is_refused(
    text: str, said: str, given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "own.toml"
    recipe.write_text(f'detector = "fickle"\n{text}\n')
    out = tmp_path / "out"
    assert main([*given, "--recipe", str(recipe), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line and str(recipe) in line and not out.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--detectors", "fickl"], "unknown detector 'fickl'; did you mean 'fickle'?"),
        (["--detectors", "random"], "detector 'random' learns nothing: it cannot be trained"),
        (["--detectors", "lfcc-lcnn-lstm-2019la"], "has published weights: it cannot be trained"),
        (["--detectors", ","], "a study wants detectors"),
        (["--families", "codec,codecs"], "unknown family of the suite 'codecs'"),
        (["--families", "codec"], "want at least 2, not codec"),
        (["--suite", "mp3(kbps=32); mp3(kbps=64)"], "want at least 2, not codec"),
        (["--seeds", "0"], "0 is out of range"),
        (["--seeds", "3"], "holds a study with other seeds: [0, 1], not [0, 1, 2]"),
        (["--epochs", "3"], "holds a study with other recipe"),
        (["--suite", CONDITIONS], "holds a study with other conditions"),
    ],
)
def test_bad_input_is_one_line(
    options: list[str],
    said: str,
    given: list[str],
    finished: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*given, "--out", str(finished), *options]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and said in lines[0], lines


def test_other_data_and_other_folders_are_refused(
    given: list[str], finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = builders.corpus(tmp_path / "toy", train=24, test=24, seconds=0.6)
    assert main([*given, "--out", str(finished), "--data", str(other)]) == 2
    assert "holds a study with other data" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert main([*given, "--out", str(tmp_path / "mine")]) == 2
    assert "exists already: it holds no study; choose another --out" in capsys.readouterr().err
    (finished.parent / "broken").mkdir()
    (finished.parent / "broken" / "study.json").write_text("{")
    assert main([*given, "--out", str(finished.parent / "broken")]) == 2
    assert "study.json cannot be read" in capsys.readouterr().err
