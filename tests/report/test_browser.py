"""The report in a real browser: from disk, without network, by mouse, keyboard and screen reader.

The tests drive the system's Chromium and are skipped if there is none.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.laundering.verification import State
from benchmark.leaderboard import leaderboard_tables
from benchmark.report import gallery, palette, writer
from benchmark.report.html import Samples
from benchmark.report.html.samples_section import Card, Utterance
from benchmark.scores import fusion, scope, scopes
from tests.support import synthetic_run

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
HOSTILE = "<b>\"'&\\alpha{声}</b><script>document.title='taken'</script>"
FUSION = "mean(melcnn, rawcnn)"
WIDE, NARROW = 1440, 375
VIEWS = (
    "leaderboard", "loss", "conditions", "severity", "profiles", "differences", "robustness",
    "adversary", "curves", "systems",
)  # fmt: skip
UNFOLD = "() => document.querySelectorAll('details').forEach((part) => { part.open = true; })"


@dataclass
class Visit:
    """A loaded page, with its network requests and its console errors and warnings."""

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser here: none of {', '.join(NAMES)} is on the path")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a broken run with three tracks, a hostile detector name, and two sounds."""
    run = synthetic_run.broken(synthetic_run.run())
    keep = {i.condition for i in run.conditions if not re.search("white|volvo|street", i.condition)}
    run = synthetic_run.replace(
        run,
        conditions=tuple(info for info in run.conditions if info.condition in keep),
        scores=run.source.score_rows[run.source.score_rows["condition"].isin(keep)].replace(
            "shortcut", HOSTILE
        ),
        effects=run.source.effect_rows[run.source.effect_rows["condition"].isin(keep)],
        detectors=tuple(name.replace("shortcut", HOSTILE) for name in run.detectors),
        provenance=run.provenance | {"plan": {"suite": "a long line to cite; " * 20}},
    )
    tone = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000).astype(np.float32) / 2
    before, after = (gallery.show(wave, 0.0) for wave in (tone, tone / 4))
    card = Card(HOSTILE, after, State.VERIFIED, "level -18 dB", False)
    samples = Samples((Utterance("tone", "spoof", before, (card,), ("mp3 (no)",)),), "", "all")
    folder = tmp_path_factory.mktemp("browser")
    writer.write(run, folder, leaderboard_tables.tables(run, 40), samples)
    return folder / "leaderboard.html"


@pytest.fixture(scope="module")
def full_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 16 detectors and a baseline under 27 conditions, with two fakes to hear."""
    skill = {f"detector{place:02d}": 4.0 - 0.2 * place for place in range(16)} | {"shortcut": 0.5}
    run = synthetic_run.run(speakers=12, segments=2, skill=skill)
    wave = np.sin(np.arange(64_000) / 6).astype(np.float32) / 2
    shown = gallery.show(wave, 0.0)
    cards = tuple(
        Card(info.condition, shown, State.VERIFIED, "level -18 dB", True)
        for info in run.conditions[1:24:4]
    )
    heard = tuple(Utterance(name, "spoof", shown, cards, ()) for name in ("one", "two"))
    folder = tmp_path_factory.mktemp("full")
    writer.write(run, folder, leaderboard_tables.tables(run, 40), Samples(heard, "", "synthetic"))
    return folder / "leaderboard.html"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of everyone of a run with a fusion; that of the fakes alone is below it."""
    run = synthetic_run.broken(synthetic_run.run(speakers=12))
    run = fusion.add(run, fusion.parse_all([FUSION]))
    folder = tmp_path_factory.mktemp("pair")
    for name, place in ((scopes.BOTH, folder), (scopes.SPOOF, folder / scopes.BESIDE)):
        shown = scope.of(run, name)
        found = leaderboard_tables.tables(shown, 40)
        writer.put(writer.texts(shown, found, "pair", paired=True), place)
    return folder / "leaderboard.html"


def opened(browser: Any, file: Path, width: int = WIDE, **context: Any) -> Visit:
    session = browser.new_context(
        viewport={"width": width, "height": 900},
        offline=True,
        **{"color_scheme": "light"} | context,
    )
    visit = Visit(session.new_page())
    visit.page.on("request", lambda request: visit.requests.append(request.url))
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    visit.page.on(
        "console",
        lambda line: visit.errors.append(line.text) if line.type in ("error", "warning") else 0,
    )
    visit.page.goto(file.as_uri())
    return visit


@pytest.fixture
def visit(browser: Any, file: Path) -> Iterator[Visit]:
    visited = opened(browser, file)
    yield visited
    assert visited.errors == []
    visited.page.context.close()


