r"""Layout of LaTeX tables: column widths, line counts, and division into pages.

Tables have a fixed font size (8 pt, intervals 7 pt), so that their widths do not depend on the
document class. 345 pt is the text width of the narrowest class, `article`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmark.report.latex.escape import ems, parts

WIDTH = 345.0  # pt
SEP = 2.5  # pt, on either side of a column
LINES = 42  # lines of a table on one page, without its head, caption and notes
SIZE, SMALL = 8.0, 7.0  # pt

PREAMBLE = r"""% {what} by LaunderBench {version}. Needs \usepackage{{booktabs}}.
% What is shown can be changed before \input: see results/README.md. \laundertable is the
% environment: table* spans both columns of a page; sidewaystable needs the package rotating.
\providecommand{{\laundertable}}{{table*}}
\providecommand{{\laundersize}}{{\fontsize{{8}}{{9.5}}\selectfont}}
\providecommand{{\laundersmall}}{{\fontsize{{7}}{{8}}\selectfont}}
\providecommand{{\launderstack}}[2]{{%
  \begin{{tabular}}[t]{{@{{}}r@{{}}}}#1\\[-1.5pt]\laundersmall #2\end{{tabular}}}}
\providecommand{{\launderscore}}{{\launderstack}}
\providecommand{{\launderother}}[2]{{#2}}
"""


@dataclass(frozen=True)
class TableRow:
    """A row of LaTeX cells, with its height in lines."""

    cells: tuple[str, ...]
    lines: int = 1


@dataclass(frozen=True)
class TablePart:
    """One table: its columns, head, blocks of rows separated by rules, and notes below."""

    columns: str
    head: tuple[str, ...]
    blocks: tuple[tuple[TableRow, ...], ...]
    notes: str = ""


def environment(parts_: Sequence[TablePart], caption: str, label: str) -> str:
    """Return all tables of one kind, numbered if there are several."""
    tables = []
    for number, part in enumerate(parts_, start=1):
        several = len(parts_) > 1
        own = f"{caption} Part {number} of {len(parts_)}." if several else caption
        tables.append(_table(part, own, f"{label}-{number}" if several else label))
    return "".join(tables)


def pages(blocks: Sequence[Sequence[TableRow]]) -> list[tuple[tuple[TableRow, ...], ...]]:
    """Divide blocks of rows into pages of at most `LINES` lines.

    The rule before each block counts as one line. A block too long for one page is split.
    """
    found: list[list[tuple[TableRow, ...]]] = [[]]
    room = LINES
    for block in blocks:
        high = 1 + sum(row.lines for row in block)
        if found[-1] and room < high <= LINES:
            found.append([])
            room = LINES
        rest: list[TableRow] = []
        for row in block:
            need = row.lines + (not rest)
            if need > room and (found[-1] or rest):
                if rest:
                    found[-1].append(tuple(rest))
                found.append([])
                rest, room = [], LINES
                need = row.lines + 1
            rest.append(row)
            room -= need
        found[-1].append(tuple(rest))
    return [tuple(page) for page in found]


def merged(blocks: Sequence[Sequence[TableRow]]) -> list[list[TableRow]]:
    """Join adjacent blocks of one row each, because rules between single rows are useless."""
    found: list[list[TableRow]] = []
    alone = False
    for block in blocks:
        if alone and len(block) == 1:
            found[-1] += block
        else:
            found.append(list(block))
        alone = len(block) == 1
    return found


def shares(wide: Sequence[float], taken: float) -> list[range]:
    """Divide columns evenly into the fewest tables that fit the text width.

    wide  : width of each column in pt
    taken : width in pt used by the first column of each table
    """
    for number in range(1, len(wide) + 1):
        edges = [round(len(wide) * place / number) for place in range(number + 1)]
        found = [range(*edge) for edge in pairwise(edges)]
        if all(taken + sum(wide[n] + 2 * SEP for n in own) <= WIDTH for own in found):
            return found
    return [range(place, place + 1) for place in range(len(wide))]


def head_width(name: str) -> float:
    """Return the width (pt) in which every part of a name fits on a line of a column head."""
    return SMALL * max(ems(part) for word in name.split() for part in parts(word))


def number_width(number: str, interval: str) -> float:
    """Return the width (pt) of a number, possibly in bold, above its interval."""
    return max(1.08 * SIZE * ems(number), SMALL * ems(interval))


def lines(text: str, width: float) -> int:
    """Return the maximum number of lines of `text` in a column of `width` pt."""
    used, count = 0.0, 1
    for word in text.split():
        for part in parts(word + " "):
            wide = 0.94 * SIZE * ems(part)  # relative to their size, letters are narrower at 8 pt
            if used and used + wide > width:
                used, count = 0.0, count + 1
            used += wide
            count += int(used // width)
            used %= width
    return count


def head(text: str, width: float) -> str:
    """Return a column head that may have several lines, aligned at the last one."""
    return f"\\parbox[b]{{{width:.0f}pt}}{{\\laundersmall\\raggedleft\\hspace{{0pt}}{text}}}"


def left(text: str) -> str:
    """Return a left-aligned cell of a fixed-width column; not valid as the last cell of a row."""
    return f"\\raggedright\\hspace{{0pt}}{text}"


def _table(part: TablePart, caption: str, label: str) -> str:
    text = [
        "\\begin{\\laundertable}",
        "\\centering",
        "\\setlength{\\belowcaptionskip}{4pt}",
        f"\\caption{{{caption}}}",
        f"\\label{{{label}}}",
        "\\laundersize",
        f"\\setlength{{\\tabcolsep}}{{{SEP:g}pt}}",
        f"\\begin{{tabular}}{{@{{}}{part.columns}@{{}}}}",
        "\\toprule",
        " & ".join(part.head) + " \\\\",
    ]
    for block in part.blocks:
        text += ["\\midrule", *(" & ".join(row.cells) + " \\\\" for row in block)]
    text += ["\\bottomrule", "\\end{tabular}"]
    if part.notes:
        text += [
            "",
            f"\\vspace{{3pt}}\\parbox{{\\linewidth}}{{\\laundersmall\\raggedright {part.notes}}}",
        ]
    return "\n".join([*text, "\\end{\\laundertable}", ""])
