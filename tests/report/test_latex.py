"""LaTeX tables: they compile and are well-formed; text in data can neither break nor run them."""

from __future__ import annotations

import doctest
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.contract import suites
from attacks.contract.condition import Condition
from benchmark.leaderboard import leaderboard_tables
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import condition_labels, markdown
from benchmark.report.latex import escape as latex_text
from benchmark.report.latex import latex_tables, layout
from benchmark.report.latex.escape import breakable, escape
from benchmark.scores.run_results import ConditionInfo, RunResults
from tests.support import synthetic_run
from tests.support.synthetic_run import replace

HOSTILE = '\\input{/etc/passwd} & 50% of_#1 $x^2$ ~[*] "é" 声 <script>'
ENGINES = ("pdflatex", "lualatex", "xelatex", "tectonic")
LONG = (
    "mel-cnn", "lfcc-lcnn", "resnet18", "mel-cnn+laundering", "shortcut", "random", "lfcc-gmm",
    "aasist-2019la", "rawgat-st", "xlsr-conformertcm-asvspoof5", "raw-cnn@bf16",
    'hub(model="facebook/wav2vec2-base")',
)  # fmt: skip
DOCUMENT = r"""\documentclass[%s]{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
%s
\begin{document}
\input{leaderboard}
\input{conditions}
\end{document}
"""
INTERVALS = r"\newcommand{\laundercellintervals}{}"


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
def texts(results: RunResults, tables: Tables) -> dict[str, str]:
    return {
        "leaderboard": latex_tables.leaderboard(results, tables, "1.2.3", "my_Run 7"),
        "conditions": latex_tables.conditions(results, tables, "1.2.3", "my_Run 7"),
    }


def many(number: int) -> RunResults:
    """Return a run of all 27 conditions with `number` detectors.

    One detector is reversed, and one lacks clean trials.
    """
    run = synthetic_run.run(6)
    rng = np.random.default_rng(number)
    parts = []
    for place, name in enumerate(LONG[:number]):
        base = run.detectors[place % len(run.detectors)]
        part = run.source.score_rows[run.source.score_rows["detector"] == base].assign(
            detector=name
        )
        part["score"] += 0.3 * rng.normal(size=len(part))
        parts.append(part)
    parts[0]["score"] *= -1
    lost = (parts[1]["condition"] == "clean") & (parts[1]["split"] == "test")
    parts[1] = parts[1].drop(parts[1].index[lost][:1])
    scores = pd.concat(parts, ignore_index=True)
    return replace(run, detectors=LONG[:number], scores=scores, imported=("resnet18",))


@pytest.fixture(scope="module", params=[7, 12])
def crowd(request: pytest.FixtureRequest) -> tuple[RunResults, Tables]:
    run = many(request.param)
    return run, leaderboard_tables.tables(run, 20)


def without_commands(text: str) -> str:
    """Return the text without escaped specials and commands."""
    return re.sub(r"\\[&%$#_{}]|\\[a-zA-Z]+|\\[^a-zA-Z]", "", text)


def columns(row: str) -> int:
    return without_commands(row).count("&") + 1


def tables_of(text: str) -> list[str]:
    return text.split("\\begin{\\laundertable}")[1:]


def rows_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.endswith(" \\\\")]


@pytest.mark.parametrize("name", ["leaderboard", "conditions"])
def test_tables_are_well_formed(texts: dict[str, str], name: str) -> None:
    text = texts[name]
    assert re.sub(r"\\launderother\{[^{}]*\}", "", text).isascii()
    opened: list[str] = []
    for kind, what in re.findall(r"\\(begin|end)\{([^}]*)\}", text):
        if kind == "begin":
            opened.append(what)
        else:
            assert opened.pop() == what
    assert not opened
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    bare = re.sub(r"\\[{}]", "", body)
    assert bare.count("{") == bare.count("}")
    parts = tables_of(text)
    assert len(parts) == {"leaderboard": 1, "conditions": 2}[name]  # with intervals, and without
    for part in parts:
        spec = re.search(r"\\begin\{tabular\}\{@\{\}((?:[lr]|p\{\d+pt\})+)@\{\}\}", part)
        assert spec is not None
        rows = rows_of(part)
        assert len(rows) > 4
        assert {columns(row) for row in rows} == {len(re.sub(r"\{\d+pt\}", "", spec[1]))}
        for row in rows:
            assert not re.search(r"[#%_]", without_commands(row)), row
            assert without_commands(row).count("$") % 2 == 0
            assert not row.startswith(("[", "*"))  # would be read as an argument of the row before


