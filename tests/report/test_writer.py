"""Report files: equal bytes for equal scores, escaping, contrast, and a self-contained page."""

from __future__ import annotations

import csv
import html.parser
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli.arguments import resamples
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.leaderboard import leaderboard_tables
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import palette, terminal_summary, writer
from benchmark.scores.run_results import RunResults
from tests.support import synthetic_run
from tests.support.synthetic_run import replace

NAMES = [
    "leaderboard.csv",
    "tracks.csv",
    "conditions.csv",
    "conditions_full.csv",
    "robustness.csv",
    "severity.csv",
    "differences.csv",
    "breakdown.csv",
    "seeds.csv",
    "grid.csv",
    "effects.csv",
    "failures.csv",
    "inputs.csv",
    "leaderboard.tex",
    "conditions.tex",
    "leaderboard.md",
    "leaderboard.json",
    "leaderboard.html",
    "run.json",
]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def results() -> RunResults:
    """A broken run in which a detector has a hostile name."""
    run = synthetic_run.broken(synthetic_run.run())
    keep = {"clean", "reverb(rt60=0.3)", "reverb(rt60=0.9)", "mp3(kbps=16)"}
    return replace(
        run,
        conditions=tuple(info for info in run.conditions if info.condition in keep),
        scores=run.source.score_rows[run.source.score_rows["condition"].isin(keep)].replace(
            "shortcut", HOSTILE
        ),
        effects=run.source.effect_rows[run.source.effect_rows["condition"].isin(keep)],
        detectors=tuple(name.replace("shortcut", HOSTILE) for name in run.detectors),
    )


@pytest.fixture(scope="module")
def tables(results: RunResults) -> Tables:
    return leaderboard_tables.tables(results, 40)


@pytest.fixture(scope="module")
def page(results: RunResults, tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    writer.write(results, folder, tables)
    return (folder / "leaderboard.html").read_text()


class Balance(html.parser.HTMLParser):
    """Parser that records unclosed tags and attributes that load a resource."""

    VOID = ("meta", "br", "img", "link", "input", "hr", "wbr")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [
            value or ""
            for name, value in attrs
            if name in ("src", "href", "srcset")
            and not (value or "").startswith(("#", "data:text/", "data:application/json"))
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_files_are_written_whole(results: RunResults, tables: Tables, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    paths = writer.write(results, folder, tables)
    assert [path.name for path in paths] == NAMES
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)
    facts = json.loads((folder / "run.json").read_text())
    assert facts["protocol"]["trial_digest"] == results.protocol.digest()
    assert facts["provenance"]["libraries"] == {"numpy": "2.0"}


def test_same_scores_same_bytes(results: RunResults, tmp_path: Path) -> None:
    other = replace(
        results,
        scores=results.source.score_rows.sample(frac=1, random_state=0),
        failures=results.failures.iloc[::-1],
        provenance=results.provenance | {"started": "another day"},
    )
    folders = [tmp_path / side / "run" for side in "ab"]
    for folder, run in zip(folders, (results, other), strict=True):
        writer.write(run, folder, leaderboard_tables.tables(run, 20))
    for name in NAMES[:-2]:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    pages = [(folder / "leaderboard.html").read_text() for folder in folders]
    assert "another day" in pages[1]
    machine = re.compile(r'<div id="machine">.*?</div>', re.DOTALL)
    assert machine.sub("", pages[0]) == machine.sub("", pages[1])


def test_csv_reads_back(results: RunResults, tables: Tables, tmp_path: Path) -> None:
    writer.write(results, tmp_path, tables)
    back = pd.read_csv(tmp_path / "conditions.csv")
    assert len(back) == len(tables.conditions)
    assert back["eer"].to_numpy() == pytest.approx(tables.conditions["eer"].to_numpy(), abs=1e-5)
    with (tmp_path / "failures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    stray = next(row for row in rows if row["kind"] == "unreadable")
    assert stray["utterance_id"] == "'=cmd|' /C calc'!A0"
    assert stray["cause"] == 'héé "quoted", 声'
    assert stray["condition"] == ""  # it concerns them all


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\n=1"])
def test_no_formula_reaches_a_spreadsheet(text: str) -> None:
    assert writer.cell(text) == "'" + text


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.25, "-0.25"), (-0.0, "0"), (1 / 3, "0.333333"), (None, ""), (False, "false"), (12, "12")],
)
def test_cells(value: object, text: str) -> None:
    assert writer.cell(value) == text


def test_page_is_self_contained_and_well_formed(page: str) -> None:
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert parser.fetched == []
    assert "img" not in parser.tags
    assert parser.tags.count("script") == 2  # the data, and the code that uses them
    assert "url(" not in page
    assert "@import" not in page
    assert len(page) < 1_000_000


def test_page_escapes_data(page: str) -> None:
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<script>alert" not in page
    assert "声" in page


def test_page_shows_shared_warnings_once(page: str) -> None:
    assert "few clusters" not in page  # 20 speakers are enough
    notes = re.findall(r'<li id="(note-1-\d+)">unranked: 1 cell lacks trials</li>', page)
    assert len(notes) == 1
    assert page.count(f'href="#{notes[0]}"') == 1


def test_page_marks_cells_that_do_not_count(page: str) -> None:
    assert page.count('class="flag">refuted</span>') == 3  # one condition, three tracks
    assert "unranked: 1 cell lacks trials" in page
    assert page.count("3 cells lack trials") == 2
    assert 'class="hollow"' in page  # the refuted level on its severity curve
    lacking = r'<td class="off"[^>]*>[0-9.]+<small class="part">[0-9.]+ % scored'
    assert len(re.findall(lacking, page)) == 3


