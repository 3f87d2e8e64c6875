"""Comparison of two runs, and of a run with published figures: differences and refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from attacks.contract import suites
from attacks.contract.condition import parse
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.leaderboard import agreement, leaderboard_tables, trial_sets
from benchmark.leaderboard.agreement import Figure
from benchmark.leaderboard.compare_runs import INCOMPLETE, MEAN, UNLAUNDERED, compare
from benchmark.leaderboard.published_figures import compare_published
from benchmark.leaderboard.published_tables import COLUMNS, load
from benchmark.metrics import discrimination
from benchmark.report import citations, comparison_text
from benchmark.scores.run_results import ConditionInfo, RunResults
from tests.support import synthetic_run
from tests.support.places import GOLDEN, TOY_PLUGIN
from tests.support.synthetic_run import replace

PUBLISHED = GOLDEN / "asvspoof_laundering_eer.csv"
PUBLISHED_SSL = GOLDEN / "asvspoof_laundering_ssl_eer.csv"
KEEP = {"clean", "reverb(rt60=0.3)", "reverb(rt60=0.9)", "mp3(kbps=16)", "mp3(kbps=64)"}
RENAMED = {
    "reverb(rt60=0.3)": "reverberation(rt60=0.3)",
    "reverb(rt60=0.9)": "ready(audio=Reverberation/RT_0_9)",
    "mp3(kbps=16)": "mp3(kbps=160)",
    "mp3(kbps=64)": "noise(kind=babble, snr=20)",
}


def reduced(results: RunResults) -> RunResults:
    return replace(
        results,
        conditions=tuple(info for info in results.conditions if info.condition in KEEP),
        scores=results.source.score_rows[results.source.score_rows["condition"].isin(KEEP)],
        effects=results.source.effect_rows[results.source.effect_rows["condition"].isin(KEEP)],
    )


@pytest.fixture(scope="module")
def first() -> RunResults:
    return reduced(synthetic_run.run())


@pytest.fixture(scope="module")
def second(first: RunResults) -> RunResults:
    """The same trials with reordered conditions; melcnn is random, rawcnn lacks trials."""
    broken = reduced(synthetic_run.broken(synthetic_run.run()))
    scores = broken.source.score_rows.copy()
    noise = np.random.default_rng(0).normal(size=len(scores))
    mine = scores["detector"] == "melcnn"
    scores.loc[mine, "score"] = noise[mine.to_numpy()]
    clean, *rest = broken.conditions
    return replace(broken, scores=scores, conditions=(clean, *reversed(rest)))


@pytest.fixture(scope="module")
def published(first: RunResults) -> RunResults:
    """The run under conditions that all have a counterpart, except clean."""
    names = {name: str(parse(own)) for name, own in RENAMED.items()} | {"clean": "clean"}
    return replace(
        first,
        conditions=tuple(replace(i, condition=names[i.condition]) for i in first.conditions),
        scores=first.source.score_rows.assign(
            condition=first.source.score_rows["condition"].map(names)
        ),
        effects=first.source.effect_rows.assign(
            condition=first.source.effect_rows["condition"].map(names)
        ),
    )


def test_differences_are_those_of_the_cells(first: RunResults, second: RunResults) -> None:
    found = compare(first, second, 60).table
    sides = [leaderboard_tables.tables(results, 60).conditions for results in (first, second)]
    keys = ["track", "detector", "condition"]
    both = sides[0].merge(sides[1], on=keys, suffixes=("_a", "_b"))
    wide = both.merge(found[found["metric"] == "eer"], on=keys)
    assert len(wide) == 3 * 4 * 5
    np.testing.assert_array_equal(wide["a"], wide["eer_a"])
    np.testing.assert_array_equal(wide["b"], wide["eer_b"])
    usable = wide[wide["remark"].isna()]
    np.testing.assert_allclose(usable["difference"], usable["eer_b"] - usable["eer_a"])
    assert wide.loc[wide["remark"].notna(), "difference"].isna().all()
    unverified = wide[wide["condition"] == "reverb(rt60=0.9)"]
    assert (unverified["remark"] == "not verified: refuted").all()
    incomplete = wide.query("detector == 'rawcnn' and condition == 'mp3(kbps=16)'")
    assert (incomplete["remark"] == INCOMPLETE).all()


def test_without_laundering_in_common_there_is_no_mean(first: RunResults) -> None:
    clean = replace(
        first,
        conditions=first.conditions[:1],
        scores=first.source.score_rows[first.source.score_rows["condition"] == "clean"],
        effects=first.source.effect_rows.iloc[:0],
    )
    for pair in ((clean, first), (first, clean)):
        found = compare(*pair, 20)
        means = found.table[found.table["condition"] == MEAN]
        assert len(means) and (means["remark"] == UNLAUNDERED).all()
        assert means[["a", "b", "difference"]].isna().all(axis=None)
        rest = found.table[found.table["condition"] != MEAN]
        assert (rest["condition"] == "clean").all() and (rest["remark"].isna()).all()
        shown = [line for line in comparison_text.text(found).splitlines() if f"({MEAN})" in line]
        assert shown and all(line.endswith("no laundering condition in common") for line in shown)


def test_the_bounds_are_paired(first: RunResults, second: RunResults) -> None:
    rows = compare(first, second, 200).table.query("metric == 'eer' and remark.isna()")
    same = rows[rows["detector"].isin(["resnet18", "shortcut"])]
    assert (same[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)
    assert not same["distinguishable"].any()
    mine = rows.query("detector == 'melcnn' and condition == 'clean' and track == 'neural'")
    assert mine["distinguishable"].item() and mine["difference_low"].item() > 0.2
    unpaired = compare(first, second, 0).table
    assert unpaired["difference_low"].isna().all() and unpaired["distinguishable"].isna().all()


def test_the_mean_over_families_is_the_leaderboards(first: RunResults, second: RunResults) -> None:
    found = compare(first, first, 20).table.query("metric == 'eer'")
    means = found[(found["condition"] == MEAN) & (found["track"] == "neural")]
    board = leaderboard_tables.tables(first, 20).leaderboard.set_index("detector")["laundered_eer"]
    for row in means.itertuples():
        assert row.a == row.b == pytest.approx(board[row.detector])
    other = compare(first, second, 20).table.query("metric == 'eer'")
    lost = other[(other["condition"] == MEAN) & (other["detector"] == "rawcnn")]
    assert (lost["remark"] == INCOMPLETE).all() and lost["a"].isna().all()


def test_detectors_and_conditions_of_one_run_only_are_listed(first: RunResults) -> None:
    detector, condition = first.detectors[0], first.conditions[-1].condition
    fewer = replace(
        first,
        detectors=first.detectors[1:],
        conditions=first.conditions[:-1],
        scores=first.source.score_rows.query(
            f"detector != {detector!r} and condition != {condition!r}"
        ),
        effects=first.source.effect_rows.query(f"condition != {condition!r}"),
        provenance={"plan": {"seed": 7}},
    )
    found = compare(fewer, first, 10)
    assert found.only["detectors of the second run only"] == (detector,)
    assert found.only["conditions of the second run only"] == (condition,)
    assert found.only["detectors of the first run only"] == ()
    assert "other seeds: 7 and None" in found.notes[0]
    text = comparison_text.text(found)
    assert f"conditions of the second run only: {condition}" in text


def test_other_trials_are_refused_with_both_digests(first: RunResults) -> None:
    other = reduced(synthetic_run.run(seed=5))
    with pytest.raises(InputError) as error:
        compare(first, other)
    assert first.protocol.digest() in str(error.value)
    assert other.protocol.digest() in str(error.value)
    stranger = replace(
        first,
        detectors=("x",),
        scores=first.source.score_rows[first.source.score_rows["detector"] == "melcnn"].assign(
            detector="x"
        ),
    )
    with pytest.raises(InputError, match="no detector in common"):
        compare(first, stranger)


def test_comparisons_are_written_the_same_every_time(
    first: RunResults, second: RunResults, tmp_path: Path
) -> None:
    written = []
    for name in ("one", "two"):
        order = np.random.default_rng(len(name)).permutation(len(second.source.score_rows))
        shuffled = replace(second, scores=second.source.score_rows.iloc[order])
        paths = comparison_text.write(compare(first, shuffled, 30), tmp_path / name)
        assert [path.name for path in paths] == ["comparison.csv", "comparison.md"]
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]
    rows = list(csv.DictReader(written[0][0].decode().splitlines()))
    assert {row["condition"] for row in rows} == {*KEEP, MEAN}


def test_the_published_figures_are_the_papers() -> None:
    """Check the CSV file, the mapping, and some figures against the tables of the paper."""
    table = load("asvspoof-laundering")
    assert len(table.rows) == 29 and len(table.systems) == 7
    at = {(row["attack"], row["level"]): row for row in table.rows}
    assert at["resampling", "44100"]["AASIST"] == "25.49"
    assert at["resampling", "11025"]["LFCC-GMM"] == "61.41"
    assert at["babble", "20"]["CQCC-GMM"] == "47.05"
    for row in table.rows:
        for column in COLUMNS:
            assert str(parse(str(parse(row[column])))) == str(parse(row[column]))
        assert all(0 <= float(row[system]) <= 100 for system in table.systems)
    highest = {row["condition"] for row in table.rows if row["level"] in ("196k", "256k", "320k")}
    assert highest == {"mp3(kbps=160)"}
    ours = {str(parse(row["condition"])) for row in table.rows}
    wrong = {str(parse(row["as_published"])) for row in table.rows}

    for name, spelled in (("laundering", ours), ("laundering-as-published", wrong)):
        assert spelled == {str(c) for c in suites.load(name).conditions if c.steps}
    assert set(table.detectors.values()) <= set(table.systems)
    assert table.citation in citations.FILE.read_text(encoding="utf-8")


def test_the_published_figures_equal_the_reference() -> None:
    with PUBLISHED.open(newline="") as file:
        reference = {(row["attack"], row["level"]): row for row in csv.DictReader(file)}
    table = load("asvspoof-laundering")
    assert {(row["attack"], row["level"]) for row in table.rows} == set(reference)
    for row in table.rows:
        for system in table.systems:
            assert row[system] == reference[row["attack"], row["level"]][system]


def test_our_cells_are_compared_with_the_published(published: RunResults) -> None:
    table = load("asvspoof-laundering")
    match = {"melcnn": "AASIST", "rawcnn": "CQCC-GMM"}
    found = compare_published(published, table, match, 40)
    rows = found.table[found.table["detector"] == "melcnn"]
    assert list(zip(rows["attack"], rows["level"], strict=True)) == [
        ("reverberation", "0.3"), ("reverberation", "0.9"), ("babble", "20"),
        ("recompression", "196k"), ("recompression", "256k"), ("recompression", "320k"),
    ]  # fmt: skip
    cells = leaderboard_tables.tables(published, 40).conditions.query("track == 'neural'")
    eers = cells[cells["detector"] == "melcnn"].set_index("condition")
    for row in rows.itertuples():
        assert row.eer == eers.loc[row.condition, "eer"]
        assert (row.eer_low, row.eer_high) == tuple(
            eers.loc[row.condition, ["eer_low", "eer_high"]]
        )
        assert row.difference == pytest.approx(row.eer - row.published)
    by_level = rows.set_index("level")
    assert by_level.loc["196k", "published"] == pytest.approx(0.0083)
    assert by_level.loc["0.3", "published"] == pytest.approx(0.3640)
    assert found.only["published systems only"] == (
        "LFCC-GMM", "LFCC-LCNN", "OC-Softmax", "RawNet2", "RawGAT-ST",
    )  # fmt: skip
    assert found.only["detectors of the run only"] == ("resnet18", "shortcut")
    assert found.only["conditions of the run only"] == ("clean",)
    assert len(found.only["published conditions only"]) == 29 - 6
    assert any("none is claimed to equal another" in note for note in found.notes)
    assert any("other data" in note for note in found.notes)


def test_differences_of_definition_are_listed_where_they_apply(published: RunResults) -> None:
    match = {"melcnn": "AASIST", "rawcnn": "CQCC-GMM"}
    found = compare_published(published, load("asvspoof-laundering"), match, 0)

    def listed(detector: str, level: str) -> str:
        rows = found.table.query(f"detector == {detector!r} and level == {level!r}")
        return " ".join(found.differences[int(n) - 1] for n in rows["differences"].item().split())

    assert "active speech level" in listed("melcnn", "20") and "gaps" in listed("melcnn", "20")
    assert "slip" in listed("rawcnn", "20") and "slip" not in listed("melcnn", "20")
    assert "160 kbit/s" in listed("melcnn", "256k")
    assert "lead-in" in listed("melcnn", "0.3")
    assert "lead-in" not in listed("melcnn", "0.9")  # the published audio itself
    text = comparison_text.text(found)
    assert all(f"[{n}] {line}" in text for n, line in enumerate(found.differences, start=1))
    table = load("asvspoof-laundering")
    rate = next(d for d in table.differences if "stayed at the new rate" in d.text)
    assert rate.holds("resampling", "8000", "condition", "AASIST")
    assert not rate.holds("resampling", "8000", "as_published", "AASIST")


SSL = "asvspoof-laundering-ssl"


@pytest.fixture(scope="module")
def pooled(first: RunResults) -> RunResults:
    """A run that holds clean and every condition of the published pool."""
    (_, pool) = load(SSL).rows
    wanted = list(dict.fromkeys(str(parse(part)) for part in pool["condition"].split("; ")))
    base = synthetic_run.run(8, 3)
    spelled = [info.condition for info in base.conditions]
    names = dict(zip(spelled, ["clean", *wanted], strict=False))
    scores, effects = base.source.score_rows, base.source.effect_rows
    return replace(
        base,
        conditions=tuple(
            replace(info, condition=names[info.condition])
            for info in base.conditions
            if info.condition in names
        ),
        scores=scores[scores["condition"].isin(names)].replace({"condition": names}),
        effects=effects[effects["condition"].isin(names)].replace({"condition": names}),
    )


def test_the_second_published_table_is_the_papers() -> None:
    table = load(SSL)
    clean, pool = table.rows
    assert len(table.systems) == 21 and clean["condition"] == "clean"
    assert (clean["AASIST"], pool["AASIST"]) == ("3.223", "15.947")
    assert (clean["XLS-R"], pool["XLS-R"]) == ("1.808", "10.280")
    assert table.citation in citations.FILE.read_text(encoding="utf-8")
    for column, name in (("condition", "laundering"), ("as_published", "laundering-as-published")):
        members = [str(parse(part)) for part in pool[column].split("; ")]
        assert len(members) == 28 and len(set(members)) == 26  # MP3 at 160 kbit/s three times
        whole = {str(c) for c in suites.load(name).conditions if c.steps}
        assert whole - set(members) == {"lowpass(cutoff=7000)"}
    with PUBLISHED_SSL.open(newline="") as file:
        for row in csv.DictReader(file):
            figures = (clean[row["system"]], pool[row["system"]])
            assert figures == (row["asv19_la"], row["laundering_db"])


def test_a_pool_has_one_threshold_and_counts_a_condition_as_often_as_it_stands(
    pooled: RunResults,
) -> None:
    match = {"melcnn": "AASIST", "rawcnn": "XLS-R"}
    found = compare_published(pooled, load(SSL), match, 40)
    row = found.table.query("detector == 'melcnn' and level == 'pooled'").iloc[0]
    trials = trial_sets.trial_set(pooled.protocol, "neural", 0)
    number = pooled.detectors.index("melcnn")
    parts = [part.strip() for part in load(SSL).rows[1]["condition"].split(";")]

    def eer(parts: list[str]) -> float:
        scores = [pooled.source.scores("test", str(parse(p)))[number][trials.rows] for p in parts]
        labels = np.tile(trials.bonafide, len(parts))
        return discrimination.eer(np.concatenate(scores), labels)[0]

    wanted = eer(parts)
    assert row["eer"] == wanted and row["published"] == pytest.approx(0.15947)
    assert row["eer_low"] < row["eer"] < row["eer_high"] and pd.isna(row["remark"])
    assert eer(list(dict.fromkeys(parts))) != wanted
    assert "28 conditions, one threshold" in comparison_text.text(found)
    assert found.only["conditions of the run only"] == tuple(
        info.condition
        for info in pooled.conditions
        if info.condition != "clean" and info.condition not in row["condition"].split("; ")
    )


def test_a_pool_that_lacks_a_condition_is_not_compared(pooled: RunResults) -> None:
    kept = [info.condition for info in pooled.conditions[:-3]]
    scores, effects = pooled.source.score_rows, pooled.source.effect_rows
    fewer = replace(
        pooled,
        conditions=pooled.conditions[:-3],
        scores=scores[scores["condition"].isin(kept)],
        effects=effects[effects["condition"].isin(kept)],
    )
    found = compare_published(fewer, load(SSL), {"melcnn": "AASIST"}, 0)
    assert list(found.table["level"]) == ["clean"]
    assert found.only["published conditions only"] == ("all but filtering pooled",)


def test_a_pool_with_a_lost_trial_or_a_refuted_condition_says_so(pooled: RunResults) -> None:
    name = pooled.conditions[4].condition
    scores, effects = pooled.source.score_rows, pooled.source.effect_rows.copy()
    lost = (scores["condition"] == name) & (
        scores["utterance_id"] == pooled.protocol.table["utterance_id"].iloc[0]
    )
    effects.loc[effects["condition"] == name, "passed"] = False
    broken = replace(pooled, scores=scores[~lost], effects=effects)
    row = compare_published(broken, load(SSL), {"melcnn": "AASIST"}, 20).table.iloc[1]
    assert row["remark"] == "lacks trials, not verified: refuted"
    assert np.isfinite(row["eer"]) and np.isnan(row["eer_low"])


def test_agreement_is_that_of_the_figures(pooled: RunResults) -> None:
    table = load("asvspoof-laundering")
    found = compare_published(pooled, table, {"melcnn": "AASIST"}, 0)
    row = found.agreement.iloc[0]
    rows = found.table
    by_condition = rows.groupby("condition", sort=False)[["eer", "published"]].mean()
    x, y = by_condition["published"].to_numpy(), by_condition["eer"].to_numpy()
    up = [np.sign((x[i] - x[j]) * (y[i] - y[j])) for i in range(len(x)) for j in range(i)]
    ties = [sum(a[i] != a[j] for i in range(len(a)) for j in range(i)) for a in (x, y)]
    assert row["tau"] == pytest.approx(sum(up) / np.sqrt(ties[0] * ties[1]))
    assert row["slope"] == pytest.approx(np.polyfit(x, y, 1)[0])
    assert row["n"] == len(x) == len(set(rows["condition"]))
    assert len(found.agreement) == 1  # one system says nothing of an order of systems


@pytest.mark.parametrize(
    ("slope", "offset", "tau"), [(1.0, 0.0, 1.0), (0.5, 0.1, 1.0), (-1.0, 0.5, -1.0)]
)
def test_agreement_of_figures_whose_relation_is_known(
    slope: float, offset: float, tau: float
) -> None:
    def made(published: float, place: int) -> Figure:
        ours = offset + slope * published
        return Figure(f"d{place}", f"s{place}", "noise 0", "condition", "c", ours, published)

    rates = (0.02, 0.1, 0.05, 0.3, 0.2)
    (row,) = agreement.rows([made(rate, place) for place, rate in enumerate(rates)])
    assert (row.over, row.n, row.published_as) == ("systems", 5, "noise 0")
    assert row.tau == pytest.approx(tau) and row.slope == pytest.approx(slope)
    assert agreement.rows([made(rate, place) for place, rate in enumerate(rates[:4])]) == []
    (flat,) = agreement.rows([made(0.1, place) for place in range(5)])
    assert np.isnan(flat.tau) and np.isnan(flat.slope)


def test_detectors_are_matched_by_their_kind(published: RunResults) -> None:
    plan = {"detectors": {"melcnn": {"training": {"detector": "lfcc-gmm"}}}}
    found = compare_published(
        replace(published, provenance={"plan": plan}), load("asvspoof-laundering"), {}, 0
    )
    assert set(zip(found.table["detector"], found.table["system"], strict=True)) == {
        ("melcnn", "LFCC-GMM")
    }


@pytest.mark.parametrize(
    ("match", "cause"),
    [
        ({}, "no detector of the run .* has a counterpart"),
        ({"melcn": "AASIST"}, "unknown detector of the run 'melcn'; did you mean 'melcnn'"),
        ({"melcnn": "AASIS"}, "unknown system of asvspoof-laundering 'AASIS'; did you mean"),
    ],
)
def test_a_wrong_match_is_refused(published: RunResults, match: dict[str, str], cause: str) -> None:
    with pytest.raises(InputError, match=cause):
        compare_published(published, load("asvspoof-laundering"), match, 0)


def test_a_run_without_published_conditions_is_refused(first: RunResults) -> None:
    only = replace(
        first,
        conditions=(ConditionInfo("clean", "clean"),),
        scores=first.source.score_rows[first.source.score_rows["condition"] == "clean"],
        effects=first.source.effect_rows.iloc[:0],
    )
    with pytest.raises(InputError, match="no condition of the run has a counterpart"):
        compare_published(only, load("asvspoof-laundering"), {"melcnn": "AASIST"}, 0)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("compare", "nowhere/at-all", "other/run"), "nowhere/at-all holds no run"),
        (("cite", "nowhere/at-all"), "nowhere/at-all holds no run"),
        (("compare", "a/b"), "name a second run, or a published table"),
        (("compare", "a/b", "c/d", "--published", "asvspoof-laundering"), "not both"),
        (("compare", "a/b", "c/d", "--match", "x=AASIST"), "--match goes with --published"),
        (("compare", "a/b", "--published", "asvspoof"), "did you mean 'asvspoof-laundering'"),
        (
            ("compare", "a/b", "--published", "asvspoof-laundering", "--match", "AASIST"),
            "write it like",
        ),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: tuple[str, ...], cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert cause in line


def test_the_commands_work_on_a_run(
    toy: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def cli(*arguments: object) -> str:
        assert main([str(a) for a in arguments]) == 0
        return capsys.readouterr().out

    plugin = ("--plugin", TOY_PLUGIN)
    suite = "halve(share=0.3); mp3(kbps=16)"
    cli("train", *plugin, "comb", "--data", toy, "--out", cache / "comb.safetensors")
    data = ("--data", toy, "--checkpoint", cache / "comb.safetensors", "--workers", 0)
    for seed in (0, 1):
        run = ("--suite", suite, "--seed", seed, "--run", tmp_path / f"run{seed}")
        cli("run", *plugin, *data, *run)
    one, two = tmp_path / "run0", tmp_path / "run1"
    for name in ("leaderboard.tex", "conditions.tex", "leaderboard.md", "leaderboard.json"):
        assert (one / name).is_file()
    cited = cli("cite", *plugin, one)
    assert "@techreport{iso1993mp3," in cited and "% attack halve: says nothing" in cited
    facts = json.loads((one / "run.json").read_text())
    digest = facts["protocol"]["trial_digest"]
    assert f"the run's trial digest {digest[:12]}" in cited
    assert f"% the run's trial digest: {digest}\n" in cited
    for origin in facts["provenance"]["computed"]:
        assert f", commit {(origin['commit'] or 'unknown')[:12]}" in cited
        assert ("(modified tree)" in cited) is bool(origin["dirty"])
    for name, own in facts["protocol"]["track_trial_digests"].items():
        assert name == "-" or f"% the trial digest of track {name}: {own}" in cited
        headline = name in ("-", facts["protocol"]["headline"])
        assert (own[:12] in (one / "leaderboard.tex").read_text()) is headline, name
    assert cli("cite", *plugin, one, "--out", tmp_path / "refs.bib").startswith("wrote")
    assert (tmp_path / "refs.bib").read_text() == cited
    shown = cli("compare", *plugin, one, two, "--bootstrap", 100, "--out", tmp_path / "both")
    assert "other seeds: 0 and 1" in shown and "halve(share=0.3)" in shown
    table = pd.read_csv(tmp_path / "both" / "comparison.csv")
    clean = table.query("condition == 'clean'")
    assert (clean["difference"].dropna() == 0).all()
    shown = cli("compare", one, "--published", "asvspoof-laundering", "--match", "comb=AASIST")
    assert "AASIST, recompression 16k: 1.60" in shown


def test_a_run_without_scores_is_refused(
    first: RunResults, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = replace(first, scores=first.source.score_rows.iloc[:0])
    with pytest.raises(InputError, match="no test scores yet"):
        compare(empty, first)
    with pytest.raises(InputError, match="no test scores yet"):
        compare_published(empty, load("asvspoof-laundering"), {"melcnn": "AASIST"})