def test_one_row_per_detector_and_condition(tables: Tables, texts: dict[str, str]) -> None:
    assert len(rows_of(texts["leaderboard"])) == 1 + len(tables.leaderboard)
    for part in tables_of(texts["conditions"]):
        assert len(rows_of(part)) == 1 + tables.conditions["condition"].nunique()
    shown = re.sub(r"\\(allowbreak\{\}|penalty5000\\relax\{\})", "", texts["leaderboard"])
    assert "\\textbackslash{}input\\{/etc/passwd\\}" in shown
    assert "\\input" not in shown.replace("before \\input:", "")


def test_the_best_is_bold_and_only_what_can_be_compared(
    tables: Tables, texts: dict[str, str]
) -> None:
    board = tables.leaderboard.dropna(subset="rank")
    for line in rows_of(texts["leaderboard"])[1:]:
        ranked = not line.startswith("--")
        row = board[[breakable(name) in line for name in board["detector"]]]
        for column, cell in zip(
            ("clean_eer", "laundered_eer"), line.split(" & ")[-5:-3], strict=True
        ):
            best = ranked and bool(row[column].round(3).item() == board[column].round(3).min())
            assert ("\\textbf" in cell) is best, (column, line)
    marked = [line for line in rows_of(texts["conditions"]) if "dagger" in line]
    assert marked and not any("\\textbf" in line for line in marked)
    lacking = [line for line in rows_of(texts["conditions"]) if "$^{\\ast}$" in line]
    assert lacking and not any(re.search(r"\\textbf\{[\d.]+\}\$\^", line) for line in lacking)


def test_captions_name_both_digests_version_and_label(
    results: RunResults, tables: Tables, texts: dict[str, str]
) -> None:
    track, run = tables.leaderboard["trial_digest"].iloc[0][:12], results.protocol.digest()[:12]
    assert track != run
    for name, text in texts.items():
        named = f"the run's trial digest \\texttt{{{run}}}, the track's \\texttt{{{track}}}."
        assert f"LaunderBench 1.2.3; {named}" in text
        assert f"\\label{{tab:launderbench-{name}-my-run-7-neural}}" in text
        assert re.search(r"\\caption.*\n\\label", text)


def test_two_runs_have_two_labels(results: RunResults, tables: Tables) -> None:
    found = [
        re.findall(r"\\label\{(.*)\}", latex_tables.leaderboard(results, tables, "1", run))
        for run in ("clean", "clean-2", "声", "音")
    ]
    assert len({label for labels in found for label in labels}) == 4
    assert all(re.fullmatch(r"[a-z0-9:-]+", label) for labels in found for label in labels)


def test_intervals_are_the_authors_choice(texts: dict[str, str]) -> None:
    assert re.search(r"\\launderscore\{[^&]+\}\{[\d.]+--[\d.]+\}", texts["leaderboard"])
    chosen, plain = tables_of(texts["conditions"])
    assert re.search(r"\\launderstack\{[^&]+\}\{[\d.]+--[\d.]+\}", chosen)
    assert "launderstack" not in plain and "intervals of a bootstrap" not in plain
    assert "\\ifdefined\\laundercellintervals\n" in texts["conditions"]
    for text in texts.values():
        for macro in ("launderscore", "launderother", "laundertable", "laundersize"):
            assert (
                f"\\providecommand{{\\{macro}}}" in text
            )  # the author's definition takes priority


def test_captions_without_intervals_do_not_mention_them(results: RunResults) -> None:
    bare = leaderboard_tables.tables(results, 0)
    board = latex_tables.leaderboard(results, bare, "1", "r")
    texts = [
        board,
        latex_tables.conditions(results, bare, "1", "r"),
        markdown.document(results, bare, "1"),
    ]
    for text in texts:
        assert "No intervals were made." in text
        assert "% intervals" not in text.replace(r"\,\%", " %").partition(r"\begin")[2]