def test_embedded_set_states_its_purpose(results: RunResults, tables: Tables, page: str) -> None:
    assert "Papers should cite results on ASVspoof, In-the-Wild" in page
    other = replace(results, protocol=replace(results.protocol, name="asvspoof2019"))
    assert "Papers should cite" not in writer.html.render(other, tables)


@pytest.mark.parametrize(
    "case", ["no tracks", "one cluster", "no effects", "clean only", "half finished"]
)
def test_page_of_a_poor_run(case: str, tmp_path: Path) -> None:
    run = synthetic_run.run(1 if case == "one cluster" else 6, 4)
    keep = {"clean"} if case == "clean only" else {"clean", "mp3(kbps=16)"}
    run = replace(
        run,
        conditions=tuple(info for info in run.conditions if info.condition in keep),
        scores=run.source.score_rows[run.source.score_rows["condition"].isin(keep)],
    )
    if case == "half finished":  # one detector has no score at all, another none under mp3
        scored = (run.source.score_rows["detector"] == "resnet18") | (
            run.source.score_rows["condition"] == "clean"
        )
        run = replace(
            run,
            scores=run.source.score_rows[
                scored & (run.source.score_rows["detector"] != "shortcut")
            ],
        )
    if case == "no effects":
        run = replace(run, effects=run.source.effect_rows.iloc[:0])
    if case == "no tracks":
        flat = [replace(p, table=p.table.assign(track="-")) for p in (run.protocol, run.dev)]
        run = replace(run, protocol=replace(flat[0], headline="-"), dev=flat[1])
    found = leaderboard_tables.tables(run, 10)
    writer.write(run, tmp_path, found)
    text = (tmp_path / "leaderboard.html").read_text()
    expected = {
        "no tracks": "Leaderboard</h2>",
        "one cluster": "one cluster: no intervals",
        "no effects": "nothing was measured",
        "clean only": "unranked: no verified laundering condition",
        "half finished": "unranked: 2 cells lack trials",
    }
    assert expected[case] in text
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+", "", text)
    assert "None" not in text
    assert "resnet18" in terminal_summary.summary(found)


def test_every_colour_is_legible_and_lightness_orders_it() -> None:
    for dark in (False, True):
        pairs = palette.colours(dark)
        parsed = [(palette._parse(back), palette._parse(ink)) for back, ink in pairs]
        assert min(palette.contrast(*pair) for pair in parsed) >= 4.5
        light = [palette._luminance(back) for back, _ in parsed]
        assert light == sorted(light, reverse=not dark)


def test_summary(tables: Tables) -> None:
    text = terminal_summary.summary(tables)
    lines = text.splitlines()
    assert "80 bona fide, 125 spoof" in lines[0]
    assert any("resnet18" in line and "mp3 16 kbit/s" in line for line in lines)
    assert "rawcnn: unranked: 1 cell lacks trials" in text
    assert "4 failures" in text
    (end,) = (number for number, line in enumerate(lines) if line.startswith("  conditions: "))
    assert max(map(len, lines[:end])) <= 80
    assert lines[-1] == "  demo data: do not cite"


@pytest.mark.parametrize("text", ["1", "99", "-1", "100001", "many"])
def test_too_few_resamples_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "nowhere", f"--bootstrap={text}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--bootstrap" in line and text in line
    few = f"{text} resamples are too few for an interval: 0 makes none, else give at least 100"
    assert (few in line) == (text in ("1", "99"))


@pytest.mark.parametrize("text", ["0", "100"])
def test_none_or_enough_resamples_are_accepted(text: str) -> None:
    assert resamples(text) == int(text)


def test_without_resamples_no_intervals_are_mentioned(tmp_path: Path) -> None:
    run = synthetic_run.run(6, 4)
    keep = {"clean", "mp3(kbps=16)", "mp3(kbps=64)"}
    run = replace(
        run,
        conditions=tuple(info for info in run.conditions if info.condition in keep),
        scores=run.source.score_rows[run.source.score_rows["condition"].isin(keep)],
        effects=run.source.effect_rows[run.source.effect_rows["condition"].isin(keep)],
    )
    found = leaderboard_tables.tables(run, 0)
    writer.write(run, tmp_path, found)
    text = (tmp_path / "leaderboard.html").read_text()
    assert "No intervals were made, since this page was written without resamples" in text
    shown = re.sub("<style>.*?</style>|<script.*?</script>", "", text, flags=re.DOTALL)
    for words in (
        "few clusters",
        "Ties",
        "not told apart",
        "not ruled out",
        "bounds",
        "95 % in",
        "(95 %",
    ):
        assert words not in shown
    board = pd.read_csv(tmp_path / "leaderboard.csv")
    ranges = ["rank_low", "rank_high", "rank_low_drawn", "rank_high_drawn", "tied_with"]
    assert board[ranges].isna().all(axis=None)
    assert board["warnings"].str.fullmatch(r"one attack family \(codec\): [^;]+").all()
    assert board["rank"].tolist() == board["laundered_eer"].rank(method="min").tolist()
    assert "[" not in terminal_summary.summary(found)
    for name in ("leaderboard.tex", "leaderboard.md"):
        assert not re.search(r"1 \(|NA|None|nan", (tmp_path / name).read_text())


def test_a_folder_that_cannot_be_written_is_named(
    results: RunResults, tables: Tables, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        writer.write(results, tmp_path / "file" / "report", tables)
