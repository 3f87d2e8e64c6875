"""Sections of the page: paths, curves, samples and facts, each compared with a reference."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import precision_recall_curve, roc_curve

from attacks.contract.condition import parse
from benchmark.data.protocol import Protocol
from benchmark.laundering.verification import State
from benchmark.leaderboard import cells, leaderboard_tables
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import markdown, terminal_summary
from benchmark.report.html import (
    Samples,
    breakdown_section,
    contrast_section,
    document,
    leaderboard_section,
    provenance_section,
    robustness_section,
    samples_section,
    score_curves_section,
    severity_section,
    svg,
)
from benchmark.report.jinja import environment
from benchmark.report.latex import latex_tables
from benchmark.report.rows import Row, records
from benchmark.scores.run_results import ConditionInfo, RunResults
from tests.support import synthetic_run
from tests.support.synthetic_run import replace

TRACKS = ["neural", "classic", "tts"]
KEPT = ("clean", "noise(kind=white, snr=20.0)", "noise(kind=white, snr=0.0)", "mp3(kbps=16)")


def reduced(run: RunResults) -> RunResults:
    """Return the run with only the conditions in `KEPT`."""
    return replace(
        run,
        conditions=tuple(info for info in run.conditions if info.condition in KEPT),
        scores=run.source.score_rows[run.source.score_rows["condition"].isin(KEPT)],
        effects=run.source.effect_rows[run.source.effect_rows["condition"].isin(KEPT)],
    )


@pytest.fixture(scope="module")
def results() -> RunResults:
    return reduced(synthetic_run.run())


@pytest.fixture(scope="module")
def tables(results: RunResults) -> Tables:
    return leaderboard_tables.tables(results, 20)


def corners_of(path: str) -> list[tuple[float, float]]:
    """Return the corners of an SVG path of the commands M, l, h, v and z."""
    found: list[tuple[float, float]] = []
    x = y = 0.0
    for letter, text in re.findall(r"([MlhvzL])([^MlhvzL]*)", path):
        numbers = [float(n) for n in re.findall(r"-?[0-9.]+", text)]
        if letter == "M":
            x, y = numbers
            found.append((x, y))
        step = {"l": numbers, "h": [*numbers, 0.0], "v": [0.0, *numbers]}.get(letter, [])
        for across, down in zip(step[::2], step[1::2], strict=True):
            x, y = x + across, y + down
            found.append((x, y))
    return found


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=30))
def test_a_path_goes_through_its_points(points: list[tuple[int, int]]) -> None:
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    corners = corners_of(svg.polyline(x, y))
    if not points:
        assert corners == []
        return
    assert corners[0] == points[0] and corners[-1] == points[-1]
    for point in points:  # each on a corner, or on the line between two
        assert point in corners or any(
            np.isclose(np.hypot(*np.subtract(a, point)) + np.hypot(*np.subtract(point, b)),
                       np.hypot(*np.subtract(a, b)))
            for a, b in pairwise(corners)
        )  # fmt: skip
    assert len(corners) <= len(points)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=40))
def test_a_histogram_stands_on_its_floor(heights: list[int]) -> None:
    corners = corners_of(svg.steps(heights, 10, 100))
    assert corners[0] == (0, 100) and corners[-1] == (10 * len(heights), 100)
    area = sum((b[0] - a[0]) * (100 - a[1]) for a, b in pairwise(corners))
    assert area == 10 * sum(heights)


def scored(
    results: RunResults, detector: str, condition: str, track: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a cell's scores and a mask of the spoofs, from the table of the run."""
    table = results.protocol.table
    kept = ((table["label"] == "bonafide") | (table["track"] == track)).to_numpy()
    rows = results.source.score_rows.query("split == 'test' and detector == @detector")
    mine = rows[rows["condition"] == condition].set_index("utterance_id")["score"]
    spoof = (table["label"] == "spoof").to_numpy()
    return mine[table["utterance_id"]].to_numpy()[kept], spoof[kept]


