"""What the page says first: no detector is praised for a loss that it cannot have."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from benchmark.leaderboard import leaderboard_tables
from benchmark.leaderboard.ranks import NOT_BEATING
from benchmark.report.html import first_screen_section, profile_section
from benchmark.report.rows import Row
from tests.support import synthetic_run
from tests.support.synthetic_run import replace


def row(detector: str, clean: float | None, laundered: float | None, **more: Any) -> Row:
    ranked = laundered is not None
    return {
        "detector": detector,
        "rank": 1 if ranked else None,
        "clean_eer": clean,
        "laundered_eer": laundered,
        "eer_delta": laundered - clean if ranked and clean is not None else None,
        "tied_with": None,
        "warnings": None,
    } | more


SHORTCUT, RANDOM = row("shortcut", 0.4, 0.42), row("random", 0.5, 0.5)
GOOD, DEAF, WEAK = row("good", 0.05, 0.25), row("deaf", 0.45, 0.46), row("weak", 0.38, 0.39)


def test_the_smallest_loss_is_of_those_that_beat_the_baselines() -> None:
    unsure = WEAK | {"warnings": f"few clusters; {NOT_BEATING}"}
    found = first_screen_section.findings([GOOD, unsure, DEAF, SHORTCUT, RANDOM])
    assert found["lowest"] is GOOD and found["smallest"] is GOOD and found["beaten"] == 1
    assert found["baselines"] == ["shortcut", "random"]
    found = first_screen_section.findings([GOOD, WEAK, DEAF, SHORTCUT, RANDOM])
    assert found["smallest"] is WEAK and found["beaten"] == 2


@pytest.mark.parametrize("rows", [[DEAF, SHORTCUT], [GOOD], [row("unranked", 0.1, None), SHORTCUT]])
def test_nobody_is_praised_without_a_baseline_that_it_beats(rows: list[Row]) -> None:
    assert first_screen_section.findings(rows)["smallest"] is None


def test_the_first_row_is_said_to_be_no_better_than_the_shortcut_where_it_is_not() -> None:
    unsure = WEAK | {"warnings": f"few clusters; {NOT_BEATING}"}
    assert first_screen_section.findings([unsure, GOOD, SHORTCUT])["weak"] is True
    assert first_screen_section.findings([GOOD, unsure, SHORTCUT])["weak"] is False
    assert first_screen_section.findings([SHORTCUT])["weak"] is False


def test_a_baseline_is_never_the_best() -> None:
    found = first_screen_section.findings([SHORTCUT | {"laundered_eer": 0.1}, GOOD])
    assert found["lowest"] is GOOD
    assert first_screen_section.findings([SHORTCUT, RANDOM])["lowest"] is None


@pytest.mark.parametrize(
    "name", ["onnx(file=gone.onnx, takes=waveform, bonafide=1)", 'command(run="no-such-program")']
)
def test_a_detector_whose_file_is_gone_is_still_described(name: str) -> None:
    assert not first_screen_section.is_baseline(name)
    assert profile_section.kind(name) == "external"
    assert dict(profile_section._what(name))["kind"] == "external"


def test_the_strip_of_trust_names_what_is_doubtful() -> None:
    run = synthetic_run.of_states(synthetic_run.run(6, 4))
    found = leaderboard_tables.tables(run, 0)
    first = found.leaderboard.astype(object).where(found.leaderboard.notna(), None).iloc[0]
    proofs = {p.anchor: p for p in first_screen_section.proofs(run, found, first.to_dict())}
    said = proofs["verification"].text
    counts = found.conditions.drop_duplicates("condition")["verdict"].value_counts()
    assert said.startswith(f"{counts['verified']} of {counts.sum()} conditions verified")
    assert "refuted" in said and proofs["verification"].doubt
    assert proofs["reading"].text == "demo data: do not cite"  # the last of that part
    other = replace(run, protocol=replace(run.protocol, name="asvspoof2019"))
    texts = [p.text for p in first_screen_section.proofs(other, found, first.to_dict())]
    assert "no intervals" in texts and "demo data: do not cite" not in texts
    assert "1 training, 1 draw of the attacks" in texts


def test_small_files_are_carried_and_large_ones_linked() -> None:
    small = first_screen_section.download("CSV", "a.csv", "ä,b\n")
    assert base64.b64decode(small.url.partition("base64,")[2]).decode() == "ä,b\n"
    large = first_screen_section.download("JSON", "a.json", "x" * 400_000)
    assert large.url == "a.json"