def test_loads_from_disk_without_requests(visit: Visit, file: Path) -> None:
    assert visit.page.title() == "LaunderBench: embedded"
    strays = [url for url in visit.requests if not url.startswith("data:")]
    assert strays == [file.as_uri()]
    assert HOSTILE in visit.page.inner_text("#board-1")
    assert visit.page.locator("script").count() == 2


def test_sorts_by_mouse_and_by_keyboard(visit: Visit) -> None:
    page = visit.page
    head = page.locator("#board-1 thead th", has_text="Clean EER")
    cells = page.locator("#board-1 tbody td:nth-child(6)")

    def column() -> list[float]:
        return [float(text.split()[0]) for text in cells.all_inner_texts()]

    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column() == sorted(column())
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert column() == sorted(column(), reverse=True)
    page.locator("#board-1 thead button", has_text="Laundered EER").click()
    page.locator("#board-1 thead button", has_text="Laundered EER").click()
    assert page.locator("#board-1 [aria-sort]").count() == 1
    assert "rawcnn" in page.locator("#board-1 tbody tr").last.inner_text()  # unranked stays last


def test_the_first_click_sorts_the_best_first(visit: Visit) -> None:
    visit.page.evaluate(UNFOLD)
    table = visit.page.locator("#adversary ~ .track[data-track=neural] table").first
    head = table.locator("thead th", has_text="Balanced accuracy")
    cells = table.locator("tbody td:nth-child(3)")

    def column() -> list[float]:
        texts = [text.split()[0] for text in cells.all_inner_texts()]
        assert texts[-1] == "–"  # the unranked one has no mean
        return [float(text) for text in texts[:-1]]

    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column() == sorted(column(), reverse=True) != sorted(column())
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column() == sorted(column())


@pytest.mark.parametrize(
    ("field_", "table"), [("Filter detectors", "#board-1"), ("Filter conditions", "#heat-1")]
)
def test_a_filter_does_not_move_columns(visit: Visit, field_: str, table: str) -> None:
    heads = visit.page.locator(f"{table} thead th")

    def widths() -> list[float]:
        return [box["width"] for box in (head.bounding_box() for head in heads.all())]

    before = widths()
    visit.page.get_by_label(field_).first.fill("nothing has this name")
    assert not visit.page.locator(f"{table} tbody tr:visible").count()
    assert widths() == pytest.approx(before, abs=0.5)
    bottom = visit.page.locator(f"{table} thead").bounding_box()
    whole = visit.page.locator(table).bounding_box()
    assert whole["height"] < bottom["height"] + 40  # hidden rows take no space


def test_marks_stay_on_the_axis(visit: Visit) -> None:
    for bar in visit.page.locator("#board-1 td.bar").all():
        axis = bar.locator(".axis").bounding_box()
        marks = bar.locator("i").all()
        assert len(marks) in (2, 3, 5) and axis["width"] > 100  # with the rod that joins both
        for mark in marks:
            box = mark.bounding_box()
            assert box["x"] >= axis["x"] - 4
            assert box["x"] + box["width"] <= axis["x"] + axis["width"] + 4


def test_the_narrow_board_shows_the_ranking_columns(browser: Any, file: Path) -> None:
    page = opened(browser, file, NARROW).page
    frame = page.locator(".frame:has(#board-1)")
    right = frame.bounding_box()["x"] + frame.bounding_box()["width"]
    for place in (1, 3, 4):  # the brackets are left out where there is no room
        for cell in page.locator(f"#board-1 tr > :nth-child({place})").all():
            if HOSTILE not in cell.inner_text():
                box = cell.bounding_box()
                assert box["x"] >= 0 and box["x"] + box["width"] <= right - 20  # off the shadow
    playwright.expect(frame).to_have_class("frame more")
    shadow = "frame => getComputedStyle(frame, '::after').pointerEvents"
    assert frame.evaluate(shadow) == "none"  # the shadow exists and ignores the mouse
    frame.locator(".scroll").evaluate("part => { part.scrollLeft = part.scrollWidth; }")
    playwright.expect(frame).to_have_class("frame")
    page.evaluate(UNFOLD)
    for name in page.locator(".figures tbody th >> visible=true").all():
        if HOSTILE not in name.inner_text():
            assert name.bounding_box()["width"] > 90 and name.bounding_box()["height"] < 80
    tops = "cells => new Set(cells.map(cell => cell.getBoundingClientRect().top)).size"
    for row in page.locator("#board-1 tbody tr").all():
        assert row.locator("> *:visible").evaluate_all(tops) == 1  # all cells share one rule


