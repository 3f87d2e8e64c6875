r"""The leaderboard and the conditions as LaTeX tables, ready to `\input` (package booktabs).

The files hold no number that the CSV files lack. What is shown can be changed in the preamble,
before they are read: `\newcommand{\launderci}[1]{}` hides the leaderboard's intervals,
`\newcommand{\laundercellci}[1]{ \scriptsize[#1]}` shows those of the conditions, and
`\newcommand{\launderother}[2]{#1}` sets names in other scripts as they are, where the engine has
a font for them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from benchmark.latex_text import escape
from benchmark.results import RunResults
from benchmark.statistics import LEVEL

ROWS = 45  # conditions that fit on one page; more go into further tables
WIDE = 6  # detectors that fit into one column of a two-column page
DIGEST = 12  # hex digits of the trial digest in a caption
MISSING = "--"

_PREAMBLE = r"""% {what} by LaunderBench {version}. Needs \usepackage{{booktabs}}.
% \newcommand these before \input to change what is shown: see results/README.md.
\providecommand{{\launderci}}[1]{{ {{\scriptsize[#1]}}}}
\providecommand{{\laundercellci}}[1]{{}}
\providecommand{{\launderother}}[2]{{#2}}
"""


def leaderboard(results: RunResults, board: pd.DataFrame, version: str) -> str:
    """The leaderboard of one track: one row per detector; best in bold.

    `board` is a leaderboard of `Tables`; EER in per cent with one decimal.
    """
    rows = _records(board)
    best = {
        column: _best(row[column] for row in rows if row["rank"] is not None)
        for column in ("clean_eer", "mean_eer", "worst_eer")
    }
    lines = [
        [
            _rank(row),
            escape(row["detector"]),
            *(
                _number(row, column, row["rank"] is not None and _same(row[column], best[column]))
                for column in ("clean_eer", "mean_eer", "worst_eer")
            ),
            escape(row["worst_condition"]) or MISSING,
            escape(row["verified"]),
        ]
        for row in rows
    ]
    head = ["Rank", "Detector", "Clean", "Mean", "Worst", "Worst condition", "Verified"]
    caption = (
        f"Robustness to laundering{_of(results, rows[0])}: EER in \\% on clean speech, the mean"
        " over attack families, and under the worst condition. In brackets,"
        f" {100 * LEVEL:g}\\,\\% intervals of a paired bootstrap over clusters; ranks with the"
        " range that these leave open; verified: conditions measured to do what they claim."
        f"{_source(rows[0], version)}"
    )
    text = _PREAMBLE.format(what="The leaderboard,", version=version)
    return text + _table("rlrrrlr", head, [lines], caption, _label("leaderboard", rows[0]), "table")


def conditions(results: RunResults, table: pd.DataFrame, version: str) -> str:
    """EER of every detector under every condition of the headline track, by family.

    `table` is the conditions table of `Tables`. The best of a row is in bold; conditions that are
    not verified are marked and have none; a cell that lacks trials is marked and cannot be best.
    """
    rows = _records(table[table["track"] == table["track"].iloc[0]])
    detectors = list(dict.fromkeys(row["detector"] for row in rows))
    lines: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        lines.setdefault(row["condition"], {})[row["detector"]] = row
    blocks: dict[str, list[list[str]]] = {}
    for condition, cells in lines.items():
        first = cells[detectors[0]]
        blocks.setdefault(first["family"], []).append(_condition(condition, cells, detectors))
    head = ["Condition", *(escape(name) for name in detectors)]
    kind = "table*" if len(detectors) > WIDE else "table"
    caption = (
        f"EER in \\% under every condition{_of(results, rows[0])}. Bold: the lowest of a row."
        f" $\\dagger$: not measured to do what it claims. $\\ast$: lacks trials."
        f"{_source(rows[0], version)}"
    )
    pages = _pages(list(blocks.values()))
    label = _label("conditions", rows[0])
    text = _PREAMBLE.format(what="The conditions,", version=version)
    for number, page in enumerate(pages, start=1):
        part = f" Part {number} of {len(pages)}." if len(pages) > 1 else ""
        own = f"{label}-{number}" if len(pages) > 1 else label
        text += _table("l" + "r" * len(detectors), head, page, caption + part, own, kind)
    return text


def _condition(
    condition: str, cells: dict[str, dict[str, Any]], detectors: Sequence[str]
) -> list[str]:
    verified = cells[detectors[0]]["verified"] is not False
    best = _best(c["eer"] for c in cells.values() if c["complete"]) if verified else None
    line = [escape(condition) + ("" if verified else "$^{\\dagger}$")]
    for name in detectors:
        cell = cells[name]
        bold = bool(cell["complete"]) and _same(cell["eer"], best)
        mark = "" if cell["complete"] else "$^{\\ast}$"
        line.append(_number(cell, "eer", bold, r"\laundercellci") + mark)
    return line


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries, None where a value is missing."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _pages(blocks: list[list[list[str]]]) -> list[list[list[list[str]]]]:
    """Blocks of rows dealt to tables of at most `ROWS` rows; a block may go over several."""
    pages: list[list[list[list[str]]]] = [[]]
    room = ROWS
    for block in blocks:
        rest = block
        while rest:
            if room == 0 or (len(rest) > room and len(rest) <= ROWS):
                pages.append([])
                room = ROWS
            pages[-1].append(rest[:room])
            rest, room = rest[room:], max(0, room - len(rest))
    return pages


def _table(
    columns: str,
    head: Sequence[str],
    blocks: list[list[list[str]]],
    caption: str,
    label: str,
    kind: str,
) -> str:
    lines = [
        f"\\begin{{{kind}}}",
        "\\centering",
        "\\footnotesize",
        "\\setlength{\\tabcolsep}{3pt}",
        f"\\caption{{{caption}}}",
        f"\\label{{{label}}}",
        f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        "\\toprule",
        " & ".join(head) + " \\\\",
    ]
    for block in blocks:
        lines += ["\\midrule", *(" & ".join(row) + " \\\\" for row in block)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", f"\\end{{{kind}}}", ""])


def _of(results: RunResults, row: dict[str, Any]) -> str:
    protocol = results.protocol
    track = "" if row["track"] == "-" else f", track {escape(row['track'])}"
    version = "" if protocol.version == "-" else f" {escape(protocol.version)}"
    counts = f"{row['n_bonafide']} bona fide and {row['n_spoof']} spoof trials"
    return f" ({escape(protocol.name)}{version}{track}; {counts})"


def _source(row: dict[str, Any], version: str) -> str:
    digest = str(row["trial_digest"])[:DIGEST]
    return f" LaunderBench {escape(version)}, trial digest \\texttt{{{digest}}}."


def _label(what: str, row: dict[str, Any]) -> str:
    track = re.sub(r"[^a-z0-9]+", "-", str(row["track"]).lower()).strip("-")
    return f"tab:launderbench-{what}" + (f"-{track}" if track else "")


def _rank(row: dict[str, Any]) -> str:
    if row["rank"] is None:
        return MISSING
    low, high = row["rank_low"], row["rank_high"]
    return str(row["rank"]) if low == high else f"{row['rank']} ({low}--{high})"


def _number(row: dict[str, Any], column: str, bold: bool, interval: str = r"\launderci") -> str:
    if row[column] is None:
        return MISSING
    text = f"\\textbf{{{_percent(row[column])}}}" if bold else _percent(row[column])
    low, high = row.get(f"{column}_low"), row.get(f"{column}_high")
    if low is None or high is None:
        return text
    return f"{text}{interval}{{{_percent(low)}, {_percent(high)}}}"


def _best(values: Any) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _same(value: float | None, best: float | None) -> bool:
    """Equal as shown: what a reader cannot tell apart is equally bold."""
    return value is not None and best is not None and _percent(value) == _percent(best)


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}" if math.isfinite(rate) else MISSING
