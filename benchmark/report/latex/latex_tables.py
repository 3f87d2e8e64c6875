r"""The leaderboard and the conditions as LaTeX tables for `\input` (package booktabs).

All numbers are also in the CSV files. The preamble of a document can change what is shown, before
the files are read: `\newcommand{\launderscore}[2]{#1}` hides the intervals of the leaderboard,
`\newcommand{\laundercellintervals}{}` shows those of the conditions,
`\newcommand{\laundertable}{table}` selects another environment, and
`\newcommand{\launderother}[2]{#1}` shows names in other scripts unchanged, if the engine has a font
for them.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence

from attacks.contract.condition import CLEAN
from benchmark.data.protocol import SHORT_DIGEST
from benchmark.laundering.verification import State
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.trial_sets import of_track
from benchmark.metrics.bootstrap import LEVEL
from benchmark.report import brackets
from benchmark.report.brackets import Piece
from benchmark.report.condition_labels import short_names
from benchmark.report.latex import layout
from benchmark.report.latex.escape import breakable, escape
from benchmark.report.latex.layout import TablePart, TableRow
from benchmark.report.rows import Row, bounded, records
from benchmark.report.training_text import trained_here
from benchmark.scores.run_results import RunResults
from benchmark.scores.scopes import BOTH

MISSING = "--"
INTERVALS = r"\laundercellintervals"
LEVEL_TEXT = f"{100 * LEVEL:g}\\,\\%"
BOUNDS = (
    f" Below them, {LEVEL_TEXT} intervals of a paired bootstrap over clusters; ranks with the range"
    " that is not ruled out, with one error rate over all pairs."
)
BRACKETS = " Detectors on one bracket, at a corner or a tick, are not told apart at that rate."
MANY_TIES = " The column tied\\_with of leaderboard.csv has who is not told apart."
MOST_BRACKETS = 5  # more do not fit beside the other columns
PIECE, TIES_HEAD = 5.0, 15.0  # pt, width of a bracket and of the head of its column
PIECES = {
    Piece.NONE: "",
    Piece.FIRST: "$\\lceil$",
    Piece.MEMBER: "$\\vdash$",
    Piece.PASSED: "$\\mid$",
    Piece.LAST: "$\\lfloor$",
}
NO_BOUNDS = " No intervals were made."
CONDITION = {False: 84.0, True: 66.0}  # pt, width of that column without and with intervals
DETECTOR, UNDER = 66.0, 74.0  # pt, widths of columns of the leaderboard
LACKS = "$^{\\ast}$"
MARKS = {  # of conditions that are not verified
    State.REFUTED: ("\\dagger", "refuted, a check failed"),
    State.UNMEASURED: ("\\ddagger", State.UNMEASURED.text),
    State.CONTROL: ("\\circ", "control, nearly nothing changed"),
}
NAMES = " Conditions go by what tells them apart; conditions.csv has their full spellings."


def leaderboard(results: RunResults, tables: Tables, version: str, run: str) -> str:
    """Return the leaderboard of the headline track, with the best in bold and warnings below.

    It has one row per detector. EER is in per cent with one decimal. `run` is the run's name,
    which becomes part of the label.
    """
    rows = records(tables.leaderboard)
    best = {
        column: _best(row[column] for row in rows if row["rank"] is not None)
        for column in ("clean_eer", "laundered_eer", "worst_eer")
    }
    names = short_names(results.conditions)
    cells = of_track(tables.conditions, rows[0]["track"])
    clean = cells[cells["condition"] == CLEAN]
    lacking = set(clean.loc[~clean["complete"].astype(bool), "detector"])
    drawn = brackets.brackets(rows)
    ties = ["Ties"] if 0 < drawn.number <= MOST_BRACKETS else []
    taken = max(TIES_HEAD, PIECE * drawn.number) + 2 * layout.SEP if ties else 0.0
    under = UNDER - taken
    head = ("Rank", *ties, "Detector", "Clean", "Mean", "Worst", "Under", "Verified")
    columns = f"r{'l' * len(ties)}p{{{DETECTOR:g}pt}}rrrp{{{under:g}pt}}r"
    high = [_high(row, names, under) for row in rows]
    parts = []
    for ((page),) in layout.pages([[TableRow((str(n),), lines) for n, lines in enumerate(high)]]):
        own = [rows[int(row.cells[0])] for row in page]
        letters = _letters(own)
        standing = [_standing(row, best, names, letters, row["detector"] in lacking) for row in own]
        drawn_ties = [_ties(drawn.pieces[int(row.cells[0])]) for row in page]
        block = tuple(
            TableRow((rank, *([joined] if ties else []), *rest))
            for (rank, *rest), joined in zip(standing, drawn_ties, strict=True)
        )
        notes = ["$\\ast$ clean lacks trials"] if lacking & {r["detector"] for r in own} else []
        notes += [f"\\textsuperscript{{{k}}} {escape(text)}" for text, k in letters.items()]
        parts.append(TablePart(columns, head, (block,), "; ".join(notes)))
    caption = (
        f"Robustness to laundering{trials_of(results, rows[0])}: EER in \\% on clean speech, the"
        " mean over launderings (weighted by condition, attack and family), and under the worst"
        " condition."
        f"{BOUNDS if bounded(tables.leaderboard) else NO_BOUNDS}"
        f"{BRACKETS if ties else MANY_TIES if drawn.number else ''}"
        " Verified: conditions measured to do what they claim."
        f"{_scope(results)}{NAMES}{version_source(results, rows[0], version)}"
    )
    text = layout.PREAMBLE.format(what="The leaderboard,", version=version)
    return text + layout.environment(parts, caption, table_label("leaderboard", run, rows[0]))


def conditions(results: RunResults, tables: Tables, version: str, run: str) -> str:
    """Return the EER of every detector, by rank, under every condition, by family.

    The conditions are those of the headline track. The best of a row is in bold. Conditions that
    are not verified are marked by their state and have no best. A cell that lacks trials is marked
    and cannot be best. `run` is the run's name, for the label. The text contains the table with and
    without intervals, and the document chooses.
    """
    table = of_track(tables.conditions, tables.leaderboard["track"].iloc[0])
    rows = records(table)
    detectors = [str(name) for name in tables.leaderboard["detector"]]
    names = short_names(results.conditions)
    lines: dict[str, dict[str, Row]] = {}
    for row in rows:
        lines.setdefault(row["condition"], {})[row["detector"]] = row
    bounds_note = f" Below, {LEVEL_TEXT} intervals of a bootstrap over clusters."
    if not bounded(table):
        bounds_note = NO_BOUNDS
    caption, bounded_caption = (
        f"EER in \\% under every condition{trials_of(results, rows[0])}.{_scope(results)}"
        f"{with_bounds} Bold: the lowest of a row. {state_marks()}; none of these is in a mean."
        f" $\\ast$: lacks trials.{NAMES}{version_source(results, rows[0], version)}"
        for with_bounds in ("", bounds_note)
    )
    label = table_label("conditions", run, rows[0])
    plain, stacked = (
        layout.environment(_matrix(lines, detectors, names, with_bounds), text, label)
        for with_bounds, text in ((False, caption), (True, bounded_caption))
    )
    text = layout.PREAMBLE.format(what="The conditions,", version=version)
    return f"{text}\\ifdefined{INTERVALS}\n{stacked}\\else\n{plain}\\fi\n"


def _matrix(
    lines: Mapping[str, Mapping[str, Row]],
    detectors: Sequence[str],
    names: Mapping[str, str],
    bounds: bool,
) -> list[TablePart]:
    """Return conditions by detectors, divided into as many tables as needed."""
    first = CONDITION[bounds]
    wide = [
        max(layout.head_width(name), *(_wide(cells[name], bounds) for cells in lines.values()))
        for name in detectors
    ]
    parts = []
    for share in layout.shares(wide, first):
        mine = [detectors[place] for place in share]
        blocks: dict[str, list[TableRow]] = {}
        for condition, cells in lines.items():
            name = names.get(condition, condition)
            row = _condition(name, cells, mine, bounds)
            blocks.setdefault(cells[mine[0]]["family"], []).append(row)
        clean, *others = blocks.values()
        heads = [layout.head(breakable(detectors[place]), wide[place]) for place in share]
        columns = f"p{{{first:g}pt}}" + "r" * len(mine)
        pages = layout.pages([clean, *layout.merged(others)])
        parts += [TablePart(columns, ("Condition", *heads), page) for page in pages]
    return parts


def _condition(
    name: str, cells: Mapping[str, Row], detectors: Sequence[str], bounds: bool
) -> TableRow:
    verdict = next(iter(cells.values()))["verdict"]
    mark, _ = MARKS.get(verdict, ("", ""))
    best = None if mark else _best(c["eer"] for c in cells.values() if c["complete"])
    line = [layout.left(breakable(name) + (f"$^{{{mark}}}$" if mark else ""))]
    for detector in detectors:
        cell = cells[detector]
        number = _bold(cell["eer"], bool(cell["complete"]) and _same(cell["eer"], best))
        number += "" if cell["complete"] else LACKS
        low, high = cell["eer_low"], cell["eer_high"]
        line.append(_stacked(number, low, high, r"\launderstack") if bounds else number)
    return TableRow(tuple(line), max(layout.lines(name, CONDITION[bounds]), 2 if bounds else 1))


def state_marks() -> str:
    """Return what the marks of conditions that are not verified mean."""
    return "; ".join(f"${mark}$: {words}" for mark, words in MARKS.values())


def _wide(cell: Row, bounds: bool) -> float:
    number = _percent(cell["eer"]) + ("" if cell["complete"] else "*")
    interval = _range(cell["eer_low"], cell["eer_high"]) if bounds else ""
    return layout.number_width(number, interval)


def _standing(
    row: Row,
    best: Mapping[str, float | None],
    names: Mapping[str, str],
    letters: Mapping[str, str],
    lacking: bool,
) -> tuple[str, ...]:
    """Return the cells of one detector in the leaderboard."""
    marks = ",".join(sorted(letters[text] for text in _warnings(row)))
    ranked = row["rank"] is not None
    scores = []
    for column, value in best.items():
        number = _bold(row[column], ranked and _same(row[column], value))
        number += LACKS if lacking and column == "clean_eer" else ""
        low, high = row.get(f"{column}_low"), row.get(f"{column}_high")
        scores.append(_stacked(number, low, high, r"\launderscore"))
    return (
        _rank(row),
        layout.left(
            breakable(row["detector"]) + (f"\\textsuperscript{{{marks}}}" if marks else "")
        ),
        *scores,
        layout.left(breakable(_under(row, names)) or MISSING),
        escape(row["verified"]),
    )


def _ties(pieces: Iterable[Piece]) -> str:
    """Return the brackets of a row, each in a box of one width."""
    return "".join(f"\\makebox[{PIECE:g}pt][l]{{{PIECES[piece]}}}" for piece in pieces)


def _high(row: Row, names: Mapping[str, str], under: float = UNDER) -> int:
    """Return the number of lines of a detector's row in the leaderboard."""
    marks = " " * len(_warnings(row))
    detector = layout.lines(row["detector"] + marks, DETECTOR)
    return max(2, detector, layout.lines(_under(row, names), under))