def test_a_note_is_a_link_away(visit: Visit) -> None:
    mark = visit.page.locator("#board-1 tr", has_text="rawcnn").locator("sup a").first
    assert mark.get_attribute("aria-label").startswith("note ")
    mark.press("Enter")
    note = visit.page.locator("li:target")
    assert note.inner_text() == "unranked: 1 cell lacks trials" and note.is_visible()


def test_labels_of_severities_do_not_overlap(visit: Visit) -> None:
    for chart in visit.page.locator("#severity ~ .track:visible figure").all():
        texts = chart.locator("svg:not([hidden]) > text[text-anchor]").all()
        boxes = [text.bounding_box() for text in texts]
        boxes.sort(key=lambda box: (round(box["y"] / 8), box["x"]))
        for one, other in pairwise(boxes):
            if abs(one["y"] - other["y"]) < 4:
                assert other["x"] - one["x"] - one["width"] > 6


def test_filters_rows_and_shows_the_remaining_count(visit: Visit) -> None:
    page = visit.page
    field_ = page.get_by_label("Filter detectors").first
    field_.fill("RESNET")
    rows = page.locator("#board-1 tbody tr:visible")
    assert [text.startswith("resnet18") for text in rows.locator("th").all_inner_texts()] == [True]
    assert "1 of 4 shown" in page.inner_text("[data-track=neural] .tools output >> nth=0")
    field_.fill("")
    assert rows.count() == 4
    conditions = page.get_by_label("Filter conditions")
    curves = page.locator("#severity ~ .track:visible figure:visible")
    before = curves.count()
    conditions.fill("mp3(")
    assert page.locator("#only-count").inner_text().startswith("4 of ")
    assert 0 < curves.count() < before and "mp3" in curves.first.inner_text()
    shown = page.locator("#heat-1 tbody tr:visible th").all_inner_texts()
    assert shown[0].startswith("Codec") and all("%" in text for text in shown)
    assert [text.split()[1] for text in shown[1:]] == ["160", "128", "64", "16"]
    conditions.fill("reverberation")  # the name of a family matches its conditions
    assert len(page.locator("#heat-1 tbody tr:visible th").all_inner_texts()) == 4


def test_folds_a_family_under_its_mean(visit: Visit) -> None:
    page = visit.page
    rows = page.locator("#heat-1 tbody tr:visible")
    before = rows.count()
    button = page.locator("#heat-1 button", has_text="Codec")
    assert button.get_attribute("aria-expanded") == "true"
    button.press("Enter")
    assert button.get_attribute("aria-expanded") == "false"
    assert rows.count() == before - 4


def test_bounds_are_shown_on_request(visit: Visit) -> None:
    page = visit.page
    bound = page.locator("#heat-1 td small:not(.part)").first
    assert not bound.is_visible()
    page.locator("[data-track=neural] .bounds").check()
    assert bound.is_visible()


def test_shows_the_loss_in_place_of_the_eer(visit: Visit, file: Path) -> None:
    page = visit.page
    cells = pd.read_csv(file.parent / "conditions_full.csv").query("track == 'neural'")
    eers = cells[cells["detector"] == "resnet18"].set_index("condition")["eer"]
    loss = eers["mp3(kbps=16)"] - eers["clean"]
    clean = page.locator("#heat-1 tbody tr").first.locator("td").first
    cell = page.locator("#heat-1 tr", has_text="mp3 16 kbit").locator("td").first
    family = page.locator("#board-1 tr", has_text="resnet18").locator("td.cell").first
    before = [(one.inner_text(), one.get_attribute("class")) for one in (cell, family)]
    names = page.locator("#board-1 tbody:not(.floor) tr:not(.head) .name > a")
    order = names.all_inner_texts()
    loss_, eer = (page.locator(f".metric [data-show={name}]") for name in ("loss", "eer"))
    assert eer.get_attribute("aria-pressed") == "true"
    loss_.press("Enter")
    assert loss_.get_attribute("aria-pressed") == "true"
    assert cell.inner_text() == f"{100 * loss:+.1f}" and loss > 0.05
    assert f"h{palette.level(loss)}" in cell.get_attribute("class").split()
    assert clean.inner_text() == f"{100 * eers['clean']:.1f}"
    assert family.inner_text().startswith("+")
    board = pd.read_csv(file.parent / "leaderboard.csv").set_index("detector")["eer_delta"]
    shown = [board[name] for name in names.all_inner_texts() if board.notna()[name]]
    assert shown == sorted(shown)  # the smallest loss first
    eer.click()
    assert [(one.inner_text(), one.get_attribute("class")) for one in (cell, family)] == before
    assert names.all_inner_texts() == order


