"""Docstrings of this project as Markdown, for the Python reference.

A line `name : meaning`, with its deeper continuation, becomes an item of a list.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

ITEM = re.compile(r"^(\w+(?:, \w+)*)\s* : (.*)$")


class Docstrings(Extension):
    """Rewrite the docstring of every object as it is read."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Change the text of one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = listed(obj.docstring.value)


def listed(text: str) -> str:
    """Return a docstring whose `name : meaning` lines are items of a list.

    >>> listed("Sum.\\n\\na, b : numbers,\\n       both finite")
    'Sum.\\n\\n- `a, b`: numbers,\\n  both finite'
    """
    lines: list[str] = []
    within = False
    for line in text.splitlines():
        if match := ITEM.match(line):
            if lines and lines[-1] and not within:
                lines.append("")
            lines.append(f"- `{match[1]}`: {match[2]}")
            within = True
        elif within and line.startswith(" "):
            lines.append(f"  {line.strip()}")
        else:
            if within and line:
                lines.append("")
            within = False
            lines.append(line)
    return "\n".join(lines)
