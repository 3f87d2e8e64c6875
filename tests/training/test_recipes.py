"""Recipe files: the reference trainings as they were, a strict schema, and who follows them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data import loading
from benchmark.inference import checkpoints
from benchmark.training import trained_checkpoints
from benchmark.training.training_config import TrainingConfig, configured, planned, recipes
from detectors.contract import recipe_files
from detectors.contract.base import Recipe, TensorDetector, registry
from tests.support.shipped import SHIPPED

# the settings with which the shipped checkpoints were trained: identities rest on them
REFERENCE = {
    "mel-cnn": Recipe(30, 18, 3e-3, 1e-4, 8),
    "resnet18": Recipe(12, 16, 1e-3, 1e-3, 6),
    "raw-cnn": Recipe(30, 32, 2e-3, 1e-4, 10),
    "lfcc-lcnn": Recipe(20, 18, 2e-3, 1e-4, 8),
    "cqt-lcnn": Recipe(20, 18, 2e-3, 1e-4, 8),
    "lfcc-res2net": Recipe(20, 18, 1e-3, 1e-4, 8),
    "cqt-res2net": Recipe(20, 18, 1e-3, 1e-4, 8),
    "attention-cnn": Recipe(24, 18, 3e-3, 1e-4, 8),
    "gap-cnn": Recipe(24, 18, 3e-3, 1e-4, 8),
    "cnn-bilstm": Recipe(24, 18, 2e-3, 1e-4, 8),
    "softmax-cnn": Recipe(20, 18, 2e-3, 1e-4, 8),
    "conformer": Recipe(30, 18, 1e-3, 1e-3, 8),
    "vit": Recipe(30, 32, 1e-3, 5e-2, 10),
}


LEARNING = [name for name in SHIPPED if registry.get(name).learns]


def test_every_shipped_checkpoint_has_a_recipe_of_its_own_name() -> None:
    files = sorted(recipe_files.FOLDER.glob("*.toml"))
    assert [path.stem for path in files] == LEARNING
    assert [recipe_files.read(path).detector for path in files] == LEARNING
    found = trained_checkpoints.FOLDER.glob("*.safetensors")
    assert sorted(checkpoints.load(path).detector for path in found) == SHIPPED


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_trainings_are_as_they_were(name: str) -> None:
    cls = registry.get(name)
    assert issubclass(cls, TensorDetector) and cls.recipe == REFERENCE[name]
    facts = configured(name, TrainingConfig())
    assert facts["recipe"] == asdict(REFERENCE[name])
    assert not {"loss", "precision", "laundering", "rawboost", "name"} & set(facts)
    recipe = recipe_files.packaged(name)
    assert recipe is not None and set(recipe.settings) == set(asdict(REFERENCE[name]))


@pytest.mark.parametrize("name", LEARNING)
def test_shipped_checkpoints_are_found_by_their_recipes(name: str) -> None:
    found = trained_checkpoints.find(name, TrainingConfig(), None)
    assert found is not None and trained_checkpoints.is_shipped(found)
    own = recipe_files.packaged(name)
    assert own is not None
    given = TrainingConfig(recipes=recipes([own.path], [name]))
    again = trained_checkpoints.find(name, given, None)
    assert again is not None and again.identity == found.identity


def write(folder: Path, text: str, detector: str = "raw-cnn") -> Path:
    path = folder / "mine.toml"
    path.write_text(f'detector = "{detector}"\n{text}')
    return path


def test_a_recipe_gives_settings_and_options_override_them(tmp_path: Path) -> None:
    path = write(tmp_path, 'epochs = 2\nlearning_rate = 1\nloss = "oc-softmax"')
    given = recipes([path], ["raw-cnn", "mel-cnn"])
    config = TrainingConfig(0, {"epochs": 3}, recipes=given)
    facts = configured("raw-cnn", config)
    assert facts["recipe"] == asdict(Recipe(3, 32, 1.0, 1e-4, 10))
    assert (facts["loss"], facts["name"]) == ("oc-softmax", "raw-cnn+oc-softmax")
    assert "loss" not in configured("raw-cnn", TrainingConfig(loss="bce", recipes=given))
    assert configured("mel-cnn", config) == configured("mel-cnn", TrainingConfig(0, {"epochs": 3}))


def test_laundering_in_a_recipe_is_that_of_the_option(tmp_path: Path, toy: Path) -> None:
    path = write(
        tmp_path, '[laundering]\nsuite = "telephony"\nclean_share = 0.5\nvariants = 2', "raw-cnn"
    )
    config = TrainingConfig(recipes=recipes([path], ["raw-cnn"])).of("raw-cnn")
    assert config.laundering is not None and config.laundering.suite == "telephony"
    assert (config.laundering.clean, config.laundering.variants) == (0.5, 2)
    facts, out = planned("raw-cnn", loading.open_data(toy), config)
    assert facts["name"] == "raw-cnn+telephony" and out.name.startswith("raw-cnn+telephony-seed0-")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch = 3", "mine.toml: unknown key 'epoch'; did you mean 'epochs'?"),
        ('epochs = "3"', "mine.toml: epochs must be a whole number of at least 1, not '3'"),
        ("epochs = 3.0", "mine.toml: epochs must be a whole number of at least 1, not 3.0"),
        ("epochs = true", "mine.toml: epochs must be a whole number of at least 1, not True"),
        ("batch_size = 1", "mine.toml: batch_size must be a whole number of at least 2, not 1"),
        ("learning_rate = 0", "mine.toml: learning_rate must be a number above 0, not 0"),
        ("weight_decay = nan", "mine.toml: weight_decay must be a number of 0 or more, not nan"),
        ("loss = 3", "mine.toml: loss must be a text in quotes, not 3"),
        ('loss = "hinge"', "mine.toml: unknown loss 'hinge'"),
        ('precision = "float8"', "mine.toml: unknown precision 'float8'"),
        ("rawboost = 3", "mine.toml: rawboost must be a section of keys, not 3"),
        ("[rawboost]\nvariants = 2", "mine.toml: rawboost: noises is missing"),
        ("[rawboost]\nnoise = []", "mine.toml: rawboost: unknown key 'noise'"),
        (
            '[rawboost]\nnoises = ["pink"]\nclean_share = 0\nvariants = 2',
            "mine.toml: rawboost: noises: unknown noise 'pink'",
        ),
        (
            '[rawboost]\nnoises = ["impulsive", "impulsive"]\nclean_share = 0\nvariants = 2',
            "mine.toml: rawboost: noises names a noise twice",
        ),
        (
            '[rawboost]\nnoises = ["impulsive", "stationary+impulsive"]\n'
            "clean_share = 0\nvariants = 2",
            "mine.toml: rawboost: noises names a noise twice",
        ),
        (
            '[rawboost]\nnoises = ["impulsive+"]\nclean_share = 0\nvariants = 2',
            "mine.toml: rawboost: noises: unknown noise ''",
        ),
        (
            '[rawboost]\nnoises = ["impulsive"]\nclean_share = 1\nvariants = 2',
            "mine.toml: rawboost: clean_share must be a number from 0 to below 1, not 1",
        ),
        (
            '[laundering]\nsuite = "./evil.toml"\nclean_share = 0\nvariants = 2',
            "mine.toml: unknown suite './evil.toml'",
        ),
        (
            '[laundering]\nsuite = "core"\nclean_share = 0\nvariants = 2\n'
            '[rawboost]\nnoises = ["impulsive"]\nclean_share = 0\nvariants = 2',
            "mine.toml: laundering and rawboost exclude each other",
        ),
        ("epochs = ", "mine.toml: cannot be read as TOML"),
    ],
)
def test_bad_recipes_are_one_line(
    text: str, said: str, tmp_path: Path, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, text)
    assert main(["train", "raw-cnn", "--data", str(toy), "--recipe", str(path)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and said in lines[0], lines


def test_recipes_that_do_not_fit_are_one_line(
    tmp_path: Path, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: object) -> str:
        assert main([*map(str, arguments), "--data", str(toy)]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        return str(line)

    path = write(tmp_path, "epochs = 1")
    other = f"{path} is a recipe of 'raw-cnn', not of 'mel-cnn'"
    assert other in said("train", "mel-cnn", "--recipe", path)
    assert other in said("bench", "--detectors", "mel-cnn", "--recipe", path)
    assert "are both recipes of 'raw-cnn'" in said(
        "train", "raw-cnn", "--recipe", path, "--recipe", path
    )
    assert "absent.toml: cannot be read" in said("train", "--recipe", tmp_path / "absent.toml")
    gmm = write(tmp_path, "epochs = 1", "lfcc-gmm")
    assert "detector 'lfcc-gmm' is not a network: it has no epochs" in said(
        "train", "--recipe", gmm
    )
    unknown = write(tmp_path, "epochs = 1", "raw-cn")
    assert "unknown detector 'raw-cn'; did you mean 'raw-cnn'" in said("train", "--recipe", unknown)
    mine = write(
        tmp_path, '[rawboost]\nnoises = ["impulsive"]\nclean_share = 0\nvariants = 1', "raw-cnn"
    )
    assert "laundering and RawBoost exclude each other" in said(
        "train", "--recipe", mine, "--suite", "lowpass(cutoff=3000)"
    )


def test_train_and_bench_follow_a_recipe(
    tmp_path: Path, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNDERBENCH_CACHE", str(tmp_path / "cache"))
    text = '\nepochs = 1\n[rawboost]\nnoises = ["stationary"]\nclean_share = 0.5\nvariants = 1'
    path = write(tmp_path, text)
    common = ["--data", str(toy), "--device", "cpu", "--recipe", str(path), "--quiet"]
    assert main(["train", *common]) == 0
    (trained,) = (tmp_path / "cache" / "checkpoints").glob("*.safetensors")
    assert trained.name.startswith("raw-cnn+rawboost-seed0-")
    made = trained.stat().st_mtime_ns
    run = ["bench", "--detectors", "raw-cnn", "--train", "--train-data", str(toy), *common]
    run += ["--suite", "lowpass(cutoff=3000)", "--bootstrap", "0"]
    rest = ["--run", str(tmp_path / "run"), "--workers", "0", "--voices", "none", "--samples", "0"]
    run = [item for item in run if item not in ("--bootstrap", "0")]
    assert main([*run, *rest]) == 0
    assert trained.stat().st_mtime_ns == made
    assert "raw-cnn+rawboost" in (tmp_path / "run" / "leaderboard.csv").read_text()


def test_the_recipe_of_another_detector_is_refused_from_python(tmp_path: Path) -> None:
    path = write(tmp_path, "epochs = 1")
    with pytest.raises(InputError, match="is a recipe of 'raw-cnn', not of 'mel-cnn' or 'vit'"):
        recipes([path], ["mel-cnn", "vit"])