def shape(path: str) -> list[tuple[float, float]]:
    """Return the points of a path of absolute and relative steps."""
    found: list[tuple[float, float]] = []
    for letter, text in re.findall(r"([MLlh])([^MLlhz]*)", path):
        numbers = [float(number) for number in re.findall(r"-?[0-9.]+", text)]
        for x, y in zip(numbers[::2], numbers[1::2], strict=letter != "h"):
            last = found[-1] if letter == "l" else (0.0, 0.0)
            found.append((last[0] + x, last[1] + y))
    return found


def test_severity_curves_show_the_loss_with_its_bounds(visit: Visit, file: Path) -> None:
    page = visit.page
    cells = pd.read_csv(file.parent / "conditions_full.csv").query("track == 'neural'")
    rows = cells.set_index(["detector", "condition"])
    names = ["clean", *(f"mp3(kbps={rate})" for rate in (160, 128, 64, 16))]
    figure = page.locator("#severity ~ .track[data-track=neural] figure", has_text="mp3")
    charts = figure.locator("svg:visible")
    before = charts.evaluate_all("all => all.map(one => one.outerHTML)")
    intro = page.locator("section[aria-labelledby=severity] > p")
    assert intro.locator("visible=true").inner_text().startswith("EER in per cent")
    page.get_by_label("show melcnn below").locator("visible=true").uncheck()
    page.locator(".metric [data-show=loss]").click()
    assert intro.locator("visible=true").inner_text().startswith("EER minus")
    assert charts.count() == 1 and charts.get_attribute("role") == "img"
    label = charts.get_attribute("aria-label")
    assert label.startswith("Loss in points of every detector under mp3") and "EER" not in label
    assert not charts.locator(".guess").count() and charts.locator(".zero").count() == 1
    texts = charts.locator("text[x='24']").evaluate_all(
        "a => a.map(t => [t.textContent, +t.getAttribute('y') - 12])"
    )
    heights = {float(text.replace("\u2212", "-")) / 100: y for text, y in texts}
    assert 0 in heights and len(heights) >= 3
    (low, bottom), (high, top) = min(heights.items()), max(heights.items())

    def value(y: float) -> float:
        return low + (bottom - y) / (bottom - top) * (high - low)

    assert not charts.locator("g[data-s='1']").is_visible()  # the choice of detectors holds
    for number, detector in ((0, "resnet18"), (2, "rawcnn")):
        line = charts.locator(f"g[data-s='{number}']")
        mine = [rows.loc[(detector, name)] for name in names]
        known = [cell for cell in mine if not np.isnan(cell["eer_delta"])]
        assert len(known) == (5 if number == 0 else 4)  # one level lacks trials
        drawn = shape(line.locator(".line").get_attribute("d"))
        assert [x for x, _ in drawn] == [0, 75, 150, 225, 300][: len(known)]
        read = [value(y) for _, y in drawn]
        assert read == pytest.approx([cell["eer_delta"] for cell in known], abs=0.005)
        dotted = dict(shape(line.locator(".dots").first.get_attribute("d")))
        hollow = line.locator(".hollow")
        if hollow.count():
            dotted |= dict(shape(hollow.get_attribute("d")))
        assert [value(y) for _, y in sorted(dotted.items())] == pytest.approx(read)
        edge = shape(line.locator(".band").get_attribute("d"))
        upper, lower = edge[: len(known)], edge[: len(known) - 1 : -1]
        for side, key in ((upper, "eer_delta_high"), (lower, "eer_delta_low")):
            bounds = [cell[key] for cell in known]
            assert [value(y) for _, y in side] == pytest.approx(bounds, abs=0.01)
    page.get_by_role("button", name="all", exact=True).click()
    assert charts.locator("g[data-s='1']").is_visible()
    page.locator(".metric [data-show=eer]").click()
    assert charts.evaluate_all("all => all.map(one => one.outerHTML)") == before
    assert intro.locator("visible=true").inner_text().startswith("EER in per cent")


def test_switches_the_track_everywhere(visit: Visit) -> None:
    page = visit.page
    page.evaluate(UNFOLD)
    assert page.locator(".track:visible").evaluate_all(
        "parts => [...new Set(parts.map(p => p.dataset.track))]"
    ) == ["neural"]
    page.locator(".tabs button", has_text="tts").click()
    seen = page.locator(".track:visible").evaluate_all("p => p.map(part => part.dataset.track)")
    assert len(seen) == len(VIEWS) and set(seen) == {"tts"}
    assert page.locator(".tabs button[aria-pressed=true]").all_inner_texts() == ["tts"]
    for name in VIEWS:
        assert page.locator(f"section[aria-labelledby={name}] .track:visible").count() == 1


