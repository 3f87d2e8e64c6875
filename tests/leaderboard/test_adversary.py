"""The adversary's columns: against brute force, with broken thresholds, and without enough dev."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest

from attacks.contract.condition import CLEAN
from benchmark.core.errors import InputError
from benchmark.data.protocol import Protocol
from benchmark.leaderboard import adversary_cell, compare_runs, leaderboard_tables
from benchmark.leaderboard.adversary_cell import RATES, Frozen, freeze
from benchmark.leaderboard.cell_metrics import OperatingPoint, operating
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.metrics import bootstrap, discrimination
from benchmark.scores import scope
from benchmark.scores.run_results import RunResults
from benchmark.scores.scopes import BOTH, SPOOF
from tests.support import synthetic_run
from tests.support.synthetic_run import replace

LAUNDERED = "noise(kind=babble, snr=0.0)"
NAMES = {CLEAN, LAUNDERED, "reverb(rt60=0.9)", "mp3(kbps=16)"}
LOSS = ("loss_clean", "loss_shift", "loss_discrimination")


def small(results: RunResults) -> RunResults:
    """The run with clean and three conditions, and without tracks."""
    sides = {
        name: replace(side, table=side.table.assign(track="-"))
        for name, side in (("protocol", results.protocol), ("dev", results.dev))
    }
    chosen = tuple(info for info in results.conditions if info.condition in NAMES)
    rows, checks = results.source.score_rows, results.source.effect_rows
    return replace(
        results,
        **sides,
        conditions=chosen,
        scores=rows[rows["condition"].isin(NAMES)].reset_index(drop=True),
        effects=checks[checks["condition"].isin(NAMES)].reset_index(drop=True),
    )


@cache
def run() -> RunResults:
    return small(synthetic_run.run())


@cache
def made(which: str = BOTH) -> Tables:
    return leaderboard_tables.tables(scope.of(run(), which), 200)


def labels(side: Protocol) -> np.ndarray:
    return (side.table["label"] == "bonafide").to_numpy(dtype=np.bool_)


def cell(tables: Tables, detector: str, condition: str) -> pd.Series:
    rows = tables.conditions
    found = rows[(rows["detector"] == detector) & (rows["condition"] == condition)]
    assert len(found) == 1
    return found.iloc[0]


def scores(results: RunResults, detector: str, condition: str, split: str = "test") -> np.ndarray:
    found: np.ndarray = results.source.scores(split, condition)[results.detectors.index(detector)]
    return found


def threshold(honest: np.ndarray, rate: float) -> float:
    """The largest threshold that at most `rate` of the scores fail, half way to the next."""
    ordered = np.sort(honest)
    fails = int(rate * honest.size + 1e-9)
    return float(ordered[0] if fails == 0 else (ordered[fails - 1] + ordered[fails]) / 2)


def success(laundered: np.ndarray, bonafide: np.ndarray, at: float) -> float:
    return float(np.mean(laundered[~bonafide] >= at))


@pytest.mark.parametrize("detector", synthetic_run.SKILL)
@pytest.mark.parametrize("condition", sorted(NAMES))
def test_success_is_the_share_of_laundered_spoofs_above_the_threshold_of_clean_dev(
    detector: str, condition: str
) -> None:
    results = run()
    dev = scores(results, detector, CLEAN, "dev")[labels(results.dev)]
    mine = scores(results, detector, condition)
    row = cell(made(), detector, condition)
    wanted = success(mine, labels(results.protocol), threshold(dev, 0.05))
    assert row["success5"] == pytest.approx(wanted, abs=1e-12)
    assert row["rejected5"] == pytest.approx(
        np.mean(mine[labels(results.protocol)] < threshold(dev, 0.05)), abs=1e-12
    )
    assert row["success5_delta"] == pytest.approx(
        wanted - cell(made(), detector, CLEAN)["success5"], abs=1e-12
    )
    assert row["success5_low"] <= wanted <= row["success5_high"]


BROKEN: dict[str, Callable[[str], float]] = {
    "frozen on clean test": lambda name: success(
        scores(run(), name, LAUNDERED),
        labels(run().protocol),
        threshold(scores(run(), name, CLEAN)[labels(run().protocol)], 0.05),
    ),
    "frozen on laundered test": lambda name: success(
        scores(run(), name, LAUNDERED),
        labels(run().protocol),
        threshold(scores(run(), name, LAUNDERED)[labels(run().protocol)], 0.05),
    ),
    "sign reversed": lambda name: success(
        -scores(run(), name, LAUNDERED),
        labels(run().protocol),
        threshold(-scores(run(), name, CLEAN, "dev")[labels(run().dev)], 0.05),
    ),
    "classes swapped in dev": lambda name: success(
        scores(run(), name, LAUNDERED),
        labels(run().protocol),
        threshold(scores(run(), name, CLEAN, "dev")[~labels(run().dev)], 0.05),
    ),
    "classes swapped in test": lambda name: success(
        scores(run(), name, LAUNDERED),
        ~labels(run().protocol),
        threshold(scores(run(), name, CLEAN, "dev")[labels(run().dev)], 0.05),
    ),
    "clean spoofs counted": lambda name: success(
        scores(run(), name, CLEAN),
        labels(run().protocol),
        threshold(scores(run(), name, CLEAN, "dev")[labels(run().dev)], 0.05),
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_success_rate_made_wrongly_is_another_number(broken: str) -> None:
    wrong = [BROKEN[broken](name) for name in synthetic_run.SKILL]
    right = [cell(made(), name, LAUNDERED)["success5"] for name in synthetic_run.SKILL]
    assert max(abs(a - b) for a, b in zip(wrong, right, strict=True)) > 0.01


def test_the_bounds_resample_the_speakers_of_dev_too(monkeypatch: pytest.MonkeyPatch) -> None:
    joint = cell(made(), "melcnn", LAUNDERED)

    def fixed(*given: object) -> Frozen:
        found = freeze(*given)
        held = {
            name: np.full(values.size, found.thresholds[name])
            for name, values in found.draws.items()
        }
        return Frozen(found.thresholds, held, found.blank)

    monkeypatch.setattr(adversary_cell, "freeze", fixed)
    alone = cell(leaderboard_tables.tables(run(), 200), "melcnn", LAUNDERED)
    for name in ("success5", "loss"):
        wide, narrow = (row[f"{name}_high"] - row[f"{name}_low"] for row in (joint, alone))
        assert wide > 1.05 * narrow, name
        assert joint[name] == alone[name]


def test_bounds_are_those_of_resampled_dev_and_test_together() -> None:
    results, name = run(), "rawcnn"
    test, dev = labels(results.protocol), labels(results.dev)
    digest = results.protocol.digest()
    of_test = bootstrap.resample(bootstrap.clusters(results.protocol.table), test, digest, 200)
    of_dev = bootstrap.resample(
        bootstrap.clusters(results.dev.table), dev, results.dev.digest(), 200
    )
    found = []
    for row in range(200):
        chosen = np.repeat(np.arange(dev.size), of_dev.counts[row][of_dev.unit])
        honest = scores(results, name, CLEAN, "dev")[chosen][dev[chosen]]
        drawn = np.repeat(np.arange(test.size), of_test.counts[row][of_test.unit])
        found.append(
            success(scores(results, name, LAUNDERED)[drawn], test[drawn], threshold(honest, 0.05))
        )
    row = cell(made(), name, LAUNDERED)
    low, high = np.quantile(found, [0.025, 0.975])
    assert (row["success5_low"], row["success5_high"]) == pytest.approx((low, high), abs=1e-12)


def test_the_parts_add_up_in_every_cell_and_in_the_means() -> None:
    for table in (made().conditions, made().leaderboard, made(SPOOF).conditions):
        assert table["loss"].notna().all()
        assert np.allclose(sum(table[part] for part in LOSS), table["loss"], atol=1e-12)
    board = made().leaderboard
    for row in board.to_dict("records"):
        cells = made().conditions
        mine = cells[(cells["detector"] == row["detector"]) & (cells["family"] != "clean")]
        for name in ("success5", "balanced_accuracy"):
            wanted = mine.groupby("family")[name].mean().mean()
            assert row[f"laundered_{name}"] == pytest.approx(wanted, abs=1e-12)
        assert row["loss"] == pytest.approx(mine.groupby("family")["loss"].mean().mean(), abs=1e-12)
        assert row["laundered_success5_low"] <= row["laundered_success5"]
        assert row["laundered_success5"] <= row["laundered_success5_high"]


@pytest.mark.parametrize("which", [BOTH, SPOOF])
def test_the_pooled_eer_has_one_threshold(which: str) -> None:
    results, bonafide = run(), labels(run().protocol)
    for row in made(which).leaderboard.to_dict("records"):
        clean = scores(results, row["detector"], CLEAN)
        others = [scores(results, row["detector"], name) for name in sorted(NAMES - {CLEAN})]
        honest = [clean[bonafide]] + [own[bonafide] for own in others if which == BOTH]
        fake = [own[~bonafide] for own in others]
        values = np.concatenate([*honest, *fake])
        wanted = discrimination.eer(values, np.arange(values.size) < sum(map(len, honest)))[0]
        assert row["pooled_eer"] == pytest.approx(wanted, abs=1e-12)
        assert row["pooled_eer_error"] == 0.0


def few(number: int, scored: np.ndarray | None = None) -> Frozen:
    """The thresholds from `number` bona fide dev trials and five spoofs of six speakers."""
    values = np.random.default_rng(number).normal(size=number + 5) if scored is None else scored
    bonafide = np.arange(values.size) < number
    draws = None
    if bonafide.any():
        cluster = np.arange(values.size) % 6
        draws = bootstrap.resample(cluster.astype(np.intp), bonafide, "ab" * 8, 30)
    return freeze(values, bonafide, draws, operating(values, bonafide, None))


@pytest.mark.parametrize(
    ("number", "held", "blank"),
    [
        (19, set(), "5 %: 19 bona fide dev trials, and it takes 20, 1 %: 19 bona fide dev trials,"
                    " and it takes 300"),
        (20, {"success5"}, "1 %: 20 bona fide dev trials, and it takes 300"),
        (299, {"success5"}, "1 %: 299 bona fide dev trials, and it takes 300"),
        (300, {"success5", "success1"}, ""),
    ],
)  # fmt: skip
def test_a_rate_needs_enough_bona_fide_trials(number: int, held: set[str], blank: str) -> None:
    found = few(number)
    assert found.thresholds.keys() & RATES.keys() == held == found.draws.keys() & RATES.keys()
    assert found.blank == blank


def test_dev_that_is_absent_or_lacks_a_class_is_said_so() -> None:
    point = OperatingPoint(0.5, "training")
    none = freeze(np.empty(0), np.empty(0, dtype=bool), None, point)
    assert none.thresholds == {"eer": 0.5} and not none.draws
    assert none.blank == "5 % and 1 %: no clean dev trials"
    spoofs = freeze(np.arange(50.0), np.zeros(50, dtype=bool), None, OperatingPoint())
    assert not spoofs.thresholds and spoofs.blank == "5 % and 1 %: no bona fide trial in dev"
    honest = freeze(np.arange(50.0), np.ones(50, dtype=bool), None, OperatingPoint())
    assert honest.thresholds == {"success5": 1.5} and not honest.draws


def test_dev_scores_that_are_missing_are_said_so() -> None:
    values = np.append(np.arange(400.0), [0.0] * 5)
    values[7] = np.nan
    found = few(400, values)
    assert not found.thresholds
    assert found.blank == "5 % and 1 %: 1 of 400 bona fide dev trials are not scored"
    values[7], values[401] = 3.5, np.nan  # a spoof has no say in a rate of false rejection
    found = few(400, values)
    assert found.thresholds.keys() == RATES.keys() and not found.blank


def test_tied_scores_let_every_fake_through() -> None:
    tied = few(300, np.full(305, 2.0))
    assert tied.thresholds["success5"] == tied.thresholds["success1"] == 2.0
    ranking = discrimination.rank(np.full(10, 2.0), np.arange(10) < 5)
    draws = bootstrap.resample((np.arange(10) % 5).astype(np.intp), np.arange(10) < 5, "ab" * 8, 30)
    row, _ = adversary_cell.measure(ranking, tied, draws, None)
    assert row.success5.value == row.success1.value == 1.0
    assert row.rejected5 == row.rejected1 == 0.0


def without_dev(results: RunResults, keep: Callable[[pd.DataFrame], pd.Series]) -> RunResults:
    """The run with only those dev trials that `keep` marks."""
    rows = results.source.score_rows
    table = results.dev.table[keep(results.dev.table)]
    kept = (rows["split"] == "test") | rows["utterance_id"].isin(table["utterance_id"])
    return replace(
        results, dev=replace(results.dev, table=table), scores=rows[kept].reset_index(drop=True)
    )


@pytest.mark.parametrize(
    ("keep", "blank"),
    [
        (lambda table: table["label"] == "none", "no clean dev trials"),
        (lambda table: table["label"] == "spoof", "no bona fide trial in dev"),
    ],
)
def test_tables_without_bona_fide_dev_are_blank_and_say_why(
    keep: Callable[[pd.DataFrame], pd.Series], blank: str
) -> None:
    tables = leaderboard_tables.tables(without_dev(run(), keep), 100)
    for table in (tables.conditions, tables.leaderboard):
        assert set(table["success_blank"]) == {f"5 % and 1 %: {blank}"}
        for name in [name for name in table if "success" in name and name != "success_blank"]:
            assert table[name].isna().all(), name
        assert table["loss"].isna().all()
    assert tables.leaderboard["pooled_eer"].notna().all()  # it freezes nothing


def test_one_speaker_of_dev_gives_no_bounds() -> None:
    first = run().dev.table["speaker"].iloc[0]
    alone = run().dev.table.assign(speaker=first)
    tables = leaderboard_tables.tables(replace(run(), dev=replace(run().dev, table=alone)), 100)
    assert tables.conditions["success5"].notna().all()
    assert tables.conditions["success5_low"].isna().all()
    assert tables.conditions["loss"].notna().all() and tables.conditions["loss_low"].isna().all()
    assert tables.conditions["eer_low"].notna().all()


def test_a_cell_that_lacks_trials_enters_no_mean() -> None:
    rows = run().source.score_rows
    lost = (rows["detector"] == "rawcnn") & (rows["condition"] == LAUNDERED)
    lost &= rows["utterance_id"].isin(run().protocol.table["utterance_id"][:3])
    tables = leaderboard_tables.tables(replace(run(), scores=rows[~lost].reset_index(drop=True)), 0)
    board = tables.leaderboard.set_index("detector")
    for name in ("laundered_success5", "laundered_balanced_accuracy", "pooled_eer", "loss"):
        assert np.isnan(board.loc["rawcnn", name]) and not np.isnan(board.loc["melcnn", name]), name
    row = cell(tables, "rawcnn", LAUNDERED)
    assert np.isnan(row["success5_delta"]) and np.isnan(row["loss"])
    assert not np.isnan(row["success5"]) and not np.isnan(board.loc["rawcnn", "clean_success5"])


# --- the scope


def test_clean_is_the_same_in_both_scopes_and_laundered_is_not() -> None:
    one, two = (made(which).conditions.drop(columns="scope") for which in (BOTH, SPOOF))
    clean = one["condition"] == CLEAN
    pd.testing.assert_frame_equal(one[clean], two[clean])
    assert (one.loc[~clean, "eer"] != two.loc[~clean, "eer"]).all()
    for same in ("success5", "success5_low", "verified", "verdict", "n_pass"):
        pd.testing.assert_series_equal(one[same], two[same])  # about the attack and the fakes


def test_the_scope_spoof_sets_clean_bona_fide_against_laundered_spoofs() -> None:
    bonafide = labels(run().protocol)
    for name in run().detectors:
        mixed = np.where(bonafide, scores(run(), name, CLEAN), scores(run(), name, LAUNDERED))
        row = cell(made(SPOOF), name, LAUNDERED)
        assert row["eer"] == pytest.approx(discrimination.eer(mixed, bonafide)[0], abs=1e-12)


def test_every_table_says_its_scope() -> None:
    for which in (BOTH, SPOOF):
        tables = made(which)
        assert tables.choices["scope"] == which
        for name in ("leaderboard", "conditions", "robustness", "severity", "differences"):
            table = getattr(tables, name)
            assert set(table["scope"]) <= {which} and "scope" in table, name
        assert set(leaderboard_tables.condition_summary(tables.conditions)["scope"]) == {which}


def test_laundered_bona_fide_trials_that_are_lost_matter_only_where_they_are_laundered() -> None:
    rows = run().source.score_rows
    honest = run().protocol.table.loc[labels(run().protocol), "utterance_id"]
    lost = (rows["condition"] == LAUNDERED) & rows["utterance_id"].isin(honest)
    results = replace(run(), scores=rows[~lost].reset_index(drop=True))
    assert leaderboard_tables.tables(scope.of(results, SPOOF), 0).conditions["complete"].all()
    assert not leaderboard_tables.tables(results, 0).conditions["complete"].all()


def test_two_scopes_are_never_compared() -> None:
    with pytest.raises(InputError, match=r"scope both.*scope spoof.*--scope"):
        compare_runs.compare(run(), scope.of(run(), SPOOF), 0)
    found = compare_runs.compare(scope.of(run(), SPOOF), scope.of(run(), SPOOF), 0)
    assert set(found.table["scope"]) == {SPOOF}
    assert "clean" in found.notes[0] and (found.table["difference"].dropna() == 0).all()


def test_an_unknown_scope_is_refused() -> None:
    with pytest.raises(InputError, match="scope"):
        scope.of(run(), "bonafide")
