"""Results as tables, curves and HTML: complete, paired with the clean clip, and escaped."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from attacks.contract.check import Check
from attacks.contract.condition import parse
from attacks.contract.launder import Step
from benchmark.laundering.verification import State
from benchmark.web import curves, results_table
from benchmark.web.clip import Heard, Judgement, Sound
from benchmark.web.page import charts, markup

HOSTILE = "<img src=x onerror=alert(1)>"
SOUND = Sound(b"fLaC", 1.0, b"\x89PNG", 2.0)


def one(condition: str, score: float, state: State | None = State.VERIFIED) -> Heard:
    """A clip under a condition: `net` has a threshold of 0, `free` has none."""
    steps = (
        (Step(condition, {}, (Check.near("snr", "dB", 10.0, 10.1, 0.5),)),)
        if state is not None
        else ()
    )
    verdict = "bonafide" if score >= 0 else "spoof"
    judgements = (
        Judgement("net", score, 0.0, verdict),
        Judgement("free", score / 2, None, "no threshold"),
    )
    return Heard(condition, SOUND, judgements, steps, state)


CLEAN = one("clean", 1.0, None)
LADDER = [one(f"noise(kind=white, snr={s}, reference=active)", s / 10 - 1) for s in (0, 20, 10)]
GSM = str(parse("gsm"))
FAILED = Heard(GSM, None, (), cause=f"=it failed {HOSTILE}")
ALL = [CLEAN, *LADDER, FAILED]


def test_the_table_of_scores_pairs_every_score_with_the_clean_one() -> None:
    table = results_table.scores(ALL)
    assert tuple(table.columns) == results_table.SCORES
    assert len(table) == 2 * 4 + 1
    row = table[(table["condition"].str.contains("snr=0,")) & (table["detector"] == "net")].iloc[0]
    assert (row["score"], row["clean_score"], row["change"]) == (-1.0, 1.0, -2.0)
    assert (row["verdict"], row["clean_verdict"], row["state"]) == ("spoof", "bonafide", "verified")
    free = table[table["detector"] == "free"]
    assert free["threshold"].isna().all() and set(free["verdict"]) == {"no threshold"}
    failed = table[table["condition"] == GSM].iloc[0]
    assert failed["cause"] == FAILED.cause and pd.isna(failed["score"])


def test_the_csv_runs_nothing_in_a_spreadsheet() -> None:
    read = pd.read_csv(io.StringIO(results_table.csv(results_table.scores(ALL))))
    assert read["cause"].dropna().tolist() == [f"'{FAILED.cause}"]
    assert read["score"].dropna().tolist() == pytest.approx(
        results_table.scores(ALL)["score"].dropna().tolist()
    )


def test_the_table_of_checks_has_all_that_was_measured() -> None:
    table = results_table.checks(ALL)
    assert len(table) == 3 and set(table["condition"]) == {one.condition for one in LADDER}
    assert table["measured"].tolist() == [10.1] * 3 and table["passed"].all()
    assert results_table.checks([CLEAN]).empty


def test_a_curve_goes_from_clean_to_the_severest_level() -> None:
    (curve,) = curves.curves(ALL)
    assert curve.axis == "snr (dB)" and "snr=*" in curve.title
    net = curve.points[curve.points["detector"] == "net"]
    assert net["level"].tolist() == ["clean", "20", "10", "0"]
    assert net["score"].tolist() == [1.0, 1.0, 0.0, -1.0]
    assert curves.curves([CLEAN, LADDER[0], FAILED]) == []  # one level is no curve
    with_line = charts.severity(curve, "net").to_dict()
    assert len(with_line["layer"]) == 3
    assert len(charts.severity(curve, "free").to_dict()["layer"]) == 2  # there is no threshold


def test_the_summary_marks_what_flipped_and_escapes_everything() -> None:
    text = markup.summary(ALL, ["net", "free"], curves.labels(ALL))
    assert HOSTILE not in text and "&lt;img" in text
    assert text.count("class=flipped") == 1  # from 1.0 to -1.0; 0.0 is at the threshold
    assert text.count("no threshold</span>") == 4
    assert text.count("as claimed") == 3 and text.count("<tr") == 1 + len(ALL)


def test_a_detector_that_failed_says_why_in_its_cell() -> None:
    broken = Heard("gsm", SOUND, (Judgement("net", None, 0.0, "", HOSTILE),))
    text = markup.summary([CLEAN, broken], ["net"], {"clean": "clean", "gsm": "gsm"})
    assert "&lt;img" in text and HOSTILE not in text and "flipped" not in text


def test_markdown_shows_a_text_as_it_is() -> None:
    assert markup.escaped("a*b [x](y) $z$ :red[q]") == (r"a\*b \[x\]\(y\) \$z\$ \:red\[q\]")
