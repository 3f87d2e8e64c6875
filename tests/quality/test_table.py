"""The sample, the store and the table of quality, without a model."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from benchmark.core.errors import InputError
from benchmark.leaderboard import quality_table
from benchmark.leaderboard.trial_sets import WHOLE
from benchmark.quality import measuring, quality_store, sample
from benchmark.quality.quality_store import Quality, Sample, VoiceThreshold
from benchmark.scores.run_results import ConditionInfo

IDS = ("u1", "u2", "u3")
PLAN = (ConditionInfo("clean", "clean"), ConditionInfo("mp3(kbps=16)", "codec"))


def row(ovrl: float | None, cosine: float) -> dict[str, object]:
    values = {"cosine": cosine, "estoi": 0.5} | ({} if ovrl is None else {"ovrl": ovrl})
    return {"key": "k", "samples": "", "values": values, "versions": {},
            "causes": {} if ovrl is not None else {"dnsmos": "silent"}}  # fmt: skip


def quality(laundered: list[float | None], threshold: float | None = 0.7) -> Quality:
    voices = VoiceThreshold(threshold, 30, 5, "" if threshold else "dev has no speakers")
    rows = {
        uid: {"clean": row(3.0, 1.0), "mp3(kbps=16)": row(ovrl, 0.8)}
        for uid, ovrl in zip(IDS, laundered, strict=True)
    }
    return Quality(Sample(IDS, ("a", "b", "-"), 0, {}, voices), rows)


def test_a_loss_is_clean_minus_laundered_and_may_be_a_gain() -> None:
    clean, worse = quality_table.rows(quality([2.0, 2.5, 3.0]), PLAN, 200)
    assert clean.ovrl_loss.value == 0 and clean.ovrl_loss.low == clean.ovrl_loss.high == 0
    assert worse.ovrl_loss.value == pytest.approx(0.5) and worse.within_budget is False
    assert worse.ovrl_loss.low < 0.5 < worse.ovrl_loss.high
    _, better = quality_table.rows(quality([3.5, 3.5, 3.5]), PLAN, 0)
    assert better.ovrl_loss.value == pytest.approx(-0.5) and better.within_budget is True


def test_what_could_not_be_measured_is_never_within_the_budget() -> None:
    _, laundered = quality_table.rows(quality([3.0, 3.0, None]), PLAN, 0)
    assert laundered.within_budget is None and laundered.n_ovrl == 2
    assert laundered.remark == "dnsmos: silent (1)"


def test_without_a_threshold_of_voices_the_budget_is_unknown_or_exceeded() -> None:
    _, cheap = quality_table.rows(quality([3.0, 3.0, 3.0], None), PLAN, 0)
    assert cheap.within_budget is None and "dev has no speakers" in str(cheap.remark)
    assert quality_table.rows(quality([1.0, 1.0, 1.0], None), PLAN, 0)[1].within_budget is False


def cell(condition: str, eer: float, verified: bool = True) -> Any:
    head = {"detector": "mine", "track": None, "verified": verified, "complete": True}
    named = SimpleNamespace(condition=condition, **head)
    return SimpleNamespace(head=named, eer=SimpleNamespace(value=eer))


def test_the_worst_condition_within_the_budget_is_named() -> None:
    """The worst of all is dear, the next is a control, the third was not measured."""
    cells = [cell("dear", 0.5), cell("control", 0.45, verified=False), cell("unknown", 0.4)]
    cells += [cell("cheap", 0.3), cell("cheaper", 0.1)]
    within = {"dear": False, "control": True, "unknown": None, "cheap": True, "cheaper": True}
    table = pd.DataFrame({"condition": [*within], "within_budget": [*within.values()]})
    (found,) = quality_table.budgets(table, cells, WHOLE, ("mine",))
    assert (found.budget_condition, found.budget_eer) == ("cheap", 0.3)
    assert (found.n_within, found.n_unknown) == (2, 1)
    (none,) = quality_table.budgets(table, cells[:1], WHOLE, ("mine",))
    assert none.budget_condition is None and none.n_within == 0


def test_an_old_run_has_no_rows() -> None:
    assert quality_table.rows(None, PLAN, 100) == []


def test_the_store_gives_back_what_it_holds_and_sees_a_change(tmp_path: Path) -> None:
    held = quality([2.0, 2.5, 3.0])
    assert quality_store.read(tmp_path) is None
    quality_store.write_sample(tmp_path, held.sample)
    for uid, rows in held.rows.items():
        quality_store.write_rows(tmp_path, uid, rows)
    found = quality_store.read(tmp_path)
    assert found == held and found.digest() == held.digest()
    path = quality_store.path_of(tmp_path, "u2")
    facts = json.loads(path.read_text())
    facts["rows"]["mp3(kbps=16)"]["values"]["ovrl"] = 2.9
    path.write_text(json.dumps(facts))
    with pytest.raises(InputError, match="was changed"):
        quality_store.read(tmp_path)


def trials() -> pd.DataFrame:
    names = [f"s{n}" for n in range(12)]
    return pd.DataFrame(
        {
            "utterance_id": names,
            "label": "spoof",
            "speaker": ["a"] * 9 + ["b", "c", "-"],
            "track": ["neural"] * 12,
        }
    )


def test_the_sample_gives_each_speaker_a_turn_and_ignores_the_order_of_rows() -> None:
    table = trials()
    four = sample.fakes(table, "neural", 0, 4)
    speakers = dict(zip(table["utterance_id"], table["speaker"], strict=True))
    assert {speakers[uid] for uid in four} == {"a", "b", "c", "-"}
    assert sample.fakes(table.iloc[::-1], "neural", 0, 4) == four
    assert sample.fakes(table, "neural", 0, 8)[:4] == four
    assert len(sample.fakes(table, "neural", 0, 100)) == 12
    assert sample.fakes(table, "neural", 1, 12) != sample.fakes(table, "neural", 0, 12)


def test_a_dev_without_pairs_gives_no_threshold(tmp_path: Path) -> None:
    found = measuring.voice_threshold(tmp_path, {"a": ["gone.wav", "gone2.wav"]})
    assert found.value is None and "0 pairs" in found.cause


def test_a_changed_key_or_a_missing_version_is_measured_again() -> None:
    held = {"key": "k", "versions": {"dnsmos": measuring.VERSIONS["dnsmos"]}}
    assert not measuring.lacks(held, "k", ("dnsmos",))
    assert measuring.lacks(held, "other", ("dnsmos",))
    assert measuring.lacks(held, "k", ("dnsmos", "speaker")) and measuring.lacks(None, "k", ())
