"""Results: committed tables, runs with scores, severity plots, and folders without results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import launderbench as lb
from tests.support.places import ROOT

SUITE = "noise(kind=white, snr=20); noise(kind=white, snr=0); lowpass"


@pytest.fixture(scope="module")
def made(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> lb.Results:
    """A run of two functions."""
    folder = tmp_path_factory.mktemp("made") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", str(folder.parent / "cache"))

        def loud(wave: lb.Wave) -> float:
            return float((wave**2).mean())

        def peak(wave: lb.Wave) -> float:
            return float(abs(wave).max())

        return lb.evaluate([loud, peak], data=toy, suite=SUITE, run=folder)


def test_the_committed_tables_open() -> None:
    results = lb.load_results(ROOT / "results" / "reference")
    board = results.leaderboard
    assert board["detector"].is_unique and board["laundered_eer"].between(0, 1).all()
    assert {"tp", "fp", "tn", "fn"} <= set(results.conditions)
    for name, table in results.tables.items():
        assert not (table == "-").any(axis=None), name
    with pytest.raises(lb.InputError, match="reference"):
        _ = results.scores


def test_a_run_has_tables_and_scores(made: lb.Results) -> None:
    again = lb.load_results(made.folder)
    pd.testing.assert_frame_equal(again.leaderboard, made.leaderboard)
    assert set(made.scores["split"]) == {"test", "dev"}
    assert set(lb.load_scores(made.folder)["detector"]) == {"loud", "peak"}
    assert repr(made) == f"Results({str(made.folder)!r})"


def test_compare_takes_results_and_folders(made: lb.Results) -> None:
    same = lb.compare(made, str(made.folder))
    assert (same["difference"].dropna() == 0).all() and not same["distinguishable"].eq(True).any()


def test_the_plot_shows_the_values_of_the_table(made: lb.Results, tmp_path: Path) -> None:
    figure = lb.plot_severity(made, detectors="peak")
    (panel,) = [axes for axes in figure.axes if axes.get_title()]
    (line,) = panel.get_lines()
    cells = made.conditions
    track = made.leaderboard["track"].iloc[0]
    cells = cells[(cells["detector"] == "peak") & (cells["track"] == track)]
    noise = cells[cells["condition"].str.startswith("noise")]
    mild_first = noise.sort_values("severity", ascending=False)
    assert [*line.get_ydata()] == mild_first["eer"].tolist()
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["20", "0"]
    figure.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({"detectors": ["peek"]}, "did you mean 'peak'"),
        ({"attacks": ["lowpass"]}, "unknown attack with several levels 'lowpass'"),
        ({"track": "none"}, "unknown track"),
        ({"metric": "wer"}, "unknown metric 'wer'"),
        ({"metric": "eer_low"}, "unknown metric 'eer_low'"),
    ],
)
def test_a_plot_of_what_is_not_there(
    made: lb.Results, arguments: dict[str, object], cause: str
) -> None:
    with pytest.raises(lb.InputError, match=cause):
        lb.plot_severity(made, **arguments)  # type: ignore[arg-type]


def test_folders_without_tables_are_refused_at_once(made: lb.Results, tmp_path: Path) -> None:
    with pytest.raises(lb.InputError, match="nowhere"):
        lb.load_results(tmp_path / "nowhere")
    later = tmp_path / "later"
    shutil.copytree(made.folder, later)
    facts = json.loads((later / "run.json").read_text())
    (later / "run.json").write_text(json.dumps(facts | {"schema": 99}))
    with pytest.raises(lb.InputError, match=r"run.json.* schema 99"):
        lb.load_results(later)
