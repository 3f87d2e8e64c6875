"""`evaluate`: functions and registered detectors on a folder of files, and bad scorers."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import launderbench as lb
from benchmark.audio import reader
from detectors.contract.base import registry
from tests.support import builders
from tests.support.places import ROOT

SUITE = "noise(kind=white, snr=20); noise(kind=white, snr=0)"
Wave = np.ndarray[Any, np.dtype[np.float32]]


def level(wave: Wave) -> float:
    """Return the mean square of a wave."""
    return float(np.mean(wave**2))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and working directory: nothing here may need the embedded data set."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_lambda_on_a_folder_of_files(toy: Path, place: Path) -> None:
    scored: list[int] = []

    def counted(wave: Wave) -> float:
        scored.append(wave.size)
        return level(wave)

    results = lb.evaluate(lambda wave: counted(wave), data=toy, suite=SUITE)
    assert results.leaderboard["detector"].tolist() == ["function"]
    cells = results.conditions
    assert len(cells) == 2 * 3 and cells["complete"].all()  # two tracks
    cells = cells[cells["track"] == "neural"].set_index("condition")
    scores = results.scores
    mine = scores[(scores["split"] == "test") & (scores["track"] != "classic")]
    for condition, rows in mine.groupby("condition"):
        assert lb.eer(rows["score"], rows["label"]) == pytest.approx(
            cells.loc[condition, "eer"], abs=1e-6
        )
    assert scored and results.folder.parent.name == "results"
    assert not (place / "cache" / "embedded").exists()
    assert "function" not in registry.names()


def test_scores_of_a_function_are_reused_only_under_its_version(toy: Path) -> None:
    calls: list[int] = []

    def mine(wave: Wave) -> float:
        calls.append(1)
        return level(wave)

    def spent(**settings: Any) -> int:
        calls.clear()
        lb.evaluate(mine, data=toy, suite="clean", **settings)
        return len(calls)

    many = spent(run="kept", version=1)
    assert many > 20 and spent(run="kept", version=1) == 1  # the trial before the run
    assert spent(run="kept", version=2) == many
    assert spent(run="kept") == spent(run="kept") == many
    first, second = (lb.evaluate(mine, data=toy, suite="clean").folder for _ in range(2))
    assert first != second


def test_a_decorated_function_is_a_detector_with_its_name(toy: Path) -> None:
    @lb.detector("loudness", version=1)
    def loudness(wave: Wave) -> float:
        """Score by level."""
        return level(wave)

    assert loudness(np.ones(4, np.float32)) == 1.0
    several = lb.evaluate([loudness, "constant", "random"], data=toy, suite="clean", limit=12)
    assert sorted(several.leaderboard["detector"]) == ["constant", "loudness", "random"]
    assert lb.check("loudness") == []
    assert registry.get("loudness").summary == "Score by level."


@pytest.mark.parametrize(
    ("scorer", "cause"),
    [
        (lambda wave: None, "returned None: return one number"),
        (lambda wave: "spoof", "returned str 'spoof': return one number"),
        (lambda wave: math.nan, "return a finite number"),
        (lambda wave: (0.1, 0.9), "returned a tuple of 2: return one number"),
        (lambda wave: sys.exit(3), r"fails: SystemExit\(3\)"),
        (lambda wave: np.zeros(2), r"returned an array of shape \(2,\)"),
        (lambda wave: torch.tensor(0.5), r"returned a tensor \(return its .item\(\)\)"),
        (lambda wave: True, "a decision is no score"),
        (lambda wave: 1 / 0, r"fails: ZeroDivisionError.* \(on test_"),
    ],
)
def test_a_bad_scorer_is_one_clear_error_before_any_work(
    scorer: Callable[[Wave], Any], cause: str, toy: Path, place: Path
) -> None:
    with pytest.raises(lb.InputError, match=f"'function' {cause}|{cause}"):
        lb.evaluate(scorer, data=toy, suite=SUITE)
    assert not (place / "results").exists()


def test_a_scorer_that_fails_later_is_listed(toy: Path) -> None:
    silent = level(reader.read(toy / "flac" / "test_0005.flac"))

    def fragile(wave: Wave) -> float:
        return math.nan if level(wave) == silent else level(wave)

    results = lb.evaluate(fragile, data=toy, suite="clean")
    (failure,) = results.tables["failures"].to_dict("records")
    assert failure["utterance_id"] == "test_0005"
    assert failure["cause"] == "non-finite score (nan)"
    assert not results.conditions["complete"].all()
    tried: list[Wave] = []

    def broken(wave: Wave) -> float:
        tried.append(wave)
        return level(wave) if len(tried) == 1 else math.nan

    with pytest.raises(lb.InputError, match=r"the first of \d+ failures is: non-finite score"):
        lb.evaluate(broken, data=toy, suite="clean", limit=8)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({"detectors": 3}, "want a function, a detector's name or a list"),
        ({"detectors": "mel-cn"}, "did you mean 'mel-cnn'"),
        ({"detectors": "constant", "name": "x"}, "go with a single function"),
        ({"detectors": level, "name": "all"}, "'all' cannot be a detector's name"),
        ({"detectors": level, "name": "x(y)"}, "cannot be a detector's name"),
        ({"detectors": level, "name": 5}, "5 cannot be a detector's name"),
        ({"detectors": level, "version": True}, "version: want a number or a text"),
        ({"detectors": level, "data": 5}, "data: want a path, not 5"),
        ({"detectors": level, "suite": [3]}, "suite: want a suite's name or conditions"),
        ({"detectors": level, "limit": 2.5}, "limit: want a whole number of at least 2"),
        ({"detectors": level, "seed": "x"}, "seed: want a whole number of at least 0"),
        ({"detectors": level, "workers": -1}, "workers: want a whole number of at least 0"),
        ({"detectors": level, "run": Path()}, "run: want a folder or a name"),
        ({"detectors": level, "device": None}, "device: want auto"),
        ({"detectors": level, "name": "mel-cnn"}, "is the name of another detector"),
        ({"detectors": level, "suite": "mp3(kbps=1)"}, "mp3"),
        ({"detectors": level, "data": "nowhere"}, "data folder not found: nowhere"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], cause: str, toy: Path) -> None:
    with pytest.raises(lb.InputError, match=cause):
        lb.evaluate(**{"data": toy, "suite": "clean"} | arguments)


def test_a_scorer_that_writes_to_its_wave_changes_nothing_for_others(toy: Path) -> None:
    def eraser(wave: Wave) -> float:
        wave *= 0
        return float(wave.size)

    alone = lb.evaluate("lfcc-gmm", data=toy, suite=SUITE, run="alone").conditions
    both = lb.evaluate([eraser, "lfcc-gmm"], data=toy, suite=SUITE, run="both").conditions
    mine = both[both["detector"] == "lfcc-gmm"].reset_index(drop=True)
    assert mine["eer"].tolist() == alone["eer"].tolist()


def test_a_plugin_given_by_path_and_conditions_as_a_list(toy: Path, place: Path) -> None:
    file = place / "mine.py"
    file.write_text(
        "from launderbench import detector\n\n\n"
        "@detector('of-a-file', version=1)\ndef score(wave):\n    return float(wave.std())\n"
    )
    suite = ["clean", lb.parse("lowpass")]
    found = lb.evaluate(
        "of-a-file", data=toy, suite=suite, plugins=str(file), seed=np.int64(3), limit=12
    )
    assert set(found.conditions["detector"]) == {"of-a-file"}
    assert found.conditions["condition"].nunique() == 2
    function = registry.get("of-a-file").function  # type: ignore[attr-defined]
    with pytest.raises(lb.InputError, match="registered with a name and a version of its own"):
        lb.evaluate(function, data=toy, suite="clean", version=7)


def test_data_without_tracks_and_a_huge_constant_have_a_report_and_a_plot(place: Path) -> None:
    root = place / "plain"
    for number in range(16):
        folder = root / ("spoof" if number % 2 else "bonafide")
        folder.mkdir(parents=True, exist_ok=True)
        make = builders.fake if number % 2 else builders.voice
        soundfile.write(folder / f"{number}.wav", make(number, 0.5), 16000)
    results = lb.evaluate(
        [level, lambda wave: 1e20], root, SUITE, pattern=r"(?P<label>\w+)/\d+\.wav"
    )
    assert results.leaderboard["track"].isna().all()
    assert results.leaderboard["audio_digest"].ne("-").all()
    titles = [axes.get_title() for axes in lb.plot_severity(results).axes]
    assert titles[0].startswith("noise")


def test_detectors_that_learn_nothing_need_no_training_data(toy: Path, place: Path) -> None:
    code = lb.run(
        "bench", "--data", str(toy), "--suite", "clean", "--detectors", "random,constant",
        "--device", "cpu", "--run", "none", "--seed", "7", "--workers", "0",
    )  # fmt: skip
    assert code == 0
    assert not (place / "cache" / "embedded").exists()


def test_a_script_without_a_guard_works(toy: Path, place: Path) -> None:
    script = place / "study.py"
    script.write_text(
        "import launderbench as lb\n"
        f"found = lb.evaluate(lambda w: float(w.std()), data={str(toy)!r}, suite='clean')\n"
        "print(found.leaderboard['detector'].tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=place,
        env={**__import__("os").environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['function']\n"
