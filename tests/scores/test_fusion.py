"""Ensembles from stored scores: fusion, standardisation and error messages."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest

from benchmark.core.errors import InputError
from benchmark.metrics.discrimination import eer
from benchmark.scores import fusion
from benchmark.scores.fusion import parse
from benchmark.scores.run_results import RunResults
from tests.support import synthetic_run
from tests.support.synthetic_run import replace


@pytest.fixture(scope="module")
def results() -> RunResults:
    return synthetic_run.run(speakers=8, segments=3)


def cube(results: RunResults, name: str, split: str = "test") -> np.ndarray:
    return synthetic_run.cube(results, split)[results.detectors.index(name)]


def test_the_mean_is_that_of_scores_standardised_on_clean_dev(results: RunResults) -> None:
    fused = fusion.add(results, [parse("mean(melcnn, shortcut)")])
    assert fused.detectors == (*results.detectors, "mean(melcnn, shortcut)")
    expected = []
    for member in ("melcnn", "shortcut"):
        clean = cube(results, member, "dev")[0]
        expected.append((cube(results, member) - clean.mean()) / clean.std())
    np.testing.assert_allclose(cube(fused, "mean(melcnn, shortcut)"), np.mean(expected, axis=0))
    for member in results.detectors:  # the scores of the members are unchanged
        np.testing.assert_array_equal(cube(fused, member), cube(results, member))


def test_the_scale_of_a_members_scores_does_not_matter(results: RunResults) -> None:
    scores = results.source.score_rows.copy()
    scores.loc[scores["detector"] == "shortcut", "score"] *= 1000
    scores.loc[scores["detector"] == "shortcut", "score"] += 5
    name = "mean(melcnn, shortcut)"
    plain = fusion.add(results, [parse(name)])
    scaled = fusion.add(replace(results, scores=scores), [parse(name)])
    np.testing.assert_allclose(cube(plain, name), cube(scaled, name), atol=1e-9)


def test_logistic_fusion_ignores_a_useless_member_and_beats_the_mean(
    results: RunResults,
) -> None:
    rng = np.random.default_rng(0)
    scores = results.source.score_rows.copy()
    useless = (scores["detector"] == "shortcut").to_numpy()
    scores.loc[useless, "score"] = rng.normal(size=int(useless.sum()))
    noisy = replace(results, scores=scores)
    fused = fusion.add(
        noisy, [parse("mean(resnet18, shortcut)"), parse("logistic(resnet18, shortcut)")]
    )
    bonafide = (results.protocol.table["label"] == "bonafide").to_numpy()
    rates = {name: eer(cube(fused, name)[0], bonafide)[0] for name in fused.detectors}
    assert rates["logistic(resnet18, shortcut)"] < rates["mean(resnet18, shortcut)"] - 0.02
    assert rates["logistic(resnet18, shortcut)"] < rates["resnet18"] + 0.02


def test_a_constant_member_adds_nothing(results: RunResults) -> None:
    scores = results.source.score_rows.copy()
    scores.loc[scores["detector"] == "shortcut", "score"] = 3.0
    name = "mean(melcnn, shortcut)"
    fused = fusion.add(replace(results, scores=scores), [parse(name)])
    order = np.argsort(cube(fused, name)[0])
    np.testing.assert_array_equal(order, np.argsort(cube(results, "melcnn")[0]))


def test_a_trial_without_a_members_score_has_none(results: RunResults) -> None:
    scores = results.source.score_rows
    gone = scores.index[(scores["detector"] == "melcnn") & (scores["condition"] != "clean")][7]
    name = "mean(melcnn, shortcut)"
    fused = fusion.add(replace(results, scores=scores.drop(gone)), [parse(name)])
    assert np.isnan(cube(fused, name)).sum() == 1
    assert (np.isnan(cube(fused, name)) == np.isnan(cube(fused, "melcnn"))).all()


def test_categories_stay_categories_and_give_the_same(results: RunResults) -> None:
    text = ["detector", "condition", "split", "utterance_id"]
    compact = replace(
        results, scores=results.source.score_rows.astype(dict.fromkeys(text, "category"))
    )
    wanted = [parse("mean(melcnn, rawcnn)"), parse("logistic(melcnn, resnet18)")]
    fused, plain = (fusion.add(given, wanted) for given in (compact, results))
    assert all(isinstance(fused.scores[column].dtype, pd.CategoricalDtype) for column in text)
    for ensemble in wanted:
        np.testing.assert_array_equal(cube(fused, ensemble.name), cube(plain, ensemble.name))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("melcnn + shortcut", "write it like mean"),
        ("median(melcnn, shortcut)", "unknown fusion 'median'; did you mean 'mean'"),
        ("mean(melcnn)", "two or more different"),
        ("mean(melcnn, melcnn)", "two or more different"),
        ("mean(melcnn, )", "two or more different"),
    ],
)
def test_a_misspelt_ensemble_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parse(text)


def test_an_absent_member_or_dev_is_refused(results: RunResults) -> None:
    with pytest.raises(InputError, match=r"unknown member of mean\(.*'melcn'; did you mean 'melc"):
        fusion.add(results, [parse("mean(melcn, shortcut)")])
    test_only = results.source.score_rows[results.source.score_rows["split"] == "test"]
    with pytest.raises(InputError, match="needs its members' scores on clean dev"):
        fusion.add(replace(results, scores=test_only), [parse("mean(melcnn, shortcut)")])
    again = [parse("mean(melcnn, shortcut)")]
    with pytest.raises(InputError, match="already holds the detector mean"):
        fusion.add(fusion.add(results, again), again)


def test_no_ensemble_leaves_the_results_as_they_are(results: RunResults) -> None:
    assert fusion.add(results, []) is results


def test_examples_are_true() -> None:
    assert doctest.testmod(fusion).failed == 0
