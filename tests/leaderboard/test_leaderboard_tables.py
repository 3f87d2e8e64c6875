"""Tables of a synthetic run: means and ranks, refused input, and warnings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from benchmark.core.errors import InputError
from benchmark.data.protocol import Protocol
from benchmark.leaderboard import leaderboard_tables
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.metrics import decision, discrimination
from benchmark.scores.run_results import RunResults
from tests.support import synthetic_run
from tests.support.synthetic_run import replace

DRAWS = 60


@pytest.fixture(scope="module")
def results() -> RunResults:
    return synthetic_run.run()


@pytest.fixture(scope="module")
def tables(results: RunResults) -> Tables:
    return leaderboard_tables.tables(results, DRAWS)


@pytest.fixture(scope="module")
def small(results: RunResults) -> RunResults:
    return synthetic_run.only(results, "reverb(rt60=0.3)", "reverb(rt60=0.9)", "mp3(kbps=16)")


def edited(results: RunResults, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> RunResults:
    return replace(results, scores=edit(results.source.score_rows.copy()).reset_index(drop=True))


def test_one_row_per_track_detector_and_condition(results: RunResults, tables: Tables) -> None:
    keys = tables.conditions[["track", "detector", "condition"]]
    assert len(keys) == 3 * 4 * 28
    assert not keys.duplicated().any()
    assert list(tables.leaderboard["track"].unique()) == ["neural"]
    assert set(tables.tracks["track"]) == {"classic", "tts"}
    assert list(tables.tracks.columns) == list(tables.leaderboard.columns)


def test_a_cell_is_its_trials(results: RunResults, tables: Tables) -> None:
    table = results.protocol.table
    table = table[(table["label"] == "bonafide") | (table["track"] == "neural")]
    name = "noise(kind=cafe, snr=10.0)"
    scores = results.source.score_rows.query("detector == 'melcnn' and split == 'test'")
    scores = scores[scores["condition"] == name]
    rows = table.merge(scores, on="utterance_id")
    values, labels = rows["score"].to_numpy(), (rows["label"] == "bonafide").to_numpy()
    cells = tables.conditions.query("track == 'neural' and detector == 'melcnn'")
    found = cells[cells["condition"] == name].iloc[0]
    assert found["eer"] == discrimination.eer(values, labels)[0]
    assert found["auc"] == discrimination.auc(values, labels)
    assert (found["n_bonafide"], found["n_spoof"]) == (labels.sum(), (~labels).sum())
    assert found["eer_low"] <= found["eer"] <= found["eer_high"]
    dev = results.dev.table
    dev = dev[(dev["label"] == "bonafide") | (dev["track"] == "neural")]
    frozen = results.source.score_rows.query("detector == 'melcnn' and split == 'dev'")
    rows = dev.merge(frozen, on="utterance_id")
    threshold = discrimination.eer(rows["score"], (rows["label"] == "bonafide").to_numpy())[1]
    assert found["threshold"] == threshold
    assert found["f1"] == decision.confusion(values, labels, threshold).f1


def test_mean_and_worst(tables: Tables) -> None:
    best = tables.leaderboard.iloc[0]
    cells = tables.conditions.query("track == 'neural' and condition != 'clean'")
    cells = cells[cells["detector"] == best["detector"]]
    assert best["laundered_eer"] == pytest.approx((cells["eer"] * cells["weight"]).sum())
    assert best["worst_eer"] == cells["eer"].max()
    worst = cells[cells["condition"] == best["worst_condition"]]
    assert worst["eer"].item() == best["worst_eer"]
    assert best["verified"] == "27/27"
    assert list(tables.leaderboard["rank"]) == [1, 2, 3, 4]
    assert tables.leaderboard["laundered_eer"].is_monotonic_increasing
    assert (tables.leaderboard["rank_low"] <= tables.leaderboard["rank"]).all()
    assert (tables.leaderboard["rank"] <= tables.leaderboard["rank_high"]).all()


def test_noise_hurts_in_order(tables: Tables) -> None:
    cells = tables.conditions.query("track == 'neural' and detector == 'resnet18'")
    cells = cells.set_index("condition")
    names = ["clean", *(f"noise(kind=white, snr={snr})" for snr in ("20.0", "10.0", "0.0"))]
    assert cells.loc[names, "eer"].is_monotonic_increasing
    assert cells.loc[names[3], "eer_delta_low"] > 0
    assert cells.loc["clean", ["eer_delta", "eer_delta_low", "eer_delta_high"]].tolist() == [0] * 3


def test_order_of_rows_does_not_matter(small: RunResults) -> None:
    shuffled = replace(
        small,
        scores=small.source.score_rows.sample(frac=1, random_state=0),
        effects=small.source.effect_rows.sample(frac=1, random_state=1),
    )
    one, two = leaderboard_tables.tables(small, DRAWS), leaderboard_tables.tables(shuffled, DRAWS)
    for name in ("leaderboard", "tracks", "conditions", "checks"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))


def test_missing_trials_unrank_and_unverified_conditions_count_nowhere(small: RunResults) -> None:
    found = leaderboard_tables.tables(synthetic_run.broken(small), DRAWS)
    board = found.leaderboard.set_index("detector")
    assert list(found.leaderboard["detector"])[-1] == "rawcnn"
    assert pd.isna(board.loc["rawcnn", "rank"])
    assert pd.isna(board.loc["rawcnn", "laundered_eer"])
    assert "unranked: 1 cell lacks trials" in board.loc["rawcnn", "warnings"]
    assert board.loc["rawcnn", "coverage"] < 1
    assert (board["verified"] == "2/3").all()
    cells = found.conditions.query("track == 'neural'").set_index(["detector", "condition"])
    counted = cells.loc["melcnn"].loc[["reverb(rt60=0.3)", "mp3(kbps=16)"], "eer"]
    assert board.loc["melcnn", "laundered_eer"] == pytest.approx(counted.mean())
    lost = cells.loc[("rawcnn", "mp3(kbps=16)")]
    assert not lost["complete"]
    assert np.isnan(lost["eer_low"])
    assert np.isnan(lost["eer_delta"])
    assert lost["trial_digest"] != cells.loc[("melcnn", "mp3(kbps=16)"), "trial_digest"]
    unverified = cells.loc[("melcnn", "reverb(rt60=0.9)")]
    assert not unverified["verified"]
    assert unverified["n_fail"] == 25


def test_verified_needs_99_per_cent_of_measurable_utterances(small: RunResults) -> None:
    name = "reverb(rt60=0.3)"
    measurable = len(small.protocol.table) - 1
    for failing, verdict in ((measurable // 100, True), (measurable // 100 + 1, False)):
        effects = small.source.effect_rows.copy()
        rows = effects.index[effects["condition"] == name][1 : failing + 1]
        effects.loc[rows, "passed"] = False
        cells = leaderboard_tables.tables(replace(small, effects=effects), 2).conditions
        assert (cells.loc[cells["condition"] == name, "verified"] == verdict).all()


def test_effects_that_are_missing_verify_nothing(small: RunResults) -> None:
    empty = pd.DataFrame({c: pd.Series(dtype=object) for c in small.source.effect_rows.columns})
    found = leaderboard_tables.tables(replace(small, effects=empty), DRAWS)
    assert (found.leaderboard["verified"] == "0/3").all()
    assert found.leaderboard["rank"].isna().all()
    assert found.leaderboard["warnings"].str.contains("no verified laundering condition").all()


def test_an_utterance_passes_when_every_step_passes(small: RunResults) -> None:
    second = small.source.effect_rows.assign(step=1, quantity="lag", passed=False)
    both = replace(small, effects=pd.concat([small.source.effect_rows, second]))
    found = leaderboard_tables.tables(both, 2)
    assert (found.leaderboard["verified"] == "0/3").all()
    assert set(found.conditions["effect"].dropna()) == {"level", "bit rate"}
    assert len(found.checks) == 6


def test_empty_dev_leaves_decisions_blank(small: RunResults) -> None:
    dev = replace(small.dev, table=small.dev.table.iloc[:0])
    scores = small.source.score_rows[small.source.score_rows["split"] == "test"]
    found = leaderboard_tables.tables(replace(small, dev=dev, scores=scores), DRAWS)
    blank = ["f1", "f1_low", "macro_f1", "accuracy", "act_dcf", "cllr", "threshold"]
    assert found.conditions[blank].isna().all(axis=None)
    assert found.conditions[["eer", "auc", "min_dcf", "average_precision"]].notna().all(axis=None)
    assert found.leaderboard["laundered_f1"].isna().all()


def test_reversed_polarity_and_the_shortcut_are_named(small: RunResults) -> None:
    def reverse(scores: pd.DataFrame) -> pd.DataFrame:
        mine = scores["detector"] == "melcnn"
        scores.loc[mine, "score"] *= -1
        return scores

    board = leaderboard_tables.tables(edited(small, reverse), DRAWS).leaderboard.set_index(
        "detector"
    )
    assert "polarity" in board.loc["melcnn", "warnings"]
    assert "does not beat the shortcut" in board.loc["melcnn", "warnings"]
    assert board.loc["melcnn", "clean_eer"] > 0.6  # warned about, but not flipped
    for name in ("resnet18", "shortcut"):
        words = str(board.loc[name, "warnings"])
        assert "polarity" not in words and "does not beat" not in words


def test_constant_scores_are_chance_and_reported_as_tied(small: RunResults) -> None:
    constant = edited(
        small, lambda s: s.assign(score=s["score"].where(s["detector"] != "melcnn", 0))
    )
    board = leaderboard_tables.tables(constant, DRAWS).leaderboard.set_index("detector")
    rates = board.loc["melcnn", ["clean_eer", "laundered_eer", "clean_auc"]]
    assert rates.tolist() == pytest.approx([0.5] * 3)
    assert "100% of the clean scores are tied" in board.loc["melcnn", "warnings"]


@pytest.mark.parametrize(("speakers", "words"), [(5, "few clusters (5)"), (1, "one cluster")])
def test_few_clusters_are_flagged(speakers: int, words: str) -> None:
    found = leaderboard_tables.tables(
        synthetic_run.only(synthetic_run.run(speakers, 8), "mp3(kbps=16)"), DRAWS
    )
    assert found.leaderboard["warnings"].str.contains(words, regex=False).all()
    assert found.conditions.query("track == 'neural'")["few_clusters"].all()
    assert found.leaderboard["laundered_eer_low"].isna().all() == (speakers == 1)
    assert found.leaderboard["rank"].notna().all()


def test_few_errors_are_flagged(small: RunResults) -> None:
    """Twenty wrong trials of the smaller class are enough; few may be on clean alone."""
    found = leaderboard_tables.tables(small, DRAWS)
    cells = found.conditions
    smaller = cells[["n_bonafide", "n_spoof"]].min(axis=1)
    assert (cells["few_errors"] == (cells["eer"] * smaller < 20)).all()
    assert cells["few_errors"].nunique() == 2
    for row in found.leaderboard.to_dict("records"):
        least = min(row["n_bonafide"], row["n_spoof"])
        for over in ("clean", "laundered"):
            words = f"few errors ({over})"
            assert (words in str(row["warnings"])) == (row[f"{over}_eer"] * least < 20)


def test_without_tracks_the_whole_set_is_one_track(small: RunResults) -> None:
    def flat(protocol: Protocol) -> Protocol:
        return replace(protocol, table=protocol.table.assign(track="-"), headline="-")

    found = leaderboard_tables.tables(
        replace(small, protocol=flat(small.protocol), dev=flat(small.dev)), DRAWS
    )
    assert found.tracks.empty
    assert found.conditions["track"].isna().all()
    assert (
        (found.conditions["n_bonafide"] + found.conditions["n_spoof"])
        .eq(len(small.protocol.table))
        .all()
    )
    assert (found.conditions["trial_digest"] == small.protocol.digest()).all()


def nan_score(scores: pd.DataFrame) -> pd.DataFrame:
    scores.loc[7, "score"] = np.nan
    return scores


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (nan_score, "not finite; first: nan for test utterance 'test-00007'"),
        (lambda s: pd.concat([s, s.iloc[:2]]), "2 trials are scored twice.*'test-00000'"),
        (lambda s: s.iloc[:0], "no test scores"),
        (lambda s: s.drop(columns="score"), "column score"),
        (lambda s: s.replace("melcnn", "other"), "'other', which is not in its plan"),
        (lambda s: s.replace("test-00003", "stray"), "outside the test set.*'stray'"),
    ],
)
def test_bad_scores_are_refused(
    small: RunResults, edit: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        leaderboard_tables.tables(edited(small, edit), 2)


def test_bad_plans_are_refused(small: RunResults) -> None:
    with pytest.raises(InputError, match="no clean condition"):
        leaderboard_tables.tables(replace(small, conditions=small.conditions[1:]), 2)
    with pytest.raises(InputError, match="no detector"):
        leaderboard_tables.tables(replace(small, detectors=()), 2)
    table = small.protocol.table
    for label in ("bonafide", "spoof"):
        kept = table[table["label"] != label].reset_index(drop=True)
        ids = set(kept["utterance_id"])
        scores = small.source.score_rows[small.source.score_rows["utterance_id"].isin(ids)]
        half = replace(small, protocol=replace(small.protocol, table=kept), scores=scores)
        with pytest.raises(InputError, match=f"has no {label} utterance"):
            leaderboard_tables.tables(half, 2)


def test_a_cell_left_with_one_class_is_blank(small: RunResults) -> None:
    bona = set(small.protocol.table.query("label == 'bonafide'")["utterance_id"])

    def drop(scores: pd.DataFrame) -> pd.DataFrame:
        gone = scores["utterance_id"].isin(bona) & (scores["condition"] == "mp3(kbps=16)")
        return scores[~(gone & (scores["detector"] == "melcnn"))]

    cells = leaderboard_tables.tables(edited(small, drop), 2).conditions
    cell = cells.query("detector == 'melcnn' and condition == 'mp3(kbps=16)'").iloc[0]
    assert np.isnan(cell["eer"])
    assert cell["n_bonafide"] == 0
    assert not cell["complete"]