def test_many_conditions_become_several_tables(results: RunResults, tables: Tables) -> None:
    few = tables.conditions.query("track == 'neural'")
    blocks = [few.assign(condition=few["condition"] + f" {n}") for n in range(28)]
    text = latex_tables.conditions(
        results, replace(tables, conditions=pd.concat(blocks)), "1.2.3", "r"
    )
    for half, high in zip(text.split("\\else\n"), (2, 1), strict=True):
        parts = tables_of(half)
        assert len(parts) >= 112 * high / layout.LINES  # 112 conditions
        for number, part in enumerate(parts, start=1):
            assert f"Part {number} of {len(parts)}." in part
            assert f"\\label{{tab:launderbench-conditions-r-neural-{number}}}" in part
            used = high * (len(rows_of(part)) - 1) + part.count("\\midrule")
            assert 0 < used <= layout.LINES
        assert sum(len(rows_of(part)) - 1 for part in parts) == 112


def test_a_long_leaderboard_becomes_several_tables(results: RunResults, tables: Tables) -> None:
    board = pd.concat(
        [tables.leaderboard.assign(detector=f"d{n}") for n in range(10)], ignore_index=True
    )
    parts = tables_of(
        latex_tables.leaderboard(results, replace(tables, leaderboard=board), "1", "r")
    )
    assert len(parts) == 2
    assert sum(len(rows_of(part)) - 1 for part in parts) == len(board) == 40


def test_detectors_are_in_the_order_of_the_leaderboard(crowd: tuple[RunResults, Tables]) -> None:
    results, tables = crowd
    text = latex_tables.conditions(results, tables, "1", "r")
    ranked = [breakable(name) for name in tables.leaderboard["detector"]]
    for half in text.split("\\else\n"):
        heads: list[str] = []
        for part in tables_of(half):
            own = re.findall(r"\\hspace\{0pt\}(.*?)\}(?= &| \\\\)", rows_of(part)[0])
            heads += [name for name in own if name not in heads]
        assert heads == ranked


def test_rules_separate_groups_and_not_single_rows(crowd: tuple[RunResults, Tables]) -> None:
    results, tables = crowd
    plain = latex_tables.conditions(results, tables, "1", "r").split("\\else\n")[1]
    sizes = [len(rows_of(block)) for block in tables_of(plain)[0].split("\\midrule\n")]
    assert sizes[1:] == [1, 3, 15, 4, 4, 1]  # clean and the families of the published grid
    one = tables.conditions.assign(family=tables.conditions["condition"])
    text = latex_tables.conditions(results, replace(tables, conditions=one), "1", "r")
    for part in tables_of(text.split("\\else\n")[1]):
        assert [len(rows_of(block)) for block in part.split("\\midrule\n")] == [1, 1, 27]


def test_the_leaderboard_shows_the_warnings(crowd: tuple[RunResults, Tables]) -> None:
    results, tables = crowd
    text = latex_tables.leaderboard(results, tables, "1", "r")
    notes = dict(re.findall(r"\\textsuperscript\{([a-z]+)\} (.*?)(?=; \\text|\}\n)", text))
    shown = {}
    rows = rows_of(text)[1:]
    for line, row in zip(rows, tables.leaderboard.to_dict("records"), strict=True):
        name = line.split(" & ")[-6]
        assert f"}}{breakable(row['detector'])}" in name
        marks = re.search(r"\\textsuperscript\{([a-z,]+)\}$", name)
        shown[row["detector"]] = [notes[mark] for mark in marks[1].split(",")] if marks else []
        expected = {escape(note) for note in row["warnings"].split("; ") if note}
        assert expected == set(shown[row["detector"]])
    assert any("polarity is likely reversed" in note for note in shown["mel-cnn"])
    assert any(note.startswith("unranked: 1 cell lacks") for note in shown["lfcc-lcnn"])
    assert any("imported" in note for note in shown["resnet18"])
    assert all(any("few clusters" in note for note in own) for own in shown.values())
    cells = [row.split(" & ")[-5] for row in rows]
    assert sum("$^{\\ast}$" in cell for cell in cells) == 1 and "$\\ast$ clean lacks" in text