def test_switches_track_and_condition_by_keyboard(visit: Visit) -> None:
    page = visit.page
    tab = page.locator(".tabs button", has_text="classic")
    tab.press("Enter")
    assert tab.get_attribute("aria-pressed") == "true"
    fold = page.locator("summary", has_text="At every threshold")
    fold.press("Enter")
    select = page.get_by_label("Compare clean with").locator("visible=true").first
    fold.press("Tab")
    assert select.evaluate("field => field === document.activeElement")
    before = select.input_value()
    page.keyboard.press("Home")
    assert select.input_value() != before
    name = page.locator("#curves ~ .track:visible .chosen-name").inner_text()
    assert name == select.locator("option:checked").inner_text().removesuffix(" (refuted)")


def test_compares_clean_with_any_condition_on_every_track(visit: Visit) -> None:
    page = visit.page
    data = json.loads(page.locator("#data").text_content())
    assert list(data["tracks"]) == ["classic", "neural", "tts"]
    place = data["names"].index("reverb(rt60=0.3)")

    def drawn(part: Any, kind: str) -> list[str]:
        return part.locator(f"path[data-k={kind}]").evaluate_all("all => all.map(p => p.outerHTML)")

    for track, held in data["tracks"].items():
        part = page.locator(f"#curves ~ .track[data-track={track}]")
        curve = part.locator(".chosen path[data-k=det][data-s='0']")
        assert curve.get_attribute("d") == held["cells"]["det"][0][held["worst"]]
        assert held["worst"] != place
    clean = [drawn(page.locator(".charts:not(.chosen *)"), kind) for kind in ("roc", "det", "pr")]
    page.evaluate(UNFOLD)
    page.locator("#choose-profiles-1").select_option(str(place))
    assert clean == [
        drawn(page.locator(".charts:not(.chosen *)"), kind) for kind in ("roc", "det", "pr")
    ]
    for track, held in data["tracks"].items():
        cells = held["cells"]
        part = page.locator(f".track[data-track={track}]")
        for kind, mark in {
            "roc": "s",
            "det": "s",
            "pr": "s",
            "bonafide": "i",
            "spoof": "i",
        }.items():
            for number in range(4):
                path = part.locator(f".chosen path[data-k={kind}][data-{mark}='{number}']")
                assert path.get_attribute("d") == cells[kind][number][place]
        counts = part.locator(".chosen td[data-i='1'] small").all_text_contents()
        assert [int(count) for count in counts] == cells["counts"][1][place]
        rate = part.locator(".chosen [data-i='1'][data-k=eer]").text_content()
        assert rate == f"{100 * cells['eer'][1][place]:.1f}"
    assert set(page.locator(".chosen-name").all_text_contents()) == {"reverb(rt60=0.3)"}
    values = page.locator("select.choose").evaluate_all("all => all.map(one => one.value)")
    assert values == [str(place)] * 6  # two views, three tracks
    assert not page.locator(".chosen-why:visible").count()
    page.emulate_media(media="print")
    assert not page.locator(".chosen-why:visible").count()


def test_a_tick_chooses_what_everything_below_shows(visit: Visit) -> None:
    page = visit.page
    page.evaluate(UNFOLD)
    curves, columns = page.locator("[data-s='0']:visible"), page.locator("#heat-1 thead th:visible")
    figures = page.locator("#robustness ~ .track[data-track=neural] .figures tbody tr:visible")
    pairs = page.locator("#pairs-1 tbody tr:visible")
    assert curves.count() > 6 and columns.count() == 5 and figures.count() == 4
    before = pairs.count()
    page.get_by_label("show resnet18 below").locator("visible=true").uncheck()
    assert curves.count() == 0 and columns.count() == 4 and figures.count() == 3
    assert 0 < pairs.count() < before
    assert not page.locator(".legend li:visible", has_text="resnet18").count()
    assert page.locator("#chosen-count").inner_text() == "3 of 4 detectors"
    assert page.locator("#board-1 tbody tr:visible").count() == 4  # the leaderboard keeps all
    page.get_by_role("button", name="all", exact=True).click()
    assert curves.count() > 6 and columns.count() == 5 and pairs.count() == before


def test_a_link_brings_a_view_back(browser: Any, file: Path, visit: Visit) -> None:
    page = visit.page
    page.locator(".tabs button", has_text="tts").click()
    page.get_by_label("show resnet18 below").locator("visible=true").uncheck()
    page.locator(".metric button", has_text="loss").click()
    page.get_by_label("Filter conditions").fill("mp3")
    link = page.locator("#permalink").get_attribute("href")
    assert page.evaluate("location.hash") == link
    again = opened(browser, file).page
    again.goto(file.as_uri() + link)
    again.reload()
    assert again.locator(".tabs [aria-pressed=true]").inner_text() == "tts"
    assert again.locator("#chosen-count").inner_text() == "3 of 4 detectors"
    assert again.locator(".metric [aria-pressed=true]").inner_text() == "loss"
    assert again.get_by_label("Filter conditions").input_value() == "mp3"
    assert again.locator("#heat-3 tbody tr:visible").count() == 5  # four, and their family
    assert again.locator("#heat-3 td:visible", has_text="+").count() > 4
    assert not again.get_by_label("show resnet18 below").locator("visible=true").is_checked()