@pytest.mark.parametrize("track", TRACKS)
def test_curves_are_those_of_scikit_learn(results: RunResults, tables: Tables, track: str) -> None:
    found = contrast_section.focus(results, tables, TRACKS)[track]
    scores, spoof = scored(results, "melcnn", "noise(kind=white, snr=0.0)", track)
    detector, place = (
        results.detectors.index("melcnn"),
        found["names"].index("noise(kind=white, snr=0.0)"),
    )
    fpr, tpr, _ = roc_curve(spoof, -scores, drop_intermediate=False)
    roc = np.array(corners_of(found["data"]["roc"][detector][place]))
    reference = np.stack([500 * fpr, 500 * (1 - tpr)], axis=1)
    for corner in roc:
        assert np.abs(reference - corner).max(axis=1).min() <= 0.5 + 1e-9
    low, high = norm.ppf(score_curves_section.DET_RANGE)
    det = np.array(corners_of(found["data"]["det"][detector][place]))
    inside = (det > 5).all(axis=1) & (det < 495).all(axis=1)
    assert inside.sum() > 5
    assert found["prevalence"] == round(500 * np.mean(~spoof))  # precision of rejecting all
    for across, down in det[inside]:
        far, frr = norm.cdf(low + np.array([across, 500 - down]) / 500 * (high - low))
        gaps = np.abs(norm.ppf(1 - tpr) - norm.ppf(far)) + np.abs(norm.ppf(fpr) - norm.ppf(frr))
        assert np.nanmin(gaps) < 2 * (high - low) / 500
    precision, recall, _ = precision_recall_curve(spoof, -scores)
    reference = np.stack([500 * recall, 500 * (1 - precision)], axis=1)
    for corner in corners_of(found["data"]["pr"][detector][place]):
        assert np.abs(reference - np.array(corner)).max(axis=1).min() <= 0.5 + 1e-9


def heights(path: str, bins: int) -> NDArray[np.float64]:
    """Return the heights of the bars of a histogram's path, (bins,)."""
    edges = 400 * (np.arange(bins) + 0.5) / bins  # the middle of each bar
    flat = [(a[0], b[0], 100 - a[1]) for a, b in pairwise(corners_of(path)) if b[0] > a[0]]
    return np.array([next(top for left, right, top in flat if left < x < right) for x in edges])


@pytest.mark.parametrize("track", TRACKS)
def test_histograms_are_those_of_numpy(results: RunResults, tables: Tables, track: str) -> None:
    shown = contrast_section.focus(results, tables, TRACKS)[track]
    detector = results.detectors.index("resnet18")
    every = results.source.score_rows.query("split == 'test' and detector == 'resnet18'")["score"]
    low, high = np.quantile(every, [cells.TAIL, 1 - cells.TAIL])  # one axis for all tracks
    for place, name in enumerate(shown["names"]):
        scores, spoof = scored(results, "resnet18", name, track)
        bins = int(np.clip(2 * np.sqrt(min(spoof.sum(), (~spoof).sum())), 14, 40))
        inside = np.clip(scores, low, high)
        bonafide, fake = (
            np.histogram(inside[side], bins, (low, high))[0] / side.sum()
            for side in (~spoof, spoof)
        )
        peak = max(bonafide.max(), fake.max())
        for kind, share in (("bonafide", bonafide), ("spoof", fake)):
            drawn = heights(shown["data"][kind][detector][place], bins)
            assert drawn == pytest.approx(100 * share / peak, abs=0.5 + 1e-9)


@pytest.mark.parametrize("track", TRACKS)
def test_decisions_are_those_of_the_table(results: RunResults, tables: Tables, track: str) -> None:
    shown = contrast_section.focus(results, tables, TRACKS)[track]
    mine = tables.conditions[tables.conditions["track"] == track]
    rows = mine.set_index(["detector", "condition"])
    for number, detector in enumerate(results.detectors):
        for name in KEPT:
            row = rows.loc[detector, name]
            scores, spoof = scored(results, detector, name, track)
            called = scores < row["threshold"]
            wanted = [called & spoof, ~called & spoof, called & ~spoof, ~called & ~spoof]
            found = shown["data"]["counts"][number][shown["names"].index(name)]
            assert found == [side.sum() for side in wanted]


def test_each_track_shows_its_own_worst_condition_first(
    results: RunResults, tables: Tables
) -> None:
    shown = contrast_section.focus(results, tables, TRACKS)
    assert list(shown) == TRACKS
    for track, found in shown.items():
        mine = tables.conditions[tables.conditions["track"] == track]
        means = mine.groupby("condition")["eer"].mean()
        assert found["names"][found["chosen"]] == means.idxmax()
    found = shown["neural"]
    broken = synthetic_run.broken(results)
    wrong = broken.source.effect_rows["condition"] == found["names"][found["chosen"]]
    broken = replace(broken, effects=broken.source.effect_rows.assign(
        passed=broken.source.effect_rows["passed"].where(~wrong, False)
    ))  # fmt: skip
    other = contrast_section.focus(broken, leaderboard_tables.tables(broken, 0), TRACKS)["neural"]
    assert other["chosen"] != found["chosen"]  # unverified conditions do not count


