"""Balanced subsets and speaker-disjoint splits: disjoint, complete, even, determined by ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core.errors import InputError
from benchmark.data.loading import open_data
from benchmark.data.protocol import Protocol, validated
from benchmark.data.splitting import achieved, ratios_of, split
from benchmark.data.subsets import balanced, write

ROOT = Path("nowhere")


def protocol(rows: pd.DataFrame) -> Protocol:
    table = rows.assign(path=rows["utterance_id"] + ".wav")
    return Protocol("toy", ROOT, validated(table, ROOT))


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Draw utterances of several speakers and recordings, some of them unknown."""
    count = draw(st.integers(6, 60))
    speakers = [*(f"s{i}" for i in range(draw(st.integers(1, 12)))), "-"]
    pairs = [*(f"p{i}" for i in range(draw(st.integers(1, 30)))), "-", "-", "-"]
    pick = draw(st.randoms(use_true_random=False))
    systems = {"bonafide": ["-"], "spoof": ["A1", "A2", "A3"]}
    labels = [pick.choice(["bonafide", "spoof"]) for _ in range(count)]
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i:03d}" for i in range(count)],
            "label": labels,
            "speaker": [pick.choice(speakers) for _ in labels],
            "pair": [pick.choice(pairs) for _ in labels],
            "spoof_system": [pick.choice(systems[label]) for label in labels],
        }
    )


def possible(table: pd.DataFrame, splits: int) -> bool:
    """Return True if connected components of speakers and recordings can fill all splits.

    Every split needs both classes. Components are found by merging sets of utterances,
    independently of the code under test.
    """
    component = {uid: {uid} for uid in table["utterance_id"]}
    for column in ("speaker", "pair"):
        for value, rows in table.groupby(column):
            if value != "-":
                merged = set().union(*(component[uid] for uid in rows["utterance_id"]))
                component |= dict.fromkeys(merged, merged)
    label = dict(zip(table["utterance_id"], table["label"], strict=True))
    kinds = [frozenset(label[u] for u in c) for c in {frozenset(c) for c in component.values()}]
    mixed = sum(len(kind) == 2 for kind in kinds)
    single = [sum(kind == {one} for kind in kinds) for one in ("bonafide", "spoof")]
    return mixed + min(single) >= splits


@settings(max_examples=150, deadline=None)
@given(tables(), st.sampled_from(["80/10/10", "70/15/15", "50/50", "50/30/20"]), st.integers(0, 3))
def test_splits_are_disjoint_complete_and_determined_by_ids(
    table: pd.DataFrame, text: str, seed: int
) -> None:
    ratios = ratios_of(text)
    whole = protocol(table)
    if not possible(table, len(ratios)):
        with pytest.raises(InputError):
            split(whole, ratios, seed)
        return
    found = split(whole, ratios, seed).table
    assert found["utterance_id"].tolist() == whole.table["utterance_id"].tolist()
    assert set(found["split"]) == set(ratios)
    assert (found.groupby("split")["label"].nunique() == 2).all()
    for column in ("speaker", "pair"):
        known = found[found[column] != "-"]
        assert (known.groupby(column)["split"].nunique() <= 1).all()
    shuffled = Protocol("toy", ROOT, whole.table.sample(frac=1, random_state=seed))
    again = split(shuffled, ratios, seed).table.sort_values("utterance_id")
    assert again["split"].tolist() == found["split"].tolist()


def corpus(speakers: int, each: int, seed: int = 0) -> Protocol:
    rng = np.random.default_rng(seed)
    rows = [
        {
            "utterance_id": f"s{s:03d}-{i:03d}",
            "speaker": f"s{s:03d}",
            "label": "spoof" if i % 4 else "bonafide",
            "spoof_system": f"A{i % 4}" if i % 4 else "-",
        }
        for s in range(speakers)
        for i in range(int(rng.integers(each // 2, 2 * each)))
    ]
    return protocol(pd.DataFrame(rows))


@pytest.mark.parametrize("text", ["80/10/10", "70/15/15", "60/40"])
def test_shares_are_met_in_every_stratum(text: str) -> None:
    ratios = ratios_of(text)
    found = split(corpus(100, 20), ratios, seed=1)
    table = found.table
    for _, rows in table.groupby(["label", "spoof_system"]):
        shares = rows["split"].value_counts(normalize=True)
        for name, ratio in ratios.items():
            assert shares[name] == pytest.approx(ratio, abs=0.015)
    line = next(achieved(found, ratios))
    assert line.startswith("train: ") and "speakers" in line


def test_without_speakers_shares_are_exact() -> None:
    rows = pd.DataFrame({"utterance_id": [f"u{i:04d}" for i in range(1000)], "label": "bonafide"})
    rows.loc[::2, "label"] = "spoof"
    found = split(protocol(rows), ratios_of("80/10/10"), seed=0).table
    counts = found.groupby(["split", "label"]).size().to_dict()
    assert counts == {
        (name, label): n
        for name, n in (("train", 400), ("dev", 50), ("test", 50))
        for label in ("bonafide", "spoof")
    }
    other = split(protocol(rows), ratios_of("80/10/10"), seed=1).table
    assert other["split"].tolist() != found["split"].tolist()


def test_an_impossible_split_says_why() -> None:
    with pytest.raises(InputError, match=r"all bonafide utterances belong to 2 .* 3 splits need 3"):
        split(corpus(2, 20), ratios_of("80/10/10"), 0)
    rows = pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(20)],
            "label": ["bonafide"] * 10 + ["spoof"] * 10,
            "speaker": ["one"] * 10 + [f"s{i}" for i in range(10)],
        }
    )
    with pytest.raises(InputError, match=r"all bonafide utterances belong to 1 "):
        split(protocol(rows), ratios_of("80/20"), 0)
    with pytest.raises(InputError, match="has no spoof utterance"):
        split(protocol(rows[:10]), ratios_of("80/20"), 0)


