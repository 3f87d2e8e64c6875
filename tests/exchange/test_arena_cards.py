"""Scores and result cards of public arenas: written, read again, and refused if they disagree."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from benchmark.cli.main import BAD_INPUT, main
from benchmark.exchange import arena_cards
from benchmark.exchange.arena_cards import ArenaResult
from benchmark.metrics.discrimination import eer
from tests.support import builders

TRIALS = 24


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus") / "toy"
    return builders.corpus(root, test=TRIALS, dev=6, seconds=0.2)


def scores(count: int = TRIALS) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.round(rng.normal(size=count) + (np.arange(count) % 2 == 0), 4)


@pytest.fixture
def run(corpus: Path, tmp_path: Path) -> Path:
    """A run with imported scores of the detector `mine`."""
    file = tmp_path / "scores.txt"
    file.write_text("".join(f"test_{n:04d} {s}\n" for n, s in enumerate(scores())))
    assert imported(tmp_path / "run", corpus, file) == 0
    return tmp_path / "run"


def imported(run: Path, corpus: Path, file: Path, *more: object) -> int:
    given = ["--detector", "mine", "--run", run, "--data", corpus]
    return main(["import-scores", str(file), *map(str, [*given, *more])])


def exported(run: Path, form: str, out: Path) -> int:
    given = ["--detector", "mine", "--format", form, "--out", str(out)]
    return main(["export-scores", str(run), *given])


def test_measures_are_those_of_the_speech_df_arena() -> None:
    values, bonafide = np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, True, False, True])
    found = arena_cards.measures(values, bonafide)
    # at 0.2 one of two bona fide trials is rejected and one of two spoofs accepted
    assert found == {
        "EER (%)": 50.0, "Threshold": 0.2, "F1-score": 0.8, "Accuracy (%)": 75.0,
    }  # fmt: skip
    perfect = arena_cards.measures(np.array([-1.0, 1.0, -2.0, 2.0]), bonafide)
    assert perfect["EER (%)"] == 0.0 and perfect["Threshold"] == -1.0


def test_files_of_the_speech_df_arena_come_back(
    run: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "arena"
    assert exported(run, "speech-df-arena", out) == 0
    (file,) = (out / "mine").iterdir()
    assert file.read_text().splitlines()[0] == f"test_0000 {scores()[0]}"
    labels = pd.read_csv(out / f"{file.stem}.csv")
    assert list(labels.columns) == ["file_name", "label"] and len(labels) == TRIALS
    summary = json.loads((out / "summary.json").read_text())
    found = summary["Average"]["mine"][file.stem]
    rate = eer(scores(), np.arange(TRIALS) % 2 == 0)[0]
    assert found["EER (%)"] == pytest.approx(100 * rate, abs=100 / TRIALS)
    again = tmp_path / "again"
    assert imported(again, corpus, file, "--card", out / "summary.json") == 0
    summary["Average"]["mine"][file.stem]["EER (%)"] = found["EER (%)"] / 2
    (out / "summary.json").write_text(json.dumps(summary))
    capsys.readouterr()
    assert imported(again, corpus, file, "--card", out / "summary.json") == BAD_INPUT
    assert "states an EER of" in capsys.readouterr().err


def test_files_of_the_anti_spoofing_arena_come_back(
    run: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "arena"
    assert exported(run, "anti-spoofing-arena", out) == 0
    card = yaml.safe_load((out / "result.yaml").read_text())
    content = (out / "scores.txt").read_bytes()
    assert card["schema_version"] == 5 and card["scores"]["n_trials"] == TRIALS
    assert card["artifact"]["scores_sha256"] == hashlib.sha256(content).hexdigest()
    rate = eer(scores(), np.arange(TRIALS) % 2 == 0)[0]
    assert card["scores"]["eer_percent"] == pytest.approx(100 * rate, abs=1e-4)
    again = tmp_path / "again"
    assert imported(again, corpus, out / "scores.txt", "--card", out / "result.yaml") == 0
    for where, name, value, said in (
        ("scores", "eer_percent", 0.5, "states an EER of 0.5 %"),
        ("scores", "n_trials", 7, "states 7 trials, but 24 are scored"),
        ("artifact", "scores_sha256", "0" * 64, "is about scores of SHA-256 000"),
        ("scores", "eer_percent", "low", "no share in per cent"),
        ("scores", "n_trials", 1.5, "no whole number"),
    ):
        changed: dict[str, Any] = {**card, where: {**card[where], name: value}}
        (out / "false.yaml").write_text(yaml.safe_dump(changed))
        capsys.readouterr()
        assert imported(again, corpus, out / "scores.txt", "--card", out / "false.yaml") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line


def test_a_file_that_is_no_card_is_named(tmp_path: Path) -> None:
    for text, said in (
        ("a: [1", "is no result card"),
        ("- 1", "holds no facts by name"),
        ("a: 1", "is no result card"),
        ("!!python/object/apply:os.system ['true']", "is no result card"),
        ("a: &x [1, 2]\nb: [*x, *x]", "holds aliases"),
        ('{"Average": {"a": {"b": 1}}}', "states no result for the data set"),
        ("schema_version: 5", "lacks scores or artifact"),
    ):
        path = tmp_path / "card.yaml"
        path.write_text(text)
        with pytest.raises(ValueError, match=said) as caught:
            arena_cards.read_card(path, "x", "y")
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_names_of_a_result_are_portable() -> None:
    table = pd.DataFrame(
        {"utterance_id": ["a b/c", "d"], "label": ["bonafide", "spoof"], "score": [1.0, 0.0]}
    )
    made = arena_cards.anti_spoofing_arena(ArenaResult("x", "y", table), "1")
    assert all(len(line.split()) == 2 for line in made["scores.txt"].splitlines())