def test_a_link_to_all_of_many_detectors_shows_all(browser: Any, full_page: Path) -> None:
    page = opened(browser, full_page).page
    assert page.locator("#chosen-count").inner_text() == "5 of 17 detectors"
    page.get_by_role("button", name="all", exact=True).click()
    link = page.locator("#permalink").get_attribute("href")
    again = opened(browser, full_page.with_name(full_page.name), WIDE).page
    again.goto(full_page.as_uri() + link)
    again.reload()
    assert again.locator("#chosen-count").inner_text() == "17 of 17 detectors"


def scope_link(page: Any, name: str) -> Any:
    return page.get_by_role("group", name="Scope").get_by_role("link", name=name)


def test_the_other_scope_opens_at_the_same_view(browser: Any, pair: Path) -> None:
    visit = opened(browser, pair)
    page = visit.page

    def laundered() -> str:
        row = page.locator("#board-3 tr", has=page.locator(".name", has_text=FUSION))
        return str(row.locator(".key").inner_text())

    below = (pair.parent / scopes.BESIDE / pair.name).as_uri()
    assert scope_link(page, "everyone").get_attribute("aria-current") == "page"
    page.locator(".tabs button", has_text="tts").click()
    page.get_by_label("show resnet18 below").locator("visible=true").uncheck()
    page.locator(".metric button", has_text="loss").click()
    page.get_by_label("Filter conditions").fill("mp3")
    page.evaluate(UNFOLD)
    chosen = page.get_by_label("Compare clean with").locator("visible=true").first
    chosen.select_option(label="mp3(kbps=64)")
    asked = page.evaluate("location.hash")
    eer = laundered()
    scope_link(page, "fakes alone").click()
    page.wait_for_url(f"{below}#*")

    def same() -> None:
        assert page.evaluate("location.hash") == asked
        assert page.locator(".tabs [aria-pressed=true]").inner_text() == "tts"
        assert page.locator("#chosen-count").inner_text() == "4 of 5 detectors"
        assert page.get_by_label(f"show {FUSION} below").locator("visible=true").is_checked()
        assert not page.get_by_label("show resnet18 below").locator("visible=true").is_checked()
        assert page.locator(".metric [aria-pressed=true]").inner_text() == "loss"
        assert page.get_by_label("Filter conditions").input_value() == "mp3"
        assert set(page.locator(".chosen-name").all_text_contents()) == {"mp3(kbps=64)"}

    same()
    assert "Scope spoof" in page.inner_text("header .note")
    assert scope_link(page, "fakes alone").get_attribute("aria-current") == "page"
    assert laundered() != eer
    scope_link(page, "everyone").press("Enter")
    page.wait_for_url(f"{pair.as_uri()}#*")
    same()
    assert laundered() == eer
    assert visit.errors == []


def test_the_other_scope_opens_where_the_reader_was(browser: Any, pair: Path) -> None:
    page = opened(browser, pair).page
    page.locator("#severity").scroll_into_view_if_needed()
    page.evaluate(
        "() => document.getElementById('severity').scrollIntoView({ behavior: 'instant' })"
    )
    playwright.expect(page.locator(".toc a[href='#severity']")).to_have_attribute(
        "aria-current", "true"
    )
    # a click of Playwright would scroll the page first, because the bar is sticky
    scope_link(page, "fakes alone").evaluate("link => link.click()")
    page.wait_for_url("**/scope-spoof/*")
    page.wait_for_function("scrollY > 300")
    bar = page.locator(".bar-top").bounding_box()["height"]
    assert bar < page.locator("#severity").bounding_box()["y"] < bar + 60
    assert "at=" not in page.evaluate("location.hash")  # a place is no choice
    page.evaluate("() => scrollTo({ top: 0, behavior: 'instant' })")
    scope_link(page, "everyone").click()
    page.wait_for_function("!location.pathname.includes('scope-spoof')")
    assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize("width", [NARROW, 390, 768, WIDE])