def test_on_a_full_page_only_the_headline_keeps_all_conditions(
    results: RunResults, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = contrast_section.focus(results, tables, TRACKS)
    assert all(found["all"] and found["names"] == list(KEPT) for found in whole.values())
    cells = len(TRACKS) * len(results.detectors) * len(KEPT)
    monkeypatch.setattr(score_curves_section, "MOST", cells)
    assert contrast_section.focus(results, tables, TRACKS) == whole
    monkeypatch.setattr(score_curves_section, "MOST", cells - 1)
    shown = contrast_section.focus(results, tables, TRACKS)
    assert shown["neural"] == whole["neural"]
    for track in TRACKS[1:]:
        found, full = shown[track], whole[track]
        assert not found["all"]
        mine = tables.conditions[tables.conditions["track"] == track]
        eer = mine.groupby("condition")["eer"].mean()
        noise = eer[list(KEPT[1:3])].idxmax()  # the worse of the two levels
        assert found["names"] == [name for name in KEPT if name in ("clean", noise, KEPT[3])]
        assert [KEPT[place] for place in found["places"]] == found["names"]
        assert found["names"][found["chosen"]] == full["names"][full["chosen"]]
        options = [item for family in found["families"] for item in family["options"]]
        assert [found["names"][item["at"]] for item in options] == found["names"][1:]
        assert [KEPT[item["place"]] for item in options] == found["names"][1:]
        for kind, table in found["data"].items():
            assert table == [
                [row[place] for place in found["places"]] for row in full["data"][kind]
            ]
    page = document.render(results, tables)
    assert page.count("track neural has every condition") == 2 * 2  # tracks, choosers


def test_thirty_conditions_by_ten_detectors_on_three_tracks_stay_small() -> None:
    run = synthetic_run.large(utterances=1200)

    def spread(part: Protocol) -> Protocol:
        number = np.arange(len(part.table)) % 3
        spoof = part.table["label"] == "spoof"
        table = part.table.assign(track=np.where(spoof, np.array(TRACKS)[number], "-"))
        return replace(part, table=table, headline=TRACKS[0])

    run = replace(run, protocol=spread(run.protocol), dev=spread(run.dev))
    page = document.render(run, leaderboard_tables.tables(run, 0))
    assert page.count('class="chosen"') == 3 * (1 + 10)  # curves, profiles
    assert "has every condition" not in page
    assert len(page.encode()) < 2_500_000


def test_severity_runs_from_clean_to_the_severest(results: RunResults, tables: Tables) -> None:
    found = severity_section.charts(results, tables.conditions, "neural")
    (family,) = found["families"]
    (chart,) = family["charts"]
    assert [tick["text"] for tick in chart["ticks"]] == ["clean", "20", "0"]
    rows = tables.conditions.set_index(["track", "detector", "condition"])["eer"]
    for number, detector in enumerate(results.detectors):
        wanted = [rows["neural", detector, name] for name in KEPT[:3]]
        drawn = [y for _, y in corners_of(chart["lines"][number]["dots"])[::2]]
        top = 50 / (1 - found["guess"] / severity_section.HEIGHT)  # per cent at the upper edge
        read = [top * (1 - y / severity_section.HEIGHT) for y in drawn]
        assert read == pytest.approx([100 * eer for eer in wanted], abs=0.5)


def losses_of(found: Row, line: Row) -> list[list[float]]:
    """Read losses and bounds off the heights that a line carries, by the labels of its axis."""
    labels = [label.split(" ") for label in found["loss"].split(";")]
    points = {float(text.replace("\u2212", "-")): float(height) for height, text in labels}
    (low, bottom), *_, (high, top) = sorted(points.items())
    scale = (high - low) / (bottom - top) / 100
    heights, *spans = (
        [float(one) if one else np.nan for one in part.split(",")]
        for part in line["loss"].split(";")
    )
    read = [low / 100 + (bottom - height) * scale for height in heights]
    return [
        read,
        *(
            [value + sign * span * scale for value, span in zip(read, part, strict=True)]
            for sign, part in zip((-1, 1), spans, strict=False)
        ),
    ]


def test_severity_as_loss_is_the_difference_to_clean_with_its_bounds(
    results: RunResults, tables: Tables
) -> None:
    found = severity_section.charts(results, tables.conditions, "neural")
    ((chart,),) = (family["charts"] for family in found["families"])
    rows = tables.conditions.set_index(["track", "detector", "condition"])
    for number, detector in enumerate(results.detectors):
        cells = [rows.loc[("neural", detector, name)] for name in KEPT[:3]]
        keys = ("eer_delta", "eer_delta_low", "eer_delta_high")
        for key, read in zip(keys, losses_of(found, chart["lines"][number]), strict=True):
            assert read == pytest.approx([cell[key] for cell in cells], abs=0.006), key
            assert read[0] == pytest.approx(0, abs=1e-9)
    heights = [float(one.split(" ")[0]) for one in found["loss"].split(";")]
    assert " 0;" in found["loss"] and 0 <= min(heights) < max(heights) <= severity_section.HEIGHT


def test_losses_below_zero_are_on_the_axis_and_missing_ones_have_no_height(
    results: RunResults, tables: Tables
) -> None:
    first, second = results.detectors[:2]
    mine = tables.conditions["detector"].eq(first) & tables.conditions["condition"].eq(KEPT[2])
    deltas = ["eer_delta", "eer_delta_low", "eer_delta_high"]
    changed = tables.conditions.copy()
    changed.loc[mine, deltas] = [-0.21, -0.33, -0.1]
    other = changed["detector"].eq(second) & changed["condition"].eq(KEPT[1])
    changed.loc[other, deltas] = np.nan
    changed.loc[changed["detector"].eq(results.detectors[2]), deltas] = np.nan
    found = severity_section.charts(results, changed, "neural")
    ((chart,),) = (family["charts"] for family in found["families"])
    loss, low, high = losses_of(found, chart["lines"][0])
    assert (loss[2], low[2], high[2]) == pytest.approx((-0.21, -0.33, -0.1), abs=0.006)
    assert "\u2212" in found["loss"] and "-" not in found["loss"]
    assert [np.isnan(one) for one in losses_of(found, chart["lines"][1])[0]] == [False, True, False]
    assert chart["lines"][2]["loss"] == ""
    page = document.render(results, dataclasses.replace(tables, conditions=changed))
    assert page.count(" data-loss=") and 'data-s="2" data-loss' not in page


def test_a_page_leads_to_the_other_scope_only_where_there_is_one(
    results: RunResults, tables: Tables
) -> None:
    alone = document.render(results, tables)
    assert "data-scope" not in alone.partition("<script")[0] and ">scope both</span>" in alone
    assert "report RUN --scope each" in alone and "scope-spoof" not in alone
    for scope, page in (("both", "scope-spoof/leaderboard.html"), ("spoof", "../leaderboard.html")):
        made = document.render(replace(results, scope=scope), tables, paired=True)
        links = re.findall(r'<a href="([^"]*)" data-scope', made)
        assert set(links) == {page} and len(links) == (1 if scope == "both" else 2)
        shown = {"both": "everyone", "spoof": "fakes alone"}[scope]
        assert re.findall(
            r'<a role="link" aria-disabled="true" aria-current="page"[^>]*>([^<]*)</a>', made
        ) == [shown]
        assert "--scope each" not in made


def test_beside_a_rank_stands_the_range_of_every_other_table(
    results: RunResults, tables: Tables
) -> None:
    board = tables.leaderboard.sort_values("rank")
    wide = board.assign(rank_low=[1, 1, 2, 3], rank_high=[2, 2, 3, 4])
    wide = wide.assign(rank_low_drawn=1, rank_high_drawn=4)
    found = dataclasses.replace(tables, leaderboard=wide)
    page = document.render(results, found)
    headline = page[: page.index('data-track="classic"')]
    shown = re.findall(r'<td class="rank".*?<span class="range">(\d+–\d+)</span>', headline)
    assert sorted(shown) == ["1–2", "1–2", "2–3", "3–4"]
    said = markdown.document(results, found, "1")
    assert all(f"({low}–{high})" in said for low, high in ((1, 2), (2, 3), (3, 4)))


@pytest.mark.parametrize(
    ("names", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_names_are_listed_in_words(names: list[str], text: str) -> None:
    macros = environment().get_template("html/macros.html").module
    assert str(macros.listed(names)) == text  # type: ignore[attr-defined]


def test_slices_are_weighted_means(results: RunResults, tables: Tables) -> None:
    detectors = list(results.detectors)
    rows = records(tables.leaderboard)
    assert sorted(row["detector"] for row in rows) == sorted(detectors)
    detectors = [row["detector"] for row in rows]
    (table,) = breakdown_section.tables(tables.breakdown, tables.conditions, rows)
    part = tables.breakdown.query(
        "track == 'neural' and detector == 'melcnn' and value == 'hifigan'"
    )
    eer = part.set_index("condition")["eer"]
    row = next(row for row in table["rows"] if row["value"] == "hifigan")
    cell = row["cells"][detectors.index("melcnn")]
    assert cell["clean"] == pytest.approx(eer["clean"])
    # one attack at two levels against one at one: (1/(1+3/2), 1/(1+2)) = (2/5, 1/3)
    noise, codec = eer[list(KEPT[1:3])].mean(), eer["mp3(kbps=16)"]
    assert cell["laundered"] == pytest.approx((6 * noise + 5 * codec) / 11)


def test_a_slice_of_all_trials_is_no_breakdown(results: RunResults, tables: Tables) -> None:
    rows = [row for row in records(tables.tracks) if row["track"] == "classic"]
    mine = tables.breakdown[tables.breakdown["track"] == "classic"]
    assert set(mine["value"]) == {"world"}  # the only spoof system of the track
    assert breakdown_section.tables(tables.breakdown, tables.conditions, rows) == []
    page = document.render(results, tables)
    assert "by Spoof system, track neural" in page and "by Spoof system, track classic" not in page


def standing(**rates: float | None) -> Row:
    row: Row = {"rank": 1, "tied_with": None, "warnings": None, "detector": "x", "track": None}
    blank = {f"{rate}_eer{tail}": None for rate in ("clean", "laundered") for tail in
             ("", "_low", "_high")}  # fmt: skip
    return row | blank | rates


def track(rows: list[Row]) -> leaderboard_section.Track:
    return leaderboard_section._track(
        pd.DataFrame(rows), pd.DataFrame(columns=["track", "condition"]), ("x",)
    )


@pytest.mark.parametrize(
    ("rates", "axis"),
    [
        ({"laundered_eer": 0.2, "clean_eer": 0.1}, 0.5),
        ({"laundered_eer": 0.6, "clean_eer": 0.8}, 0.8),
        (
            {
                "laundered_eer": 0.55,
                "laundered_eer_high": 0.61,
                "laundered_eer_low": 0.5,
                "clean_eer": 0.1,
            },
            0.7,
        ),
        ({"clean_eer": 0.7, "clean_eer_low": 0.6, "clean_eer_high": 0.93}, 1.0),
        ({}, 0.5),
    ],
)
def test_the_axis_holds_every_rate_and_bound(rates: dict[str, float], axis: float) -> None:
    shown = track([standing(**rates), standing(laundered_eer=0.3, clean_eer=0.0)])
    assert shown.axis == pytest.approx(axis)
    for name, place in shown.rows[0]["bar"].items():
        ends = [place["at"], place["low"], place["low"] + place["width"]]
        wanted = [rates.get(f"{name}_eer{tail}", rates[f"{name}_eer"]) for tail in
                  ("", "_low", "_high")]  # fmt: skip
        assert ends == pytest.approx([100 * rate / axis for rate in wanted], abs=0.02)
        assert min(ends) >= 0 and max(ends) <= 100
    assert set(shown.rows[0]["bar"]) == {n for n in ("clean", "laundered") if f"{n}_eer" in rates}


def test_warnings_of_all_rows_are_shown_once() -> None:
    texts = ["few; tied; weak", "few", "weak; few"]
    shown = track([standing() | {"warnings": text} for text in texts])
    assert shown.shared == ["few"] and shown.notes == ["tied", "weak"]
    assert [row["notes"] for row in shown.rows] == [[1, 2], [], [2]]
    alone = track([standing() | {"warnings": "few"}])
    assert alone.shared == [] and alone.notes == ["few"]


@pytest.mark.parametrize("name", TRACKS)
def test_figures_are_those_of_the_tables(tables: Tables, name: str) -> None:
    every = pd.concat([tables.leaderboard, tables.tracks])
    rows = records(every[every["track"] == name])
    found = robustness_section.numbers(tables, rows)
    assert found["baseline"] == "shortcut"
    assert [row["detector"] for row in found["rows"]] == [row["detector"] for row in rows]
    for shown, row in zip(found["rows"], rows, strict=True):
        mine = tables.conditions.query("track == @name and detector == @row['detector']")
        cells = mine.set_index("condition")
        for cost in robustness_section.COSTS:
            clean, mean = shown[cost]
            assert clean == pytest.approx(cells.loc["clean", cost])
            assert mean == pytest.approx((cells[cost] * cells["weight"]).sum())
        assert shown["eer_delta"] == pytest.approx(row["eer_delta"])
        passed = (cells.loc[list(KEPT[1:3]), "eer"] > 0.4).any()
        assert (shown["collapses"], shown["on"]) == (int(passed), 1)
    assert [family["name"] for family in found["families"]] == ["noise", "codec"]
    (ladder,) = found["ladders"]
    for grid in (*found["families"], ladder):
        assert [cell["detector"] for cell in grid["cells"]] == [row["detector"] for row in rows]


def test_figures_that_lack_trials_are_blank(results: RunResults) -> None:
    found = leaderboard_tables.tables(synthetic_run.broken(results), 0)
    rows = records(found.leaderboard)
    page = robustness_section.numbers(found, rows)
    lost = next(row for row in page["rows"] if row["detector"] == "rawcnn")
    assert lost["eer_delta"] is None and lost["degradation"] is None
    assert all(
        lost[cost][0] is not None and lost[cost][1] is None for cost in robustness_section.COSTS
    )


def test_script_data_cannot_end_the_script(results: RunResults, tables: Tables) -> None:
    bad = "</script><script>alert(1)</script>"
    info = ConditionInfo(bad, "codec", None, "", "")
    swapped = replace(
        results,
        conditions=(*results.conditions[:-1], info),
        scores=results.source.score_rows.replace(results.conditions[-1].condition, bad),
        effects=results.source.effect_rows.replace(results.conditions[-1].condition, bad),
    )
    page = document.render(swapped, leaderboard_tables.tables(swapped, 0))
    assert page.count("</script>") == page.count("<script") == 2
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert text and bad in json.loads(text[1])["names"]


def test_provenance_separates_times_and_machines(results: RunResults, tables: Tables) -> None:
    computed = [
        {"commit": "abc", "dirty": True, "launderbench": "1", "machine": {"device": "cuda:0"}},
        {"commit": "abc", "dirty": False, "launderbench": "1", "machine": {"device": "cpu"}},
    ]
    run = replace(
        results, provenance={"computed": computed, "reported": {"written": "now"}, "x": "y" * 999}
    )
    found = provenance_section.provenance(run, tables)
    assert ("commit", "abc, with uncommitted changes") in found["main"]
    assert ("commit", "abc") in found["main"]
    assert dict(found["apart"]) == {
        "computed.1.machine.device": "cuda:0",
        "computed.2.machine.device": "cpu",
        "reported.written": "now",
    }
    assert found["machine"] == [
        ("scores computed on", "cuda:0"),
        ("scores computed on", "cpu"),
        ("page written", "now"),
    ]
    assert dict(found["rest"])["x"].endswith("... (whole in run.json)")
    assert provenance_section.citations(run)[0].startswith("@")
    assert "too little" in provenance_section.citations(run)[1]


# -- samples ---------------------------------------------------------------------------------


@pytest.fixture
def audible(tmp_path: Path) -> RunResults:
    """A run of four utterances on disk, of all kinds of voices, without need of a noise bank."""
    rng = np.random.default_rng(0)
    kinds = [("bonafide", "human", "-"), ("spoof", "human", "voc"), ("spoof", "synthetic", "tts")]
    rows = []
    for number, (label, voice, system) in enumerate([*kinds, kinds[2]]):
        wave = 0.1 * rng.standard_normal(16_000)
        soundfile.write(tmp_path / f"u{number}.wav", wave, 16_000)
        sha = hashlib.sha256((tmp_path / f"u{number}.wav").read_bytes()).hexdigest()
        rows.append((f"u{number}", f"u{number}.wav", label, voice, system, sha))
    columns = ["utterance_id", "path", "label", "voice", "spoof_system", "file_sha256"]
    run = synthetic_run.run(6, 4)
    table = pd.DataFrame(rows, columns=columns).assign(speaker="s", track="-", source="-")
    names = ["clean", "lowpass(cutoff=3000)", "lowpass(cutoff=7000)", "white_noise_of_nobody(x=1)"]
    plan = [{"condition": n, "identity": parse(n).identity()} for n in names[:3]]
    return replace(
        run,
        protocol=replace(run.protocol, name="mine", root=tmp_path, table=table),
        conditions=tuple(ConditionInfo(name, "filtering") for name in names),
        provenance={"plan": {"seed": 7, "conditions": plan}},
    )


DEFAULTED = ("digest", "realisations", "quality", "budget")


@pytest.fixture
def tables_of_audible() -> Tables:
    """Tables in which the lower cutoff has the higher EER."""
    rows = [("lowpass(cutoff=3000)", 0.4), ("lowpass(cutoff=7000)", 0.2)]
    conditions = pd.DataFrame(rows, columns=["condition", "eer"]).assign(track=None)
    blank = pd.DataFrame()
    board = pd.DataFrame({"track": [None]})
    known = {"leaderboard": board, "conditions": conditions, "axes": {}, "choices": {}}
    left = [f.name for f in dataclasses.fields(Tables) if f.name not in {*known, *DEFAULTED}]
    return Tables(**dict.fromkeys(left, blank), **known)


def test_samples_play_only_synthetic_voices_by_default(
    audible: RunResults, tables_of_audible: Tables
) -> None:
    def names(voices: str, count: int = 9) -> list[str]:
        return [
            u.name
            for u in samples_section.collect(audible, tables_of_audible, voices, count).utterances
        ]

    assert names("synthetic") == ["u2", "u3"]
    assert names("synthetic", 1) == ["u2"]
    assert names("all") == ["u0", "u1", "u2", "u3"]
    assert names("none") == ["u2", "u3"]
    assert names("none", 0) == names("all", 0) == []
    silent = replace(audible.protocol, table=audible.protocol.table.drop(columns="voice"))
    found = samples_section.collect(replace(audible, protocol=silent), tables_of_audible)
    assert not found.utterances and "names no utterance" in found.note


def test_no_human_voice_of_the_embedded_set_is_embedded(audible: RunResults) -> None:
    table = pd.DataFrame(
        [
            ("council", "bonafide", "-", "-"),
            ("council", "spoof", "hifigan-lj", "neural"),
            ("council", "spoof", "world", "classic"),
            ("tortoise-lj", "spoof", "tortoise", "tts"),
            ("hibari-heart", "spoof", "hibari", "tts"),
        ],
        columns=["speaker", "label", "spoof_system", "track"],
    ).assign(voice="synthetic")
    protocol = replace(audible.protocol, name="embedded", table=table)
    run = dataclasses.replace(audible, protocol=protocol)  # its trials have no ids
    assert samples_section.permitted(run, "synthetic")["speaker"].tolist() == ["hibari-heart"]
    assert set(samples_section.permitted(run, "all")["track"]) == {"tts"}


def test_samples_equal_the_scored_audio(audible: RunResults, tables_of_audible: Tables) -> None:
    (one, _) = samples_section.collect(audible, tables_of_audible, "synthetic", 2).utterances
    assert [card.condition for card in one.cards] == ["lowpass(cutoff=3000)"]  # the attack's worst
    assert one.cards[0].state is State.VERIFIED
    assert any("white_noise_of_nobody" in left for left in one.left_out)
    again = samples_section.collect(audible, tables_of_audible, "synthetic", 2).utterances
    assert again[0] == one  # the same bytes
    plan = audible.provenance["plan"]
    older = [item | {"identity": "lowpass#v0"} for item in plan["conditions"]]
    changed = replace(audible, provenance={"plan": plan | {"conditions": older}})
    (one, _) = samples_section.collect(changed, tables_of_audible, "synthetic", 2).utterances
    assert not one.cards and any("changed" in left for left in one.left_out)


def test_what_another_page_shows_is_not_laundered_again(
    audible: RunResults, tables_of_audible: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    mild, hard = "lowpass(cutoff=7000)", "lowpass(cutoff=3000)"
    done: list[str] = []
    launder = samples_section._laundered

    def counted(utterance: Any, name: str, seed: int) -> Any:
        done.append(name)
        return launder(utterance, name, seed)

    monkeypatch.setattr(samples_section, "_laundered", counted)
    first = samples_section.collect(audible, tables_of_audible, "synthetic", 2)
    assert done == [hard, hard]
    again = samples_section.collect(audible, tables_of_audible, "synthetic", 2, first)
    assert done == [hard, hard] and again == first
    eers = tables_of_audible.conditions.assign(eer=[0.1, 0.3])  # now the other one is the worst
    other = dataclasses.replace(tables_of_audible, conditions=eers)
    second = samples_section.collect(audible, other, "synthetic", 2, first)
    assert done == [hard, hard, mild, mild]
    assert second == samples_section.collect(audible, other, "synthetic", 2)


def test_without_voices_a_few_pictures_are_shown(
    audible: RunResults, tables_of_audible: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = samples_section.collect(audible, tables_of_audible, "none", 1)
    (one,) = found.utterances
    assert found.voices == "none"
    assert [card.condition for card in one.cards] == ["lowpass(cutoff=3000)"]  # the family's worst
    shown = [one.before, *(card.after for card in one.cards)]
    assert all(wave.picture.startswith("data:image/png") and not wave.audio for wave in shown)
    families = ("filtering", "other")
    infos = [ConditionInfo(info.condition, families[number % 2]) for number, info in
             enumerate(audible.conditions)]  # fmt: skip
    two = replace(audible, conditions=tuple(infos))
    (one,) = samples_section.collect(two, tables_of_audible, "none", 1).utterances
    assert {card.condition for card in one.cards} == {i.condition for i in infos[1:3]}
    monkeypatch.setattr(samples_section, "PICTURED", 1)
    (one,) = samples_section.collect(two, tables_of_audible, "none", 1).utterances
    assert [card.condition for card in one.cards] == ["lowpass(cutoff=3000)"]  # the worse family


def test_effects_are_taken_from_the_run(audible: RunResults, tables_of_audible: Tables) -> None:
    rows = [
        (0, "residual", -12.0, True, True), (0, "stop band attenuation", 61.5, False, True),
        (0, "length", 16000.0, True, False),
    ]  # fmt: skip
    columns = ["step", "quantity", "measured", "passed", "effect"]
    effects = pd.DataFrame(rows, columns=columns).assign(
        condition="lowpass(cutoff=3000)", utterance_id="u2", attack="lowpass(cutoff=3000)",
        unit="dB", relation=">=", claimed=60.0, tolerance=0.0,
    )  # fmt: skip
    found = samples_section.collect(replace(audible, effects=effects), tables_of_audible, "none", 2)
    (first,), (second,) = (utterance.cards for utterance in found.utterances)
    assert (first.recorded, first.state, first.check) == (True, State.REFUTED, "residual -12 dB")
    assert not second.recorded and second.state is State.VERIFIED and second.check != first.check
    assert found.measured
    silent = effects.assign(measured=np.nan, passed=pd.array([pd.NA] * 3, dtype="boolean"))
    (one,) = samples_section.collect(
        replace(audible, effects=silent), tables_of_audible, "none", 1
    ).utterances
    assert (one.cards[0].state, one.cards[0].check, one.cards[0].recorded) == (
        State.UNMEASURED,
        "",
        True,
    )


def test_missing_samples_are_explained(audible: RunResults, tables_of_audible: Tables) -> None:
    root = audible.protocol.root
    for name in ("u2.wav", "u3.wav"):
        (root / name).write_bytes((root / "u0.wav").read_bytes())
    assert "not what was scored" in samples_section.collect(audible, tables_of_audible).note
    for name in ("u2.wav", "u3.wav"):
        (root / name).unlink()
    found = samples_section.collect(audible, tables_of_audible)
    assert found == Samples(note=found.note) and "not at hand" in found.note


def test_tracks_of_one_cluster_are_listed_as_without_intervals() -> None:
    """The spoofs of `tts` have their own speakers; all other trials have the same one."""
    some = reduced(synthetic_run.run(1, 4))
    found = leaderboard_tables.tables(some, 10)
    parts = leaderboard_section.tracks(found, some.detectors)
    shown = [(track.name, track.sure) for track in parts]
    assert shown == [("neural", False), ("classic", False), ("tts", True)]
    page = document.render(some, found)
    assert page.count("No intervals were made:") == 2 and "without resamples" not in page
    for words in ("each over its 95 % interval", "with its paired 95 % interval", "95 % bands"):
        assert f"{words} (none on neural, classic)" in page
    text = markdown.document(some, found, "1")
    assert text.count("No intervals were made.") == 2
    assert "No intervals" not in text.partition("## Track tts")[2]
    for write in (latex_tables.leaderboard, latex_tables.conditions):  # of the headline track
        written = write(some, found, "1", "r")
        assert "No intervals were made." in written and "intervals of a" not in written
    assert "[" not in terminal_summary.summary(found)
