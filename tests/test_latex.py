"""LaTeX tables: they compile, or hold together; text in data can neither break nor run them."""

from __future__ import annotations

import doctest
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import synthetic_run
from hypothesis import given
from hypothesis import strategies as st

from benchmark import latex, latex_text, leaderboard
from benchmark.latex_text import escape
from benchmark.leaderboard import Tables
from benchmark.results import RunResults

HOSTILE = '\\input{/etc/passwd} & 50% of_#1 $x^2$ ~[*] "é" 声 <script>'
ENGINES = ("pdflatex", "lualatex", "xelatex", "tectonic")
DOCUMENT = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\begin{document}
\input{leaderboard}
\input{conditions}
\end{document}
"""


@pytest.fixture(scope="module")
def results() -> RunResults:
    """A broken run in which a detector has a hostile name."""
    made = synthetic_run.broken(synthetic_run.run())
    keep = {"clean", "reverb(rt60=0.3)", "reverb(rt60=0.9)", "mp3(kbps=16)"}
    return replace(
        made,
        conditions=tuple(info for info in made.conditions if info.condition in keep),
        scores=made.scores[made.scores["condition"].isin(keep)].replace("shortcut", HOSTILE),
        effects=made.effects[made.effects["condition"].isin(keep)],
        detectors=tuple(name.replace("shortcut", HOSTILE) for name in made.detectors),
    )


@pytest.fixture(scope="module")
def tables(results: RunResults) -> Tables:
    return leaderboard.tables(results, 40)


@pytest.fixture(scope="module")
def texts(results: RunResults, tables: Tables) -> dict[str, str]:
    return {
        "leaderboard": latex.leaderboard(results, tables.leaderboard, "1.2.3"),
        "conditions": latex.conditions(results, tables.conditions, "1.2.3"),
    }


def without_commands(text: str) -> str:
    """The text with escaped specials and whole commands taken out."""
    return re.sub(r"\\[&%$#_{}]|\\[a-zA-Z]+|\\[^a-zA-Z]", "", text)


def columns(row: str) -> int:
    return without_commands(row).count("&") + 1


def rows_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.endswith(" \\\\")]


@pytest.mark.parametrize("name", ["leaderboard", "conditions"])
def test_tables_hold_together(texts: dict[str, str], name: str) -> None:
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
    spec = re.search(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}", text)
    assert spec is not None
    rows = rows_of(text)
    assert len(rows) > 4
    assert {columns(row) for row in rows} == {len(spec[1])}
    for row in rows:
        assert not re.search(r"[#%_~]", without_commands(row)), row
        assert without_commands(row).count("$") % 2 == 0
        assert not row.startswith(("[", "*"))  # would be read as an argument of the row before


def test_one_row_per_detector_and_condition(tables: Tables, texts: dict[str, str]) -> None:
    assert len(rows_of(texts["leaderboard"])) == 1 + len(tables.leaderboard)
    assert len(rows_of(texts["conditions"])) == 1 + tables.conditions["condition"].nunique()
    assert "\\textbackslash{}input\\{/etc/passwd\\}" in texts["leaderboard"]
    assert "\\input" not in texts["leaderboard"].replace("\\input to", "")


def test_the_best_is_bold_and_only_what_can_be_compared(
    tables: Tables, texts: dict[str, str]
) -> None:
    board = tables.leaderboard.dropna(subset="rank")
    for line in rows_of(texts["leaderboard"])[1:]:
        ranked = not line.startswith("--")
        row = board[[escape(name) in line for name in board["detector"]]]
        for column, cell in zip(("clean_eer", "mean_eer"), line.split(" & ")[2:4], strict=True):
            best = ranked and bool(row[column].round(3).item() == board[column].round(3).min())
            assert ("\\textbf" in cell) is best, (column, line)
    marked = [line for line in rows_of(texts["conditions"]) if "dagger" in line]
    assert marked and not any("\\textbf" in line for line in marked)
    lacking = [line for line in rows_of(texts["conditions"]) if "$^{\\ast}$" in line]
    assert lacking and not any(re.search(r"\\textbf\{[\d.]+\}\$\^", line) for line in lacking)


def test_captions_name_digest_version_and_label(tables: Tables, texts: dict[str, str]) -> None:
    digest = tables.leaderboard["trial_digest"].iloc[0][:12]
    for name, text in texts.items():
        assert f"LaunderBench 1.2.3, trial digest \\texttt{{{digest}}}." in text
        assert f"\\label{{tab:launderbench-{name}-neural}}" in text
        assert re.search(r"\\caption.*\n\\label", text)


def test_intervals_are_the_authors_choice(texts: dict[str, str]) -> None:
    assert re.search(r"\\launderci\{[\d.]+, [\d.]+\}", texts["leaderboard"])
    assert re.search(r"\\laundercellci\{[\d.]+, [\d.]+\}", texts["conditions"])
    for text in texts.values():
        for macro in ("launderci", "laundercellci", "launderother"):
            assert f"\\providecommand{{\\{macro}}}" in text  # the author's own goes before it


def test_many_conditions_become_several_tables(results: RunResults, tables: Tables) -> None:
    few = tables.conditions.query("track == 'neural'")
    blocks = [few.assign(condition=few["condition"] + f" {n}") for n in range(28)]
    text = latex.conditions(results, pd.concat(blocks), "1.2.3")
    parts = text.split("\\begin{table}")[1:]
    assert len(parts) == 3  # 112 conditions
    for number, part in enumerate(parts, start=1):
        assert f"Part {number} of 3." in part
        assert f"\\label{{tab:launderbench-conditions-neural-{number}}}" in part
        assert 0 < len(rows_of(part)) - 1 <= latex.ROWS
    assert sum(len(rows_of(part)) - 1 for part in parts) == 112


@given(st.text(max_size=40))
def test_any_text_becomes_harmless_ascii(text: str) -> None:
    made = escape(text)
    shown = re.sub(r"\\launderother\{[^{}]*\}", "", made)
    assert shown.isascii()
    assert "\n" not in made and "\r" not in made
    rest = re.sub(r"\\(text[a-z]+|ldots|ss|ae|AE|oe|OE|o|O|aa|AA|l|L|i|times|circ)\b", "", shown)
    rest = re.sub(r"\\[&%$#_{}]|\\[`'^~\"=.]|\\[uvHc](?=\{)", "", rest)
    assert "\\" not in rest
    assert not re.search(r"[&%#_~\[\]]", re.sub(r"\{[\[\]*]\}", "", rest))
    assert rest.count("{") == rest.count("}")


def test_examples_in_docstrings_are_true() -> None:
    tried = doctest.testmod(latex_text)
    assert tried.attempted > 0 and tried.failed == 0


def test_tables_compile(texts: dict[str, str], tmp_path: Path) -> None:
    engine = next(filter(shutil.which, ENGINES), None)
    if engine is None:
        pytest.skip(f"no LaTeX engine here ({', '.join(ENGINES)})")
    for name, text in {**texts, "main": DOCUMENT}.items():
        (tmp_path / f"{name}.tex").write_text(text)
    options = [] if engine == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run([engine, *options, "main.tex"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "main.pdf").stat().st_size > 0