@given(st.text(max_size=40))
def test_any_text_becomes_harmless_ascii(text: str) -> None:
    escaped = escape(text)
    shown = re.sub(r"\\launderother\{[^{}]*\}", "", escaped)
    assert shown.isascii()
    assert "\n" not in escaped and "\r" not in escaped
    rest = re.sub(r"\\(text[a-z]+|ldots|ss|ae|AE|oe|OE|o|O|aa|AA|l|L|i|times|circ)\b", "", shown)
    rest = re.sub(r"\\[&%$#_{}]|\\[`'^~\"=.]|\\[uvHc](?=\{)", "", rest)
    assert "\\" not in rest
    assert not re.search(r"[&%#_~\[\]]", re.sub(r"\{[\[\]*]\}", "", rest))
    assert rest.count("{") == rest.count("}")


@given(st.text(max_size=40))
def test_breaks_add_nothing_but_breaks(text: str) -> None:
    joined = re.sub(r"\\(allowbreak\{\}|penalty5000\\relax\{\})", "", breakable(text))
    both = (joined, escape(text))
    runs = [re.sub(r"\\launderother\{[^{}]*\}\{([^{}]*)\}", r"\1", t) for t in both]
    tied = unicodedata.normalize("NFC", text).replace("\N{NO-BREAK SPACE}", "")
    if tied == text:
        assert re.sub(r"\s", "", runs[0]) == re.sub(r"\s", "", runs[1])


def test_examples_in_docstrings_are_true() -> None:
    for module in (latex_text, condition_labels):
        result = doctest.testmod(module)
        assert result.attempted > 0 and result.failed == 0


def infos(conditions: Iterable[Condition]) -> list[ConditionInfo]:
    found = []
    for condition in conditions:
        severity = condition.steps[0].severity if len(condition.steps) == 1 else None
        of = {"parameter": severity.parameter, "unit": severity.unit} if severity else {}
        found.append(ConditionInfo(str(condition), condition.family, **of))
    return found


def test_short_names_distinguish_conditions() -> None:
    names = condition_labels.short_names(infos(suites.load("laundering").conditions))
    shown = [name.replace("\N{NO-BREAK SPACE}", " ") for name in names.values()]
    assert {"noise babble 0 dB", "mp3 64 kbit/s", "reverberation 0.3 s", "lowpass 7000 Hz"} <= set(
        shown
    )
    for name in ("full", "severity", "stochastic", "pipelines"):
        plan = infos(suites.load(name).conditions)
        short = condition_labels.short_names(plan)
        assert len(set(short.values())) == len(plan)
        units = {info.condition: info.unit for info in plan}
        assert all(len(name) <= len(whole) + len(units[whole]) for whole, name in short.items())


def test_equal_short_names_are_not_shortened() -> None:
    both = [ConditionInfo(f"a(p={p}, q={q})", "a") for p, q in (("x y", "z"), ("x", "y z"))]
    assert list(condition_labels.short_names(both).values()) == [info.condition for info in both]


@pytest.mark.parametrize(
    ("options", "own"),
    [
        ("", ""),
        ("", INTERVALS),
        ("12pt,a4paper", INTERVALS),
        ("twocolumn", ""),
        ("11pt", r"\newcommand{\laundertable}{table}\newcommand{\launderscore}[2]{#1}"),
    ],
)
def test_tables_fit_the_page(
    crowd: tuple[RunResults, Tables], options: str, own: str, tmp_path: Path
) -> None:
    results, tables = crowd
    texts = {
        "leaderboard": latex_tables.leaderboard(results, tables, "1", "r"),
        "conditions": latex_tables.conditions(results, tables, "1", "r"),
    }
    log = compiled(texts, DOCUMENT % (options, own), tmp_path)
    assert not re.findall(r"Overfull .*|.*too large.*|.*multiply.*", log)


def test_tables_of_hostile_names_compile(texts: dict[str, str], tmp_path: Path) -> None:
    compiled(texts, DOCUMENT % ("", INTERVALS), tmp_path)


def compiled(texts: dict[str, str], document: str, folder: Path) -> str:
    """Compile a document that inputs `texts` and return the engine's log."""
    engine = next(filter(shutil.which, ENGINES), None)
    if engine is None:
        pytest.skip(f"no LaTeX engine here ({', '.join(ENGINES)})")
    for name, text in {**texts, "main": document}.items():
        (folder / f"{name}.tex").write_text(text)
    options = (
        ["--print"] if engine == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    )
    done = subprocess.run([engine, *options, "main.tex"], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "main.pdf").stat().st_size > 0
    return done.stdout.decode(errors="replace")
