"""Conversion of any text to ASCII LaTeX for every engine: specials escaped, accents as commands."""

from __future__ import annotations

import re
import unicodedata

# Command for text in another script, with the text and its code points as arguments. pdfLaTeX has
# no glyphs for most scripts, so by default the code points are shown.
OTHER = r"\launderother"

TIE = "\N{NO-BREAK SPACE}"
LONG = 10  # a longer word may be broken

_WIDTHS = dict.fromkeys("ijl.,:;|!'", 0.36) | dict.fromkeys("frst()[]/ ", 0.46) | {"-": 0.38}
_WIDTHS |= dict.fromkeys("0123456789ceago", 0.57) | dict.fromkeys("mw%@", 0.95)
_WIDTHS |= dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVXYZ+=<>", 0.9) | {"W": 1.17, "M": 1.05}

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    '"': "''",  # OT1 fonts have no straight double quote
    "[": "{[}",  # a bare one after \\ would be read as its argument
    "]": "{]}",
    "*": "{*}",  # for the same reason
    "-": "-{}",  # two bare ones would become a dash
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{LEFT SINGLE QUOTATION MARK}": "`",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{DEGREE SIGN}": r"$^{\circ}$",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "å": r"\aa{}",
    "Å": r"\AA{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
}
_ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING DOT ABOVE}": ".",
    "\N{COMBINING BREVE}": "u",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING DOUBLE ACUTE ACCENT}": "H",
    "\N{COMBINING CEDILLA}": "c",
}


def escape(text: str) -> str:
    r"""Convert `text` to LaTeX that can neither break a table nor run a command.

    Accented letters become accent commands, and white space, including newlines, becomes single
    spaces. Text that no Latin font covers becomes the command `OTHER` with the text and its code
    points as arguments. The first argument is the only output that is not ASCII, and it is not
    typeset by default.

    >>> escape("a_b & 50 % é"), escape("[x]--\\input{y}")
    ("a\\_b \\& 50 \\% \\'{e}", '{[}x{]}-{}-{}\\textbackslash{}input\\{y\\}')
    >>> escape("声")
    '\\launderother{声}{U+58F0}'
    """
    parts: list[str] = []
    foreign = ""
    for char in unicodedata.normalize("NFC", " ".join(text.split())):
        known = _latin(char)
        if known is None:
            foreign += char
            continue
        parts += [_other(foreign), known]
        foreign = ""
    return "".join([*parts, _other(foreign)])


def breakable(text: str) -> str:
    r"""Escape `text` for a narrow column: lines may break after punctuation and in long words.

    No-break spaces are kept.

    >>> breakable("mel-cnn+x y\N{NO-BREAK SPACE}z")
    'mel-{}\\allowbreak{}cnn+\\allowbreak{}x y~z'
    """
    words = re.split(rf"[^\S{TIE}]+", unicodedata.normalize("NFC", text).strip())
    return " ".join("~".join(map(_breakable, word.split(TIE))) for word in words)


def parts(word: str) -> list[str]:
    """Split a word after punctuation, where a line may break; numbers and units stay whole.

    >>> parts("mel-cnn+laundering"), parts("kbit/s"), parts("loss=0.1")
    (['mel-', 'cnn+', 'laundering'], ['kbit/s'], ['loss=', '0.1'])
    """
    return re.findall(r"(?:[^\W_]|\.(?=\d)|/(?=\w\b))+[\W_]*|[\W_]+", word)


def ems(text: str) -> float:
    """Return the maximum width of the typeset `text` in em of Computer Modern at 7 pt."""
    return sum(_WIDTHS.get(char, 0.63 if _latin(char) else 3.8) for char in text)


def _breakable(word: str) -> str:
    return r"\allowbreak{}".join(
        r"\penalty5000\relax{}".join(map(escape, _pieces(part))) for part in parts(word)
    )


def _pieces(part: str) -> list[str]:
    """Split a long word into pieces that fit in a narrow column in any font."""
    return re.findall(r"[!-~]{1,8}|[^!-~]+", part) if len(part) > LONG else [part]


def _latin(char: str) -> str | None:
    if char in _SPECIAL:
        return _SPECIAL[char]
    if char.isascii() and char.isprintable():
        return char
    base, *marks = list(unicodedata.normalize("NFD", char))
    if len(marks) == 1 and marks[0] in _ACCENTS and base.isascii() and base.isalpha():
        return f"\\{_ACCENTS[marks[0]]}{{{base}}}"
    return None


def _other(text: str) -> str:
    """Return the command for text in another script, without control and direction marks."""
    if not text:
        return ""
    codes = " ".join(f"U+{ord(char):04X}" for char in text)
    return f"{OTHER}{{{''.join(c for c in text if c.isprintable())}}}{{{codes}}}"
