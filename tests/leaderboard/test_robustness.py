"""Robustness per family, severity curves, comparisons and breakdown, checked against the cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from attacks.contract.base import RESIDUAL
from benchmark.core.errors import InputError
from benchmark.leaderboard import cells, leaderboard_tables
from benchmark.leaderboard.ladders import ladders
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.metrics import discrimination
from benchmark.metrics.decision import Costs
from benchmark.report import writer
from benchmark.scores.run_results import ConditionInfo, RunResults
from tests.support import synthetic_run
from tests.support.synthetic_run import replace

DRAWS = 60
KEEP = ("reverb", "noise(kind=white", "mp3")


@pytest.fixture(scope="module")
def results() -> RunResults:
    run = synthetic_run.run()
    names = (info.condition for info in run.conditions if info.condition.startswith(KEEP))
    return synthetic_run.only(run, *names)


@pytest.fixture(scope="module")
def tables(results: RunResults) -> Tables:
    return leaderboard_tables.tables(results, DRAWS)


def of(table: pd.DataFrame, **keys: str) -> pd.DataFrame:
    for name, value in keys.items():
        table = table[table[name] == value]
    return table


def test_ladders_run_from_mild_to_severe() -> None:
    infos = synthetic_run.conditions()
    found = {ladder.name: ladder for ladder in ladders(infos)}
    assert found["noise(kind=cafe, snr=*)"].levels == (20.0, 10.0, 0.0)
    assert found["reverb(rt60=*)"].levels == (0.3, 0.6, 0.9)
    assert found["mp3(kbps=*)"].levels == (160.0, 128.0, 64.0, 16.0)
    assert len(found) == 8  # five noises, and no ladder of the single low-pass
    shuffled = ladders(tuple(reversed(infos)))
    assert {ladder.name: ladder.levels for ladder in shuffled} == {
        name: ladder.levels for name, ladder in found.items()
    }
    assert ladders((ConditionInfo("a(x=1)", "f", 1.0), ConditionInfo("a(x=2)", "f", 2.0))) == []


def test_severity_curves(tables: Tables) -> None:
    cells = of(tables.conditions, track="neural", detector="resnet18").set_index("condition")
    row = of(tables.severity, track="neural", detector="resnet18", ladder="reverb(rt60=*)").iloc[0]
    names = ["clean", *(f"reverb(rt60={t})" for t in (0.3, 0.6, 0.9))]
    rates = cells.loc[names, "eer"].to_numpy()
    assert row["area"] == pytest.approx(np.trapezoid(rates) / 3)
    assert row["area_low"] <= row["area"] <= row["area_high"]
    for _, row in tables.severity.iterrows():
        cells = of(tables.conditions, track=row["track"], detector=row["detector"])
        mine = cells[cells["condition"].str.startswith(row["ladder"].split("=*")[0])]
        above = mine.loc[mine["eer"] > 0.40, "severity"]
        assert row["collapsed"] == bool(len(above))
        if len(above):
            rising = row["mildest"] < row["severest"]
            assert row["collapse"] == (above.min() if rising else above.max())
    assert tables.severity["collapsed"].nunique() == 2  # both cases occur


def test_families_and_degradation(tables: Tables) -> None:
    cells = of(tables.conditions, track="neural", detector="melcnn")
    base = of(tables.conditions, track="neural", detector="shortcut")
    clean, base_clean = (of(t, condition="clean")["eer"].item() for t in (cells, base))
    rows = of(tables.robustness, track="neural", detector="melcnn").set_index("family")
    means = cells.groupby("family")["eer"].mean()  # one attack each, so levels weigh the same
    base_means = base.groupby("family")["eer"].mean()
    weights = cells.groupby("family")["weight"].sum()
    ratios = []
    for family in ("reverberation", "noise", "codec"):
        row = rows.loc[family]
        assert row["eer"] == pytest.approx(means[family])
        assert row["eer_delta"] == pytest.approx(means[family] - clean)
        assert row["eer_delta_low"] <= row["eer_delta"] <= row["eer_delta_high"]
        assert row["degradation"] == pytest.approx(means[family] / base_means[family])
        lost = base_means[family] - base_clean
        if lost > 0:
            expected = (means[family] - clean) / lost
            assert row["relative_degradation"] == pytest.approx(expected)
        ratios.append(row["degradation"] * weights[family])
    assert rows.loc["all", "degradation"] == pytest.approx(sum(ratios))
    board = tables.leaderboard.set_index("detector").loc["melcnn"]
    assert rows.loc["all", "eer"] == board["laundered_eer"]
    assert rows.loc["all", "worst_eer"] == board["worst_eer"]
    assert (tables.robustness["baseline"] == "shortcut").all()
    own = of(tables.robustness, detector="shortcut", family="all")
    assert own["degradation"].to_numpy() == pytest.approx(1.0)


def test_another_baseline_costs_and_no_resamples(results: RunResults) -> None:
    even = Costs(0.5, 1, 1)
    found = leaderboard_tables.tables(results, 0, even, baseline="melcnn")
    assert (found.robustness["baseline"] == "melcnn").all()
    assert found.choices["baseline"] == "melcnn"
    bounds = [c for c in found.conditions if c.endswith(("_low", "_high"))]
    assert found.conditions[bounds].isna().all(axis=None)
    assert found.leaderboard["rank"].tolist() == [1, 2, 3, 4]
    assert found.leaderboard["tied_with"].isna().all()  # nothing was compared
    assert found.leaderboard[["rank_low", "rank_high"]].isna().all(axis=None)
    assert found.differences["distinguishable"].isna().all()
    assert found.leaderboard["warnings"].isna().all()
    # With even prior odds and equal costs, the minimum cost is at most twice the EER.
    assert (found.conditions["min_dcf"] <= 2 * found.conditions["eer"] + 1e-12).all()
    with pytest.raises(InputError, match="unknown baseline detector 'mellcnn'; did you mean"):
        leaderboard_tables.tables(results, 0, baseline="mellcnn")


def test_what_is_missing_or_unverified_is_shown_and_left_out(results: RunResults) -> None:
    found = leaderboard_tables.tables(synthetic_run.broken(results), DRAWS)
    lost = of(found.robustness, track="neural", detector="rawcnn").set_index("family")
    assert not lost.loc["codec", "complete"]
    assert np.isnan(lost.loc["codec", "eer"])
    assert np.isfinite(lost.loc["noise", "eer"])  # a complete family
    assert np.isnan(lost.loc["all", "eer"])
    ladder = of(found.severity, track="neural", detector="rawcnn", ladder="mp3(kbps=*)").iloc[0]
    assert not ladder["complete"] and np.isnan(ladder["area"]) and pd.isna(ladder["collapsed"])
    whole = of(found.robustness, track="neural", detector="melcnn").set_index("family")
    assert (whole.loc["reverberation", ["n_conditions", "n_verified"]] == [3, 2]).all()
    counted = of(found.conditions, track="neural", detector="melcnn", family="reverberation")
    counted = counted[counted["condition"] != "reverb(rt60=0.9)"]["eer"]
    assert whole.loc["reverberation", "eer"] == pytest.approx(counted.mean())
    unverified = of(found.severity, track="neural", ladder="reverb(rt60=*)")
    assert unverified["area"].isna().all()
    compared = of(found.differences, track="neural")
    assert "rawcnn" not in {*compared["detector"], *compared["other"]}


def test_a_control_is_a_point_of_the_severity_curve(results: RunResults) -> None:
    rows = results.source.effect_rows
    mild = rows["condition"] == "reverb(rt60=0.3)"
    small = rows[mild].assign(quantity=RESIDUAL, measured=-70.0, passed=None, effect=False)
    with_control = replace(results, effects=pd.concat([rows, small], ignore_index=True))
    whole, found = (leaderboard_tables.tables(r, DRAWS) for r in (results, with_control))
    states = of(found.conditions, track="neural", family="reverberation", detector="melcnn")
    assert states["verdict"].tolist() == ["control", "verified", "verified"]
    ladders = [
        of(tables.severity, track="neural", ladder="reverb(rt60=*)").set_index("detector")
        for tables in (whole, found)
    ]
    assert ladders[1]["complete"].all()
    pd.testing.assert_frame_equal(*ladders)
    means = [of(t.leaderboard, track="neural", detector="melcnn").iloc[0] for t in (whole, found)]
    assert means[0]["laundered_eer"] != means[1]["laundered_eer"]  # a control enters no mean


def test_comparisons_match_the_ties(tables: Tables) -> None:
    rows = of(tables.differences, track="neural", over="laundered", metric="eer")
    assert len(rows) == 6
    board = tables.leaderboard.set_index("detector")
    for _, row in rows.iterrows():
        one, two = board.loc[row["detector"]], board.loc[row["other"]]
        assert row["difference"] == pytest.approx(one["laundered_eer"] - two["laundered_eer"])
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]
        tied = {name: str(board.loc[name, "tied_with"]).split("; ") for name in board.index}
        assert (row["p_familywise"] <= 0.05) == (row["other"] not in tied[row["detector"]])
        assert (row["p_familywise"] <= 0.05) == (row["detector"] not in tied[row["other"]])
        if row["p_familywise"] <= 0.05:
            ahead, behind = (one, two) if row["difference"] < 0 else (two, one)
            assert ahead["rank_low"] < behind["rank_high"]
            assert row["distinguishable"]  # the adjusted decision is the stricter one
    decided = rows["p_familywise"] <= 0.05
    assert decided.any() and not decided.all()
    # nothing is shared between the families of comparisons: each has the weakest p of its own
    assert (
        tables.differences.groupby(["track", "over", "metric"])["p_familywise"]
        .nunique()
        .gt(1)
        .any()
    )
    assert set(tables.differences["metric"]) == {
        "eer", "auc", "f1", "min_dcf", "act_dcf", "cllr"
    }  # fmt: skip


def test_breakdown_is_the_metric_of_the_slice(results: RunResults, tables: Tables) -> None:
    name = "mp3(kbps=16)"
    row = of(tables.breakdown, track="neural", detector="rawcnn", condition=name, value="hifigan")
    table = results.protocol.table
    part = table[(table["label"] == "bonafide") | (table["spoof_system"] == "hifigan")]
    scores = of(results.source.score_rows, detector="rawcnn", condition=name, split="test")
    joined = part.merge(scores, on="utterance_id")
    labels = (joined["label"] == "bonafide").to_numpy()
    assert row["eer"].item() == discrimination.eer(joined["score"], labels)[0]
    assert row["auc"].item() == pytest.approx(discrimination.auc(joined["score"], labels))
    assert row[["n_bonafide", "n_spoof"]].iloc[0].tolist() == [labels.sum(), (~labels).sum()]
    assert set(of(tables.breakdown, track="neural")["by"]) == {"spoof_system"}


def test_every_metric_has_bounds_and_a_paired_difference(tables: Tables) -> None:
    for metric in ("eer", "auc", "f1", "min_dcf", "act_dcf", "cllr"):
        columns = [f"{metric}{tail}" for tail in ("_low", "", "_high")]
        low, point, high = (tables.conditions[c] for c in columns)
        assert (low <= high).all()
        clean = tables.conditions["condition"] == "clean"
        assert (tables.conditions.loc[clean, f"{metric}_delta"] == 0).all()
        assert (tables.conditions.loc[clean, f"{metric}_delta_high"] == 0).all()
        assert (tables.conditions[f"{metric}_delta_low"] <= point).all()
    cells = tables.conditions
    total = cells[["tp", "fp", "tn", "fn"]].sum(axis=1)
    assert (total == cells["n_bonafide"] + cells["n_spoof"]).all()
    assert (cells["oracle_balanced_accuracy"] >= 1 - cells["eer"] - 0.02).all()
    assert (cells["threshold_from"] == "dev").all()
    assert (cells["tpr_at_fpr1"] <= cells["tpr_at_fpr5"]).all()


def test_the_training_threshold_is_used_without_dev(results: RunResults) -> None:
    dev = replace(results.dev, table=results.dev.table.iloc[:0])
    scores = results.source.score_rows[results.source.score_rows["split"] == "test"]
    bare = replace(results, dev=dev, scores=scores, thresholds={"melcnn": 0.5})
    found = leaderboard_tables.tables(bare, 10)
    mine = of(found.conditions, detector="melcnn")
    assert (mine["threshold"] == 0.5).all() and (mine["threshold_from"] == "training").all()
    assert mine["f1"].notna().all() and mine["act_dcf"].isna().all()
    other = of(found.conditions, detector="rawcnn")
    assert other["f1"].isna().all() and other["threshold_from"].isna().all()
    board = found.leaderboard.set_index("detector")
    assert "threshold is of its training data" in board.loc["melcnn", "warnings"]
    assert "actDCF and Cllr are blank" in board.loc["melcnn", "warnings"]
    assert "F1, actDCF and Cllr are blank" in board.loc["rawcnn", "warnings"]


def test_categories_and_text_give_the_same_tables(results: RunResults, tables: Tables) -> None:
    texts = ["detector", "condition", "split", "utterance_id"]
    coded = replace(
        results,
        scores=results.source.score_rows.astype(dict.fromkeys(texts, "category")),
        effects=results.source.effect_rows.astype(
            dict.fromkeys(["condition", "utterance_id", "attack", "quantity", "unit"], "category")
        ),
    )
    found = leaderboard_tables.tables(coded, DRAWS)
    for name in ("leaderboard", "conditions", "robustness", "severity", "breakdown", "checks"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(tables, name))


def test_the_number_of_cores_changes_no_byte(
    results: RunResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = []
    for number in (1, 4):
        monkeypatch.setattr(cells, "cores", lambda n=number: n)
        found = leaderboard_tables.tables(results, 40)
        texts.append([writer.csv_text(t) for t in (found.conditions, found.robustness)])
    assert texts[0] == texts[1]


def test_a_laundered_cell_above_60_per_cent_gives_no_polarity_warning(
    results: RunResults,
) -> None:
    scores = results.source.score_rows.copy()
    mirrored = (scores["detector"] == "melcnn") & (scores["condition"] == "mp3(kbps=16)")
    scores.loc[mirrored, "score"] = -scores.loc[mirrored, "score"] - 20 * scores.loc[
        mirrored, "utterance_id"
    ].map(dict(zip(results.protocol.table["utterance_id"], bona(results), strict=True)))
    found = leaderboard_tables.tables(replace(results, scores=scores), 0)
    cell = of(found.conditions, track="neural", detector="melcnn", condition="mp3(kbps=16)")
    assert cell["eer"].item() > 0.9  # shown unchanged
    assert found.leaderboard["warnings"].isna().all()  # only clean reveals a wrong sign


def bona(results: RunResults) -> pd.Series:
    return (results.protocol.table["label"] == "bonafide").astype(float)