@pytest.mark.parametrize("folder", [".", scopes.BESIDE])
def test_the_bar_of_two_scopes_fits_and_meets_the_rules(
    browser: Any, pair: Path, width: int, folder: str
) -> None:
    visit = opened(browser, pair.parent / folder / pair.name, width)
    page = visit.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for part in page.locator(".choices :is(a, button, input):visible").all():
        box = part.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    group = page.get_by_role("group", name="Scope")
    tops = group.locator("a").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert len(tops) == 2 and len(set(tops)) == 1
    assert page.locator(".bar-top").bounding_box()["height"] < 120
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.locator(".metric [data-show=loss]").click()
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert visit.errors == []


def test_the_scopes_lead_to_each_other_without_script(browser: Any, pair: Path) -> None:
    page = opened(browser, pair, java_script_enabled=False).page
    scope_link(page, "fakes alone").click()
    page.wait_for_url("**/scope-spoof/leaderboard.html")
    scope_link(page, "everyone").click()
    page.wait_for_url(pair.as_uri())


def test_a_page_of_one_scope_says_how_to_get_the_other(visit: Visit) -> None:
    said = visit.page.locator(".scope")
    assert said.inner_text() == "scope both"
    assert "report RUN --scope each" in said.get_attribute("title")
    assert not visit.page.get_by_role("group", name="Scope").count()


def test_a_condition_is_heard_from_the_heatmap_by_keyboard(browser: Any, full_page: Path) -> None:
    visit = opened(browser, full_page)
    page = visit.page
    buttons = page.locator("#heat-1 .hear")
    assert buttons.count() == 6  # those with a sample on this page
    buttons.first.press("Enter")
    tip = page.locator("#heard")
    assert tip.is_visible() and tip.locator("audio").count() == 2
    name = page.locator("#heat-1 tr:has(.hear) th").first.get_attribute("title")
    assert name in tip.inner_text() and "Before" in tip.inner_text()
    box = tip.bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 900
    assert page.evaluate("document.activeElement.tagName") == "AUDIO"
    assert tip.locator("audio").last.evaluate("player => player.error") is None
    assert axe.Axe().run(page).violations_count == 0
    page.keyboard.press("Escape")
    assert not tip.is_visible() and not tip.locator("audio").count()
    assert buttons.first.evaluate("button => button === document.activeElement")
    assert visit.errors == []


def test_a_row_opens_the_profile_of_its_detector(visit: Visit) -> None:
    page = visit.page
    name = page.locator("#board-1 .name > a", has_text="resnet18")
    name.press("Enter")
    assert name.get_attribute("aria-expanded") == "true"
    below = page.locator("#board-1 tr.inline")
    assert below.count() == 1 and below.locator(".matrix >> visible=true").count() == 2
    curve = below.locator("figure", has_text="median of all detectors").locator("svg .line")
    assert curve.count() == 2 and "M0 " in curve.last.get_attribute("d")
    page.locator("#board-1 .name > a", has_text="melcnn").click()
    assert below.count() == 1 and name.get_attribute("aria-expanded") == "false"
    page.locator("#board-1 thead button", has_text="Clean EER").click()
    assert below.count() == 0  # rows are sorted without it, and it is back in its place
    assert page.locator("#profile-1-1 .matrix").count() == 2


def test_the_first_screen_has_the_answer(visit: Visit) -> None:
    page = visit.page
    finding = page.locator(".findings p").first
    assert "resnet18" in finding.inner_text() and "lowest laundered error" in finding.inner_text()
    for part in (".trust", ".take", "#board-1 tbody tr >> nth=3"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] < 900
    for link in page.locator(".trust a").all():
        link.click()
        target = page.locator(link.get_attribute("href"))
        assert target.evaluate("one => one.checkVisibility()")
    files = page.locator(".take a[download]")
    assert files.all_inner_texts() == ["CSV", "JSON", "LaTeX", "BibTeX"]
    with page.expect_download() as taken:
        files.first.click()
    assert taken.value.suggested_filename == "leaderboard.csv"
    folder = Path(page.url.removeprefix("file://").partition("#")[0]).parent
    assert Path(taken.value.path()).read_bytes() == (folder / "leaderboard.csv").read_bytes()


def test_plays_audio(visit: Visit) -> None:
    page = visit.page
    assert page.locator("audio").count() == 2
    for player in page.locator("audio").all():
        player.scroll_into_view_if_needed()
        played = player.evaluate(
            """async (player) => {
                player.muted = true;
                await player.play();
                await new Promise((done) => player.addEventListener("ended", done));
                return [player.currentTime, player.error];
            }"""
        )
        assert played == [pytest.approx(1.0, abs=0.01), None]
    assert page.locator(".sounds img").evaluate_all("all => all.every(one => one.naturalWidth > 9)")


