"""Any text as LaTeX that every engine sets: specials escaped, accents as commands, else ASCII."""

from __future__ import annotations

import unicodedata

# What a name in another script becomes: the text itself, then its code points. pdfLaTeX has no
# glyphs for most scripts, so the code points are shown unless the author says otherwise.
OTHER = r"\launderother"

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
    "*": "{*}",  # the same
    "-": "-{}",  # or two would become a dash
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
    r"""`text` as LaTeX that can neither break a table nor run a command.

    Letters with accents become accent commands; white space, newlines too, becomes single
    spaces; what no Latin font holds becomes the command `OTHER` of the text, the one place
    that is not ASCII and is not set by default, and its code points.

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
    """Text in another script; what cannot be printed (control, direction marks) is left out."""
    if not text:
        return ""
    codes = " ".join(f"U+{ord(char):04X}" for char in text)
    return f"{OTHER}{{{''.join(c for c in text if c.isprintable())}}}{{{codes}}}"