def _under(row: Row, names: Mapping[str, str]) -> str:
    return names.get(row["worst_condition"], row["worst_condition"] or "")


def _warnings(row: Row) -> list[str]:
    return [text for text in str(row["warnings"] or "").split("; ") if text]


def _letters(rows: Sequence[Row]) -> dict[str, str]:
    """Assign a letter to every warning, in the order of first appearance."""
    found = dict.fromkeys(text for row in rows for text in _warnings(row))
    return {text: _letter(place) for place, text in enumerate(found)}


def _letter(place: int) -> str:
    return (_letter(place // 26 - 1) if place >= 26 else "") + chr(ord("a") + place % 26)


def trials_of(results: RunResults, row: Row) -> str:
    """Return data set, track and counts of trials of a row, in brackets after a space."""
    protocol = results.protocol
    track = f", track {escape(row['track'])}" if row["track"] else ""
    version = "" if protocol.version == "-" else f" {escape(protocol.version)}"
    counts = f"{row['n_bonafide']} bona fide and {row['n_spoof']} spoof trials"
    return f" ({escape(protocol.name)}{version}{track}; {counts})"


def _scope(results: RunResults) -> str:
    """Say who is laundered, where that is not everyone."""
    if results.scope == BOTH:
        return ""
    return " Scope spoof: laundered spoofs against clean bona fide speech."


def version_source(results: RunResults, row: Row, version: str) -> str:
    """Return which detectors know the corpus, the version, and the digests.

    The digest of the run is the one that is cited.
    """
    known = trained_here(results)
    whole, own = (
        f"\\texttt{{{digest[:SHORT_DIGEST]}}}"
        for digest in (results.protocol.digest(), row["trial_digest"])
    )
    track = f", the track's {own}" if row["track"] else ""
    trained = f" {escape(known)}" if known else ""
    return f"{trained} LaunderBench {escape(version)}; the run's trial digest {whole}{track}."


def table_label(what: str, run: str, row: Row) -> str:
    """Return a label that includes the run's name, or its hash if no character is valid."""
    own = _slug(run) or hashlib.sha256(run.encode()).hexdigest()[:8]
    return "-".join(filter(None, ("tab:launderbench", what, own, _slug(row["track"] or ""))))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _rank(row: Row) -> str:
    if row["rank"] is None:
        return MISSING
    low, high = row["rank_low"], row["rank_high"]
    return str(row["rank"]) if low == high else f"{row['rank']} ({low}--{high})"


def _bold(value: float | None, bold: bool) -> str:
    return f"\\textbf{{{_percent(value)}}}" if bold else _percent(value)


def _stacked(number: str, low: float | None, high: float | None, macro: str) -> str:
    interval = _range(low, high)
    return f"{macro}{{{number}}}{{{interval}}}" if interval else number


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{_percent(low)}--{_percent(high)}"


def _best(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _same(value: float | None, best: float | None) -> bool:
    """Check whether both are equal as printed, so that equal numbers are equally bold."""
    return value is not None and best is not None and _percent(value) == _percent(best)


def _percent(rate: float | None) -> str:
    return f"{100 * rate:.1f}" if rate is not None and math.isfinite(rate) else MISSING