def test_first_key_leads_to_the_results(visit: Visit) -> None:
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the results"
    assert visit.page.locator(".skip").bounding_box()["x"] >= 0
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize(
    ("width", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")]
)
def test_meets_the_accessibility_rules(browser: Any, file: Path, width: int, scheme: str) -> None:
    visit = opened(browser, file, width, color_scheme=scheme)
    visit.page.evaluate(
        """() => {
            document.querySelectorAll("details").forEach((part) => { part.open = true; });
            document.querySelectorAll(".track").forEach((part) => { part.hidden = false; });
        }"""
    )
    found = axe.Axe().run(visit.page)
    assert found.violations_count == 0, found.generate_report()
    assert len(found.response["passes"]) > 20  # rules were actually checked
    assert visit.errors == []


@pytest.mark.parametrize("width", [NARROW, 768, WIDE])
def test_never_scrolls_sideways(browser: Any, file: Path, width: int) -> None:
    visit = opened(browser, file, width)
    sizes = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] <= sizes[1]
    texts = visit.page.locator("h1, h2, p:visible, figcaption:visible")
    boxes = [box for box in (one.bounding_box() for one in texts.all()) if box]
    assert boxes and all(box["x"] >= -1 and box["x"] + box["width"] <= width + 1 for box in boxes)


def test_ten_families_fit_on_a_desktop(browser: Any, tmp_path: Path) -> None:
    names = ("reverberation", "noise", "codec", "resampling", "filtering", "channel",
             "time_pitch", "enhancement", "chain", "device")  # fmt: skip
    run = synthetic_run.run(speakers=6, segments=2)
    spread = (replace(info, family=names[place % 10]) for place, info in enumerate(run.conditions))
    run = synthetic_run.replace(run, conditions=(run.conditions[0], *[*spread][1:]))
    writer.write(run, tmp_path, leaderboard_tables.tables(run, 0), Samples((), "", "synthetic"))
    page = opened(browser, tmp_path / "leaderboard.html").page
    frame = page.locator(".scroll", has=page.locator("#board-1"))
    assert page.locator("#board-1 thead .cell").count() == 10
    assert frame.evaluate("part => part.scrollWidth - part.clientWidth") <= 0


def test_is_readable_without_script(browser: Any, file: Path) -> None:
    page = opened(browser, file, java_script_enabled=False).page
    for name in ("neural", "classic", "tts"):
        assert page.locator(f".track[data-track={name}] .board").is_visible()
    assert page.locator("#heat-3 tbody tr:visible").count() > 10
    assert page.locator(".tools:visible, .tabs:visible, thead button").count() == 0
    assert page.locator("details[open] #machine").count() == 0
    for fold in page.locator("details.part > summary").all():
        fold.click()
    for fold in page.locator("details.profile > summary").all():
        fold.click()
    drawn = page.locator("svg path.line[data-k]").evaluate_all("all => all.map(p => p.outerHTML)")
    assert len(drawn) == 4 * 3 * 2 * 3 and all('d="M' in path for path in drawn)
    for name in ("neural", "classic", "tts"):
        part = page.locator(f".track[data-track={name}]")
        assert part.locator("svg[aria-label^='ROC, '] >> visible=true").count() == 2
        assert part.locator("svg[aria-label^='Scores of '] >> visible=true").count() == 4 * 2
        assert part.locator(".matrix >> visible=true").count() == 4 * 2
        labels = part.locator("svg[aria-label^='ROC'], svg[aria-label^='Scores']").evaluate_all(
            "all => all.map(one => one.ariaLabel)"
        )
        assert labels and all(f"track {name}" in label for label in labels)
    assert page.locator("audio[controls]").count() == 2
    assert page.locator("#machine details[open]").count() == 0
    page.locator("summary", has_text="Every fact").click()
    assert page.locator("dt", has_text="libraries.numpy").is_visible()


def test_prints_what_is_shown(browser: Any, file: Path) -> None:
    page = opened(browser, file, 720).page  # about the width of a sheet of A4
    page.locator("#heat-1 button", has_text="Codec").click()
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    assert page.locator("#heat-1 tbody tr", has_text="mp3 16 kbit").is_visible()
    assert not page.locator("#heat-2").is_visible()  # of another track
    assert not page.locator(".tools, .toc, audio, .board input").locator("visible=true").count()
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf())) <= 6


@pytest.mark.parametrize(("width", "longest"), [(WIDE, 4500), (390, 8000)])
def test_the_page_is_short(browser: Any, full_page: Path, width: int, longest: int) -> None:
    page = opened(browser, full_page, width).page
    assert page.evaluate("document.documentElement.scrollHeight") <= longest
    if width == WIDE:
        eighth = page.locator("#board-1 tbody tr >> nth=7").bounding_box()
        assert eighth["y"] + eighth["height"] <= 900
        assert page.locator("#heat-1 thead th:visible").count() == 6  # four and the baseline