@pytest.mark.parametrize("text", ["", "80", "80/10/5/5", "a/b", "80/-10", "80/0/20", "nan/1"])
def test_invalid_ratios_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected two or three numbers above 0"):
        ratios_of(text)


@pytest.mark.parametrize(
    ("text", "whole"), [("80/10/20", "110"), ("8/2", "10"), ("0.8/0.1", "0.9")]
)
def test_shares_that_do_not_sum_to_100_are_refused(text: str, whole: str) -> None:
    with pytest.raises(InputError, match=f"the shares '{text}' sum to {whole}, not 100"):
        ratios_of(text)


def test_shares_may_be_per_cent_or_fractions() -> None:
    assert ratios_of("80/10/10") == pytest.approx(ratios_of("0.8/0.1/0.1"))
    assert ratios_of("33.3/33.3/33.4") == pytest.approx(
        {"train": 0.333, "dev": 0.333, "test": 0.334}
    )


@settings(max_examples=100, deadline=None)
@given(tables(), st.integers(0, 3))
def test_balance_is_exact_by_class_and_even_by_system(table: pd.DataFrame, seed: int) -> None:
    whole = protocol(table)
    if whole.table["label"].nunique() < 2:
        with pytest.raises(InputError, match=r"no (bonafide|spoof) utterance|has no values of"):
            balanced(whole, ["label", "spoof_system"], seed)
        return
    found = balanced(whole, ["label", "spoof_system"], seed).table
    counts = found["label"].value_counts()
    assert counts["bonafide"] == counts["spoof"] == whole.table["label"].value_counts().min()
    had = whole.table["spoof_system"].value_counts()
    got = found[found["label"] == "spoof"]["spoof_system"].value_counts()
    # as even as possible: a system with at least two fewer than the largest is used completely
    for system in set(had.index) - {"-"}:
        if got.get(system, 0) < got.max() - 1:
            assert got.get(system, 0) == had[system]
    shuffled = Protocol("toy", ROOT, whole.table.sample(frac=1, random_state=seed))
    again = balanced(shuffled, ["label", "spoof_system"], seed).table
    assert set(again["utterance_id"]) == set(found["utterance_id"])


def test_every_split_is_balanced_separately_also_by_speaker(toy: Path) -> None:
    whole = open_data(toy)
    found = balanced(whole, ["speaker"], 0).table
    assert (found.groupby(["split", "speaker"]).size().groupby("split").nunique() == 1).all()
    with pytest.raises(InputError, match="did you mean 'speaker'"):
        balanced(whole, ["speker"], 0)
    with pytest.raises(InputError, match="names no column"):
        balanced(whole, [], 0)
    silent = Protocol("toy", ROOT, whole.table.assign(speaker="-"))
    with pytest.raises(InputError, match="has no values of speaker"):
        balanced(silent, ["speaker"], 0)


def test_a_subset_is_read_back_with_its_audio(
    toy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = open_data(toy)
    subset = balanced(whole, ["label"], 0)
    write(subset, tmp_path / "part", {"seed": 0})
    read = open_data(tmp_path / "part")
    assert f"its audio is in {toy.resolve()}" in caplog.text
    assert read.table.equals(subset.table)
    assert (read.name, read.headline) == ("toy-balanced", "neural")
    assert all((read.root / path).is_file() for path in read.table["path"])
    write(subset, tmp_path / "part", {"seed": 1})  # a subset may be drawn again
    with pytest.raises(InputError, match=r"has a protocol\.csv that .* did not write"):
        write(subset, toy, {})
    (tmp_path / "part" / "card.json").write_text('{"root": "../gone"}')
    with pytest.raises(InputError, match="root is not a folder"):
        open_data(tmp_path / "part")
